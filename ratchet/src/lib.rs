//! One-to-one secure sessions.
//!
//! | module | what it holds |
//! |---|---|
//! | [`Session`] | one conversation with one device: encrypt, decrypt, save, restore |
//! | [`Device`] | publishes bundles, opens and accepts sessions, each as one commit to a [`Store`] |
//! | [`Conversation`] | the sessions with one device: who invited whom at the same time, resets |
//! | [`Bundle`] | signed prekeys: what a stranger needs to open a session |
//! | [`identity`] | accounts, the log of their devices, fingerprints |
//! | [`shipped`] | the chat as deployed, byte for byte |
//! | [`kem`] | ML-KEM-768 and the X-Wing combiner |
//! | [`store`] | the trait a database implements, and one in memory |
//!
//! A suite is a type parameter:
//!
//! | suite | handshake | headers | heals from a stolen state |
//! |---|---|---|---|
//! | [`HybridV1`], the default | X3DH with X-Wing | encrypted | by X25519 each turn, by ML-KEM every 9 turns |
//! | [`ClassicV1`] | X3DH | encrypted | by X25519 each turn |
//! | [`Private1`] (LIP 242) | the caller's | in the clear | by X25519 each turn |
//! | [`shipped::LogosShipped`] | X3DH | in the clear | by X25519 each turn |
//!
//! Nothing here reads a clock, a file or the operating system's random source: time is a
//! [`Tick`](logos_crypto::tick::Tick), best counted from 1970 so that expiry survives a restart,
//! and randomness a `rand_core::CryptoRng`. The specification and the threat model are in
//! `docs/ratchet.md`.
//!
//! # Examples
//!
//! ```
//! use core::time::Duration;
//! use logos_crypto::keys::{SigningKey, StaticSecret};
//! use logos_crypto::secret::Secret;
//! use logos_crypto::tick::Tick;
//! use logos_ratchet::store::MemoryStore;
//! use logos_ratchet::{Bundle, BundlePlan, Device, StorageKey};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let mut rng = ChaCha20Rng::seed_from_u64(1);
//!
//! let now = Tick::new(Duration::from_secs(1_800_000_000));
//! let mut device = |rng: &mut ChaCha20Rng| {
//!     let (identity, signing) = (StaticSecret::random(rng), SigningKey::random(rng));
//!     Device::<true>::new(identity, signing, StorageKey::new(Secret::random(rng)))
//! };
//! let (saro, raya) = (device(&mut rng), device(&mut rng));
//! let (mut at_saro, mut at_raya) = (MemoryStore::default(), MemoryStore::default());
//!
//! // Raya hands out an introduction; Saro reads it and writes.
//! let plan = BundlePlan::introduction(now + Duration::from_secs(3600));
//! let link = raya.publish(&mut at_raya, &plan, &mut rng)?.to_text();
//! let bundle = Bundle::from_text(&link, now).expect("Raya made it");
//! let first = saro.initiate(&mut at_saro, &bundle, b"Hi Raya", now, &mut rng)?;
//!
//! let received = raya.receive(&mut at_raya, None, &first, now, &mut rng)?;
//! assert_eq!(received.content, b"Hi Raya");
//! assert_eq!(received.peer, saro.identity());
//! # Ok::<(), logos_ratchet::DeviceError<core::convert::Infallible>>(())
//! ```

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod base64;
mod blake;
mod bundle;
mod conversation;
mod device;
mod double_ratchet;
mod handshake;
#[doc(hidden)]
pub mod hazmat;
pub mod identity;
pub mod kem;
mod keys;
mod logos_v1;
#[cfg(feature = "olm")]
pub mod olm;
mod plain;
mod private1;
mod private_v1;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod secret_types;
mod session;
pub mod shipped;
mod snapshot;
pub mod store;
pub mod suite;
mod xeddsa;

pub use bundle::{BUNDLE_PREFIX, Bundle, BundleError, MAX_KEM_PREKEYS, MAX_ONE_TIME_PREKEYS};
pub use conversation::{Conversation, MAX_SESSIONS};
pub use device::{BundlePlan, Device, DeviceError, PREKEY_GRACE, PURGE_LIMIT, Received};
pub use double_ratchet::{
    DecryptError, EncryptError, KEM_COOLDOWN, MAX_CONTENT_BYTES, MAX_SKIPPED, SKIPPED_LIFETIME,
};
pub use handshake::HandshakeError;
pub use logos_v1::{ClassicV1, HybridV1, LogosV1};
pub use private1::Private1;
pub use session::{Role, Session, SessionId};
pub use snapshot::{SnapshotError, StorageKey, VERSION};
pub use store::Store;
pub use suite::{Suite, SuiteId};
