//! What every store promises: each test runs in memory, in a file, and on PostgreSQL.

mod clients;
mod crash;
mod postgres;
mod power;

use std::num::NonZeroU64;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::prover::epoch::EpochSchedule;
use crate::prover::job::{FailReason, JobState, MAX_ATTEMPTS};
use crate::store::tests::Folder;

/// Clocks of tests may differ by this much.
pub(super) const SKEW: u64 = 100_000;
const QUOTA: u32 = 10;
const NOW: Millis = Millis(1_000_000);
const ONE: WorkerId = WorkerId([1; 16]);
const OTHER: WorkerId = WorkerId([2; 16]);

/// Epochs of one second.
pub(super) fn schedule() -> EpochSchedule {
    EpochSchedule::new(Millis(0), NonZeroU64::new(1000).unwrap(), "test")
}

pub(super) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs a test on each store that is there.
macro_rules! on_every_store {
    ($(async fn $name:ident($store:ident: &dyn Store) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn run($store: &dyn Store) $body

            #[test]
            fn in_memory() {
                let store = EmbeddedStore::in_memory(&schedule(), SKEW).unwrap();
                runtime().block_on(run(&store));
            }

            #[test]
            fn in_a_file() {
                let folder = Folder::new("prover-store");
                let store =
                    EmbeddedStore::open(&folder.join("prover.redb"), &schedule(), SKEW).unwrap();
                runtime().block_on(run(&store));
            }

            #[test]
            fn on_postgres() {
                let Some(url) = postgres::database() else { return };
                runtime().block_on(async {
                    run(&postgres::connect(&url, SKEW).await).await;
                });
            }
        }
    )*};
}

pub(super) fn wanted(epoch: u64, count: u32) -> Wanted {
    Wanted { epoch: Epoch(epoch), exact: false, count, quota: QUOTA }
}

fn member(number: u8) -> MemberKey {
    MemberKey([number; 32])
}

fn order(who: u8, key: &str, count: u32) -> Submission {
    Submission {
        id: JobId::of(&member(who), key.as_bytes()),
        member: member(who),
        wanted: wanted(7, count),
        signal: [who; 32],
        sender: vec![who],
        subject: key.as_bytes().to_vec(),
        deadline: NOW.plus(10_000),
    }
}

async fn submit_one(store: &dyn Store, one: Submission) -> Result<Admitted, Refusal> {
    store.submit(NOW, vec![one]).await.unwrap().pop().unwrap()
}

async fn admitted(store: &dyn Store, one: Submission) -> Job {
    let admitted = submit_one(store, one).await.unwrap();
    assert!(!admitted.repeated);
    admitted.job
}

async fn prove(store: &dyn Store, job: &Job) -> Option<Job> {
    let finished = Finished { id: job.id, outcome: Ok(b"proof".to_vec()) };
    store.finish(NOW, ONE, vec![finished]).await.unwrap().pop().unwrap()
}

async fn claim(store: &dyn Store, now: Millis, worker: WorkerId, max: usize) -> Vec<Job> {
    store.claim(now, worker, max, now.plus(1000)).await.unwrap()
}

