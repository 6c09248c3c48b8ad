//! What arrives, until everything before it is here.

use std::collections::BTreeSet;
use std::sync::Arc;

use logos_crypto::tick::Tick;

use super::message::SdsMessage;
use super::{MAX_CLOCK_LEAD, MAX_MISSING, Refusal, Sds, SdsOutput};
use crate::channel::id::MessageId;
use crate::channel::store::{Change, Key};

/// A message that waits for others.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) message: SdsMessage,
    pub(super) lamport: u64,
    pub(super) frame: Arc<[u8]>,
    pub(super) hint: Option<Vec<u8>>,
    /// Names it waits for.
    pub(super) unmet: BTreeSet<MessageId>,
}

impl Sds {
    /// Takes a frame, and the transport hash it came under.
    ///
    /// Costs a signature verification if it is new and names are keys.
    ///
    /// # Errors
    ///
    /// See [`Refusal`].
    pub fn handle_frame(
        &mut self,
        now: Tick,
        frame: &[u8],
        hint: Option<&[u8]>,
    ) -> Result<(), Refusal> {
        let bytes = self.author.message(frame).ok_or(Refusal::Short)?;
        self.check_new(now, bytes)?;
        let message = self.config.dialect.decode(bytes)?;
        self.check(now, &message, frame)?;
        self.hear(now, &message);
        let hint = hint.filter(|hint| hint.len() <= super::MAX_HINT_BYTES).map(<[u8]>::to_vec);
        match (message.lamport, &message.content) {
            (Some(lamport), Some(_)) => self.accept(now, message, lamport, frame.into(), hint),
            (None, Some(content)) => {
                let (sender, content) = (message.sender, content.clone());
                self.outputs.push_back(SdsOutput::Ephemeral { sender, content });
            }
            (_, None) => self.note_gaps(now, &message),
        }
        Ok(())
    }

    /// Most of what comes on a lossy network came before; its name is enough to tell.
    fn check_new(&mut self, now: Tick, bytes: &[u8]) -> Result<(), Refusal> {
        let Some(name) = self.config.dialect.name_in(bytes) else { return Ok(()) };
        if self.log.sender_of(name) == Some(&self.me) {
            return Err(Refusal::Own);
        }
        if let Some(id) = self.log.id_of(name).cloned() {
            self.heard_again(now, &id);
            return Err(Refusal::Duplicate);
        }
        if self.waiting.contains_key(name) { Err(Refusal::Duplicate) } else { Ok(()) }
    }

    /// Everything else that can be wrong with a message, cheap things first.
    fn check(&self, now: Tick, message: &SdsMessage, frame: &[u8]) -> Result<(), Refusal> {
        if message.channel != self.channel {
            return Err(Refusal::OtherChannel);
        }
        if message.sender == self.me {
            return Err(Refusal::Own);
        }
        let lamport = message.lamport.unwrap_or(0);
        let dialect = self.config.dialect;
        if lamport > dialect.clock(now).max(self.clock).saturating_add(dialect.lead(MAX_CLOCK_LEAD))
        {
            return Err(Refusal::Future);
        }
        if message.content.is_some() && message.lamport.is_some() {
            self.check_room(message, lamport, frame.len())?;
        }
        if !self.author.is_by(&message.sender, &self.channel, frame) {
            return Err(Refusal::Inauthentic);
        }
        Ok(())
    }

    fn check_room(&self, message: &SdsMessage, lamport: u64, bytes: usize) -> Result<(), Refusal> {
        if self.log.is_forgotten(lamport) {
            return Err(Refusal::TooOld);
        }
        let is_wanted = self.missing.contains_key(&message.id);
        let unmet = message.causal_history.iter().filter(|entry| !self.is_met(&entry.id)).count();
        let full = self.is_crowded_by(message)
            || self.waiting_bytes.saturating_add(bytes) > self.config.waiting_bytes
            || self.missing.len().saturating_add(unmet) > MAX_MISSING;
        // What others wait for frees room.
        if unmet > 0 && full && !is_wanted { Err(Refusal::Full) } else { Ok(()) }
    }

    /// The last half of the places is for those who hold less than a quarter of all.
    fn is_crowded_by(&self, message: &SdsMessage) -> bool {
        let (held, all) = (self.waiting.len(), self.config.waiting);
        let own = |waiting: &&Waiting| waiting.message.sender == message.sender;
        held >= all || held >= all / 2 && self.waiting.values().filter(own).count() >= all / 4
    }

    /// Is there nothing to wait for?
    pub(super) fn is_met(&self, id: &MessageId) -> bool {
        self.log.contains(id) || self.lost.contains(id)
    }

