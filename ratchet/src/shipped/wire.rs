//! Protobuf framing of the deployed chat (`logos-messaging/chat_proto` 37ec98a).

use alloc::string::String;
use alloc::vec::Vec;

use logos_crypto::codec::DecodeError;
use logos_crypto::keys::PublicKey;
use logos_crypto::protobuf::{Value, fields, put_bytes, put_message, put_u64};

use crate::private_v1::RatchetMessage;
use crate::suite::Header;

/// `EnvelopeV1`: what is published. The hint names the conversation, in the clear.
///
/// | field | number | |
/// |---|---|---|
/// | `conversation_hint` | 1 | string |
/// | `salt` | 2 | u64, always 0 so far |
/// | `payload` | 5 | `EncryptedPayload` |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// Receiving conversation or inbox.
    pub hint: String,
    /// Zero so far.
    pub salt: u64,
    /// An encoded `EncryptedPayload`.
    pub payload: Vec<u8>,
}

impl Envelope {
    /// Wraps `payload` for the receiver `hint` names.
    #[must_use]
    pub const fn new(hint: String, payload: Vec<u8>) -> Self {
        Self { hint, salt: 0, payload }
    }

    /// The protobuf bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.hint.len() + self.payload.len() + 16);
        put_bytes(&mut out, 1, self.hint.as_bytes());
        put_u64(&mut out, 2, self.salt);
        put_bytes(&mut out, 5, &self.payload);
        out
    }

    /// Reads an envelope.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not its canonical protobuf.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut envelope = Self::new(String::new(), Vec::new());
        fields(bytes, &[], |number, value| {
            match number {
                1 => envelope.hint = text(value)?,
                2 => envelope.salt = nonzero(value.u64()?)?,
                5 => envelope.payload = nonempty(value.bytes()?)?.to_vec(),
                _ => return Err(DecodeError::NotCanonical),
            }
            Ok(())
        })?;
        Ok(envelope)
    }
}

/// `PrivateV1Frame`: what a message of the ratchet carries.
///
/// | field | number | |
/// |---|---|---|
/// | `conversation_id` | 1 | string, the sender's own receiving id |
/// | `sender` | 2 | bytes, `delete` so far |
/// | `timestamp` | 3 | i64, milliseconds |
/// | `content` or `placeholder` | 10 or 11 | bytes or `{counter = 1}` |
///
/// `placeholder` is the deployed definition's name for a frame that carries a number and no content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// The sender's own receiving id.
    pub conversation_id: String,
    /// `delete` so far.
    pub sender: Vec<u8>,
    /// Milliseconds since 1970, as the sender says.
    pub timestamp: i64,
    /// What it carries.
    pub content: FrameContent,
}

/// The two kinds of [`Frame`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameContent {
    /// Bytes of the application.
    Content(Vec<u8>),
    /// Nothing, numbered.
    Placeholder(u32),
}

impl Frame {
    /// A frame of content as libchat builds it.
    #[must_use]
    pub fn content(conversation_id: String, timestamp: i64, content: Vec<u8>) -> Self {
        let content = FrameContent::Content(content);
        Self { conversation_id, sender: b"delete".to_vec(), timestamp, content }
    }

    /// The protobuf bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, 1, self.conversation_id.as_bytes());
        put_bytes(&mut out, 2, &self.sender);
        put_u64(&mut out, 3, self.timestamp.cast_unsigned());
        match &self.content {
            FrameContent::Content(content) => put_message(&mut out, 10, content),
            FrameContent::Placeholder(counter) => {
                let mut inner = Vec::new();
                put_u64(&mut inner, 1, u64::from(*counter));
                put_message(&mut out, 11, &inner);
            }
        }
        out
    }

    /// Reads a frame.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not its canonical protobuf.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut frame = Self::content(String::new(), 0, Vec::new());
        frame.sender.clear();
        let mut content = None;
        fields(bytes, &[], |number, value| {
            match number {
                1 => frame.conversation_id = text(value)?,
                2 => frame.sender = nonempty(value.bytes()?)?.to_vec(),
                3 => frame.timestamp = nonzero(value.u64()?)?.cast_signed(),
                10 | 11 if content.is_some() => return Err(DecodeError::NotCanonical),
                10 => content = Some(FrameContent::Content(value.bytes()?.to_vec())),
                11 => content = Some(FrameContent::Placeholder(placeholder(value)?)),
                _ => return Err(DecodeError::NotCanonical),
            }
            Ok(())
        })?;
        frame.content = content.ok_or(DecodeError::NotCanonical)?;
        Ok(frame)
    }
}

