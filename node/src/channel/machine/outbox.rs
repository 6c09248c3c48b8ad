//! Messages of ours, from acceptance to outcome.

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::tick::Tick;
use thiserror::Error;

use super::{Channel, MAX_MESSAGE_BYTES};
use crate::channel::event::{ChannelEvent, ChannelRequestId, Outcome};
use crate::channel::id::{MessageId, ParticipantId};
use crate::channel::sds::RestoreError;
use crate::channel::segment::SplitError;
use crate::channel::store::{Change, Key};

/// Why a message was not accepted. Nothing changed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// It is longer than [`MAX_MESSAGE_BYTES`], or than the channel's segments can carry.
    #[error("a message of {bytes} bytes is over {bound}")]
    TooLong {
        /// Its bytes.
        bytes: usize,
        /// The bound.
        bound: usize,
    },
    /// Too much waits to be sent.
    #[error("{queued} bytes wait to be sent already")]
    Full {
        /// Bytes that wait.
        queued: usize,
    },
    /// The channel's segments are too small to hold anything.
    #[error("segments of {0} bytes hold nothing")]
    SegmentTooSmall(usize),
}

impl From<SplitError> for SendError {
    fn from(error: SplitError) -> Self {
        match error {
            SplitError::TooLong { bytes, bound } => Self::TooLong { bytes, bound },
            SplitError::SegmentTooSmall(bytes) => Self::SegmentTooSmall(bytes),
        }
    }
}

/// A segment that waits for its turn.
#[derive(Debug)]
pub(super) struct Queued {
    request: u64,
    segment: Vec<u8>,
}

/// A message without outcome.
#[derive(Debug)]
pub(super) struct Request {
    /// Segments that nobody confirmed.
    open: u32,
}

impl Channel {
    /// Accepts a message. Its outcome will be told once, by a
    /// [`ChannelEvent::Outcome`](crate::channel::ChannelEvent::Outcome).
    ///
    /// Costs a Keccak-256 of it and a signature for each segment under way.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn send(&mut self, now: Tick, payload: &[u8]) -> Result<ChannelRequestId, SendError> {
        let (bytes, bound) = (payload.len(), MAX_MESSAGE_BYTES);
        if bytes > bound {
            return Err(SendError::TooLong { bytes, bound });
        }
        if self.queued_bytes.saturating_add(bytes) > self.config.max_queued_bytes {
            return Err(SendError::Full { queued: self.queued_bytes });
        }
        let segments = self.config.segmentation.split(payload)?;
        let number = self.state.take_request();
        // Invariant: at most 256.
        let request = Request { open: u32::try_from(segments.len()).unwrap_or(u32::MAX) };
        self.changes.push(Change::Put(Key::Request(number), request.encode()));
        self.requests.insert(number, request);
        for segment in segments {
            self.enqueue(Queued { request: number, segment });
        }
        self.settle(now);
        Ok(ChannelRequestId(number))
    }

    /// Sends a message outside the order of the channel, once, to whoever hears it: nothing is
    /// kept, and there is no outcome.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLong`] if it does not fit one segment.
    pub fn send_ephemeral(&mut self, now: Tick, payload: &[u8]) -> Result<(), SendError> {
        let (bytes, bound) = (payload.len(), self.config.segmentation.segment_bytes);
        if bytes > bound {
            return Err(SendError::TooLong { bytes, bound });
        }
        self.sds.send_ephemeral(now, payload.to_vec());
        self.settle(now);
        Ok(())
    }

    fn enqueue(&mut self, queued: Queued) {
        let number = self.state.take_queued();
        self.queued_bytes = self.queued_bytes.saturating_add(queued.segment.len());
        self.changes.push(Change::Put(Key::Queued(number), queued.encode()));
        self.queue.insert(number, queued);
    }

    /// Sends what the window has room for; true if something was sent.
    pub(super) fn dispatch(&mut self, now: Tick) -> bool {
        let mut sent = false;
        while self.sds.unconfirmed() < self.config.window.max(1) {
            let Some((number, queued)) = self.queue.pop_first() else { break };
            self.queued_bytes = self.queued_bytes.saturating_sub(queued.segment.len());
            self.changes.push(Change::Delete(Key::Queued(number)));
            let id = self.sds.send(now, queued.segment);
            let owner = queued.request.to_be_bytes().to_vec();
            self.changes.push(Change::Put(Key::Owner(id.clone()), owner));
            self.owners.insert(id, queued.request);
            sent = true;
        }
        sent
    }

    /// A member has a segment of ours.
    pub(super) fn confirm(&mut self, id: &MessageId, by: ParticipantId) {
        let Some(number) = self.disown(id) else { return };
        let Some(request) = self.requests.get_mut(&number) else { return };
        request.open = request.open.saturating_sub(1);
        if request.open == 0 {
            self.resolve(number, Outcome::Acked { by });
        } else {
            self.changes.push(Change::Put(Key::Request(number), request.encode()));
        }
    }

    /// Nobody has a segment of ours: its message fails, and what is left of it is not sent.
    pub(super) fn give_up(&mut self, id: &MessageId) {
        let Some(number) = self.disown(id) else { return };
        if !self.requests.contains_key(&number) {
            return;
        }
        let Self { queue, queued_bytes, changes, .. } = self;
        queue.retain(|place, queued| {
            let stays = queued.request != number;
            if !stays {
                *queued_bytes = queued_bytes.saturating_sub(queued.segment.len());
                changes.push(Change::Delete(Key::Queued(*place)));
            }
            stays
        });
        self.resolve(number, Outcome::Unacknowledged);
    }

    fn disown(&mut self, id: &MessageId) -> Option<u64> {
        let number = self.owners.remove(id)?;
        self.changes.push(Change::Delete(Key::Owner(id.clone())));
        Some(number)
    }

    fn resolve(&mut self, number: u64, outcome: Outcome) {
        self.requests.remove(&number);
        self.changes.push(Change::Delete(Key::Request(number)));
        self.tell(ChannelEvent::Outcome { request: ChannelRequestId(number), outcome });
    }

    pub(super) fn restore_queued(&mut self, number: u64, value: &[u8]) -> Result<(), RestoreError> {
        let queued = Queued::decode(value)?;
        self.queued_bytes = self.queued_bytes.saturating_add(queued.segment.len());
        self.queue.insert(number, queued);
        Ok(())
    }

    pub(super) fn restore_request(
        &mut self,
        number: u64,
        value: &[u8],
    ) -> Result<(), RestoreError> {
        let open = value.try_into().map_err(|_| DecodeError::NotCanonical)?;
        self.requests.insert(number, Request { open: u32::from_be_bytes(open) });
        Ok(())
    }

    pub(super) fn restore_owner(
        &mut self,
        id: &MessageId,
        value: &[u8],
    ) -> Result<(), RestoreError> {
        let number = value.try_into().map_err(|_| DecodeError::NotCanonical)?;
        self.owners.insert(id.clone(), u64::from_be_bytes(number));
        Ok(())
    }
}

impl Request {
    fn encode(&self) -> Vec<u8> {
        self.open.to_be_bytes().to_vec()
    }
}

impl Queued {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(8 + self.segment.len());
        out.u64_be(self.request).put(&self.segment);
        out.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let request = reader.u64_be()?;
        Ok(Self { request, segment: reader.take(reader.remaining())?.to_vec() })
    }
}
