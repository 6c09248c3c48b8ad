//! Who has signalled: duplicates, double signals, and nothing else.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use thiserror::Error;

use crate::epoch::ExternalNullifier;
use crate::identity::IdentitySecret;
use crate::share::{Nullifier, Share};
use crate::values::ProofValues;

/// What a verified proof turns out to be.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// Its message ids were not seen before.
    Fresh,
    /// The same message was seen before, under the same ids: drop it, punish nobody.
    Duplicate,
    /// A message id was used for two messages.
    DoubleSignal(DoubleSignal),
}

/// The evidence of a double signal.
#[derive(Debug, PartialEq)]
pub struct DoubleSignal {
    /// The message id's mark.
    pub nullifier: Nullifier,
    /// The share seen first.
    pub first: Share,
    /// The share of this proof.
    pub second: Share,
    /// The member's secret. `None` only if one of the two shares was never proved.
    pub secret: Option<IdentitySecret>,
}

/// Why a proof could not be judged. Nothing was recorded.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NullifierLogError {
    /// The epoch is not among those the log keeps.
    #[error("the log keeps no such epoch")]
    UnknownEpoch,
    /// The epoch's share of the log is full.
    #[error("the log holds its {capacity} nullifiers of that epoch")]
    Full {
        /// Nullifiers kept an epoch.
        capacity: usize,
    },
}

/// Remembers the nullifiers of the last few epochs, at most so many each.
///
/// Sans-IO: the caller says which epochs are current with [`NullifierLog::open`]. Memory is
/// bounded by `epochs * capacity` entries of about a hundred bytes.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_rln::{
///     ExternalNullifier, NullifierLog, NullifierLogError, ProofValues, SingleValues, Verdict,
/// };
///
/// let epoch = ExternalNullifier::new(b"1763701200", b"chat");
/// let values = ProofValues::Single(SingleValues {
///     y: Fr::from(9u64),
///     root: Fr::from(1u64),
///     nullifier: Fr::from(2u64),
///     x: Fr::from(3u64),
///     external_nullifier: epoch.to_field(),
/// });
/// let mut log = NullifierLog::new(2, 1_000);
/// assert_eq!(log.record(&values), Err(NullifierLogError::UnknownEpoch));
/// log.open(epoch);
/// assert_eq!(log.record(&values), Ok(Verdict::Fresh));
/// assert_eq!(log.record(&values), Ok(Verdict::Duplicate));
/// ```
#[derive(Clone, Debug)]
pub struct NullifierLog {
    max_epochs: usize,
    capacity: usize,
    /// Oldest first.
    epochs: VecDeque<(ExternalNullifier, BTreeMap<Nullifier, Share>)>,
}

impl NullifierLog {
    /// A log of the last `max_epochs` epochs, `capacity` nullifiers each; at least one of both.
    #[must_use]
    pub fn new(max_epochs: usize, capacity: usize) -> Self {
        Self { max_epochs: max_epochs.max(1), capacity: capacity.max(1), epochs: VecDeque::new() }
    }

    /// Starts keeping an epoch; the oldest one kept is forgotten if there are too many.
    pub fn open(&mut self, epoch: ExternalNullifier) {
        if self.is_open(epoch) {
            return;
        }
        if self.epochs.len() == self.max_epochs {
            self.epochs.pop_front();
        }
        self.epochs.push_back((epoch, BTreeMap::new()));
    }

    /// Is an epoch kept?
    #[must_use]
    pub fn is_open(&self, epoch: ExternalNullifier) -> bool {
        self.epochs.iter().any(|(open, _)| *open == epoch)
    }

    /// Forgets an epoch.
    pub fn close(&mut self, epoch: ExternalNullifier) {
        self.epochs.retain(|(open, _)| *open != epoch);
    }

