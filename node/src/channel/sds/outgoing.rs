//! What we send, until somebody has it.

use std::sync::Arc;
use std::time::Duration;

use logos_crypto::tick::Tick;
use sha3::{Digest, Keccak256};

use super::bloom::{Bloom, NameHash};
use super::message::{HistoryEntry, SdsMessage};
use super::{Sds, SdsOutput, Timer};
use crate::channel::id::MessageId;
use crate::channel::store::{Change, Key};
use crate::hex;

/// A message of ours that nobody has confirmed.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) accepted: Tick,
    pub(super) attempts: u32,
    pub(super) next: Tick,
    pub(super) is_perhaps_there: bool,
    pub(super) name: NameHash,
}

impl Sds {
    /// Sends `content`, at most [`MAX_CONTENT_BYTES`](super::MAX_CONTENT_BYTES), and gives the
    /// message's name. Costs a signature, a hash and a filter of the recent log.
    pub fn send(&mut self, now: Tick, content: Vec<u8>) -> MessageId {
        let message = self.message(now, Some(content));
        let (id, frame) = (message.id.clone(), self.frame(&message));
        let source = (self.me.clone(), None);
        let history = &message.causal_history;
        self.log.insert((self.clock, &id), source, frame.clone(), history, &mut self.changes);
        let next = now + self.timeout(&id, 0);
        let name = NameHash::new(id.as_str());
        let outgoing = Outgoing { accepted: now, attempts: 0, next, is_perhaps_there: false, name };
        self.changes.push(Change::Put(Key::Outgoing(id.clone()), outgoing.encode()));
        self.outgoing.insert(id.clone(), outgoing);
        self.timers.insert((next, Timer::Retransmit(id.clone())));
        self.transmit(Some(id.clone()), frame);
        self.trim();
        self.expect_news(now);
        id
    }

    /// Sends `content` outside the order of the channel, once, to whoever hears it.
    pub fn send_ephemeral(&mut self, now: Tick, content: Vec<u8>) {
        self.clock = self.config.dialect.sent(self.clock, now);
        self.changes.push(Change::Put(Key::Clock, self.clock.to_be_bytes().to_vec()));
        let message = SdsMessage {
            sender: self.me.clone(),
            id: self.name(&content),
            channel: self.channel.clone(),
            lamport: None,
            causal_history: Vec::new(),
            bloom: None,
            repair_request: Vec::new(),
            content: Some(content),
        };
        let frame = self.frame(&message);
        self.outputs.push_back(SdsOutput::Transmit { id: None, frame, ephemeral: true });
    }

    /// Sends what we have and what we miss, without content.
    pub(super) fn send_sync(&mut self, now: Tick) {
        let message = self.message(now, None);
        let frame = self.frame(&message);
        self.transmit(None, frame);
    }

    /// A message that says, besides `content`, what we have and what we miss.
    fn message(&mut self, now: Tick, content: Option<Vec<u8>>) -> SdsMessage {
        self.clock = self.config.dialect.sent(self.clock, now);
        self.changes.push(Change::Put(Key::Clock, self.clock.to_be_bytes().to_vec()));
        let id = self.name(content.as_deref().unwrap_or_default());
        let causal_history = self.causal_history(&id, content.is_some());
        let repair_request = self.repair_request(now);
        self.spoke(&causal_history);
        SdsMessage {
            sender: self.me.clone(),
            channel: self.channel.clone(),
            lamport: Some(self.clock),
            causal_history,
            bloom: self.bloom(),
            repair_request,
            content,
            id,
        }
    }

    /// Keccak-256 of sender, clock and content. The clock takes the place of the time in LIP
    /// `reliable-channel-api`: it differs for any two messages of a sender, whatever the time does.
    fn name(&self, content: &[u8]) -> MessageId {
        let digest = Keccak256::new()
            .chain_update(self.me.as_str())
            .chain_update(self.clock.to_be_bytes())
            .chain_update(content)
            .finalize();
        #[expect(clippy::expect_used, reason = "64 digits are a name")]
        MessageId::new(&hex::encode(&digest)).expect("64 digits are a name")
    }

