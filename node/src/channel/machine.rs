//! The channel: segments, order, encryption, outbox and inbox in one machine.

mod backfill;
mod config;
mod inbox;
mod outbox;
mod state;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use thiserror::Error;

use super::event::{ChannelEvent, ChannelRequestId, EventNumber};
use super::id::{ChannelId, MessageId, ParticipantId};
use super::protection::{Protection, Unreadable};
use super::sds::{Author, Refusal, RestoreError, Sds, SdsOutput};
use super::segment::Reassembler;
use super::store::{Batch, Change, Key};
use backfill::Backfill;
use outbox::{Queued, Request};
use state::State;

pub use backfill::{Page, Query};
pub use config::{BackfillConfig, ChannelConfig, MAX_MESSAGE_BYTES};
pub use outbox::SendError;

/// What a channel gives out. All of it has been committed before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelOutput {
    /// Publish these bytes on the channel's content topic. If that fails nothing needs to be done:
    /// they come again until somebody has them.
    Publish {
        /// The message of the log in it, if there is one: tell
        /// [`Channel::handle_published`] its transport hash.
        id: Option<MessageId>,
        /// The message of ours it is a part of.
        request: Option<ChannelRequestId>,
        /// What to publish.
        payload: Vec<u8>,
        /// Should no store keep it?
        ephemeral: bool,
    },
    /// Something for the application, which says [`Channel::handle_consumed`] when it is done. Until
    /// then the event comes again after a restart, under the same number.
    Event {
        /// Which event.
        number: EventNumber,
        /// What happened.
        event: ChannelEvent,
    },
    /// Something for the application that nobody keeps: a message outside the order of the channel.
    Ephemeral {
        /// Who sent it.
        sender: ParticipantId,
        /// What it says.
        payload: Vec<u8>,
    },
    /// Ask a store for one message by its transport hash, and hand what comes to
    /// [`Channel::handle_frame`].
    Fetch {
        /// The hash.
        hint: Vec<u8>,
    },
    /// Ask a store for a page of what was published, and hand it to [`Channel::handle_page`].
    Query(Query),
}

/// Why a frame was not taken. Nothing changed, but that a known message is confirmed anew.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// It is not sealed under the channel's key.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// What was sealed is not taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// One member of a reliable channel.
///
/// Sans-IO: bytes, time and randomness are arguments; time is counted from 1970. After each
/// `handle_*` call and [`Channel::send`], commit [`Channel::take_changes`] as one batch and call
/// [`Channel::handle_committed`]; outputs wait for that. Then [`Channel::poll_output`] until it
/// gives nothing, and sleep until [`Channel::next_deadline`] or input.
/// [`ReliableChannel`](super::ReliableChannel) does so over a [`ChannelStore`](super::ChannelStore).
///
/// What is accepted is delivered to every member that stays in the channel, once, after all that
/// its sender had received before; its outcome is told once. A process that is killed and comes
/// back with what was committed goes on as if it had been silent.
#[derive(Debug)]
pub struct Channel {
    config: ChannelConfig,
    id: ChannelId,
    author: Arc<Author>,
    protection: Arc<Protection>,
    sds: Sds,
    reassembler: Reassembler,
    state: State,
    queue: BTreeMap<u64, Queued>,
    queued_bytes: usize,
    requests: BTreeMap<u64, Request>,
    owners: BTreeMap<MessageId, u64>,
    /// Events that the application has not consumed.
    events: usize,
    backfill: Backfill,
    changes: Batch,
    staged: VecDeque<Staged>,
    outputs: VecDeque<Staged>,
}

/// An output before it is sealed.
#[derive(Debug)]
enum Staged {
    Frame {
        id: Option<MessageId>,
        request: Option<ChannelRequestId>,
        frame: Arc<[u8]>,
        ephemeral: bool,
    },
    Ready(ChannelOutput),
}