    fn accept(
        &mut self,
        now: Tick,
        message: SdsMessage,
        lamport: u64,
        frame: Arc<[u8]>,
        hint: Option<Vec<u8>>,
    ) {
        self.note_gaps(now, &message);
        let dependents = self.found(&message.id);
        let unmet = self.unmet(&message, lamport);
        let waiting = Waiting { message, lamport, frame, hint, unmet };
        if waiting.unmet.is_empty() {
            self.deliver(now, waiting, dependents);
        } else {
            self.wait(now, waiting, dependents);
        }
        self.trim();
    }

    /// What a message waits for. What has no earlier clock cannot come before it, whatever it says:
    /// so no two messages wait for each other.
    pub(super) fn unmet(&self, message: &SdsMessage, lamport: u64) -> BTreeSet<MessageId> {
        let is_before = |id: &MessageId| {
            *id != message.id && self.waiting.get(id).is_none_or(|one| one.lamport < lamport)
        };
        let names = message.causal_history.iter().map(|entry| &entry.id);
        names.filter(|id| !self.is_met(id) && is_before(id)).cloned().collect()
    }

    fn wait(&mut self, now: Tick, waiting: Waiting, dependents: BTreeSet<MessageId>) {
        let id = waiting.message.id.clone();
        self.changes.push(Change::Put(Key::Frame(id.clone()), waiting.frame.to_vec()));
        let hint = waiting.hint.clone().unwrap_or_default();
        self.changes.push(Change::Put(Key::Waiting(id.clone()), hint));
        self.enqueue(id.clone(), waiting, dependents);
        self.untangle(now, &id);
    }

    /// Frees those who wait for `id` and whose clock is not later than its own.
    pub(super) fn untangle(&mut self, now: Tick, id: &MessageId) {
        let Some(lamport) = self.waiting.get(id).map(|waiting| waiting.lamport) else { return };
        let dependents = self.sync.take_dependents(id);
        let is_later =
            |name: &MessageId| self.waiting.get(name).is_some_and(|one| one.lamport > lamport);
        let (later, freed) = dependents.into_iter().partition(is_later);
        self.sync.restore_dependents(id, later);
        let mut ready = self.met(id, freed);
        self.deliver_ready(now, &mut ready);
    }

    /// Puts a message among those that wait, and under each name that it waits for.
    pub(super) fn enqueue(
        &mut self,
        id: MessageId,
        waiting: Waiting,
        dependents: BTreeSet<MessageId>,
    ) {
        self.waiting_bytes = self.waiting_bytes.saturating_add(waiting.frame.len());
        for name in &waiting.unmet {
            self.sync.wait_for(name, &id);
        }
        self.sync.restore_dependents(&id, dependents);
        self.waiting.insert(id, waiting);
    }

    /// Delivers a message and all that waited for nothing else, in the order of the log.
    fn deliver(&mut self, now: Tick, first: Waiting, dependents: BTreeSet<MessageId>) {
        let mut ready = self.met(&first.message.id, dependents);
        self.deliver_one(now, first);
        self.deliver_ready(now, &mut ready);
    }

    pub(super) fn deliver_ready(&mut self, now: Tick, ready: &mut BTreeSet<(u64, MessageId)>) {
        while let Some((_, id)) = ready.pop_first() {
            let Some(waiting) = self.waiting.remove(&id) else { continue };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(waiting.frame.len());
            self.changes.push(Change::Delete(Key::Waiting(id.clone())));
            let dependents = self.sync.take_dependents(&id);
            ready.extend(self.met(&id, dependents));
            self.deliver_one(now, waiting);
        }
    }

    /// Those of `dependents` that wait for nothing now that `id` is here or lost.
    pub(super) fn met(
        &mut self,
        id: &MessageId,
        dependents: BTreeSet<MessageId>,
    ) -> BTreeSet<(u64, MessageId)> {
        let mut ready = BTreeSet::new();
        for name in dependents {
            let Some(waiting) = self.waiting.get_mut(&name) else { continue };
            waiting.unmet.remove(id);
            if waiting.unmet.is_empty() {
                ready.insert((waiting.lamport, name));
            }
        }
        ready
    }

    fn deliver_one(&mut self, now: Tick, waiting: Waiting) {
        let Waiting { message, lamport, frame, hint, .. } = waiting;
        self.clock = self.config.dialect.received(self.clock, lamport);
        self.changes.push(Change::Put(Key::Clock, self.clock.to_be_bytes().to_vec()));
        let (id, sender) = (message.id, message.sender);
        let source = (sender.clone(), hint);
        self.log.insert((lamport, &id), source, frame, &message.causal_history, &mut self.changes);
        self.owe(now, &id);
        self.expect_news(now);
        let content = message.content.unwrap_or_default();
        self.outputs.push_back(SdsOutput::Deliver { id, sender, content });
    }
}
