//! The schema of LIP-243.

use logos_crypto::codec::DecodeError;
use logos_crypto::protobuf::{fields, put_bytes, put_u64};

use super::{Place, Raw, Segment, SegmentCodec, SegmentError, flag, given};

#[derive(Debug)]
pub(super) struct Lip;

impl SegmentCodec for Lip {
    const VERSION: u8 = 1;

    fn encode(segment: &Segment) -> Vec<u8> {
        let mut out = Vec::with_capacity(segment.payload.len() + super::SEGMENT_OVERHEAD_BYTES);
        put_bytes(&mut out, 1, &segment.payload_hash);
        if let Place::Data { index, .. } = segment.place {
            put_u64(&mut out, 2, index.into());
        }
        put_u64(&mut out, 3, segment.data_count.into());
        put_bytes(&mut out, 4, &segment.payload);
        match segment.place {
            Place::Data { parity_count, .. } => put_u64(&mut out, 6, parity_count.into()),
            Place::Parity { index, count } => {
                put_u64(&mut out, 5, index.into());
                put_u64(&mut out, 6, count.into());
                put_u64(&mut out, 7, 1);
            }
        }
        out
    }

    fn decode(bytes: &[u8]) -> Result<Segment, SegmentError> {
        let mut raw = Raw::default();
        fields(bytes, &[], |number, value| {
            match number {
                1 => raw.hash = Some(value.array()?),
                2 => raw.data_index = given(value.u32()?)?,
                3 => raw.data_count = given(value.u32()?)?,
                4 => raw.payload = given_bytes(value.bytes()?)?,
                5 => raw.parity_index = given(value.u32()?)?,
                6 => raw.parity_count = given(value.u32()?)?,
                7 => raw.is_parity = flag(value.u64()?)?,
                _ => return Err(DecodeError::NotCanonical),
            }
            Ok(())
        })?;
        let misplaced = if raw.is_parity { raw.data_index } else { raw.parity_index };
        if misplaced != 0 {
            return Err(DecodeError::NotCanonical.into());
        }
        raw.check()
    }
}

pub(super) const fn given_bytes(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    if bytes.is_empty() { Err(DecodeError::NotCanonical) } else { Ok(bytes) }
}
