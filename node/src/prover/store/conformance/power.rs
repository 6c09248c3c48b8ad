//! The power fails in the middle of any write.

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
