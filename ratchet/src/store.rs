//! Durable state: one atomic commit.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::convert::Infallible;

use logos_crypto::keys::PublicKey;
use thiserror::Error;

/// Where a record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Key {
    /// A signed prekey of ours.
    SignedPrekey(u32),
    /// A one-time prekey of ours.
    OneTimePrekey(u32),
    /// A KEM prekey of ours.
    KemPrekey(u32),
    /// A handshake that was accepted, by its ephemeral key.
    Handshake(PublicKey),
    /// All sessions with one device.
    Sessions(PublicKey),
}

impl Key {
    /// The table's number and the key within it: 5 or 33 bytes, unique over all tables.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (table, key): (u8, &[u8]) = match self {
            Self::SignedPrekey(id) => (0x10, &id.to_be_bytes()),
            Self::OneTimePrekey(id) => (0x11, &id.to_be_bytes()),
            Self::KemPrekey(id) => (0x12, &id.to_be_bytes()),
            Self::Handshake(key) => (0x13, key.as_bytes()),
            Self::Sessions(key) => (0x14, key.as_bytes()),
        };
        let mut bytes = Vec::with_capacity(33);
        bytes.push(table);
        bytes.extend_from_slice(key);
        bytes
    }

    /// Reads what [`Key::to_bytes`] writes; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (table, key) = bytes.split_first()?;
        let id = || Some(u32::from_be_bytes(key.try_into().ok()?));
        let public = || Some(PublicKey::from_bytes(key.try_into().ok()?));
        match table {
            0x10 => id().map(Self::SignedPrekey),
            0x11 => id().map(Self::OneTimePrekey),
            0x12 => id().map(Self::KemPrekey),
            0x13 => public().map(Self::Handshake),
            0x14 => public().map(Self::Sessions),
            _ => None,
        }
    }

    pub(crate) const fn kind(&self) -> u8 {
        match self {
            Self::SignedPrekey(_) => 0x10,
            Self::OneTimePrekey(_) => 0x11,
            Self::KemPrekey(_) => 0x12,
            Self::Handshake(_) => 0x13,
            Self::Sessions(_) => 0x14,
        }
    }
}

/// One change of a [`Batch`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Write a record, over an older one if there is one.
    Put(Key, Vec<u8>),
    /// Write a record that must not be there yet.
    Insert(Key, Vec<u8>),
    /// Remove a record that must be there: this is what single use means.
    Take(Key),
    /// Remove a record if it is there.
    Delete(Key),
}

/// Changes that happen together or not at all.
pub type Batch = Vec<Change>;

/// Why a batch was not committed. Nothing of it happened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommitError<E> {
    /// A record to take was gone, or one to insert was there.
    #[error("record {0:?} was not as the batch expects")]
    Conflict(Key),
    /// The store itself failed.
    #[error("store failed")]
    Store(E),
}

/// Where records are kept. They are encrypted before they get here.
///
/// # Security
///
/// A commit must be on disk when it returns, and must not be undone by a crash or a restored
/// backup: old session state repeats keys, an old prekey is used twice.
pub trait Store {
    /// What can go wrong below.
    type Error;

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Prekeys and handshakes, to look for expired ones; at most `limit`.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn prekeys_and_handshakes(&self, limit: usize) -> Result<Vec<(Key, Vec<u8>)>, Self::Error>;

    /// Makes all changes of `batch`, or none.
    ///
    /// # Errors
    ///
    /// [`CommitError::Conflict`] if [`Change::Take`] or [`Change::Insert`] finds otherwise.
    fn commit(&mut self, batch: Batch) -> Result<(), CommitError<Self::Error>>;
}

/// A store in memory, for tests and for sessions that end with the process.
///
/// # Examples
///
/// ```
/// use logos_ratchet::store::{Change, CommitError, Key, MemoryStore, Store};
///
/// let mut store = MemoryStore::default();
/// let prekey = Key::OneTimePrekey(7);
/// store.commit(vec![Change::Insert(prekey, vec![1])])?;
/// store.commit(vec![Change::Take(prekey)])?;
/// // Used once: the whole second batch is refused.
/// let again = vec![Change::Put(Key::SignedPrekey(1), vec![2]), Change::Take(prekey)];
/// assert_eq!(store.commit(again), Err(CommitError::Conflict(prekey)));
/// assert_eq!(store.get(&Key::SignedPrekey(1)), Ok(None));
/// # Ok::<(), CommitError<core::convert::Infallible>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStore {
    records: BTreeMap<Key, Vec<u8>>,
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.records.get(key).cloned())
    }

    fn prekeys_and_handshakes(&self, limit: usize) -> Result<Vec<(Key, Vec<u8>)>, Infallible> {
        let wanted = |key: &Key| !matches!(key, Key::Sessions(_));
        let records = self.records.iter().filter(|(key, _)| wanted(key));
        Ok(records.take(limit).map(|(key, value)| (*key, value.clone())).collect())
    }

    fn commit(&mut self, batch: Batch) -> Result<(), CommitError<Infallible>> {
        self.check(&batch)?;
        for change in batch {
            match change {
                Change::Put(key, value) | Change::Insert(key, value) => {
                    self.records.insert(key, value);
                }
                Change::Take(key) | Change::Delete(key) => {
                    self.records.remove(&key);
                }
            }
        }
        Ok(())
    }
}

impl MemoryStore {
    /// Goes through the batch without making it happen.
    fn check(&self, batch: &Batch) -> Result<(), CommitError<Infallible>> {
        let mut overlay = BTreeMap::new();
        for change in batch {
            let (key, expected, after) = match change {
                Change::Put(key, _) => (key, None, true),
                Change::Insert(key, _) => (key, Some(false), true),
                Change::Take(key) => (key, Some(true), false),
                Change::Delete(key) => (key, None, false),
            };
            let present = overlay.insert(*key, after).unwrap_or(self.records.contains_key(key));
            if expected.is_some_and(|expected| expected != present) {
                return Err(CommitError::Conflict(*key));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_bytes_and_nothing_else_is_a_key() {
        let public = PublicKey::from_bytes([9; 32]);
        let keys = [
            Key::SignedPrekey(1),
            Key::OneTimePrekey(2),
            Key::KemPrekey(u32::MAX),
            Key::Handshake(public),
            Key::Sessions(public),
        ];
        for key in keys {
            let bytes = key.to_bytes();
            assert_eq!(Key::from_bytes(&bytes), Some(key));
            assert_eq!(Key::from_bytes(&[bytes.as_slice(), &[0]].concat()), None);
            assert_eq!(Key::from_bytes(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(Key::from_bytes(&[]), None);
        assert_eq!(Key::from_bytes(&[0x15, 0, 0, 0, 0]), None);
    }
}
