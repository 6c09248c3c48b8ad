//! Topics, and which shard a content topic belongs to.

use core::fmt;
use core::num::NonZeroU16;
use core::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Why text is not a topic.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// A topic begins with a slash.
    #[error("a topic begins with a slash")]
    NoSlash,
    /// A content topic has four parts, or five with a generation.
    #[error("{parts} parts, where a content topic has /application/version/name/encoding")]
    Parts {
        /// How many there are.
        parts: usize,
    },
    /// A part is empty.
    #[error("a part is empty")]
    EmptyPart,
    /// Only generation 0 has a rule for shards.
    #[error("only generation 0 is known")]
    Generation,
    /// The topic is too long.
    #[error("{bytes} bytes of at most {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// A pubsub topic is `/waku/2/rs/cluster/shard`.
    #[error("not of the form /waku/2/rs/<cluster>/<shard>")]
    NotSharded,
}

/// What a message is about: `/application/version/name/encoding`, with `/0` before it or not
/// (LIP 23, LIP 51).
///
/// # Examples
///
/// ```
/// use logos_node::wire::{ContentTopic, TopicError};
///
/// let topic: ContentTopic = "/toychat/2/huilong/proto".parse()?;
/// assert_eq!(topic.application(), "toychat");
/// assert_eq!("toychat".parse::<ContentTopic>(), Err(TopicError::NoSlash));
/// # Ok::<(), TopicError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentTopic {
    text: String,
    // Invariant: `text` has four parts after this many bytes.
    skipped: usize,
}

impl ContentTopic {
    /// The longest topic, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// The topic as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose messages these are.
    #[must_use]
    pub fn application(&self) -> &str {
        self.part(0)
    }

    /// The version of the application's messages.
    #[must_use]
    pub fn version(&self) -> &str {
        self.part(1)
    }

    fn part(&self, index: usize) -> &str {
        let parts = self.text.get(self.skipped..).unwrap_or_default();
        parts.split('/').nth(index + 1).unwrap_or_default()
    }
}

impl FromStr for ContentTopic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        if text.len() > Self::MAX_BYTES {
            return Err(TopicError::TooLong { bytes: text.len(), limit: Self::MAX_BYTES });
        }
        let inner = text.strip_prefix('/').ok_or(TopicError::NoSlash)?;
        let parts: Vec<_> = inner.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(TopicError::EmptyPart);
        }
        let skipped = match parts.as_slice() {
            [_, _, _, _] => 0,
            [generation, _, _, _, _] if *generation == "0" => 2,
            [_, _, _, _, _] => return Err(TopicError::Generation),
            _ => return Err(TopicError::Parts { parts: parts.len() }),
        };
        Ok(Self { text: text.to_owned(), skipped })
    }
}

impl fmt::Display for ContentTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ContentTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl AsRef<[u8]> for ContentTopic {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// One shard of a cluster, which is one topic of gossip: `/waku/2/rs/<cluster>/<shard>` (LIP 51).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PubsubTopic {
    /// The network.
    pub cluster: u16,
    /// Which part of it.
    pub shard: u16,
}

impl fmt::Display for PubsubTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBSUB_PREFIX}{}/{}", self.cluster, self.shard)
    }
}

impl FromStr for PubsubTopic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let parse = || {
            let (cluster, shard) = text.strip_prefix(PUBSUB_PREFIX)?.split_once('/')?;
            let topic = Self { cluster: cluster.parse().ok()?, shard: shard.parse().ok()? };
            // A sign or leading zeros would give one shard a second name.
            (topic.to_string() == text).then_some(topic)
        };
        parse().ok_or(TopicError::NotSharded)
    }
}

const PUBSUB_PREFIX: &str = "/waku/2/rs/";

/// A cluster and how many shards its content topics are spread over.
///
/// # Examples
///
/// ```
/// use core::num::NonZeroU16;
/// use logos_node::wire::Sharding;
///
/// let network = Sharding::new(1, NonZeroU16::new(8).unwrap());
/// let topic = "/toychat/2/huilong/proto".parse()?;
/// assert_eq!(network.pubsub_topic(&topic).to_string(), "/waku/2/rs/1/3");
/// # Ok::<(), logos_node::wire::TopicError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharding {
    cluster: u16,
    shards: NonZeroU16,
}

impl Sharding {
    /// `shards` shards of `cluster`.
    #[must_use]
    pub const fn new(cluster: u16, shards: NonZeroU16) -> Self {
        Self { cluster, shards }
    }

    /// The cluster.
    #[must_use]
    pub const fn cluster(&self) -> u16 {
        self.cluster
    }

    /// How many shards it has.
    #[must_use]
    pub const fn shards(&self) -> u16 {
        self.shards.get()
    }

    /// The shard of a content topic: the last eight bytes of SHA-256 over application and version,
    /// big-endian, modulo the shards.
    ///
    /// LIP 51 takes the whole hash modulo the shards. The two agree where the number of shards is a
    /// power of two; elsewhere this is what the deployed nodes do.
    #[must_use]
    pub fn shard(&self, topic: &ContentTopic) -> u16 {
        let mut hasher = Sha256::new();
        hasher.update(topic.application());
        hasher.update(topic.version());
        let hash: [u8; 32] = hasher.finalize().into();
        let [.., a, b, c, d, e, f, g, h] = hash;
        let shard = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % u64::from(self.shards.get());
        // The remainder of a 16-bit divisor has 16 bits.
        u16::try_from(shard).unwrap_or_default()
    }

    /// The pubsub topic that carries a content topic.
    #[must_use]
    pub fn pubsub_topic(&self, topic: &ContentTopic) -> PubsubTopic {
        PubsubTopic { cluster: self.cluster, shard: self.shard(topic) }
    }

    /// Every pubsub topic of the cluster.
    pub fn pubsub_topics(&self) -> impl Iterator<Item = PubsubTopic> + use<> {
        let cluster = self.cluster;
        (0..self.shards.get()).map(move |shard| PubsubTopic { cluster, shard })
    }

    /// Is this one of the cluster's pubsub topics?
    #[must_use]
    pub const fn has(&self, topic: PubsubTopic) -> bool {
        topic.cluster == self.cluster && topic.shard < self.shards.get()
    }
}
