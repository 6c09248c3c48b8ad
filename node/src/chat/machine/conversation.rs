//! One conversation: its channel, its lines, and what keeps the two together across crashes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::keys::PublicKey;
use logos_crypto::tick::Tick;
use logos_ratchet::Device;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::{ChatError, ChatEvent, ChatOutput, LineState, MAX_CONVERSATIONS, Receipt, Unwanted};
use crate::channel::{
    Author, Channel, ChannelConfig, ChannelEvent, ChannelOutput, EventNumber, Outcome, Page,
    Protection, ReliableChannel,
};
use crate::chat::content::{Content, ContentFrame};
use crate::chat::history::Line;
use crate::chat::topic::{ConversationId, inbox, participant};
use crate::store::{RecordChange, RecordError, Records, RedbChannel, RedbSessions};

/// The space of conversations: `c` peer, `l` conversation and line, `r` conversation and request.
const CONVERSATIONS: u8 = 4;

/// The store, the sessions and the device that a conversation works with.
pub(super) type Tools<'a> = (&'a Records, &'a mut RedbSessions, &'a Device<true>);

/// A conversation with one device.
#[derive(Debug)]
pub(super) struct Conversation {
    id: ConversationId,
    peer: PublicKey,
    channel: ReliableChannel<RedbChannel>,
    next_event: u64,
    next_line: u64,
    /// Which line a message of ours without outcome is.
    open: BTreeMap<u64, u64>,
}

/// With whom there are conversations.
pub(super) fn peers(records: &Records) -> Result<Vec<PublicKey>, RecordError> {
    let found = records.scan(CONVERSATIONS, b"c", MAX_CONVERSATIONS)?;
    let peer = |key: &[u8]| Some(PublicKey::from_bytes(key.get(1..)?.try_into().ok()?));
    found.iter().map(|(key, _)| peer(key).ok_or_else(malformed)).collect()
}

impl Conversation {
    /// The conversation of `me` and `peer`, new or as it is on disk. A line that was written down
    /// and not sent is sent now.
    pub(super) fn open(
        records: &Records,
        me: &PublicKey,
        peer: PublicKey,
        now: Tick,
        rng: &mut ChaCha20Rng,
    ) -> Result<Self, ChatError> {
        let id = ConversationId::of(me, &peer);
        let nonces = ChaCha20Rng::from_rng(rng);
        let store = RedbChannel::new(records.clone(), &id.channel(), nonces);
        // What the store holds is read at the first step.
        let author = Author::Named(participant(me));
        let channel = Channel::open(config(), id.channel(), author, Protection::Clear, &[], now)?;
        let mut conversation = Self {
            id,
            peer,
            channel: ReliableChannel::new(channel, store),
            next_event: 0,
            next_line: 0,
            open: BTreeMap::new(),
        };
        conversation.load(records, rng)?;
        conversation.channel.handle_timeout(now)?;
        conversation.send_unsent(records, now)?;
        Ok(conversation)
    }

    fn load(&mut self, records: &Records, rng: &mut ChaCha20Rng) -> Result<(), RecordError> {
        match records.get(CONVERSATIONS, &peer_key(&self.peer))? {
            Some(record) => {
                let counters = decode_counters(&record).map_err(|_| malformed())?;
                (self.next_event, self.next_line) = counters;
            }
            None => records.commit(CONVERSATIONS, &[self.record()], rng)?,
        }
        let prefix = request_prefix(&self.id);
        for (key, value) in records.scan(CONVERSATIONS, &prefix, usize::MAX)? {
            let request = key.get(prefix.len()..).and_then(number).ok_or_else(malformed)?;
            self.open.insert(request, number(&value).ok_or_else(malformed)?);
        }
        Ok(())
    }

    /// The channel counts requests; a line with a request to come was not accepted by it.
    fn send_unsent(&mut self, records: &Records, now: Tick) -> Result<(), ChatError> {
        let next = self.channel.channel().next_request();
        let unsent: Vec<_> = self.open.range(next..).map(|(_, line)| *line).collect();
        for line in unsent {
            let (line, _) = self.line(records, line)?.ok_or_else(malformed)?;
            self.channel.send(now, &line.content.to_frame().encode())?;
        }
        Ok(())
    }

    pub(super) const fn peer(&self) -> &PublicKey {
        &self.peer
    }

    /// Writes a line down, then sends it: a crash in between is made good when the conversation is
    /// opened again.
    pub(super) fn say(
        &mut self,
        records: &Records,
        now: Tick,
        content: &Content,
        rng: &mut ChaCha20Rng,
    ) -> Result<Line, ChatError> {
        let (line, request) = self.write(records, now, content.clone(), rng)?;
        if let Err(error) = self.channel.send(now, &line.content.to_frame().encode()) {
            self.unsay(records, &line, request, rng)?;
            return Err(error.into());
        }
        Ok(line)
    }

