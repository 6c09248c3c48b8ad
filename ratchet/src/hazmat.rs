//! Plain states, for fuzzing. Nothing else should want them.

use alloc::vec::Vec;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::secret::Secret;

use crate::session::Session;
use crate::snapshot::{SnapshotError, StorageKey};
use crate::suite::Suite;

/// Decodes a plain state and encodes it again: the same bytes, or an error.
///
/// # Errors
///
/// [`DecodeError`] if the bytes are not a state of `S`.
pub fn reencode_state<S: Suite>(state: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut reader = Reader::new(state);
    let session = Session::<S>::decode(&mut reader)?;
    reader.finish()?;
    Ok(encode(&session))
}

/// The plain state inside a snapshot.
///
/// # Errors
///
/// See [`SnapshotError`].
pub fn reencode_snapshot<S: Suite>(
    snapshot: &[u8],
    key: [u8; 32],
) -> Result<Vec<u8>, SnapshotError> {
    Session::<S>::restore(&StorageKey::new(Secret::new(key)), b"", snapshot)
        .map(|session| encode(&session))
}

fn encode<S: Suite>(session: &Session<S>) -> Vec<u8> {
    let mut out = Writer::with_capacity(session.encoded_bound());
    session.encode(&mut out);
    out.into_bytes()
}
