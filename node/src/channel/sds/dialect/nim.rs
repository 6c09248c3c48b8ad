//! Messages as `nim-sds` numbers their fields. Its encoder writes empty fields too, so ours does.

use logos_crypto::codec::DecodeError;
use logos_crypto::protobuf::{Value, fields, put_bytes, put_message, put_varint};

use super::{MessageError, Parts, push_entry, put_entries, some_bytes, words};
use crate::channel::id::{ChannelId, MessageId, ParticipantId};
use crate::channel::sds::bloom::{Bloom, MAX_BLOOM_BYTES};
use crate::channel::sds::message::{MAX_CONTENT_BYTES, SdsMessage};

/// The error rate that goes with ten bits a name, in millionths. Readers do not use it.
const ERROR_RATE: u64 = 10_000;
const BITS_PER_NAME: u64 = 10;

pub(super) fn encode(message: &SdsMessage) -> Vec<u8> {
    let content = message.content.as_deref().unwrap_or_default();
    let mut out = Vec::with_capacity(content.len() + 512);
    put_message(&mut out, 1, message.id.as_str().as_bytes());
    put_integer(&mut out, 2, message.lamport.unwrap_or(0));
    put_entries(&mut out, 3, &message.causal_history);
    put_message(&mut out, 4, message.channel.as_str().as_bytes());
    put_message(&mut out, 5, content);
    put_message(&mut out, 6, &message.bloom.as_ref().map(write_filter).unwrap_or_default());
    put_bytes(&mut out, 7, message.sender.as_str().as_bytes());
    put_entries(&mut out, 13, &message.repair_request);
    out
}

pub(super) fn decode(bytes: &[u8]) -> Result<SdsMessage, MessageError> {
    let mut parts = Parts::default();
    let mut filter = None;
    fields(bytes, &[3, 13], |number, value| {
        match number {
            1 => parts.id = MessageId::new(value.text()?),
            2 => parts.lamport = Some(value.u64()?).filter(|lamport| *lamport != 0),
            3 => push_entry(&mut parts.causal_history, value)?,
            4 => parts.channel = ChannelId::new(value.text()?),
            5 => parts.content = some_bytes(value, MAX_CONTENT_BYTES)?,
            6 => filter = some_bytes(value, MAX_BLOOM_BYTES + 64)?,
            7 => parts.sender = ParticipantId::new(value.text()?),
            13 => push_entry(&mut parts.repair_request, value)?,
            _ => {}
        }
        Ok(())
    })?;
    parts.bloom = filter.map(|bytes| read_filter(&bytes)).transpose()?;
    parts.finish()
}

fn write_filter(bloom: &Bloom) -> Vec<u8> {
    let words: Vec<u8> = bloom.words().iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut out = Vec::with_capacity(words.len() + 32);
    put_message(&mut out, 1, &words);
    put_integer(&mut out, 2, u64::from(bloom.bits()) / BITS_PER_NAME);
    put_integer(&mut out, 3, ERROR_RATE);
    put_integer(&mut out, 4, bloom.hashes().into());
    put_integer(&mut out, 5, bloom.bits().into());
    out
}

fn read_filter(bytes: &[u8]) -> Result<Bloom, MessageError> {
    let (mut filter, mut hashes, mut bits) = (None, 0, 0);
    fields(bytes, &[], |number, value| {
        match (number, value) {
            (1, value) => filter = Some(value.bytes()?),
            (4, value) => hashes = value.u64()?,
            (5, value) => bits = value.u64()?,
            // How many names it is for, and how often it is wrong.
            (2 | 3, Value::Varint(_)) => {}
            _ => return Err(DecodeError::NotCanonical),
        }
        Ok(())
    })?;
    let words = words(filter.ok_or(DecodeError::NotCanonical)?, u64::from_le_bytes)?;
    Ok(Bloom::new(words, bits, hashes)?)
}

fn put_integer(out: &mut Vec<u8>, number: u64, value: u64) {
    put_varint(out, number << 3);
    put_varint(out, value);
}