    /// Writes a line down under the request that the channel is about to give it.
    fn write(
        &mut self,
        records: &Records,
        now: Tick,
        content: Content,
        rng: &mut ChaCha20Rng,
    ) -> Result<(Line, u64), RecordError> {
        let request = self.channel.channel().next_request();
        let number = self.next_line;
        let line = Line { number, when: now, state: LineState::Sent, content };
        self.next_line = number.saturating_add(1);
        let changes = [
            self.record(),
            self.put_line(&line, request),
            RecordChange::Put(self.request_key(request), number.to_be_bytes().to_vec()),
        ];
        records.commit(CONVERSATIONS, &changes, rng)?;
        self.open.insert(request, number);
        Ok((line, request))
    }

    /// Takes back a line that the channel did not accept.
    fn unsay(
        &mut self,
        records: &Records,
        line: &Line,
        request: u64,
        rng: &mut ChaCha20Rng,
    ) -> Result<(), RecordError> {
        self.next_line = line.number;
        self.open.remove(&request);
        let changes = [
            self.record(),
            RecordChange::Delete(line_key(&self.id, line.number)),
            RecordChange::Delete(self.request_key(request)),
        ];
        records.commit(CONVERSATIONS, &changes, rng)
    }

    pub(super) fn handle_frame(
        &mut self,
        now: Tick,
        frame: &[u8],
        hash: &[u8],
    ) -> Result<Result<(), Unwanted>, ChatError> {
        let taken = self.channel.handle_frame(now, frame, Some(hash))?;
        Ok(taken.map_err(|_| Unwanted::Known))
    }

