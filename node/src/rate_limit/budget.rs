//! How many messages are left, whatever crashes.
//!
//! A message id that is used twice gives the member's secret away, so every id is burnt on the disk
//! before its proof exists. Threads that burn at the same time share one write.

mod disk;

#[cfg(test)]
pub(in crate::rate_limit) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use logos_crypto::hash_to_field::keccak256;
use logos_rln::{
    BurnError, BurntIds, ExternalNullifier, IdLedger, IdentityCommitment, MessageId, MessageLimit,
    burn,
};
use thiserror::Error;

pub use disk::RedbBurns;

use crate::rate_limit::{EpochNumber, Epochs};
use crate::store::NodeStoreError;

/// Whose ids these are: a member, an application and a length of epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetName([u8; 32]);

impl BudgetName {
    /// Hashes the three.
    #[must_use]
    pub fn new(member: IdentityCommitment, epochs: &Epochs) -> Self {
        let length = epochs.length().as_nanos().to_le_bytes();
        let member = member.to_field().to_bytes();
        Self(keccak256(&[&member[..], epochs.application().as_bytes(), &length].concat()))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The ids burnt under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever stores burns")]
pub struct Burns {
    /// Epochs below this one were forgotten, so nothing is sent in them again.
    pub forgotten_below: u64,
    /// For each epoch the id below which all are burnt.
    pub free: BTreeMap<u64, u32>,
}

/// Where burnt ids are kept, so that they stay burnt.
pub trait BurnStore: Send {
    /// What was burnt under a name.
    ///
    /// # Errors
    ///
    /// Whatever the storage reports.
    fn load(&mut self, name: &BudgetName) -> Result<Burns, NodeStoreError>;

    /// Adds what changed: `free` has the epochs that changed and no others, and the entries of
    /// epochs below `forgotten_below` go. All of it or nothing happens, and when this returns `Ok`
    /// it survives a crash; when it returns an error, it may or may not have happened.
    ///
    /// # Errors
    ///
    /// Whatever the storage reports.
    fn commit(&mut self, name: &BudgetName, changes: &Burns) -> Result<(), NodeStoreError>;
}

/// Why a message may not be sent now.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BudgetError {
    /// The member has sent as many messages as its limit in this epoch.
    #[error("all {limit} messages of epoch {} are sent", epoch.get())]
    Exhausted {
        /// The epoch.
        epoch: EpochNumber,
        /// The member's limit.
        limit: u32,
    },
    /// The clock is so far behind that what was sent then is no longer known.
    #[error("epoch {} is before {first}, the first one whose messages are remembered", epoch.get())]
    Forgotten {
        /// The epoch asked for.
        epoch: EpochNumber,
        /// The first one that is remembered.
        first: u64,
    },
    /// The storage failed, now or before; the ids in question count as used. Open it again.
    #[error("the storage of message ids failed: {0}")]
    Store(NodeStoreError),
}

/// The message ids of one member, each given out once.
///
/// Thread-safe. Restarted on the same store it continues after the last id that may have been
/// used. The ids of the last [`RateBudget::EPOCHS`] epochs are remembered, so a clock that was
/// wrong for a while and is set right does no harm; in epochs before those nothing is sent.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use logos_node::rate_limit::{
///     Application, BudgetError, EpochNumber, Epochs, RateBudget, RedbBurns,
/// };
/// use logos_rln::{Identity, MessageLimit};
///
/// let path = std::env::temp_dir().join(format!("logos-budget-{}.redb", std::process::id()));
/// let epochs = Epochs::new(Duration::from_secs(600), Application::WAKU_RELAY)?;
/// let member = Identity::seeded(b"example").commitment();
/// let open = || -> Result<RateBudget, Box<dyn std::error::Error>> {
///     let store = Box::new(RedbBurns::open(&path)?);
///     Ok(RateBudget::open(store, member, MessageLimit::new(2)?, epochs)?)
/// };
///
/// let epoch = EpochNumber::new(2_939_502);
/// let budget = open()?;
/// assert_eq!(budget.burn(epoch, 0)?.ids(), [0]);
/// drop(budget);
///
/// let budget = open()?;
/// assert_eq!(budget.left(epoch), 1);
/// assert_eq!(budget.burn(epoch, 0)?.ids(), [1]);
/// assert_eq!(budget.burn(epoch, 0), Err(BudgetError::Exhausted { epoch, limit: 2 }));
/// # drop(budget);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RateBudget {
    name: BudgetName,
    limit: MessageLimit,
    epochs: Epochs,
    book: Mutex<Book>,
    written: Condvar,
}

