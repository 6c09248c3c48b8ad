//! The handshake of `HybridV1` and `ClassicV1`: X3DH, with X-Wing in place of the third agreement,
//! and the initiator's identity encrypted.
//!
//! What goes before the first messages:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | suite + 0x80 |
//! | 1 | 32 | ephemeral key `EK` |
//! | 33 | 4 | id of the signed prekey |
//! | 37 | 4 | id of the one-time prekey, 0 for none |
//! | 41 | 4 | id of the KEM prekey (`HybridV1` only) |
//! | 45 | 1088 | KEM ciphertext (`HybridV1` only) |
//! | .. | 52 | sealed: identity of the initiator (32), generation (4), tag (16) |

use alloc::vec::Vec;

use logos_crypto::aead;
use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::kdf::{Label, Prk};
use logos_crypto::keys::{NonContributory, PublicKey, StaticSecret, VerifyingKey};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::bundle::{Bundle, Numbered};
use crate::double_ratchet::{
    DecryptError, DoubleRatchet, KemRatchet, ReceivingChain, Sending, SendingChain,
};
use crate::kem::{CIPHERTEXT_BYTES, Ciphertext, DecapsulationKey, KemPublicKey, x_wing};
use crate::keys::{ChainKey, HeaderKey, RootKey};
use crate::logos_v1::{LogosV1, ONCE};
use crate::session::{Role, Session, SessionId};
use crate::suite::{Mechanics, Suite};

/// Why no session was opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The bundle has expired.
    #[error("bundle has expired")]
    Expired,
    /// A public key of the other side is of low order, or no key at all.
    #[error("public key of the other side is not usable")]
    BadKey,
    /// The bytes are not a first message of this suite.
    #[error("first message does not decode: {0}")]
    Malformed(#[from] DecodeError),
    /// The first message does not authenticate.
    #[error("first message does not authenticate")]
    Inauthentic,
    /// The handshake is in order, the message after it is not.
    #[error("message after the handshake: {0}")]
    Message(#[from] DecryptError),
}

impl From<NonContributory> for HandshakeError {
    fn from(_: NonContributory) -> Self {
        Self::BadKey
    }
}

/// Marks a first message, beside the suite.
pub(crate) const FIRST: u8 = 0x80;

const IDENTITY_BYTES: usize = 32 + 4;
const SEALED_IDENTITY_BYTES: usize = IDENTITY_BYTES + aead::TAG_BYTES;
/// X3DH §2.2: bytes no curve point encodes to, before the agreements.
const DOMAIN: [u8; 32] = [0xff; 32];

const PROLOGUE: &[u8] = b"logos-ratchet/1/prologue";
const BINDING: &[u8] = b"logos-ratchet/1/binding";
const IDENTITY: Label = Label::new("logos-ratchet/1/identity");
const CHAINING: Label = Label::new("logos-ratchet/1/chaining");
const SESSION: Label = Label::new("logos-ratchet/1/session");

/// A first message, taken apart but not believed.
#[derive(Debug)]
pub(crate) struct FirstMessage<'a> {
    pub(crate) ephemeral: PublicKey,
    pub(crate) signed_id: u32,
    pub(crate) one_time_id: Option<u32>,
    pub(crate) kem: Option<(u32, Ciphertext)>,
    /// Everything before the sealed identity.
    clear: &'a [u8],
    sealed_identity: &'a [u8],
    pub(crate) message: &'a [u8],
}

impl<'a> FirstMessage<'a> {
    pub(crate) fn decode<const POST_QUANTUM: bool>(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            tag if tag == LogosV1::<POST_QUANTUM>::ID as u8 | FIRST => {}
            tag => return Err(DecodeError::UnknownTag { tag }),
        }
        let ephemeral = PublicKey::from_bytes(*reader.array()?);
        let signed_id = reader.u32_be()?;
        let one_time_id = Some(reader.u32_be()?).filter(|id| *id != 0);
        let kem = if POST_QUANTUM {
            let id = reader.u32_be()?;
            Some((id, Ciphertext::from_bytes(reader.array::<CIPHERTEXT_BYTES>()?)))
        } else {
            None
        };
        let clear = bytes.split_at(bytes.len() - reader.remaining()).0;
        let sealed_identity = reader.take(SEALED_IDENTITY_BYTES)?;
        let message = reader.take(reader.remaining())?;
        Ok(Self { ephemeral, signed_id, one_time_id, kem, clear, sealed_identity, message })
    }
}

