//! ML-KEM-768 (FIPS 203) and the X-Wing combiner.

use alloc::boxed::Box;
use core::fmt;

use logos_crypto::keys::PublicKey;
use logos_crypto::secret::Secret;
use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::ml_kem_768;
use rand_core::CryptoRng;
use sha3::{Digest, Sha3_256};
use thiserror::Error;
use zeroize::Zeroize;

/// Bytes of a public (encapsulation) key.
pub const PUBLIC_KEY_BYTES: usize = 1184;
/// Bytes of a ciphertext.
pub const CIPHERTEXT_BYTES: usize = 1088;
/// Bytes of the seed `d || z` that a secret key is kept as.
pub const SEED_BYTES: usize = 64;

/// The bytes are not an encapsulation key: a coefficient is not reduced.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("bytes are not an ML-KEM-768 encapsulation key")]
pub struct BadKemKey;

/// What the holder of the secret key turns into the shared secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Ciphertext(Box<[u8; CIPHERTEXT_BYTES]>);

impl Ciphertext {
    /// Takes any 1088 bytes; a wrong one decapsulates to an unrelated secret.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; CIPHERTEXT_BYTES]) -> Self {
        Self(Box::new(*bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; CIPHERTEXT_BYTES] {
        &self.0
    }
}

/// A public key that passed the modulus check of FIPS 203 §7.2.
#[derive(Clone, PartialEq, Eq)]
pub struct KemPublicKey(Box<[u8; PUBLIC_KEY_BYTES]>);

impl KemPublicKey {
    /// Decodes and checks a key.
    ///
    /// # Errors
    ///
    /// [`BadKemKey`] if a coefficient is not below the modulus.
    pub fn from_bytes(bytes: &[u8; PUBLIC_KEY_BYTES]) -> Result<Self, BadKemKey> {
        decode(bytes)?;
        Ok(Self(Box::new(*bytes)))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.0
    }

    /// Makes a secret that only the holder of the secret key can recover.
    ///
    /// # Errors
    ///
    /// [`BadKemKey`] never, as the key was checked; the type has no other way to say so.
    pub fn encapsulate(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Ciphertext, Secret<32>), BadKemKey> {
        let mut coins = [0; 32];
        rng.fill_bytes(&mut coins);
        let sent = self.encapsulate_with(&coins);
        coins.zeroize();
        sent
    }

    /// Encapsulates with given coins, for vectors.
    pub(crate) fn encapsulate_with(
        &self,
        coins: &[u8; 32],
    ) -> Result<(Ciphertext, Secret<32>), BadKemKey> {
        let (ciphertext, mut shared) =
            decode(&self.0)?.encapsulate_deterministic(&ml_kem::B32::from(*coins));
        let secret = Secret::with(|out| out.copy_from_slice(&shared));
        shared.zeroize();
        Ok((Ciphertext(Box::new(ciphertext.into())), secret))
    }
}

fn decode(bytes: &[u8; PUBLIC_KEY_BYTES]) -> Result<ml_kem_768::EncapsulationKey, BadKemKey> {
    ml_kem_768::EncapsulationKey::new(bytes.into()).map_err(|_| BadKemKey)
}

/// A secret key, kept as its seed and expanded when it is used.
pub struct KemSecretKey {
    seed: Secret<SEED_BYTES>,
}

impl KemSecretKey {
    /// Draws a key from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_seed(Secret::random(rng))
    }

    /// The key with this seed `d || z`.
    #[must_use]
    pub const fn from_seed(seed: Secret<SEED_BYTES>) -> Self {
        Self { seed }
    }

    /// The seed, for an encrypted snapshot.
    #[must_use]
    pub const fn expose_seed(&self) -> &Secret<SEED_BYTES> {
        &self.seed
    }

    /// The public half: one key generation.
    #[must_use]
    pub fn public_key(&self) -> KemPublicKey {
        KemPublicKey(Box::new(self.expand().encapsulation_key().to_bytes().into()))
    }

    /// Recovers the secret of `ciphertext`: one key generation and one decapsulation, in constant
    /// time. A ciphertext that is nobody's gives a secret nobody else has (implicit rejection).
    #[must_use]
    pub fn decapsulate(&self, ciphertext: &Ciphertext) -> Secret<32> {
        let mut shared = self.expand().decapsulate(ciphertext.as_bytes().into());
        let secret = Secret::with(|out| out.copy_from_slice(&shared));
        shared.zeroize();
        secret
    }

    fn expand(&self) -> ml_kem_768::DecapsulationKey {
        let mut seed = ml_kem::Seed::from(*self.seed.expose());
        let key = ml_kem_768::DecapsulationKey::from_seed(seed);
        seed.zeroize();
        key
    }
}

/// The X-Wing combiner (draft-connolly-cfrg-xwing-kem-06 §5.3): one secret from an ML-KEM-768 and
/// an X25519 secret, unpredictable while either is.
///
/// `SHA3-256(ss_M || ss_X || ct_X || pk_X || "\.//^\")`
#[must_use]
pub fn x_wing(
    kem: &Secret<32>,
    dh: &Secret<32>,
    ephemeral: &PublicKey,
    recipient: &PublicKey,
) -> Secret<32> {
    let mut hash = Sha3_256::new();
    hash.update(kem.expose());
    hash.update(dh.expose());
    hash.update(ephemeral.as_bytes());
    hash.update(recipient.as_bytes());
    hash.update(br"\.//^\");
    let mut digest = hash.finalize();
    let secret = Secret::with(|out| out.copy_from_slice(&digest));
    digest.zeroize();
    secret
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ciphertext(1088 bytes)")
    }
}

impl fmt::Debug for KemPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemPublicKey(1184 bytes)")
    }
}

impl fmt::Debug for KemSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed: _ } = self;
        f.write_str("KemSecretKey(..)")
    }
}

impl zeroize::ZeroizeOnDrop for KemSecretKey {}

#[cfg(test)]
mod tests;
