//! What the node keeps in a database.

mod tree;

pub use tree::{NodeStoreError, RedbNodes};

#[cfg(test)]
pub(crate) mod tests;
