//! Who a device belongs to: an account key, a log of devices it signed, and numbers to compare.
//!
//! An account is an Ed25519 key. It signs a log of entries, each naming the hash of the one
//! before, that add and revoke devices. A session authenticates the X25519 identity of a device;
//! the log says which account that is, or no longer is.

use alloc::vec::Vec;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::keys::{PublicKey, Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

mod fingerprint;

pub use fingerprint::{Fingerprint, FingerprintError};

/// Entries of one log, at most.
pub const MAX_ENTRIES: usize = 1000;
/// Devices of one account at one time, at most.
pub const MAX_DEVICES: usize = 32;

const SIGNED: &[u8] = b"logos-ratchet/1/device-log";
const ENTRY_BYTES: usize = 1 + 4 + 32 + 64 + 64;

/// Why a log was not accepted or extended. It is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The bytes do not decode.
    #[error("log does not decode: {0}")]
    Malformed(#[from] DecodeError),
    /// A key in it is not one.
    #[error("a key of the log is not valid")]
    BadKey,
    /// An entry is not signed by the account.
    #[error("entry {0} is not signed by the account")]
    BadSignature(u32),
    /// An entry does not follow from the one before.
    #[error("entry {0} does not follow from the one before")]
    BrokenChain(u32),
    /// A device is added that is there, or was there once.
    #[error("device was added before")]
    DeviceKnown,
    /// A device is revoked that is not there.
    #[error("device is not in the log")]
    DeviceUnknown,
    /// The log holds as many entries or devices as it may.
    #[error("log is full")]
    Full,
    /// The log differs from the one known in an entry both have: the account said two things.
    #[error("log was rewritten at entry {0}")]
    Rewritten(u32),
    /// The log is shorter than the one known.
    #[error("log is older than the one known")]
    Older,
}

/// The public keys of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceKeys {
    /// Signs bundles.
    pub signing: VerifyingKey,
    /// Is authenticated by sessions.
    pub identity: PublicKey,
}

impl DeviceKeys {
    /// The keys of one device.
    #[must_use]
    pub const fn new(signing: VerifyingKey, identity: PublicKey) -> Self {
        Self { signing, identity }
    }

    fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let (front, back) = bytes.split_at_mut(32);
        front.copy_from_slice(self.signing.as_bytes());
        back.copy_from_slice(self.identity.as_bytes());
        bytes
    }
}

/// What an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Add = 1,
    Revoke = 2,
}

/// One signed entry.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 1 | 1 add, 2 revoke |
/// | 1 | 4 | number, from 0 |
/// | 5 | 32 | hash of the entry before; of the account key in entry 0 |
/// | 37 | 64 | Ed25519 and X25519 key of the device |
/// | 101 | 64 | signature by the account over `logos-ratchet/1/device-log`, the account key and the above |
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    action: Action,
    number: u32,
    previous: [u8; 32],
    device: DeviceKeys,
    signature: Signature,
}

impl Entry {
    fn unsigned(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(ENTRY_BYTES);
        out.u8(self.action as u8).u32_be(self.number).put(&self.previous);
        out.put(&self.device.to_bytes());
        out.into_bytes()
    }

    fn signed(&self, account: &VerifyingKey) -> Vec<u8> {
        [SIGNED, account.as_bytes(), &self.unsigned()].concat()
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.unsigned())
            .chain_update(self.signature.as_bytes())
            .finalize()
            .into()
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, LogError> {
        let action = match reader.u8()? {
            1 => Action::Add,
            2 => Action::Revoke,
            tag => return Err(DecodeError::UnknownTag { tag }.into()),
        };
        let (number, previous) = (reader.u32_be()?, *reader.array()?);
        let signing = VerifyingKey::from_bytes(reader.array()?).map_err(|_| LogError::BadKey)?;
        let identity = PublicKey::from_bytes(*reader.array()?);
        let signature = Signature::from_bytes(*reader.array()?);
        let device = DeviceKeys { signing, identity };
        Ok(Self { action, number, previous, device, signature })
    }
}

/// The devices of an account, as the account signed them, entry by entry.
///
/// # Examples
///
/// ```
/// use logos_crypto::keys::{SigningKey, StaticSecret};
/// use logos_ratchet::identity::{DeviceKeys, DeviceLog};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::seed_from_u64(1);
///
/// let account = SigningKey::random(&mut rng);
/// let phone = DeviceKeys::new(
///     SigningKey::random(&mut rng).verifying_key(),
///     StaticSecret::random(&mut rng).public_key(),
/// );
/// let mut log = DeviceLog::new(account.verifying_key());
/// log.add(&account, phone)?;
/// assert!(log.device(&phone.identity).is_some());
///
/// // Anybody who has the bytes can check them.
/// let mut seen = DeviceLog::decode(&log.encode())?;
/// log.revoke(&account, &phone.identity)?;
/// seen.update(log)?;
/// assert!(seen.device(&phone.identity).is_none());
/// # Ok::<(), logos_ratchet::identity::LogError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLog {
    account: VerifyingKey,
    entries: Vec<Entry>,
    devices: Vec<DeviceKeys>,
}

impl DeviceLog {
    /// The log of an account without devices.
    #[must_use]
    pub const fn new(account: VerifyingKey) -> Self {
        Self { account, entries: Vec::new(), devices: Vec::new() }
    }

