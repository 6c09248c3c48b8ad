//! RLN keys in files.

mod cache;
mod tables;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use logos_crypto::backend::Backend;
use logos_rln::{
    KeyError, KeyHash, PointChecks, Prover, ProvingKey, TableSize, Tables, TablesError,
    VerifyingKey,
};
use thiserror::Error;

use cache::Cache;

use crate::durable::{FileAction, FileError, read_bounded};

/// The most bytes of a key file; the largest circuit's take a quarter of it.
const MAX_KEY_BYTES: u64 = 1 << 28;

/// What bytes of a key are, told by how they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFormat {
    /// zerokit's: arkworks' proving key and the circuit's matrices.
    Arkzkey,
    /// snarkjs's.
    Zkey,
    /// Ours, ready to prove with.
    Prepared,
    /// Ours, for verifying alone.
    Verifying,
}

impl KeyFormat {
    /// Looks at the first bytes. The key behind them may still be damaged.
    ///
    /// # Examples
    ///
    /// ```
    /// use logos_node::KeyFormat;
    ///
    /// let bytes = logos_rln_keys::single_bytes();
    /// assert_eq!(KeyFormat::recognise(bytes), Some(KeyFormat::Prepared));
    /// assert_eq!(KeyFormat::recognise(b"a letter"), None);
    /// ```
    #[must_use]
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'r', b'l', b'n', b'-', b'p', b'k', 0, ..] => Some(Self::Prepared),
            [b'r', b'l', b'n', b'-', b'v', b'k', 0, ..] => Some(Self::Verifying),
            [b'z', b'k', b'e', b'y', ..] => Some(Self::Zkey),
            _ => looks_like_arkzkey(bytes).then_some(Self::Arkzkey),
        }
    }
}

/// That format has no mark of its own; but behind the four points it begins with stands how many
/// input points follow, one more than a circuit has public signals.
fn looks_like_arkzkey(bytes: &[u8]) -> bool {
    const POINTS_BYTES: usize = 64 + 3 * 128;
    let count = bytes.get(POINTS_BYTES..).and_then(|rest| rest.first_chunk());
    count.is_some_and(|count| (2..=128).contains(&u64::from_le_bytes(*count)))
}

/// Why a file gives no key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The bytes are no key of a known format.
    #[error("{} is no arkzkey, zkey, prepared or verifying key", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The bytes begin as a key does and are damaged, or the key is of another circuit.
    #[error("{}: {error}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The defect.
        error: KeyError,
    },
    /// The key can verify, and was to prove.
    #[error("{} is a verifying key, and proofs take a proving key", path.display())]
    VerifyingOnly {
        /// The file.
        path: PathBuf,
    },
}

/// What a [`KeyStore`] has to say while it loads.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CacheNotice {
    /// A key is checked and prepared, which takes seconds: the part done, from 0 to 1.
    Preparing(f32),
    /// A prepared key in the cache is damaged. It is made again.
    Damaged {
        /// The file.
        path: PathBuf,
        /// The defect.
        error: KeyError,
    },
    /// The key's tables are built, which takes a part of a second or some: the part done, from 0
    /// to 1.
    BuildingTables(f32),
    /// Tables in the cache are damaged. They are built again.
    DamagedTables {
        /// The file.
        path: PathBuf,
        /// The defect.
        error: TablesError,
    },
    /// The prepared key, or its tables, could not be kept. The next time takes as long as this one.
    NotKept(FileError),
}

/// Loads keys from files, and keeps what took long.
///
/// A ceremony's key (arkzkey, zkey) is checked, point by point, and prepared once. The cache
/// folder then holds, under the SHA-256 of the key's bytes, that it was checked and its prepared
/// form. The tables a [`Prover`] sums over are built once, too, and mapped from there. A damaged
/// cache file is made again; without a folder nothing is kept.
///
/// # Security
///
/// Who can write to the cache folder can make proofs fail, not forge them: what a verifier takes
/// from the cache it takes from the same user's key file.
#[derive(Clone, Debug, Default)]
pub struct KeyStore {
    cache: Option<Cache>,
}

impl KeyStore {
    /// Keeps nothing.
    #[must_use]
    pub const fn without_cache() -> Self {
        Self { cache: None }
    }

    /// Keeps prepared keys in a folder, which is made when it is needed.
    #[must_use]
    pub const fn in_folder(folder: PathBuf) -> Self {
        Self { cache: Some(Cache::new(folder)) }
    }

    /// Keeps prepared keys where the user's caches are: `$XDG_CACHE_HOME/logos/keys` or
    /// `~/.cache/logos/keys`. Keeps nothing for a user without a home.
    #[must_use]
    pub fn of_user() -> Self {
        let absolute =
            |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches =
            absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
        caches.map_or_else(Self::without_cache, |caches| Self::in_folder(caches.join("logos/keys")))
    }

