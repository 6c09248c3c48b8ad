//! Messages as LIP-109 numbers their fields.

use logos_crypto::protobuf::{fields, put_bytes, put_message, put_varint};

use super::{MessageError, Parts, push_entry, put_entries, some_bytes, words};
use crate::channel::id::{ChannelId, MessageId, ParticipantId};
use crate::channel::sds::bloom::{Bloom, COMPACT_HASHES, MAX_BLOOM_BYTES};
use crate::channel::sds::message::{MAX_CONTENT_BYTES, SdsMessage};

pub(super) fn encode(message: &SdsMessage) -> Vec<u8> {
    let content = message.content.as_deref().unwrap_or_default();
    let mut out = Vec::with_capacity(content.len() + 512);
    put_bytes(&mut out, 1, message.sender.as_str().as_bytes());
    put_bytes(&mut out, 2, message.id.as_str().as_bytes());
    put_bytes(&mut out, 3, message.channel.as_str().as_bytes());
    if let Some(lamport) = message.lamport {
        put_varint(&mut out, 10 << 3);
        put_varint(&mut out, lamport);
    }
    put_entries(&mut out, 11, &message.causal_history);
    if let Some(bloom) = &message.bloom {
        let bytes: Vec<u8> = bloom.words().iter().flat_map(|word| word.to_be_bytes()).collect();
        put_message(&mut out, 12, &bytes);
    }
    put_entries(&mut out, 13, &message.repair_request);
    put_bytes(&mut out, 20, content);
    out
}

pub(super) fn decode(bytes: &[u8]) -> Result<SdsMessage, MessageError> {
    let mut parts = Parts::default();
    let mut filter = None;
    fields(bytes, &[11, 13], |number, value| {
        match number {
            1 => parts.sender = ParticipantId::new(value.text()?),
            2 => parts.id = MessageId::new(value.text()?),
            3 => parts.channel = ChannelId::new(value.text()?),
            10 => parts.lamport = Some(value.u64()?),
            11 => push_entry(&mut parts.causal_history, value)?,
            12 => filter = some_bytes(value, MAX_BLOOM_BYTES)?,
            13 => push_entry(&mut parts.repair_request, value)?,
            20 => parts.content = some_bytes(value, MAX_CONTENT_BYTES)?,
            _ => {}
        }
        Ok(())
    })?;
    parts.bloom = filter.map(|bytes| read_filter(&bytes)).transpose()?;
    parts.finish()
}

/// The LIP leaves the parameters open. js-waku's follow from the length: its filter for 10,000
/// names, and the one for 12,000 that it grows to. Any other filter is ours.
fn read_filter(bytes: &[u8]) -> Result<Bloom, MessageError> {
    let words = words(bytes, u64::from_be_bytes)?;
    let (bits, hashes) = match bytes.len() {
        18_752 => (150_000, 10),
        22_504 => (180_000, 10),
        length => (length as u64 * 8, u64::from(COMPACT_HASHES)),
    };
    Ok(Bloom::new(words, bits, hashes)?)
}