    /// Nullifiers kept, over all epochs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.epochs.iter().map(|(_, seen)| seen.len()).sum()
    }

    /// Is nothing kept?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The share seen under a message id's mark in an epoch, if one was. For telling duplicates
    /// before they cost a verification; only [`NullifierLog::record`] can call a proof fresh.
    #[must_use]
    pub fn share(&self, epoch: ExternalNullifier, nullifier: Nullifier) -> Option<Share> {
        let (_, seen) = self.epochs.iter().find(|(open, _)| *open == epoch)?;
        seen.get(&nullifier).copied()
    }

    /// Judges the values of a proof that was verified, and remembers them if they are fresh.
    ///
    /// A proof of several message ids is recorded whole or not at all.
    ///
    /// # Errors
    ///
    /// [`NullifierLogError::UnknownEpoch`] or [`NullifierLogError::Full`]; nothing is recorded.
    ///
    /// # Security
    ///
    /// Record verified proofs only: anybody can write values down. A member can fill an epoch's
    /// share of the log with at most as many entries as its limit.
    pub fn record(&mut self, values: &ProofValues) -> Result<Verdict, NullifierLogError> {
        let epoch = values.external_nullifier();
        let capacity = self.capacity;
        let (_, seen) = self
            .epochs
            .iter_mut()
            .find(|(open, _)| *open == epoch)
            .ok_or(NullifierLogError::UnknownEpoch)?;
        let mut fresh = Vec::new();
        for slot in values.signals() {
            match seen.get(&slot.nullifier) {
                Some(first) if *first != slot.share => {
                    return Ok(Verdict::DoubleSignal(DoubleSignal {
                        nullifier: slot.nullifier,
                        first: *first,
                        second: slot.share,
                        secret: Share::recover(*first, slot.share, slot.nullifier).ok(),
                    }));
                }
                Some(_) => {}
                None => fresh.push(slot),
            }
        }
        if fresh.is_empty() {
            return Ok(Verdict::Duplicate);
        }
        if seen.len() + fresh.len() > capacity {
            return Err(NullifierLogError::Full { capacity });
        }
        seen.extend(fresh.into_iter().map(|slot| (slot.nullifier, slot.share)));
        Ok(Verdict::Fresh)
    }
}

#[cfg(test)]
mod tests {
    use logos_crypto::Fr;

    use super::*;
    use crate::epoch::Signal;
    use crate::limit::MessageLimit;
    use crate::share::Line;
    use crate::values::{MultiValues, SingleValues};

    fn epoch() -> ExternalNullifier {
        ExternalNullifier::new(b"epoch", b"app")
    }

    fn secret() -> IdentitySecret {
        IdentitySecret::from_field(Fr::from(77u64)).unwrap()
    }

    fn values(message: &[u8], id: u32) -> ProofValues {
        let line = Line::new(&secret(), epoch(), MessageLimit::new(9).unwrap().id(id).unwrap());
        let share = line.share(Signal::from_message(message));
        ProofValues::Single(SingleValues {
            y: share.y,
            root: Fr::ONE,
            nullifier: line.nullifier().to_field(),
            x: share.x,
            external_nullifier: epoch().to_field(),
        })
    }

    fn log() -> NullifierLog {
        let mut log = NullifierLog::new(2, 3);
        log.open(epoch());
        log
    }

    #[test]
    fn a_double_signal_shows_the_secret() {
        let mut log = log();
        assert_eq!(log.record(&values(b"one", 0)), Ok(Verdict::Fresh));
        assert_eq!(log.record(&values(b"one", 0)), Ok(Verdict::Duplicate));
        let signal = values(b"one", 0).signals().next().unwrap();
        assert_eq!(log.share(epoch(), signal.nullifier), Some(signal.share));
        assert_eq!(log.record(&values(b"two", 1)), Ok(Verdict::Fresh));
        let Ok(Verdict::DoubleSignal(evidence)) = log.record(&values(b"two", 0)) else {
            panic!("id 0 was used twice");
        };
        assert_eq!(evidence.secret, Some(secret()));
        assert_eq!(log.len(), 2);
    }

    #[test]
    fn a_full_epoch_records_nothing_and_still_catches() {
        let mut log = log();
        for id in 0..3 {
            assert_eq!(log.record(&values(b"m", id)), Ok(Verdict::Fresh));
        }
        let full = Err(NullifierLogError::Full { capacity: 3 });
        assert_eq!(log.record(&values(b"m", 3)), full);
        assert!(matches!(log.record(&values(b"n", 1)), Ok(Verdict::DoubleSignal(_))));
    }

    #[test]
    fn old_epochs_are_forgotten() {
        let mut log = log();
        assert_eq!(log.record(&values(b"m", 0)), Ok(Verdict::Fresh));
        log.open(ExternalNullifier::new(b"2", b"app"));
        log.open(ExternalNullifier::new(b"3", b"app"));
        assert!(log.is_empty());
        assert_eq!(log.record(&values(b"m", 0)), Err(NullifierLogError::UnknownEpoch));
    }

    #[test]
    fn a_proof_of_several_ids_is_recorded_whole_or_not_at_all() {
        let mut log = NullifierLog::new(1, 1);
        log.open(epoch());
        let multi = ProofValues::Multi(MultiValues {
            ys: [1u64, 2].map(Fr::from).to_vec(),
            root: Fr::ONE,
            nullifiers: [3u64, 4].map(Fr::from).to_vec(),
            x: Fr::from(5u64),
            external_nullifier: epoch().to_field(),
            selector: [true, true].to_vec(),
        });
        assert_eq!(log.record(&multi), Err(NullifierLogError::Full { capacity: 1 }));
        assert!(log.is_empty());
    }
}
