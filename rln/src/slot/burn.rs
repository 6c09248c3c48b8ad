//! Message ids are used once, whatever crashes.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::convert::Infallible;

use thiserror::Error;

use crate::epoch::ExternalNullifier;
use crate::limit::{MessageId, MessageLimit};

/// Where a member's used message ids are kept, durably.
///
/// For each epoch there is one number, the id below which every id is burnt. The implementation
/// lives where files do; [`MemoryLedger`] is for members who live as long as their process.
pub trait IdLedger {
    /// Why the storage failed.
    type Error;

    /// The first id of `epoch` that is not burnt; zero for an epoch never seen.
    ///
    /// # Errors
    ///
    /// Whatever the storage reports.
    fn first_free(&self, epoch: ExternalNullifier) -> Result<u32, Self::Error>;

    /// Burns every id below `to`. When this returns `Ok`, that must survive a crash; when it
    /// returns an error, it may or may not have happened. Never lowers the number.
    ///
    /// # Errors
    ///
    /// Whatever the storage reports.
    fn burn_below(&mut self, epoch: ExternalNullifier, to: u32) -> Result<(), Self::Error>;
}

/// Why no id was burnt.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BurnError<E> {
    /// The member has sent as many messages as its limit in this epoch.
    #[error("all {limit} message ids of the epoch are used")]
    Exhausted {
        /// The member's limit.
        limit: u32,
    },
    /// An id is burnt already.
    #[error("message id {id} was used before")]
    AlreadyBurnt {
        /// The id.
        id: u32,
    },
    /// The ids are no ids at all.
    #[error("no message id was named")]
    None,
    /// The ledger failed; treat the ids as burnt.
    #[error("the ledger failed: treat the message ids as used")]
    Ledger(E),
}

/// Proof that message ids were burnt for this one use. Cannot be made but by [`burn`].
#[derive(Debug, PartialEq, Eq)]
pub struct BurntIds {
    epoch: ExternalNullifier,
    ids: Vec<u32>,
}

impl BurntIds {
    /// The ids burnt.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    pub(super) fn covers(&self, epoch: ExternalNullifier, ids: &[u32]) -> bool {
        self.epoch == epoch && self.ids == ids
    }
}

/// Burns `ids`, in ascending order, and everything below them.
///
/// Call this before a proof leaves. Ids must be taken in ascending order; those skipped are lost.
///
/// # Errors
///
/// [`BurnError::AlreadyBurnt`] if one of them, or one after it, was burnt before;
/// [`BurnError::Ledger`] if the storage failed, in which case nobody knows.
///
/// # Examples
///
/// ```
/// use logos_rln::{BurnError, ExternalNullifier, MemoryLedger, MessageLimit, burn};
///
/// let epoch = ExternalNullifier::new(b"epoch", b"app");
/// let limit = MessageLimit::new(2)?;
/// let mut ledger = MemoryLedger::default();
/// let burnt = burn(&mut ledger, epoch, &[limit.id(0)?])?;
/// assert_eq!(burnt.ids(), [0]);
/// assert_eq!(
///     burn(&mut ledger, epoch, &[limit.id(0)?]),
///     Err(BurnError::AlreadyBurnt { id: 0 })
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn burn<L: IdLedger>(
    ledger: &mut L,
    epoch: ExternalNullifier,
    ids: &[MessageId],
) -> Result<BurntIds, BurnError<L::Error>> {
    let free = ledger.first_free(epoch).map_err(BurnError::Ledger)?;
    let last = ids.iter().max().ok_or(BurnError::None)?;
    if let Some(id) = ids.iter().find(|id| id.get() < free) {
        return Err(BurnError::AlreadyBurnt { id: id.get() });
    }
    // Ids are below a limit, which is a u32, so the successor exists.
    ledger.burn_below(epoch, last.get().saturating_add(1)).map_err(BurnError::Ledger)?;
    Ok(BurntIds { epoch, ids: ids.iter().map(|id| id.get()).collect() })
}

/// The next id a member may use in an epoch.
///
/// # Errors
///
/// [`BurnError::Exhausted`] or [`BurnError::Ledger`].
pub fn next_id<L: IdLedger>(
    ledger: &L,
    epoch: ExternalNullifier,
    limit: MessageLimit,
) -> Result<MessageId, BurnError<L::Error>> {
    let free = ledger.first_free(epoch).map_err(BurnError::Ledger)?;
    limit.id(free).map_err(|_| BurnError::Exhausted { limit: limit.get() })
}

/// A ledger that forgets when the process ends: only for members who end with it.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    free: BTreeMap<ExternalNullifier, u32>,
}

impl IdLedger for MemoryLedger {
    type Error = Infallible;

    fn first_free(&self, epoch: ExternalNullifier) -> Result<u32, Infallible> {
        Ok(self.free.get(&epoch).copied().unwrap_or_default())
    }

    fn burn_below(&mut self, epoch: ExternalNullifier, to: u32) -> Result<(), Infallible> {
        let free = self.free.entry(epoch).or_default();
        *free = to.max(*free);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A disk whose write may be lost or may survive when the machine dies during it.
    #[derive(Default)]
    struct Disk {
        ledger: MemoryLedger,
        crash: Option<bool>,
    }

    impl IdLedger for Disk {
        type Error = ();

        fn first_free(&self, epoch: ExternalNullifier) -> Result<u32, ()> {
            self.ledger.first_free(epoch).map_err(|_| ())
        }

        fn burn_below(&mut self, epoch: ExternalNullifier, to: u32) -> Result<(), ()> {
            match self.crash.take() {
                Some(written) => {
                    if written {
                        let _ = self.ledger.burn_below(epoch, to);
                    }
                    Err(())
                }
                None => self.ledger.burn_below(epoch, to).map_err(|_| ()),
            }
        }
    }

    proptest! {
        #[test]
        fn no_id_is_handed_out_twice_whatever_crashes(
            crashes in proptest::collection::vec(proptest::option::of(any::<bool>()), 1..40),
        ) {
            let epoch = ExternalNullifier::new(b"e", b"a");
            let limit = MessageLimit::new(1000).unwrap();
            let mut disk = Disk::default();
            let mut used = Vec::new();
            for crash in crashes {
                disk.crash = crash;
                let id = next_id(&disk, epoch, limit).unwrap();
                if let Ok(burnt) = burn(&mut disk, epoch, &[id]) {
                    prop_assert!(!used.contains(&burnt.ids()[0]));
                    used.extend_from_slice(burnt.ids());
                }
            }
        }
    }

    #[test]
    fn a_member_at_its_limit_gets_no_id() {
        let epoch = ExternalNullifier::new(b"e", b"a");
        let limit = MessageLimit::new(1).unwrap();
        let mut ledger = MemoryLedger::default();
        let id = next_id(&ledger, epoch, limit).unwrap();
        burn(&mut ledger, epoch, &[id]).unwrap();
        assert_eq!(next_id(&ledger, epoch, limit), Err(BurnError::Exhausted { limit: 1 }));
    }
}
