//! X-Wing: X25519 and ML-KEM-768 as one KEM (draft-connolly-cfrg-xwing-kem).

use alloc::boxed::Box;
use core::fmt;

#[cfg(target_arch = "x86_64")]
use libcrux_ml_kem::mlkem768::avx2::unpacked as avx2;
use libcrux_ml_kem::mlkem768::{
    MlKem768Ciphertext, MlKem768PrivateKey, MlKem768PublicKey, decapsulate, encapsulate,
    generate_key_pair, validate_public_key,
};
use logos_crypto::secret::Secret;
use logos_crypto::x25519::{Engine, PrimeOrderPoint, Scalar};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

#[cfg(target_arch = "x86_64")]
cpufeatures::new!(features, "avx2");

/// An ML-KEM-768 encapsulation key.
const MLKEM_KEY_BYTES: usize = 1184;
/// An ML-KEM-768 ciphertext.
const MLKEM_CIPHERTEXT_BYTES: usize = 1088;
/// A public key: ML-KEM's and X25519's.
const KEY_BYTES: usize = MLKEM_KEY_BYTES + 32;
/// A ciphertext: ML-KEM's and an X25519 public key.
pub(super) const CIPHERTEXT_BYTES: usize = MLKEM_CIPHERTEXT_BYTES + 32;

/// `\.//^\`
const LABEL: [u8; 6] = [0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c];

/// The bytes are not a key of an honest node.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not an X-Wing key of full order")]
pub struct BadKey;

/// The public key of a mix node that takes post-quantum packets: 1216 bytes, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct PqKey {
    bytes: Box<[u8; KEY_BYTES]>,
}

impl PqKey {
    /// Checks 1216 bytes from a directory.
    ///
    /// # Errors
    ///
    /// [`BadKey`] if ML-KEM's part is not reduced or X25519's not of prime order.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, BadKey> {
        let key = Self { bytes: Box::new(*bytes) };
        let curve = PrimeOrderPoint::from_bytes(key.curve()).is_ok();
        if curve && validate_public_key(&key.mlkem()) { Ok(key) } else { Err(BadKey) }
    }

    /// The 1216 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    fn mlkem(&self) -> MlKem768PublicKey {
        let mut key = [0; MLKEM_KEY_BYTES];
        key.copy_from_slice(&self.bytes[..MLKEM_KEY_BYTES]);
        key.into()
    }

    fn curve(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(&self.bytes[MLKEM_KEY_BYTES..]);
        key
    }

    /// Makes a ciphertext for this key and the secret in it.
    pub(super) fn encapsulate(
        &self,
        engine: Engine,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> (Box<[u8; CIPHERTEXT_BYTES]>, [u8; 32]) {
        let mut coins = [0; 32];
        rng.fill_bytes(&mut coins);
        let (mlkem_ciphertext, mut mlkem_shared) = encapsulate(&self.mlkem(), coins);
        coins.zeroize();
        let scalar = Scalar::random(rng);
        let theirs = self.curve();
        let ours = engine.multiply_base(&scalar);
        let shared = engine.multiply(&scalar, &theirs);
        let secret = combine(&mlkem_shared, shared.expose(), &ours, &theirs);
        mlkem_shared.zeroize();
        let mut ciphertext = Box::new([0; CIPHERTEXT_BYTES]);
        ciphertext[..MLKEM_CIPHERTEXT_BYTES].copy_from_slice(mlkem_ciphertext.as_slice());
        ciphertext[MLKEM_CIPHERTEXT_BYTES..].copy_from_slice(&ours);
        (ciphertext, secret)
    }
}

impl fmt::Debug for PqKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("XWing(..")?;
        self.curve().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// The secret key of a mix node that takes post-quantum packets.
pub struct PqSecret {
    seed: Secret<32>,
    mlkem: MlKemSecret,
    scalar: Scalar,
    public: PqKey,
}

/// ML-KEM's secret key, expanded as far as the processor's implementation takes it: with AVX2 the
/// matrix of the public key is kept too, which is a quarter of the work of decapsulation.
enum MlKemSecret {
    #[cfg(target_arch = "x86_64")]
    Avx2(Box<avx2::MlKem768KeyPairUnpacked>),
    Packed(Box<MlKem768PrivateKey>),
}

