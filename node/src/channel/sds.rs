//! Scalable data sync (LIP-109): every member gets every message, in causal order, and the author
//! learns that somebody has it.
//!
//! What the LIP leaves open is decided so:
//!
//! - A causal history names the heads of the log, which nothing in it refers to, and what nobody
//!   has confirmed. So a message comes after all that its sender had, whoever has what a history
//!   names can reach all the rest, and whatever a member has is confirmed by name.
//! - Only a name in a history confirms. A Bloom filter is read as "perhaps", which sends a message
//!   again later; it is sized to the recent log and left out when there is nothing to say.
//! - A message is sent again, byte for byte, after a time that doubles, until it is confirmed or
//!   given up; neither is reported as the other.
//! - Sync messages go out when a confirmation is owed, when gaps are to be repaired, and ever less
//!   often while a known member has not shown that it has our heads. A settled channel is silent.

mod author;
mod bloom;
mod config;
mod dialect;
mod incoming;
mod log;
mod message;
mod outgoing;
mod repair;
mod snapshot;
mod sync;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use logos_crypto::codec::DecodeError;
use logos_crypto::tick::Tick;
use sha3::{Digest, Sha3_256};
use thiserror::Error;

use super::id::{ChannelId, MessageId, ParticipantId};
use super::store::Batch;
use incoming::Waiting;
use log::Log;
use outgoing::Outgoing;
use repair::{Missing, Repair};
use sync::{Peer, Sync};

pub use author::Author;
pub use bloom::{
    Bloom, BloomError, COMPACT_BLOOM_BYTES, COMPACT_HASHES, MAX_BLOOM_BYTES, MAX_BLOOM_HASHES,
    NameHash,
};
pub use config::{MAX_CLOCK_LEAD, MAX_MISSING, MAX_PEERS, MAX_REPAIRS, RepairConfig, SdsConfig};
pub use dialect::{Dialect, MessageError};
pub use message::{
    HistoryEntry, MAX_CONTENT_BYTES, MAX_HINT_BYTES, MAX_HISTORY_ENTRIES, SdsMessage,
};

/// Why a frame was not taken. Nothing changed, but that a known message is confirmed anew.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not a message of this dialect.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// It is too short for a signature and a message.
    #[error("frame is too short")]
    Short,
    /// It belongs to another channel.
    #[error("message is of another channel")]
    OtherChannel,
    /// It is ours.
    #[error("message is our own")]
    Own,
    /// It is here already.
    #[error("message is here already")]
    Duplicate,
    /// Its signature is not its sender's.
    #[error("message is not by its sender")]
    Inauthentic,
    /// Its clock is over [`MAX_CLOCK_LEAD`] ahead.
    #[error("message is from the future")]
    Future,
    /// It is older than everything that is remembered.
    #[error("message is older than the log")]
    TooOld,
    /// There is no room for what waits: `waiting`, `waiting_bytes` or [`MAX_MISSING`].
    #[error("too many messages wait for others")]
    Full,
}

/// What the machine gives out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SdsOutput {
    /// Send this to all members.
    Transmit {
        /// The message, if it is one of the log: its transport hash is worth telling
        /// [`Sds::handle_hint`].
        id: Option<MessageId>,
        /// The bytes.
        frame: Arc<[u8]>,
        /// Is it of no use to whoever does not hear it now?
        ephemeral: bool,
    },
    /// A message, all before it delivered or lost.
    Deliver {
        /// Its name.
        id: MessageId,
        /// Who sent it.
        sender: ParticipantId,
        /// What it says.
        content: Vec<u8>,
    },
    /// A message outside the order of the channel.
    Ephemeral {
        /// Who sent it.
        sender: ParticipantId,
        /// What it says.
        content: Vec<u8>,
    },
    /// A member has our message.
    Acked {
        /// The message.
        id: MessageId,
        /// The first member to say so.
        by: ParticipantId,
    },
    /// Nobody said in [`SdsConfig::give_up`] that they have our message.
    Unacknowledged {
        /// The message.
        id: MessageId,
    },
    /// Ask the store for a message that is missing.
    Fetch {
        /// The message.
        id: MessageId,
        /// Its transport hash.
        hint: Vec<u8>,
    },
    /// A message was not to be had in [`SdsConfig::lost_after`]; what waits for it goes on.
    Lost {
        /// The message.
        id: MessageId,
        /// Who sent it, as far as is known.
        sender: Option<ParticipantId>,
    },
}

/// What happens at a moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Retransmit(MessageId),
    Fetch(MessageId),
    Request(MessageId),
    Lost(MessageId),
    Respond(MessageId),
    Acknowledge,
    Gossip,
}

