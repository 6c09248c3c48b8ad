//! From a passphrase to sealed records.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use logos_crypto::aead;
use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::kdf::{Label, Prk};
use logos_crypto::secret::Secret;
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::RecordError;

const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const RECORD: Label = Label::new("logos-records/1/record");
const PROOF: &[u8] = b"logos-records/1/proof";

/// What a person types.
#[derive(ZeroizeOnDrop)]
pub struct Passphrase(String);

impl Passphrase {
    /// Takes the text; it is wiped in the end.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str("Passphrase(..)")
    }
}

/// What one guess of the passphrase costs (Argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardness {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Hardness {
    /// The second recommended option of RFC 9106: 64 MiB, three passes, four lanes.
    pub const RECOMMENDED: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 4 };
    /// As little as the algorithm does: for tests.
    pub const TEST: Self = Self { memory_kib: 32, passes: 1, lanes: 4 };
    /// What a database may ask of whoever opens it, at most: 1 GiB and 16 passes.
    pub const MOST: Self = Self { memory_kib: 1 << 20, passes: 16, lanes: 16 };

    const fn is_in_range(self) -> bool {
        let most = Self::MOST;
        self.memory_kib <= most.memory_kib && self.passes <= most.passes && self.lanes <= most.lanes
    }
}

/// What a database keeps to turn a passphrase into its key.
#[derive(Debug)]
pub(super) struct Lock {
    salt: [u8; SALT_BYTES],
    hardness: Hardness,
    proof: Vec<u8>,
}

impl Lock {
    pub(super) fn new(
        passphrase: &Passphrase,
        hardness: Hardness,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Self, SealingKey), RecordError> {
        let mut salt = [0; SALT_BYTES];
        rng.fill_bytes(&mut salt);
        let key = SealingKey::derive(passphrase, &salt, hardness)?;
        let proof = key.seal(PROOF, &[], rng);
        Ok((Self { salt, hardness, proof }, key))
    }

    pub(super) fn open(&self, passphrase: &Passphrase) -> Result<SealingKey, RecordError> {
        let key = SealingKey::derive(passphrase, &self.salt, self.hardness)?;
        key.open(PROOF, &self.proof).ok_or(RecordError::WrongPassphrase)?;
        Ok(key)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let Hardness { memory_kib, passes, lanes } = self.hardness;
        let mut out = Writer::default();
        out.put(&self.salt).u32_be(memory_kib).u32_be(passes).u32_be(lanes).put(&self.proof);
        out.into_bytes()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let read = |reader: &mut Reader<'_>| -> Result<Self, DecodeError> {
            let salt = *reader.array()?;
            let (memory_kib, passes) = (reader.u32_be()?, reader.u32_be()?);
            let hardness = Hardness { memory_kib, passes, lanes: reader.u32_be()? };
            Ok(Self { salt, hardness, proof: reader.take(reader.remaining())?.to_vec() })
        };
        read(&mut Reader::new(bytes)).map_err(|_| RecordError::Malformed { space: 0 })
    }
}

/// The key of all records.
pub(super) struct SealingKey(Prk);

impl SealingKey {
    fn derive(
        passphrase: &Passphrase,
        salt: &[u8; SALT_BYTES],
        hardness: Hardness,
    ) -> Result<Self, RecordError> {
        if !hardness.is_in_range() {
            return Err(RecordError::Hardness);
        }
        let Hardness { memory_kib, passes, lanes } = hardness;
        let params =
            Params::new(memory_kib, passes, lanes, None).map_err(|_| RecordError::Hardness)?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut derived = [0; 32];
        let hashed = argon.hash_password_into(passphrase.0.as_bytes(), salt, &mut derived);
        let secret = Secret::with(|secret| *secret = derived);
        derived.zeroize();
        hashed.map_err(|_| RecordError::Hardness)?;
        Ok(Self(Prk::extract(&[], &[secret.expose()])))
    }

    /// Seals `value` for `place`.
    pub(super) fn seal(
        &self,
        place: &[u8],
        value: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let mut sealed = Vec::with_capacity(NONCE_BYTES + value.len() + aead::TAG_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(value);
        let key = self.0.expand(RECORD, &[&nonce]);
        let body = sealed.get_mut(NONCE_BYTES..).unwrap_or_default();
        let tag = aead::seal_detached(&key, &[0; aead::NONCE_BYTES], place, body);
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// What was sealed for `place`.
    pub(super) fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let mut value = body.to_vec();
        let key = self.0.expand(RECORD, &[nonce]);
        aead::open(&key, &[0; aead::NONCE_BYTES], place, &mut value).ok()?;
        Some(value)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str("SealingKey(..)")
    }
}
