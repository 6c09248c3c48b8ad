//! Wall-clock time as messages carry it.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch; before it if negative (LIP 14, `timestamp`).
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use logos_node::wire::UnixNanos;
///
/// let sent = UnixNanos::new(1_700_000_000_000_000_000);
/// let seen = sent.plus(Duration::from_secs(3));
/// assert_eq!(sent.distance(seen), Duration::from_secs(3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixNanos(i64);

impl UnixNanos {
    /// The instant `nanos` after the epoch.
    #[must_use]
    pub const fn new(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The instant `seconds` after the epoch.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// What the clock of this machine says. Years past 2262 read as the last representable instant.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Nanoseconds after the epoch.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// This instant and `later` more, or the last representable instant.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(nanos(later)))
    }

    /// This instant less `earlier`, or the first representable instant.
    #[must_use]
    pub fn minus(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(earlier)))
    }

    /// How far apart two instants are, whichever is earlier.
    #[must_use]
    pub const fn distance(self, other: Self) -> Duration {
        Duration::from_nanos(self.0.abs_diff(other.0))
    }
}

impl Add<Duration> for UnixNanos {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        self.plus(later)
    }
}

impl Sub<Duration> for UnixNanos {
    type Output = Self;

    fn sub(self, earlier: Duration) -> Self {
        self.minus(earlier)
    }
}

impl fmt::Display for UnixNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
