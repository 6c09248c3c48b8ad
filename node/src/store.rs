//! What the node keeps in a database.

/// Makes an error of each error of redb, as it is made of their sum. One `impl` for all of them
/// would speak for types of crates that are yet to come.
macro_rules! from_redb {
    ($error:ty) => {
        from_redb!(
            $error: CommitError, DatabaseError, SetDurabilityError, StorageError, TableError,
            TransactionError
        );
    };
    ($error:ty: $($redb:ident),+) => {
        $(impl From<redb::$redb> for $error {
            fn from(error: redb::$redb) -> Self {
                Self::from(redb::Error::from(error))
            }
        })+
    };
}

pub(crate) use from_redb;

mod records;
mod tree;

pub use records::{
    Hardness, Passphrase, RecordChange, RecordError, Records, RedbChannel, RedbSessions,
};
pub use tree::{NodeStoreError, RedbNodes};

#[cfg(test)]
pub(crate) mod tests;
