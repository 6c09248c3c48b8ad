//! The suites of this project: [`HybridV1`] and [`ClassicV1`]. The byte-exact specification is
//! `docs/ratchet.md`.

use alloc::vec::Vec;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use logos_crypto::aead;
use logos_crypto::codec::Reader;
use logos_crypto::kdf::{Label, Prk};
use logos_crypto::keys::PublicKey;
use logos_crypto::secret::Secret;
use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::double_ratchet::{DecryptError, KemSignal, MAX_SKIPPED, take_signal};
use crate::keys::{ChainKey, HeaderKey, MessageKey, RootKey};
use crate::suite::{Binding, Body, Header, Mechanics, RootStep, Suite, SuiteId};

/// X3DH and double ratchet with header encryption; ML-KEM-768 in the handshake and in the ratchet
/// if `POST_QUANTUM`.
#[derive(Clone, Copy, Debug)]
pub struct LogosV1<const POST_QUANTUM: bool>;

/// The default suite: secure while either X25519 or ML-KEM-768 stands.
pub type HybridV1 = LogosV1<true>;
/// [`HybridV1`] without ML-KEM: bundles and first messages are a kilobyte smaller, and recorded
/// traffic falls to a quantum computer.
pub type ClassicV1 = LogosV1<false>;

/// Bytes of an encrypted header: 41 and a tag.
const SEALED_HEADER_BYTES: usize = HEADER_BYTES + aead::TAG_BYTES;
const HEADER_BYTES: usize = 32 + 4 + 4 + 1;
/// Bytes a message is longer than its padded body.
const FRAME_BYTES: usize = 1 + SEALED_HEADER_BYTES + aead::TAG_BYTES;
/// The nonce of keys that seal one message only.
pub(crate) const ONCE: [u8; aead::NONCE_BYTES] = [0; aead::NONCE_BYTES];
const CHAIN_NONCE: [u8; 12] = *b"logos-ratchk";
/// Ends the content; zeros follow.
const PADDING_MARK: u8 = 0x80;

/// The bytes of a message, named.
#[derive(Debug)]
pub struct Frame<'a> {
    suite: u8,
    header: &'a [u8; HEADER_BYTES],
    header_tag: &'a [u8; aead::TAG_BYTES],
    body: &'a [u8],
    body_tag: &'a [u8; aead::TAG_BYTES],
}

impl<const POST_QUANTUM: bool> Suite for LogosV1<POST_QUANTUM> {
    const ID: SuiteId = if POST_QUANTUM { SuiteId::HybridV1 } else { SuiteId::ClassicV1 };
}

impl<const POST_QUANTUM: bool> Mechanics for LogosV1<POST_QUANTUM> {
    // Headers are authenticated before their numbers are believed, so only the peer can ask for
    // the work; the bound is what one gap may cost in keys.
    const MAX_JUMP: u32 = 2000;
    const MAX_CHAINS: usize = 8;
    const CLOSES_CHAINS: bool = true;

    type Parsed<'a> = Frame<'a>;

    fn root_step(root: &RootKey, dh: &Secret<32>, kem: Option<&Secret<32>>) -> RootStep {
        let prk = match kem {
            None => Prk::extract(root.expose(), &[dh.expose()]),
            Some(kem) => Prk::extract(root.expose(), &[dh.expose(), kem.expose()]),
        };
        let keys = prk.expand::<96>(ROOT, &[&[Self::ID as u8]]);
        let (root, chain, header) = thirds(&keys);
        RootStep {
            root: RootKey::new(root),
            chain: ChainKey::new(chain),
            next_header: Some(HeaderKey::new(header)),
        }
    }

    fn chain_step(chain: &ChainKey) -> (ChainKey, MessageKey) {
        let mut block = [0; 64];
        ChaCha20::new(chain.expose().into(), &CHAIN_NONCE.into()).apply_keystream(&mut block);
        let (next, key) = halves(&block);
        block.zeroize();
        (ChainKey::new(next), MessageKey::new(key))
    }

    fn seal(
        key: MessageKey,
        header: &Header,
        header_key: Option<&HeaderKey>,
        binding: &Binding,
        body: &Body<'_>,
        _rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let padded = padded_len(body);
        let mut message = Vec::with_capacity(FRAME_BYTES + padded);
        let mut head = encode_header(header);
        message.push(Self::ID as u8);
        message.extend_from_slice(&head);
        message.extend_from_slice(&[0; aead::TAG_BYTES]);
        message.extend_from_slice(body.kem);
        message.extend_from_slice(body.content);
        message.push(PADDING_MARK);
        message.resize(1 + SEALED_HEADER_BYTES + padded, 0);
        let aad = associated(binding, &head);
        let sealed = message.get_mut(1 + SEALED_HEADER_BYTES..).unwrap_or_default();
        let body_tag = aead::seal_detached(key.secret(), &ONCE, &aad, sealed);
        message.extend_from_slice(&body_tag);
        if let Some(header_key) = header_key {
            let nonce = header_nonce(&body_tag);
            let tag =
                aead::seal_extended(header_key.secret(), &nonce, &[Self::ID as u8], &mut head);
            if let Some(place) = message.get_mut(1..=SEALED_HEADER_BYTES) {
                let (place, tag_place) = place.split_at_mut(HEADER_BYTES);
                place.copy_from_slice(&head);
                tag_place.copy_from_slice(&tag);
            }
        }
        message
    }