    pub(super) fn handle_page(&mut self, now: Tick, page: Option<&Page>) -> Result<(), ChatError> {
        match page {
            Some(page) => Ok(self.channel.handle_page(now, page)?),
            None => {
                self.channel.handle_query_failed(now);
                Ok(())
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Tick) -> Result<(), ChatError> {
        Ok(self.channel.handle_timeout(now)?)
    }

    pub(super) fn handle_connected(&mut self, now: Tick) -> Result<(), ChatError> {
        Ok(self.channel.handle_connected(now)?)
    }

    pub(super) fn handle_published(
        &mut self,
        now: Tick,
        receipt: &Receipt,
        hash: &[u8],
    ) -> Result<(), ChatError> {
        Ok(self.channel.handle_published(now, &receipt.message, hash)?)
    }

    pub(super) fn next_deadline(&self) -> Option<Tick> {
        self.channel.next_deadline()
    }

    /// Carries out what the channel wants: encrypts, writes lines, passes questions on.
    pub(super) fn drain(
        &mut self,
        now: Tick,
        (records, sessions, device): Tools<'_>,
        outputs: &mut VecDeque<ChatOutput>,
        rng: &mut ChaCha20Rng,
    ) -> Result<(), ChatError> {
        while let Some(output) = self.channel.poll_output(rng) {
            match output {
                ChannelOutput::Publish { id, payload, .. } => {
                    let payload = device.send(sessions, &self.peer, &payload, rng)?;
                    let conversation = self.id;
                    let receipt = id.map(|message| Receipt { conversation, message });
                    let topic = self.topic(sessions, device)?;
                    outputs.push_back(ChatOutput::Publish { topic, payload, receipt });
                }
                ChannelOutput::Event { number, event } => {
                    if let Some(event) = self.take_event(records, now, number, event, rng)? {
                        outputs.push_back(ChatOutput::Event(event));
                    }
                    self.channel.handle_consumed(now, number)?;
                }
                ChannelOutput::Fetch { hint } => {
                    outputs.push_back(ChatOutput::Fetch { topic: self.id.topic(), hash: hint });
                }
                ChannelOutput::Query(query) => {
                    outputs.push_back(ChatOutput::Query { topic: self.id.topic(), query });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Their inbox until they have answered: they may not know of the conversation.
    fn topic(&self, sessions: &RedbSessions, device: &Device<true>) -> Result<String, ChatError> {
        let sessions = device.load(sessions, &self.peer)?;
        let preferred = sessions.as_ref().and_then(|sessions| sessions.preferred());
        let is_confirmed = preferred.is_some_and(logos_ratchet::Session::is_confirmed);
        Ok(if is_confirmed { self.id.topic() } else { inbox(&self.peer) })
    }

    /// Writes down what an event says together with its number, so that it is done once.
    fn take_event(
        &mut self,
        records: &Records,
        now: Tick,
        number: EventNumber,
        event: ChannelEvent,
        rng: &mut ChaCha20Rng,
    ) -> Result<Option<ChatEvent>, ChatError> {
        if number.number() < self.next_event {
            return Ok(None);
        }
        let conversation = self.id;
        let mut changes = Vec::new();
        let told = match event {
            ChannelEvent::Message { payload, .. } => match ContentFrame::decode(&payload) {
                Ok(frame) => {
                    let line = self.new_line(now, Content::of(frame));
                    changes.push(self.put_line(&line, 0));
                    Some(ChatEvent::Said { conversation, line })
                }
                Err(_) => Some(ChatEvent::Lost { conversation }),
            },
            ChannelEvent::Outcome { request, outcome } => self
                .settle(records, request.number(), &outcome, &mut changes)?
                .map(|line| ChatEvent::Settled { conversation, line }),
            _ => Some(ChatEvent::Lost { conversation }),
        };
        self.next_event = number.number().saturating_add(1);
        changes.push(self.record());
        records.commit(CONVERSATIONS, &changes, rng)?;
        Ok(told)
    }

    fn new_line(&mut self, now: Tick, content: Content) -> Line {
        let number = self.next_line;
        self.next_line = number.saturating_add(1);
        Line { number, when: now, state: LineState::Arrived, content }
    }

    fn settle(
        &mut self,
        records: &Records,
        request: u64,
        outcome: &Outcome,
        changes: &mut Vec<RecordChange>,
    ) -> Result<Option<Line>, RecordError> {
        let Some(number) = self.open.remove(&request) else { return Ok(None) };
        changes.push(RecordChange::Delete(self.request_key(request)));
        let Some((mut line, _)) = self.line(records, number)? else { return Ok(None) };
        line.state = match outcome {
            Outcome::Acked { .. } => LineState::Delivered,
            Outcome::Unacknowledged => LineState::Failed,
        };
        changes.push(self.put_line(&line, request));
        Ok(Some(line))
    }

    pub(super) fn history(&self, records: &Records, count: usize) -> Result<Vec<Line>, ChatError> {
        let first = self.next_line.saturating_sub(count as u64);
        let lines = (first..self.next_line).map(|number| self.line(records, number));
        let lines = lines.filter_map(Result::transpose);
        Ok(lines.map(|line| line.map(|(line, _)| line)).collect::<Result<_, _>>()?)
    }

    fn line(&self, records: &Records, number: u64) -> Result<Option<(Line, u64)>, RecordError> {
        let Some(record) = records.get(CONVERSATIONS, &line_key(&self.id, number))? else {
            return Ok(None);
        };
        Line::decode(number, &record).map(Some).map_err(|_| malformed())
    }

    fn put_line(&self, line: &Line, request: u64) -> RecordChange {
        RecordChange::Put(line_key(&self.id, line.number), line.encode(request))
    }

    fn record(&self) -> RecordChange {
        let mut out = Writer::with_capacity(16);
        out.u64_be(self.next_event).u64_be(self.next_line);
        RecordChange::Put(peer_key(&self.peer), out.into_bytes())
    }

    fn request_key(&self, request: u64) -> Vec<u8> {
        [request_prefix(&self.id).as_slice(), &request.to_be_bytes()].concat()
    }
}

#[cfg(test)]
impl Conversation {
    /// What `say` leaves behind when the process ends between its two steps.
    pub(super) fn write_unsent(
        &mut self,
        records: &Records,
        now: Tick,
        content: Content,
        rng: &mut ChaCha20Rng,
    ) {
        self.write(records, now, content, rng).unwrap();
    }
}

fn decode_counters(record: &[u8]) -> Result<(u64, u64), DecodeError> {
    let mut reader = Reader::new(record);
    let counters = (reader.u64_be()?, reader.u64_be()?);
    reader.finish()?;
    Ok(counters)
}

fn peer_key(peer: &PublicKey) -> Vec<u8> {
    [b"c".as_slice(), peer.as_bytes()].concat()
}

fn line_key(id: &ConversationId, number: u64) -> Vec<u8> {
    [b"l".as_slice(), id.as_bytes(), &number.to_be_bytes()].concat()
}

fn request_prefix(id: &ConversationId) -> Vec<u8> {
    [b"r".as_slice(), id.as_bytes()].concat()
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

const fn malformed() -> RecordError {
    RecordError::Malformed { space: CONVERSATIONS }
}

/// A conversation of two. Every transmission takes a key of the ratchet, which bridges 2000 that
/// never arrive: few messages under way, and rarer and rarer repeats, stay below that for the week
/// that a line may take.
fn config() -> ChannelConfig {
    let mut config = ChannelConfig { window: 8, ..ChannelConfig::default() };
    config.sds.max_ack_timeout = Duration::from_secs(3600);
    config.sds.give_up = Duration::from_secs(7 * 24 * 3600);
    config
}