/// The public keys of the responder that one handshake uses.
struct Responder<'a> {
    identity: &'a PublicKey,
    device: &'a VerifyingKey,
    signed: &'a PublicKey,
    kem_digest: [u8; 32],
    one_time: Option<&'a PublicKey>,
}

/// The secret keys of the responder that one handshake uses; single-use ones are owned.
#[derive(Debug)]
pub(crate) struct ResponderSecrets<'a> {
    pub(crate) identity: &'a StaticSecret,
    pub(crate) device: &'a VerifyingKey,
    pub(crate) signed: StaticSecret,
    pub(crate) one_time: Option<StaticSecret>,
    pub(crate) kem: Option<KemPrekey>,
}

/// A KEM prekey as its owner keeps it.
#[derive(Debug)]
pub(crate) struct KemPrekey {
    pub(crate) secret: DecapsulationKey,
    pub(crate) digest: [u8; 32],
}

pub(crate) fn kem_digest(key: &KemPublicKey) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// The secrets both sides agree on before the initiator says who it is.
struct Agreements {
    /// `X-Wing(EK, SPK)` or `DH(EK, SPK)`.
    prekey: Secret<32>,
    /// `DH(EK, IK_B)`.
    identity: Secret<32>,
    /// `DH(EK, OPK)`.
    one_time: Option<Secret<32>>,
}

impl Agreements {
    /// The initiator's side of all agreements, with `DH(IK_A, SPK)`, which it can make already.
    fn initiate(
        identity: &StaticSecret,
        ephemeral: &StaticSecret,
        responder: &Responder<'_>,
    ) -> Result<(Self, Secret<32>), NonContributory> {
        let prekey = (ephemeral, responder.signed);
        let (theirs, fixed) = ((ephemeral, responder.identity), (identity, responder.signed));
        Ok(match responder.one_time {
            None => {
                let [prekey, identity, fixed] = StaticSecret::agree_all([prekey, theirs, fixed])?;
                (Self { prekey, identity, one_time: None }, fixed)
            }
            Some(key) => {
                let [prekey, identity, fixed, one_time] =
                    StaticSecret::agree_all([prekey, theirs, fixed, (ephemeral, key)])?;
                (Self { prekey, identity, one_time: Some(one_time) }, fixed)
            }
        })
    }

    /// The responder's side, which uses the one-time prekey up.
    fn respond(
        identity: &StaticSecret,
        signed: &StaticSecret,
        one_time: Option<StaticSecret>,
        ephemeral: &PublicKey,
    ) -> Result<Self, NonContributory> {
        let (prekey, ours) = ((signed, ephemeral), (identity, ephemeral));
        Ok(match one_time {
            None => {
                let [prekey, identity] = StaticSecret::agree_all([prekey, ours])?;
                Self { prekey, identity, one_time: None }
            }
            Some(secret) => {
                let [prekey, identity, one_time] =
                    StaticSecret::agree_all([prekey, ours, (&secret, ephemeral)])?;
                Self { prekey, identity, one_time: Some(one_time) }
            }
        })
    }

    /// Combines the secret of the KEM with the agreement on the signed prekey.
    fn with_kem(self, kem: &Secret<32>, ephemeral: &PublicKey, signed: &PublicKey) -> Self {
        Self { prekey: x_wing(kem, &self.prekey, ephemeral, signed), ..self }
    }
}

