//! What members know of each other, and the messages without content that tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logos_crypto::tick::Tick;

use super::message::{HistoryEntry, SdsMessage};
use super::{MAX_PEERS, Sds, Timer};
use crate::channel::id::MessageId;

/// Another member.
#[derive(Debug, Default)]
pub(super) struct Peer {
    heard: Tick,
    /// Messages it has shown to have, of those that are or were heads.
    shown: BTreeSet<MessageId>,
}

/// What is to be told, and when.
#[derive(Debug, Default)]
pub(super) struct Sync {
    /// Messages of others that nobody, as far as we heard, has confirmed.
    owed: BTreeSet<MessageId>,
    acknowledge_at: Option<Tick>,
    gossip_at: Option<Tick>,
    interval: Duration,
    /// Who waits for a message that is not delivered.
    dependents: BTreeMap<MessageId, BTreeSet<MessageId>>,
    /// While records are read: the hints of messages that wait.
    hints: BTreeMap<MessageId, Vec<u8>>,
}

impl Sync {
    pub(super) fn owed(&self) -> impl Iterator<Item = &MessageId> {
        self.owed.iter()
    }

    pub(super) fn owes(&self, id: &MessageId) -> bool {
        self.owed.contains(id)
    }

    pub(super) fn wait_for(&mut self, missing: &MessageId, id: &MessageId) {
        self.dependents.entry(missing.clone()).or_default().insert(id.clone());
    }

    pub(super) fn take_dependents(&mut self, id: &MessageId) -> BTreeSet<MessageId> {
        self.dependents.remove(id).unwrap_or_default()
    }

    pub(super) fn restore_hint(&mut self, id: &MessageId, hint: &[u8]) {
        self.hints.insert(id.clone(), hint.to_vec());
    }

    pub(super) fn take_hint(&mut self, id: &MessageId) -> Option<Vec<u8>> {
        self.hints.remove(id)
    }

    pub(super) fn has_hints(&self) -> bool {
        !self.hints.is_empty()
    }

    pub(super) fn restore_dependents(&mut self, id: &MessageId, dependents: BTreeSet<MessageId>) {
        if !dependents.is_empty() {
            self.dependents.insert(id.clone(), dependents);
        }
    }
}

impl Sds {
    /// Reads in a message what its sender knows.
    pub(super) fn hear(&mut self, now: Tick, message: &SdsMessage) {
        self.review(message);
        self.was_answered(&message.id);
        self.handle_requests(now, message);
        for entry in &message.causal_history {
            // An author refers to its own messages too.
            let is_by_another = |id| self.log.sender_of(id) != Some(&message.sender);
            if self.sync.owes(&entry.id) && is_by_another(entry.id.as_str()) {
                self.sync.owed.remove(&entry.id);
            }
        }
        self.follow(now, message);
    }

    /// Notes what the sender has shown to have.
    fn follow(&mut self, now: Tick, message: &SdsMessage) {
        if !self.peers.contains_key(&message.sender) && self.peers.len() >= MAX_PEERS {
            let oldest = self.peers.iter().min_by_key(|(_, peer)| peer.heard);
            let oldest = oldest.map(|(name, _)| name.clone());
            oldest.and_then(|name| self.peers.remove(&name));
        }
        let log = &self.log;
        let may_be_head = |id: &MessageId| log.is_head(id) || !log.contains(id);
        let shown = message.causal_history.iter().map(|entry| &entry.id);
        let peer = self.peers.entry(message.sender.clone()).or_default();
        peer.heard = now;
        peer.shown.extend(shown.chain([&message.id]).filter(|id| may_be_head(id)).cloned());
        if peer.shown.len() > MAX_SHOWN {
            peer.shown.retain(|id| log.is_head(id));
            // More heads than that: it will show them again.
            if peer.shown.len() > MAX_SHOWN {
                peer.shown.clear();
            }
        }
    }

    /// A message of the log came once more: its author did not hear that somebody has it.
    pub(super) fn heard_again(&mut self, now: Tick, id: &MessageId) {
        self.was_answered(id);
        self.owe(now, id);
    }

    /// A message is to be confirmed, soon.
    pub(super) fn owe(&mut self, now: Tick, id: &MessageId) {
        if self.sync.owed.len() < MAX_OWED {
            self.sync.owed.insert(id.clone());
        }
        self.sync_soon(now);
    }

    /// A message without content goes out unless one with content does before.
    pub(super) fn sync_soon(&mut self, now: Tick) {
        if self.sync.acknowledge_at.is_some() {
            return;
        }
        let others = u32::try_from(self.peers.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let range = (self.config.ack_delay / 2).saturating_mul(others);
        let salt = [&b"acknowledge"[..], &self.clock.to_be_bytes()].concat();
        let at = now + self.config.ack_delay + self.part_of(range, &salt);
        self.sync.acknowledge_at = Some(at);
        self.timers.insert((at, Timer::Acknowledge));
    }

    pub(super) fn acknowledge(&mut self, now: Tick, at: Tick) {
        if self.sync.acknowledge_at != Some(at) {
            return;
        }
        self.sync.acknowledge_at = None;
        if !self.sync.owed.is_empty() || !self.due.is_empty() {
            self.send_sync(now);
        }
        if !self.sync.owed.is_empty() || !self.due.is_empty() {
            self.sync_soon(now);
        }
    }

    /// We said that we have these.
    pub(super) fn spoke(&mut self, history: &[HistoryEntry]) {
        for entry in history {
            self.sync.owed.remove(&entry.id);
        }
        if self.sync.owed.is_empty() && self.due.is_empty() {
            self.sync.acknowledge_at = None;
        }
    }

    /// There is something new that every member should get.
    pub(super) fn expect_news(&mut self, now: Tick) {
        self.sync.interval = self.config.sync_interval;
        self.gossip_in(now, self.sync.interval);
    }

    fn gossip_in(&mut self, now: Tick, interval: Duration) {
        let salt = [&b"gossip"[..], &self.clock.to_be_bytes()].concat();
        let at = now + interval + self.part_of(interval, &salt);
        // The old timer is stale; it is taken out so that there is one at a time.
        if let Some(old) = self.sync.gossip_at.replace(at) {
            self.timers.remove(&(old, Timer::Gossip));
        }
        self.timers.insert((at, Timer::Gossip));
    }

    /// Says what we have while a member has not shown to have it, ever less often.
    pub(super) fn gossip(&mut self, now: Tick, at: Tick) {
        if self.sync.gossip_at != Some(at) {
            return;
        }
        self.sync.gossip_at = None;
        let interval = self.sync.interval.saturating_mul(2);
        if self.all_are_level() || interval > self.config.sync_limit {
            return;
        }
        self.send_sync(now);
        self.sync.interval = interval;
        self.gossip_in(now, interval);
    }

    /// Has every known member shown that it has all our heads?
    pub(super) fn all_are_level(&self) -> bool {
        let has = |peer: &Peer| self.log.heads().all(|head| peer.shown.contains(head));
        self.peers.values().all(has)
    }
}

/// Names that are kept of what one member has shown.
const MAX_SHOWN: usize = 4096;
/// Messages that are to be confirmed, at most.
const MAX_OWED: usize = 4096;
