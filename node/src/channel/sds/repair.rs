//! Gaps: asking for what is missing, and answering (SDS-R).

use std::collections::BTreeSet;

use logos_crypto::tick::Tick;

use super::message::{HistoryEntry, SdsMessage};
use super::{MAX_MISSING, MAX_REPAIRS, Sds, SdsOutput, Timer, hash};
use crate::channel::id::{MessageId, ParticipantId};

/// A message that others refer to and that is not here.
#[derive(Debug)]
pub(super) struct Missing {
    sender: Option<ParticipantId>,
    hint: Option<Vec<u8>>,
    fetch_at: Tick,
    request_at: Tick,
    lost_at: Tick,
}

/// A message that somebody misses and that we have.
#[derive(Debug)]
pub(super) struct Repair {
    respond_at: Tick,
    /// Whether the answer was given; the entry then keeps others from having it repeated.
    is_done: bool,
}

impl Sds {
    /// Notes what a message refers to and is not here.
    pub(super) fn note_gaps(&mut self, now: Tick, message: &SdsMessage) {
        for entry in &message.causal_history {
            let id = &entry.id;
            if !self.is_met(id) && !self.waiting.contains_key(id) && *id != message.id {
                self.miss(now, entry);
            }
        }
    }

    pub(super) fn miss(&mut self, now: Tick, entry: &HistoryEntry) {
        if let Some(missing) = self.missing.get_mut(&entry.id) {
            missing.hint = missing.hint.take().or_else(|| entry.hint.clone());
            return;
        }
        if self.missing.len() >= MAX_MISSING {
            return;
        }
        let id = entry.id.clone();
        let repair = self.config.repair;
        let range = repair.latest.saturating_sub(repair.earliest);
        let request_at = now + repair.earliest + self.part_of(range, id.as_str().as_bytes());
        let lost_at = now + self.config.lost_after;
        self.timers.insert((request_at, Timer::Request(id.clone())));
        self.timers.insert((lost_at, Timer::Lost(id.clone())));
        let fetch_at = now + self.config.fetch_after;
        self.timers.insert((fetch_at, Timer::Fetch(id.clone())));
        let (sender, hint) = (entry.sender.clone(), entry.hint.clone());
        self.missing.insert(id, Missing { sender, hint, fetch_at, request_at, lost_at });
    }

    /// A missing message is here: who waited for it?
    pub(super) fn found(&mut self, id: &MessageId) -> BTreeSet<MessageId> {
        if let Some(missing) = self.missing.remove(id) {
            self.timers.remove(&(missing.fetch_at, Timer::Fetch(id.clone())));
            self.timers.remove(&(missing.request_at, Timer::Request(id.clone())));
            self.timers.remove(&(missing.lost_at, Timer::Lost(id.clone())));
        }
        self.due.remove(id);
        self.lost.remove(id);
        self.sync.take_dependents(id)
    }

    pub(super) fn fetch(&mut self, id: &MessageId) {
        if let Some(hint) = self.missing.get(id).and_then(|missing| missing.hint.clone()) {
            self.outputs.push_back(SdsOutput::Fetch { id: id.clone(), hint });
        }
    }

    /// It is time to ask: with the next message, or with one for the purpose.
    pub(super) fn request(&mut self, now: Tick, at: Tick, id: MessageId) {
        if self.missing.get(&id).is_none_or(|missing| missing.request_at != at) {
            return;
        }
        self.fetch(&id);
        self.due.insert(id);
        self.sync_soon(now);
    }

    /// The requests that go with a message. Each is due again after `T_max`.
    pub(super) fn repair_request(&mut self, now: Tick) -> Vec<HistoryEntry> {
        let mut entries = Vec::new();
        while entries.len() < self.config.repair.requests.min(super::MAX_HISTORY_ENTRIES) {
            let Some(id) = self.due.pop_first() else { break };
            let Some(missing) = self.missing.get(&id) else { continue };
            let (hint, sender) = (missing.hint.clone(), missing.sender.clone());
            self.postpone(now, &id);
            entries.push(HistoryEntry { id, hint, sender });
        }
        entries
    }