impl<const POST_QUANTUM: bool> Session<LogosV1<POST_QUANTUM>> {
    /// Opens a session with the owner of `bundle`. The handshake goes out before every message
    /// until the other side has answered.
    ///
    /// Two key generations and three agreements, a fourth if there is a one-time prekey, and an
    /// encapsulation in `HybridV1`. `generation` is 0 for a first session and one more than the
    /// last for a reset.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Expired`], or [`HandshakeError::BadKey`] if a key is of low order.
    pub fn initiate(
        identity: &StaticSecret,
        bundle: &Bundle<POST_QUANTUM>,
        generation: u32,
        now: Tick,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, HandshakeError> {
        if bundle.has_expired(now) {
            return Err(HandshakeError::Expired);
        }
        let one_time = pick(&bundle.one_time, rng);
        let kem = pick(bundle.kem.get(1..).unwrap_or_default(), rng).or(bundle.kem.first());
        let responder = Responder {
            identity: &bundle.identity,
            device: &bundle.device,
            signed: &bundle.signed.key,
            kem_digest: kem.map_or([0; 32], |prekey| kem_digest(&prekey.key)),
            one_time: one_time.map(|prekey| &prekey.key),
        };

        let ephemeral = StaticSecret::random(rng);
        let mut preamble = Writer::with_capacity(1 + 32 + 12 + CIPHERTEXT_BYTES + 52);
        preamble.u8(LogosV1::<POST_QUANTUM>::ID as u8 | FIRST);
        preamble.put(ephemeral.public_key().as_bytes()).u32_be(bundle.signed.id);
        preamble.u32_be(one_time.map_or(0, |prekey| prekey.id));
        let (mut agreements, fixed) = Agreements::initiate(identity, &ephemeral, &responder)?;
        if let Some(prekey) = kem {
            let (ciphertext, secret) = prekey.key.encapsulate(rng);
            preamble.u32_be(prekey.id).put(ciphertext.as_bytes());
            agreements = agreements.with_kem(&secret, &ephemeral.public_key(), responder.signed);
        }
        let mut preamble = preamble.into_bytes();
        let prologue = prologue::<POST_QUANTUM>(&responder, &preamble);
        let (identity_key, chaining) = schedule(&prologue, &agreements);
        let mut sealed = Vec::with_capacity(SEALED_IDENTITY_BYTES);
        sealed.extend_from_slice(identity.public_key().as_bytes());
        sealed.extend_from_slice(&generation.to_be_bytes());
        aead::seal(&identity_key, &ONCE, &prologue, &mut sealed);
        preamble.extend_from_slice(&sealed);

        let binding = binding(&prologue, &identity.public_key(), &sealed);
        let keys = SessionKeys::derive(&chaining, &fixed, &binding);
        Ok(keys.initiator(binding, bundle.identity, generation, preamble, rng))
    }

    /// Accepts a first message: the session and the content.
    pub(crate) fn accept(
        secrets: ResponderSecrets<'_>,
        first: &FirstMessage<'_>,
        now: Tick,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let ResponderSecrets { identity, device, signed, one_time, kem } = secrets;
        let (signed_key, one_time_key) =
            (signed.public_key(), one_time.as_ref().map(StaticSecret::public_key));
        let responder = Responder {
            identity: &identity.public_key(),
            device,
            signed: &signed_key,
            kem_digest: kem.as_ref().map_or([0; 32], |prekey| prekey.digest),
            one_time: one_time_key.as_ref(),
        };
        let agreements = Agreements::respond(identity, &signed, one_time, &first.ephemeral)?;
        let agreements = match (&kem, &first.kem) {
            (Some(prekey), Some((_, ciphertext))) => {
                let secret = prekey.secret.decapsulate(ciphertext);
                agreements.with_kem(&secret, &first.ephemeral, &signed_key)
            }
            (None, None) => agreements,
            _ => return Err(HandshakeError::Inauthentic),
        };
        let prologue = prologue::<POST_QUANTUM>(&responder, first.clear);
        let (identity_key, chaining) = schedule(&prologue, &agreements);
        let mut opened = first.sealed_identity.to_vec();
        aead::open(&identity_key, &ONCE, &prologue, &mut opened)
            .map_err(|_| HandshakeError::Inauthentic)?;
        let mut reader = Reader::new(&opened);
        let peer = PublicKey::from_bytes(*reader.array()?);
        let generation = reader.u32_be()?;

        let binding = binding(&prologue, &peer, first.sealed_identity);
        let keys = SessionKeys::derive(&chaining, &signed.agree(&peer)?, &binding);
        let mut session = keys.responder(binding, peer, generation, first.message)?;
        let content = session.decrypt(first.message, now)?;
        Ok((session, content))
    }
}

/// Hash of everything both sides know before the initiator says who it is.
fn prologue<const POST_QUANTUM: bool>(responder: &Responder<'_>, clear: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(PROLOGUE)
        .chain_update([LogosV1::<POST_QUANTUM>::ID as u8])
        .chain_update(responder.identity.as_bytes())
        .chain_update(responder.device.as_bytes())
        .chain_update(responder.signed.as_bytes())
        .chain_update(responder.kem_digest)
        .chain_update(responder.one_time.map_or(&[0; 32], PublicKey::as_bytes))
        .chain_update(clear)
        .finalize()
        .into()
}

/// Hash of the handshake with both identities: associated data of every message.
fn binding(prologue: &[u8; 32], initiator: &PublicKey, sealed_identity: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(BINDING)
        .chain_update(prologue)
        .chain_update(initiator.as_bytes())
        .chain_update(sealed_identity)
        .finalize()
        .into()
}

/// The key of the sealed identity, and the chaining key.
fn schedule(prologue: &[u8; 32], agreements: &Agreements) -> (Secret<32>, Secret<32>) {
    let Agreements { prekey, identity, one_time } = agreements;
    let one_time: &[u8] = one_time.as_ref().map_or(&[], |secret| secret.expose());
    let prk = Prk::extract(prologue, &[&DOMAIN, prekey.expose(), identity.expose(), one_time]);
    (prk.expand(IDENTITY, &[]), prk.expand(CHAINING, &[]))
}

/// What the double ratchet starts from.
struct SessionKeys {
    root: RootKey,
    chain: ChainKey,
    /// Headers of the initiator's first chain.
    first_header: HeaderKey,
    /// Headers of the responder's first chain.
    responder_header: HeaderKey,
    /// Headers of the initiator's second chain.
    initiator_header: HeaderKey,
    id: SessionId,
}

impl SessionKeys {
    /// `static_dh` is `DH(IK_A, SPK_B)`, which only the initiator named can make.
    fn derive(chaining: &Secret<32>, static_dh: &Secret<32>, binding: &[u8; 32]) -> Self {
        let okm = Prk::extract(chaining.expose(), &[static_dh.expose()])
            .expand::<192>(SESSION, &[binding]);
        let mut parts = okm.expose().chunks_exact(32);
        let mut next = || {
            Secret::<32>::with(|key| {
                key.copy_from_slice(parts.next().unwrap_or(&[0; 32]));
            })
        };
        Self {
            root: RootKey::new(next()),
            chain: ChainKey::new(next()),
            first_header: HeaderKey::new(next()),
            responder_header: HeaderKey::new(next()),
            initiator_header: HeaderKey::new(next()),
            id: SessionId(*next().expose()),
        }
    }

