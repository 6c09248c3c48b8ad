//! Key epochs: a key, the packets it opened, and the time both live.

use alloc::vec::Vec;
use core::time::Duration;

use logos_crypto::tick::Tick;

use crate::format::PacketFormat;
use crate::replay::{ReplayError, ReplayLog};
use crate::sphinx::{OpenError, ReplayTag};

/// Numbers a node's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyEpoch(pub u64);

/// When keys change.
///
/// A key is offered to senders for `period` and accepted for `overlap` longer, for packets and
/// reply blocks that were made in time. Then it is wiped together with its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long a key is offered.
    pub period: Duration,
    /// How long it is accepted after that; at most `period`.
    pub overlap: Duration,
}

impl Default for Rotation {
    /// A day, and an hour.
    fn default() -> Self {
        Self { period: Duration::from_secs(24 * 3600), overlap: Duration::from_secs(3600) }
    }
}

pub(super) struct Entry<F: PacketFormat> {
    pub(super) epoch: KeyEpoch,
    pub(super) secret: F::Secret,
    pub(super) log: ReplayLog,
    /// When the next key takes over.
    pub(super) offered_until: Tick,
}

/// The keys a node accepts: the one it offers, and its predecessor for a while.
pub(super) struct Keyring<F: PacketFormat> {
    pub(super) rotation: Rotation,
    pub(super) capacity: usize,
    pub(super) newest: Entry<F>,
    pub(super) older: Option<Entry<F>>,
}

impl<F: PacketFormat> Keyring<F> {
    pub(super) fn new(rotation: Rotation, capacity: usize, now: Tick, secret: F::Secret) -> Self {
        let newest = Entry {
            epoch: KeyEpoch(0),
            secret,
            log: ReplayLog::new(capacity),
            offered_until: now + rotation.period,
        };
        Self { rotation, capacity, newest, older: None }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry<F>> {
        core::iter::once(&self.newest).chain(&self.older)
    }

    pub(super) fn entry_mut(&mut self, epoch: KeyEpoch) -> Option<&mut Entry<F>> {
        core::iter::once(&mut self.newest).chain(&mut self.older).find(|entry| entry.epoch == epoch)
    }

    /// Tries each packet with the newest key, and those it does not fit with the older one.
    pub(super) fn open_batch(
        &self,
        format: &F,
        packets: &[F::Packet],
    ) -> Vec<Result<(KeyEpoch, F::Opened), OpenError>> {
        let stamp = |epoch| move |opened| (epoch, opened);
        let all = format.open_batch(&self.newest.secret, packets).into_iter();
        let mut outcomes: Vec<_> =
            all.map(|outcome| outcome.map(stamp(self.newest.epoch))).collect();
        let Some(older) = &self.older else { return outcomes };
        for (outcome, packet) in outcomes.iter_mut().zip(packets) {
            if matches!(outcome, Err(OpenError::BadMac)) {
                *outcome = format.open(&older.secret, packet).map(stamp(older.epoch));
            }
        }
        outcomes
    }

    pub(super) fn check(&self, epoch: KeyEpoch, tag: ReplayTag) -> Result<(), ReplayError> {
        let entry = self.entries().find(|entry| entry.epoch == epoch);
        entry.map_or(Err(ReplayError::Replayed), |entry| entry.log.check(tag))
    }

    pub(super) fn insert(&mut self, epoch: KeyEpoch, tag: ReplayTag) -> Result<(), ReplayError> {
        self.entry_mut(epoch).map_or(Err(ReplayError::Replayed), |entry| entry.log.insert(tag))
    }

    /// Adds and drops keys whose time has come; true if a key was added.
    pub(super) fn rotate(&mut self, now: Tick, generate: impl FnOnce() -> F::Secret) -> bool {
        let due = self.newest.offered_until <= now;
        if due {
            let next = Entry {
                epoch: KeyEpoch(self.newest.epoch.0.saturating_add(1)),
                secret: generate(),
                log: ReplayLog::new(self.capacity),
                offered_until: now + self.rotation.period,
            };
            self.older = Some(core::mem::replace(&mut self.newest, next));
        }
        let overlap = self.overlap();
        self.older.take_if(|older| older.offered_until + overlap <= now);
        due
    }

    /// When [`Keyring::rotate`] has something to do.
    pub(super) fn next_change(&self) -> Tick {
        let older = self.older.as_ref().map(|older| older.offered_until + self.overlap());
        older.map_or(self.newest.offered_until, |older| older.min(self.newest.offered_until))
    }

    /// Not over the period, so that two keys are all there ever are.
    fn overlap(&self) -> Duration {
        self.rotation.overlap.min(self.rotation.period)
    }

    pub(super) fn public(&self) -> (KeyEpoch, F::Public, Tick) {
        (self.newest.epoch, F::public(&self.newest.secret), self.newest.offered_until)
    }
}
