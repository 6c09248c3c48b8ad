//! Members of a contract on an EVM chain, copied to the store as blocks become final enough.
//!
//! | part | for |
//! |---|---|
//! | [`Contract`], [`Event`] | what the contracts say, and how they are asked |
//! | [`Reader`] | the machine that reads a chain: backfill, confirmations, reorganisations |
//! | [`Chain`] | the reader on a node's JSON-RPC and the store |
//!
//! The reader knows no clock and no socket: it asks for blocks and logs and says what to commit.

mod chain;
mod contract;
mod cursor;
mod reader;
mod rpc;
#[cfg(test)]
mod tests;

pub use chain::{Chain, ChainError};
pub use contract::{Contract, Event, Log, LogError};
pub use cursor::{Cursor, CursorError};
pub use reader::{Commit, Output, ReadError, Reader, Reading, Reply, Request};
pub use rpc::{Rpc, RpcError};
