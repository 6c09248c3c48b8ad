//! What a node of the Logos stack does with the outside world: files, keys on disk, databases,
//! threads and the operating system's randomness. The protocols themselves are in the crates below
//! this one, which know none of these.
//!
//! | module | for |
//! |---|---|
//! | [`Members`], [`register`] | the members file: line `k` is leaf `k` of the membership tree |
//! | [`StoredIdentity`] | the identity file |
//! | [`KeyStore`] | RLN keys in files, checked once and kept prepared |
//! | [`Records`] | sealed records that outlive the process: channels, sessions, history |
//! | [`RedbNodes`] | Merkle trees that outlive the process |
//! | [`channel`] | reliable channels: segments, acknowledgements, repair, durable outbox |
//! | [`chat`] | encrypted conversations of two over reliable channels |
//! | [`demo`] | the whole protocol at work on a text, every claim checked |
//! | [`wire`] | the wire formats of the deployed delivery network |
//! | [`delivery`] | connect, send, subscribe |
//! | `discovery`, with the feature `delivery` | finding peers by what they offer |
//! | [`rate_limit`] | rate-limiting nullifiers for a node's messages |
//! | [`mod@bench`] | how long proofs take here |
//! | `prover`, with the feature of that name | the service that proves for others |
//!
//! The program `logos` is this library behind a command line; `logos --help` explains it.

#![allow(clippy::std_instead_of_core, reason = "the one crate that stands on std")]

pub mod bench;
pub mod channel;
pub mod chat;
pub mod delivery;
pub mod demo;
#[cfg(feature = "delivery")]
pub mod discovery;
#[cfg(feature = "prover")]
pub mod prover;
pub mod rate_limit;
pub mod wire;

mod backend;
mod durable;
mod hex;
mod identity_file;
mod keys;
mod members;
mod proof_file;
mod random;
mod store;
mod timing;

pub use backend::{BackendError, backend};
pub use durable::{Access, FileAction, FileError, read_bounded, replace};
pub use hex::{
    HexError, decode as decode_hex, encode as encode_hex, encode_field as field_hex,
    encode_identity_secret as secret_hex,
};
pub use identity_file::{IdentityFileError, StoredIdentity};
pub use keys::{CacheNotice, KeyFileError, KeyFormat, KeyStore};
pub use members::{Members, MembersError, RegisterError, register};
pub use proof_file::{ProofFileError, decode_proof, encode_proof, frame_name};
pub use random::{RandomError, os_seeded};
pub use store::{
    Hardness, NodeStoreError, Passphrase, RecordChange, RecordError, Records, RedbChannel,
    RedbNodes, RedbSessions,
};
pub use timing::{Samples, peak_memory_bytes};
