//! The double ratchet of PrivateV1: what the deployed chat and LIP 242 have in common.

use alloc::vec::Vec;

use logos_crypto::aead;
use logos_crypto::secret::Secret;
use rand_core::CryptoRng;

use crate::blake;
use crate::double_ratchet::DecryptError;
use crate::keys::{ChainKey, HeaderKey, MessageKey, RootKey};
use crate::suite::{Binding, Body, Header, Mechanics, RootStep};

/// A version of PrivateV1: by these four the two differ.
pub(crate) trait PrivateV1: Sized + 'static {
    /// `info` of `KDF_RK`.
    const ROOT_LABEL: &'static [u8];

    /// What seals, from what `KDF_CK` gave.
    fn message_key(key: MessageKey) -> MessageKey;

    /// The bytes of a message.
    fn frame(message: RatchetMessage<'_>) -> Vec<u8>;

    /// The message of some bytes.
    fn unframe(bytes: &[u8]) -> Option<RatchetMessage<'_>>;
}

/// A message of the double ratchet: header in the clear, then `nonce || ciphertext || tag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatchetMessage<'a> {
    pub(crate) header: Header,
    pub(crate) ciphertext: &'a [u8],
}

impl<S: PrivateV1> Mechanics for S {
    // Headers are in the clear, so anybody can ask for this many steps. LIP 242 leaves `max_skip`
    // open; libchat itself skips 10.
    const MAX_JUMP: u32 = 256;
    const MAX_CHAINS: usize = 5;
    const CLOSES_CHAINS: bool = true;

    type Parsed<'a> = RatchetMessage<'a>;

    fn root_step(root: &RootKey, dh: &Secret<32>, _kem: Option<&Secret<32>>) -> RootStep {
        blake::root_step(root, dh, S::ROOT_LABEL)
    }

    fn chain_step(chain: &ChainKey) -> (ChainKey, MessageKey) {
        let (next, key) = blake::chain_step(chain);
        (next, S::message_key(key))
    }

    /// Seals under a random nonce with the 40-byte header as associated data.
    fn seal(
        key: MessageKey,
        header: &Header,
        _header_key: Option<&HeaderKey>,
        _binding: &Binding,
        body: &Body<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let mut nonce = [0; aead::NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let len = aead::NONCE_BYTES + body.content.len() + aead::TAG_BYTES;
        let mut ciphertext = Vec::with_capacity(len);
        ciphertext.extend_from_slice(&nonce);
        ciphertext.extend_from_slice(body.content);
        let content = ciphertext.get_mut(aead::NONCE_BYTES..).unwrap_or_default();
        let tag = aead::seal_detached(key.secret(), &nonce, &associated(header), content);
        ciphertext.extend_from_slice(&tag);
        S::frame(RatchetMessage { header: *header, ciphertext: &ciphertext })
    }

    fn parse(message: &[u8]) -> Result<RatchetMessage<'_>, DecryptError> {
        S::unframe(message).ok_or(DecryptError::Malformed)
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
        let (nonce, sealed) = parsed.ciphertext.split_first_chunk()?;
        let mut content = sealed.to_vec();
        aead::open(key.secret(), nonce, &associated(header), &mut content).ok()?;
        Some(content)
    }
}

fn associated(header: &Header) -> [u8; 40] {
    let mut out = [0; 40];
    let (key, rest) = out.split_at_mut(32);
    let (n, previous) = rest.split_at_mut(4);
    key.copy_from_slice(header.ratchet.as_bytes());
    n.copy_from_slice(&header.n.to_be_bytes());
    previous.copy_from_slice(&header.previous.to_be_bytes());
    out
}
