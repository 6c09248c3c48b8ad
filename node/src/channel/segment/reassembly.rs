//! Putting messages together again, with bounded memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use logos_crypto::tick::Tick;
use thiserror::Error;

use super::{Place, Segment};
use crate::channel::id::ParticipantId;

mod partial;

use partial::Partial;

/// What a [`Reassembler`] may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassemblerLimits {
    /// Messages that wait for segments.
    pub sets: usize,
    /// Of these, from one sender.
    pub sets_per_sender: usize,
    /// Bytes of the segments that wait.
    pub bytes: usize,
    /// Of these, from one sender.
    pub bytes_per_sender: usize,
    /// How long a message waits for its next segment.
    pub timeout: Duration,
    /// What a message is that was put together before.
    pub repeats: Repeats,
}

impl Default for ReassemblerLimits {
    fn default() -> Self {
        Self {
            sets: 100,
            sets_per_sender: 16,
            bytes: 64 << 20,
            bytes_per_sender: 32 << 20,
            timeout: Duration::from_secs(300),
            repeats: Repeats::Ignored { remembered: 4096 },
        }
    }
}

/// What a message is that has the sender, hash and length of one that was put together before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repeats {
    /// The same message again: ignored while it is among this many.
    Ignored {
        /// Messages remembered.
        remembered: usize,
    },
    /// A new message with the same content. For callers below whom no segment comes twice.
    Delivered,
}

/// Why a segment was not taken. Nothing changed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discard {
    /// It is here already, or its message is finished.
    #[error("segment is here already")]
    Duplicate,
    /// There is no room: [`ReassemblerLimits::sets`] or [`ReassemblerLimits::bytes`].
    #[error("too many messages wait for segments")]
    Full,
}

/// Why a message that waited for segments is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DropReason {
    /// No segment came for [`ReassemblerLimits::timeout`].
    Expired,
    /// Its sender began more messages than it may.
    Evicted,
    /// The segments make something of another hash.
    HashMismatch,
    /// The segments are of different lengths, or of a shape without erasure code.
    Undecodable,
}

/// What a [`Reassembler`] gives out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReassemblyOutput {
    /// A whole message, its hash checked.
    Reassembled {
        /// Who sent it.
        sender: ParticipantId,
        /// The message.
        payload: Vec<u8>,
        /// The tags of its segments.
        tags: Vec<u64>,
    },
    /// A message that will not be whole.
    Dropped {
        /// Who sent it.
        sender: ParticipantId,
        /// Why.
        reason: DropReason,
        /// The tags of its segments.
        tags: Vec<u64>,
    },
}

/// Which message a segment belongs to. The sender is part of it, so nobody but the sender can
/// touch a set; so are length and count, so a segment that contradicts the others starts a set of
/// its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SetKey {
    sender: ParticipantId,
    hash: [u8; 32],
    len: Option<u64>,
    data_count: u16,
}

/// Collects segments until a message is whole.
///
/// Nothing is reserved for what a segment announces: memory grows with the bytes that came. A
/// sender who begins too many messages loses its own oldest one; a limit that all share refuses
/// new segments and keeps those that wait.
///
/// # Security
///
/// `sender` must be authenticated by the caller: it is what keeps one participant's segments from
/// spoiling another's message.
///
/// # Examples
///
/// ```
/// use logos_crypto::tick::Tick;
/// use logos_node::channel::{ParticipantId, Reassembler, ReassemblyOutput, Segment, Segmentation};
///
/// let sender = ParticipantId::new("saro").expect("short");
/// let mut reassembler = Reassembler::default();
/// for (tag, bytes) in (0..).zip(Segmentation::default().split(&[7; 300_000])?) {
///     let (_, segment) = Segment::decode(&bytes).expect("we cut it");
///     reassembler.handle_segment(Tick::ORIGIN, &sender, segment, tag).expect("it is new");
/// }
/// let Some(ReassemblyOutput::Reassembled { payload, .. }) = reassembler.poll_output() else {
///     panic!("all segments are there");
/// };
/// assert_eq!(payload, [7; 300_000]);
/// # Ok::<(), logos_node::channel::SplitError>(())
/// ```
#[derive(Debug, Default)]
pub struct Reassembler {
    limits: ReassemblerLimits,
    sets: BTreeMap<SetKey, Partial>,
    bytes: usize,
    done: BTreeSet<SetKey>,
    // Invariant: the members of `done`, oldest first.
    order: VecDeque<SetKey>,
    outputs: VecDeque<ReassemblyOutput>,
}

