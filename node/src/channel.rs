//! Reliable channels: what is sent arrives, once and in causal order, or its sender is told.
//!
//! | part | for |
//! |---|---|
//! | [`Segmentation`], [`Reassembler`] | messages larger than the network takes (LIP-243) |
//! | [`Sds`] | order, confirmation, retransmission and repair (LIP-109) |
//! | [`Protection`] | encryption of every frame |
//! | [`ChannelStore`] | what has to survive the process |
//! | [`Channel`] | all of these as one machine |
//! | [`ReliableChannel`] | that machine over a store |
//! | [`Carrier`] | the network below, for those who drive the machine themselves |
#![cfg_attr(feature = "delivery", doc = "| [`NodeChannel`] | all of it on a node's network |")]
#![cfg_attr(feature = "delivery", doc = "| [`NodeCarrier`] | a node's network as a carrier |")]
//!
//! Every part above the carrier is a machine without input and output, driven in virtual time by
//! the tests.

mod carrier;
mod event;
mod id;
#[cfg(feature = "delivery")]
mod live;
mod machine;
mod protection;
mod reliable;
mod sds;
mod segment;
mod store;
#[cfg(feature = "delivery")]
mod uplink;

pub use carrier::{Arrival, Carrier, CarrierError};
pub use event::{ChannelEvent, ChannelRequestId, EventNumber, Outcome};
pub use id::{ChannelId, MAX_ID_BYTES, MessageId, ParticipantId};
#[cfg(feature = "delivery")]
pub use live::{
    ChannelNews, ChannelReader, ChannelSettings, NodeChannel, NodeChannelError, OpenError,
};
pub use machine::{
    BackfillConfig, Channel, ChannelConfig, ChannelOutput, FrameError, MAX_MESSAGE_BYTES, Page,
    Query, SendError,
};
pub use protection::{ChannelKey, Protection, SEAL_BYTES, Unreadable};
pub use reliable::{ChannelError, ReliableChannel};
pub use sds::{
    Author, Bloom, BloomError, COMPACT_BLOOM_BYTES, COMPACT_HASHES, Dialect, HistoryEntry,
    MAX_BLOOM_BYTES, MAX_BLOOM_HASHES, MAX_CLOCK_LEAD, MAX_CONTENT_BYTES, MAX_HINT_BYTES,
    MAX_HISTORY_ENTRIES, MAX_MISSING, MAX_PEERS, MAX_REPAIRS, MessageError, NameHash, Refusal,
    RepairConfig, RestoreError, Sds, SdsConfig, SdsMessage, SdsOutput,
};
pub use segment::{
    Discard, DropReason, MAX_SEGMENTS, Place, Reassembler, ReassemblerLimits, ReassemblyOutput,
    Repeats, SEGMENT_OVERHEAD_BYTES, Schema, Segment, SegmentError, Segmentation, SplitError,
};
pub use store::{
    Batch as RecordBatch, Change as RecordChange, ChannelStore, Key as RecordKey, MemoryChannel,
};
#[cfg(feature = "delivery")]
pub use uplink::NodeCarrier;
