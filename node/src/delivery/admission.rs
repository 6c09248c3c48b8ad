//! Which messages may be relayed: the seam to rate limiting.

use thiserror::Error;

use crate::wire::{UnixNanos, WakuMessage};

/// What to do with a message that came from the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Judgement {
    /// Deliver and relay it.
    Accept,
    /// Drop it and think no worse of who sent it: a duplicate, or a message that came late.
    Ignore,
    /// Drop it and score down who forwarded it.
    Reject,
}

/// Why a message of ours was not made admissible.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdmissionError {
    /// The limit of this epoch is used up; later it is not.
    #[error("the messages of this epoch are used up")]
    Exhausted {
        /// When the next epoch begins.
        next: UnixNanos,
    },
    /// There is no membership to prove: not registered, removed, or not yet known.
    #[error("there is no membership to prove")]
    NotMember,
    /// A proof could not be made; another try may succeed.
    #[error("a proof could not be made")]
    Unproved,
}

/// Decides which messages may be relayed, and makes our own admissible.
///
/// Calls may block; they run on worker threads, several at once.
pub trait Admission: Send + Sync + 'static {
    /// Stamps our own message with `now` and proves that it is within the limit, which charges the
    /// budget. A message that was admitted before gets a new stamp and proof.
    ///
    /// # Errors
    ///
    /// [`AdmissionError`]; the message may be stamped, but carries no proof that counts.
    fn admit(&self, message: &mut WakuMessage, now: UnixNanos) -> Result<(), AdmissionError>;

    /// Judges messages from the network, one [`Judgement`] for each, in their order.
    ///
    /// A judgement that is missing counts as [`Judgement::Ignore`].
    fn judge(&self, batch: &[WakuMessage], now: UnixNanos) -> Vec<Judgement>;
}

/// Admission to a network without a rate limit: everything is accepted as it is.
///
/// # Examples
///
/// ```
/// use logos_node::delivery::{Admission, Judgement, OpenAdmission};
/// use logos_node::wire::{UnixNanos, WakuMessage};
///
/// let now = UnixNanos::new(7);
/// let mut message = WakuMessage::new("/toychat/2/huilong/proto", b"hello".to_vec());
/// OpenAdmission.admit(&mut message, now)?;
/// assert_eq!(message.timestamp, now);
/// assert_eq!(OpenAdmission.judge(&[message], now), [Judgement::Accept]);
/// # Ok::<(), logos_node::delivery::AdmissionError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAdmission;

impl Admission for OpenAdmission {
    fn admit(&self, message: &mut WakuMessage, now: UnixNanos) -> Result<(), AdmissionError> {
        message.timestamp = now;
        Ok(())
    }

    fn judge(&self, batch: &[WakuMessage], _: UnixNanos) -> Vec<Judgement> {
        vec![Judgement::Accept; batch.len()]
    }
}
