//! Message ids outlive a process that is killed.

#![expect(clippy::unwrap_used, clippy::std_instead_of_core, reason = "a test")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, io, process};

use logos_node::rate_limit::{Application, EpochNumber, Epochs, RateBudget, RedbBurns};
use logos_rln::{Identity, MessageLimit};

const NAME: &str = "a_process_killed_at_any_moment_uses_no_message_id_twice";
/// Set in the process that is killed: where its ids are kept.
const VICTIM: &str = "LOGOS_TEST_BURNS";

#[test]
fn a_process_killed_at_any_moment_uses_no_message_id_twice() {
    if let Some(path) = env::var_os(VICTIM) {
        return burn_until_killed(Path::new(&path));
    }
    let folder = env::temp_dir().join(format!("logos-killed-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut used: Vec<u32> = Vec::new();
    for round in 1..=6 {
        let mut victim = Command::new(env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(VICTIM, folder.join("burns.redb"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ids = BufReader::new(victim.stdout.take().unwrap())
            .lines()
            .filter_map(|line| line.ok()?.strip_prefix("id ")?.parse::<u32>().ok());
        used.extend(ids.by_ref().take(5 * round));
        // SIGKILL, in the middle of whatever it does; what it still said counts as well.
        victim.kill().unwrap();
        used.extend(ids);
        victim.wait().unwrap();
    }
    assert!(used.len() >= 100);
    assert!(used.windows(2).all(|pair| pair[0] < pair[1]), "{used:?}");
    fs::remove_dir_all(folder).unwrap();
}

/// Says each id when it may be used, and never stops.
fn burn_until_killed(path: &Path) {
    let epochs = Epochs::new(Duration::from_secs(600), Application::WAKU_RELAY).unwrap();
    let member = Identity::seeded(b"victim").commitment();
    let limit = MessageLimit::new(1_000_000).unwrap();
    let store = Box::new(RedbBurns::open(path).unwrap());
    let budget = RateBudget::open(store, member, limit, epochs).unwrap();
    let mut out = io::stdout();
    while let Ok(burnt) = budget.burn(EpochNumber::new(2_939_502), 0) {
        writeln!(out, "id {}", burnt.ids().first().unwrap()).unwrap();
        out.flush().unwrap();
    }
}
