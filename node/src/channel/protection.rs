//! The encryption of a channel's frames.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 24 | nonce, random |
//! | 25 | n | ciphertext |
//! | 25 + n | 16 | tag |
//!
//! ChaCha20-Poly1305 under a key of its own for each frame: HKDF of the channel's key and the
//! nonce. Channel, dialect and schema are part of the channel's key, so members who disagree on
//! them cannot read each other rather than misread.

use std::fmt;

use logos_crypto::aead;
use logos_crypto::kdf::{Label, Prk};
use logos_crypto::secret::Secret;
use rand_core::CryptoRng;
use thiserror::Error;

use super::id::ChannelId;
use crate::hex;
use crate::wire::ContentTopic;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const FRAME: Label = Label::new("logos-channel/1/frame");
const TOPIC: Label = Label::new("logos-channel/1/topic");

/// Bytes that sealing adds to a frame.
pub const SEAL_BYTES: usize = 1 + NONCE_BYTES + aead::TAG_BYTES;

/// How frames are protected.
pub enum Protection {
    /// Encrypted under a key that all members have.
    Sealed(ChannelKey),
    /// Not at all: for frames that go through an encrypted session, and for the deployed channels
    /// that do not encrypt.
    Clear,
}

/// The key of a channel.
pub struct ChannelKey(Prk);

/// The frame is not what a member sealed for this channel.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("frame does not authenticate")]
pub struct Unreadable;

impl ChannelKey {
    /// The key of `channel`, from 32 uniform bytes that its members share.
    #[must_use]
    pub fn new(secret: &Secret<32>, channel: &ChannelId) -> Self {
        Self(Prk::extract(channel.as_str().as_bytes(), &[secret.expose()]))
    }

    /// Where the channel's frames are published, unless its members agree on another topic:
    /// `/logos-channel/1/<16 bytes of the key>/proto`. Who does not have the key cannot tell which
    /// channel it is.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "four parts are a topic")]
    pub fn topic(&self) -> ContentTopic {
        let name: Secret<32> = self.0.expand(TOPIC, &[]);
        let name: [u8; 16] = name.expose().first_chunk().copied().unwrap_or_default();
        let text = format!("/logos-channel/1/{}/proto", hex::encode(&name));
        #[expect(clippy::expect_used, reason = "four parts are a topic")]
        text.parse().expect("four parts are a topic")
    }

    fn frame_key(&self, nonce: &[u8; NONCE_BYTES], format: [u8; 2]) -> Secret<32> {
        self.0.expand(FRAME, &[&[VERSION], &format, nonce])
    }
}

impl Protection {
    /// What goes on the wire. `format` says how the frame is written.
    pub(super) fn seal(
        &self,
        frame: &[u8],
        format: [u8; 2],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Vec<u8> {
        let Self::Sealed(key) = self else { return frame.to_vec() };
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let mut out = Vec::with_capacity(frame.len() + SEAL_BYTES);
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(frame);
        let body = out.get_mut(1 + NONCE_BYTES..).unwrap_or_default();
        let tag = aead::seal_detached(&key.frame_key(&nonce, format), &INNER, &[VERSION], body);
        out.extend_from_slice(&tag);
        out
    }

    /// The frame in what came off the wire.
    pub(super) fn open(&self, sealed: &[u8], format: [u8; 2]) -> Result<Vec<u8>, Unreadable> {
        let Self::Sealed(key) = self else { return Ok(sealed.to_vec()) };
        let (nonce, body) = sealed
            .split_first()
            .filter(|(version, _)| **version == VERSION)
            .and_then(|(_, rest)| rest.split_first_chunk())
            .ok_or(Unreadable)?;
        let mut frame = body.to_vec();
        aead::open(&key.frame_key(nonce, format), &INNER, &[VERSION], &mut frame)
            .map_err(|_| Unreadable)?;
        Ok(frame)
    }
}

/// Each key seals one frame.
const INNER: [u8; aead::NONCE_BYTES] = [0; aead::NONCE_BYTES];

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sealed(_) => "Sealed(..)",
            Self::Clear => "Clear",
        })
    }
}

impl fmt::Debug for ChannelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str("ChannelKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    fn sealed(channel: &str) -> Protection {
        let channel = ChannelId::new(channel).unwrap();
        Protection::Sealed(ChannelKey::new(&Secret::new([7; 32]), &channel))
    }

    #[test]
    fn a_frame_opens_in_its_channel_and_format_alone() {
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        let (chat, other) = (sealed("chat"), sealed("other"));
        let bytes = chat.seal(b"frame", [1, 1], &mut rng);
        assert_eq!(bytes.len(), 5 + SEAL_BYTES);
        assert_eq!(chat.open(&bytes, [1, 1]), Ok(b"frame".to_vec()));
        assert_eq!(chat.open(&bytes, [1, 2]), Err(Unreadable));
        assert_eq!(other.open(&bytes, [1, 1]), Err(Unreadable));
        assert_ne!(chat.seal(b"frame", [1, 1], &mut rng), bytes);
    }

    #[test]
    fn a_changed_frame_does_not_open() {
        let chat = sealed("chat");
        let bytes = chat.seal(b"frame", [1, 1], &mut ChaCha20Rng::seed_from_u64(0));
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(chat.open(&bad, [1, 1]), Err(Unreadable));
        }
        assert_eq!(chat.open(&[], [1, 1]), Err(Unreadable));
    }

    #[test]
    fn a_topic_is_of_its_key() {
        let topic = |byte, id| {
            let id = ChannelId::new(id).unwrap();
            ChannelKey::new(&Secret::new([byte; 32]), &id).topic()
        };
        assert_eq!(topic(7, "chat"), topic(7, "chat"));
        assert_ne!(topic(7, "chat"), topic(8, "chat"));
        assert_ne!(topic(7, "chat"), topic(7, "other"));
    }

    #[test]
    fn keys_do_not_print() {
        assert_eq!(format!("{:?}", sealed("chat")), "Sealed(..)");
    }
}
