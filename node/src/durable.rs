//! Files that are whole or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

/// What was done with a file when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileAction {
    /// Reading it.
    Read,
    /// Writing it.
    Write,
    /// Waiting for another process to finish with it.
    Lock,
}

impl std::fmt::Display for FileAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Lock => "lock",
        })
    }
}

/// A file could not be read, written or locked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("cannot {action} {}: {kind}", path.display())]
#[non_exhaustive]
pub struct FileError {
    /// Which file.
    pub path: PathBuf,
    /// What failed.
    pub action: FileAction,
    /// Why.
    pub kind: io::ErrorKind,
}

impl FileError {
    /// Puts a path to what the system said.
    #[must_use]
    pub fn new(path: &Path, action: FileAction, error: &io::Error) -> Self {
        Self { path: path.to_path_buf(), action, kind: error.kind() }
    }
}

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Whoever could read it before; of a new file, whomever the system's default lets.
    Shared,
    /// Its owner alone (mode 0600): for secrets.
    Private,
}

/// Reads all of `source`, at most `max_bytes`.
///
/// # Errors
///
/// What reading says, and [`io::ErrorKind::FileTooLarge`] if there is more.
pub fn read_bounded(source: impl Read, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Replaces a file whole: whoever reads it, also after a power failure, finds all of the old
/// content or all of the new.
///
/// The bytes go to a file beside it, to the disk, and under the name last. Pipes and devices are
/// written to as they are.
///
/// # Errors
///
/// [`FileError`]; the file is as it was.
pub fn replace(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let failed = |error: io::Error| FileError::new(path, FileAction::Write, &error);
    match fs::metadata(path) {
        Ok(old) if old.is_file() => {
            // The name may be a link: what it leads to is replaced.
            let target = fs::canonicalize(path).map_err(failed)?;
            let permissions = (access == Access::Shared).then(|| old.permissions());
            write_beside(&target, bytes, access, permissions).map_err(failed)
        }
        Ok(_) => write_through(path, bytes).map_err(failed),
        Err(_) => write_beside(path, bytes, access, None).map_err(failed),
    }
}

/// Tells files apart that one process writes at once.
static WRITES: AtomicU64 = AtomicU64::new(0);

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(bytes)?;
    file.flush()
}

fn write_beside(
    path: &Path,
    bytes: &[u8],
    access: Access,
    permissions: Option<fs::Permissions>,
) -> io::Result<()> {
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let beside = beside(path, &format!("new-{}-{number}", std::process::id()))?;
    // What a killed process of the same number left behind.
    fs::remove_file(&beside).or_else(ignore_missing)?;
    let written = write_new(&beside, bytes, access, permissions)
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| sync_folder(path));
    if written.is_err() {
        fs::remove_file(&beside).or_else(ignore_missing)?;
    }
    written
}

fn write_new(
    path: &Path,
    bytes: &[u8],
    access: Access,
    permissions: Option<fs::Permissions>,
) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    restrict(&mut options, access);
    let mut file = options.open(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn restrict(options: &mut OpenOptions, access: Access) {
    use std::os::unix::fs::OpenOptionsExt;
    if access == Access::Private {
        options.mode(0o600);
    }
}

#[cfg(not(unix))]
fn restrict(_: &mut OpenOptions, _: Access) {}

/// Makes a rename last. Where folders cannot be opened the system sees to it.
fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(folder(path)) {
        Ok(folder) if cfg!(unix) => folder.sync_all(),
        _ => Ok(()),
    }
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The path of a file that belongs to `path`: `name.suffix`.
fn beside(path: &Path, suffix: &str) -> io::Result<PathBuf> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_os_string();
    name.push(".");
    name.push(suffix);
    Ok(path.with_file_name(name))
}

/// Keeps other processes from changing a file as long as it lives.
///
/// The lock is on `name.lock` beside the file, because the file itself is replaced. It stays there
/// and is empty; the system releases the lock of a process that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until no other process holds the lock of `path`.
    pub(crate) fn acquire(path: &Path) -> Result<Self, FileError> {
        let failed = |error: io::Error| FileError::new(path, FileAction::Lock, &error);
        // One lock for a file, whatever links lead to it.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let lock = beside(&target, "lock").map_err(failed)?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(lock).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Folder;

    #[test]
    fn a_replaced_file_holds_the_new_bytes_and_nothing_lies_beside_it() {
        let folder = Folder::new("replace");
        let path = folder.join("file");
        replace(&path, b"one", Access::Shared).unwrap();
        replace(&path, b"two", Access::Shared).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_for_their_owner_alone_even_over_a_public_file() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = Folder::new("private");
        let path = folder.join("secret");
        fs::write(&path, b"").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&path, b"secret", Access::Private).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        replace(&path, b"kept", Access::Shared).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let link = folder.join("link");
        symlink(&path, &link).unwrap();
        replace(&link, b"through", Access::Private).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"through");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        replace(Path::new("/dev/null"), b"bytes", Access::Private).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_file_in_no_folder_fails_and_leaves_nothing() {
        let folder = Folder::new("nowhere");
        let path = folder.join("missing/file");
        let error = replace(&path, b"bytes", Access::Shared).unwrap_err();
        assert_eq!((error.action, error.kind), (FileAction::Write, io::ErrorKind::NotFound));
    }

    #[test]
    fn more_than_the_bound_is_refused() {
        assert_eq!(read_bounded(&b"123"[..], 3).unwrap(), b"123");
        let error = read_bounded(&b"1234"[..], 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
