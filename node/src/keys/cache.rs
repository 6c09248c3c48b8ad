//! What is kept of keys that were checked and prepared.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use logos_rln::{KeyError, KeyHash, ProvingKey};

use crate::durable::{Access, FileAction, FileError, replace};
use crate::hex;

/// A folder with two files a key, named by the SHA-256 of the bytes it came from:
/// `<hash>.checked`, which says that every point was checked, and `<hash>.prepared`; and a file for
/// each kind of tables.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the prepared form of a key is.
    pub(super) fn path(&self, hash: KeyHash) -> PathBuf {
        self.file(hash, "prepared")
    }

    /// The prepared form, if it is there.
    pub(super) fn prepared(&self, hash: KeyHash) -> Option<Result<ProvingKey, KeyError>> {
        let bytes = fs::read(self.path(hash)).ok()?;
        Some(ProvingKey::from_bytes(&bytes))
    }

    /// Was every point of that key checked before?
    pub(super) fn was_checked(&self, hash: KeyHash) -> bool {
        self.file(hash, "checked").is_file()
    }

    /// Keeps a key that was checked and prepared.
    pub(super) fn keep(&self, hash: KeyHash, key: &ProvingKey) -> Result<(), FileError> {
        make_private(&self.folder)
            .map_err(|error| FileError::new(&self.folder, FileAction::Write, &error))?;
        replace(&self.file(hash, "checked"), b"", Access::Private)?;
        replace(&self.path(hash), &key.to_bytes(), Access::Private)
    }

    /// Where everything is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where something of a key is.
    pub(super) fn file(&self, hash: KeyHash, kind: &str) -> PathBuf {
        self.folder.join(format!("{}.{kind}", hex::encode(&hash.0)))
    }
}

/// Makes a folder that its owner alone can look into.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}
