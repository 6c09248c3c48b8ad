//! Key derivation under labels: HKDF with SHA-256 (RFC 5869).
//!
//! Every use in the stack names itself by a [`Label`]; the label is the first part of HKDF's
//! `info`, so keys of two uses are independent even when they start from the same secret.

use alloc::vec::Vec;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;

use crate::secret::Secret;

/// The name of one use of a key, unique within a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(&'static str);

impl Label {
    /// Names a use. By convention `"<protocol>/<version>/<key>"`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The bytes that go first into `info`.
    #[must_use]
    pub const fn as_bytes(&self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

/// A pseudorandom key, from which any number of labelled keys follow.
///
/// # Examples
///
/// ```
/// use logos_crypto::kdf::{Label, Prk};
///
/// const CHAIN: Label = Label::new("example/1/chain");
/// const ROOT: Label = Label::new("example/1/root");
///
/// let prk = Prk::extract(b"salt", &[b"shared", b" secret"]);
/// assert_ne!(prk.expand::<32>(CHAIN, &[]), prk.expand::<32>(ROOT, &[]));
/// assert_eq!(prk.expand::<32>(CHAIN, &[b"a"]), prk.expand::<32>(CHAIN, &[b"a"]));
/// ```
pub struct Prk {
    hkdf: Hkdf<Sha256>,
}

impl Prk {
    /// HKDF-Extract over the concatenation of `parts`. An empty `salt` is RFC 5869's default.
    ///
    /// Input keying material is not length-prefixed: give parts of fixed length.
    #[must_use]
    pub fn extract(salt: &[u8], parts: &[&[u8]]) -> Self {
        let mut extract = hkdf::HkdfExtract::<Sha256>::new(Some(salt));
        for part in parts {
            extract.input_ikm(part);
        }
        let (mut prk, hkdf) = extract.finalize();
        prk.zeroize();
        Self { hkdf }
    }

    /// HKDF-Expand to `N` bytes with `info = label || context[0] || context[1] || ..`.
    ///
    /// Context parts are not length-prefixed: give parts of fixed length. `N` is at most 8160
    /// (255 blocks), which is checked when the code is compiled.
    #[must_use]
    pub fn expand<const N: usize>(&self, label: Label, context: &[&[u8]]) -> Secret<N> {
        const { assert!(N <= 255 * 32, "HKDF-SHA-256 gives at most 8160 bytes") };
        Secret::with(|okm| self.fill(label, context, okm))
    }

    fn fill(&self, label: Label, context: &[&[u8]], okm: &mut [u8]) {
        let mut info = Vec::with_capacity(context.len() + 1);
        info.push(label.as_bytes());
        info.extend_from_slice(context);
        let filled = self.hkdf.expand_multi_info(&info, okm);
        debug_assert!(filled.is_ok(), "the length was checked at compile time");
    }
}

impl core::fmt::Debug for Prk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { hkdf: _ } = self;
        f.debug_struct("Prk").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn rfc_5869_test_case_1() {
        // The label plays the part of `info`'s first bytes, so any split gives the same key.
        const INFO: Label = Label::new("");
        let prk = Prk::extract(&hex!("000102030405060708090a0b0c"), &[&[0x0b; 11], &[0x0b; 11]]);
        let okm = prk.expand::<42>(INFO, &[&hex!("f0f1f2f3f4f5f6f7f8f9")]);
        assert_eq!(
            okm.expose(),
            &hex!(
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                "34007208d5b887185865"
            )
        );
    }

    #[test]
    fn rfc_5869_test_case_3_has_no_salt_and_no_info() {
        let okm = Prk::extract(&[], &[&[0x0b; 22]]).expand::<42>(Label::new(""), &[]);
        assert_eq!(
            okm.expose(),
            &hex!(
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
                "9d201395faa4b61a96c8"
            )
        );
    }
}
