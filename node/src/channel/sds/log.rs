//! The messages a member has, in the order all members agree on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use logos_crypto::codec::{DecodeError, Reader, Writer};

use super::bloom::NameHash;
use super::message::{HistoryEntry, MAX_HINT_BYTES};
use crate::channel::id::{MessageId, ParticipantId};
use crate::channel::store::{Batch, Change, Key};

/// What is known of a message of the log.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sender: ParticipantId,
    pub(super) hint: Option<Vec<u8>>,
    pub(super) frame: Option<Arc<[u8]>>,
    name: NameHash,
}

/// The log: by clock, ties by name.
///
/// Heads are the messages that no message of the log refers to. Whoever has all heads of another
/// can reach everything the other has.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: BTreeMap<(u64, MessageId), Entry>,
    // Invariant: the names in `entries` and their clocks.
    clocks: HashMap<MessageId, u64>,
    heads: BTreeMap<MessageId, ()>,
    // Invariant: the places in `entries` that have a frame, and the bytes of all.
    framed: BTreeMap<(u64, MessageId), usize>,
    framed_bytes: usize,
    floor: u64,
}

impl Log {
    pub(super) fn contains(&self, id: &MessageId) -> bool {
        self.clocks.contains_key(id)
    }

    pub(super) fn get(&self, id: &MessageId) -> Option<&Entry> {
        self.entries.get(&self.place(id)?)
    }

    /// Who sent the message of this name.
    pub(super) fn sender_of(&self, name: &str) -> Option<&ParticipantId> {
        self.get(self.id_of(name)?).map(|entry| &entry.sender)
    }

