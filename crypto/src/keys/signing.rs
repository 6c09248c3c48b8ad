//! Ed25519 signatures.

use core::fmt;

use ed25519_dalek::Signer;
use thiserror::Error;
use zeroize::ZeroizeOnDrop;

use crate::secret::Secret;

/// The signature is not this key's over this message.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("signature does not verify")]
pub struct BadSignature;

/// The bytes are not a verifying key: not a point of the curve, or one of low order.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("bytes are not an Ed25519 key of full order")]
pub struct BadVerifyingKey;

/// 64 bytes that claim to be a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Takes 64 bytes; they are judged by [`VerifyingKey::verify`].
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

/// A secret Ed25519 key.
///
/// # Examples
///
/// ```
/// use logos_crypto::keys::SigningKey;
/// use logos_crypto::secret::Secret;
///
/// let key = SigningKey::from_secret(&Secret::new([7; 32]));
/// let signature = key.sign(b"message");
/// key.verifying_key().verify(b"message", &signature)?;
/// assert!(key.verifying_key().verify(b"another", &signature).is_err());
/// # Ok::<(), logos_crypto::keys::BadSignature>(())
/// ```
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// The key whose RFC 8032 seed is `seed`.
    #[must_use]
    pub fn from_secret(seed: &Secret<32>) -> Self {
        Self { key: ed25519_dalek::SigningKey::from_bytes(seed.expose()) }
    }

    /// Draws a key from the caller's random source.
    pub fn random(rng: &mut (impl rand_core::CryptoRng + ?Sized)) -> Self {
        Self::from_secret(&Secret::random(rng))
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey { key: self.key.verifying_key() }
    }

    /// Signs `message`; deterministic, as RFC 8032 says.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.key.sign(message).to_bytes())
    }

    /// The seed, for an encrypted snapshot.
    #[must_use]
    pub fn expose_secret(&self) -> Secret<32> {
        Secret::with(|seed| seed.copy_from_slice(self.key.as_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _ } = self;
        f.debug_struct("SigningKey").field("public", &self.verifying_key()).finish_non_exhaustive()
    }
}

impl ZeroizeOnDrop for SigningKey {}

/// A public Ed25519 key that was checked to be of full order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerifyingKey {
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    /// Decodes and checks a key.
    ///
    /// # Errors
    ///
    /// [`BadVerifyingKey`] if the bytes are no point of the curve or one of low order, for which
    /// one signature would fit many messages.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BadVerifyingKey> {
        ed25519_dalek::VerifyingKey::from_bytes(bytes)
            .ok()
            .filter(|key| !key.is_weak())
            .map(|key| Self { key })
            .ok_or(BadVerifyingKey)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Checks a signature by the strict rules: canonical scalar, no point of low order.
    ///
    /// # Errors
    ///
    /// [`BadSignature`] if it is not this key's over `message`.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.key
            .verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0))
            .map_err(|_| BadSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn rfc_8032_section_7_1_test_2() {
        let key = SigningKey::from_secret(&Secret::new(hex!(
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
        )));
        assert_eq!(
            key.verifying_key().as_bytes(),
            &hex!("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        );
        assert_eq!(
            key.sign(&[0x72]).as_bytes(),
            &hex!(
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            )
        );
    }

    #[test]
    fn a_key_of_low_order_is_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(VerifyingKey::from_bytes(&identity), Err(BadVerifyingKey));
    }
}
