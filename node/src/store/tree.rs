//! Tree nodes in a redb database.

use std::io;
use std::path::Path;

use logos_crypto::Fr;
use logos_crypto::merkle::{Batch, Depth, Header, NodeId, NodeStore};
use redb::{Database, ReadOnlyTable, ReadableDatabase, TableDefinition, TableError};
use thiserror::Error;

/// Height and index of a node, and its 32 bytes, least significant first.
const NODES: TableDefinition<'_, (u8, u64), [u8; 32]> = TableDefinition::new("nodes");
/// Depth and number of used leaves, under one key.
const HEADER: TableDefinition<'_, (), (u8, u64)> = TableDefinition::new("header");

/// Why the store failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeStoreError {
    /// Another process has the database open.
    #[error("the database is open in another process")]
    Locked,
    /// The database holds something that no tree wrote.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The system failed to read or write. The database has to be opened again.
    #[error("the database cannot be read or written: {0}")]
    Io(io::ErrorKind),
    /// The database was made by another version.
    #[error("the database is of another version: {0}")]
    Version(String),
}

impl From<redb::Error> for NodeStoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::Locked,
            redb::Error::Io(error) => Self::Io(error.kind()),
            redb::Error::PreviousIo => Self::Io(io::ErrorKind::Other),
            error @ redb::Error::UpgradeRequired(_) => Self::Version(error.to_string()),
            error => Self::Damaged(error.to_string()),
        }
    }
}

from_redb!(NodeStoreError);

/// The nodes of one Merkle tree over the BN254 field, in a redb database of their own.
///
/// A commit is one transaction that is on the disk when it returns. A process that ends in the
/// middle of one leaves what the last one left; after an error the database must be opened again,
/// and then holds the state before the failed commit or, if only its last write was reported as
/// failed, after it.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::merkle::{Depth, MerkleTree, PersistentTree, PoseidonHasher};
/// use logos_node::RedbNodes;
///
/// let path = std::env::temp_dir().join(format!("logos-doc-{}.redb", std::process::id()));
/// let hash = PoseidonHasher::default();
/// let mut tree = PersistentTree::open(hash, Depth::RLN, RedbNodes::open(&path)?)?;
/// tree.append(&[Fr::ONE])?;
/// let root = tree.root();
/// drop(tree);
///
/// let reopened = PersistentTree::open(hash, Depth::RLN, RedbNodes::open(&path)?)?;
/// assert_eq!((reopened.root(), reopened.used()), (root, 1));
/// # drop(reopened);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RedbNodes {
    database: Database,
}

impl RedbNodes {
    /// Opens the database file, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// [`NodeStoreError`]; a file that is no database is [`NodeStoreError::Damaged`] or
    /// [`NodeStoreError::Io`] and stays as it is.
    pub fn open(path: &Path) -> Result<Self, NodeStoreError> {
        Ok(Self { database: Database::create(path)? })
    }

    fn table<K: redb::Key + 'static, V: redb::Value + 'static>(
        &self,
        definition: TableDefinition<'_, K, V>,
    ) -> Result<Option<ReadOnlyTable<K, V>>, NodeStoreError> {
        match self.database.begin_read()?.open_table(definition) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl NodeStore for RedbNodes {
    type Node = Fr;
    type Error = NodeStoreError;

    fn header(&self) -> Result<Option<Header>, NodeStoreError> {
        let Some(table) = self.table(HEADER)? else { return Ok(None) };
        let Some(stored) = table.get(())? else { return Ok(None) };
        let (depth, used) = stored.value();
        let depth = Depth::new(u32::from(depth))
            .map_err(|error| NodeStoreError::Damaged(error.to_string()))?;
        Ok(Some(Header { depth, used }))
    }

    fn get(&self, id: NodeId) -> Result<Option<Fr>, NodeStoreError> {
        Ok(self.get_many(&[id])?.pop().flatten())
    }

    fn get_many(&self, ids: &[NodeId]) -> Result<Vec<Option<Fr>>, NodeStoreError> {
        let Some(table) = self.table(NODES)? else { return Ok(vec![None; ids.len()]) };
        let read = |id: &NodeId| match table.get((id.height(), id.index()))? {
            Some(bytes) => decode(*id, &bytes.value()).map(Some),
            None => Ok(None),
        };
        ids.iter().map(read).collect()
    }

    fn commit(&mut self, batch: &Batch<Fr>) -> Result<(), NodeStoreError> {
        let transaction = self.database.begin_write()?;
        {
            let mut header = transaction.open_table(HEADER)?;
            header.insert((), (batch.header.depth.get(), batch.header.used))?;
            let mut nodes = transaction.open_table(NODES)?;
            for (id, node) in &batch.nodes {
                let place = (id.height(), id.index());
                match node {
                    Some(node) => nodes.insert(place, node.to_bytes())?,
                    None => nodes.remove(place)?,
                };
            }
        }
        Ok(transaction.commit()?)
    }
}

fn decode(id: NodeId, bytes: &[u8; 32]) -> Result<Fr, NodeStoreError> {
    Fr::from_bytes(bytes).map_err(|_| {
        let (height, index) = (id.height(), id.index());
        NodeStoreError::Damaged(format!("node {index} at height {height} is not canonical"))
    })
}

#[cfg(test)]
mod tests;
