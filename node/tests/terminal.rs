//! `logos chat` in two terminals, as two people use it. Needs tmux; without it, says so and passes.

#![cfg(all(unix, feature = "delivery"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::std_instead_of_core,
    missing_docs,
    reason = "a test"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

const LOGOS: &str = env!("CARGO_BIN_EXE_logos");
/// No step takes longer; how long they take is not tested.
const PATIENCE: Duration = Duration::from_secs(60);
const PASSPHRASE: &str = "correct horse battery staple";

/// A folder of its own, and a tmux server of its own; both go in the end.
struct Room {
    folder: PathBuf,
    socket: String,
}

impl Room {
    fn new() -> Self {
        let name = format!("logos-terminal-{}", process::id());
        let folder = env::temp_dir().join(&name);
        fs::create_dir_all(&folder).unwrap();
        Self { folder, socket: name }
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        let mut tmux = Command::new("tmux");
        tmux.args(["-L", &self.socket, "-f", "/dev/null"]).args(arguments);
        tmux.env_remove("TMUX").output().unwrap()
    }

    /// A terminal in which `logos chat` runs.
    fn chat<'a>(&'a self, name: &'a str, bootstrap: &str, more: &str) -> Terminal<'a> {
        let data = self.folder.join(format!("{name}.redb"));
        let data = data.display();
        let command = format!("{LOGOS} chat --data {data} --bootstrap {bootstrap} {more}");
        let made = self.tmux(&["new-session", "-d", "-s", name, "-x", "200", "-y", "50", &command]);
        assert!(made.status.success(), "{made:?}");
        Terminal { room: self, name }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// A person's terminal.
struct Terminal<'a> {
    room: &'a Room,
    name: &'a str,
}

impl Terminal<'_> {
    /// Types a line.
    fn types(&self, line: &str) {
        let loaded = self.room.tmux(&["set-buffer", "-b", self.name, line]);
        assert!(loaded.status.success(), "{loaded:?}");
        self.room.tmux(&["paste-buffer", "-b", self.name, "-t", self.name]);
        self.room.tmux(&["send-keys", "-t", self.name, "Enter"]);
    }

    /// All that is on the screen and above it, lines that were broken joined again.
    fn screen(&self) -> String {
        let shown = self.room.tmux(&["capture-pane", "-p", "-J", "-S", "-", "-t", self.name]);
        String::from_utf8(shown.stdout).unwrap()
    }

    /// Waits until a line starts with this; the line.
    fn sees(&self, start: &str) -> String {
        let since = Instant::now();
        loop {
            let screen = self.screen();
            if let Some(line) = screen.lines().find(|line| line.starts_with(start)) {
                return line.trim_end().to_owned();
            }
            assert!(since.elapsed() < PATIENCE, "{} does not see {start:?}:\n{screen}", self.name);
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Leaves, and waits until the program has ended.
    fn leaves(self) {
        self.types("/quit");
        let since = Instant::now();
        while self.room.tmux(&["has-session", "-t", self.name]).status.success() {
            assert!(since.elapsed() < PATIENCE, "{} does not end", self.name);
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A node between the two, which keeps messages and takes others from its control plane.
struct Between {
    process: Child,
    address: String,
    api: String,
    token: String,
}

impl Between {
    fn start(folder: &Path) -> Self {
        let token = folder.join("token");
        let mut process = Command::new(LOGOS)
            .args(["node", "--log", "error", "--api", "127.0.0.1:0", "--token-file"])
            .arg(&token)
            .arg("--store")
            .arg(folder.join("store.redb"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let address = format!("{}/p2p/{}", text(&said["addresses"][0]), text(&said["peer_id"]));
        let token = fs::read_to_string(token).unwrap().trim().to_owned();
        Self { process, address, api: text(&said["api"]), token }
    }

    /// Publishes bytes that nobody's session made.
    fn publish(&self, topic: &str, payload: &str) {
        let body = format!("{{\"content_topic\":\"{topic}\",\"payload\":\"{payload}\"}}");
        let mut stream = TcpStream::connect(&self.api).unwrap();
        write!(
            stream,
            "POST /messages HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.split(' ').nth(1).unwrap().starts_with('2'), "{answer}");
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn has_tmux() -> bool {
    Command::new("tmux").arg("-V").output().is_ok_and(|version| version.status.success())
}

#[test]
fn two_terminals_talk_restart_and_are_not_fooled() {
    if !has_tmux() {
        eprintln!("SKIPPED: there is no tmux to drive two terminals with");
        return;
    }
    let room = Room::new();
    let between = Between::start(&room.folder);
    let file = room.folder.join("passphrase");
    fs::write(&file, format!("{PASSPHRASE}\n")).unwrap();
    let from_file = format!("--passphrase-file {}", file.display());

    let saro = room.chat("saro", &between.address, "");
    saro.sees("passphrase:");
    saro.types(PASSPHRASE);
    saro.sees("once more:");
    saro.types(PASSPHRASE);
    saro.sees("others reach this node");
    assert!(!saro.screen().contains(PASSPHRASE), "it is typed unseen");
    let raya = room.chat("raya", &between.address, &from_file);
    raya.sees("others reach this node");
    raya.types("/introduce");
    let introduction = raya.sees("logos_chatintro_");
    saro.types(&format!("/start {introduction} Hi Raya"));
    saro.sees("[1] started");
    raya.sees("[1] them: Hi Raya");
    raya.types("Hi Saro");
    saro.sees("[1] them: Hi Saro");
    saro.sees("[1] you: Hi Raya (delivered)");
    raya.sees("[1] you: Hi Saro (delivered)");
    saro.types("/list");
    let conversation = listed(&saro);
    saro.leaves();
    raya.leaves();

    let saro = room.chat("saro", &between.address, &from_file);
    let raya = room.chat("raya", &between.address, &from_file);
    saro.sees("others reach this node");
    raya.sees("others reach this node");
    raya.types("/history");
    raya.sees("[1] them: Hi Raya");
    raya.sees("[1] you: Hi Saro (delivered)");
    for length in [1, 40, 300] {
        between.publish(&format!("/logos-chat/2/{conversation}/proto"), &"5a".repeat(length));
    }
    saro.types("still there?");
    raya.sees("[1] them: still there?");
    raya.types("I am");
    saro.sees("[1] them: I am");
    saro.sees("[1] you: still there? (delivered)");
    for terminal in [&saro, &raya] {
        let odd = ["lost", "another kind", "network:", "error"];
        let screen = terminal.screen();
        assert!(!odd.iter().any(|word| screen.contains(word)), "{screen}");
    }
    saro.leaves();
    raya.leaves();

    let saro = room.chat("saro", &between.address, "");
    saro.sees("passphrase:");
    saro.types("a wrong one");
    let since = Instant::now();
    while room.tmux(&["has-session", "-t", "saro"]).status.success() {
        assert!(since.elapsed() < PATIENCE, "a wrong passphrase opens nothing");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The name of the conversation, once `/list` shows it: 32 digits.
fn listed(terminal: &Terminal<'_>) -> String {
    let since = Instant::now();
    loop {
        let screen = terminal.screen();
        let mut words =
            screen.lines().filter_map(|line| line.strip_prefix("[1] ")?.split(' ').next());
        let is_name = |word: &&str| word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
        if let Some(name) = words.find(is_name) {
            return name.to_owned();
        }
        assert!(since.elapsed() < PATIENCE, "{screen}");
        thread::sleep(Duration::from_millis(50));
    }
}
