//! Who a message is from, and how others can tell.

use std::fmt;

use logos_crypto::keys::{Signature, SigningKey, VerifyingKey};

use crate::channel::id::{ChannelId, ParticipantId};
use crate::hex;

const SIGNED: &[u8] = b"logos-channel/1/message";
const SIGNATURE_BYTES: usize = 64;

/// How a participant names itself, the same for all participants of a channel.
///
/// A frame is what goes around, sealed: the message, after a signature over channel and message if
/// names are keys.
#[expect(clippy::large_enum_variant, reason = "a channel has one")]
pub enum Author {
    /// By any name. Whoever holds the channel's key can write in it: for two participants, or where
    /// all trust each other.
    Named(ParticipantId),
    /// By an Ed25519 key whose hexadecimal digits are the name. No participant can speak, confirm
    /// or ask for another.
    Signed(SigningKey),
}

impl Author {
    /// The name.
    #[must_use]
    pub fn id(&self) -> ParticipantId {
        match self {
            Self::Named(id) => id.clone(),
            Self::Signed(key) => name_of(&key.verifying_key()),
        }
    }

    /// The frame of a message that is written here.
    pub(super) fn frame(&self, channel: &ChannelId, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Named(_) => message.to_vec(),
            Self::Signed(key) => {
                let signature = key.sign(&signed(channel, message));
                [signature.as_bytes().as_slice(), message].concat()
            }
        }
    }

    /// The message of a frame, not checked yet.
    pub(super) fn message<'a>(&self, frame: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Named(_) => Some(frame),
            Self::Signed(_) => frame.get(SIGNATURE_BYTES..),
        }
    }

    /// Did `sender` write the frame? One signature verification, if names are keys.
    pub(super) fn is_by(&self, sender: &ParticipantId, channel: &ChannelId, frame: &[u8]) -> bool {
        match self {
            Self::Named(_) => true,
            Self::Signed(_) => verify(sender, channel, frame).is_some(),
        }
    }
}

fn verify(sender: &ParticipantId, channel: &ChannelId, frame: &[u8]) -> Option<()> {
    let (signature, message) = frame.split_first_chunk::<SIGNATURE_BYTES>()?;
    let key: [u8; 32] = hex::decode(sender.as_str()).ok()?.as_slice().try_into().ok()?;
    let key = VerifyingKey::from_bytes(&key).ok()?;
    // One key, one name: no upper case.
    let is_name = name_of(&key) == *sender;
    let signature = Signature::from_bytes(*signature);
    (is_name && key.verify(&signed(channel, message), &signature).is_ok()).then_some(())
}

fn name_of(key: &VerifyingKey) -> ParticipantId {
    let name = ParticipantId::new(&hex::encode(key.as_bytes()));
    #[expect(clippy::expect_used, reason = "64 digits are a name")]
    name.expect("64 digits are a name")
}

fn signed(channel: &ChannelId, message: &[u8]) -> Vec<u8> {
    // Invariant: a channel's name has at most 128 bytes.
    let length = u8::try_from(channel.as_str().len()).unwrap_or(u8::MAX);
    [SIGNED, &[length], channel.as_str().as_bytes(), message].concat()
}

impl fmt::Debug for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(id) => f.debug_tuple("Named").field(id).finish(),
            Self::Signed(_) => f.debug_tuple("Signed").field(&self.id()).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_frame_is_by_its_key_and_for_its_channel_alone() {
        let [saro, raya] = [1, 2].map(|seed| {
            Author::Signed(SigningKey::from_secret(&logos_crypto::secret::Secret::new([seed; 32])))
        });
        let [chat, other] = ["chat", "other"].map(|name| ChannelId::new(name).unwrap());
        let mut frame = saro.frame(&chat, b"text");
        assert_eq!(raya.message(&frame), Some(&b"text"[..]));
        assert!(raya.is_by(&saro.id(), &chat, &frame));
        assert!(!raya.is_by(&raya.id(), &chat, &frame));
        assert!(!raya.is_by(&saro.id(), &other, &frame));
        let upper = ParticipantId::new(&saro.id().as_str().to_uppercase()).unwrap();
        assert!(!raya.is_by(&upper, &chat, &frame));
        frame[67] ^= 1;
        assert!(!raya.is_by(&saro.id(), &chat, &frame));
    }
}