impl Reassembler {
    /// An empty one.
    #[must_use]
    pub fn new(limits: ReassemblerLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a segment. `tag` comes back with the message: the number of the caller's record of
    /// it, say.
    ///
    /// Costs a Keccak-256 of the message with its last segment, and the erasure code if data
    /// segments are missing.
    ///
    /// # Errors
    ///
    /// See [`Discard`].
    pub fn handle_segment(
        &mut self,
        now: Tick,
        sender: &ParticipantId,
        segment: Segment,
        tag: u64,
    ) -> Result<(), Discard> {
        let Segment { payload_hash, payload_len, data_count, place, payload } = segment;
        let sender = sender.clone();
        let key = SetKey { sender, hash: payload_hash, len: payload_len, data_count };
        self.admit(&key, place, payload.len())?;
        self.bytes = self.bytes.saturating_add(payload.len());
        let set = self.sets.entry(key.clone()).or_default();
        set.insert(place, payload, tag);
        set.deadline = now + self.limits.timeout;
        if set.is_enough(data_count) {
            self.finish(key);
        }
        Ok(())
    }

    /// Gives up the messages that waited too long.
    pub fn handle_timeout(&mut self, now: Tick) {
        let is_over = |set: &Partial| set.deadline <= now;
        let over = self.sets.iter().filter(|(_, set)| is_over(set)).map(|(key, _)| key.clone());
        for key in over.collect::<Vec<_>>() {
            self.drop_set(&key, DropReason::Expired);
        }
    }

    /// The next message that is whole, or given up. Call until it gives nothing.
    pub fn poll_output(&mut self) -> Option<ReassemblyOutput> {
        self.outputs.pop_front()
    }

    /// When [`Reassembler::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        self.sets.values().map(|set| set.deadline).min()
    }

    /// Messages that wait for segments.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.sets.len()
    }

    /// Bytes of the segments that wait.
    #[must_use]
    pub const fn buffered_bytes(&self) -> usize {
        self.bytes
    }

    /// Makes room, or says that there is none.
    fn admit(&mut self, key: &SetKey, place: Place, bytes: usize) -> Result<(), Discard> {
        if self.done.contains(key) {
            return Err(Discard::Duplicate);
        }
        self.admit_repeat(key, place)?;
        if bytes > self.limits.bytes_per_sender || self.limits.sets_per_sender == 0 {
            return Err(Discard::Full);
        }
        let freed = self.excess_of(key, bytes);
        let freed_bytes: usize = freed.iter().map(|(_, bytes)| bytes).sum();
        let others = self.sets.len().saturating_sub(freed.len());
        let has_place = self.sets.contains_key(key) || others < self.limits.sets;
        let after = self.bytes.saturating_sub(freed_bytes).saturating_add(bytes);
        if !has_place || after > self.limits.bytes {
            return Err(Discard::Full);
        }
        for (key, _) in freed {
            self.drop_set(&key, DropReason::Evicted);
        }
        Ok(())
    }

    /// Is the segment one that was here, or one that a finished message did without?
    fn admit_repeat(&mut self, key: &SetKey, place: Place) -> Result<(), Discard> {
        let Some(set) = self.sets.get_mut(key) else { return Ok(()) };
        let is_known = set.holds(place);
        if set.is_whole() {
            set.note(place);
            if is_known || !set.expects_more(key.data_count) {
                self.sets.remove(key);
            }
            return if is_known { Ok(()) } else { Err(Discard::Duplicate) };
        }
        if is_known { Err(Discard::Duplicate) } else { Ok(()) }
    }

    /// The sender's own oldest sets that have to go for a segment of `bytes` in the set `key`.
    fn excess_of(&self, key: &SetKey, bytes: usize) -> Vec<(SetKey, usize)> {
        let own = |other: &SetKey| other.sender == key.sender && other != key;
        let mut others: Vec<_> = self
            .sets
            .iter()
            .filter(|(other, _)| own(other))
            .map(|(other, set)| (set.deadline, other, set.bytes()))
            .collect();
        others.sort_by_key(|(deadline, ..)| *deadline);
        let mut sets = others.len().saturating_add(1);
        let mut held = self.sets.get(key).map_or(0, Partial::bytes).saturating_add(bytes);
        held = others.iter().fold(held, |held, (.., bytes)| held.saturating_add(*bytes));
        let mut excess = Vec::new();
        for (_, other, bytes) in others {
            if sets <= self.limits.sets_per_sender && held <= self.limits.bytes_per_sender {
                break;
            }
            sets = sets.saturating_sub(1);
            held = held.saturating_sub(bytes);
            excess.push((other.clone(), bytes));
        }
        excess
    }

    fn finish(&mut self, key: SetKey) {
        let Some(mut set) = self.sets.remove(&key) else { return };
        self.bytes = self.bytes.saturating_sub(set.bytes());
        let sender = key.sender.clone();
        let tags = set.tags();
        let output = match set.take_payload(key.data_count, key.len, &key.hash) {
            Ok(payload) => {
                self.remember(key, set);
                ReassemblyOutput::Reassembled { sender, payload, tags }
            }
            Err(reason) => ReassemblyOutput::Dropped { sender, reason, tags },
        };
        self.outputs.push_back(output);
    }

    /// Keeps what tells late segments of a finished message from those of a new one.
    fn remember(&mut self, key: SetKey, set: Partial) {
        match self.limits.repeats {
            Repeats::Delivered if set.expects_more(key.data_count) => {
                self.sets.insert(key, set);
            }
            Repeats::Delivered => {}
            Repeats::Ignored { remembered } => {
                self.done.insert(key.clone());
                self.order.push_back(key);
                if self.order.len() > remembered
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.done.remove(&oldest);
                }
            }
        }
    }

    fn drop_set(&mut self, key: &SetKey, reason: DropReason) {
        let Some(set) = self.sets.remove(key) else { return };
        self.bytes = self.bytes.saturating_sub(set.bytes());
        if !set.is_whole() {
            let (sender, tags) = (key.sender.clone(), set.tags());
            self.outputs.push_back(ReassemblyOutput::Dropped { sender, reason, tags });
        }
    }
}
