//! The message that every protocol of the network carries.

use core::fmt;

use sha2::{Digest, Sha256};

use super::proto::{Encoder, Fields, check_size, required};
use super::{UnixNanos, Wire, WireError};
use crate::hex;

/// A message of the delivery network (LIP 14, `WakuMessage`).
///
/// | field | number | type |
/// |---|---|---|
/// | payload | 1, required | bytes |
/// | content topic | 2, required | string |
/// | version | 3 | uint32 |
/// | timestamp | 10 | sint64, nanoseconds |
/// | meta | 11 | bytes, at most 64 |
/// | rate-limit proof | 21 | bytes |
/// | ephemeral | 31 | bool |
///
/// # Examples
///
/// ```
/// use logos_node::wire::{WakuMessage, Wire};
///
/// let message = WakuMessage::new("/toychat/2/huilong/proto", b"hello".to_vec());
/// let bytes = message.encode();
/// assert_eq!(WakuMessage::decode(&bytes)?, message);
/// # Ok::<(), logos_node::wire::WireError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct WakuMessage {
    /// What the application sends.
    pub payload: Vec<u8>,
    /// What it is about, for those who select: see [`ContentTopic`](super::ContentTopic).
    pub content_topic: String,
    /// How the payload is encrypted, by the application's numbering.
    pub version: u32,
    /// When it was sent.
    pub timestamp: UnixNanos,
    /// An attribute of the application, at most [`WakuMessage::MAX_META_BYTES`] long.
    pub meta: Vec<u8>,
    /// The proof that the sender kept to its limit (LIP 17), encoded; empty without one.
    pub rate_limit_proof: Vec<u8>,
    /// Should no one store it?
    pub ephemeral: bool,
}

impl WakuMessage {
    /// The longest attribute, in bytes.
    pub const MAX_META_BYTES: usize = 64;

    /// The longest encoded message, in bytes: 150 KiB.
    pub const MAX_ENCODED_BYTES: usize = 150 * 1024;

    /// A message with nothing but its topic and payload.
    #[must_use]
    pub fn new(content_topic: impl Into<String>, payload: Vec<u8>) -> Self {
        Self { payload, content_topic: content_topic.into(), ..Self::default() }
    }

    /// How long the encoding is at most, in bytes, without making it.
    #[must_use]
    pub const fn encoded_bound(&self) -> usize {
        let variable = self.payload.len().saturating_add(self.content_topic.len());
        let variable = variable.saturating_add(self.meta.len());
        variable.saturating_add(self.rate_limit_proof.len()).saturating_add(ENCODED_OVERHEAD)
    }

    /// The name of this message on a pubsub topic. Costs one SHA-256 over the message.
    #[must_use]
    pub fn hash(&self, pubsub_topic: &str) -> MessageHash {
        let mut hasher = Sha256::new();
        hasher.update(pubsub_topic);
        hasher.update(&self.payload);
        hasher.update(&self.content_topic);
        hasher.update(&self.meta);
        hasher.update(self.timestamp.get().to_be_bytes());
        MessageHash(hasher.finalize().into())
    }
}

/// Keys, lengths and numbers of all seven fields at their longest.
const ENCODED_OVERHEAD: usize = 64;

impl Wire for WakuMessage {
    const MAX_BYTES: usize = Self::MAX_ENCODED_BYTES;

    fn encode(&self) -> Vec<u8> {
        Encoder::with_capacity(self.encoded_bound())
            .bytes(1, &self.payload)
            .bytes(2, &self.content_topic)
            .number(3, self.version)
            .zigzag(10, self.timestamp.get())
            .bytes(11, &self.meta)
            .bytes(21, &self.rate_limit_proof)
            .number(31, self.ephemeral)
            .finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (mut payload, mut content_topic) = (None, None);
        let mut message = Self::default();
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => payload = Some(field.bytes()?),
                2 => content_topic = Some(field.text()?),
                3 => message.version = field.u32()?,
                10 => message.timestamp = UnixNanos::new(field.zigzag()?),
                11 => message.meta = field.bytes_up_to(Self::MAX_META_BYTES)?.to_vec(),
                21 => message.rate_limit_proof = field.bytes()?.to_vec(),
                31 => message.ephemeral = field.bool()?,
                _ => {}
            }
        }
        message.payload = required(payload, 1)?.to_vec();
        message.content_topic = required(content_topic, 2)?;
        Ok(message)
    }
}

/// Lengths instead of contents: payloads are other people's and may be long.
impl fmt::Debug for WakuMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakuMessage")
            .field("content_topic", &self.content_topic)
            .field("timestamp", &self.timestamp)
            .field("payload_bytes", &self.payload.len())
            .field("meta_bytes", &self.meta.len())
            .field("proof_bytes", &self.rate_limit_proof.len())
            .field("ephemeral", &self.ephemeral)
            .finish_non_exhaustive()
    }
}

/// The name of a message on a pubsub topic: SHA-256 over topic, payload, content topic, attribute
/// and the big-endian timestamp (LIP 14, deterministic hashing).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageHash([u8; 32]);

impl MessageHash {
    /// The name with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl AsRef<[u8]> for MessageHash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for MessageHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for MessageHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageHash({self})")
    }
}
