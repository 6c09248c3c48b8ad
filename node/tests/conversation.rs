//! Channels and chats on nodes of this machine, over real sockets.

#![cfg(feature = "delivery")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::std_instead_of_core,
    missing_docs,
    reason = "a test"
)]

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{env, fs, process, thread};

use logos_crypto::keys::SigningKey;
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use logos_node::channel::{
    Author, ChannelEvent, ChannelId, ChannelNews, ChannelReader, ChannelSettings, NodeCarrier,
    NodeChannel, NodeChannelError, Outcome,
};
use logos_node::chat::{Chat, Content, ConversationId, Line, run_terminal};
use logos_node::delivery::{Mode, Node, NodeConfig, OpenAdmission, Preset, StoreConfig};
use logos_node::wire::{StoreEntry, StoreRequest, UnixNanos};
use logos_node::{Hardness, Passphrase, Records, RedbChannel, os_seeded};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

/// No test waits longer for anything; how long things take is not tested.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

/// A folder of its own, removed with all in it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("logos-{name}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

async fn start(config: NodeConfig, known: &[&Node]) -> Node {
    let node = Node::start(config, Arc::new(OpenAdmission)).await.unwrap();
    for known in known {
        node.dial(known.address().await.unwrap()).await.unwrap();
    }
    node
}

fn core() -> NodeConfig {
    NodeConfig::new(Preset::Local, Mode::Core)
}

fn records(folder: &Path, name: &str) -> Records {
    let path = folder.join(format!("{name}.redb"));
    let passphrase = Passphrase::new("correct horse".to_owned());
    Records::open(&path, &passphrase, Hardness::TEST, &mut os_seeded().unwrap()).unwrap()
}

fn settings(seed: u8) -> ChannelSettings {
    let id = ChannelId::new("plans").unwrap();
    let author = Author::Signed(SigningKey::from_secret(&Secret::new([seed; 32])));
    let mut settings = ChannelSettings::new(id, author, &Secret::new([7; 32]));
    settings.config.sds.ack_timeout = Duration::from_secs(1);
    settings.config.sds.ack_delay = Duration::from_millis(50);
    settings
}

fn open(node: &Node, folder: &Path, name: &str, seed: u8) -> (NodeChannel, ChannelReader) {
    let settings = settings(seed);
    let store = RedbChannel::new(records(folder, name), &settings.id, os_seeded().unwrap());
    NodeChannel::open(node, settings, store).unwrap()
}

