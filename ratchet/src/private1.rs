//! The one-to-one chat as LIP 242 (PRIVATE1) writes it.
//!
//! The specification leaves the key agreement, the conversation id and the bounds to the
//! implementation; a session here starts from the values it names (`sk`, `rsk`). It differs from
//! the deployed chat by the root key's label, by a second derivation of every message key, and by
//! its framing. Segmentation and reliability, which the specification puts inside the ratchet,
//! are the caller's.

use alloc::vec::Vec;

use logos_crypto::kdf::{Label, Prk};
use logos_crypto::keys::{PublicKey, StaticSecret};
use logos_crypto::secret::Secret;

use crate::keys::MessageKey;
use crate::private_v1::{PrivateV1, RatchetMessage};
use crate::session::{Session, SessionId};
use crate::shipped::{decode_ratchet, encode_ratchet};
use crate::suite::{Suite, SuiteId};

/// The suite of LIP 242.
#[derive(Clone, Copy, Debug)]
pub struct Private1;

impl Suite for Private1 {
    const ID: SuiteId = SuiteId::Private1;
}

impl PrivateV1 for Private1 {
    const ROOT_LABEL: &'static [u8] = b"PrivateV1RootKey";

    /// `KDF_MK`: HKDF-SHA-256 of the message key.
    fn message_key(key: MessageKey) -> MessageKey {
        MessageKey::new(Prk::extract(&[], &[key.expose()]).expand(MESSAGE_KEY, &[]))
    }

    fn frame(message: RatchetMessage<'_>) -> Vec<u8> {
        encode_ratchet(&message)
    }

    fn unframe(bytes: &[u8]) -> Option<RatchetMessage<'_>> {
        decode_ratchet(bytes).ok()
    }
}

const MESSAGE_KEY: Label = Label::new("PrivateV1MessageKey");

impl Session<Private1> {
    /// The side that speaks first. `sk` is the shared secret, `responder` the public half of
    /// `rsk`; `id` names the conversation, the same on both sides.
    ///
    /// # Security
    ///
    /// All authentication is in how `sk` was agreed.
    #[must_use]
    pub fn start(sk: &Secret<32>, peer: PublicKey, responder: PublicKey, id: [u8; 32]) -> Self {
        Self::initiator(sk, peer, responder, SessionId(id))
    }

    /// The side that answers, with its own `rsk`.
    #[must_use]
    pub fn answer(sk: &Secret<32>, peer: PublicKey, rsk: StaticSecret, id: [u8; 32]) -> Self {
        Self::responder(sk, peer, rsk, SessionId(id))
    }
}
