//! Processes that are killed while they reserve.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

/// Tells the child where its store is; without it the child's test does nothing.
const WHERE: &str = "LOGOS_PROVER_CRASH_STORE";
/// The milliseconds by which the child's clock is ahead.
const AHEAD: &str = "LOGOS_PROVER_CRASH_AHEAD";

/// The process that is killed: reserves for ever, and says what it has been given.
#[test]
fn a_process_reserves_until_it_is_killed() {
    let Ok(place) = std::env::var(WHERE) else { return };
    let ahead: u64 = std::env::var(AHEAD).unwrap().parse().unwrap();
    runtime().block_on(async {
        let store: Shared = match place.strip_prefix("file:") {
            Some(path) => Arc::new(EmbeddedStore::open(path.as_ref(), &schedule(), SKEW).unwrap()),
            None => Arc::new(postgres::connect(&place, SKEW).await),
        };
        let clients: Vec<_> =
            (0..8).map(|client| tokio::spawn(say(Arc::clone(&store), client, ahead))).collect();
        for client in clients {
            client.await.unwrap();
        }
    });
}

async fn say(store: Shared, client: u32, ahead: u64) {
    let process = std::process::id();
    for round in 0u64.. {
        let now = Millis(10_000_000 + round * 100 + ahead);
        let wanted = Wanted { quota: 65_536, ..wanted(schedule().at(now).0, 2) };
        let key = format!("{process}/{client}/{round}");
        let order = Submission { wanted, ..order(1, &key, 2) };
        for admitted in store.submit(now, vec![order]).await.unwrap().into_iter().flatten() {
            let Reservation { epoch, first, count, .. } = admitted.job.reservation;
            // One write, so that a line arrives whole or is seen to be cut.
            println!("ids {} {first} {count} end", epoch.0);
        }
    }
}

struct Victim {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Victim {
    fn start(place: &str, ahead: u64) -> Self {
        let path = "prover::store::conformance::crash::a_process_reserves_until_it_is_killed";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([path, "--exact", "--nocapture", "--test-threads=1"])
            .env(WHERE, place)
            .env(AHEAD, ahead.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads `count` reservations.
    fn read(&mut self, count: usize, seen: &mut Ids) {
        for _ in 0..count {
            let line = self.lines.by_ref().map_while(Result::ok).find(|line| seen.note(line));
            assert!(line.is_some(), "the process reserves");
        }
    }

    /// Kills it where it stands, and reads what it had said by then.
    fn kill(mut self, seen: &mut Ids) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        for line in self.lines.map_while(Result::ok) {
            seen.note(&line);
        }
    }
}

#[derive(Default)]
struct Ids {
    seen: HashSet<(u64, u32)>,
}

impl Ids {
    /// Takes a line in if it is a whole reservation.
    fn note(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        let ["ids", epoch, first, count, "end"] = words[..] else { return false };
        let (epoch, first, count) = (epoch, first.parse::<u32>().unwrap(), count.parse::<u32>());
        for id in first..first + count.unwrap() {
            assert!(self.seen.insert((epoch.parse().unwrap(), id)), "reused: {epoch} {id}");
        }
        true
    }
}

#[test]
fn no_id_comes_again_after_the_process_was_killed() {
    let folder = Folder::new("prover-crash");
    let place = format!("file:{}", folder.join("prover.redb").display());
    let mut seen = Ids::default();
    for round in 0..5 {
        let mut victim = Victim::start(&place, 0);
        victim.read(5 + 7 * round, &mut seen);
        victim.kill(&mut seen);
    }
}

#[test]
fn no_id_comes_again_when_instances_on_one_postgres_are_killed() {
    let Some(url) = postgres::database() else { return };
    let mut seen = Ids::default();
    let mut victims: Vec<Victim> =
        [0, 30_000, 59_000].map(|ahead| Victim::start(&url, ahead)).into();
    for round in 0..6 {
        for victim in &mut victims {
            victim.read(10 + 3 * round, &mut seen);
        }
        let place = round % victims.len();
        let killed = std::mem::replace(&mut victims[place], Victim::start(&url, 15_000));
        killed.kill(&mut seen);
    }
    for victim in victims {
        victim.kill(&mut seen);
    }
}
