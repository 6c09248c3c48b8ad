//! Records in a redb database, sealed under a passphrase: sessions, channels, history.
//!
//! | table | key | value |
//! |---|---|---|
//! | `lock` | - | salt 16, memory KiB 4, passes 4, lanes 4, sealed proof of the passphrase |
//! | `records` | space, key | nonce 24, ciphertext, tag 16 |
//!
//! The key is Argon2id of passphrase and salt. Each value is sealed by ChaCha20-Poly1305 under a key
//! of its own (HKDF of the key and the nonce) with the record's key as associated data, so that a
//! value moved to another place does not open there. Record keys are in the clear: they are
//! counters, hashes and public keys.

mod channel;
mod sealing;
mod sessions;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use rand_core::CryptoRng;
use redb::{Database, ReadableDatabase, TableDefinition, TableError};
use thiserror::Error;

use super::NodeStoreError;
use sealing::{Lock, SealingKey};

pub use channel::RedbChannel;
pub use sealing::{Hardness, Passphrase};
pub use sessions::RedbSessions;

/// A key and its value.
type Entry = (Vec<u8>, Vec<u8>);

const LOCK: TableDefinition<'_, (), &[u8]> = TableDefinition::new("lock");
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

/// Why records were not read or written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] NodeStoreError),
    /// The passphrase is not the one the database was made with.
    #[error("the passphrase is not the right one")]
    WrongPassphrase,
    /// A record does not open: the database was changed from outside.
    #[error("a record of space {space} does not open")]
    Sealed {
        /// Where it stands.
        space: u8,
    },
    /// A record opens and is not what belongs there.
    #[error("a record of space {space} does not decode")]
    Malformed {
        /// Where it stands.
        space: u8,
    },
    /// The costs of the passphrase are over what this program works with.
    #[error("the costs of the passphrase are out of range")]
    Hardness,
}

/// One change of a commit, in one space.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordChange {
    /// Writes a record, over an older one if there is one.
    Put(Vec<u8>, Vec<u8>),
    /// Removes a record if it is there.
    Delete(Vec<u8>),
}

/// A sealed database. Copies share it.
///
/// A commit is one transaction that is on the disk when it returns. After an error the database
/// has to be opened again.
///
/// # Examples
///
/// ```
/// use logos_node::{Hardness, Passphrase, RecordChange, Records};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::seed_from_u64(1);
///
/// let path = std::env::temp_dir().join(format!("logos-records-{}.redb", std::process::id()));
/// let passphrase = || Passphrase::new("correct horse".to_owned());
/// let records = Records::open(&path, &passphrase(), Hardness::TEST, &mut rng)?;
/// records.commit(7, &[RecordChange::Put(b"key".to_vec(), b"value".to_vec())], &mut rng)?;
/// drop(records);
///
/// let records = Records::open(&path, &passphrase(), Hardness::TEST, &mut rng)?;
/// assert_eq!(records.get(7, b"key")?, Some(b"value".to_vec()));
/// # drop(records);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Records {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    database: Database,
    key: SealingKey,
}

