//! Processes that are killed while their clients reserve, with clocks that differ, through epochs of
//! a second.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::clients::{CLIENTS, CLOCKS_OFF_BY, MEMBERS, reservations, submit};
use super::*;

/// Tells the child where its store is; without it the child's test does nothing.
const WHERE: &str = "LOGOS_PROVER_CRASH_STORE";
/// The milliseconds by which the child's clock is ahead.
const AHEAD: &str = "LOGOS_PROVER_CRASH_AHEAD";
/// The child's clients.
const OF_ONE: &str = "LOGOS_PROVER_CRASH_CLIENTS";
/// Submissions of a client at once, at most.
const BATCH: u64 = 32;
/// Processes that are killed at least.
const KILLS: usize = 6;
/// Kills in a row between which nothing was reserved, at most: each might be too soon after the last.
const SILENT: usize = 50;
/// The longest time that all are left alone, where a few thousand are asked for.
const PEACE_MS: u64 = 600;

/// The process that is killed: reserves for ever, and says what it has been given.
#[test]
fn a_process_reserves_until_it_is_killed() {
    let Ok(place) = std::env::var(WHERE) else { return };
    let number = |name| std::env::var(name).unwrap().parse::<i64>().unwrap();
    let (ahead, clients) = (number(AHEAD), number(OF_ONE).unsigned_abs());
    runtime().block_on(async {
        let store: Shared = match place.strip_prefix("file:") {
            Some(path) => Arc::new(EmbeddedStore::open(path.as_ref(), &schedule(), SKEW).unwrap()),
            None => Arc::new(postgres::connect(&place, SKEW).await),
        };
        let clients: Vec<_> = (0..clients)
            .map(|client| tokio::spawn(say(Arc::clone(&store), client, ahead)))
            .collect();
        for client in clients {
            client.await.unwrap();
        }
    });
}

async fn say(store: Shared, client: u64, ahead: i64) {
    let process = std::process::id();
    for round in 0u64.. {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let now = u64::try_from(now).unwrap().saturating_add_signed(ahead);
        let batch = 1 + (client * 7 + round * 13) % BATCH;
        let orders = (0..batch).map(|place| {
            let who = u8::try_from((client + place) % u64::from(MEMBERS)).unwrap();
            let key = format!("{process}/{client}/{round}/{place}");
            let count = 1 + u32::try_from(place % 2).unwrap();
            let wanted = Wanted { quota: 65_536, ..wanted(schedule().at(Millis(now)).0, count) };
            Submission { wanted, deadline: Millis::MAX, ..order(who, &key, count) }
        });
        let mut lines = String::new();
        for admitted in submit(&*store, Millis(now), orders.collect()).await.into_iter().flatten() {
            let Reservation { member, epoch, first, count } = admitted.job.reservation;
            lines.push_str(&format!("ids {} {} {first} {count} end\n", member.0[0], epoch.0));
        }
        // A line arrives whole or is seen to be cut.
        std::io::stdout().lock().write_all(lines.as_bytes()).unwrap();
    }
}

/// A process, and a thread that passes on what it says.
struct Victim {
    child: Child,
    listener: JoinHandle<()>,
}

impl Victim {
    fn start(place: &str, ahead: i64, clients: u64, said: Sender<String>) -> Self {
        let path = "prover::store::conformance::crash::a_process_reserves_until_it_is_killed";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([path, "--exact", "--nocapture", "--test-threads=1"])
            .env(WHERE, place)
            .env(AHEAD, ahead.to_string())
            .env(OF_ONE, clients.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listener = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                said.send(line).unwrap();
            }
        });
        Self { child, listener }
    }

    /// Kills it where it stands; what it had said by then is passed on.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.listener.join().unwrap();
    }
}

#[derive(Default)]
struct Ids {
    seen: HashSet<(u8, u64, u32)>,
    reservations: u64,
}

impl Ids {
    /// Takes a line in if it is a whole reservation.
    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let ["ids", member, epoch, first, count, "end"] = words[..] else { return };
        let (member, epoch) = (member.parse().unwrap(), epoch.parse().unwrap());
        let (first, count) = (first.parse::<u32>().unwrap(), count.parse::<u32>().unwrap());
        for id in first..first + count {
            assert!(self.seen.insert((member, epoch, id)), "reused: {member} {epoch} {id}");
        }
        self.reservations += 1;
    }

    fn note_all(&mut self, said: &Receiver<String>) {
        said.try_iter().for_each(|line| self.note(&line));
    }
}

/// Has processes reserve, each with a clock of its own, and kills one of them at random instants
/// until there are as many reservations as asked for.
fn kill_and_count(place: &str, clocks: &[i64]) -> Ids {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let peace = PEACE_MS.max(reservations() / 100);
    let (say, said) = channel();
    let of_one = CLIENTS / clocks.len() as u64;
    let start = |place_of| Victim::start(place, clocks[place_of], of_one, say.clone());
    let mut victims: Vec<Victim> = (0..clocks.len()).map(start).collect();
    let (mut ids, mut kills, mut silent) = (Ids::default(), 0, 0);
    while kills < KILLS || ids.reservations < reservations() {
        let before = ids.reservations;
        let end = Instant::now() + Duration::from_millis(rng.next_u64() % peace);
        while let Ok(line) = said.recv_timeout(end.saturating_duration_since(Instant::now())) {
            ids.note(&line);
        }
        silent = if ids.reservations > before { 0 } else { silent + 1 };
        assert!(silent < SILENT, "nobody reserves");
        let victim = usize::try_from(rng.next_u64() % clocks.len() as u64).unwrap();
        // One process has a file to itself: the next begins when it is gone.
        victims.remove(victim).kill();
        victims.insert(victim, start(victim));
        kills += 1;
    }
    victims.into_iter().for_each(Victim::kill);
    ids.note_all(&said);
    println!(
        "{} reservations, {} ids, {kills} kills: none twice",
        ids.reservations,
        ids.seen.len()
    );
    ids
}

#[test]
fn no_id_comes_again_after_the_process_was_killed() {
    let folder = Folder::new("prover-crash");
    let place = format!("file:{}", folder.join("prover.redb").display());
    assert!(kill_and_count(&place, &[0]).reservations >= reservations());
}

#[test]
fn no_id_comes_again_when_instances_on_one_postgres_are_killed() {
    let Some(url) = postgres::database() else { return };
    let clocks = [-CLOCKS_OFF_BY, 0, CLOCKS_OFF_BY];
    assert!(kill_and_count(&url, &clocks).reservations >= reservations());
}