impl Channel {
    /// A member with these records: none for a new one. Whatever the application has not consumed
    /// comes again, and a backfill begins.
    ///
    /// # Errors
    ///
    /// See [`RestoreError`].
    pub fn open(
        config: ChannelConfig,
        id: ChannelId,
        author: impl Into<Arc<Author>>,
        protection: impl Into<Arc<Protection>>,
        records: &[(Key, Vec<u8>)],
        now: Tick,
    ) -> Result<Self, RestoreError> {
        let (author, protection) = (author.into(), protection.into());
        let sds = Sds::restore(config.sds, id.clone(), author.clone(), records, now)?;
        let state = State::find(records, now, config.backfill.lookback)?;
        let mut channel = Self {
            reassembler: Reassembler::new(config.reassembly),
            backfill: Backfill::new(),
            config,
            id,
            author,
            protection,
            sds,
            state,
            queue: BTreeMap::new(),
            queued_bytes: 0,
            requests: BTreeMap::new(),
            owners: BTreeMap::new(),
            events: 0,
            changes: Batch::new(),
            staged: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        channel.restore(records, now)?;
        channel.settle(now);
        Ok(channel)
    }

    /// The member as these records have it, whatever happened since.
    pub(super) fn reopen(
        &self,
        records: &[(Key, Vec<u8>)],
        now: Tick,
    ) -> Result<Self, RestoreError> {
        let (author, protection) = (self.author.clone(), self.protection.clone());
        Self::open(self.config, self.id.clone(), author, protection, records, now)
    }

    fn restore(&mut self, records: &[(Key, Vec<u8>)], now: Tick) -> Result<(), RestoreError> {
        let mut sorted: Vec<_> = records.iter().collect();
        sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (key, value) in sorted {
            match key {
                Key::Queued(number) => self.restore_queued(*number, value)?,
                Key::Request(number) => self.restore_request(*number, value)?,
                Key::Owner(id) => self.restore_owner(id, value)?,
                Key::Segment(tag) => self.restore_segment(*tag, value, now)?,
                Key::Event(number) => self.restore_event(*number, value)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes what came on the channel's content topic, and the transport hash it came under.
    ///
    /// # Errors
    ///
    /// See [`FrameError`].
    ///
    /// # Security
    ///
    /// `payload` is whatever the network says. What is not sealed under the channel's key costs
    /// one key derivation and one tag.
    pub fn handle_frame(
        &mut self,
        now: Tick,
        payload: &[u8],
        hint: Option<&[u8]>,
    ) -> Result<(), FrameError> {
        let frame = self.protection.open(payload, self.config.format())?;
        let taken = self.sds.handle_frame(now, &frame, hint);
        self.settle(now);
        Ok(taken?)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Tick) {
        self.sds.handle_timeout(now);
        self.reassembler.handle_timeout(now);
        self.backfill_timeout(now);
        self.settle(now);
    }

    /// Tells under which transport hash a message went out, so that members can fetch it.
    pub fn handle_published(&mut self, now: Tick, id: &MessageId, hint: &[u8]) {
        self.sds.handle_hint(id, hint);
        self.settle(now);
    }

    /// Notes that the application is done with an event; it does not come again.
    pub fn handle_consumed(&mut self, number: EventNumber) {
        self.events = self.events.saturating_sub(1);
        self.changes.push(Change::Delete(Key::Event(number.0)));
    }

    /// The changes since the last call: to be committed as one batch.
    #[must_use]
    pub fn take_changes(&mut self) -> Batch {
        self.state.write_if_changed(&mut self.changes);
        std::mem::take(&mut self.changes)
    }

    /// Notes that all changes taken so far are on disk: what they belong to may go out.
    pub fn handle_committed(&mut self) {
        if self.changes.is_empty() {
            self.outputs.append(&mut self.staged);
        }
    }

    /// The next thing to do. Call until it gives nothing. `rng` gives nonces.
    pub fn poll_output(&mut self, rng: &mut (impl CryptoRng + ?Sized)) -> Option<ChannelOutput> {
        match self.outputs.pop_front()? {
            Staged::Ready(output) => Some(output),
            Staged::Frame { id, request, frame, ephemeral } => {
                let payload = self.protection.seal(&frame, self.config.format(), rng);
                Some(ChannelOutput::Publish { id, request, payload, ephemeral })
            }
        }
    }

    /// When [`Channel::handle_timeout`] may have something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        let deadlines =
            [self.sds.next_deadline(), self.reassembler.next_deadline(), self.backfill.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// The channel's name.
    #[must_use]
    pub const fn id(&self) -> &ChannelId {
        &self.id
    }

    /// Our own name in it.
    #[must_use]
    pub const fn me(&self) -> &ParticipantId {
        self.sds.me()
    }

    /// The order and repair below, to look at.
    #[must_use]
    pub const fn sds(&self) -> &Sds {
        &self.sds
    }

    /// Messages of ours without outcome.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.requests.len()
    }

    /// Is a message of ours without outcome?
    #[must_use]
    pub fn is_open(&self, request: ChannelRequestId) -> bool {
        self.requests.contains_key(&request.0)
    }

    /// The number of the next message of ours to be accepted.
    #[must_use]
    pub const fn next_request(&self) -> u64 {
        self.state.next_request()
    }

    /// Events that the application has not consumed.
    #[must_use]
    pub const fn unconsumed(&self) -> usize {
        self.events
    }

    /// Lets everything below run until it has nothing to say.
    fn settle(&mut self, now: Tick) {
        loop {
            while let Some(output) = self.sds.poll_output() {
                self.handle_sds(now, output);
            }
            self.collect_messages();
            if !self.dispatch(now) {
                break;
            }
        }
        self.changes.append(&mut self.sds.take_changes());
        self.stage_query(now);
    }

    fn handle_sds(&mut self, now: Tick, output: SdsOutput) {
        match output {
            SdsOutput::Transmit { id, frame, ephemeral } => self.stage_frame(id, frame, ephemeral),
            SdsOutput::Deliver { sender, content, .. } => self.take_segment(now, &sender, content),
            SdsOutput::Ephemeral { sender, content } => {
                let output = ChannelOutput::Ephemeral { sender, payload: content };
                self.staged.push_back(Staged::Ready(output));
            }
            SdsOutput::Acked { id, by } => self.confirm(&id, by),
            SdsOutput::Unacknowledged { id } => self.give_up(&id),
            SdsOutput::Fetch { hint, .. } => {
                self.staged.push_back(Staged::Ready(ChannelOutput::Fetch { hint }));
            }
            SdsOutput::Lost { id, sender } => self.tell(ChannelEvent::Lost { id, sender }),
        }
    }

    fn stage_frame(&mut self, id: Option<MessageId>, frame: Arc<[u8]>, ephemeral: bool) {
        let owner = id.as_ref().and_then(|id| self.owners.get(id));
        let request = owner.copied().map(ChannelRequestId);
        self.staged.push_back(Staged::Frame { id, request, frame, ephemeral });
    }

    /// Keeps an event and gives it out.
    fn tell(&mut self, event: ChannelEvent) {
        let number = self.state.take_event();
        self.changes.push(Change::Put(Key::Event(number), event.encode()));
        self.stage_event(number, event);
    }

    fn stage_event(&mut self, number: u64, event: ChannelEvent) {
        self.events = self.events.saturating_add(1);
        let number = EventNumber(number);
        self.staged.push_back(Staged::Ready(ChannelOutput::Event { number, event }));
    }

    fn restore_event(&mut self, number: u64, value: &[u8]) -> Result<(), RestoreError> {
        self.stage_event(number, ChannelEvent::decode(value)?);
        Ok(())
    }
}
