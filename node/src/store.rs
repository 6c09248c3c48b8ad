//! What the node keeps in a database.

mod records;
mod tree;

pub use records::{
    Hardness, Passphrase, RecordChange, RecordError, Records, RedbChannel, RedbSessions,
};
pub use tree::{NodeStoreError, RedbNodes};

#[cfg(test)]
pub(crate) mod tests;
