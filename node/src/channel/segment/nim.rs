//! The schema of `nim-segmentation`.

use logos_crypto::codec::DecodeError;
use logos_crypto::protobuf::{fields, put_bytes, put_u64};

use super::lip::given_bytes;
use super::{Place, Raw, Segment, SegmentCodec, SegmentError, flag, given};

#[derive(Debug)]
pub(super) struct Nim;

impl SegmentCodec for Nim {
    const VERSION: u8 = 2;

    fn encode(segment: &Segment) -> Vec<u8> {
        let mut out = Vec::with_capacity(segment.payload.len() + super::SEGMENT_OVERHEAD_BYTES);
        let (index, parity_count, is_parity) = match segment.place {
            Place::Data { index, parity_count } => (index, parity_count, false),
            Place::Parity { index, count } => (index, count, true),
        };
        put_bytes(&mut out, 1, &segment.payload_hash);
        put_u64(&mut out, 2, segment.payload_len.unwrap_or(0));
        put_u64(&mut out, 3, index.into());
        put_u64(&mut out, 4, segment.data_count.into());
        put_u64(&mut out, 5, parity_count.into());
        put_u64(&mut out, 6, is_parity.into());
        put_bytes(&mut out, 7, &segment.payload);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Segment, SegmentError> {
        let mut raw = Raw { length: Some(0), ..Raw::default() };
        let mut index = 0;
        fields(bytes, &[], |number, value| {
            match number {
                1 => raw.hash = Some(value.array()?),
                2 => raw.length = Some(value.u64()?).filter(|length| *length != 0),
                3 => index = given(value.u32()?)?,
                4 => raw.data_count = given(value.u32()?)?,
                5 => raw.parity_count = given(value.u32()?)?,
                6 => raw.is_parity = flag(value.u64()?)?,
                7 => raw.payload = given_bytes(value.bytes()?)?,
                _ => return Err(DecodeError::NotCanonical),
            }
            Ok(())
        })?;
        if raw.length.is_none() {
            return Err(DecodeError::NotCanonical.into());
        }
        let place = if raw.is_parity { &mut raw.parity_index } else { &mut raw.data_index };
        *place = index;
        raw.check()
    }
}
