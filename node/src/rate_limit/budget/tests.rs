//! Ids under failing disks, many threads and restarts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use logos_rln::Identity;
use proptest::prelude::*;

use super::*;
use crate::rate_limit::Application;
use crate::store::tests::Folder;

fn epochs() -> Epochs {
    Epochs::new(Duration::from_secs(600), Application::WAKU_RELAY).unwrap()
}

fn member() -> IdentityCommitment {
    Identity::seeded(b"budget").commitment()
}

fn open(store: Box<dyn BurnStore>, limit: u32) -> RateBudget {
    RateBudget::open(store, member(), MessageLimit::new(limit).unwrap(), epochs()).unwrap()
}

const EPOCH: EpochNumber = EpochNumber::new(2_939_502);

/// What is on a disk, and what the next write does: nothing unusual, or fail with or without
/// having been done.
#[derive(Clone, Debug, Default)]
pub(in crate::rate_limit) struct Disk(Arc<Mutex<(Burns, Option<bool>)>>);

impl Disk {
    pub(in crate::rate_limit) fn crash(&self, written: Option<bool>) {
        self.0.lock().unwrap().1 = written;
    }
}

impl BurnStore for Disk {
    fn load(&mut self, _: &BudgetName) -> Result<Burns, NodeStoreError> {
        Ok(self.0.lock().unwrap().0.clone())
    }

    fn commit(&mut self, _: &BudgetName, changes: &Burns) -> Result<(), NodeStoreError> {
        let mut disk = self.0.lock().unwrap();
        let crash = disk.1.take();
        if crash != Some(false) {
            disk.0.forgotten_below = changes.forgotten_below;
            disk.0.free.extend(&changes.free);
            disk.0.free.retain(|epoch, _| *epoch >= changes.forgotten_below);
        }
        match crash {
            Some(_) => Err(NodeStoreError::Io(std::io::ErrorKind::StorageFull)),
            None => Ok(()),
        }
    }
}

proptest! {
    #[test]
    fn no_id_is_given_out_twice_whatever_the_disk_does(
        steps in proptest::collection::vec((0u64..3, proptest::option::of(any::<bool>())), 1..60),
    ) {
        let disk = Disk::default();
        let mut budget = open(Box::new(disk.clone()), 1000);
        let mut used = Vec::new();
        for (epoch, crash) in steps {
            disk.crash(crash);
            let epoch = EpochNumber::new(EPOCH.get() + epoch);
            match budget.burn(epoch, 0) {
                Ok(burnt) => {
                    let id = (epoch, burnt.ids()[0]);
                    prop_assert!(!used.contains(&id));
                    used.push(id);
                }
                Err(error) => {
                    prop_assert!(matches!(error, BudgetError::Store(_)));
                    // Nothing goes until the storage is opened again.
                    prop_assert!(budget.burn(epoch, 0).is_err());
                    budget = open(Box::new(disk.clone()), 1000);
                }
            }
            disk.crash(None);
        }
    }
}

/// Counts its writes.
struct Counting(Disk, Arc<AtomicU64>);

impl BurnStore for Counting {
    fn load(&mut self, name: &BudgetName) -> Result<Burns, NodeStoreError> {
        self.0.load(name)
    }

    fn commit(&mut self, name: &BudgetName, changes: &Burns) -> Result<(), NodeStoreError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.commit(name, changes)
    }
}

#[test]
fn threads_get_different_ids_and_never_more_than_the_limit() {
    let (disk, writes) = (Disk::default(), Arc::new(AtomicU64::new(0)));
    let budget = open(Box::new(Counting(disk.clone(), Arc::clone(&writes))), 100);
    let ids = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Ok(burnt) = budget.burn(EPOCH, 0) {
                    // What is handed out is on the disk.
                    let durable = disk.0.lock().unwrap().0.free[&EPOCH.get()];
                    assert!(durable > burnt.ids()[0]);
                    ids.lock().unwrap().extend_from_slice(burnt.ids());
                }
            });
        }
    });
    let mut ids = ids.into_inner().unwrap();
    ids.sort_unstable();
    assert_eq!(ids, (0..100).collect::<Vec<_>>());
    assert!(writes.load(Ordering::Relaxed) <= 100);
    assert_eq!((budget.left(EPOCH), budget.left(EPOCH.next())), (0, 100));
}