    /// Loads a key to prove with.
    ///
    /// # Errors
    ///
    /// One [`KeyFileError`] a defect.
    ///
    /// # Security
    ///
    /// The points of a file in our prepared format are not checked again: take such files from
    /// yourself alone.
    pub fn proving_key(
        &self,
        path: &Path,
        notices: &mut dyn FnMut(CacheNotice),
    ) -> Result<ProvingKey, KeyFileError> {
        let bytes = read(path)?;
        let in_file = |error| KeyFileError::Key { path: path.to_path_buf(), error };
        match KeyFormat::recognise(&bytes) {
            Some(KeyFormat::Prepared) => ProvingKey::from_bytes(&bytes).map_err(in_file),
            Some(KeyFormat::Arkzkey) => {
                self.prepared(&bytes, notices, ProvingKey::from_arkzkey).map_err(in_file)
            }
            Some(KeyFormat::Zkey) => {
                self.prepared(&bytes, notices, ProvingKey::from_zkey).map_err(in_file)
            }
            Some(KeyFormat::Verifying) => {
                Err(KeyFileError::VerifyingOnly { path: path.to_path_buf() })
            }
            None => Err(KeyFileError::Format { path: path.to_path_buf() }),
        }
    }

    /// Loads a key to verify with, out of a proving key or alone.
    ///
    /// # Errors
    ///
    /// One [`KeyFileError`] a defect.
    pub fn verifying_key(
        &self,
        path: &Path,
        notices: &mut dyn FnMut(CacheNotice),
    ) -> Result<VerifyingKey, KeyFileError> {
        let bytes = read(path)?;
        if KeyFormat::recognise(&bytes) == Some(KeyFormat::Verifying) {
            return VerifyingKey::from_bytes(&bytes)
                .map_err(|error| KeyFileError::Key { path: path.to_path_buf(), error });
        }
        Ok(self.proving_key(path, notices)?.verifying_key().clone())
    }

    /// A prover with tables of a size: mapped from the cache, or built and kept there. Tables of
    /// [`TableSize::None`] are built in no time and never kept.
    ///
    /// A mapping stays for the life of the process, so make one prover and share it.
    pub fn prover(
        &self,
        key: ProvingKey,
        backend: Backend,
        size: TableSize,
        notices: &mut dyn FnMut(CacheNotice),
    ) -> Prover {
        let kept = self.cache.as_ref().filter(|_| size != TableSize::None);
        let tables = match kept {
            Some(cache) => cache.tables(&key, backend, size, notices),
            None => build(&key, backend, size, notices),
        };
        Prover::with_tables(key, tables)
    }

    fn prepared(
        &self,
        bytes: &[u8],
        notices: &mut dyn FnMut(CacheNotice),
        prepare: Prepare,
    ) -> Result<ProvingKey, KeyError> {
        let hash = KeyHash::of(bytes);
        let Some(cache) = &self.cache else {
            let known = [KeyHash::SINGLE_20, KeyHash::MULTI_20];
            let progress = &mut |done| notices(CacheNotice::Preparing(done));
            return prepare(bytes, PointChecks::UnlessKnown(&known), progress);
        };
        match cache.prepared(hash) {
            Some(Ok(key)) => return Ok(key),
            Some(Err(error)) => notices(CacheNotice::Damaged { path: cache.path(hash), error }),
            None => {}
        }
        let mut known = vec![KeyHash::SINGLE_20, KeyHash::MULTI_20];
        known.extend(cache.was_checked(hash).then_some(hash));
        let progress = &mut |done| notices(CacheNotice::Preparing(done));
        let key = prepare(bytes, PointChecks::UnlessKnown(&known), progress)?;
        if let Err(error) = cache.keep(hash, &key) {
            notices(CacheNotice::NotKept(error));
        }
        Ok(key)
    }
}

/// How a format is read: bytes, point checks, progress.
type Prepare = fn(&[u8], PointChecks<'_>, &mut dyn FnMut(f32)) -> Result<ProvingKey, KeyError>;

fn build(
    key: &ProvingKey,
    backend: Backend,
    size: TableSize,
    notices: &mut dyn FnMut(CacheNotice),
) -> Tables {
    Tables::build(key, backend, size, &mut |done| notices(CacheNotice::BuildingTables(done)))
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |error: io::Error| FileError::new(path, FileAction::Read, &error);
    let file = fs::File::open(path).map_err(failed)?;
    read_bounded(file, MAX_KEY_BYTES).map_err(failed)
}

#[cfg(test)]
mod tests;
