//! ML-KEM-768 (FIPS 203) and the X-Wing combiner.

use alloc::boxed::Box;
use core::fmt;

use libcrux_ml_kem::mlkem768::{
    MlKem768Ciphertext, MlKem768PrivateKey, MlKem768PublicKey, decapsulate, encapsulate,
    generate_key_pair, validate_public_key,
};
use logos_crypto::keys::PublicKey;
use logos_crypto::secret::Secret;
use rand_core::CryptoRng;
use sha3::{Digest, Sha3_256};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a public (encapsulation) key.
pub const PUBLIC_KEY_BYTES: usize = 1184;
/// Bytes of a ciphertext.
pub const CIPHERTEXT_BYTES: usize = 1088;
/// Bytes of an expanded secret key.
pub const DECAPSULATION_KEY_BYTES: usize = 2400;
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
        if validate_public_key(&MlKem768PublicKey::from(bytes)) {
            Ok(Self(Box::new(*bytes)))
        } else {
            Err(BadKemKey)
        }
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.0
    }

    /// Makes a secret that only the holder of the secret key can recover.
    pub fn encapsulate(&self, rng: &mut (impl CryptoRng + ?Sized)) -> (Ciphertext, Secret<32>) {
        let mut coins = [0; 32];
        rng.fill_bytes(&mut coins);
        let (ciphertext, mut shared) = encapsulate(&MlKem768PublicKey::from(&*self.0), coins);
        coins.zeroize();
        let secret = Secret::with(|out| *out = shared);
        shared.zeroize();
        (Ciphertext(Box::new(ciphertext.into())), secret)
    }
}

/// A secret key, kept as its seed and expanded when it is used: for keys that are kept in every
/// snapshot and used once, if at all.
#[derive(ZeroizeOnDrop)]
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
        self.expand().1
    }

    /// Recovers the secret of `ciphertext`: one key generation and one decapsulation, in constant
    /// time. A ciphertext that is nobody's gives a secret nobody else has (implicit rejection).
    #[must_use]
    pub fn decapsulate(&self, ciphertext: &Ciphertext) -> Secret<32> {
        self.expand().0.decapsulate(ciphertext)
    }

    /// The key ready for use, and the public half: one key generation.
    #[must_use]
    pub fn expand(&self) -> (DecapsulationKey, KemPublicKey) {
        let (mut secret, public) = generate_key_pair(*self.seed.expose()).into_parts();
        let bytes = Secret::with(|out| *out = *secret.as_slice());
        wipe(&mut secret);
        (DecapsulationKey { bytes }, KemPublicKey(Box::new(public.into())))
    }
}

/// A secret key as FIPS 203 keeps it: 37 times as long as its seed, and decapsulates in half the
/// time.
#[derive(ZeroizeOnDrop)]
pub struct DecapsulationKey {
    bytes: Secret<DECAPSULATION_KEY_BYTES>,
}

impl DecapsulationKey {
    /// Takes back what [`Self::expose`] gave, from an authenticated record.
    #[must_use]
    pub const fn from_secret(bytes: Secret<DECAPSULATION_KEY_BYTES>) -> Self {
        Self { bytes }
    }

    /// The bytes, for an encrypted record.
    #[must_use]
    pub const fn expose(&self) -> &Secret<DECAPSULATION_KEY_BYTES> {
        &self.bytes
    }

    /// Recovers the secret of `ciphertext` in constant time; see [`KemSecretKey::decapsulate`].
    #[must_use]
    pub fn decapsulate(&self, ciphertext: &Ciphertext) -> Secret<32> {
        let mut key = MlKem768PrivateKey::from(self.bytes.expose());
        let mut shared = decapsulate(&key, &MlKem768Ciphertext::from(ciphertext.as_bytes()));
        wipe(&mut key);
        let secret = Secret::with(|out| *out = shared);
        shared.zeroize();
        secret
    }
}

/// The library's own type has no destructor that would.
fn wipe(key: &mut MlKem768PrivateKey) {
    let whole = 0..MlKem768PrivateKey::len();
    key[whole].zeroize();
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

impl fmt::Debug for DecapsulationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes: _ } = self;
        f.write_str("DecapsulationKey(..)")
    }
}

#[cfg(test)]
mod tests;
