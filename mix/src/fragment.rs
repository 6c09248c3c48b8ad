//! Messages over one packet: cut into shards, with more shards than are needed.

mod reassembly;

use alloc::vec::Vec;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use rand_core::CryptoRng;
use reed_solomon_simd::ReedSolomonEncoder;
use thiserror::Error;

pub use reassembly::{Limits, Reassembler, ReassemblyError};

/// Bytes of a fragment before its shard.
pub const FRAGMENT_HEADER_BYTES: usize = 23;
/// The most data shards of a message.
pub const MAX_DATA_SHARDS: usize = 128;
/// The most parity shards of a message.
pub const MAX_PARITY_SHARDS: usize = 127;

/// Names a message while it is put together: 16 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId([u8; 16]);

/// One shard of a message.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 16 | message identifier |
/// | 16 | 4 | message length, big endian |
/// | 20 | 1 | `k`, data shards, 1 to 128 |
/// | 21 | 1 | `m`, parity shards, 0 to 127 |
/// | 22 | 1 | number of this shard, below `k + m` |
/// | 23 | `2 * ceil(length / 2k)` | shard |
///
/// Shards below `k` are the message cut in order, the last one padded with zeros. The others are
/// parity of the Leopard Reed-Solomon code over `GF(2^16)`: any `k` shards give the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    id: MessageId,
    shape: Shape,
    index: u8,
    shard: Vec<u8>,
}

/// What the fragments of one message agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    length: u32,
    data: u8,
    parity: u8,
}

impl Shape {
    fn shard_bytes(self) -> usize {
        shard_bytes(self.length as usize, usize::from(self.data))
    }

    const fn shards(self) -> usize {
        self.data as usize + self.parity as usize
    }
}

/// Shards of even length, at least two bytes, that hold `length` together.
const fn shard_bytes(length: usize, data: usize) -> usize {
    let half = length.div_ceil(data.saturating_mul(2));
    if half == 0 { 2 } else { half.saturating_mul(2) }
}

/// Why a message cannot be fragmented.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FragmentError {
    /// It needs more than [`MAX_DATA_SHARDS`] fragments of this size.
    #[error("message needs {0} fragments")]
    TooLong(usize),
    /// There are more than [`MAX_PARITY_SHARDS`] parity shards.
    #[error("{0} parity shards are too many")]
    TooMuchParity(usize),
    /// A fragment of this size has no room for a shard.
    #[error("fragments of {0} bytes are too small")]
    TooSmall(usize),
    /// The erasure code refused a shape that was checked.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl Fragment {
    /// Cuts `message` into fragments of at most `fragment_bytes`, with `parity` more than are
    /// needed to read it.
    ///
    /// # Errors
    ///
    /// [`FragmentError`] if that takes more shards than the format can count.
    pub fn split(
        message: &[u8],
        fragment_bytes: usize,
        parity: usize,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<Self>, FragmentError> {
        let shape = shape(message.len(), fragment_bytes, parity)?;
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        let shards = encode(message, shape)?;
        let numbered = (0..=u8::MAX).zip(shards);
        Ok(numbered.map(|(index, shard)| Self { id: MessageId(id), shape, index, shard }).collect())
    }

    /// The bytes of the fragment.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(FRAGMENT_HEADER_BYTES + self.shard.len());
        writer.put(&self.id.0).u32_be(self.shape.length);
        writer.u8(self.shape.data).u8(self.shape.parity).u8(self.index).put(&self.shard);
        writer.into_bytes()
    }

    /// Reads a fragment.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the counts are over their bounds or the shard is not as long as they
    /// say.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let id = MessageId(*reader.array()?);
        let length = reader.u32_be()?;
        let (data, parity, index) = (reader.u8()?, reader.u8()?, reader.u8()?);
        let shape = Shape { length, data, parity };
        check(usize::from(data), MAX_DATA_SHARDS)?;
        check(usize::from(parity), MAX_PARITY_SHARDS)?;
        check(usize::from(index), shape.shards().saturating_sub(1))?;
        if data == 0 {
            return Err(DecodeError::UnknownTag { tag: 0 });
        }
        let shard = reader.take(shape.shard_bytes())?.to_vec();
        reader.finish()?;
        Ok(Self { id, shape, index, shard })
    }

    /// The message this belongs to.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }
}

const fn check(value: usize, bound: usize) -> Result<(), DecodeError> {
    if value > bound {
        return Err(DecodeError::TooLong { length: value as u64, bound: bound as u64 });
    }
    Ok(())
}

/// The fewest data shards that keep every fragment within its size.
fn shape(length: usize, fragment_bytes: usize, parity: usize) -> Result<Shape, FragmentError> {
    let room = fragment_bytes.saturating_sub(FRAGMENT_HEADER_BYTES) & !1;
    if room == 0 {
        return Err(FragmentError::TooSmall(fragment_bytes));
    }
    let data = length.div_ceil(room).max(1);
    let too_long = FragmentError::TooLong(data);
    if data > MAX_DATA_SHARDS {
        return Err(too_long);
    }
    if parity > MAX_PARITY_SHARDS {
        return Err(FragmentError::TooMuchParity(parity));
    }
    Ok(Shape {
        length: u32::try_from(length).map_err(|_| too_long)?,
        data: u8::try_from(data).map_err(|_| too_long)?,
        parity: u8::try_from(parity).map_err(|_| FragmentError::TooMuchParity(parity))?,
    })
}

/// The data shards of `message` and the parity shards behind them.
fn encode(message: &[u8], shape: Shape) -> Result<Vec<Vec<u8>>, FragmentError> {
    let shard_bytes = shape.shard_bytes();
    let mut shards = cut(message, shard_bytes, usize::from(shape.data));
    if shape.parity > 0 {
        let parity = parity(&shards, usize::from(shape.parity), shard_bytes)
            .map_err(|_| FragmentError::Internal("the erasure code refused its input"))?;
        shards.extend(parity);
    }
    Ok(shards)
}

fn cut(message: &[u8], shard_bytes: usize, data: usize) -> Vec<Vec<u8>> {
    let mut shards: Vec<_> = message.chunks(shard_bytes).map(<[u8]>::to_vec).collect();
    shards.resize_with(data, Vec::new);
    for shard in &mut shards {
        shard.resize(shard_bytes, 0);
    }
    shards
}

fn parity(
    shards: &[Vec<u8>],
    parity: usize,
    shard_bytes: usize,
) -> Result<Vec<Vec<u8>>, reed_solomon_simd::Error> {
    let mut encoder = ReedSolomonEncoder::new(shards.len(), parity, shard_bytes)?;
    for shard in shards {
        encoder.add_original_shard(shard)?;
    }
    let result = encoder.encode()?;
    Ok(result.recovery_iter().map(<[u8]>::to_vec).collect())
}

#[cfg(test)]
mod tests;