#[test]
fn those_who_wait_share_the_next_write() {
    let budget = open(Box::new(Disk::default()), 10);
    // Three are given out before anybody writes; the first to ask for the disk writes them all.
    let requests = [0; 3].map(|_| budget.reserve(EPOCH, 0).unwrap().1);
    budget.settle(requests[0]).unwrap();
    assert_eq!(budget.book().durable, 3);
    budget.settle(requests[2]).unwrap();
}

#[test]
fn skipped_ids_are_lost() {
    let budget = open(Box::new(Disk::default()), 10);
    assert_eq!(budget.burn(EPOCH, 7).unwrap().ids(), [7]);
    assert_eq!(budget.burn(EPOCH, 3).unwrap().ids(), [8]);
    assert_eq!(budget.left(EPOCH), 1);
    let exhausted = BudgetError::Exhausted { epoch: EPOCH, limit: 10 };
    assert_eq!(budget.burn(EPOCH, 10), Err(exhausted));
    assert_eq!(budget.left(EPOCH), 1);
}

#[test]
fn an_id_given_back_is_used_again_when_no_other_is_left_and_not_after_a_restart() {
    let disk = Disk::default();
    let budget = open(Box::new(disk.clone()), 2);
    budget.burn(EPOCH, 0).unwrap();
    budget.give_back(EPOCH, 0);
    // Never given out, so nothing to give back.
    budget.give_back(EPOCH, 1);
    assert_eq!(budget.left(EPOCH), 2);
    assert_eq!(budget.burn(EPOCH, 0).unwrap().ids(), [1]);
    assert_eq!(budget.burn(EPOCH, 0).unwrap().ids(), [0]);
    assert_eq!((budget.left(EPOCH), budget.burn(EPOCH, 0).is_err()), (0, true));
    budget.give_back(EPOCH, 1);
    let restarted = open(Box::new(disk), 2);
    assert_eq!((restarted.left(EPOCH), restarted.burn(EPOCH, 0).is_err()), (0, true));
}

#[test]
fn a_clock_that_was_ahead_for_a_while_costs_nothing_and_one_far_behind_sends_nothing() {
    let disk = Disk::default();
    let mut budget = open(Box::new(disk.clone()), 2);
    budget.burn(EPOCH, 0).unwrap();
    budget.burn(EpochNumber::new(u64::MAX), 0).unwrap();
    assert_eq!(budget.burn(EPOCH, 0).unwrap().ids(), [1]);
    for later in 1..=RateBudget::EPOCHS as u64 {
        budget.burn(EpochNumber::new(EPOCH.get() + later), 0).unwrap();
    }
    for _ in 0..2 {
        let behind = budget.burn(EPOCH, 0);
        assert!(matches!(behind, Err(BudgetError::Forgotten { .. })), "{behind:?}");
        assert_eq!(budget.left(EPOCH), 0);
        budget = open(Box::new(disk.clone()), 2);
    }
    assert_eq!(disk.0.lock().unwrap().0.free.len(), RateBudget::EPOCHS);
}

#[test]
fn the_database_remembers_each_name_by_itself() {
    let folder = Folder::new("burns");
    let path = folder.join("burns.redb");
    let names = [b"one", b"two"]
        .map(|seed| BudgetName::new(Identity::seeded(seed).commitment(), &epochs()));
    let burns = |below, free: &[(u64, u32)]| Burns {
        forgotten_below: below,
        free: free.iter().copied().collect(),
    };
    let mut store = RedbBurns::open(&path).unwrap();
    assert_eq!(store.load(&names[0]), Ok(Burns::default()));
    store.commit(&names[0], &burns(0, &[(1, 5), (2, 6), (3, 7)])).unwrap();
    store.commit(&names[1], &burns(0, &[(1, 9)])).unwrap();
    store.commit(&names[0], &burns(2, &[(3, 8)])).unwrap();
    drop(store);
    let mut store = RedbBurns::open(&path).unwrap();
    assert_eq!(store.load(&names[0]), Ok(burns(2, &[(2, 6), (3, 8)])));
    assert_eq!(store.load(&names[1]), Ok(burns(0, &[(1, 9)])));
}