    fn parse(message: &[u8]) -> Result<Frame<'_>, DecryptError> {
        let frame = parse(message).ok_or(DecryptError::Malformed)?;
        if frame.suite == Self::ID as u8 { Ok(frame) } else { Err(DecryptError::Malformed) }
    }

    fn header(frame: &Frame<'_>, key: Option<&HeaderKey>) -> Option<Header> {
        let mut head = *frame.header;
        let nonce = header_nonce(frame.body_tag);
        aead::open_extended(key?.secret(), &nonce, &[frame.suite], &mut head, frame.header_tag)
            .ok()?;
        decode_header(&head)
    }

    fn open(
        frame: &Frame<'_>,
        key: &MessageKey,
        header: &Header,
        binding: &Binding,
    ) -> Option<Vec<u8>> {
        let aad = associated(binding, &encode_header(header));
        let mut body = frame.body.to_vec();
        aead::open_detached(key.secret(), &ONCE, &aad, &mut body, frame.body_tag).ok()?;
        let end = body.iter().rposition(|byte| *byte != 0)?;
        if body.get(end) != Some(&PADDING_MARK) {
            return None;
        }
        body.truncate(end);
        Some(body)
    }

    fn split(header: &Header, body: &mut Vec<u8>) -> Result<Option<KemSignal>, DecryptError> {
        take_signal(header.flags, body)
    }
}

const ROOT: Label = Label::new("logos-ratchet/1/root");
const _: () = assert!(LogosV1::<true>::MAX_JUMP as usize <= MAX_SKIPPED, "one gap fits");

fn parse(message: &[u8]) -> Option<Frame<'_>> {
    let mut reader = Reader::new(message);
    let suite = reader.u8().ok()?;
    let header = reader.array().ok()?;
    let header_tag = reader.array().ok()?;
    let body = reader.take(reader.remaining().checked_sub(aead::TAG_BYTES)?).ok()?;
    let body_tag = reader.array().ok()?;
    Some(Frame { suite, header, header_tag, body, body_tag })
}

fn encode_header(header: &Header) -> [u8; HEADER_BYTES] {
    let mut out = [0; HEADER_BYTES];
    let (key, rest) = out.split_at_mut(32);
    let (previous, rest) = rest.split_at_mut(4);
    let (n, flags) = rest.split_at_mut(4);
    key.copy_from_slice(header.ratchet.as_bytes());
    previous.copy_from_slice(&header.previous.to_be_bytes());
    n.copy_from_slice(&header.n.to_be_bytes());
    flags.copy_from_slice(&[header.flags]);
    out
}

fn decode_header(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
    let mut reader = Reader::new(bytes);
    let ratchet = PublicKey::from_bytes(*reader.array().ok()?);
    let (previous, n) = (reader.u32_be().ok()?, reader.u32_be().ok()?);
    let flags = reader.u8().ok()?;
    (flags <= MAX_FLAGS).then_some(Header { ratchet, previous, n, flags })
}

/// `OFFER | ANSWER | MIXED`.
const MAX_FLAGS: u8 = 7;

/// The header key seals a whole chain, so each header needs a nonce of its own: the body's tag.
///
/// The tag is a one-time pad away from the message, and the pad is keystream of a message key used
/// once: 128 uniform bits, as the specification of the double ratchet asks of a random header
/// nonce (§4.2). XChaCha20 takes all of them.
fn header_nonce(body_tag: &[u8; aead::TAG_BYTES]) -> [u8; aead::EXTENDED_NONCE_BYTES] {
    let mut nonce = [0; aead::EXTENDED_NONCE_BYTES];
    nonce.iter_mut().zip(body_tag).for_each(|(byte, tag)| *byte = *tag);
    nonce
}

fn associated(binding: &Binding, header: &[u8; HEADER_BYTES]) -> [u8; 32 + HEADER_BYTES] {
    let mut out = [0; 32 + HEADER_BYTES];
    let (front, back) = out.split_at_mut(32);
    front.copy_from_slice(binding);
    back.copy_from_slice(header);
    out
}

/// Length of the padded body: `Padmé` (Nikitin et al., PURBs §4), in steps of at least 16 bytes.
/// It tells an observer O(log log) bits of the length and adds 12 % at most beyond 256 bytes.
fn padded_len(body: &Body<'_>) -> usize {
    let content = body.content.len().max(body.least);
    let len = body.kem.len() + content + 1;
    let exponent = len.max(2).ilog2();
    let kept = exponent.ilog2().saturating_add(1);
    let mask = ((1_usize << exponent.saturating_sub(kept)) - 1).max(15);
    len.saturating_add(mask) & !mask
}

fn halves(bytes: &[u8; 64]) -> (Secret<32>, Secret<32>) {
    let (front, back) = bytes.split_at(32);
    (part(front), part(back))
}

fn thirds(bytes: &Secret<96>) -> (Secret<32>, Secret<32>, Secret<32>) {
    let (first, rest) = bytes.expose().split_at(32);
    let (second, third) = rest.split_at(32);
    (part(first), part(second), part(third))
}

fn part(bytes: &[u8]) -> Secret<32> {
    Secret::with(|key| key.copy_from_slice(bytes))
}