/// What was given out, and what of it is on the disk.
struct Book {
    given: Burns,
    /// Given out and not written yet.
    unwritten: BTreeMap<u64, u32>,
    /// Burnt, and given back: used when no others are left.
    returned: BTreeSet<(u64, u32)>,
    /// Requests so far, and how many of them are on the disk.
    requested: u64,
    durable: u64,
    failed: Option<NodeStoreError>,
    /// Not here while somebody writes.
    store: Option<Box<dyn BurnStore>>,
}

impl RateBudget {
    /// Epochs whose ids are remembered.
    pub const EPOCHS: usize = 1024;

    /// Reads what was burnt before.
    ///
    /// # Errors
    ///
    /// [`BudgetError::Store`].
    pub fn open(
        mut store: Box<dyn BurnStore>,
        member: IdentityCommitment,
        limit: MessageLimit,
        epochs: Epochs,
    ) -> Result<Self, BudgetError> {
        let name = BudgetName::new(member, &epochs);
        let given = store.load(&name).map_err(BudgetError::Store)?;
        let book = Book {
            given,
            unwritten: BTreeMap::new(),
            returned: BTreeSet::new(),
            requested: 0,
            durable: 0,
            failed: None,
            store: Some(store),
        };
        Ok(Self { name, limit, epochs, book: Mutex::new(book), written: Condvar::new() })
    }

    /// Messages that can still be sent in an epoch.
    #[must_use]
    pub fn left(&self, epoch: EpochNumber) -> u32 {
        let book = self.book();
        if epoch.get() < book.given.forgotten_below {
            return 0;
        }
        let returned = book.returned(epoch).count();
        let returned = u32::try_from(returned).unwrap_or(u32::MAX);
        self.limit.get().saturating_sub(book.free(epoch)).saturating_add(returned)
    }

    /// The first id of an epoch that was not given out.
    #[must_use]
    pub fn first_free(&self, epoch: EpochNumber) -> u32 {
        self.book().free(epoch)
    }

    /// The member's limit.
    #[must_use]
    pub const fn limit(&self) -> MessageLimit {
        self.limit
    }

    /// Burns the first free id of `epoch` that is at least `at_least`, and waits until that is on
    /// the disk: one write, shared with whoever burns at the same time.
    ///
    /// # Errors
    ///
    /// One [`BudgetError`] a reason. After [`BudgetError::Store`] the id counts as used, and so do
    /// all others until the budget is opened again.
    pub fn burn(&self, epoch: EpochNumber, at_least: u32) -> Result<BurntIds, BudgetError> {
        let (id, request) = self.reserve(epoch, at_least)?;
        let external = self.epochs.external_nullifier(epoch);
        let mut ticket = Ticket { budget: self, external, id, request };
        burn(&mut ticket, external, &[id]).map_err(|error| match error {
            BurnError::Ledger(error) => BudgetError::Store(error),
            // The ticket is for this id alone.
            _ => BudgetError::Exhausted { epoch, limit: self.limit.get() },
        })
    }

    /// Takes back an id whose proof was never sent and never will be, for another message of the
    /// same epoch. The disk does not hear of it: after a restart the id stays burnt.
    ///
    /// # Security
    ///
    /// If the proof was sent after all, the next one under this id gives the secret away.
    pub fn give_back(&self, epoch: EpochNumber, id: u32) {
        let mut book = self.book();
        if id < book.free(epoch) {
            book.returned.insert((epoch.get(), id));
        }
    }