impl MlKemSecret {
    fn new(key: &[u8; 2400]) -> Self {
        #[cfg_attr(
            not(target_arch = "x86_64"),
            expect(unused_mut, reason = "wiped where it is expanded")
        )]
        let mut packed = Box::new(MlKem768PrivateKey::from(*key));
        #[cfg(target_arch = "x86_64")]
        if features::get() {
            let mut pair = Box::new(avx2::init_key_pair());
            avx2::key_pair_from_private_mut(&packed, &mut pair);
            wipe(&mut packed);
            return Self::Avx2(pair);
        }
        Self::Packed(packed)
    }

    fn decapsulate(&self, ciphertext: &MlKem768Ciphertext) -> [u8; 32] {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(pair) => avx2::decapsulate(pair, ciphertext),
            Self::Packed(key) => decapsulate(key, ciphertext),
        }
    }
}

impl Drop for MlKemSecret {
    fn drop(&mut self) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(pair) => {
                **pair = avx2::init_key_pair();
                core::hint::black_box(pair);
            }
            Self::Packed(key) => wipe(key),
        }
    }
}

impl PqSecret {
    /// Draws a key from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_seed(Secret::random(rng))
    }

    /// Expands a seed of 32 bytes: SHAKE-256 gives ML-KEM's seed and the X25519 scalar.
    #[must_use]
    pub fn from_seed(seed: Secret<32>) -> Self {
        let mut expanded: [u8; 96] = libcrux_sha3::shake256(seed.expose());
        let (mut mlkem_seed, mut scalar) = ([0; 64], [0; 32]);
        mlkem_seed.copy_from_slice(&expanded[..64]);
        scalar.copy_from_slice(&expanded[64..]);
        expanded.zeroize();
        let pair = generate_key_pair(mlkem_seed);
        mlkem_seed.zeroize();
        let clamped = Scalar::clamp(scalar);
        scalar.zeroize();
        let mut bytes = Box::new([0; KEY_BYTES]);
        bytes[..MLKEM_KEY_BYTES].copy_from_slice(pair.pk());
        bytes[MLKEM_KEY_BYTES..].copy_from_slice(PrimeOrderPoint::of(&clamped).as_bytes());
        let mlkem = MlKemSecret::new(pair.sk());
        Self { seed, mlkem, scalar: clamped, public: PqKey { bytes } }
    }

    /// The public half, as published in the directory.
    #[must_use]
    pub fn public_key(&self) -> PqKey {
        self.public.clone()
    }

    pub(super) const fn seed(&self) -> &Secret<32> {
        &self.seed
    }

    /// The secret in a ciphertext; a random one, always the same, for a ciphertext that was not
    /// made for this key.
    pub(super) fn decapsulate(
        &self,
        engine: Engine,
        ciphertext: &[u8; CIPHERTEXT_BYTES],
    ) -> [u8; 32] {
        let mut mlkem = [0; MLKEM_CIPHERTEXT_BYTES];
        mlkem.copy_from_slice(&ciphertext[..MLKEM_CIPHERTEXT_BYTES]);
        let mut theirs = [0; 32];
        theirs.copy_from_slice(&ciphertext[MLKEM_CIPHERTEXT_BYTES..]);
        let mut mlkem_shared = self.mlkem.decapsulate(&MlKem768Ciphertext::from(mlkem));
        let shared = engine.multiply(&self.scalar, &theirs);
        let secret = combine(&mlkem_shared, shared.expose(), &theirs, &self.public.curve());
        mlkem_shared.zeroize();
        secret
    }
}

/// Replaces a secret key by zeros; the type shows its bytes only for reading.
fn wipe(key: &mut MlKem768PrivateKey) {
    *key = [0; 2400].into();
    core::hint::black_box(key);
}

impl fmt::Debug for PqSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed: _, mlkem: _, scalar: _, public } = self;
        f.debug_struct("PqSecret").field("public", public).finish_non_exhaustive()
    }
}

impl ZeroizeOnDrop for PqSecret {}

/// `SHA3-256(ss_M || ss_X || ct_X || pk_X || label)`.
fn combine(mlkem: &[u8; 32], curve: &[u8; 32], ours: &[u8; 32], theirs: &[u8; 32]) -> [u8; 32] {
    let mut input = [0; 4 * 32 + LABEL.len()];
    let parts: [&[u8]; 5] = [mlkem, curve, ours, theirs, &LABEL];
    for (to, from) in input.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    let secret = libcrux_sha3::sha256(&input);
    input.zeroize();
    secret
}
