//! What light pushes say: publishing through a peer that relays.

use super::proto::{Encoder, Fields, check_size, required};
use super::{WakuMessage, Wire, WireError, status};

/// Asks a peer to publish a message (LIP 19 version 3): fields 1, 20 and 21.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LightPushRequest {
    /// Comes back in the response.
    pub request_id: String,
    /// Where to publish; the shard of the content topic if it is not said.
    pub pubsub_topic: Option<String>,
    /// What to publish.
    pub message: WakuMessage,
}

impl Wire for LightPushRequest {
    const MAX_BYTES: usize = WakuMessage::MAX_ENCODED_BYTES + 64 * 1024;

    fn encode(&self) -> Vec<u8> {
        Encoder::default()
            .bytes(1, &self.request_id)
            .optional(20, self.pubsub_topic.as_ref())
            .bytes(21, self.message.encode())
            .finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (mut request_id, mut pubsub_topic, mut message) = (None, None, None);
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => request_id = Some(field.text()?),
                20 => pubsub_topic = Some(field.text()?),
                21 => message = Some(field.bytes()?),
                _ => {}
            }
        }
        Ok(Self {
            request_id: required(request_id, 1)?,
            pubsub_topic,
            message: WakuMessage::decode(required(message, 21)?)?,
        })
    }
}

/// What became of a light push: fields 1, 10, 11 and 12.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LightPushResponse {
    /// The request's.
    pub request_id: String,
    /// One of [`status`].
    pub status: u32,
    /// The status in words.
    pub description: Option<String>,
    /// To how many peers the message went.
    pub relay_peers: Option<u32>,
}

impl LightPushResponse {
    /// To how many peers the message went, if it went to any: the deployed nodes take a success
    /// without peers for a failure.
    ///
    /// # Errors
    ///
    /// The status code of the failure.
    pub fn accepted_by(&self) -> Result<u32, u32> {
        match (self.status, self.relay_peers) {
            (status::OK, Some(peers)) if peers > 0 => Ok(peers),
            (status::OK, _) => Err(status::NO_PEERS),
            (code, _) => Err(code),
        }
    }
}

impl Wire for LightPushResponse {
    const MAX_BYTES: usize = 64 * 1024;

    fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.bytes(1, &self.request_id).number(10, self.status);
        encoder.optional(11, self.description.as_ref());
        if let Some(peers) = self.relay_peers {
            encoder.number(12, peers);
        }
        encoder.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (mut request_id, mut code) = (None, None);
        let mut response = Self::default();
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => request_id = Some(field.text()?),
                10 => code = Some(field.u32()?),
                11 => response.description = Some(field.text()?),
                12 => response.relay_peers = Some(field.u32()?),
                _ => {}
            }
        }
        response.request_id = required(request_id, 1)?;
        response.status = required(code, 10)?;
        Ok(response)
    }
}
