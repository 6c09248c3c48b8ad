//! The protocol crates for JavaScript. Only conversion: what is computed is computed below.
//!
//! Three modules are built from this crate, one a feature, and packed with the JavaScript in
//! `js` by `cargo xtask wasm`:
//!
//! | feature | holds |
//! |---|---|
//! | `verify` | [`Verifier`], [`NullifierLog`], [`recover`] |
//! | `identity` | [`Identity`], [`Tree`] |
//! | `full` | both, and [`Prover`], [`Member`], [`Helper`], [`Device`], [`MixNode`], [`Route`] |
//!
//! Every entry point returns a `Result` whose error becomes a `LogosError` with a `code`, see
//! [`Error`]. Arguments are checked here, whatever JavaScript passes: no argument ends the
//! instance. Secrets stay inside: JavaScript holds handles, and what is stored is sealed under a
//! key that the caller derives.
//!
//! The functions run for as long as they take, so the package calls them in a worker.

mod arguments;
mod error;
mod random;

#[cfg(feature = "full")]
mod device;
#[cfg(feature = "full")]
mod helper;
#[cfg(feature = "identity")]
mod identity;
#[cfg(feature = "full")]
mod member;
mod names;
#[cfg(feature = "verify")]
mod nullifiers;
#[cfg(feature = "full")]
mod prover;
#[cfg(feature = "identity")]
mod sealed;
#[cfg(feature = "full")]
mod sphinx;
#[cfg(feature = "identity")]
mod tree;
#[cfg(feature = "verify")]
mod verifier;

pub use error::{Code, Error};
pub use names::external_nullifier;

#[cfg(feature = "full")]
pub use device::{Device, Received};
#[cfg(feature = "full")]
pub use helper::{Helper, Task};
#[cfg(feature = "identity")]
pub use identity::Identity;
#[cfg(feature = "full")]
pub use member::Member;
#[cfg(feature = "verify")]
pub use nullifiers::{Judgement, NullifierLog, recover};
#[cfg(feature = "full")]
pub use prover::{Prover, Statement};
#[cfg(feature = "full")]
pub use sphinx::{MixNode, MixStep, Reply, ReplyBlock, Route};
#[cfg(feature = "identity")]
pub use tree::Tree;
#[cfg(feature = "verify")]
pub use verifier::Verifier;
