//! The wire formats of the deployed delivery network: messages, topics, and what its services say.
//!
//! | module item | protocol |
//! |---|---|
//! | [`WakuMessage`], [`MessageHash`] | LIP 14, the message every protocol carries |
//! | [`ContentTopic`], [`PubsubTopic`], [`Sharding`] | LIP 23, LIP 51: topics and automatic sharding |
//! | [`MetadataMessage`] | LIP 66, which cluster and shards a peer serves |
//! | [`LightPushRequest`], [`LightPushResponse`] | LIP 19 version 3, publishing through a peer |
//! | [`FilterRequest`], [`FilterResponse`], [`MessagePush`] | LIP 12 version 2, receiving through a peer |
//! | [`StoreRequest`], [`StoreResponse`] | LIP 13 version 3, history |
//! | [`PeerExchange`] | LIP 34, records of other peers |
//! | [`PeerRecordMessage`] | LIP 74, what a peer says of itself |
//! | [`RendezvousRequest`], [`RendezvousResponse`] | LIP 179, who registered at a point of rendezvous |
//! | [`WakuPeerRecordMessage`] | LIP 179, what is registered there |
//! | [`FrameReader`], [`write_frame`] | what all of these stand in on streams |
//!
//! The formats are protocol buffers. Encoders write what the deployed nodes write, byte for byte,
//! which for a [`WakuMessage`] includes every empty field: its bytes are hashed into the gossip id.
//! Decoders take any field order, skip unknown fields and let the last of repeated scalars win, as
//! those nodes do, so a value has many encodings and whoever forwards keeps the bytes it got.

mod filter;
mod frame;
mod lightpush;
mod message;
mod metadata;
mod peer_exchange;
mod peer_record;
mod proto;
mod rendezvous;
mod store;
mod time;
mod topic;
mod waku_peer_record;

pub use filter::{FilterRequest, FilterResponse, FilterVerb, MessagePush};
pub use frame::{FrameError, FrameReader, write_frame};
pub use lightpush::{LightPushRequest, LightPushResponse};
pub use message::{MessageHash, WakuMessage};
pub use metadata::MetadataMessage;
pub use peer_exchange::PeerExchange;
pub use peer_record::{PeerRecordMessage, ServiceInfo};
pub use proto::WireError;
pub use rendezvous::{
    Registration, RendezvousCookie, RendezvousRequest, RendezvousResponse, RendezvousStatus,
};
pub use store::{StoreEntry, StoreRequest, StoreResponse};
pub use time::UnixNanos;
pub use topic::{ContentTopic, PubsubTopic, Sharding, TopicError};
pub use waku_peer_record::WakuPeerRecordMessage;

/// A value with an encoding in protocol buffers.
pub trait Wire: Sized {
    /// The longest encoding that is worth reading from a peer, in bytes.
    const MAX_BYTES: usize;

    /// The bytes that go on the wire. Costs one allocation and copies every field.
    fn encode(&self) -> Vec<u8>;

    /// Reads the bytes of one value. Costs time and memory linear in `bytes`.
    ///
    /// # Errors
    ///
    /// [`WireError`] says what is wrong with which field.
    ///
    /// # Security
    ///
    /// A peer controls every byte; no length is believed before the bytes were counted.
    fn decode(bytes: &[u8]) -> Result<Self, WireError>;
}

/// Room for a request or a response that carries several messages: ten of them and some fields.
pub(crate) const MAX_RPC_BYTES: usize = 10 * WakuMessage::MAX_ENCODED_BYTES + 64 * 1024;

/// Content topics in one request.
pub const MAX_CONTENT_TOPICS: usize = 100;

/// Status codes that the services share with HTTP, and a few of their own.
pub mod status {
    /// Done.
    pub const OK: u32 = 200;
    /// The request is malformed or asks for the impossible.
    pub const BAD_REQUEST: u32 = 400;
    /// There is no such subscription.
    pub const NOT_FOUND: u32 = 404;
    /// The message is over the size limit.
    pub const TOO_LARGE: u32 = 413;
    /// The message is not admissible.
    pub const INVALID_MESSAGE: u32 = 420;
    /// The pubsub topic is not served here.
    pub const UNSUPPORTED_TOPIC: u32 = 421;
    /// The peer asks too often.
    pub const TOO_MANY_REQUESTS: u32 = 429;
    /// The service failed.
    pub const INTERNAL: u32 = 500;
    /// The service is not available now.
    pub const UNAVAILABLE: u32 = 503;
    /// The service could not make a rate-limit proof.
    pub const OUT_OF_PROOFS: u32 = 504;
    /// The service has no peers to relay to.
    pub const NO_PEERS: u32 = 505;
}

#[cfg(test)]
mod tests;
