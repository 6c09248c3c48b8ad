//! The keys of the account's one device.

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::keys::{PublicKey, SigningKey, StaticSecret, VerifyingKey};
use logos_crypto::secret::Secret;
use logos_ratchet::{Device, StorageKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::store::{RecordChange, RecordError, Records};

/// The space of the account's keys.
const ACCOUNT: u8 = 3;
const KEYS: &[u8] = b"keys";

/// One device and the account it is.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 32 | X25519 secret |
/// | 32 | 32 | Ed25519 secret |
/// | 64 | 32 | key of the session records |
#[derive(Debug)]
pub(super) struct Account {
    device: Device<true>,
}

impl Account {
    /// The account of `records`, or a new one.
    pub(super) fn open(records: &Records, rng: &mut impl CryptoRng) -> Result<Self, RecordError> {
        if let Some(keys) = records.get(ACCOUNT, KEYS)? {
            let keys = Zeroizing::new(keys);
            return Self::decode(&keys).map_err(|_| RecordError::Malformed { space: ACCOUNT });
        }
        let (identity, signing) = (StaticSecret::random(rng), SigningKey::random(rng));
        let storage = Secret::random(rng);
        let mut out = Writer::with_capacity(96);
        out.put(identity.expose_secret().expose()).put(signing.expose_secret().expose());
        out.put(storage.expose());
        let keys = Zeroizing::new(out.into_bytes());
        records.commit(ACCOUNT, &[RecordChange::Put(KEYS.to_vec(), keys.to_vec())], rng)?;
        Ok(Self { device: Device::new(identity, signing, StorageKey::new(storage)) })
    }

    fn decode(keys: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(keys);
        let mut secret = || -> Result<Secret<32>, DecodeError> {
            let bytes: &[u8; 32] = reader.array()?;
            Ok(Secret::with(|secret| *secret = *bytes))
        };
        let identity = StaticSecret::from_secret(secret()?);
        let signing = SigningKey::from_secret(&secret()?);
        let storage = StorageKey::new(secret()?);
        reader.finish()?;
        Ok(Self { device: Device::new(identity, signing, storage) })
    }

    pub(super) const fn device(&self) -> &Device<true> {
        &self.device
    }

    pub(super) const fn identity(&self) -> PublicKey {
        self.device.identity()
    }

    pub(super) fn verifying_key(&self) -> VerifyingKey {
        self.device.signing_key().verifying_key()
    }
}
