//! Proving what this node sends.
//!
//! A thread of its own keeps slots ready, proofs that lack nothing but their message, so that a
//! message costs a disk write and a fraction of a millisecond. The path to the root is followed
//! there as well.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use logos_crypto::Fr;
use logos_rln::{
    Identity, LimitError, Membership, MerklePath, PoolPolicy, ProveError, Prover, RateCommitment,
    RlnProof, Signal, Slot, SlotError, SlotFactory, SlotPool,
};
use thiserror::Error;

use crate::random::{RandomError, os_seeded};
use crate::rate_limit::{BudgetError, EpochNumber, Epochs, RateBudget};

/// Why a message was not proved.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendProofError {
    /// No message id could be burnt.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The member has no place in the group, as far as this node knows.
    #[error("this node is no member of the group")]
    NotAMember,
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The circuit refused the member or the message id. The id is burnt.
    #[error("the circuit refused: {0}")]
    Prove(#[from] ProveError),
    /// The slot was not for this id. The id is burnt.
    #[error("the slot was not for this message: {0}")]
    Slot(#[from] SlotError),
    /// The thread that prepares slots did not start or has ended.
    #[error("the thread that prepares proofs is not running")]
    Stopped,
}

/// Makes the proofs of one member.
#[derive(Debug)]
pub(super) struct Sender {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A proof, the id it uses up, and whether it lay ready.
pub(super) struct Proved {
    pub(super) proof: RlnProof,
    pub(super) id: u32,
    pub(super) prepared: bool,
}

/// What the caller's threads and the preparing thread share.
struct Shared {
    prover: Arc<Prover>,
    identity: Identity,
    budget: RateBudget,
    epochs: Epochs,
    bench: Mutex<Bench>,
    changed: Condvar,
}

/// What lies ready.
struct Bench {
    pool: SlotPool,
    factory: Option<Arc<SlotFactory>>,
    /// A path the factory does not have yet.
    moved: Option<MerklePath>,
    /// The root of the path given last; none for somebody who is no member.
    root: Option<Fr>,
    stopped: bool,
}

impl Sender {
    /// Starts the thread, which has nothing to do before [`Sender::follow`] and
    /// [`Sender::enter`].
    pub(super) fn start(
        prover: Arc<Prover>,
        identity: Identity,
        budget: RateBudget,
        (epochs, policy): (Epochs, PoolPolicy),
    ) -> Result<Self, SendProofError> {
        prover.circuit().check_limit(budget.limit()).map_err(ids_error)?;
        let pool = SlotPool::new(policy, budget.limit().get());
        let bench = Bench { pool, factory: None, moved: None, root: None, stopped: false };
        let (bench, changed) = (Mutex::new(bench), Condvar::new());
        let shared = Arc::new(Shared { prover, identity, budget, epochs, bench, changed });
        let worker = Arc::clone(&shared);
        let named = thread::Builder::new().name("rln-slots".to_owned());
        let thread = named.spawn(move || worker.prepare()).map_err(|_| SendProofError::Stopped)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The member's leaf.
    pub(super) fn leaf(&self) -> RateCommitment {
        self.shared.identity.rate_commitment(self.shared.budget.limit())
    }

    /// The root of the path given last.
    pub(super) fn root(&self) -> Option<Fr> {
        self.shared.bench().root
    }

    /// Takes another path and its root, or none if the member was removed. Slots under roots that
    /// `accepted` refuses are dropped.
    pub(super) fn follow(&self, place: Option<(MerklePath, Fr)>, accepted: impl Fn(&Fr) -> bool) {
        let (path, root) = place.unzip();
        let mut bench = self.shared.bench();
        (bench.moved, bench.root) = (path, root);
        bench.pool.retain_roots(accepted);
        if root.is_none() {
            bench.factory = None;
        }
        drop(bench);
        self.shared.changed.notify_all();
    }

    /// Starts preparing for an epoch and the next one.
    pub(super) fn enter(&self, epoch: EpochNumber) {
        drop(self.shared.enter(epoch));
        self.shared.changed.notify_all();
    }

    /// Messages left in an epoch.
    pub(super) fn left(&self, epoch: EpochNumber) -> u32 {
        self.shared.budget.left(epoch)
    }

    /// Slots ready for the epoch entered last.
    pub(super) fn ready(&self) -> usize {
        self.shared.bench().pool.ready()
    }

    /// Burns an id of `epoch` and proves `signal` with it. Waits for the disk, for the path if it
    /// has just changed, and, if no slot is ready, for one to be made.
    pub(super) fn prove(
        &self,
        epoch: EpochNumber,
        signal: Signal,
    ) -> Result<Proved, SendProofError> {
        let shared = &*self.shared;
        let factory = shared.factory()?;
        let external = shared.epochs.external_nullifier(epoch);
        let slot = {
            let mut bench = shared.enter(epoch);
            bench.pool.take().filter(|slot| slot.external_nullifier() == external)
        };
        shared.changed.notify_all();
        let wanted = slot.as_ref().and_then(|slot| slot.ids().first().copied());
        let burnt = shared.budget.burn(epoch, wanted.unwrap_or_default())?;
        let (slot, prepared) = match slot.filter(|slot| slot.ids() == burnt.ids()) {
            Some(slot) => (slot, true),
            None => (shared.make(&factory, epoch, burnt.ids())?, false),
        };
        let id = burnt.ids().first().copied().unwrap_or_default();
        Ok(Proved { proof: slot.prove(&shared.prover, burnt, signal)?, id, prepared })
    }

    /// Takes back the id of a proof that was never sent and never will be.
    pub(super) fn give_back(&self, epoch: EpochNumber, id: u32) {
        self.shared.budget.give_back(epoch, id);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.bench().stopped = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to finish.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn bench(&self) -> MutexGuard<'_, Bench> {
        self.bench.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, bench: MutexGuard<'a, Bench>) -> MutexGuard<'a, Bench> {
        self.changed.wait(bench).unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, epoch: EpochNumber) -> MutexGuard<'_, Bench> {
        let next = self.epochs.external_nullifier(epoch.next());
        let current = self.epochs.external_nullifier(epoch);
        let free = self.budget.first_free(epoch);
        let mut bench = self.bench();
        bench.pool.enter(current, next, free);
        bench
    }

    /// The factory, as soon as there is one.
    fn factory(&self) -> Result<Arc<SlotFactory>, SendProofError> {
        let mut bench = self.bench();
        loop {
            match &bench.factory {
                _ if bench.stopped => return Err(SendProofError::Stopped),
                _ if bench.root.is_none() => return Err(SendProofError::NotAMember),
                Some(factory) => return Ok(Arc::clone(factory)),
                None => bench = self.wait(bench),
            }
        }
    }

    /// Makes a slot for ids.
    fn make(
        &self,
        factory: &SlotFactory,
        epoch: EpochNumber,
        ids: &[u32],
    ) -> Result<Slot, SendProofError> {
        let id = ids.first().copied().unwrap_or_default();
        let id = self.budget.limit().id(id).map_err(ids_error)?;
        let external = self.epochs.external_nullifier(epoch);
        Ok(factory.make(&self.prover, external, &id.into(), &mut os_seeded()?)?)
    }

    /// The preparing thread: the path first, then the slots that are wanted.
    fn prepare(&self) {
        let Ok(mut rng) = os_seeded() else { return self.stop() };
        let mut bench = self.bench();
        while !bench.stopped {
            if let Some(path) = bench.moved.take() {
                let old = bench.factory.clone();
                drop(bench);
                let Ok(factory) = self.move_to(old.as_deref(), path) else { return self.stop() };
                bench = self.bench();
                if bench.root.is_some() {
                    bench.factory = Some(Arc::new(factory));
                }
                self.changed.notify_all();
                continue;
            }
            let wanted = bench.factory.clone().zip(bench.pool.wanted());
            let Some((factory, wanted)) = wanted else {
                bench = self.wait(bench);
                continue;
            };
            drop(bench);
            let slot = self.budget.limit().id(wanted.id).map_err(ids_error).and_then(|id| {
                Ok(factory.make(&self.prover, wanted.epoch, &id.into(), &mut rng)?)
            });
            let Ok(slot) = slot else { return self.stop() };
            bench = self.bench();
            // Not wanted any more if the id was burnt meanwhile.
            drop(bench.pool.insert(slot));
            self.changed.notify_all();
        }
    }

    fn move_to(
        &self,
        old: Option<&SlotFactory>,
        path: MerklePath,
    ) -> Result<SlotFactory, ProveError> {
        match old {
            Some(old) => old.refresh(&self.prover, path),
            None => {
                let secret = self.identity.secret().duplicate();
                let limit = self.budget.limit();
                SlotFactory::new(&self.prover, &Membership::new(secret, limit, path))
            }
        }
    }

    fn stop(&self) {
        self.bench().stopped = true;
        self.changed.notify_all();
    }
}

fn ids_error(error: LimitError) -> SendProofError {
    SendProofError::Prove(ProveError::MessageIds(error.into()))
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("budget", &self.budget).finish_non_exhaustive()
    }
}
