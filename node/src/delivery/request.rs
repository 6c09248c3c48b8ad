//! Names of sends, how far they are, and how they end.

use core::fmt;

use thiserror::Error;

use crate::wire::UnixNanos;

/// Names one send of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// The name with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How far a send is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The node took the message.
    Accepted,
    /// The message left to so many peers.
    Propagated {
        /// Peers that it went to.
        peers: usize,
    },
    /// A store has the message.
    Stored,
    /// The send ended.
    Ended(Outcome),
}

/// How a send ended. Every accepted send ends in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The message left, and there is no store to ask, or none had it in time.
    Propagated {
        /// Peers that it went to, at the best try.
        peers: usize,
    },
    /// A store has the message.
    Stored,
    /// The message did not leave.
    Failed(SendFailure),
}

impl Outcome {
    /// Did the message leave?
    #[must_use]
    pub const fn is_sent(&self) -> bool {
        !matches!(self, Self::Failed(_))
    }
}

/// Why a message did not leave.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendFailure {
    /// Nobody took the message in time.
    #[error("no peer took the message in time")]
    NoRoute,
    /// The messages of this epoch are used up, and the next begins too late.
    #[error("the messages of this epoch are used up")]
    RateLimited {
        /// When the next epoch begins.
        next: UnixNanos,
    },
    /// This node is no member of the rate-limiting group.
    #[error("not a member of the rate-limiting group")]
    NotMember,
    /// A service refused the message.
    #[error("a service refused the message with status {status}")]
    Refused {
        /// One of [`status`](crate::wire::status).
        status: u32,
    },
    /// The message is none that may be relayed.
    #[error("the message cannot be relayed")]
    Invalid,
    /// The node stopped first.
    #[error("the node stopped")]
    ShuttingDown,
}
