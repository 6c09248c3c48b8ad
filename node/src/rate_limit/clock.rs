//! Wall-clock time and the epochs that messages are counted in.

use std::time::Duration;

use logos_crypto::Fr;
use logos_rln::ExternalNullifier;
use thiserror::Error;

use crate::rate_limit::Signal;
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
    /// The packets of the deployed mix network.
    pub const MIX: Self = Self(*b"mix-rln-spam-protection/v1\0\0\0\0\0\0");

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

/// What is counted, which decides what a proof is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counted {
    /// Messages (LIP-17): payload, content topic and time stamp, and the epoch is that of the
    /// stamp. Epoch and application are hashed to the field each.
    Messages,
    /// Packets of the mix (LIP-144): the bytes alone, and the epoch is the proof's own word, up to
    /// [`Epochs::PACKET_GAP`] epochs off. Epoch and application are field elements as they stand.
    Packets,
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
    counted: Counted,
}

impl Epochs {
    /// How many epochs a packet's may be away from the clock's, either way (`max_epoch_gap` of the
    /// deployed mix network).
    pub const PACKET_GAP: u32 = 5;

    /// The shortest epoch: the number kept at once is bounded by it.
    pub const MIN: Duration = Duration::from_secs(1);
    /// The longest epoch.
    pub const MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// Epochs of `length` for messages of `application`.
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
        Ok(Self { length, nanoseconds, application, counted: Counted::Messages })
    }

    /// Epochs of `length` for packets of the mix; the deployed network's are ten seconds.
    ///
    /// # Errors
    ///
    /// As [`Epochs::new`].
    pub fn of_packets(length: Duration) -> Result<Self, EpochLengthError> {
        Ok(Self { counted: Counted::Packets, ..Self::new(length, Application::MIX)? })
    }

    /// What is counted in them.
    #[must_use]
    pub const fn counted(&self) -> Counted {
        self.counted
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

    /// What a member's messages of an epoch are counted against: one hash of two elements, and for
    /// messages two hashes to the field.
    #[must_use]
    pub fn external_nullifier(&self, epoch: EpochNumber) -> ExternalNullifier {
        match self.counted {
            Counted::Messages => {
                ExternalNullifier::new(&epoch.to_bytes(), self.application.as_bytes())
            }
            Counted::Packets => {
                let application = Fr::from_bytes_reduced(self.application.as_bytes());
                ExternalNullifier::from_fields(Fr::from(epoch.0), application)
            }
        }
    }

    /// What a proof is bound to: one Keccak over the whole message or packet.
    #[must_use]
    pub fn bind(&self, signal: &Signal<'_>) -> logos_rln::Signal {
        match self.counted {
            Counted::Messages => signal.hash(),
            Counted::Packets => logos_rln::Signal::from_message(signal.payload),
        }
    }

    /// Is the epoch that a packet names near enough to the clock?
    pub(super) fn is_near(&self, epoch: EpochNumber, now: UnixNanos) -> bool {
        let here = self.at(now).map(EpochNumber::get);
        here.is_some_and(|here| here.abs_diff(epoch.0) <= u64::from(Self::PACKET_GAP))
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
