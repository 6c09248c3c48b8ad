//! Time as an argument.

use core::ops::{Add, Sub};
use core::time::Duration;

/// A moment: the time since an origin that the caller chose and keeps.
///
/// State machines take a `Tick` where others would read a clock, so an hour of behaviour can be
/// tested in a millisecond and the same code runs where no monotonic clock exists. Additions
/// saturate; the later minus the earlier moment is their distance, and zero the other way round.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use logos_crypto::tick::Tick;
///
/// let start = Tick::ORIGIN + Duration::from_secs(5);
/// let later = start + Duration::from_millis(250);
/// assert_eq!(later - start, Duration::from_millis(250));
/// assert_eq!(start - later, Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(Duration);

impl Tick {
    /// The caller's origin.
    pub const ORIGIN: Self = Self(Duration::ZERO);

    /// The moment `since` after the origin.
    #[must_use]
    pub const fn new(since: Duration) -> Self {
        Self(since)
    }

    /// Time since the origin.
    #[must_use]
    pub const fn since_origin(self) -> Duration {
        self.0
    }
}

impl Add<Duration> for Tick {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs))
    }
}

impl Sub for Tick {
    type Output = Duration;

    fn sub(self, rhs: Self) -> Duration {
        self.0.saturating_sub(rhs.0)
    }
}