/// Field 11, `placeholder`: the number of a frame without content.
fn placeholder(value: Value<'_>) -> Result<u32, DecodeError> {
    let mut counter = 0;
    fields(value.bytes()?, &[], |number, value| {
        counter = if number == 1 { value.u32()? } else { 0 };
        if counter == 0 { Err(DecodeError::NotCanonical) } else { Ok(()) }
    })?;
    Ok(counter)
}

/// `EncryptedPayload`: one of a ratchet message (2) and a handshake (3).
#[derive(Debug)]
pub(crate) enum Payload<'a> {
    Ratchet(RatchetMessage<'a>),
    Handshake(Handshake<'a>),
}

/// `InboxHandshakeV1`: four public keys in the clear and the invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Handshake<'a> {
    /// Identity of the initiator.
    pub initiator_static: PublicKey,
    /// Its ephemeral key.
    pub initiator_ephemeral: PublicKey,
    /// Identity of the responder.
    pub responder_static: PublicKey,
    /// The prekey the introduction named.
    pub responder_ephemeral: PublicKey,
    /// `InboxV1Frame`.
    pub invite: &'a [u8],
}

impl<'a> Handshake<'a> {
    /// Reads the handshake of an `EncryptedPayload`, to find out which prekey it wants.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not a canonical handshake.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        match Payload::decode(payload)? {
            Payload::Handshake(handshake) => Ok(handshake),
            Payload::Ratchet(_) => Err(DecodeError::NotCanonical),
        }
    }
}

impl<'a> Payload<'a> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (number, inner) = match self {
            Self::Ratchet(message) => (2, encode_ratchet(message)),
            Self::Handshake(handshake) => (3, encode_handshake(handshake)),
        };
        let mut out = Vec::with_capacity(inner.len() + 6);
        put_message(&mut out, number, &inner);
        out
    }

    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut payload = None;
        fields(bytes, &[], |number, value| {
            let decoded = match number {
                2 => Self::Ratchet(decode_ratchet(value.bytes()?)?),
                3 => Self::Handshake(decode_handshake(value.bytes()?)?),
                _ => return Err(DecodeError::NotCanonical),
            };
            match payload.replace(decoded) {
                None => Ok(()),
                Some(_) => Err(DecodeError::NotCanonical),
            }
        })?;
        payload.ok_or(DecodeError::NotCanonical)
    }
}

/// `Doubleratchet{dh = 1, msgNum = 2, prevChainLen = 3, ciphertext = 4, aux = 5}`, `aux` empty.
pub(crate) fn encode_ratchet(message: &RatchetMessage<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.ciphertext.len() + 52);
    put_bytes(&mut out, 1, message.header.ratchet.as_bytes());
    put_u64(&mut out, 2, message.header.n.into());
    put_u64(&mut out, 3, message.header.previous.into());
    put_bytes(&mut out, 4, message.ciphertext);
    out
}

pub(crate) fn decode_ratchet(bytes: &[u8]) -> Result<RatchetMessage<'_>, DecodeError> {
    let (mut ratchet, mut n, mut previous, mut ciphertext) = (None, 0, 0, &[][..]);
    fields(bytes, &[], |number, value| {
        match number {
            1 => ratchet = Some(key(value)?),
            2 => n = nonzero(u64::from(value.u32()?)).and(value.u32())?,
            3 => previous = nonzero(u64::from(value.u32()?)).and(value.u32())?,
            4 => ciphertext = nonempty(value.bytes()?)?,
            _ => return Err(DecodeError::NotCanonical),
        }
        Ok(())
    })?;
    let ratchet = ratchet.ok_or(DecodeError::NotCanonical)?;
    Ok(RatchetMessage { header: Header { ratchet, previous, n, flags: 0 }, ciphertext })
}