    /// Gives an id out, in memory.
    fn reserve(&self, epoch: EpochNumber, at_least: u32) -> Result<(MessageId, u64), BudgetError> {
        let mut book = self.book();
        if let Some(error) = &book.failed {
            return Err(BudgetError::Store(error.clone()));
        }
        let first = book.given.forgotten_below;
        if epoch.get() < first {
            return Err(BudgetError::Forgotten { epoch, first });
        }
        let exhausted = BudgetError::Exhausted { epoch, limit: self.limit.get() };
        let Ok(id) = self.limit.id(book.free(epoch).max(at_least)) else {
            // It is burnt on the disk since it was given out first, so there is nothing to write.
            let returned = book.returned(epoch).next().ok_or_else(|| exhausted.clone())?;
            book.returned.remove(&(epoch.get(), returned));
            return Ok((self.limit.id(returned).map_err(|_| exhausted)?, 0));
        };
        let next = id.get().saturating_add(1);
        book.given.free.insert(epoch.get(), next);
        book.unwritten.insert(epoch.get(), next);
        book.requested += 1;
        Ok((id, book.requested))
    }

    /// Waits until a request is on the disk, and writes if nobody does.
    fn settle(&self, request: u64) -> Result<(), NodeStoreError> {
        let mut book = self.book();
        loop {
            if book.durable >= request {
                return Ok(());
            }
            if let Some(error) = &book.failed {
                return Err(error.clone());
            }
            book = match book.store.take() {
                Some(store) => self.write(book, store),
                None => self.written.wait(book).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Writes all that was given out, without holding the lock meanwhile.
    fn write<'a>(
        &'a self,
        mut book: MutexGuard<'a, Book>,
        mut store: Box<dyn BurnStore>,
    ) -> MutexGuard<'a, Book> {
        let requests = book.requested;
        book.forget_oldest();
        let changes = Burns {
            forgotten_below: book.given.forgotten_below,
            free: std::mem::take(&mut book.unwritten),
        };
        drop(book);
        let committed = store.commit(&self.name, &changes);
        let mut book = self.book();
        book.store = Some(store);
        match committed {
            Ok(()) => book.durable = requests,
            Err(error) => book.failed = Some(error),
        }
        self.written.notify_all();
        book
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn free(&self, epoch: EpochNumber) -> u32 {
        self.given.free.get(&epoch.get()).copied().unwrap_or_default()
    }

    /// Ids of an epoch that were given back.
    fn returned(&self, epoch: EpochNumber) -> impl Iterator<Item = u32> + '_ {
        let epoch = epoch.get();
        self.returned.range((epoch, 0)..=(epoch, u32::MAX)).map(|(_, id)| *id)
    }

    fn forget_oldest(&mut self) {
        if let Some((newest, _)) = self.given.free.last_key_value() {
            // Nobody sends in epochs long past, so what was given back in them is of no use.
            let oldest = newest.saturating_sub(1);
            self.returned.retain(|(epoch, _)| *epoch >= oldest);
        }
        while self.given.free.len() > RateBudget::EPOCHS {
            if let Some((oldest, _)) = self.given.free.pop_first() {
                self.given.forgotten_below = oldest.saturating_add(1);
                self.unwritten.remove(&oldest);
            }
        }
    }
}

impl std::fmt::Debug for RateBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateBudget")
            .field("name", &self.name)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The ledger of one id that was given out: burning it waits for the disk.
struct Ticket<'a> {
    budget: &'a RateBudget,
    external: ExternalNullifier,
    id: MessageId,
    request: u64,
}

impl IdLedger for Ticket<'_> {
    type Error = NodeStoreError;

    fn first_free(&self, epoch: ExternalNullifier) -> Result<u32, NodeStoreError> {
        // Nothing is free in any epoch but the one the id was given out for.
        Ok(if epoch == self.external { self.id.get() } else { u32::MAX })
    }

    fn burn_below(&mut self, _: ExternalNullifier, _: u32) -> Result<(), NodeStoreError> {
        self.budget.settle(self.request)
    }
}