    /// A message with content comes after all heads, and says so first; one without is there to
    /// confirm.
    fn causal_history(&self, pivot: &MessageId, has_content: bool) -> Vec<HistoryEntry> {
        let bound = self.config.causal_history.clamp(LEAST_HISTORY, super::MAX_HISTORY_ENTRIES);
        let (heads, owed) = (self.log.heads_from(pivot), self.sync.owed());
        let mut names: Vec<&MessageId> = if has_content {
            heads.chain(owed.filter(|name| !self.log.is_head(name))).take(bound).collect()
        } else {
            let owed = owed.take(bound - bound / 4);
            owed.chain(heads.filter(|name| !self.sync.owes(name))).take(bound).collect()
        };
        for name in self.log.latest().take(LEAST_HISTORY) {
            if names.len() < LEAST_HISTORY && !names.contains(&name) {
                names.push(name);
            }
        }
        names.into_iter().map(|name| self.log.reference(name)).collect()
    }

    fn bloom(&self) -> Option<Bloom> {
        let names = self.log.names(self.config.bloom_history);
        (!names.is_empty()).then(|| Bloom::compact(&names))
    }

    fn frame(&self, message: &SdsMessage) -> Arc<[u8]> {
        self.author.frame(&self.channel, &self.config.dialect.encode(message)).into()
    }

    pub(super) fn transmit(&mut self, id: Option<MessageId>, frame: Arc<[u8]>) {
        self.outputs.push_back(SdsOutput::Transmit { id, frame, ephemeral: false });
    }

    /// The time before transmission `attempts + 1`, doubled each time, and up to an eighth more so
    /// that members do not speak at once.
    fn timeout(&self, id: &MessageId, attempts: u32) -> Duration {
        let doubled = self.config.ack_timeout.saturating_mul(1 << attempts.min(20));
        let timeout = doubled.min(self.config.max_ack_timeout);
        timeout + self.part_of(timeout / 8, id.as_str().as_bytes())
    }

    pub(super) fn retransmit(&mut self, now: Tick, at: Tick, id: &MessageId) {
        let Some(outgoing) = self.outgoing.get(id).filter(|outgoing| outgoing.next == at) else {
            return;
        };
        if now - outgoing.accepted >= self.config.give_up {
            self.settle(id);
            self.outputs.push_back(SdsOutput::Unacknowledged { id: id.clone() });
            return;
        }
        let attempts = outgoing.attempts.saturating_add(1);
        // What is perhaps there comes after what is not.
        let patience = if outgoing.is_perhaps_there { 2 } else { 1 };
        let next = now + self.timeout(id, attempts).saturating_mul(patience);
        if let Some(outgoing) = self.outgoing.get_mut(id) {
            (outgoing.attempts, outgoing.next) = (attempts, next);
            self.changes.push(Change::Put(Key::Outgoing(id.clone()), outgoing.encode()));
        }
        self.timers.insert((next, Timer::Retransmit(id.clone())));
        if let Some(frame) = self.log.get(id).and_then(|entry| entry.frame.clone()) {
            self.transmit(Some(id.clone()), frame);
        }
    }

    /// Reads in a message what its sender has of ours.
    pub(super) fn review(&mut self, message: &SdsMessage) {
        for entry in &message.causal_history {
            if self.settle(&entry.id) {
                let by = message.sender.clone();
                self.outputs.push_back(SdsOutput::Acked { id: entry.id.clone(), by });
            }
        }
        if let Some(bloom) = &message.bloom {
            for outgoing in self.outgoing.values_mut() {
                outgoing.is_perhaps_there |= bloom.contains(outgoing.name);
            }
        }
    }

    fn settle(&mut self, id: &MessageId) -> bool {
        let Some(outgoing) = self.outgoing.remove(id) else { return false };
        self.timers.remove(&(outgoing.next, Timer::Retransmit(id.clone())));
        self.changes.push(Change::Delete(Key::Outgoing(id.clone())));
        true
    }

    pub(super) fn trim(&mut self) {
        let bounds = (self.config.log, self.config.cache_bytes);
        let outgoing = &self.outgoing;
        self.log.trim(bounds, |id| outgoing.contains_key(id), &mut self.changes);
    }
}

/// What the LIP recommends to refer to, at least.
const LEAST_HISTORY: usize = 2;