    fn postpone(&mut self, now: Tick, id: &MessageId) {
        let salt = [id.as_str().as_bytes(), &self.clock.to_be_bytes()].concat();
        let range = self.config.repair.latest;
        let request_at = now + range + self.part_of(range / 2, &salt);
        if let Some(missing) = self.missing.get_mut(id) {
            self.timers.remove(&(missing.request_at, Timer::Request(id.clone())));
            missing.request_at = request_at;
            self.timers.insert((request_at, Timer::Request(id.clone())));
        }
    }

    /// A message is not to be had; those that wait for it go on.
    pub(super) fn lose(&mut self, now: Tick, at: Tick, id: &MessageId) {
        if self.missing.get(id).is_none_or(|missing| missing.lost_at != at) {
            return;
        }
        let sender = self.missing.get(id).and_then(|missing| missing.sender.clone());
        let dependents = self.found(id);
        if self.lost.len() < MAX_MISSING {
            self.lost.insert(id.clone());
        }
        self.outputs.push_back(SdsOutput::Lost { id: id.clone(), sender });
        let mut ready = self.met(id, dependents);
        self.deliver_ready(now, &mut ready);
    }

    /// Somebody asks: whoever also misses it need not, whoever has it may answer.
    pub(super) fn handle_requests(&mut self, now: Tick, message: &SdsMessage) {
        for entry in &message.repair_request {
            if self.missing.contains_key(&entry.id) {
                self.due.remove(&entry.id);
                self.postpone(now, &entry.id);
            } else if self.can_answer(&entry.id) {
                self.answer_later(now, &entry.id);
            }
        }
    }

    fn can_answer(&self, id: &MessageId) -> bool {
        let Some(entry) = self.log.get(id).filter(|entry| entry.frame.is_some()) else {
            return false;
        };
        let groups = self.config.repair.groups.max(1);
        let group = |name: &ParticipantId| {
            hash(&[name.as_str().as_bytes(), id.as_str().as_bytes()]) % groups
        };
        self.repairs.len() < MAX_REPAIRS && group(&self.me) == group(&entry.sender)
    }

    /// The author answers at once; the further a member is from it, the later.
    fn answer_later(&mut self, now: Tick, id: &MessageId) {
        if self.repairs.contains_key(id) {
            return;
        }
        let Some(entry) = self.log.get(id) else { return };
        let name = |name: &str| hash(&[name.as_bytes()]);
        let distance = name(self.me.as_str()) ^ name(entry.sender.as_str());
        let range = u64::try_from(self.config.repair.latest.as_nanos()).unwrap_or(u64::MAX);
        let wait = distance.wrapping_mul(name(id.as_str())) % range.max(1);
        let respond_at = now + std::time::Duration::from_nanos(wait);
        self.repairs.insert(id.clone(), Repair { respond_at, is_done: false });
        self.timers.insert((respond_at, Timer::Respond(id.clone())));
    }

    /// Answers, and lets no more than one answer go in `T_min`, whoever asks.
    pub(super) fn respond(&mut self, now: Tick, at: Tick, id: &MessageId) {
        let Some(repair) = self.repairs.get_mut(id).filter(|repair| repair.respond_at == at) else {
            return;
        };
        if repair.is_done {
            self.repairs.remove(id);
            return;
        }
        let quiet_until = now + self.config.repair.earliest.max(QUIET);
        *repair = Repair { respond_at: quiet_until, is_done: true };
        self.timers.insert((quiet_until, Timer::Respond(id.clone())));
        if let Some(frame) = self.log.get(id).and_then(|entry| entry.frame.clone()) {
            self.transmit(Some(id.clone()), frame);
        }
    }

    /// Somebody else answered.
    pub(super) fn was_answered(&mut self, id: &MessageId) {
        if self.repairs.get(id).is_some_and(|repair| !repair.is_done) {
            self.repairs.remove(id);
        }
    }
}

/// The least time between two answers with the same message.
const QUIET: std::time::Duration = std::time::Duration::from_secs(1);
