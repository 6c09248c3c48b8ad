//! The one place where the service reads the time.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::epoch::Millis;

/// Says what time it is.
pub trait Clock: Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> Millis;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)).min(Millis::MAX)
    }
}

/// A clock that stands until it is moved: for tests and simulations.
#[derive(Debug, Default)]
pub struct SteppedClock(AtomicU64);

impl SteppedClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn at(now: Millis) -> Self {
        Self(AtomicU64::new(now.0))
    }

    /// Moves it to `now`, forwards or backwards.
    pub fn set(&self, now: Millis) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}