    /// Signs the entry that adds `device`.
    ///
    /// # Errors
    ///
    /// [`LogError::BadKey`] if `account` is another account's key, [`LogError::DeviceKnown`],
    /// [`LogError::Full`].
    pub fn add(&mut self, account: &SigningKey, device: DeviceKeys) -> Result<(), LogError> {
        self.sign(account, Action::Add, device)
    }

    /// Signs the entry that revokes the device with this X25519 identity.
    ///
    /// # Errors
    ///
    /// [`LogError::BadKey`] if `account` is another account's key, [`LogError::DeviceUnknown`],
    /// [`LogError::Full`].
    pub fn revoke(&mut self, account: &SigningKey, identity: &PublicKey) -> Result<(), LogError> {
        let device = *self.device(identity).ok_or(LogError::DeviceUnknown)?;
        self.sign(account, Action::Revoke, device)
    }

    fn sign(
        &mut self,
        account: &SigningKey,
        action: Action,
        device: DeviceKeys,
    ) -> Result<(), LogError> {
        if account.verifying_key() != self.account {
            return Err(LogError::BadKey);
        }
        let (number, previous) = (self.next_number()?, self.head());
        let signature = Signature::from_bytes([0; 64]);
        let mut entry = Entry { action, number, previous, device, signature };
        entry.signature = account.sign(&entry.signed(&self.account));
        self.apply(entry)
    }

    /// Checks an entry and takes it in.
    fn apply(&mut self, entry: Entry) -> Result<(), LogError> {
        let number = self.next_number()?;
        if entry.number != number || entry.previous != self.head() {
            return Err(LogError::BrokenChain(number));
        }
        self.account
            .verify(&entry.signed(&self.account), &entry.signature)
            .map_err(|_| LogError::BadSignature(number))?;
        match entry.action {
            Action::Add => self.apply_add(&entry.device)?,
            Action::Revoke => {
                let at = self.devices.iter().position(|device| *device == entry.device);
                self.devices.remove(at.ok_or(LogError::DeviceUnknown)?);
            }
        }
        self.entries.push(entry);
        Ok(())
    }

    /// A device comes once: after a revocation its keys are of no use to anybody.
    fn apply_add(&mut self, device: &DeviceKeys) -> Result<(), LogError> {
        let known = |entry: &Entry| {
            entry.device.identity == device.identity || entry.device.signing == device.signing
        };
        if self.entries.iter().any(known) {
            return Err(LogError::DeviceKnown);
        }
        if self.devices.len() >= MAX_DEVICES {
            return Err(LogError::Full);
        }
        self.devices.push(*device);
        Ok(())
    }

    /// Takes a later state of the same log.
    ///
    /// # Errors
    ///
    /// [`LogError::BadKey`] for another account's, [`LogError::Older`] for an earlier state,
    /// [`LogError::Rewritten`] if it does not continue this one: the account, or who holds its
    /// key, signed two histories.
    pub fn update(&mut self, later: Self) -> Result<(), LogError> {
        if later.account != self.account {
            return Err(LogError::BadKey);
        }
        let differ = self.entries.iter().zip(&later.entries).find(|(ours, theirs)| ours != theirs);
        if let Some((ours, _)) = differ {
            return Err(LogError::Rewritten(ours.number));
        }
        if later.entries.len() < self.entries.len() {
            return Err(LogError::Older);
        }
        *self = later;
        Ok(())
    }

    /// The account's key.
    #[must_use]
    pub const fn account(&self) -> &VerifyingKey {
        &self.account
    }

    /// The devices that are added and not revoked.
    #[must_use]
    pub fn devices(&self) -> &[DeviceKeys] {
        &self.devices
    }

    /// The device with this X25519 identity, if it is the account's now.
    #[must_use]
    pub fn device(&self, identity: &PublicKey) -> Option<&DeviceKeys> {
        self.devices.iter().find(|device| device.identity == *identity)
    }

    /// The bytes: account key, number of entries, entries.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(36 + self.entries.len() * ENTRY_BYTES);
        // Invariant: at most MAX_ENTRIES, which fits.
        out.put(self.account.as_bytes());
        out.u32_be(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        for entry in &self.entries {
            out.put(&entry.unsigned()).put(entry.signature.as_bytes());
        }
        out.into_bytes()
    }

    /// Reads a log and checks every entry: one signature verification each.
    ///
    /// # Errors
    ///
    /// See [`LogError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LogError> {
        let mut reader = Reader::new(bytes);
        let account = VerifyingKey::from_bytes(reader.array()?).map_err(|_| LogError::BadKey)?;
        let count = reader.u32_be()?.into();
        let count = reader.checked_count(count, MAX_ENTRIES, ENTRY_BYTES)?;
        let mut log = Self::new(account);
        for _ in 0..count {
            log.apply(Entry::decode(&mut reader)?)?;
        }
        reader.finish()?;
        Ok(log)
    }

    fn next_number(&self) -> Result<u32, LogError> {
        let len = self.entries.len();
        u32::try_from(len).ok().filter(|_| len < MAX_ENTRIES).ok_or(LogError::Full)
    }

    fn head(&self) -> [u8; 32] {
        let of_account = || Sha256::digest(self.account.as_bytes()).into();
        self.entries.last().map_or_else(of_account, Entry::hash)
    }
}

#[cfg(test)]
mod tests;
