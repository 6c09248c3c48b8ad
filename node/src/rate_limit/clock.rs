//! Wall-clock time and the epochs that messages are counted in.

use std::time::Duration;

use logos_rln::ExternalNullifier;
use thiserror::Error;

use crate::wire::UnixNanos;

/// Which epoch since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochNumber(u64);

impl EpochNumber {
    /// Takes a number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The form proofs carry: 32 bytes, least significant first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (number, _) = bytes.split_at_mut(8);
        number.copy_from_slice(&self.0.to_le_bytes());
        bytes
    }

    /// Reads the form proofs carry, or `None` for a number over 64 bits.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk::<8>()?;
        rest.iter().all(|byte| *byte == 0).then(|| Self(u64::from_le_bytes(*number)))
    }
}

/// The name under which an application's messages are counted: 32 bytes, ASCII padded with zeros.
///
/// # Examples
///
/// ```
/// use logos_node::rate_limit::Application;
///
/// assert!(Application::WAKU_RELAY.as_bytes().starts_with(b"rln/waku-rln-relay/v2.0.0\0"));
/// assert_eq!(Application::named("rln/waku-rln-relay/v2.0.0"), Some(Application::WAKU_RELAY));
/// assert_eq!(Application::named(&"x".repeat(33)), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Application([u8; 32]);

impl Application {
    /// The relay of the deployed network.
    pub const WAKU_RELAY: Self = Self(*b"rln/waku-rln-relay/v2.0.0\0\0\0\0\0\0\0");

    /// Takes the bytes of a name.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Pads a name, or `None` if it is over 32 bytes.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self(bytes))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// An epoch is shorter than the shortest one kept apart, or longer than a time stamp can say.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("an epoch of {length:?} is not between {min:?} and {max:?}")]
#[non_exhaustive]
pub struct EpochLengthError {
    /// What was asked for.
    pub length: Duration,
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

/// How time is cut into epochs, and for which application (LIP-17, "Epoch").
///
/// Epoch `n` begins `n` lengths after 1970.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use logos_node::rate_limit::{Application, EpochNumber, Epochs, UnixNanos};
///
/// let epochs = Epochs::new(Duration::from_secs(600), Application::WAKU_RELAY)?;
/// let now = UnixNanos::from_secs(1_763_701_200);
/// assert_eq!(epochs.at(now), Some(EpochNumber::new(2_939_502)));
/// assert_eq!(epochs.at(UnixNanos::new(-1)), None);
/// # Ok::<(), logos_node::rate_limit::EpochLengthError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epochs {
    // Invariant: between MIN and MAX.
    length: Duration,
    nanoseconds: u64,
    application: Application,
}

impl Epochs {
    /// The shortest epoch: the number kept at once is bounded by it.
    pub const MIN: Duration = Duration::from_secs(1);
    /// The longest epoch.
    pub const MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// Epochs of `length` for `application`.
    ///
    /// # Errors
    ///
    /// [`EpochLengthError`] unless `length` is between [`Epochs::MIN`] and [`Epochs::MAX`].
    pub fn new(length: Duration, application: Application) -> Result<Self, EpochLengthError> {
        let refused = EpochLengthError { length, min: Self::MIN, max: Self::MAX };
        if length < Self::MIN || length > Self::MAX {
            return Err(refused);
        }
        let nanoseconds = u64::try_from(length.as_nanos()).map_err(|_| refused)?;
        Ok(Self { length, nanoseconds, application })
    }

    /// How long one is.
    #[must_use]
    pub const fn length(&self) -> Duration {
        self.length
    }

    /// Whose messages are counted.
    #[must_use]
    pub const fn application(&self) -> &Application {
        &self.application
    }

    /// The epoch of a moment, or `None` before 1970.
    #[must_use]
    pub fn at(&self, time: UnixNanos) -> Option<EpochNumber> {
        let time = u64::try_from(time.get()).ok()?;
        time.checked_div(self.nanoseconds).map(EpochNumber)
    }

    /// When an epoch begins.
    #[must_use]
    pub fn start(&self, epoch: EpochNumber) -> UnixNanos {
        let start = epoch.0.saturating_mul(self.nanoseconds);
        UnixNanos::new(i64::try_from(start).unwrap_or(i64::MAX))
    }

    /// What a member's messages of an epoch are counted against: two hashes to the field and one
    /// of two elements.
    #[must_use]
    pub fn external_nullifier(&self, epoch: EpochNumber) -> ExternalNullifier {
        ExternalNullifier::new(&epoch.to_bytes(), self.application.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs() -> Epochs {
        Epochs::new(Duration::from_secs(600), Application::WAKU_RELAY).unwrap()
    }

    #[test]
    fn an_epoch_begins_with_its_first_nanosecond() {
        let epoch = EpochNumber::new(7);
        let start = epochs().start(epoch);
        assert_eq!(epochs().at(start), Some(epoch));
        assert_eq!(epochs().at(start - Duration::from_nanos(1)), Some(EpochNumber::new(6)));
    }

    #[test]
    fn an_epoch_number_over_64_bits_is_none() {
        let epoch = EpochNumber::new(u64::MAX);
        let mut bytes = epoch.to_bytes();
        assert_eq!(EpochNumber::from_bytes(&bytes), Some(epoch));
        bytes[8] = 1;
        assert_eq!(EpochNumber::from_bytes(&bytes), None);
    }

    #[test]
    fn moments_at_the_ends_of_time_do_not_overflow() {
        let [first, last] = [i64::MIN, i64::MAX].map(UnixNanos::new);
        assert_eq!(first.distance(last), Duration::from_nanos(u64::MAX));
        assert_eq!(last + Duration::MAX, last);
        assert_eq!(first - Duration::MAX, first);
        assert_eq!(epochs().start(EpochNumber::new(u64::MAX)), last);
    }

    #[test]
    fn an_epoch_of_no_length_is_refused() {
        for length in [Duration::ZERO, Duration::MAX] {
            assert!(Epochs::new(length, Application::WAKU_RELAY).is_err());
        }
    }
}
