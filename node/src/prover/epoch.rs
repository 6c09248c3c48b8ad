//! When an epoch begins and ends, and what a proof calls it.

use std::num::NonZeroU64;

use logos_crypto::Fr;
use logos_crypto::hash_to_field::hash_to_field_le;
use logos_rln::ExternalNullifier;

/// Wall-clock time in milliseconds since 1970. Always an argument: only the edge of the service
/// reads a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// The end of time, for what has no deadline of its own.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// Later by so many milliseconds; never past [`Millis::MAX`].
    #[must_use]
    pub fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds)).min(Self::MAX)
    }

    /// Milliseconds from an earlier time to this one, zero if it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The number of an epoch, counted from the schedule's genesis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// In which order epoch and application enter the external nullifier. Verifiers have to agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NullifierOrder {
    /// `Poseidon(epoch, application)`, as zerokit 3.0 and RLN-V2 relays have it.
    #[default]
    EpochFirst,
    /// `Poseidon(application, epoch)`, as the deployed Status prover has it.
    ApplicationFirst,
}

/// Cuts time into epochs of one length.
///
/// The number of an epoch follows from the time alone, so a restart cannot rewind it; a store
/// remembers its schedule and refuses to be opened with another.
///
/// # Examples
///
/// ```
/// use std::num::NonZeroU64;
/// use logos_node::prover::{Epoch, EpochSchedule, Millis};
///
/// let schedule = EpochSchedule::new(Millis(1_000), NonZeroU64::new(500).unwrap(), "chat");
/// assert_eq!(schedule.at(Millis(2_100)), Epoch(2));
/// assert_eq!(schedule.ends(Epoch(2)), Millis(2_500));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochSchedule {
    genesis: Millis,
    length: NonZeroU64,
    application: String,
    order: NullifierOrder,
}

impl EpochSchedule {
    /// The genesis of the deployed Status prover, 2015-05-15.
    pub const STATUS_GENESIS: Millis = Millis(1_431_648_000_000);

    /// Epochs of `length` milliseconds from `genesis` on, for one application.
    #[must_use]
    pub fn new(genesis: Millis, length: NonZeroU64, application: &str) -> Self {
        let order = NullifierOrder::default();
        Self { genesis, length, application: application.to_owned(), order }
    }

    /// The same with another order in the external nullifier.
    #[must_use]
    pub fn with_order(mut self, order: NullifierOrder) -> Self {
        self.order = order;
        self
    }

    /// The epoch of a time; everything before the genesis is epoch 0.
    #[must_use]
    pub const fn at(&self, now: Millis) -> Epoch {
        Epoch(now.since(self.genesis) / self.length.get())
    }

    /// When an epoch begins.
    #[must_use]
    pub fn begins(&self, epoch: Epoch) -> Millis {
        self.genesis.plus(epoch.0.saturating_mul(self.length.get()))
    }

    /// When an epoch is over: the beginning of the next.
    #[must_use]
    pub fn ends(&self, epoch: Epoch) -> Millis {
        self.begins(epoch.next())
    }

    /// Milliseconds of an epoch.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length.get()
    }

    /// How many epochs a clock may be behind another that is `skew` milliseconds ahead.
    #[must_use]
    pub const fn epochs_in(&self, skew: u64) -> u64 {
        skew.div_ceil(self.length.get())
    }

    /// The application's name.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// What a proof of this epoch and application is counted in: two hashes to the field, of the
    /// epoch as 8 bytes with the least significant first and of the application's name, and one
    /// Poseidon hash.
    #[must_use]
    pub fn external_nullifier(&self, epoch: Epoch) -> ExternalNullifier {
        let [epoch, application]: [Fr; 2] = [
            hash_to_field_le(&epoch.0.to_le_bytes()),
            hash_to_field_le(self.application.as_bytes()),
        ];
        match self.order {
            NullifierOrder::EpochFirst => ExternalNullifier::from_fields(epoch, application),
            NullifierOrder::ApplicationFirst => ExternalNullifier::from_fields(application, epoch),
        }
    }

    /// What a store writes down to recognise its schedule.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{}/{}/{}/{:?}", self.genesis.0, self.length, self.application, self.order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> EpochSchedule {
        EpochSchedule::new(Millis(10), NonZeroU64::new(1000).unwrap(), "app")
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let schedule = schedule();
        for number in [0, 1, 77] {
            let epoch = Epoch(number);
            assert_eq!(schedule.at(schedule.begins(epoch)), epoch);
            assert_eq!(schedule.at(Millis(schedule.ends(epoch).0 - 1)), epoch);
            assert_eq!(schedule.at(schedule.ends(epoch)), epoch.next());
        }
        assert_eq!(schedule.at(Millis(0)), Epoch(0));
        assert_eq!(schedule.ends(Epoch(u64::MAX)), Millis::MAX);
    }

    #[test]
    fn a_skew_counts_every_epoch_it_touches() {
        assert_eq!([0, 1, 1000, 1001].map(|skew| schedule().epochs_in(skew)), [0, 1, 1, 2]);
    }

    #[test]
    fn the_orders_name_different_nullifiers() {
        let swapped = schedule().with_order(NullifierOrder::ApplicationFirst);
        assert_ne!(schedule().external_nullifier(Epoch(3)), swapped.external_nullifier(Epoch(3)));
        assert_ne!(schedule().fingerprint(), swapped.fingerprint());
    }
}