    fn initiator<const POST_QUANTUM: bool>(
        self,
        binding: [u8; 32],
        peer: PublicKey,
        generation: u32,
        preamble: Vec<u8>,
        rng: &mut impl CryptoRng,
    ) -> Session<LogosV1<POST_QUANTUM>> {
        let sending = Sending::Active(SendingChain {
            secret: StaticSecret::random(rng),
            chain: self.chain,
            n: 0,
            previous: 0,
            header_key: Some(self.first_header),
            flags: 0,
        });
        let ratchet = DoubleRatchet {
            root: self.root,
            binding,
            sending,
            receiving: Vec::new(),
            next_sending_header: Some(self.initiator_header),
            next_receiving_header: Some(self.responder_header),
            kem: if POST_QUANTUM { KemRatchet::initiator() } else { KemRatchet::Off },
            suite: core::marker::PhantomData,
        };
        let (id, role) = (self.id, Role::Initiator);
        Session { ratchet, id, role, peer, generation, confirmed: false, preamble }
    }

    /// The header of the first message is read here, for the initiator's first ratchet key.
    fn responder<const POST_QUANTUM: bool>(
        self,
        binding: [u8; 32],
        peer: PublicKey,
        generation: u32,
        message: &[u8],
    ) -> Result<Session<LogosV1<POST_QUANTUM>>, HandshakeError> {
        let frame = LogosV1::<POST_QUANTUM>::parse(message)?;
        let header = LogosV1::<POST_QUANTUM>::header(&frame, Some(&self.first_header))
            .ok_or(HandshakeError::Inauthentic)?;
        let chain = ReceivingChain::new(header.ratchet, Some(self.first_header), self.chain);
        let ratchet = DoubleRatchet {
            root: self.root,
            binding,
            sending: Sending::Idle { remote: header.ratchet, previous: 0 },
            receiving: alloc::vec![chain],
            next_sending_header: Some(self.responder_header),
            next_receiving_header: Some(self.initiator_header),
            kem: if POST_QUANTUM { KemRatchet::responder() } else { KemRatchet::Off },
            suite: core::marker::PhantomData,
        };
        let (id, role, preamble) = (self.id, Role::Responder, Vec::new());
        Ok(Session { ratchet, id, role, peer, generation, confirmed: false, preamble })
    }
}

/// A random one, so that two strangers with one bundle seldom take the same.
fn pick<'a, K>(keys: &'a [Numbered<K>], rng: &mut impl CryptoRng) -> Option<&'a Numbered<K>> {
    let len = u32::try_from(keys.len()).ok().filter(|len| *len > 0)?;
    keys.get(usize::try_from(rng.next_u32() % len).ok()?)
}
