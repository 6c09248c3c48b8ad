//! What filters say: receiving through a peer that relays.

use super::proto::{Encoder, Fields, check_size, push, required};
use super::{MAX_CONTENT_TOPICS, MAX_RPC_BYTES, WakuMessage, Wire, WireError};

/// What a subscriber wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilterVerb {
    /// To know whether its subscription stands.
    #[default]
    Ping,
    /// Messages of more content topics.
    Subscribe,
    /// No more messages of some content topics.
    Unsubscribe,
    /// No more messages.
    UnsubscribeAll,
}

/// Asks a peer for messages of some content topics (LIP 12 version 2): fields 1, 2, 10 and 11.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterRequest {
    /// Comes back in the response.
    pub request_id: String,
    /// What is wanted.
    pub verb: FilterVerb,
    /// The pubsub topic that carries the content topics.
    pub pubsub_topic: Option<String>,
    /// At most [`MAX_CONTENT_TOPICS`].
    pub content_topics: Vec<String>,
}

impl Wire for FilterRequest {
    const MAX_BYTES: usize = MAX_RPC_BYTES;

    fn encode(&self) -> Vec<u8> {
        let verb = match self.verb {
            FilterVerb::Ping => 0_u32,
            FilterVerb::Subscribe => 1,
            FilterVerb::Unsubscribe => 2,
            FilterVerb::UnsubscribeAll => 3,
        };
        Encoder::default()
            .bytes(1, &self.request_id)
            .number(2, verb)
            .optional(10, self.pubsub_topic.as_ref())
            .each(11, &self.content_topics)
            .finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let mut request_id = None;
        let mut request = Self::default();
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => request_id = Some(field.text()?),
                2 => {
                    request.verb = match field.u64()? {
                        0 => FilterVerb::Ping,
                        1 => FilterVerb::Subscribe,
                        2 => FilterVerb::Unsubscribe,
                        3 => FilterVerb::UnsubscribeAll,
                        _ => return Err(WireError::Value { field: 2 }),
                    }
                }
                10 => request.pubsub_topic = Some(field.text()?),
                11 => push(&mut request.content_topics, field.text()?, 11, MAX_CONTENT_TOPICS)?,
                _ => {}
            }
        }
        request.request_id = required(request_id, 1)?;
        Ok(request)
    }
}

/// What became of a filter request: fields 1, 10 and 11.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterResponse {
    /// The request's.
    pub request_id: String,
    /// One of [`status`](super::status).
    pub status: u32,
    /// The status in words.
    pub description: Option<String>,
}

impl Wire for FilterResponse {
    const MAX_BYTES: usize = 64 * 1024;

    fn encode(&self) -> Vec<u8> {
        Encoder::default()
            .bytes(1, &self.request_id)
            .number(10, self.status)
            .optional(11, self.description.as_ref())
            .finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (mut request_id, mut code, mut description) = (None, None, None);
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => request_id = Some(field.text()?),
                10 => code = Some(field.u32()?),
                11 => description = Some(field.text()?),
                _ => {}
            }
        }
        Ok(Self { request_id: required(request_id, 1)?, status: required(code, 10)?, description })
    }
}

/// A message for a subscriber: fields 1 and 2. Many follow each other on one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessagePush {
    /// The message.
    pub message: WakuMessage,
    /// The pubsub topic it came on.
    pub pubsub_topic: String,
}

impl Wire for MessagePush {
    const MAX_BYTES: usize = MAX_RPC_BYTES;

    fn encode(&self) -> Vec<u8> {
        Encoder::default().bytes(1, self.message.encode()).bytes(2, &self.pubsub_topic).finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (mut message, mut pubsub_topic) = (None, None);
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => message = Some(field.bytes()?),
                2 => pubsub_topic = Some(field.text()?),
                _ => {}
            }
        }
        Ok(Self {
            message: WakuMessage::decode(required(message, 1)?)?,
            pubsub_topic: required(pubsub_topic, 2)?,
        })
    }
}
