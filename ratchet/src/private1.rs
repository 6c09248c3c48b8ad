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
use rand_core::CryptoRng;

use crate::blake;
use crate::double_ratchet::DecryptError;
use crate::keys::{ChainKey, HeaderKey, MessageKey, RootKey};
use crate::session::{Session, SessionId};
use crate::shipped::RatchetMessage;
use crate::shipped::{decode_ratchet, encode_ratchet, open_with_nonce, seal_with_nonce};
use crate::suite::{Binding, Body, Header, Mechanics, RootStep, Suite, SuiteId};

/// The suite of LIP 242.
#[derive(Clone, Copy, Debug)]
pub struct Private1;

impl Suite for Private1 {
    const ID: SuiteId = SuiteId::Private1;
}

impl Mechanics for Private1 {
    /// `max_skip`, which the specification leaves open.
    const MAX_JUMP: u32 = 256;
    const MAX_CHAINS: usize = 5;
    const CLOSES_CHAINS: bool = true;

    type Parsed<'a> = RatchetMessage<'a>;

    fn root_step(root: &RootKey, dh: &Secret<32>, _kem: Option<&Secret<32>>) -> RootStep {
        blake::root_step(root, dh, b"PrivateV1RootKey")
    }

    /// `KDF_CK`, then `KDF_MK`: HKDF-SHA-256 of the message key.
    fn chain_step(chain: &ChainKey) -> (ChainKey, MessageKey) {
        let (next, key) = blake::chain_step(chain);
        let key = Prk::extract(&[], &[key.expose()]).expand(MESSAGE_KEY, &[]);
        (next, MessageKey::new(key))
    }

    fn seal(
        key: MessageKey,
        header: &Header,
        _header_key: Option<&HeaderKey>,
        _binding: &Binding,
        body: &Body<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let ciphertext = seal_with_nonce(key.secret(), header, body.content, rng);
        encode_ratchet(&RatchetMessage { header: *header, ciphertext: &ciphertext })
    }

    fn parse(message: &[u8]) -> Result<RatchetMessage<'_>, DecryptError> {
        decode_ratchet(message).map_err(|_| DecryptError::Malformed)
    }

    fn header(parsed: &RatchetMessage<'_>, _key: Option<&HeaderKey>) -> Option<Header> {
        Some(parsed.header)
    }

    fn open(
        parsed: &RatchetMessage<'_>,
        key: &MessageKey,
        header: &Header,
        _binding: &Binding,
    ) -> Option<Vec<u8>> {
        open_with_nonce(key.secret(), header, parsed.ciphertext)
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
