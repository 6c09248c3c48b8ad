//! Tables that lie in files, used where they lie.

use std::path::{Path, PathBuf};

use logos_crypto::backend::Backend;
use logos_rln::{ProvingKey, TableSize, Tables, TablesError};
use vmap::Map;

use super::cache::{Cache, make_private};
use super::{CacheNotice, build};
use crate::durable::{Access, FileAction, FileError, replace};

impl Cache {
    /// The tables of a key: those in the cache, or new ones, which are kept.
    pub(super) fn tables(
        &self,
        key: &ProvingKey,
        backend: Backend,
        size: TableSize,
        notices: &mut dyn FnMut(CacheNotice),
    ) -> Tables {
        let path = self.tables_path(key, backend, size);
        match mapped(&path).map(|bytes| read(key, (backend, size), bytes)) {
            Some(Ok(tables)) => return tables,
            Some(Err(error)) => {
                notices(CacheNotice::DamagedTables { path: path.clone(), error });
            }
            None => {}
        }
        let tables = build(key, backend, size, notices);
        if let Err(error) = self.keep_tables(&path, &tables) {
            notices(CacheNotice::NotKept(error));
        }
        tables
    }

    /// `<hash>.<arithmetic>.<size>.tables`, by the hash that names a key's tables.
    pub(super) fn tables_path(
        &self,
        key: &ProvingKey,
        backend: Backend,
        size: TableSize,
    ) -> PathBuf {
        let arithmetic = match backend {
            Backend::Ifma => "ifma",
            _ => "portable",
        };
        self.file(Tables::source(key), &format!("{arithmetic}.{}.tables", size.name()))
    }

    fn keep_tables(&self, path: &Path, tables: &Tables) -> Result<(), FileError> {
        make_private(self.folder())
            .map_err(|error| FileError::new(self.folder(), FileAction::Write, &error))?;
        replace(path, &tables.to_bytes(), Access::Private)
    }
}

/// Tables of the size and for the arithmetic that the file's name says.
fn read(
    key: &ProvingKey,
    wanted: (Backend, TableSize),
    bytes: &'static [u8],
) -> Result<Tables, TablesError> {
    let tables = Tables::from_bytes(key, bytes)?;
    let found = (tables.backend(), tables.size());
    if found == wanted { Ok(tables) } else { Err(TablesError::Format) }
}

/// The bytes of a file, mapped for the life of the process; nothing where there is none, or none
/// that can be mapped. Files here are replaced by another and never written to, so what is mapped
/// stays as it is.
fn mapped(path: &Path) -> Option<&'static [u8]> {
    let (map, _) = Map::with_options().open(path).ok()?;
    Some(Box::leak(Box::new(map)))
}
