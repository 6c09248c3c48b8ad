//! The RLN keys that are deployed, prepared for proving.
//!
//! # Where they come from
//!
//! Both keys are for tree depth 20 and 16-bit limits. They are taken at build time, through its
//! public interface, from the package `rln` 3.0.0 that the zerokit project publishes, and the build
//! fails unless the SHA-256 of their bytes is the one written down in
//! [`KeyHash::SINGLE_20`] and [`KeyHash::MULTI_20`].
//!
//! | key | SHA-256 of the arkzkey | origin |
//! |---|---|---|
//! | single | `4736d28b…da9827a` | ceremony of the PSE team (zerokit pull requests 211 and 218) |
//! | multi, four slots | `bd9eb10c…8c9b15f` | published by zerokit; no ceremony record is known |
//!
//! A verifier needs a verifying key only, about a kilobyte: [`single_verifying_key`],
//! [`multi_verifying_key`].
//!
//! # Examples
//!
//! ```
//! let key = logos_rln_keys::single();
//! assert_eq!(key.circuit(), logos_rln::Circuit::SINGLE_20);
//! ```

use logos_rln::{KeyError, ProvingKey, VerifyingKey};

#[cfg(doc)]
use logos_rln::KeyHash;

const SINGLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/single.key"));
const SINGLE_VK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/single.vk"));
const MULTI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/multi.key"));
const MULTI_VK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/multi.vk"));

/// The single-message-id key: some milliseconds to load.
///
/// # Panics
///
/// Never in a binary that was not altered: the bytes were written and checked by the build.
#[must_use]
pub fn single() -> ProvingKey {
    embedded(ProvingKey::from_bytes(SINGLE))
}

/// The multi-message-id key with four slots.
///
/// # Panics
///
/// As [`single`].
#[must_use]
pub fn multi() -> ProvingKey {
    embedded(ProvingKey::from_bytes(MULTI))
}

/// The verifying half of [`single`].
///
/// # Panics
///
/// As [`single`].
#[must_use]
pub fn single_verifying_key() -> VerifyingKey {
    embedded(VerifyingKey::from_bytes(SINGLE_VK))
}

/// The verifying half of [`multi`].
///
/// # Panics
///
/// As [`single`].
#[must_use]
pub fn multi_verifying_key() -> VerifyingKey {
    embedded(VerifyingKey::from_bytes(MULTI_VK))
}

/// The prepared bytes behind [`single`], for whoever keeps keys in files.
#[must_use]
pub const fn single_bytes() -> &'static [u8] {
    SINGLE
}

/// The prepared bytes behind [`multi`].
#[must_use]
pub const fn multi_bytes() -> &'static [u8] {
    MULTI
}

#[expect(clippy::expect_used, reason = "the build wrote these bytes and checked them")]
fn embedded<T>(decoded: Result<T, KeyError>) -> T {
    decoded.expect("the embedded key is the one the build wrote")
}