/// One member of one channel.
///
/// Sans-IO: bytes and time are arguments. Time is counted from 1970, so that clocks of members
/// agree more or less. After each `handle_*` call commit [`Sds::take_changes`], then
/// [`Sds::poll_output`] until it gives nothing, then sleep until [`Sds::next_deadline`] or input.
///
/// # Security
///
/// Frames come from whoever can write to the channel, so they must have been opened under its key
/// before. With [`Author::Signed`] a member can say nothing in another's name; with
/// [`Author::Named`] any holder of the key can. A member can make others remember, wait and ask
/// within the bounds of [`SdsConfig`], and delay its own messages, not those of others.
///
/// # Examples
///
/// ```
/// use logos_crypto::tick::Tick;
/// use logos_node::channel::{Author, ChannelId, ParticipantId, Sds, SdsConfig, SdsOutput};
/// # use std::time::Duration;
///
/// let member = |name| {
///     let author = Author::Named(ParticipantId::new(name).expect("short"));
///     Sds::new(SdsConfig::default(), ChannelId::new("chat").expect("short"), author)
/// };
/// let (mut saro, mut raya) = (member("saro"), member("raya"));
/// let now = Tick::new(Duration::from_secs(1_800_000_000));
///
/// saro.send(now, b"Hi Raya".to_vec());
/// let Some(SdsOutput::Transmit { frame, .. }) = saro.poll_output() else { panic!() };
/// raya.handle_frame(now, &frame, None)?;
/// let Some(SdsOutput::Deliver { content, .. }) = raya.poll_output() else { panic!() };
/// assert_eq!(content, b"Hi Raya");
/// # Ok::<(), logos_node::channel::Refusal>(())
/// ```
#[derive(Debug)]
pub struct Sds {
    config: SdsConfig,
    channel: ChannelId,
    author: Arc<Author>,
    me: ParticipantId,
    clock: u64,
    log: Log,
    outgoing: BTreeMap<MessageId, Outgoing>,
    waiting: BTreeMap<MessageId, Waiting>,
    waiting_bytes: usize,
    missing: BTreeMap<MessageId, Missing>,
    repairs: BTreeMap<MessageId, Repair>,
    /// Missing messages whose time to be asked for has come.
    due: BTreeSet<MessageId>,
    lost: BTreeSet<MessageId>,
    peers: BTreeMap<ParticipantId, Peer>,
    sync: Sync,
    timers: BTreeSet<(Tick, Timer)>,
    changes: Batch,
    outputs: VecDeque<SdsOutput>,
}

impl Sds {
    /// A member that has nothing yet.
    #[must_use]
    pub fn new(config: SdsConfig, channel: ChannelId, author: impl Into<Arc<Author>>) -> Self {
        let author = author.into();
        Self {
            me: author.id(),
            config,
            channel,
            author,
            clock: 0,
            log: Log::default(),
            outgoing: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            missing: BTreeMap::new(),
            repairs: BTreeMap::new(),
            due: BTreeSet::new(),
            lost: BTreeSet::new(),
            peers: BTreeMap::new(),
            sync: Sync::default(),
            timers: BTreeSet::new(),
            changes: Batch::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Tick) {
        while let Some((at, timer)) = self.timers.pop_first() {
            if at > now {
                self.timers.insert((at, timer));
                break;
            }
            self.handle_timer(now, at, timer);
        }
    }

    /// A timer is stale if its message has another moment, or none.
    fn handle_timer(&mut self, now: Tick, at: Tick, timer: Timer) {
        match timer {
            Timer::Retransmit(id) => self.retransmit(now, at, &id),
            Timer::Fetch(id) => self.fetch(&id),
            Timer::Request(id) => self.request(now, at, id),
            Timer::Lost(id) => self.lose(now, at, &id),
            Timer::Respond(id) => self.respond(now, at, &id),
            Timer::Acknowledge => self.acknowledge(now, at),
            Timer::Gossip => self.gossip(now, at),
        }
    }

    /// The changes since the last call: commit them before any output has an effect.
    #[must_use]
    pub fn take_changes(&mut self) -> Batch {
        std::mem::take(&mut self.changes)
    }

    /// The next thing to do. Call until it gives nothing.
    pub fn poll_output(&mut self) -> Option<SdsOutput> {
        self.outputs.pop_front()
    }

    /// When [`Sds::handle_timeout`] may have something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Our own name.
    #[must_use]
    pub const fn me(&self) -> &ParticipantId {
        &self.me
    }

    /// Messages of ours that nobody has confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> usize {
        self.outgoing.len()
    }

    /// Messages that wait for others.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Messages that are missing.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing.len()
    }

    /// Messages remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.log.len()
    }

    /// Tells where a message can be fetched: the hash of the transport's message it went in.
    pub fn handle_hint(&mut self, id: &MessageId, hint: &[u8]) {
        if hint.len() <= MAX_HINT_BYTES {
            self.log.set_hint(id, hint.to_vec(), &mut self.changes);
        }
    }

    /// A pseudorandom part of `range`, the same whenever asked for the same.
    fn part_of(&self, range: Duration, salt: &[u8]) -> Duration {
        let nanos = u64::try_from(range.as_nanos()).unwrap_or(u64::MAX).max(1);
        Duration::from_nanos(hash(&[self.me.as_str().as_bytes(), salt]) % nanos)
    }
}

/// The hash of SDS-R, which the LIP leaves open: the first eight bytes of SHA3-256. Members that
/// hash differently only differ in who is first to ask or answer.
fn hash(parts: &[&[u8]]) -> u64 {
    let digest =
        parts.iter().fold(Sha3_256::new(), |hash, part| hash.chain_update(part)).finalize();
    digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Why records are not a channel's.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// A record does not decode.
    #[error("record does not decode: {0}")]
    Malformed(#[from] DecodeError),
    /// A message of the records does not decode.
    #[error("message of the records does not decode: {0}")]
    Message(#[from] MessageError),
    /// A record of one table has no counterpart in another.
    #[error("records do not fit together")]
    Inconsistent,
}
