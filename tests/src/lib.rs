//! Tests that need more than one crate, or somebody else's.
//!
//! | file in `tests/` | what it asks |
//! |---|---|
//! | `oracle_crypto` | do `logos-crypto` and zerokit 3.0.0 agree on field and hashes? |
//! | `rln_interop` | do `logos-rln` and zerokit 3.0.0 take each other's proofs and bytes? |
//! | `readme` | does the README do what it says? |
//!
//! Vectors stand in `vectors/`, each with its source; `cargo xtask vectors --check` guards them.

pub mod console;
