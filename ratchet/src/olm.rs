//! The Olm ratchet, to be compared with vodozemac byte for byte. Feature `olm`, for tests only.
//!
//! Its messages end in eight bytes of MAC and bind no identities; its headers are in the clear and
//! do not say how long the previous chain was.

use alloc::vec::Vec;

use aes::Aes256;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use logos_crypto::kdf::{Label, Prk};
use logos_crypto::keys::{PublicKey, StaticSecret};
use logos_crypto::protobuf::{fields, put_message, put_varint};
use logos_crypto::secret::Secret;
use rand_core::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::double_ratchet::{
    DecryptError, DoubleRatchet, KemRatchet, ReceivingChain, Sending, SendingChain,
};
use crate::keys::{ChainKey, HeaderKey, MessageKey, RootKey};
use crate::session::{Role, Session, SessionId};
use crate::suite::{Binding, Body, Header, Mechanics, RootStep, Suite, SuiteId};

/// The Olm suite, version 1 messages.
#[derive(Clone, Copy, Debug)]
pub struct Olm;

const VERSION: u8 = 3;
const MAC_BYTES: usize = 8;
const RATCHET: Label = Label::new("OLM_RATCHET");
const KEYS: Label = Label::new("OLM_KEYS");

/// A message taken apart: what the MAC covers, and the MAC.
#[derive(Debug)]
pub struct Parsed<'a> {
    covered: &'a [u8],
    mac: &'a [u8],
    header: Header,
    ciphertext: &'a [u8],
}

impl Suite for Olm {
    const ID: SuiteId = SuiteId::Olm;
}

impl Mechanics for Olm {
    const MAX_JUMP: u32 = 2000;
    const MAX_CHAINS: usize = 5;
    const CLOSES_CHAINS: bool = false;

    type Parsed<'a> = Parsed<'a>;

    fn root_step(root: &RootKey, dh: &Secret<32>, _kem: Option<&Secret<32>>) -> RootStep {
        let keys = Prk::extract(root.expose(), &[dh.expose()]).expand::<64>(RATCHET, &[]);
        let (root, chain) = keys.expose().split_at(32);
        RootStep {
            root: RootKey::new(Secret::with(|key| key.copy_from_slice(root))),
            chain: ChainKey::new(Secret::with(|key| key.copy_from_slice(chain))),
            next_header: None,
        }
    }

    fn chain_step(chain: &ChainKey) -> (ChainKey, MessageKey) {
        let step =
            |seed| Secret::<32>::with(|key| key.copy_from_slice(&mac(chain.expose(), &[seed])));
        (ChainKey::new(step(2)), MessageKey::new(step(1)))
    }

    fn seal(
        key: MessageKey,
        header: &Header,
        _header_key: Option<&HeaderKey>,
        _binding: &Binding,
        body: &Body<'_>,
        _rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let (aes, mac_key, iv) = expand(&key);
        let ciphertext = cbc::Encryptor::<Aes256>::new(&aes.into(), &iv.into())
            .encrypt_padded_vec::<Pkcs7>(body.content);
        let mut message = alloc::vec![VERSION];
        put_message(&mut message, 1, header.ratchet.as_bytes());
        put_varint(&mut message, 2 << 3);
        put_varint(&mut message, header.n.into());
        put_message(&mut message, 4, &ciphertext);
        let tag = mac(&mac_key, &message);
        message.extend_from_slice(tag.split_at(MAC_BYTES).0);
        message
    }

    fn parse(message: &[u8]) -> Result<Parsed<'_>, DecryptError> {
        parse(message).ok_or(DecryptError::Malformed)
    }

    fn header(parsed: &Parsed<'_>, _key: Option<&HeaderKey>) -> Option<Header> {
        Some(parsed.header)
    }

    fn open(
        parsed: &Parsed<'_>,
        key: &MessageKey,
        _header: &Header,
        _binding: &Binding,
    ) -> Option<Vec<u8>> {
        let (aes, mac_key, iv) = expand(key);
        let expected = mac(&mac_key, parsed.covered);
        let matches = expected.split_at(MAC_BYTES).0.ct_eq(parsed.mac);
        bool::from(matches).then_some(())?;
        cbc::Decryptor::<Aes256>::new(&aes.into(), &iv.into())
            .decrypt_padded_vec::<Pkcs7>(parsed.ciphertext)
            .ok()
    }
}

fn parse(message: &[u8]) -> Option<Parsed<'_>> {
    let (covered, mac) = message.split_at_checked(message.len().checked_sub(MAC_BYTES)?)?;
    let (version, inner) = covered.split_first()?;
    let (mut ratchet, mut n, mut ciphertext) = (None, None, &[][..]);
    fields(inner, &[], |number, value| {
        match number {
            1 => ratchet = Some(PublicKey::from_bytes(*value.array()?)),
            2 => n = Some(value.u32()?),
            4 => ciphertext = value.bytes()?,
            _ => {}
        }
        Ok(())
    })
    .ok()?;
    let header = Header { ratchet: ratchet?, previous: 0, n: n?, flags: 0 };
    (*version == VERSION).then_some(Parsed { covered, mac, header, ciphertext })
}

fn expand(key: &MessageKey) -> ([u8; 32], [u8; 32], [u8; 16]) {
    let keys = Prk::extract(&[0], &[key.expose()]).expand::<80>(KEYS, &[]);
    let (mut aes, mut mac, mut iv) = ([0; 32], [0; 32], [0; 16]);
    let (front, back) = keys.expose().split_at(32);
    let (middle, back) = back.split_at(32);
    aes.copy_from_slice(front);
    mac.copy_from_slice(middle);
    iv.copy_from_slice(back);
    (aes, mac, iv)
}

fn mac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let state = Hmac::<Sha256>::new_from_slice(key);
    state.map_or([0; 32], |state| state.chain_update(message).finalize().into_bytes().into())
}

impl Session<Olm> {
    /// The side that opened the session, from its first root, chain and ratchet key.
    #[must_use]
    pub fn outbound(root: [u8; 32], chain: [u8; 32], ratchet: [u8; 32], peer: PublicKey) -> Self {
        let sending = Sending::Active(SendingChain {
            secret: StaticSecret::from_secret(Secret::new(ratchet)),
            chain: ChainKey::new(Secret::new(chain)),
            n: 0,
            previous: 0,
            header_key: None,
            flags: 0,
        });
        Self::from_parts(root, sending, Vec::new(), Role::Initiator, peer)
    }

    /// The side that was invited; `remote` is the other side's first ratchet key.
    #[must_use]
    pub fn inbound(root: [u8; 32], chain: [u8; 32], remote: PublicKey, peer: PublicKey) -> Self {
        let first = ReceivingChain::new(remote, None, ChainKey::new(Secret::new(chain)));
        let sending = Sending::Idle { remote, previous: 0 };
        Self::from_parts(root, sending, alloc::vec![first], Role::Responder, peer)
    }

    fn from_parts(
        root: [u8; 32],
        sending: Sending,
        receiving: Vec<ReceivingChain>,
        role: Role,
        peer: PublicKey,
    ) -> Self {
        let ratchet = DoubleRatchet {
            root: RootKey::new(Secret::new(root)),
            binding: [0; 32],
            sending,
            receiving,
            next_sending_header: None,
            next_receiving_header: None,
            kem: KemRatchet::Off,
            suite: core::marker::PhantomData,
        };
        let (id, preamble) = (SessionId([0; 32]), Vec::new());
        Self { ratchet, id, role, peer, generation: 0, confirmed: false, preamble }
    }
}
