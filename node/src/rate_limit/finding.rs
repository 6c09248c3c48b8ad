//! What a message turns out to be, and what to do with it.

use logos_crypto::field::NotCanonical;
use logos_rln::wire::WireError;
use thiserror::Error;

use crate::rate_limit::{RateLimitProofError, Signal};

/// A message as it arrived, whose proof nobody has looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a message and its proof, and nothing else")]
pub struct Incoming<'a> {
    /// What the proof has to be about.
    pub signal: Signal<'a>,
    /// The bytes of the message's proof field.
    pub proof: &'a [u8],
}

/// What a relay does with a message, in gossipsub's three words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "gossipsub has three answers")]
pub enum Verdict {
    /// Deliver and forward it.
    Accept,
    /// Drop it and hold nothing against whoever forwarded it.
    Ignore(Finding),
    /// Drop it and count it against whoever forwarded it.
    Reject(Finding),
}

/// What to do with messages whose proof is missing or wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a message that is dropped counts or does not")]
pub enum OnInvalid {
    /// Reject them, as deployed nodes do: nobody honest forwards one.
    #[default]
    Reject,
    /// Ignore them, as LIP-64 says, where nodes that do not verify forward for others.
    Ignore,
}

/// Why a proof cannot be right, now or ever.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalid {
    /// The bytes are no proof.
    #[error(transparent)]
    Encoding(#[from] RateLimitProofError),
    /// It counts for another application.
    #[error("the proof counts for another application")]
    OtherApplication,
    /// It counts in another epoch than its message was sent in.
    #[error("the proof counts in another epoch than its message was sent in")]
    OtherEpoch,
    /// It is about another message.
    #[error("the proof is about another message")]
    OtherSignal,
    /// Its points are none.
    #[error("the points of the proof are none: {0}")]
    Points(#[from] WireError),
    /// The pairing equation does not hold.
    #[error("the proof does not verify")]
    Proof,
}

impl From<NotCanonical> for Invalid {
    fn from(_: NotCanonical) -> Self {
        Self::Encoding(RateLimitProofError::NotCanonical)
    }
}

/// What a message turned out to be.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// Nobody sent under this message id before.
    #[error("a fresh message")]
    Fresh,
    /// The same message was seen before, under the same message id.
    #[error("the same message was seen before")]
    Duplicate,
    /// The message id was used for another message.
    #[error("the message id was used for another message")]
    DoubleSignal,
    /// Its sender was caught before.
    #[error("the sender is banned")]
    Banned,
    /// It was rejected before, and is not counted a second time.
    #[error("the message was rejected before")]
    Repeated,
    /// Its time stamp is too far from the clock here.
    #[error("the time stamp is too far from the clock here")]
    Clock,
    /// The tree has no such root here: it may be ahead or long behind.
    #[error("the root is not among those accepted")]
    UnknownRoot,
    /// There is no room for more message ids of this epoch.
    #[error("the epoch has as many messages as are remembered")]
    Full,
    /// The node stopped before the message was judged.
    #[error("the node stopped")]
    Stopped,
    /// The proof cannot be right.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl Finding {
    /// What to do with such a message.
    ///
    /// Only what no honest node forwards is rejected: a node whose clock or view of the members
    /// differs loses nothing.
    #[must_use]
    pub const fn verdict(self, on_invalid: OnInvalid) -> Verdict {
        match self {
            Self::Fresh => Verdict::Accept,
            Self::DoubleSignal | Self::Banned => Verdict::Reject(self),
            Self::Invalid(_) => match on_invalid {
                OnInvalid::Reject => Verdict::Reject(self),
                OnInvalid::Ignore => Verdict::Ignore(self),
            },
            Self::Duplicate
            | Self::Repeated
            | Self::Clock
            | Self::UnknownRoot
            | Self::Full
            | Self::Stopped => Verdict::Ignore(self),
        }
    }
}
