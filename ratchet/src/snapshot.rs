//! State at rest: versioned, compact, encrypted under the caller's key.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 1 | kind: a [`SuiteId`](crate::SuiteId) or a record of [`Store`](crate::Store) |
//! | 2 | 24 | nonce, random |
//! | 26 | n | ciphertext |
//! | 26 + n | 16 | tag |
//!
//! XChaCha20-Poly1305. The first two bytes and the place the snapshot is kept in are associated
//! data, so that a snapshot moved to another place does not open there.

use alloc::vec::Vec;
use core::fmt;

use logos_crypto::aead::{self, EXTENDED_NONCE_BYTES};
use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::secret::Secret;
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The version that is written. Every version ever written is read.
pub const VERSION: u8 = 1;

const HEAD_BYTES: usize = 2 + EXTENDED_NONCE_BYTES;

/// Why a snapshot was not restored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The snapshot was written by a later version.
    #[error("snapshot version {0} is not known")]
    UnknownVersion(u8),
    /// The snapshot is of another suite or record.
    #[error("snapshot is of kind {0}")]
    OtherKind(u8),
    /// Wrong key, wrong place, or damaged.
    #[error("snapshot does not authenticate")]
    Inauthentic,
    /// It authenticates, but its content is not a state.
    #[error("snapshot does not decode: {0}")]
    Malformed(#[from] DecodeError),
}

/// The key that snapshots are encrypted under.
///
/// # Examples
///
/// ```
/// use logos_crypto::secret::Secret;
/// use logos_ratchet::StorageKey;
///
/// let key = StorageKey::new(Secret::new([7; 32]));
/// assert_eq!(format!("{key:?}"), "StorageKey(..)");
/// ```
#[derive(ZeroizeOnDrop)]
pub struct StorageKey(Secret<32>);

impl StorageKey {
    /// Takes 32 uniform bytes, from a key store or a slow password hash.
    #[must_use]
    pub const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// Encrypts what `fill` writes, `capacity` bytes at most. `place` says where it is kept.
    pub(crate) fn seal(
        &self,
        kind: u8,
        place: &[u8],
        capacity: usize,
        rng: &mut (impl CryptoRng + ?Sized),
        fill: impl FnOnce(&mut Writer),
    ) -> Vec<u8> {
        let mut nonce = [0; EXTENDED_NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let mut writer = Writer::with_capacity(HEAD_BYTES + capacity + aead::TAG_BYTES);
        writer.u8(VERSION).u8(kind).put(&nonce);
        fill(&mut writer);
        let mut bytes = writer.into_bytes();
        debug_assert!(bytes.len() <= HEAD_BYTES + capacity, "the vector did not grow");
        let body = bytes.get_mut(HEAD_BYTES..).unwrap_or_default();
        let tag = aead::seal_extended(&self.0, &nonce, &associated(kind, place), body);
        bytes.extend_from_slice(&tag);
        bytes
    }

    /// Decrypts a snapshot and hands its content to `read`; the plaintext is wiped afterwards.
    pub(crate) fn open<T>(
        &self,
        kind: u8,
        place: &[u8],
        snapshot: &[u8],
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, SnapshotError> {
        let mut reader = Reader::new(snapshot);
        match reader.u8()? {
            VERSION => {}
            version => return Err(SnapshotError::UnknownVersion(version)),
        }
        match reader.u8()? {
            found if found == kind => {}
            found => return Err(SnapshotError::OtherKind(found)),
        }
        let nonce = reader.array()?;
        let body_len =
            reader.remaining().checked_sub(aead::TAG_BYTES).ok_or(SnapshotError::Inauthentic)?;
        let mut body = reader.take(body_len)?.to_vec();
        aead::open_extended(&self.0, nonce, &associated(kind, place), &mut body, reader.array()?)
            .map_err(|_| SnapshotError::Inauthentic)?;
        let mut reader = Reader::new(&body);
        let value = read(&mut reader).and_then(|value| reader.finish().map(|()| value));
        body.zeroize();
        Ok(value?)
    }
}

fn associated(kind: u8, place: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + place.len());
    out.extend_from_slice(&[VERSION, kind]);
    out.extend_from_slice(place);
    out
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str("StorageKey(..)")
    }
}
