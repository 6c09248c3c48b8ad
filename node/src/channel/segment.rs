//! Messages too large for the network, cut into segments and put together again.
//!
//! Two schemas are in circulation and cannot be mistaken for each other (field 4 is bytes in one
//! and an integer in the other), so a receiver reads both; which one is written is configuration.
//! Parity segments are Leopard's Reed-Solomon code over GF(2^8), as both schemas use it.
//!
//! Source: LIP-243 (`segmentation.md`, 2026-08) and `nim-segmentation` 0593ef7.

mod erasure;
mod lip;
mod nim;
mod reassembly;
mod split;

#[cfg(test)]
mod tests;

use logos_crypto::codec::DecodeError;
use sha3::{Digest, Keccak256};
use thiserror::Error;

pub use reassembly::{
    Discard, DropReason, Reassembler, ReassemblerLimits, ReassemblyOutput, Repeats,
};
pub use split::{Segmentation, SplitError};

/// Data and parity segments of one message, at most.
pub const MAX_SEGMENTS: usize = 256;

/// Bytes a segment adds to its payload, at most, in any schema.
pub const SEGMENT_OVERHEAD_BYTES: usize = 128;

/// How segments are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Schema {
    /// LIP-243 as it stands.
    #[default]
    Lip,
    /// `nim-segmentation`, which also says how long the message is.
    Nim,
}

impl Schema {
    /// The version byte that stands for the schema in what we seal and store.
    #[must_use]
    pub const fn version(self) -> u8 {
        match self {
            Self::Lip => lip::Lip::VERSION,
            Self::Nim => nim::Nim::VERSION,
        }
    }
}

/// One schema: how a [`Segment`] becomes bytes and back.
trait SegmentCodec {
    const VERSION: u8;

    fn encode(segment: &Segment) -> Vec<u8>;

    fn decode(bytes: &[u8]) -> Result<Segment, SegmentError>;
}

/// Where a segment stands in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Place {
    /// Part of the message itself.
    Data {
        /// Which part, from 0.
        index: u16,
        /// Parity segments of the message; zero if there are none, or in the schema of nim if this
        /// segment does not say.
        parity_count: u16,
    },
    /// Redundancy.
    Parity {
        /// Which parity segment, from 0.
        index: u16,
        /// How many there are.
        count: u16,
    },
}

/// One segment of a message, its counts and indices checked.
///
/// | field | LIP | nim |
/// |---|---|---|
/// | `payload_hash` | 1 | 1 |
/// | `payload_len` | - | 2 |
/// | index of data | 2 | 3 |
/// | `data_count` | 3 | 4 |
/// | `payload` | 4 | 7 |
/// | index of parity | 5 | 3 |
/// | parity count | 6 | 5 |
/// | is parity | 7 | 6 |
///
/// # Examples
///
/// ```
/// use logos_node::channel::{Place, Schema, Segment};
///
/// let segment = Segment::single(b"hello".to_vec());
/// let bytes = segment.encode(Schema::Lip);
/// assert_eq!(Segment::decode(&bytes)?, (Schema::Lip, segment.clone()));
/// assert_eq!(segment.place, Place::Data { index: 0, parity_count: 0 });
/// # Ok::<(), logos_node::channel::SegmentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment {
    /// Keccak-256 of the whole message.
    pub payload_hash: [u8; 32],
    /// Bytes of the whole message, where the schema says so.
    pub payload_len: Option<u64>,
    /// Data segments of the message.
    pub data_count: u16,
    /// Which segment this is.
    pub place: Place,
    /// Its part of the message, or of the redundancy.
    pub payload: Vec<u8>,
}

/// Why bytes are not a segment.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SegmentError {
    /// The bytes do not decode.
    #[error("segment does not decode: {0}")]
    Malformed(#[from] DecodeError),
    /// No data segments, or more than [`MAX_SEGMENTS`] in all.
    #[error("a message has no {data} data and {parity} parity segments")]
    Counts {
        /// Data segments it claims.
        data: u32,
        /// Parity segments it claims.
        parity: u32,
    },
    /// An index is not below its count.
    #[error("segment {index} of {count}")]
    Index {
        /// The index it claims.
        index: u32,
        /// The count it claims.
        count: u32,
    },
}

impl Segment {
    /// A message in one segment.
    #[must_use]
    pub fn single(payload: Vec<u8>) -> Self {
        Self {
            payload_hash: hash(&payload),
            payload_len: None,
            data_count: 1,
            place: Place::Data { index: 0, parity_count: 0 },
            payload,
        }
    }

    /// The protobuf bytes in `schema`.
    #[must_use]
    pub fn encode(&self, schema: Schema) -> Vec<u8> {
        match schema {
            Schema::Lip => lip::Lip::encode(self),
            Schema::Nim => nim::Nim::encode(self),
        }
    }

    /// Reads a segment of either schema.
    ///
    /// # Errors
    ///
    /// [`SegmentError`], as the schema of the LIP sees it.
    ///
    /// # Security
    ///
    /// Counts and indices are whatever the sender says, within [`MAX_SEGMENTS`]; nothing is
    /// reserved for them.
    pub fn decode(bytes: &[u8]) -> Result<(Schema, Self), SegmentError> {
        let lip = lip::Lip::decode(bytes).map(|segment| (Schema::Lip, segment));
        lip.or_else(|error| {
            nim::Nim::decode(bytes).map(|segment| (Schema::Nim, segment)).map_err(|_| error)
        })
    }
}

/// What a schema reads before anything is checked.
#[derive(Default)]
struct Raw<'a> {
    hash: Option<&'a [u8; 32]>,
    length: Option<u64>,
    data_index: u32,
    data_count: u32,
    parity_index: u32,
    parity_count: u32,
    is_parity: bool,
    payload: &'a [u8],
}

impl Raw<'_> {
    fn check(self) -> Result<Segment, SegmentError> {
        let (data, parity) = (self.data_count, self.parity_count);
        let total = data.saturating_add(parity);
        if data == 0 || total as usize > MAX_SEGMENTS || self.is_parity && parity == 0 {
            return Err(SegmentError::Counts { data, parity });
        }
        let count = small(parity)?;
        let place = if self.is_parity {
            Place::Parity { index: below(self.parity_index, parity)?, count }
        } else {
            Place::Data { index: below(self.data_index, data)?, parity_count: count }
        };
        Ok(Segment {
            payload_hash: *self.hash.ok_or(DecodeError::NotCanonical)?,
            payload_len: self.length,
            data_count: small(data)?,
            place,
            payload: self.payload.to_vec(),
        })
    }
}

fn below(index: u32, count: u32) -> Result<u16, SegmentError> {
    if index < count { Ok(small(index)?) } else { Err(SegmentError::Index { index, count }) }
}

fn small(value: u32) -> Result<u16, DecodeError> {
    u16::try_from(value).map_err(|_| DecodeError::NotCanonical)
}

/// The default of an integer is written by nobody.
const fn given(value: u32) -> Result<u32, DecodeError> {
    if value == 0 { Err(DecodeError::NotCanonical) } else { Ok(value) }
}

fn flag(value: u64) -> Result<bool, DecodeError> {
    if value == 1 { Ok(true) } else { Err(DecodeError::NotCanonical) }
}

fn hash(payload: &[u8]) -> [u8; 32] {
    Keccak256::digest(payload).into()
}
