//! How many messages a member may send in an epoch, and which of them one is.

use core::fmt;
use core::num::NonZeroU32;

use thiserror::Error;

/// Why a number is not a limit or an id.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitError {
    /// A limit of zero lets nobody send.
    #[error("a message limit of zero lets nobody send")]
    Zero,
    /// The circuit cannot prove anything for a limit this large.
    #[error("message limit {limit} is over the circuit's {max}")]
    OverCircuit {
        /// The limit asked for.
        limit: u32,
        /// The largest one the circuit can prove.
        max: u32,
    },
    /// Ids of an epoch run from zero to the limit, exclusive.
    #[error("message id {id} is not below the limit {limit}")]
    IdNotBelowLimit {
        /// The id asked for.
        id: u32,
        /// The member's limit.
        limit: u32,
    },
}

/// How many messages a member may send in one epoch: at least one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageLimit(NonZeroU32);

impl MessageLimit {
    /// Takes a limit.
    ///
    /// # Errors
    ///
    /// [`LimitError::Zero`]. Whether a circuit can prove for it is checked where a circuit is
    /// known: see [`Circuit::check_limit`](crate::Circuit::check_limit).
    pub const fn new(limit: u32) -> Result<Self, LimitError> {
        match NonZeroU32::new(limit) {
            Some(limit) => Ok(Self(limit)),
            None => Err(LimitError::Zero),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The message id `id`, if it is within this limit.
    ///
    /// # Errors
    ///
    /// [`LimitError::IdNotBelowLimit`].
    pub const fn id(self, id: u32) -> Result<MessageId, LimitError> {
        if id < self.get() {
            Ok(MessageId(id))
        } else {
            Err(LimitError::IdNotBelowLimit { id, limit: self.get() })
        }
    }
}

impl fmt::Debug for MessageLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageLimit({})", self.get())
    }
}

/// Which of its messages of an epoch a member sends: `0 <= id < limit`.
///
/// The specification counts from one, the deployed circuit from zero; this is the circuit's
/// count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(u32);

impl MessageId {
    /// The id of a slot that is not in use, which no limit binds.
    pub(crate) const fn idle(id: u32) -> Self {
        Self(id)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}
