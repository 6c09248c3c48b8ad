//! What a channel tells its application, once each.

use logos_crypto::codec::{DecodeError, Reader, Writer};

use super::id::{MessageId, ParticipantId};
use super::segment::DropReason;

/// Names a message that [`Channel::send`](super::Channel::send) accepted, within its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelRequestId(pub(super) u64);

impl ChannelRequestId {
    /// The name with this number, as an application kept it.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, which counts from 0 and survives restarts.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The number of an event: the next one is one more, also after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventNumber(pub(super) u64);

impl EventNumber {
    /// The number itself, for the application to keep with what the event made it do.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What became of a message of ours. There is one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A member has every segment.
    Acked {
        /// Who confirmed the last one.
        by: ParticipantId,
    },
    /// No member confirmed every segment in time. Some may have the message all the same.
    Unacknowledged,
}

/// Something the application is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// A message arrived, all before it did or is lost.
    Message {
        /// Who sent it.
        sender: ParticipantId,
        /// What it says.
        payload: Vec<u8>,
    },
    /// A message of ours is settled.
    Outcome {
        /// Which.
        request: ChannelRequestId,
        /// How.
        outcome: Outcome,
    },
    /// A message of others is not to be had; what came after it is delivered without it.
    Lost {
        /// Its name.
        id: MessageId,
        /// Who sent it, as far as is known.
        sender: Option<ParticipantId>,
    },
    /// Segments arrived that make no message.
    Dropped {
        /// Who sent them.
        sender: ParticipantId,
        /// Why, if they were segments at all.
        reason: Option<DropReason>,
    },
}

impl ChannelEvent {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Message { sender, payload } => {
                put_text(out.u8(0), sender.as_str());
                out.put(payload);
            }
            Self::Outcome { request, outcome } => {
                out.u8(1).u64_be(request.0);
                match outcome {
                    Outcome::Acked { by } => put_text(out.u8(0), by.as_str()),
                    Outcome::Unacknowledged => drop(out.u8(1)),
                }
            }
            Self::Lost { id, sender } => {
                put_text(out.u8(2), id.as_str());
                put_text(&mut out, sender.as_ref().map_or("", ParticipantId::as_str));
            }
            Self::Dropped { sender, reason } => {
                put_text(out.u8(3), sender.as_str());
                out.u8(reason.map_or(0, reason_code));
            }
        }
        out.into_bytes()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let event = match reader.u8()? {
            0 => {
                let sender = participant(&mut reader)?.ok_or(DecodeError::NotCanonical)?;
                Self::Message { sender, payload: reader.take(reader.remaining())?.to_vec() }
            }
            1 => {
                let request = ChannelRequestId(reader.u64_be()?);
                Self::Outcome { request, outcome: decode_outcome(&mut reader)? }
            }
            2 => {
                let id = MessageId::new(text(&mut reader)?).ok_or(DecodeError::NotCanonical)?;
                Self::Lost { id, sender: participant(&mut reader)? }
            }
            3 => {
                let sender = participant(&mut reader)?.ok_or(DecodeError::NotCanonical)?;
                Self::Dropped { sender, reason: decode_reason(reader.u8()?)? }
            }
            tag => return Err(DecodeError::UnknownTag { tag }),
        };
        reader.finish()?;
        Ok(event)
    }
}

fn decode_outcome(reader: &mut Reader<'_>) -> Result<Outcome, DecodeError> {
    match reader.u8()? {
        0 => participant(reader)?.map(|by| Outcome::Acked { by }).ok_or(DecodeError::NotCanonical),
        1 => Ok(Outcome::Unacknowledged),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

const fn reason_code(reason: DropReason) -> u8 {
    match reason {
        DropReason::Expired => 1,
        DropReason::Evicted => 2,
        DropReason::HashMismatch => 3,
        DropReason::Undecodable => 4,
    }
}

const fn decode_reason(code: u8) -> Result<Option<DropReason>, DecodeError> {
    match code {
        0 => Ok(None),
        1 => Ok(Some(DropReason::Expired)),
        2 => Ok(Some(DropReason::Evicted)),
        3 => Ok(Some(DropReason::HashMismatch)),
        4 => Ok(Some(DropReason::Undecodable)),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

/// Appends a name behind its length.
pub(super) fn put_text(out: &mut Writer, text: &str) {
    // Invariant: names have at most 128 bytes.
    out.u8(u8::try_from(text.len()).unwrap_or(u8::MAX)).put(text.as_bytes());
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let length = reader.u8()?;
    std::str::from_utf8(reader.take(length.into())?).map_err(|_| DecodeError::NotCanonical)
}

/// A name, or none if it is empty.
pub(super) fn participant(reader: &mut Reader<'_>) -> Result<Option<ParticipantId>, DecodeError> {
    Ok(ParticipantId::new(text(reader)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let (sender, id) = (ParticipantId::new("saro").unwrap(), MessageId::new("m").unwrap());
        let request = ChannelRequestId(7);
        let acked = Outcome::Acked { by: sender.clone() };
        for event in [
            ChannelEvent::Message { sender: sender.clone(), payload: vec![1, 2] },
            ChannelEvent::Message { sender: sender.clone(), payload: vec![] },
            ChannelEvent::Outcome { request, outcome: acked },
            ChannelEvent::Outcome { request, outcome: Outcome::Unacknowledged },
            ChannelEvent::Lost { id: id.clone(), sender: None },
            ChannelEvent::Lost { id, sender: Some(sender.clone()) },
            ChannelEvent::Dropped { sender: sender.clone(), reason: None },
            ChannelEvent::Dropped { sender, reason: Some(DropReason::HashMismatch) },
        ] {
            assert_eq!(ChannelEvent::decode(&event.encode()), Ok(event));
        }
    }
}
