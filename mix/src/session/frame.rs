//! What the ends of a session send each other.

use alloc::vec::Vec;

use logos_crypto::codec::{DecodeError, Reader, Writer};

use super::SessionId;
use super::stream::{Ack, WINDOW_BYTES};

const HAS_CHUNK: u8 = 1;
const IS_LAST: u8 = 2;

/// Bytes of a frame beside its chunk.
pub const FRAME_OVERHEAD: usize = 16 + 1 + 1 + 4 + WINDOW_BYTES + 4;

/// One frame.
///
/// | bytes | field |
/// |---|---|
/// | 16 | session identifier |
/// | 1 | flags: 1 has a chunk, 2 the chunk is the last |
/// | 1 | reply blocks wanted |
/// | 4 | number of the first chunk that is missing, big endian |
/// | 32 | bitmap of the 256 chunks behind it that came, first chunk in the lowest bit |
/// | 4 | number of the chunk, big endian, if there is one |
/// | rest | chunk |
pub(super) struct Frame {
    pub(super) session: SessionId,
    pub(super) wanted: u8,
    pub(super) ack: Ack,
    pub(super) chunk: Option<(u32, bool, Vec<u8>)>,
}

impl Frame {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let length = self.chunk.as_ref().map_or(0, |(_, _, bytes)| bytes.len());
        let mut writer = Writer::with_capacity(FRAME_OVERHEAD.saturating_add(length));
        let flags = self.chunk.as_ref().map_or(0, |(_, last, _)| HAS_CHUNK | u8::from(*last) << 1);
        writer.put(&self.session.0).u8(flags).u8(self.wanted);
        writer.u32_be(self.ack.next).put(&self.ack.bitmap);
        if let Some((number, _, bytes)) = &self.chunk {
            writer.u32_be(*number).put(bytes);
        }
        writer.into_bytes()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let session = SessionId(*reader.array()?);
        let flags = reader.u8()?;
        let wanted = reader.u8()?;
        let ack = Ack { next: reader.u32_be()?, bitmap: *reader.array()? };
        let chunk = match flags {
            0 => None,
            HAS_CHUNK => Some((reader.u32_be()?, false)),
            3 => Some((reader.u32_be()?, true)),
            tag => return Err(DecodeError::UnknownTag { tag }),
        };
        let chunk = match chunk {
            Some((number, last)) => Some((number, last, reader.take(reader.remaining())?.to_vec())),
            None => None,
        };
        reader.finish()?;
        Ok(Self { session, wanted, ack, chunk })
    }
}

const _: () = assert!(HAS_CHUNK | IS_LAST == 3);
