//! The two RLN circuits, as data: their size, their wires and their constraints.

mod assignment;
mod builder;
mod constraints;
mod layout;
mod sponge;

use thiserror::Error;

pub(crate) use assignment::{Assignment, fill_fixed, fill_message};
pub(crate) use builder::{ConstraintSystem, SparseMatrix};
pub(crate) use constraints::constraints;
pub(crate) use layout::Layout;
pub(crate) use sponge::Sponges;

use crate::limit::{LimitError, MessageLimit};

/// Why a circuit of that size does not exist here.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CircuitError {
    /// The tree is too deep or has no level.
    #[error("tree depth {depth} is not in 1..={max}")]
    Depth {
        /// Depth asked for.
        depth: u8,
        /// The deepest one.
        max: u8,
    },
    /// The range check is too wide or too narrow.
    #[error("limit bits {bits} are not in 2..={max}")]
    LimitBits {
        /// Bits asked for.
        bits: u8,
        /// The widest check.
        max: u8,
    },
    /// A multi-message-id circuit has between two and sixteen slots.
    #[error("{slots} message-id slots are not in 2..={max}")]
    Slots {
        /// Slots asked for.
        slots: u8,
        /// The most.
        max: u8,
    },
}

/// One message id a proof, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CircuitKind {
    /// RLN-V2: one message id.
    Single,
    /// Multi-message-id burn: up to `slots` ids in one proof.
    Multi {
        /// Number of slots (`MAX_OUT` in the circuit's source).
        slots: u8,
    },
}

/// The size of a circuit: what a key was made for.
///
/// # Examples
///
/// ```
/// use logos_rln::Circuit;
///
/// let deployed = Circuit::SINGLE_20;
/// assert_eq!((deployed.n_constraints(), deployed.n_wires()), (5820, 5844));
/// assert_eq!(deployed.max_limit(), 65_536);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Circuit {
    depth: u8,
    limit_bits: u8,
    kind: CircuitKind,
}

impl Circuit {
    /// Deepest membership tree.
    pub const MAX_DEPTH: u8 = 32;
    /// Widest range check of a message id.
    pub const MAX_LIMIT_BITS: u8 = 31;
    /// Most message ids in one proof.
    pub const MAX_SLOTS: u8 = 16;

    /// The deployed single-message-id circuit: depth 20, 16-bit limits.
    pub const SINGLE_20: Self = Self { depth: 20, limit_bits: 16, kind: CircuitKind::Single };
    /// The deployed multi-message-id circuit: depth 20, 16-bit limits, four slots.
    pub const MULTI_20: Self =
        Self { depth: 20, limit_bits: 16, kind: CircuitKind::Multi { slots: 4 } };

    /// A circuit of any size within the bounds above.
    ///
    /// # Errors
    ///
    /// One [`CircuitError`] a number out of range.
    pub const fn new(depth: u8, limit_bits: u8, kind: CircuitKind) -> Result<Self, CircuitError> {
        if depth == 0 || depth > Self::MAX_DEPTH {
            return Err(CircuitError::Depth { depth, max: Self::MAX_DEPTH });
        }
        if limit_bits < 2 || limit_bits > Self::MAX_LIMIT_BITS {
            return Err(CircuitError::LimitBits { bits: limit_bits, max: Self::MAX_LIMIT_BITS });
        }
        if let CircuitKind::Multi { slots } = kind
            && (slots < 2 || slots > Self::MAX_SLOTS)
        {
            return Err(CircuitError::Slots { slots, max: Self::MAX_SLOTS });
        }
        Ok(Self { depth, limit_bits, kind })
    }

    /// Levels of the membership tree.
    #[must_use]
    pub const fn depth(&self) -> u8 {
        self.depth
    }

    /// Bits of the message id's range check.
    #[must_use]
    pub const fn limit_bits(&self) -> u8 {
        self.limit_bits
    }

    /// One message id or several.
    #[must_use]
    pub const fn kind(&self) -> CircuitKind {
        self.kind
    }

    /// Message ids a proof can carry.
    #[must_use]
    pub const fn slots(&self) -> usize {
        match self.kind {
            CircuitKind::Single => 1,
            CircuitKind::Multi { slots } => slots as usize,
        }
    }

    /// The largest limit a member can have and still prove all its ids.
    #[must_use]
    pub const fn max_limit(&self) -> u32 {
        1 << self.limit_bits
    }

    /// Checks that members with this limit can prove all their ids.
    ///
    /// # Errors
    ///
    /// [`LimitError::OverCircuit`]: the range check compares `limit_bits` bits, so for a larger
    /// limit some or all ids have no proof.
    pub const fn check_limit(&self, limit: MessageLimit) -> Result<(), LimitError> {
        if limit.get() > self.max_limit() {
            return Err(LimitError::OverCircuit { limit: limit.get(), max: self.max_limit() });
        }
        Ok(())
    }

    /// Public signals, without the constant one.
    #[must_use]
    pub const fn n_public(&self) -> usize {
        match self.kind {
            CircuitKind::Single => 5,
            CircuitKind::Multi { slots } => 3 * slots as usize + 3,
        }
    }

    /// Wires of the assignment, with the constant one.
    #[must_use]
    pub fn n_wires(&self) -> usize {
        Layout::new(*self).n_wires
    }

    /// Constraints, without the consistency rows Groth16 adds for the public signals.
    #[must_use]
    pub fn n_constraints(&self) -> usize {
        Layout::new(*self).n_constraints()
    }

    /// The evaluation domain: the power of two that holds all rows.
    #[must_use]
    pub fn domain_size(&self) -> usize {
        (self.n_constraints() + self.n_public() + 1).next_power_of_two()
    }
}
