//! Cutting a message into segments.

use thiserror::Error;

use super::erasure::{self, SHARD_ALIGNMENT};
use super::{MAX_SEGMENTS, Place, SEGMENT_OVERHEAD_BYTES, Schema, Segment, hash};

/// How messages are cut.
///
/// # Examples
///
/// ```
/// use logos_node::channel::Segmentation;
///
/// let cut = Segmentation { parity_per_million: 125_000, ..Segmentation::default() };
/// let segments = cut.split(&[7; 1 << 20])?;
/// assert_eq!(segments.len(), 11 + 2);
/// # Ok::<(), logos_node::channel::SplitError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segmentation {
    /// How segments are written.
    pub schema: Schema,
    /// Bytes of an encoded segment, at most.
    pub segment_bytes: usize,
    /// Parity segments for a million data segments, rounded up; never more than data segments.
    /// Counted in integers, so that two implementations agree.
    pub parity_per_million: u32,
}

impl Default for Segmentation {
    /// 102,400 bytes and no parity: the defaults of the Reliable Channel API.
    fn default() -> Self {
        Self { schema: Schema::Lip, segment_bytes: 102_400, parity_per_million: 0 }
    }
}

/// Why a message was not cut.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitError {
    /// The message would be more segments than a message may have.
    #[error("a message of {bytes} bytes is over {bound}")]
    TooLong {
        /// Bytes of the message.
        bytes: usize,
        /// What fits.
        bound: usize,
    },
    /// A segment that small holds nothing.
    #[error("segments of {0} bytes hold nothing")]
    SegmentTooSmall(usize),
}

impl Segmentation {
    /// The encoded segments of `payload`: data first, then parity. Costs a Keccak-256 of it, and
    /// the erasure code if there is parity.
    ///
    /// # Errors
    ///
    /// See [`SplitError`].
    pub fn split(&self, payload: &[u8]) -> Result<Vec<Vec<u8>>, SplitError> {
        let chunk = self.chunk_bytes();
        if chunk == 0 {
            return Err(SplitError::SegmentTooSmall(self.segment_bytes));
        }
        let data_count = payload.len().div_ceil(chunk).max(1);
        let parity_count = self.parity_count(data_count);
        let too_long = SplitError::TooLong { bytes: payload.len(), bound: self.max_bytes() };
        if data_count.saturating_add(parity_count) >= MAX_SEGMENTS {
            return Err(too_long);
        }
        let cut = Cut::new(self.schema, payload, data_count, parity_count).ok_or(too_long)?;
        let mut chunks: Vec<Vec<u8>> = payload.chunks(chunk).map(<[u8]>::to_vec).collect();
        chunks.resize_with(data_count, Vec::new);
        let parity = parity(&chunks, parity_count, chunk).ok_or(too_long)?;
        Ok(cut.encode(chunks, parity))
    }

    /// Bytes of the longest message that can be cut.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        let fits = |data: &usize| {
            let parity = self.parity_count(*data);
            data.saturating_add(parity) < MAX_SEGMENTS
                && (parity == 0 || erasure::covers(*data, parity))
        };
        let most = (1..MAX_SEGMENTS).rev().find(fits).unwrap_or(0);
        most.saturating_mul(self.chunk_bytes())
    }

    /// Bytes of the message in one data segment, a whole number of erasure code units.
    const fn chunk_bytes(&self) -> usize {
        let room = self.segment_bytes.saturating_sub(SEGMENT_OVERHEAD_BYTES);
        room - room % SHARD_ALIGNMENT
    }

    fn parity_count(&self, data: usize) -> usize {
        let rate = self.parity_per_million as usize;
        data.saturating_mul(rate).div_ceil(1_000_000).min(data)
    }
}

/// What all segments of one message share.
struct Cut {
    schema: Schema,
    payload_hash: [u8; 32],
    payload_len: Option<u64>,
    data_count: u16,
    parity_count: u16,
}

impl Cut {
    fn new(schema: Schema, payload: &[u8], data: usize, parity: usize) -> Option<Self> {
        Some(Self {
            schema,
            payload_hash: hash(payload),
            payload_len: (schema == Schema::Nim).then_some(payload.len() as u64),
            data_count: u16::try_from(data).ok()?,
            parity_count: u16::try_from(parity).ok()?,
        })
    }

    fn encode(&self, data: Vec<Vec<u8>>, parity: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let parity_count = self.parity_count;
        let data = (0..).zip(data).map(|(index, payload)| {
            let place = Place::Data { index, parity_count };
            self.segment(place, payload)
        });
        let parity = (0..).zip(parity).map(|(index, payload)| {
            let place = Place::Parity { index, count: parity_count };
            self.segment(place, payload)
        });
        data.chain(parity).collect()
    }

    fn segment(&self, place: Place, payload: Vec<u8>) -> Vec<u8> {
        let Self { schema, payload_hash, payload_len, data_count, .. } = *self;
        Segment { payload_hash, payload_len, data_count, place, payload }.encode(schema)
    }
}

/// The parity shards of the chunks; a message in one chunk is coded at its own length.
fn parity(chunks: &[Vec<u8>], count: usize, chunk: usize) -> Option<Vec<Vec<u8>>> {
    if count == 0 {
        return Some(Vec::new());
    }
    let longest = chunks.first().map_or(0, Vec::len);
    let shard = longest.next_multiple_of(SHARD_ALIGNMENT).clamp(SHARD_ALIGNMENT, chunk);
    let mut padded = chunks.to_vec();
    padded.iter_mut().for_each(|chunk| chunk.resize(shard, 0));
    erasure::parity(padded, count, shard).ok()
}
