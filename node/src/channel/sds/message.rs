//! The messages of LIP-109, whatever their bytes.

use crate::channel::id::{ChannelId, MessageId, ParticipantId};

use super::bloom::Bloom;

/// Entries of one causal history or repair request that are read, at most.
pub const MAX_HISTORY_ENTRIES: usize = 256;
/// Bytes of a retrieval hint, at most.
pub const MAX_HINT_BYTES: usize = 64;
/// Bytes of a message's content, at most: more than any transport takes.
pub const MAX_CONTENT_BYTES: usize = 1 << 20;

/// Another message, as a message refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// Its name.
    pub id: MessageId,
    /// What helps to fetch it: its transport hash. At most [`MAX_HINT_BYTES`].
    pub hint: Option<Vec<u8>>,
    /// Who sent it first.
    pub sender: Option<ParticipantId>,
}

impl HistoryEntry {
    /// A reference by name alone.
    #[must_use]
    pub const fn new(id: MessageId) -> Self {
        Self { id, hint: None, sender: None }
    }
}

/// A message of scalable data sync (LIP-109).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SdsMessage {
    /// Who made it.
    pub sender: ParticipantId,
    /// Its name.
    pub id: MessageId,
    /// The channel it belongs to.
    pub channel: ChannelId,
    /// When it was made, on the channel's logical clock; none if it is ephemeral.
    pub lamport: Option<u64>,
    /// Messages that come before it.
    pub causal_history: Vec<HistoryEntry>,
    /// What the sender has received.
    pub bloom: Option<Bloom>,
    /// Messages the sender misses.
    pub repair_request: Vec<HistoryEntry>,
    /// What it says; none for a sync message.
    pub content: Option<Vec<u8>>,
}
