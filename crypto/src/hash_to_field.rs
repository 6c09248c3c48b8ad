//! Bytes to a field element by Keccak-256.
//!
//! How RLN maps a message, an epoch or an application name into the field. The digest is 256 bits
//! and is taken modulo `r`, so about one value in six is up to twice as likely as another: fit for
//! public inputs that need collision resistance, not for drawing secrets.
//!
//! zerokit up to 2.0.2 returned the little-endian value for both byte orders; this is the
//! behaviour of 3.0.0.
//!
//! # Examples
//!
//! ```
//! use logos_crypto::hash_to_field::{hash_to_field_be, hash_to_field_le};
//!
//! assert_eq!(
//!     hash_to_field_le(b"hello").to_string(),
//!     "3323797144868528506717329966762435814174276535735353237211726846145610091032"
//! );
//! assert_ne!(hash_to_field_le(b"hello"), hash_to_field_be(b"hello"));
//! ```

use sha3::{Digest, Keccak256};

use crate::Fr;

/// The Keccak-256 digest of `bytes`, as Ethereum computes it.
#[must_use]
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// The Keccak-256 digest of `bytes` as an integer, least significant byte first, modulo `r`.
#[must_use]
pub fn hash_to_field_le(bytes: &[u8]) -> Fr {
    Fr::from_bytes_reduced(&Keccak256::digest(bytes))
}

/// The Keccak-256 digest of `bytes` as an integer, most significant byte first, modulo `r`.
#[must_use]
pub fn hash_to_field_be(bytes: &[u8]) -> Fr {
    let mut digest = Keccak256::digest(bytes);
    digest.reverse();
    Fr::from_bytes_reduced(&digest)
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn hello_maps_as_in_zerokit_3() {
        assert_eq!(
            hash_to_field_le(b"hello").to_string(),
            "3323797144868528506717329966762435814174276535735353237211726846145610091032"
        );
        assert_eq!(
            hash_to_field_be(b"hello").to_string(),
            "12910348618308260923200348219926901280687058984330794534952861439530514639560"
        );
    }
}
