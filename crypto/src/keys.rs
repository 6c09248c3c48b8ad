//! X25519 key agreement (RFC 7748) and Ed25519 signatures (RFC 8032).
//!
//! Each key life has a type: [`EphemeralSecret`] is consumed by its one agreement,
//! [`StaticSecret`] agrees as often as its owner wants, [`SigningKey`] signs and nothing else.

mod agreement;
mod signing;

pub use agreement::{EphemeralSecret, NonContributory, PublicKey, StaticSecret};
pub use signing::{BadSignature, BadVerifyingKey, Signature, SigningKey, VerifyingKey};