    /// The message of this name.
    pub(super) fn id_of(&self, name: &str) -> Option<&MessageId> {
        self.clocks.get_key_value(name).map(|(id, _)| id)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Is the clock before everything that is remembered?
    pub(super) fn is_forgotten(&self, lamport: u64) -> bool {
        lamport < self.floor
    }

    pub(super) fn heads(&self) -> impl Iterator<Item = &MessageId> {
        self.heads.keys()
    }

    pub(super) fn is_head(&self, id: &MessageId) -> bool {
        self.heads.contains_key(id)
    }

    /// Heads in the order of their names, which is random, from `pivot` on.
    pub(super) fn heads_from(&self, pivot: &MessageId) -> impl Iterator<Item = &MessageId> {
        let (before, after) =
            (self.heads.range(..pivot.clone()), self.heads.range(pivot.clone()..));
        after.chain(before).map(|(id, ())| id)
    }

    /// The latest messages, latest first.
    pub(super) fn latest(&self) -> impl Iterator<Item = &MessageId> {
        self.entries.keys().rev().map(|(_, id)| id)
    }

    /// What a filter of the latest `count` messages is made of.
    pub(super) fn names(&self, count: usize) -> Vec<NameHash> {
        self.entries.values().rev().take(count).map(|entry| entry.name).collect()
    }

    pub(super) fn reference(&self, id: &MessageId) -> HistoryEntry {
        let entry = self.get(id);
        HistoryEntry {
            id: id.clone(),
            hint: entry.and_then(|entry| entry.hint.clone()),
            sender: entry.map(|entry| entry.sender.clone()),
        }
    }

    /// Adds a message that refers to `history`.
    pub(super) fn insert(
        &mut self,
        (lamport, id): (u64, &MessageId),
        (sender, hint): (ParticipantId, Option<Vec<u8>>),
        frame: Arc<[u8]>,
        history: &[HistoryEntry],
        changes: &mut Batch,
    ) {
        let entry = Entry { sender, hint, frame: None, name: NameHash::new(id.as_str()) };
        let place = (lamport, id.clone());
        changes.push(Change::Put(Key::Log(lamport, id.clone()), entry.encode()));
        changes.push(Change::Put(Key::Frame(id.clone()), frame.to_vec()));
        changes.push(Change::Put(Key::Head(id.clone()), Vec::new()));
        self.restore_entry(place, entry);
        self.restore_frame(id, frame);
        self.heads.insert(id.clone(), ());
        for entry in history {
            if self.heads.remove(&entry.id).is_some() {
                changes.push(Change::Delete(Key::Head(entry.id.clone())));
            }
        }
    }

    /// Notes where a message can be fetched.
    pub(super) fn set_hint(&mut self, id: &MessageId, hint: Vec<u8>, changes: &mut Batch) {
        let Some((lamport, _)) = self.place(id) else { return };
        if let Some(entry) = self.entries.get_mut(&(lamport, id.clone())) {
            entry.hint = Some(hint);
            changes.push(Change::Put(Key::Log(lamport, id.clone()), entry.encode()));
        }
    }

    /// Forgets what is over the bounds, but nothing that `is_needed`.
    pub(super) fn trim(
        &mut self,
        (entries, bytes): (usize, usize),
        is_needed: impl Fn(&MessageId) -> bool,
        changes: &mut Batch,
    ) {
        while self.framed_bytes > bytes {
            let oldest = self.framed.keys().find(|(_, id)| !is_needed(id)).cloned();
            let Some(place) = oldest else { break };
            self.drop_frame(&place, changes);
        }
        while self.entries.len() > entries {
            let oldest = self.entries.keys().find(|(_, id)| !is_needed(id)).cloned();
            let Some(place) = oldest else { break };
            self.drop_entry(&place, changes);
        }
    }

    fn drop_frame(&mut self, place: &(u64, MessageId), changes: &mut Batch) {
        if let Some(bytes) = self.framed.remove(place) {
            self.framed_bytes = self.framed_bytes.saturating_sub(bytes);
            changes.push(Change::Delete(Key::Frame(place.1.clone())));
        }
        if let Some(entry) = self.entries.get_mut(place) {
            entry.frame = None;
        }
    }

    fn drop_entry(&mut self, place: &(u64, MessageId), changes: &mut Batch) {
        self.drop_frame(place, changes);
        let (lamport, id) = place;
        self.entries.remove(place);
        self.clocks.remove(id);
        if self.heads.remove(id).is_some() {
            changes.push(Change::Delete(Key::Head(id.clone())));
        }
        changes.push(Change::Delete(Key::Log(*lamport, id.clone())));
        self.floor = self.floor.max(*lamport);
    }

    fn place(&self, id: &MessageId) -> Option<(u64, MessageId)> {
        self.clocks.get(id).map(|lamport| (*lamport, id.clone()))
    }

    pub(super) fn restore_entry(&mut self, place: (u64, MessageId), entry: Entry) {
        self.clocks.insert(place.1.clone(), place.0);
        self.entries.insert(place, entry);
    }

    /// Gives a message its bytes; false if there is no such message.
    pub(super) fn restore_frame(&mut self, id: &MessageId, frame: Arc<[u8]>) -> bool {
        let Some(place) = self.place(id) else { return false };
        let Some(entry) = self.entries.get_mut(&place) else { return false };
        self.framed_bytes = self.framed_bytes.saturating_add(frame.len());
        self.framed.insert(place, frame.len());
        entry.frame = Some(frame);
        true
    }

    pub(super) fn restore_head(&mut self, id: MessageId) {
        self.heads.insert(id, ());
    }

    /// What is before the first entry of a full log was there once.
    pub(super) fn restore_floor(&mut self, bound: usize) {
        if self.entries.len() >= bound {
            self.floor = self.entries.keys().next().map_or(0, |(lamport, _)| *lamport);
        }
    }
}

impl Entry {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        let (sender, hint) = (self.sender.as_str(), self.hint.as_deref().unwrap_or_default());
        // Invariant: names have at most 128 bytes.
        out.u8(u8::try_from(sender.len()).unwrap_or(u8::MAX)).put(sender.as_bytes()).put(hint);
        out.into_bytes()
    }

    pub(super) fn decode(id: &MessageId, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let length = reader.u8()?;
        let sender = std::str::from_utf8(reader.take(length.into())?).ok();
        let sender = sender.and_then(ParticipantId::new).ok_or(DecodeError::NotCanonical)?;
        let hint = reader.take(reader.remaining().min(MAX_HINT_BYTES))?;
        reader.finish()?;
        let hint = (!hint.is_empty()).then(|| hint.to_vec());
        Ok(Self { sender, hint, frame: None, name: NameHash::new(id.as_str()) })
    }
}