on_every_store! {
    async fn ids_follow_each_other_and_stop_at_the_quota(store: &dyn Store) {
        let one = admitted(store, order(1, "a", 4)).await;
        let two = admitted(store, order(1, "b", 6)).await;
        assert_eq!(one.reservation.ids().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!((two.reservation.first, two.reservation.count), (4, 6));
        let refused =
            Refusal::OverQuota { used: 10, quota: QUOTA, asked: 1, epoch: Epoch(7) };
        assert_eq!(submit_one(store, order(1, "c", 1)).await, Err(refused));
        assert_eq!(store.job(order(1, "c", 1).id).await.unwrap(), None);
        let other = admitted(store, order(2, "a", 1)).await;
        assert_eq!(other.reservation.first, 0);
    }

    async fn a_refusal_consumes_nothing(store: &dyn Store) {
        assert!(submit_one(store, order(1, "a", QUOTA + 1)).await.is_err());
        assert!(submit_one(store, order(1, "b", 0)).await.is_err());
        assert_eq!(store.counter(member(1)).await.unwrap(), None);
        assert_eq!(store.depths().await.unwrap(), Depths::default());
        let batch = vec![order(1, "a", 1), order(1, "b", QUOTA), order(1, "c", 1)];
        let answers = store.submit(NOW, batch).await.unwrap();
        assert!(answers[0].is_ok() && answers[1].is_err() && answers[2].is_ok());
        let counter = Counter { epoch: Epoch(7), next: 2 };
        assert_eq!(store.counter(member(1)).await.unwrap(), Some(counter));
    }

    async fn asking_again_with_the_same_key_changes_nothing(store: &dyn Store) {
        let job = admitted(store, order(1, "a", 2)).await;
        for _ in 0..3 {
            let again = submit_one(store, order(1, "a", 2)).await.unwrap();
            assert!(again.repeated);
            assert_eq!(again.job, job);
        }
        let twice = store.submit(NOW, vec![order(1, "b", 1), order(1, "b", 1)]).await.unwrap();
        let ids = twice.into_iter().map(|one| one.unwrap().job.reservation.first);
        assert_eq!(ids.collect::<Vec<_>>(), [2, 2]);
        let mut other = order(1, "a", 2);
        other.signal = [9; 32];
        assert_eq!(submit_one(store, other).await, Err(Refusal::KeyReused));
    }

    async fn the_epoch_of_a_member_moves_forward_only(store: &dyn Store) {
        let at = |key, epoch, exact| {
            let wanted = Wanted { exact, ..wanted(epoch, 1) };
            Submission { wanted, ..order(1, key, 1) }
        };
        admitted(store, at("a", 40, false)).await;
        let slow = admitted(store, at("b", 30, false)).await.reservation;
        assert_eq!((slow.epoch, slow.first), (Epoch(40), 1));
        let next = admitted(store, at("c", 41, false)).await.reservation;
        assert_eq!((next.epoch, next.first), (Epoch(41), 0));
        let stale = Refusal::StaleEpoch { asked: Epoch(40), current: Epoch(41) };
        assert_eq!(submit_one(store, at("d", 40, true)).await, Err(stale));
        admitted(store, at("e", 300, false)).await;
        let behind = Refusal::ClockBehind { here: Epoch(41), current: Epoch(300) };
        assert_eq!(submit_one(store, at("f", 41, false)).await, Err(behind));
    }

    async fn clients_own_reservations_share_the_members_ids(store: &dyn Store) {
        admitted(store, order(1, "a", 3)).await;
        let id = JobId::of(&member(1), b"own");
        let request = ReserveRequest { id, member: member(1), wanted: wanted(7, 2) };
        let own = store.reserve(NOW, request).await.unwrap().unwrap();
        assert_eq!((own.first, own.count), (3, 2));
        assert_eq!(store.reserve(NOW, request).await.unwrap(), Ok(own));
        let other = ReserveRequest { wanted: wanted(7, 1), ..request };
        assert_eq!(store.reserve(NOW, other).await.unwrap(), Err(Refusal::KeyReused));
        assert_eq!(admitted(store, order(1, "b", 1)).await.reservation.first, 5);
    }

    async fn a_job_is_with_one_worker_at_a_time(store: &dyn Store) {
        for key in ["a", "b", "c"] {
            admitted(store, order(1, key, 1)).await;
        }
        let one = claim(store, NOW, ONE, 2).await;
        let other = claim(store, NOW, OTHER, 2).await;
        let subjects = |jobs: &[Job]| jobs.iter().map(|job| job.subject.clone()).collect::<Vec<_>>();
        assert_eq!(subjects(&one), [b"a", b"b"]);
        assert_eq!(subjects(&other), [b"c"]);
        assert_eq!(claim(store, NOW, OTHER, 2).await, []);
    }

    async fn a_dead_workers_job_is_proved_by_another_with_the_same_ids(store: &dyn Store) {
        let job = admitted(store, order(1, "a", 2)).await;
        claim(store, NOW, ONE, 1).await;
        let later = NOW.plus(1000);
        let taken = claim(store, later, OTHER, 1).await.pop().unwrap();
        assert_eq!((taken.reservation, taken.attempts), (job.reservation, 2));
        assert_eq!(prove(store, &taken).await, None, "the first worker has lost it");
        let finished = Finished { id: job.id, outcome: Ok(b"proof".to_vec()) };
        let done = store.finish(later, OTHER, vec![finished]).await.unwrap().pop().unwrap();
        assert_eq!(done.unwrap().state, JobState::Done { seq: 1 });
    }

    async fn a_job_that_kills_its_workers_fails(store: &dyn Store) {
        let job = admitted(store, order(1, "a", 1)).await;
        let mut now = NOW;
        for _ in 0..MAX_ATTEMPTS {
            assert_eq!(claim(store, now, ONE, 1).await.len(), 1);
            now = now.plus(1000);
        }
        assert_eq!(claim(store, now, ONE, 1).await, []);
        let failed = store.job(job.id).await.unwrap().unwrap();
        assert_eq!(failed.state, JobState::Failed(FailReason::Attempts));
        assert_eq!(store.depths().await.unwrap().open, 0);
    }

    async fn an_overdue_job_expires_and_its_ids_stay_burnt(store: &dyn Store) {
        let [swept, claimed, late] = [("a", 1), ("b", 2), ("c", 3)].map(|(key, seconds)| {
            Submission { deadline: NOW.plus(1000 * seconds), ..order(1, key, 1) }
        });
        for one in [&swept, &claimed, &late] {
            admitted(store, one.clone()).await;
        }
        assert_eq!(store.sweep(NOW.plus(1000), 100).await.unwrap(), 1);
        let held = claim(store, NOW.plus(2000), ONE, 5).await;
        assert_eq!(held.len(), 1);
        let proof = Finished { id: late.id, outcome: Ok(b"late".to_vec()) };
        store.finish(NOW.plus(3000), ONE, vec![proof]).await.unwrap();
        for one in [&swept, &claimed, &late] {
            assert_eq!(store.job(one.id).await.unwrap().unwrap().state, JobState::Expired);
        }
        assert_eq!(store.proofs(1, 10).await.unwrap(), []);
        assert_eq!(admitted(store, order(1, "d", 1)).await.reservation.first, 3);
    }

    async fn a_cancelled_job_is_not_proved_and_its_ids_stay_burnt(store: &dyn Store) {
        let queued = admitted(store, order(1, "a", 1)).await;
        let cancelled = store.cancel(queued.id).await.unwrap().unwrap();
        assert_eq!(cancelled.state, JobState::Cancelled);
        assert_eq!(claim(store, NOW, ONE, 1).await, []);
        let proving = admitted(store, order(1, "b", 1)).await;
        claim(store, NOW, ONE, 1).await;
        store.cancel(proving.id).await.unwrap();
        assert_eq!(prove(store, &proving).await, None);
        assert_eq!(store.cancel(JobId([9; 32])).await.unwrap(), None);
        assert_eq!(admitted(store, order(1, "c", 1)).await.reservation.first, 2);
    }

    async fn the_stream_has_no_gaps_and_is_read_from_anywhere(store: &dyn Store) {
        for key in ["a", "b", "c", "d"] {
            let job = admitted(store, order(1, key, 1)).await;
            claim(store, NOW, ONE, 1).await;
            let outcome = if key == "b" { Err(FailReason::NoSecret) } else { Ok(vec![7; 289]) };
            let finished = Finished { id: job.id, outcome };
            let done = store.finish(NOW, ONE, vec![finished.clone()]).await.unwrap();
            assert!(done[0].as_ref().is_some_and(|job| job.state.is_final()));
            let again = store.finish(NOW, ONE, vec![finished]).await.unwrap();
            assert_eq!(again, [None], "a job ends once");
        }
        let publication = Publication {
            id: JobId([8; 32]),
            sender: vec![4],
            subject: vec![5],
            epoch: Epoch(7),
            proof: vec![6; 289],
        };
        assert_eq!(store.publish(NOW, publication.clone()).await.unwrap(), 4);
        assert_eq!(store.publish(NOW, publication).await.unwrap(), 4);
        let all = store.proofs(1, 100).await.unwrap();
        assert_eq!(all.iter().map(|proof| proof.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(all[1].subject, b"c");
        assert_eq!((all[1].epoch, all[1].first, all[1].count), (Epoch(7), 2, 1));
        assert_eq!(store.proofs(3, 1).await.unwrap(), all[2..3]);
        assert_eq!(store.depths().await.unwrap().proofs, 4);
    }

    async fn forgetting_old_jobs_frees_no_ids(store: &dyn Store) {
        let job = admitted(store, order(1, "a", 4)).await;
        claim(store, NOW, ONE, 1).await;
        prove(store, &job).await;
        let open = admitted(store, order(1, "b", 1)).await;
        assert_eq!(store.prune(NOW, 100).await.unwrap(), 0);
        assert!(store.prune(NOW.plus(1), 100).await.unwrap() > 0);
        assert_eq!(store.job(job.id).await.unwrap(), None);
        assert_eq!(store.proofs(1, 10).await.unwrap(), []);
        assert_eq!(store.job(open.id).await.unwrap(), Some(open));
        let again = admitted(store, order(1, "a", 4)).await;
        assert_eq!(again.reservation.first, 5);
        assert_eq!(store.depths().await.unwrap().proofs, 1, "numbers go on");
    }

    async fn a_nullifier_with_two_points_is_evidence_and_with_one_is_not(store: &dyn Store) {
        let mark = |epoch, x| Mark {
            epoch: Epoch(epoch),
            nullifier: [1; 32],
            x: [x; 32],
            y: [x + 1; 32],
        };
        let record = |mark| async move { store.record(NOW, vec![mark]).await.unwrap()[0] };
        assert_eq!(record(mark(1, 1)).await, Recorded::Fresh);
        assert_eq!(record(mark(1, 1)).await, Recorded::Duplicate);
        assert_eq!(record(mark(2, 2)).await, Recorded::Fresh);
        assert_eq!(record(mark(1, 3)).await, Recorded::DoubleSignal { seq: 1 });
        let evidence = Evidence { seq: 1, first: mark(1, 1), second: mark(1, 3), at: NOW };
        assert_eq!(store.double_signals(1, 10).await.unwrap(), [evidence]);
        assert_eq!(store.mark(Epoch(1), [1; 32]).await.unwrap(), Some(mark(1, 1)));
        store.forget_marks(Epoch(2)).await.unwrap();
        assert_eq!(store.mark(Epoch(1), [1; 32]).await.unwrap(), None);
        assert_eq!(store.mark(Epoch(2), [1; 32]).await.unwrap(), Some(mark(2, 2)));
    }

    async fn members_have_one_leaf_each_in_the_order_they_came(store: &dyn Store) {
        let person = |who: u8, name: &str| Registration {
            member: member(who),
            name: name.as_bytes().to_vec(),
            limit: 5,
            tier: "basic".to_owned(),
            sealed: Some(vec![who; 60]),
        };
        let register = |one| async move { store.register(one, 2).await.unwrap() };
        let alice = register(person(1, "alice")).await.unwrap();
        assert_eq!(register(person(1, "alice")).await, Ok(alice.clone()));
        assert_eq!(register(person(1, "bob")).await, Err(RegisterRefusal::IdentityTaken));
        assert_eq!(register(person(2, "alice")).await, Err(RegisterRefusal::NameTaken));
        assert_eq!(register(person(2, "")).await, Err(RegisterRefusal::Name));
        let bob = register(person(2, "bob")).await.unwrap();
        assert_eq!(register(person(3, "carol")).await, Err(RegisterRefusal::Full));
        let leaf = |number, one: &MemberRecord| {
            Leaf { number, index: number - 1, member: Some(one.clone()) }
        };
        let leaves = [leaf(1, &alice), leaf(2, &bob)];
        assert_eq!(store.leaves(0, 10).await.unwrap(), leaves);
        assert_eq!(store.leaves(1, 10).await.unwrap(), leaves[1..]);
        assert_eq!(store.leaves(0, 1).await.unwrap(), leaves[..1]);
        assert_eq!(store.member_named(b"alice").await.unwrap(), Some(alice));
        assert_eq!(store.member_keyed(member(2)).await.unwrap(), Some(bob));
        assert_eq!(store.member_named(b"carol").await.unwrap(), None);
    }

    async fn members_from_elsewhere_change_with_the_place_up_to_which_they_were_read(
        store: &dyn Store
    ) {
        let person = |who: u8| Registration {
            member: member(who),
            name: vec![who; 3],
            limit: u32::from(who),
            tier: String::new(),
            sealed: None,
        };
        let amend = |leaves, before: Option<&str>, after: &str| {
            let (before, after) = (before.map(str::to_owned), after.to_owned());
            store.amend(Amendment { leaves, cursor: "cursor", before, after })
        };
        let first = vec![(0, Some(person(1))), (1, Some(person(2))), (1, Some(person(3)))];
        assert!(amend(first.clone(), None, "a").await.unwrap());
        assert!(!amend(first, None, "b").await.unwrap(), "somebody else was faster");
        assert_eq!(store.setting("cursor").await.unwrap().as_deref(), Some("a"));
        let of = |index: u64, who: Option<u8>| (index, who.map(|who| person(who).at(index)));
        let now = |leaves: Vec<Leaf>| {
            leaves.into_iter().map(|leaf| (leaf.index, leaf.member)).collect::<Vec<_>>()
        };
        let seen = store.leaves(0, 10).await.unwrap();
        let last = seen.last().unwrap().number;
        assert_eq!(now(seen), [of(0, Some(1)), of(1, Some(3))]);
        let moved = vec![(0, None), (2, Some(person(1)))];
        assert!(amend(moved, Some("a"), "b").await.unwrap());
        assert_eq!(now(store.leaves(last, 10).await.unwrap()), [of(0, None), of(2, Some(1))]);
        let all = now(store.leaves(0, 10).await.unwrap());
        assert_eq!(all, [of(1, Some(3)), of(0, None), of(2, Some(1))]);
        assert_eq!(store.member_keyed(member(1)).await.unwrap().unwrap().index, 2);
        assert_eq!(store.member_at(2).await.unwrap(), Some(person(1).at(2)));
        assert_eq!(store.member_at(0).await.unwrap(), None);
        assert!(amend(vec![(2, None)], Some("b"), "c").await.unwrap());
        assert_eq!(store.member_named(&[1; 3]).await.unwrap(), None);
        assert_eq!(store.depths().await.unwrap().members, 3);
        let next = store.register(person(9), 10).await.unwrap().unwrap();
        assert_eq!(next.index, 3, "behind the last leaf anybody had");
    }

    async fn what_is_delivered_is_a_job_that_is_done(store: &dyn Store) {
        let request = ReserveRequest { id: JobId([3; 32]), member: member(1), wanted: wanted(7, 2) };
        let ahead = store.reserve(NOW, request).await.unwrap().unwrap();
        let delivery = |key: &str, first| Delivery {
            submission: order(1, key, 1),
            reservation: Reservation { first, count: 1, ..ahead },
            proof: key.as_bytes().to_vec(),
        };
        let both = vec![delivery("a", 0), delivery("b", 1), delivery("a", 1)];
        let jobs = store.deliver(NOW, both).await.unwrap();
        let states: Vec<_> = jobs.iter().map(|job| job.as_ref().map(|job| job.state)).collect();
        let done = |seq| Some(JobState::Done { seq });
        assert_eq!(states, [done(1), done(2), None]);
        assert_eq!(store.job(order(1, "a", 1).id).await.unwrap(), jobs[0]);
        let proofs = store.proofs(1, 10).await.unwrap();
        let told = proofs.iter().map(|one| (one.first, one.proof.as_slice()));
        assert_eq!(told.collect::<Vec<_>>(), [(0, &b"a"[..]), (1, b"b")]);
        let again = submit_one(store, order(1, "a", 1)).await.unwrap();
        assert!(again.repeated && Some(again.job) == jobs[0]);
        assert_eq!(claim(store, NOW, ONE, 9).await, []);
        assert_eq!(admitted(store, order(1, "c", 1)).await.reservation.first, 2);
        assert!(store.prune(NOW.plus(1), 100).await.unwrap() > 0);
        assert_eq!(store.proofs(1, 10).await.unwrap(), []);
    }

    async fn denials_and_settings_are_kept_until_changed(store: &dyn Store) {
        let entry = |reason: &str| Denied {
            name: b"mallory".to_vec(),
            reason: reason.to_owned(),
            until: NOW.plus(5),
            since: NOW,
        };
        assert_eq!(store.denied(b"mallory").await.unwrap(), None);
        assert!(!store.deny(b"mallory".to_vec(), Some(entry("spam"))).await.unwrap());
        assert!(store.deny(b"mallory".to_vec(), Some(entry("more"))).await.unwrap());
        assert_eq!(store.denied(b"mallory").await.unwrap(), Some(entry("more")));
        assert!(store.deny(b"mallory".to_vec(), None).await.unwrap());
        assert!(!store.deny(b"mallory".to_vec(), None).await.unwrap());
        store.set("paused", "yes").await.unwrap();
        store.set("paused", "no").await.unwrap();
        assert_eq!(store.setting("paused").await.unwrap().as_deref(), Some("no"));
        assert_eq!(store.setting("other").await.unwrap(), None);
        let cases = [(Some("no"), "1", false), (None, "1", true), (None, "2", false),
            (Some("2"), "3", false), (Some("1"), "2", true)];
        for (before, value, is_before) in cases {
            assert_eq!(store.replace("place", before, value).await.unwrap(), is_before, "{value}");
        }
        assert_eq!(store.setting("place").await.unwrap().as_deref(), Some("2"));
    }

    async fn whoever_waits_is_told_of_news(store: &dyn Store) {
        let mut changes = store.changes();
        changes.mark_unchanged();
        admitted(store, order(1, "a", 1)).await;
        changes.changed().await.unwrap();
    }
}

#[test]
fn a_store_of_other_epochs_is_refused() {
    let folder = Folder::new("prover-schedule");
    let path = folder.join("prover.redb");
    drop(EmbeddedStore::open(&path, &schedule(), SKEW).unwrap());
    let other = EpochSchedule::new(Millis(0), NonZeroU64::new(2000).unwrap(), "test");
    // The writer of the first store ends on its own thread.
    let refused = loop {
        match EmbeddedStore::open(&path, &other, SKEW) {
            Err(StoreError::Unavailable(_)) => std::thread::yield_now(),
            refused => break refused,
        }
    };
    assert!(matches!(refused, Err(StoreError::OtherSchedule { .. })));
    let Some(url) = postgres::database() else { return };
    runtime().block_on(async {
        postgres::connect(&url, SKEW).await;
        let refused = PostgresStore::connect(&url, 1, &other, SKEW).await;
        assert!(matches!(refused, Err(StoreError::OtherSchedule { .. })));
    });
}

/// A store that others can hold as well.
pub(super) type Shared = Arc<dyn Store>;
