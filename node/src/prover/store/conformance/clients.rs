//! Many clients, several instances, clocks that differ, epochs that end every second.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::prover::store::{Admitted, StoreError};

/// How many reservations: a few thousand, or as `LOGOS_PROVER_RESERVATIONS` says.
pub(super) fn reservations() -> u64 {
    let wanted = std::env::var("LOGOS_PROVER_RESERVATIONS").ok();
    wanted.and_then(|wanted| wanted.parse().ok()).unwrap_or(6_000)
}

pub(super) const CLIENTS: u64 = 64;
pub(super) const MEMBERS: u8 = 4;
/// Half of the clocks are this much behind, half ahead.
pub(super) const CLOCKS_OFF_BY: i64 = 30_000;
/// How long a client waits before it asks again.
const RETRY: Duration = Duration::from_millis(50);

/// Submits from many clients through instances whose clocks differ, while virtual time passes an
/// epoch every few hundred reservations, and checks that no epoch and id came twice.
async fn hammer(instances: Vec<Shared>, total: u64) -> u64 {
    // Every millisecond of virtual time is one reservation somebody tried.
    let time = Arc::new(AtomicU64::new(10_000_000));
    let clients = (0..CLIENTS).map(|client| {
        let instance = usize::try_from(client).unwrap() % instances.len();
        let store = Arc::clone(&instances[instance]);
        let skew = CLOCKS_OFF_BY * (i64::try_from(instance).unwrap() - 1);
        let time = Arc::clone(&time);
        tokio::spawn(async move { ask(&*store, client, skew, &time, total / CLIENTS).await })
    });
    let clients: Vec<_> = clients.collect();
    let mut seen = HashSet::new();
    let mut last = std::collections::HashMap::new();
    for client in clients {
        for reservation in client.await.unwrap() {
            for id in reservation.ids() {
                let key = (reservation.member, reservation.epoch, id);
                assert!(seen.insert(key), "reused: {key:?}");
            }
            let epochs = last.entry(reservation.member).or_insert_with(HashSet::new);
            epochs.insert(reservation.epoch);
        }
    }
    assert!(last.values().all(|epochs| epochs.len() > 1 || total < 10_000), "time passed");
    seen.len() as u64
}

async fn ask(
    store: &dyn Store,
    client: u64,
    skew: i64,
    time: &AtomicU64,
    rounds: u64,
) -> Vec<Reservation> {
    let mut mine = Vec::new();
    let batch = 4.min(rounds.max(1));
    for round in 0..rounds / batch {
        let now = time.fetch_add(batch, Ordering::Relaxed).saturating_add_signed(skew);
        let epoch = schedule().at(Millis(now)).0;
        let orders = (0..batch).map(|place| {
            let who = u8::try_from((client + place) % u64::from(MEMBERS)).unwrap();
            let key = format!("{client}/{round}/{place}");
            let count = 1 + u32::try_from(place % 2).unwrap();
            let wanted = Wanted { quota: 65_536, ..wanted(epoch, count) };
            let deadline = Millis::MAX;
            Submission { wanted, deadline, ..order(who, &key, count) }
        });
        for answer in submit(store, Millis(now), orders.collect()).await {
            match answer {
                Ok(admitted) => mine.push(admitted.job.reservation),
                Err(refusal) => assert!(matches!(refusal, Refusal::OverQuota { .. })),
            }
        }
    }
    mine
}

/// Asks again while the store is too busy to answer, as clients do: the keys are the same.
pub(super) async fn submit(
    store: &dyn Store,
    now: Millis,
    orders: Vec<Submission>,
) -> Vec<Result<Admitted, Refusal>> {
    loop {
        match store.submit(now, orders.clone()).await {
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(RETRY).await,
            answers => return answers.unwrap(),
        }
    }
}

#[test]
fn no_id_is_handed_out_twice_by_one_file_to_64_clients() {
    let folder = Folder::new("prover-clients");
    let store = EmbeddedStore::open(&folder.join("prover.redb"), &schedule(), SKEW).unwrap();
    // The instances of one file are one store under several clocks.
    let store: Shared = Arc::new(store);
    let reserved = runtime().block_on(hammer(vec![store; 3], reservations()));
    println!("{reserved} ids on redb, none twice");
}

#[test]
fn no_id_is_handed_out_twice_by_three_instances_on_one_postgres() {
    let Some(url) = postgres::database() else { return };
    let reserved = runtime().block_on(async {
        let mut instances: Vec<Shared> = Vec::new();
        for _ in 0..3 {
            instances.push(Arc::new(postgres::connect(&url, SKEW).await));
        }
        hammer(instances, reservations()).await
    });
    println!("{reserved} ids on PostgreSQL, none twice");
}
