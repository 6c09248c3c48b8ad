//! What happened, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::rate_limit::Finding;

/// How often each thing happened since the guard was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimitCounts {
    /// Messages that were fresh.
    pub fresh: u64,
    /// Messages seen before.
    pub duplicates: u64,
    /// Messages under an id that was used for another.
    pub double_signals: u64,
    /// Messages of members who were caught before.
    pub banned: u64,
    /// Messages whose proof cannot be right.
    pub invalid: u64,
    /// Messages whose time stamp is too far off.
    pub clock: u64,
    /// Messages under roots that do not count.
    pub unknown_roots: u64,
    /// Messages there was no room to remember.
    pub full: u64,
    /// Messages that were not judged because the node stopped.
    pub stopped: u64,
    /// Proofs whose pairing was checked.
    pub verified: u64,
    /// In how many batches.
    pub batches: u64,
    /// Messages proved with a slot that was ready.
    pub proved_ahead: u64,
    /// Messages proved from the membership alone.
    pub proved_late: u64,
    /// Members removed because of evidence.
    pub removed: u64,
    /// Events that nobody fetched in time.
    pub events_dropped: u64,
}

/// [`RateLimitCounts`] while they are counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    fresh: AtomicU64,
    duplicates: AtomicU64,
    double_signals: AtomicU64,
    banned: AtomicU64,
    invalid: AtomicU64,
    clock: AtomicU64,
    unknown_roots: AtomicU64,
    full: AtomicU64,
    stopped: AtomicU64,
    verified: AtomicU64,
    batches: AtomicU64,
    proved_ahead: AtomicU64,
    proved_late: AtomicU64,
    removed: AtomicU64,
    events_dropped: AtomicU64,
}

impl Counters {
    pub(super) fn found(&self, finding: Finding) {
        let counter = match finding {
            Finding::Fresh => &self.fresh,
            Finding::Duplicate | Finding::Repeated => &self.duplicates,
            Finding::DoubleSignal => &self.double_signals,
            Finding::Banned => &self.banned,
            Finding::Clock => &self.clock,
            Finding::UnknownRoot => &self.unknown_roots,
            Finding::Full => &self.full,
            Finding::Stopped => &self.stopped,
            Finding::Invalid(_) => &self.invalid,
        };
        add(counter, 1);
    }

    pub(super) fn batch(&self, proofs: usize) {
        add(&self.verified, proofs as u64);
        add(&self.batches, 1);
    }

    pub(super) fn proved(&self, ahead: bool) {
        add(if ahead { &self.proved_ahead } else { &self.proved_late }, 1);
    }

    pub(super) fn removed(&self) {
        add(&self.removed, 1);
    }

    pub(super) fn event_dropped(&self) {
        add(&self.events_dropped, 1);
    }

    pub(super) fn counts(&self) -> RateLimitCounts {
        RateLimitCounts {
            fresh: get(&self.fresh),
            duplicates: get(&self.duplicates),
            double_signals: get(&self.double_signals),
            banned: get(&self.banned),
            invalid: get(&self.invalid),
            clock: get(&self.clock),
            unknown_roots: get(&self.unknown_roots),
            full: get(&self.full),
            stopped: get(&self.stopped),
            verified: get(&self.verified),
            batches: get(&self.batches),
            proved_ahead: get(&self.proved_ahead),
            proved_late: get(&self.proved_late),
            removed: get(&self.removed),
            events_dropped: get(&self.events_dropped),
        }
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