impl Records {
    /// Opens the database, and makes it if it is not there. `hardness` is for a new one; an old one
    /// says its own. Costs one Argon2id.
    ///
    /// # Errors
    ///
    /// See [`RecordError`].
    pub fn open(
        path: &Path,
        passphrase: &Passphrase,
        hardness: Hardness,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, RecordError> {
        let database = Database::create(path).map_err(NodeStoreError::from)?;
        let key = match read_lock(&database)? {
            Some(lock) => Lock::decode(&lock)?.open(passphrase)?,
            None => {
                let (lock, key) = Lock::new(passphrase, hardness, rng)?;
                write_lock(&database, &lock.encode())?;
                key
            }
        };
        Ok(Self { shared: Arc::new(Shared { database, key }) })
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// See [`RecordError`].
    pub fn get(&self, space: u8, key: &[u8]) -> Result<Option<Vec<u8>>, RecordError> {
        let place = place(space, key);
        let Some(sealed) = self.shared.read(&place)? else { return Ok(None) };
        self.shared.open(&place, &sealed).map(Some)
    }

    /// The records whose keys start with `prefix`, in the order of their keys, at most `limit`.
    ///
    /// # Errors
    ///
    /// See [`RecordError`].
    pub fn scan(&self, space: u8, prefix: &[u8], limit: usize) -> Result<Vec<Entry>, RecordError> {
        let start = place(space, prefix);
        let sealed = self.shared.range(&start, limit)?;
        let open = |(place, sealed): (Vec<u8>, Vec<u8>)| {
            let value = self.shared.open(&place, &sealed)?;
            Ok((place.get(1..).unwrap_or_default().to_vec(), value))
        };
        sealed.into_iter().map(open).collect()
    }

    /// Makes all changes, or none.
    ///
    /// # Errors
    ///
    /// See [`RecordError`].
    pub fn commit(
        &self,
        space: u8,
        changes: &[RecordChange],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), RecordError> {
        self.check_and_commit(space, changes, |_| Ok(()), rng)
    }

    /// As [`Records::commit`], if `check` finds in the transaction what it expects.
    fn check_and_commit<E: From<RecordError>>(
        &self,
        space: u8,
        changes: &[RecordChange],
        check: impl FnOnce(&dyn Fn(&[u8]) -> Result<bool, RecordError>) -> Result<(), E>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), E> {
        let failed = |error: redb::Error| RecordError::from(NodeStoreError::from(error));
        let database = &self.shared.database;
        let transaction = database.begin_write().map_err(|error| failed(error.into()))?;
        {
            let mut table =
                transaction.open_table(RECORDS).map_err(|error| failed(error.into()))?;
            let is_there = |key: &[u8]| {
                let found = redb::ReadableTable::get(&table, place(space, key).as_slice());
                found.map(|found| found.is_some()).map_err(|error| failed(error.into()))
            };
            check(&is_there)?;
            for change in changes {
                let done = match change {
                    RecordChange::Put(key, value) => {
                        let place = place(space, key);
                        let sealed = self.shared.key.seal(&place, value, rng);
                        table.insert(place.as_slice(), sealed.as_slice()).map(drop)
                    }
                    RecordChange::Delete(key) => {
                        table.remove(place(space, key).as_slice()).map(drop)
                    }
                };
                done.map_err(|error| failed(error.into()))?;
            }
        }
        transaction.commit().map_err(|error| failed(error.into()))?;
        Ok(())
    }
}

impl Shared {
    fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, RecordError> {
        let space = place.first().copied().unwrap_or(0);
        self.key.open(place, sealed).ok_or(RecordError::Sealed { space })
    }

    fn read(&self, place: &[u8]) -> Result<Option<Vec<u8>>, NodeStoreError> {
        let table = match self.database.begin_read()?.open_table(RECORDS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(table.get(place)?.map(|value| value.value().to_vec()))
    }

    fn range(&self, start: &[u8], limit: usize) -> Result<Vec<Entry>, NodeStoreError> {
        let table = match self.database.begin_read()?.open_table(RECORDS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut found = Vec::new();
        for entry in table.range(start..)? {
            let (key, value) = entry?;
            if found.len() >= limit || !key.value().starts_with(start) {
                break;
            }
            found.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok(found)
    }
}

fn place(space: u8, key: &[u8]) -> Vec<u8> {
    let mut place = Vec::with_capacity(key.len() + 1);
    place.push(space);
    place.extend_from_slice(key);
    place
}

fn read_lock(database: &Database) -> Result<Option<Vec<u8>>, NodeStoreError> {
    match database.begin_read()?.open_table(LOCK) {
        Ok(table) => Ok(table.get(())?.map(|value| value.value().to_vec())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn write_lock(database: &Database, lock: &[u8]) -> Result<(), NodeStoreError> {
    let transaction = database.begin_write()?;
    transaction.open_table(LOCK)?.insert((), lock)?;
    Ok(transaction.commit()?)
}
