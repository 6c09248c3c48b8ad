//! What stores say: messages of the past, page by page.

use super::proto::{Encoder, Fields, check_size, push, required};
use super::{MAX_CONTENT_TOPICS, MessageHash, UnixNanos, WakuMessage, Wire, WireError};

/// Asks a peer for messages it stored (LIP 13 version 3).
///
/// Either by name, with `message_hashes`, or by topic and time; a cursor of the response before
/// asks for the next page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreRequest {
    /// Comes back in the response. Field 1.
    pub request_id: String,
    /// The messages, or their hashes only? Field 2.
    pub include_data: bool,
    /// The pubsub topic, wanted with content topics. Field 10.
    pub pubsub_topic: Option<String>,
    /// At most [`MAX_CONTENT_TOPICS`]. Field 11.
    pub content_topics: Vec<String>,
    /// The earliest timestamp. Field 12.
    pub from: Option<UnixNanos>,
    /// The latest timestamp. Field 13.
    pub to: Option<UnixNanos>,
    /// Which messages, at most [`StoreRequest::MAX_HASHES`]. Field 20.
    pub message_hashes: Vec<MessageHash>,
    /// Where the page before ended. Field 51.
    pub cursor: Option<MessageHash>,
    /// From the oldest to the newest? Field 52.
    pub forward: bool,
    /// How many at most; the store's choice if it is not said. Field 53.
    pub limit: Option<u64>,
}

impl StoreRequest {
    /// Hashes in one request.
    pub const MAX_HASHES: usize = 100;
    /// Messages on a page.
    pub const MAX_PAGE: usize = 100;
    /// Messages on a page if nobody says how many.
    pub const DEFAULT_PAGE: usize = 20;

    /// Asks which of these messages the store has.
    #[must_use]
    pub fn which(message_hashes: Vec<MessageHash>) -> Self {
        let limit = message_hashes.len().min(Self::MAX_PAGE).try_into().ok();
        Self { message_hashes, limit, forward: true, ..Self::default() }
    }

    /// Messages on the page that this asks for.
    #[must_use]
    pub fn page(&self) -> usize {
        let asked = self.limit.and_then(|limit| usize::try_from(limit).ok());
        asked.filter(|limit| *limit > 0).unwrap_or(Self::DEFAULT_PAGE).min(Self::MAX_PAGE)
    }
}

impl Wire for StoreRequest {
    const MAX_BYTES: usize = 128 * 1024;

    fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.bytes(1, &self.request_id).number(2, self.include_data);
        encoder.optional(10, self.pubsub_topic.as_ref()).each(11, &self.content_topics);
        for (field, time) in [(12, self.from), (13, self.to)] {
            if let Some(time) = time {
                encoder.zigzag(field, time.get());
            }
        }
        encoder.each(20, &self.message_hashes).optional(51, self.cursor.as_ref());
        encoder.number(52, self.forward);
        if let Some(limit) = self.limit {
            encoder.number(53, limit);
        }
        encoder.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let mut request_id = None;
        let mut request = Self { forward: true, ..Self::default() };
        for field in Fields::of(bytes) {
            let field = field?;
            let hash = || field.array().map(MessageHash::from_bytes);
            match field.number {
                1 => request_id = Some(field.text()?),
                2 => request.include_data = field.bool()?,
                10 => request.pubsub_topic = Some(field.text()?),
                11 => push(&mut request.content_topics, field.text()?, 11, MAX_CONTENT_TOPICS)?,
                12 => request.from = Some(UnixNanos::new(field.zigzag()?)),
                13 => request.to = Some(UnixNanos::new(field.zigzag()?)),
                20 => push(&mut request.message_hashes, hash()?, 20, Self::MAX_HASHES)?,
                51 => request.cursor = Some(hash()?),
                52 => request.forward = field.bool()?,
                53 => request.limit = Some(field.u64()?),
                _ => {}
            }
        }
        request.request_id = required(request_id, 1)?;
        Ok(request)
    }
}

/// A message of a store: fields 1, 2 and 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreEntry {
    /// Its name.
    pub hash: MessageHash,
    /// The message and its pubsub topic, if they were asked for.
    pub message: Option<(WakuMessage, String)>,
}

impl StoreEntry {
    fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.bytes(1, self.hash);
        if let Some((message, pubsub_topic)) = &self.message {
            encoder.bytes(2, message.encode()).bytes(3, pubsub_topic);
        }
        encoder.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (mut hash, mut message, mut pubsub_topic) = (None, None, None);
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => hash = Some(MessageHash::from_bytes(field.array()?)),
                2 => message = Some(field.bytes()?),
                3 => pubsub_topic = Some(field.text()?),
                _ => {}
            }
        }
        let message = match message.zip(pubsub_topic) {
            Some((bytes, topic)) => Some((WakuMessage::decode(bytes)?, topic)),
            None => None,
        };
        Ok(Self { hash: required(hash, 1)?, message })
    }
}

/// A page of messages: fields 1, 10, 11, 20 and 51.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreResponse {
    /// The request's.
    pub request_id: String,
    /// One of [`status`](super::status).
    pub status: u32,
    /// The status in words.
    pub description: String,
    /// At most [`StoreRequest::MAX_PAGE`].
    pub messages: Vec<StoreEntry>,
    /// Asks for the next page; there is none without it.
    pub cursor: Option<MessageHash>,
}

impl Wire for StoreResponse {
    const MAX_BYTES: usize =
        StoreRequest::MAX_PAGE * (WakuMessage::MAX_ENCODED_BYTES + 1024) + 64 * 1024;

    fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.bytes(1, &self.request_id).number(10, self.status).bytes(11, &self.description);
        for entry in &self.messages {
            encoder.bytes(20, entry.encode());
        }
        encoder.optional(51, self.cursor.as_ref()).finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (mut request_id, mut code, mut description) = (None, None, None);
        let mut response = Self::default();
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => request_id = Some(field.text()?),
                10 => code = Some(field.u32()?),
                11 => description = Some(field.text()?),
                20 => {
                    let entry = StoreEntry::decode(field.bytes()?)?;
                    push(&mut response.messages, entry, 20, StoreRequest::MAX_PAGE)?;
                }
                51 => response.cursor = Some(MessageHash::from_bytes(field.array()?)),
                _ => {}
            }
        }
        response.request_id = required(request_id, 1)?;
        response.status = required(code, 10)?;
        response.description = required(description, 11)?;
        Ok(response)
    }
}
