//! The two ways in which deployed implementations write messages and count time.

mod lip;
mod nim;

use std::time::Duration;

use logos_crypto::codec::DecodeError;
use logos_crypto::protobuf::{Value, fields, put_bytes, put_message};
use logos_crypto::tick::Tick;
use thiserror::Error;

use super::bloom::{Bloom, BloomError, MAX_BLOOM_BYTES};
use super::message::{HistoryEntry, MAX_HINT_BYTES, MAX_HISTORY_ENTRIES, SdsMessage};
use crate::channel::id::{ChannelId, MessageId, ParticipantId};

/// Which implementation a channel talks to. The two cannot read each other.
///
/// | | LIP-109, js-waku | nim-sds |
/// |---|---|---|
/// | numbers of id, clock, history, channel, content, filter, sender | 2 10 11 3 20 12 1 | 1 2 3 4 5 6 7 |
/// | repair request | 13 | 13 |
/// | filter | words, most significant byte first | message with its parameters |
/// | unit of the clock | millisecond | second |
/// | clock of a message sent | `max(now, clock + 1)` | `max(now, clock) + 1` |
/// | clock after a message received | `max(clock, theirs)` | `max(clock, theirs) + 1` |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// LIP-109.
    #[default]
    Lip,
    /// `nim-sds` 07491b2.
    Nim,
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageError {
    /// The bytes do not decode.
    #[error("message does not decode: {0}")]
    Malformed(#[from] DecodeError),
    /// The filter's parameters are unusable.
    #[error(transparent)]
    Bloom(#[from] BloomError),
}

impl Dialect {
    /// The protobuf bytes of a message.
    #[must_use]
    pub fn encode(self, message: &SdsMessage) -> Vec<u8> {
        match self {
            Self::Lip => lip::encode(message),
            Self::Nim => nim::encode(message),
        }
    }

    /// Reads a message. Fields with numbers that are not known are skipped: the LIP has added some
    /// before.
    ///
    /// # Errors
    ///
    /// See [`MessageError`].
    pub fn decode(self, bytes: &[u8]) -> Result<SdsMessage, MessageError> {
        match self {
            Self::Lip => lip::decode(bytes),
            Self::Nim => nim::decode(bytes),
        }
    }

    /// The name of a message, without reading the rest.
    pub(super) fn name_in(self, bytes: &[u8]) -> Option<&str> {
        let wanted = match self {
            Self::Lip => 2,
            Self::Nim => 1,
        };
        let mut name = None;
        // The error is how reading stops.
        let stop = DecodeError::NotCanonical;
        let read = fields(bytes, &[], |number, value| {
            if number == wanted {
                name = Some(value.text()?);
            }
            if number < wanted { Ok(()) } else { Err(stop) }
        });
        name.filter(|_| read == Err(stop))
    }

    /// The moment on the channel's clock. Time is counted from 1970.
    pub(super) fn clock(self, now: Tick) -> u64 {
        let since = now.since_origin();
        match self {
            Self::Lip => u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            Self::Nim => since.as_secs(),
        }
    }

    /// The clock of a message that is sent now.
    pub(super) fn sent(self, clock: u64, now: Tick) -> u64 {
        match self {
            Self::Lip => self.clock(now).max(clock.saturating_add(1)),
            Self::Nim => self.clock(now).max(clock).saturating_add(1),
        }
    }

    /// The clock after a message of theirs.
    pub(super) fn received(self, clock: u64, theirs: u64) -> u64 {
        match self {
            Self::Lip => clock.max(theirs),
            Self::Nim => clock.max(theirs).saturating_add(1),
        }
    }

    /// How far a clock may be ahead: what a faulty member can move ours, at most.
    pub(super) fn lead(self, lead: Duration) -> u64 {
        self.clock(Tick::new(lead))
    }
}

/// The fields of a message while it is read.
#[derive(Default)]
struct Parts {
    sender: Option<ParticipantId>,
    id: Option<MessageId>,
    channel: Option<ChannelId>,
    lamport: Option<u64>,
    causal_history: Vec<HistoryEntry>,
    bloom: Option<Bloom>,
    repair_request: Vec<HistoryEntry>,
    content: Option<Vec<u8>>,
}

impl Parts {
    fn finish(self) -> Result<SdsMessage, MessageError> {
        let missing = DecodeError::NotCanonical;
        Ok(SdsMessage {
            sender: self.sender.ok_or(missing)?,
            id: self.id.ok_or(missing)?,
            channel: self.channel.ok_or(missing)?,
            lamport: self.lamport,
            causal_history: self.causal_history,
            bloom: self.bloom,
            repair_request: self.repair_request,
            content: self.content,
        })
    }
}

fn put_entries(out: &mut Vec<u8>, number: u64, entries: &[HistoryEntry]) {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.clear();
        put_bytes(&mut bytes, 1, entry.id.as_str().as_bytes());
        put_bytes(&mut bytes, 2, entry.hint.as_deref().unwrap_or_default());
        let sender = entry.sender.as_ref().map_or("", ParticipantId::as_str);
        put_bytes(&mut bytes, 3, sender.as_bytes());
        put_message(out, number, &bytes);
    }
}

fn push_entry(entries: &mut Vec<HistoryEntry>, value: Value<'_>) -> Result<(), DecodeError> {
    let bound = MAX_HISTORY_ENTRIES;
    if entries.len() >= bound {
        return Err(DecodeError::TooLong { length: bound as u64 + 1, bound: bound as u64 });
    }
    let (mut id, mut hint, mut sender) = (None, None, None);
    fields(value.bytes()?, &[], |number, value| {
        match number {
            1 => id = MessageId::new(value.text()?),
            2 => hint = some_bytes(value, MAX_HINT_BYTES)?,
            3 => sender = ParticipantId::new(value.text()?),
            _ => {}
        }
        Ok(())
    })?;
    entries.push(HistoryEntry { id: id.ok_or(DecodeError::NotCanonical)?, hint, sender });
    Ok(())
}

/// Bytes within their bound; none if there are none, as deployed encoders write.
fn some_bytes(value: Value<'_>, bound: usize) -> Result<Option<Vec<u8>>, DecodeError> {
    let bytes = value.bytes()?;
    if bytes.len() > bound {
        return Err(DecodeError::TooLong { length: bytes.len() as u64, bound: bound as u64 });
    }
    Ok(Some(bytes.to_vec()).filter(|bytes| !bytes.is_empty()))
}

/// A filter's words, in either order of bytes.
fn words(bytes: &[u8], read: fn([u8; 8]) -> u64) -> Result<Vec<u64>, MessageError> {
    let (length, bound) = (bytes.len() as u64, MAX_BLOOM_BYTES as u64);
    if length > bound {
        return Err(DecodeError::TooLong { length, bound }.into());
    }
    let (words, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(DecodeError::NotCanonical.into());
    }
    Ok(words.iter().map(|word| read(*word)).collect())
}
