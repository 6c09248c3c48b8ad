//! Key derivation of LIP-99 section 8.2 and LIP-183 section 4.3: SHA-256 over a label and a seed.

use sha2::{Digest, Sha256};

/// A label in front of the seed: one for each use of a session secret.
#[derive(Clone, Copy)]
pub(crate) struct Label(&'static [u8]);

impl Label {
    pub(crate) const AES_KEY: Self = Self(b"aes_key");
    pub(crate) const IV: Self = Self(b"iv");
    pub(crate) const MAC_KEY: Self = Self(b"mac_key");
    pub(crate) const PAYLOAD_KEY: Self = Self(b"payload_enc_key");
    pub(crate) const LIONESS: [Self; 4] = [
        Self(b"lioness_key1"),
        Self(b"lioness_key2"),
        Self(b"lioness_key3"),
        Self(b"lioness_key4"),
    ];
    /// Payload keys of deployments from before LIP-183, as their code spells them.
    pub(crate) const DELTA_AES_KEY: Self = Self(b"delta_aes_key");
    pub(crate) const DELTA_IV: Self = Self(b"delta_iv");

    /// `SHA-256(label || seed)`.
    pub(crate) fn derive(self, seed: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update(self.0).chain_update(seed).finalize().into()
    }

    /// The first 16 bytes of [`Label::derive`].
    pub(crate) fn derive_short(self, seed: &[u8]) -> [u8; 16] {
        let mut out = [0; 16];
        out.copy_from_slice(&self.derive(seed)[..16]);
        out
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn vectors_of_the_deployed_code() {
        // nim-libp2p-mix, tests/test_crypto.nim and tests/test_lioness.nim.
        let digest: [u8; 32] = Sha256::digest(b"thisiskey").into();
        assert_eq!(digest[..16], hex!("37c9842d37dc404854428a0a3554dcaa"));
        let seed: [u8; 32] = core::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(
            Label::PAYLOAD_KEY.derive(&seed),
            hex!("8628ce30f82298838478ebd2744a6a31ef34a7d6a5a600b8e0c7de533510f85d")
        );
    }
}
