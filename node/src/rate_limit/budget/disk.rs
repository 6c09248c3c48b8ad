//! Burnt ids in a redb database.

use std::path::Path;

use redb::{Database, ReadableDatabase, TableDefinition, TableError};

use super::{BudgetName, BurnStore, Burns};
use crate::store::NodeStoreError;

/// Name and epoch, and the id below which all are burnt.
const FREE: TableDefinition<'_, ([u8; 32], u64), u32> = TableDefinition::new("burnt");
/// Name, and the epoch below which all are forgotten.
const FORGOTTEN: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("forgotten");

/// Burnt ids in a redb database of their own. One process has it open at a time, so two of them
/// cannot use the same ids.
///
/// A commit is one transaction that is on the disk when it returns.
///
/// # Examples
///
/// ```
/// use logos_node::NodeStoreError;
/// use logos_node::rate_limit::RedbBurns;
///
/// let path = std::env::temp_dir().join(format!("logos-burns-{}.redb", std::process::id()));
/// let burns = RedbBurns::open(&path)?;
/// assert_eq!(RedbBurns::open(&path).unwrap_err(), NodeStoreError::Locked);
/// # drop(burns);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RedbBurns {
    database: Database,
}

impl RedbBurns {
    /// Opens the database file, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// [`NodeStoreError`]; a file that is no database stays as it is.
    pub fn open(path: &Path) -> Result<Self, NodeStoreError> {
        Ok(Self { database: Database::create(path)? })
    }
}

impl BurnStore for RedbBurns {
    fn load(&mut self, name: &BudgetName) -> Result<Burns, NodeStoreError> {
        let transaction = self.database.begin_read()?;
        let name = *name.as_bytes();
        let mut burns = Burns::default();
        match transaction.open_table(FREE) {
            Ok(table) => {
                for entry in table.range((name, 0)..=(name, u64::MAX))? {
                    let (key, free) = entry?;
                    burns.free.insert(key.value().1, free.value());
                }
            }
            Err(TableError::TableDoesNotExist(_)) => return Ok(burns),
            Err(error) => return Err(error.into()),
        }
        if let Some(below) = transaction.open_table(FORGOTTEN)?.get(name)? {
            burns.forgotten_below = below.value();
        }
        Ok(burns)
    }

    fn commit(&mut self, name: &BudgetName, changes: &Burns) -> Result<(), NodeStoreError> {
        let name = *name.as_bytes();
        let transaction = self.database.begin_write()?;
        {
            let mut free = transaction.open_table(FREE)?;
            let forgotten = (name, 0)..(name, changes.forgotten_below);
            free.retain_in(forgotten, |_, _| false)?;
            for (epoch, below) in &changes.free {
                free.insert((name, *epoch), below)?;
            }
            transaction.open_table(FORGOTTEN)?.insert(name, changes.forgotten_below)?;
        }
        Ok(transaction.commit()?)
    }
}
