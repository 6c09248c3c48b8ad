//! A proof as a file or message holds it.

use logos_rln::RlnProof;
use logos_rln::wire::{Frame, WireError};
use thiserror::Error;

/// Why bytes are no proof.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofFileError {
    /// No proof has so many bytes.
    #[error("{found} bytes, which no proof has")]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// The bytes are as many as a proof's, and are none.
    #[error(transparent)]
    Malformed(#[from] WireError),
}

impl ProofFileError {
    /// Can the bytes not even be told to be a proof?
    #[must_use]
    pub const fn is_wrong_length(&self) -> bool {
        matches!(self, Self::Length { .. })
    }
}

/// Bytes of a proof of one message id in the frame of zerokit 3.0.
const SINGLE_BYTES: usize = 289;
/// Bytes of a proof of several ids: so many, and so many more for each.
const MULTI_BYTES: usize = 249;
const SLOT_BYTES: usize = 65;
/// Most message ids of one proof.
const MAX_SLOTS: usize = logos_rln::Circuit::MAX_SLOTS as usize;

/// Reads a proof in any of the deployed frames, which their lengths tell apart.
///
/// | bytes | frame |
/// |---|---|
/// | 288 | zerokit 0.9 |
/// | 289 | zerokit 3.0 |
/// | 290 | zerokit 2.0 |
/// | 249 + 65 n | zerokit 3.0, n message ids |
///
/// # Errors
///
/// [`ProofFileError::Length`] for any other number of bytes, [`ProofFileError::Malformed`] for
/// bytes that are no points or field elements.
pub fn decode_proof(bytes: &[u8]) -> Result<(Frame, RlnProof), ProofFileError> {
    let frame = match bytes.len() {
        length @ (288 | 290) => Frame::of_length(length),
        SINGLE_BYTES => Frame::V3,
        length if is_multi(length) => Frame::V3,
        found => return Err(ProofFileError::Length { found }),
    };
    Ok((frame, RlnProof::from_frame(bytes, frame)?))
}

fn is_multi(length: usize) -> bool {
    (2..=MAX_SLOTS).any(|slots| length == MULTI_BYTES + slots * SLOT_BYTES)
}

/// Writes a proof in the frame of zerokit 3.0: 289 bytes for one message id.
#[must_use]
pub fn encode_proof(proof: &RlnProof) -> Vec<u8> {
    proof.to_bytes()
}

/// What people call a frame.
#[must_use]
pub const fn frame_name(frame: Frame) -> &'static str {
    match frame {
        Frame::V3 => "zerokit 3.0",
        Frame::V3Mixed => "zerokit 3.0, mixed byte order",
        Frame::V2 => "zerokit 2.0",
        Frame::V0_9 => "zerokit 0.9",
        _ => "another",
    }
}
