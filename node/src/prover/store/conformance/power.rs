//! The power fails in the middle of any write.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::clients::{CLIENTS, CLOCKS_OFF_BY, MEMBERS, reservations};
use super::*;
use crate::store::tests::Disk;

/// Reserves until the disk fails; returns what was handed out.
async fn reserve_until_dark(store: &EmbeddedStore, round: usize) -> Vec<Reservation> {
    let mut handed_out = Vec::new();
    for number in 0.. {
        let key = format!("{round}/{number}");
        let wanted = Wanted { quota: 1000, ..wanted(7, 1) };
        let order = Submission { wanted, ..order(1, &key, 1) };
        match store.submit(NOW, vec![order]).await {
            Ok(answers) => {
                let answers = answers.into_iter().map(Result::unwrap);
                handed_out.extend(answers.map(|admitted| admitted.job.reservation));
            }
            Err(_) => break,
        }
    }
    handed_out
}

/// Whatever write is the last to arrive, and whichever of the unsynced ones are lost, an id that
/// somebody has seen is not handed out again.
#[test]
fn no_id_that_was_seen_comes_again_after_the_power_failed() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let patterns: [fn(usize) -> bool; 4] = [|_| true, |_| false, |n| n % 2 == 0, |n| n % 2 == 1];
    let (mut handed_out, mut failures) = (0, 0);
    for writes in 1..60 {
        let disk = Disk::default();
        let store = EmbeddedStore::on(disk.clone(), &schedule(), SKEW).unwrap();
        disk.lose_power_after(writes);
        let seen = runtime.block_on(reserve_until_dark(&store, 0));
        let burnt = seen.last().map_or(0, |last| last.first + last.count);
        for keep in patterns {
            let disk = disk.after_power_failure(keep);
            let store = EmbeddedStore::on(disk, &schedule(), SKEW).unwrap();
            let order =
                Submission { wanted: Wanted { quota: 1000, ..wanted(7, 1) }, ..order(1, "x", 1) };
            let next = runtime.block_on(admitted(&store, order)).reservation.first;
            assert!(next >= burnt, "id {next} comes again after {writes} writes");
            failures += 1;
        }
        handed_out += seen.len();
    }
    assert!(handed_out > 0 && failures > 200);
}

/// The power fails this often at least.
const FAILURES: u64 = 8;
/// Submissions of a client at once.
const BATCH: u64 = 8;

/// Reserves until the disk fails; returns what was handed out.
async fn ask_until_dark(
    store: Shared,
    life: u64,
    client: u64,
    time: Arc<AtomicU64>,
) -> Vec<Reservation> {
    let ahead = CLOCKS_OFF_BY * (i64::try_from(client % 3).unwrap() - 1);
    let mut handed_out = Vec::new();
    for round in 0u64.. {
        // Every millisecond of virtual time is one reservation somebody tried.
        let now = time.fetch_add(BATCH, Ordering::Relaxed).saturating_add_signed(ahead);
        let orders = (0..BATCH).map(|place| {
            let who = u8::try_from((client + place) % u64::from(MEMBERS)).unwrap();
            let key = format!("{life}/{client}/{round}/{place}");
            let wanted = Wanted { quota: 65_536, ..wanted(schedule().at(Millis(now)).0, 1) };
            Submission { wanted, deadline: Millis::MAX, ..order(who, &key, 1) }
        });
        match store.submit(Millis(now), orders.collect()).await {
            Ok(answers) => {
                let admitted = answers.into_iter().map(Result::unwrap);
                handed_out.extend(admitted.map(|admitted| admitted.job.reservation));
            }
            Err(_) => break,
        }
    }
    handed_out
}

/// Many clients with clocks that differ, through failures at any write of which any others are
/// lost: as many reservations as `LOGOS_PROVER_RESERVATIONS` says.
#[test]
fn no_id_comes_again_through_many_power_failures() {
    let (runtime, mut rng) = (runtime(), ChaCha20Rng::seed_from_u64(8));
    let time = Arc::new(AtomicU64::new(10_000_000));
    let (mut disk, mut seen, mut failures) = (Disk::default(), HashSet::new(), 0);
    while failures < FAILURES || (seen.len() as u64) < reservations() {
        let store: Shared = Arc::new(EmbeddedStore::on(disk.clone(), &schedule(), SKEW).unwrap());
        disk.lose_power_after(usize::try_from(rng.next_u64() % (reservations() / 8)).unwrap());
        let ask = |client| {
            let (store, time) = (Arc::clone(&store), Arc::clone(&time));
            runtime.spawn(ask_until_dark(store, failures, client, time))
        };
        let clients: Vec<_> = (0..CLIENTS).map(ask).collect();
        for client in clients {
            for Reservation { member, epoch, first, .. } in runtime.block_on(client).unwrap() {
                assert!(
                    seen.insert((member, epoch, first)),
                    "reused: {member:?} {epoch:?} {first}"
                );
            }
        }
        let arrived = rng.next_u64();
        disk = disk.after_power_failure(|write| arrived >> (write % 64) & 1 == 1);
        failures += 1;
    }
    println!("{} ids, {failures} power failures: none twice", seen.len());
}
