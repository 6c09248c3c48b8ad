//! In which period, and for which application, a message counts.

use logos_crypto::hash_to_field::hash_to_field_le;
use logos_crypto::{Fr, poseidon};

/// The external nullifier `Poseidon(epoch, application)`: the thing a member's messages are
/// counted against (RLN-V2, "External nullifier").
///
/// # Examples
///
/// ```
/// use logos_rln::ExternalNullifier;
///
/// let now = ExternalNullifier::new(b"1763701200", b"chat");
/// assert_ne!(now, ExternalNullifier::new(b"1763701260", b"chat"));
/// assert_ne!(now, ExternalNullifier::new(b"1763701200", b"forum"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExternalNullifier(Fr);

impl ExternalNullifier {
    /// Hashes both names to the field, little-endian as zerokit does, and combines them.
    #[must_use]
    pub fn new(epoch: &[u8], application: &[u8]) -> Self {
        Self::from_fields(hash_to_field_le(epoch), hash_to_field_le(application))
    }

    /// Combines two field elements.
    #[must_use]
    pub fn from_fields(epoch: Fr, application: Fr) -> Self {
        Self(poseidon::hash(&[epoch, application]))
    }

    /// Takes a value that was combined elsewhere.
    #[must_use]
    pub const fn from_field(value: Fr) -> Self {
        Self(value)
    }

    /// The field element.
    #[must_use]
    pub const fn to_field(self) -> Fr {
        self.0
    }
}

/// The message as the circuit sees it: `x`, the point at which the member's line is opened.
///
/// Never zero: at zero the line shows the secret itself, so no proof is made for it and none is
/// accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(Fr);

impl Signal {
    /// Hashes a message: Keccak-256, read least significant byte first, modulo the field order.
    #[must_use]
    pub fn from_message(message: &[u8]) -> Self {
        // Zero would take a preimage of a multiple of the modulus; the fallback keeps the type's
        // promise without a failure that cannot happen.
        Self::from_field(hash_to_field_le(message)).unwrap_or(Self(Fr::ONE))
    }

    /// Takes a field element, or `None` for zero.
    #[must_use]
    pub fn from_field(x: Fr) -> Option<Self> {
        (!x.is_zero()).then_some(Self(x))
    }

    /// The field element `x`.
    #[must_use]
    pub const fn to_field(self) -> Fr {
        self.0
    }
}