async fn message(reader: &mut ChannelReader) -> Vec<u8> {
    match soon(reader.next()).await {
        Some(ChannelNews::Event(ChannelEvent::Message { payload, .. })) => payload,
        other => panic!("{other:?} is no message"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_channel_accepts_arrives_whatever_stops_meanwhile() {
    let folder = Folder::new("node-channel");
    let one = start(core(), &[]).await;
    let other = start(core(), &[&one]).await;
    let (saro, _) = open(&one, &folder.0, "saro", 1);
    let (raya, mut news) = open(&other, &folder.0, "raya", 2);

    let long = vec![0x5a; 1 << 20];
    let request = saro.send(long.clone()).await.unwrap();
    assert_eq!(message(&mut news).await, long);
    assert!(matches!(soon(saro.outcome(request)).await.unwrap(), Outcome::Acked { .. }));
    assert!(matches!(soon(saro.outcome(request)).await.unwrap(), Outcome::Acked { .. }));

    // Her process ends; he writes; his ends before the message can leave; both come back.
    raya.close().await;
    soon(other.stop()).await;
    let unheard = saro.send("are you there?").await.unwrap();
    saro.close().await;
    soon(one.stop()).await;
    let one = start(core(), &[]).await;
    let other = start(core(), &[&one]).await;
    let (saro, _) = open(&one, &folder.0, "saro", 1);
    let (raya, mut news) = open(&other, &folder.0, "raya", 2);
    // What was taken and not followed by another request comes again; what was sent comes once.
    let mut heard = vec![message(&mut news).await];
    if heard[0] == long {
        heard = vec![message(&mut news).await];
    }
    assert_eq!(heard, [b"are you there?"]);
    assert!(matches!(soon(saro.outcome(unheard)).await.unwrap(), Outcome::Acked { .. }));
    let answer = raya.send("I am").await.unwrap();
    assert!(matches!(soon(raya.outcome(answer)).await.unwrap(), Outcome::Acked { .. }));
    assert_eq!(soon(saro.pending()).await, Ok(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_says_what_it_does_not_know_and_what_it_does_not_take() {
    let folder = Folder::new("node-channel-refused");
    let node = start(core(), &[]).await;
    let (saro, mut news) = open(&node, &folder.0, "saro", 1);
    let unknown = logos_node::channel::ChannelRequestId::new(7);
    assert_eq!(saro.outcome(unknown).await, Err(NodeChannelError::Unknown(unknown)));
    let over = saro.send(vec![0; (20 << 20) + 1]).await;
    assert!(matches!(over, Err(NodeChannelError::Send(_))), "{over:?}");
    let copy = saro.clone();
    soon(saro.close()).await;
    assert_eq!(copy.send("late").await, Err(NodeChannelError::Closed));
    assert_eq!(soon(news.next()).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ephemeral_message_is_heard_and_kept_by_nobody() {
    let folder = Folder::new("node-channel-ephemeral");
    let one = start(core(), &[]).await;
    let other = start(core(), &[&one]).await;
    let mut frames = other.subscribe(&settings(1).topic).await.unwrap();
    let (saro, _) = open(&one, &folder.0, "saro", 1);
    let (_raya, mut news) = open(&other, &folder.0, "raya", 2);
    // Whoever does not hear it yet never will, so he says it until she does.
    let mut typing = 0;
    let heard = loop {
        typing += 1;
        saro.send_ephemeral("typing").await.unwrap();
        match timeout(Duration::from_millis(200), news.next()).await {
            Ok(heard) => break heard.unwrap(),
            Err(_) => assert!(typing < 100, "nobody hears it"),
        }
    };
    let ChannelNews::Ephemeral { payload, .. } = heard else { panic!("{heard:?}") };
    assert_eq!(payload, b"typing");
    let frame = soon(frames.next()).await.unwrap();
    assert!(frame.message.ephemeral, "no store keeps it");
    assert_eq!(soon(saro.pending()).await, Ok(0));
    let over = saro.send_ephemeral(vec![0; 1 << 20]).await;
    assert!(matches!(over, Err(NodeChannelError::Send(_))), "{over:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_away_gets_what_a_store_kept() {
    let folder = Folder::new("node-channel-store");
    let keeps = NodeConfig { store: Some(StoreConfig::default()), ..core() };
    let store = start(keeps, &[]).await;
    let one = start(core(), &[&store]).await;
    let other = start(core(), &[&store, &one]).await;
    let (saro, _) = open(&one, &folder.0, "saro", 1);
    let (raya, mut news) = open(&other, &folder.0, "raya", 2);
    saro.send("first").await.unwrap();
    assert_eq!(message(&mut news).await, b"first");
    saro.send("second").await.unwrap();
    assert_eq!(message(&mut news).await, b"second");
    drop(news);
    raya.close().await;
    soon(other.stop()).await;

    let long = vec![0x77; 5000];
    let request = saro.send(long.clone()).await.unwrap();
    let topic = settings(1).topic;
    let query = StoreRequest {
        request_id: "kept".to_owned(),
        include_data: true,
        pubsub_topic: Some(one.sharding().pubsub_topic(&topic).to_string()),
        content_topics: vec![topic.to_string()],
        ..StoreRequest::default()
    };
    let is_long = |entry: &StoreEntry| {
        entry.message.as_ref().is_some_and(|(message, _)| message.payload.len() > 5000)
    };
    let kept = async {
        while !one
            .query(query.clone())
            .await
            .unwrap()
            .is_some_and(|page| page.messages.iter().any(is_long))
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    soon(kept).await;
    // He is gone when she comes back.
    drop(saro);
    soon(one.stop()).await;
    let other = start(core(), &[&store]).await;
    let (_raya, mut news) = open(&other, &folder.0, "raya", 2);
    let mut next = message(&mut news).await;
    if next == b"second" {
        next = message(&mut news).await;
    }
    assert_eq!(next, long);
    assert_eq!(request.number(), 2);
}

/// What a person typed and saw.
struct Terminal {
    keyboard: Sender<String>,
    screen: Screen,
    thread: JoinHandle<Chat>,
}

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn now() -> Tick {
    Tick::new(Duration::from_nanos(UnixNanos::now().get().try_into().unwrap()))
}

impl Terminal {
    fn open(folder: &Path, name: &str, node: &Node) -> Self {
        let mut chat = Chat::open(records(folder, name), now(), os_seeded().unwrap()).unwrap();
        let (keyboard, lines) = channel();
        let screen = Screen::default();
        let (mut out, node, handle) = (screen.clone(), node.clone(), Handle::current());
        let thread = thread::spawn(move || {
            let mut carrier = NodeCarrier::new(node, handle);
            run_terminal(&mut chat, &mut carrier, &lines, &mut out, now).unwrap();
            chat
        });
        Self { keyboard, screen, thread }
    }

    fn types(&self, line: &str) {
        self.keyboard.send(line.to_owned()).unwrap();
    }

    async fn sees(&self, text: &str) -> String {
        let looking = async {
            loop {
                let shown = String::from_utf8(self.screen.0.lock().unwrap().clone()).unwrap();
                if let Some(line) = shown.lines().find(|line| line.contains(text)) {
                    return line.to_owned();
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        let seen = timeout(PATIENCE, looking).await;
        seen.unwrap_or_else(|_| {
            panic!("{text:?} is not in {}", String::from_utf8_lossy(&self.screen.0.lock().unwrap()))
        })
    }

    fn leaves(self) -> Chat {
        self.types("/quit");
        self.thread.join().unwrap()
    }
}

fn texts(chat: &Chat, id: &ConversationId) -> Vec<String> {
    let text = |line: Line| match line.content {
        Content::Text(text) => text,
        other => panic!("{other:?} is no text"),
    };
    chat.history(id, 100).unwrap().into_iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_on_two_nodes_talk_restart_and_are_not_fooled() {
    let folder = Folder::new("node-chat");
    let one = start(core(), &[]).await;
    let other = start(core(), &[&one]).await;
    let saro = Terminal::open(&folder.0, "saro", &one);
    let raya = Terminal::open(&folder.0, "raya", &other);
    raya.types("/introduce");
    let introduction = raya.sees("logos").await;
    assert!(introduction.len() < 3900, "a terminal takes lines of 4095 bytes");
    saro.types(&format!("/start {introduction} Hi Raya"));
    raya.sees("them: Hi Raya").await;
    raya.types("Hi Saro");
    saro.sees("them: Hi Saro").await;
    saro.sees("Hi Raya (delivered)").await;
    raya.sees("Hi Saro (delivered)").await;

    let id = *saro.leaves().conversations().next().unwrap();
    drop(raya.leaves());
    soon(one.stop()).await;
    soon(other.stop()).await;
    let one = start(core(), &[]).await;
    let other = start(core(), &[&one]).await;
    let mut wire = one.subscribe(&id.topic().parse().unwrap()).await.unwrap();
    let saro = Terminal::open(&folder.0, "saro", &one);
    let raya = Terminal::open(&folder.0, "raya", &other);
    saro.types("still there?");
    raya.sees("them: still there?").await;
    let genuine = soon(wire.next()).await.unwrap();
    for place in (0..genuine.message.payload.len()).step_by(16) {
        let mut forged = genuine.message.payload.clone();
        forged[place] ^= 0x10;
        one.send(wire.topic(), forged).await.unwrap();
    }
    raya.types("I am");
    saro.sees("them: I am").await;
    saro.sees("still there? (delivered)").await;
    raya.sees("I am (delivered)").await;
    for chat in [saro.leaves(), raya.leaves()] {
        assert_eq!(texts(&chat, &id), ["Hi Raya", "Hi Saro", "still there?", "I am"]);
    }
}