fn encode_handshake(handshake: &Handshake<'_>) -> Vec<u8> {
    let mut header = Vec::with_capacity(4 * 34);
    put_bytes(&mut header, 1, handshake.initiator_static.as_bytes());
    put_bytes(&mut header, 2, handshake.initiator_ephemeral.as_bytes());
    put_bytes(&mut header, 3, handshake.responder_static.as_bytes());
    put_bytes(&mut header, 4, handshake.responder_ephemeral.as_bytes());
    let mut out = Vec::with_capacity(header.len() + handshake.invite.len() + 8);
    put_message(&mut out, 1, &header);
    put_bytes(&mut out, 2, handshake.invite);
    out
}

fn decode_handshake(bytes: &[u8]) -> Result<Handshake<'_>, DecodeError> {
    let (mut header, mut invite) = (None, &[][..]);
    fields(bytes, &[], |number, value| {
        match number {
            1 => header = Some(decode_keys(value.bytes()?)?),
            2 => invite = nonempty(value.bytes()?)?,
            _ => return Err(DecodeError::NotCanonical),
        }
        Ok(())
    })?;
    let [initiator_static, initiator_ephemeral, responder_static, responder_ephemeral] =
        header.ok_or(DecodeError::NotCanonical)?;
    Ok(Handshake {
        initiator_static,
        initiator_ephemeral,
        responder_static,
        responder_ephemeral,
        invite,
    })
}

/// Fields 1 to 4, each once, each a key.
fn decode_keys(bytes: &[u8]) -> Result<[PublicKey; 4], DecodeError> {
    let mut keys = Vec::with_capacity(4);
    fields(bytes, &[], |number, value| {
        if number != keys.len() as u64 + 1 {
            return Err(DecodeError::NotCanonical);
        }
        keys.push(key(value)?);
        Ok(())
    })?;
    keys.try_into().map_err(|_| DecodeError::NotCanonical)
}

/// `InboxV1Frame{invite_private_v1 = 1 {discriminator = 5, initial_message = 6}}`.
pub(crate) fn encode_invite(message: &[u8]) -> Vec<u8> {
    let mut invite = Vec::with_capacity(message.len() + 16);
    put_bytes(&mut invite, 5, DISCRIMINATOR);
    put_message(&mut invite, 6, message);
    let mut out = Vec::with_capacity(invite.len() + 4);
    put_message(&mut out, 1, &invite);
    out
}

pub(crate) fn decode_invite(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    let (mut invite, mut message) = (None, None);
    fields(bytes, &[], |number, value| match number {
        1 => value.bytes().map(|bytes| invite = Some(bytes)),
        _ => Err(DecodeError::NotCanonical),
    })?;
    fields(invite.ok_or(DecodeError::NotCanonical)?, &[], |number, value| match number {
        5 if value.bytes()? == DISCRIMINATOR => Ok(()),
        6 => value.bytes().map(|bytes| message = Some(bytes)),
        _ => Err(DecodeError::NotCanonical),
    })?;
    message.ok_or(DecodeError::NotCanonical)
}

const DISCRIMINATOR: &[u8] = b"default";

fn key(value: Value<'_>) -> Result<PublicKey, DecodeError> {
    value.array().copied().map(PublicKey::from_bytes)
}

fn text(value: Value<'_>) -> Result<String, DecodeError> {
    let bytes = nonempty(value.bytes()?)?;
    core::str::from_utf8(bytes).map(String::from).map_err(|_| DecodeError::NotCanonical)
}

fn nonempty(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    if bytes.is_empty() { Err(DecodeError::NotCanonical) } else { Ok(bytes) }
}

fn nonzero(value: u64) -> Result<u64, DecodeError> {
    if value == 0 { Err(DecodeError::NotCanonical) } else { Ok(value) }
}
