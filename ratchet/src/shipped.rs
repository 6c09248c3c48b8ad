//! The deployed one-to-one chat (PrivateV1 as shipped), byte for byte.
//!
//! X3DH without one-time prekeys, a BLAKE2b double ratchet with headers in the clear, protobuf
//! framing. What crosses the wire is what libchat sends and accepts; what happens to the state is
//! not: here a forged packet changes nothing, prekeys are used once, low-order keys are refused.
//! `docs/ratchet.md` says what this suite cannot give.

use alloc::string::String;
use alloc::vec::Vec;

use blake2::digest::typenum::U18;
use blake2::{Blake2b, Blake2b512, Digest};
use logos_crypto::kdf::{Label, Prk};
use logos_crypto::keys::{NonContributory, PublicKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::ZeroizeOnDrop;

use crate::blake;
use crate::double_ratchet::{DecryptError, EncryptError};
use crate::keys::MessageKey;
use crate::private_v1::{PrivateV1, RatchetMessage};
use crate::session::{Role, Session, SessionId};
use crate::suite::{Suite, SuiteId};

mod import;
mod intro;
mod wire;

pub use import::ImportError;
pub use intro::{INTRO_PREFIX, IntroError, Introduction};
pub use wire::{Envelope, Frame, FrameContent, Handshake};

use wire::Payload;
pub(crate) use wire::{decode_ratchet, encode_ratchet};

/// The suite of the chat as deployed.
#[derive(Clone, Copy, Debug)]
pub struct LogosShipped;

impl Suite for LogosShipped {
    const ID: SuiteId = SuiteId::LogosShipped;
}

impl PrivateV1 for LogosShipped {
    const ROOT_LABEL: &'static [u8] = b"DoubleRatchetRootKey";

    fn message_key(key: MessageKey) -> MessageKey {
        key
    }

    fn frame(message: RatchetMessage<'_>) -> Vec<u8> {
        Payload::Ratchet(message).encode()
    }

    fn unframe(bytes: &[u8]) -> Option<RatchetMessage<'_>> {
        match Payload::decode(bytes) {
            Ok(Payload::Ratchet(message)) => Some(message),
            _ => None,
        }
    }
}

/// Why no conversation was opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A public key of the other side is of low order.
    #[error("public key of low order")]
    NonContributory,
    /// The bytes are not an invitation.
    #[error("not an invitation")]
    Malformed,
    /// The invitation is for another prekey.
    #[error("invitation is for another prekey")]
    OtherPrekey,
    /// The first message does not decrypt.
    #[error("first message does not decrypt: {0}")]
    FirstMessage(#[from] DecryptError),
    /// The first message cannot be encrypted.
    #[error("first message cannot be encrypted: {0}")]
    Encrypt(#[from] EncryptError),
}

/// A prekey of the responder: named in one introduction, consumed by one conversation.
///
/// Taking it by value is how "used once" is spelled here; in a store, delete it in the batch
/// that saves the session.
///
/// ```compile_fail,E0382
/// use logos_crypto::{keys::StaticSecret, tick::Tick};
/// use logos_ratchet::shipped::{Prekey, accept};
///
/// fn twice(identity: &StaticSecret, prekey: Prekey, payload: &[u8], now: Tick) {
///     let _ = accept(identity, prekey, payload, now);
///     let _ = accept(identity, prekey, payload, now);
/// }
/// ```
#[derive(Debug)]
pub struct Prekey(StaticSecret);

impl Prekey {
    /// Draws a prekey from the caller's random source.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(StaticSecret::random(rng))
    }

    /// The key with this secret, from a store.
    #[must_use]
    pub const fn new(secret: StaticSecret) -> Self {
        Self(secret)
    }

    /// The secret, for a store.
    #[must_use]
    pub const fn expose_secret(&self) -> &StaticSecret {
        &self.0
    }

    /// The public half.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }
}

impl ZeroizeOnDrop for Prekey {}

