//! Where messages are published.

use std::fmt;

use logos_crypto::keys::PublicKey;
use sha3::{Digest, Sha3_256};

use crate::channel::{ChannelId, ParticipantId};
use crate::hex;

const CONVERSATION: &[u8] = b"logos-chat/2/conversation";
const INBOX: &[u8] = b"logos-chat/2/inbox";

/// A conversation of two devices, the same on both sides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId([u8; 16]);

impl ConversationId {
    /// The conversation of two identities, in either order.
    #[must_use]
    pub fn of(one: &PublicKey, other: &PublicKey) -> Self {
        let mut keys = [one.as_bytes(), other.as_bytes()];
        keys.sort_unstable();
        Self(hash(CONVERSATION, &keys))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The bytes as an identifier.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Where its messages are published.
    #[must_use]
    pub fn topic(&self) -> String {
        topic(&self.0)
    }

    /// The channel below it.
    pub(super) fn channel(&self) -> ChannelId {
        #[expect(clippy::expect_used, reason = "32 digits are a name")]
        ChannelId::new(&hex::encode(&self.0)).expect("32 digits are a name")
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConversationId({self})")
    }
}

/// Where first messages for this identity are published.
pub(super) fn inbox(identity: &PublicKey) -> String {
    topic(&hash(INBOX, &[identity.as_bytes()]))
}

/// How a device is named in a channel.
pub(super) fn participant(identity: &PublicKey) -> ParticipantId {
    #[expect(clippy::expect_used, reason = "64 digits are a name")]
    ParticipantId::new(&hex::encode(identity.as_bytes())).expect("64 digits are a name")
}

fn topic(name: &[u8; 16]) -> String {
    format!("/logos-chat/2/{}/proto", hex::encode(name))
}

fn hash(label: &[u8], keys: &[&[u8; 32]]) -> [u8; 16] {
    let digest =
        keys.iter().fold(Sha3_256::new_with_prefix(label), |hash, key| hash.chain_update(key));
    digest.finalize().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_find_the_same_conversation() {
        let [saro, raya, pax] = [1, 2, 3].map(|byte| PublicKey::from_bytes([byte; 32]));
        assert_eq!(ConversationId::of(&saro, &raya), ConversationId::of(&raya, &saro));
        assert_ne!(ConversationId::of(&saro, &raya), ConversationId::of(&saro, &pax));
        assert_ne!(inbox(&saro), inbox(&raya));
        assert!(inbox(&saro).starts_with("/logos-chat/2/"));
    }
}
