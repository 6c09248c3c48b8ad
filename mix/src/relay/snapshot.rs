//! Keys and replay logs across a restart.
//!
//! A key must never be used without the tags of the packets it opened, so the two leave the
//! machine together, and only by taking the machine apart.

use alloc::vec::Vec;
use core::time::Duration;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::tick::Tick;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::keyring::Entry;
use super::{Journal, KeyEpoch, Keyring, Relay, RelayConfig};
use crate::format::PacketFormat;
use crate::replay::ReplayLog;
use crate::spam::SpamProtection;
use crate::sphinx::ReplayTag;

const VERSION: u8 = 1;
/// Keys a snapshot may hold: the offered one and its predecessor.
const MAX_KEYS: u8 = 2;
/// Bytes of a key, for any format here.
const MAX_KEY_BYTES: usize = 4096;

/// A relay's keys and the tags of every packet they opened, as bytes.
///
/// | bytes | field |
/// |---|---|
/// | 1 | version, 1 |
/// | 1 | number of keys, 1 or 2, newest first |
/// | | per key: epoch u64 BE, remaining time offered in ns u64 BE, and since then if over u64 BE |
/// | | key length u32 BE, key |
/// | | number of tags u64 BE, tags of 16 bytes in ascending order |
///
/// Packets that were held for their delay are not in it: they are lost with the process, as a
/// lost link would lose them.
///
/// # Security
///
/// The bytes hold secret keys: encrypt them. Erase them from disk **before** the restored relay
/// handles its first packet: a copy restored twice accepts packets twice.
#[derive(ZeroizeOnDrop)]
pub struct SealedKeys {
    bytes: Vec<u8>,
}

impl SealedKeys {
    /// Takes bytes that [`SealedKeys::expose`] showed.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Shows the bytes, to be encrypted.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }
}

impl core::fmt::Debug for SealedKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { bytes } = self;
        write!(f, "SealedKeys({} bytes)", bytes.len())
    }
}

/// Why a snapshot cannot be restored.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The bytes are not a snapshot.
    #[error(transparent)]
    Decode(DecodeError),
    /// A key in it is not one of this format.
    #[error("snapshot holds a key of another format")]
    BadKey,
    /// A journal names a key epoch that the snapshot does not hold.
    #[error("journal is of another snapshot")]
    ForeignJournal,
}

impl<F: PacketFormat, S: SpamProtection> Relay<F, S> {
    /// Takes the relay apart and gives its keys with everything they opened.
    ///
    /// With [`Durability::Sealed`](super::Durability::Sealed) this is the only way a key leaves
    /// memory, so a key on disk has every tag beside it.
    #[must_use]
    pub fn seal(self, now: Tick) -> SealedKeys {
        self.keys.seal(now)
    }

    /// The keys at the start of a journal, for
    /// [`Durability::Journaled`](super::Durability::Journaled): write this down once after
    /// [`Relay::new`] and after every rotation, with an empty journal beside it.
    ///
    /// # Security
    ///
    /// Restoring this without every journal given out since opens the node to replay.
    #[must_use]
    pub fn checkpoint(&self, now: Tick) -> SealedKeys {
        self.keys.seal(now)
    }

    /// A relay with the keys of `sealed`, which knows every packet they opened before.
    ///
    /// # Errors
    ///
    /// [`RestoreError`] if the bytes are not a snapshot of this format, or the journals are not
    /// of this snapshot.
    pub fn restore(
        format: F,
        spam: S,
        config: RelayConfig,
        now: Tick,
        sealed: &SealedKeys,
        journals: &[Journal],
    ) -> Result<Self, RestoreError> {
        let mut keys = Keyring::restore(&config, now, &sealed.bytes)?;
        for (epoch, tag) in journals.iter().flat_map(|journal| &journal.tags) {
            keys.entry_mut(*epoch).ok_or(RestoreError::ForeignJournal)?.log.restore(*tag);
        }
        Ok(Self::with_keys(format, spam, config, keys))
    }
}

impl<F: PacketFormat> Keyring<F> {
    fn seal(&self, now: Tick) -> SealedKeys {
        let mut writer = Writer::default();
        writer.u8(VERSION).u8(1 + u8::from(self.older.is_some()));
        for entry in self.entries() {
            let mut secret = F::secret_to_bytes(&entry.secret);
            writer.u64_be(entry.epoch.0);
            writer.u64_be(nanos(entry.offered_until - now));
            writer.u64_be(nanos(now - entry.offered_until));
            writer.u32_be(u32::try_from(secret.len()).unwrap_or(u32::MAX)).put(&secret);
            writer.u64_be(entry.log.tags().len() as u64);
            for tag in entry.log.tags() {
                writer.put(tag.as_bytes());
            }
            secret.zeroize();
        }
        SealedKeys { bytes: writer.into_bytes() }
    }

    fn restore(config: &RelayConfig, now: Tick, bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut reader = Reader::new(bytes);
        let decode = RestoreError::Decode;
        let version = reader.u8().map_err(decode)?;
        if version != VERSION {
            return Err(decode(DecodeError::UnknownTag { tag: version }));
        }
        let n = reader.u8().map_err(decode)?;
        if !(1..=MAX_KEYS).contains(&n) {
            return Err(decode(DecodeError::UnknownTag { tag: n }));
        }
        let newest = Entry::restore(config, now, &mut reader)?;
        let older =
            (n == MAX_KEYS).then(|| Entry::restore(config, now, &mut reader)).transpose()?;
        reader.finish().map_err(decode)?;
        Ok(Self { rotation: config.rotation, capacity: config.tags, newest, older })
    }
}

impl<F: PacketFormat> Entry<F> {
    fn restore(
        config: &RelayConfig,
        now: Tick,
        reader: &mut Reader<'_>,
    ) -> Result<Self, RestoreError> {
        let decode = RestoreError::Decode;
        let epoch = KeyEpoch(reader.u64_be().map_err(decode)?);
        let left = Duration::from_nanos(reader.u64_be().map_err(decode)?);
        let over = Duration::from_nanos(reader.u64_be().map_err(decode)?);
        let length = u64::from(reader.u32_be().map_err(decode)?);
        let length = reader.checked_count(length, MAX_KEY_BYTES, 1).map_err(decode)?;
        let secret = F::secret_from_bytes(reader.take(length).map_err(decode)?)
            .ok_or(RestoreError::BadKey)?;
        let n = reader.u64_be().map_err(decode)?;
        let n = reader.checked_count(n, usize::MAX, 16).map_err(decode)?;
        let mut log = ReplayLog::new(config.tags);
        for _ in 0..n {
            log.restore(ReplayTag::from_bytes(*reader.array().map_err(decode)?));
        }
        // A moment before the caller's origin is the origin: the key ends a little late, never
        // without its tags.
        let past = Tick::new(now.since_origin().saturating_sub(over));
        let offered_until = if over.is_zero() { now + left } else { past };
        Ok(Self { epoch, secret, log, offered_until })
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