/// Opens a conversation with the owner of `introduction`, whose signature was checked when it was
/// decoded. Returns the session and the `EncryptedPayload` to send to
/// [`inbox_id`] of the owner.
///
/// # Errors
///
/// [`HandshakeError::NonContributory`] if a key of the introduction is of low order.
pub fn initiate(
    identity: &StaticSecret,
    introduction: &Introduction,
    first_frame: impl FnOnce(&Session<LogosShipped>) -> Vec<u8>,
    rng: &mut impl CryptoRng,
) -> Result<(Session<LogosShipped>, Vec<u8>), HandshakeError> {
    let (identity_b, prekey_b) = (*introduction.identity(), *introduction.prekey());
    let ephemeral = StaticSecret::random(rng);
    let seed = seed(StaticSecret::agree_all([
        (identity, &prekey_b),
        (&ephemeral, &identity_b),
        (&ephemeral, &prekey_b),
    ])?);
    let mut session = Session::initiator(&seed, identity_b, prekey_b, base_id(&seed));
    let frame = first_frame(&session);
    let message = session.encrypt(&frame, rng)?;
    let payload = Payload::Handshake(Handshake {
        initiator_static: identity.public_key(),
        initiator_ephemeral: ephemeral.public_key(),
        responder_static: identity_b,
        responder_ephemeral: prekey_b,
        invite: &wire::encode_invite(&message),
    });
    Ok((session, payload.encode()))
}

/// Accepts the invitation in an `EncryptedPayload`: the session and the bytes of the first frame.
///
/// [`Handshake::decode`] tells first which prekey is meant.
///
/// # Errors
///
/// See [`HandshakeError`]. The prekey is gone then too; keep its secret in the store until the
/// session is committed.
pub fn accept(
    identity: &StaticSecret,
    prekey: Prekey,
    payload: &[u8],
    now: Tick,
) -> Result<(Session<LogosShipped>, Vec<u8>), HandshakeError> {
    let handshake = Handshake::decode(payload).map_err(|_| HandshakeError::Malformed)?;
    if handshake.responder_ephemeral != prekey.public_key()
        || handshake.responder_static != identity.public_key()
    {
        return Err(HandshakeError::OtherPrekey);
    }
    let Prekey(prekey) = prekey;
    let seed = seed(StaticSecret::agree_all([
        (&prekey, &handshake.initiator_static),
        (identity, &handshake.initiator_ephemeral),
        (&prekey, &handshake.initiator_ephemeral),
    ])?);
    let message = wire::decode_invite(handshake.invite).map_err(|_| HandshakeError::Malformed)?;
    let peer = handshake.initiator_static;
    let mut session = Session::responder(&seed, peer, prekey, base_id(&seed));
    let frame = session.decrypt(message, now)?;
    Ok((session, frame))
}

/// `HKDF-SHA256(DH1 || DH2 || DH3, "logos_chat_inbox")`, then BLAKE2b personalised
/// `InboxV1-Seed`.
fn seed(agreements: [Secret<32>; 3]) -> Secret<32> {
    let prk = Prk::extract(&[], &agreements.each_ref().map(|secret| secret.expose().as_slice()));
    blake::mac_256(&prk.expand(INBOX, &[]), b"InboxV1-Seed")
}

const INBOX: Label = Label::new("logos_chat_inbox");

impl From<NonContributory> for HandshakeError {
    fn from(_: NonContributory) -> Self {
        Self::NonContributory
    }
}

/// The 18 bytes both conversation ids are hashed from.
fn base_id(seed: &Secret<32>) -> SessionId {
    let mut id = [0; 32];
    id.iter_mut().zip(blake::mac_144(seed, b"L-PV1-CID")).for_each(|(byte, base)| *byte = base);
    SessionId(id)
}

impl Session<LogosShipped> {
    /// The id under which this side receives: 36 hexadecimal digits.
    #[must_use]
    pub fn local_conversation_id(&self) -> String {
        self.conversation_id(self.role)
    }

    /// The id under which the peer receives; the hint of every envelope to it.
    #[must_use]
    pub fn remote_conversation_id(&self) -> String {
        self.conversation_id(match self.role {
            Role::Initiator => Role::Responder,
            Role::Responder => Role::Initiator,
        })
    }

    fn conversation_id(&self, role: Role) -> String {
        let letter = if role == Role::Initiator { "I" } else { "R" };
        let base = self.id.0.split_first_chunk::<18>().map_or(&[0; 18], |(base, _)| base);
        hex(&Blake2b::<U18>::new().chain_update(base).chain_update(letter).finalize())
    }
}

/// The hint of an invitation: BLAKE2b-512 of the responder's identity, in 128 hexadecimal digits.
#[must_use]
pub fn inbox_id(identity: &PublicKey) -> String {
    hex(&Blake2b512::digest(identity.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests;
