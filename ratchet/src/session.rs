//! One session: encrypt, decrypt, save, restore.

use alloc::vec::Vec;
use core::fmt;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::keys::PublicKey;
use logos_crypto::tick::Tick;
use rand_core::CryptoRng;

use crate::double_ratchet::{DecryptError, DoubleRatchet, EncryptError};
use crate::snapshot::{SnapshotError, StorageKey};
use crate::suite::Suite;

/// Names a session; both sides compute the same one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) [u8; 32]);

impl SessionId {
    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(")?;
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}

/// Who opened the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// This side did.
    Initiator,
    /// The peer did.
    Responder,
}

/// One side of a conversation with one device of a peer, under suite `S`.
///
/// There is no `Clone`: two copies that both send would use every key twice. State goes to disk
/// and back as an encrypted snapshot ([`Session::save`], [`Session::restore`]).
///
/// ```compile_fail,E0599
/// fn twice<S: logos_ratchet::Suite>(session: &logos_ratchet::Session<S>) {
///     let copy = logos_ratchet::Session::clone(session);
/// }
/// ```
pub struct Session<S: Suite> {
    pub(crate) ratchet: DoubleRatchet<S>,
    pub(crate) id: SessionId,
    pub(crate) role: Role,
    /// The peer's X25519 identity.
    pub(crate) peer: PublicKey,
    /// How many times the two have started over, as far as the initiator knew.
    pub(crate) generation: u32,
    /// Whether the peer has proved that it holds this session, by a message that decrypted.
    pub(crate) confirmed: bool,
    /// What goes before every message until the session is confirmed.
    pub(crate) preamble: Vec<u8>,
}

impl<S: Suite> Session<S> {
    /// Encrypts `content`.
    ///
    /// Costs a chain step and a seal; the first message after the peer has spoken also generates
    /// a key, agrees once, and every ninth time makes an ML-KEM key (`HybridV1`).
    ///
    /// # Errors
    ///
    /// See [`EncryptError`]; the session is then as it was.
    ///
    /// # Security
    ///
    /// Commit [`Session::save`] to disk before the message leaves, or a crash in between makes the
    /// next message use this one's key.
    pub fn encrypt(
        &mut self,
        content: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, EncryptError> {
        self.encrypt_padded(content, 0, rng)
    }

    /// As [`Session::encrypt`], padded as content of `least` bytes would be at the least, so that
    /// all messages up to that length look alike. Suites without padding ignore it.
    ///
    /// # Errors
    ///
    /// See [`EncryptError`]; the session is then as it was.
    pub fn encrypt_padded(
        &mut self,
        content: &[u8],
        least: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, EncryptError> {
        let message = self.ratchet.encrypt(content, least, rng)?;
        if self.preamble.is_empty() {
            return Ok(message);
        }
        let mut first = Vec::with_capacity(self.preamble.len() + message.len());
        first.extend_from_slice(&self.preamble);
        first.extend_from_slice(&message);
        Ok(first)
    }

    /// Decrypts a message that [`Session::encrypt`] of the other side gave.
    ///
    /// # Errors
    ///
    /// See [`DecryptError`]; the session is then bit for bit as it was.
    ///
    /// # Security
    ///
    /// `message` is whatever the network says. The most a forged one costs is bounded by
    /// the suite: header trials for `HybridV1`, [`Mechanics::MAX_JUMP`] chain steps and one
    /// agreement where headers are in the clear.
    ///
    /// [`Mechanics::MAX_JUMP`]: crate::suite::Mechanics::MAX_JUMP
    pub fn decrypt(&mut self, message: &[u8], now: Tick) -> Result<Vec<u8>, DecryptError> {
        let content = self.ratchet.decrypt(message, now)?;
        self.confirmed = true;
        self.preamble = Vec::new();
        Ok(content)
    }

    /// Drops the keys of messages that have been missing for
    /// [`SKIPPED_LIFETIME`](crate::SKIPPED_LIFETIME). Every decryption does so too.
    pub fn expire(&mut self, now: Tick) {
        self.ratchet.expire(now);
    }

    /// Keys kept for messages that have not arrived; at most [`MAX_SKIPPED`](crate::MAX_SKIPPED).
    #[must_use]
    pub fn skipped_keys(&self) -> usize {
        self.ratchet.skipped_len()
    }

    /// The session's name, the same on both sides.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The X25519 identity the session was authenticated for.
    #[must_use]
    pub const fn peer(&self) -> &PublicKey {
        &self.peer
    }

    /// Who opened it.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether a message of the peer has decrypted.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// The state, encrypted under `key`. `place` names where it is kept and must be the same at
    /// [`Session::restore`]. Costs one AEAD over some 400 bytes and the skipped keys.
    pub fn save(&self, key: &StorageKey, place: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        key.seal(S::ID as u8, place, self.encoded_bound(), rng, |out| self.encode(out))
    }

    /// Restores what [`Session::save`] wrote.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    ///
    /// # Security
    ///
    /// An old snapshot is authentic too: restoring one repeats keys. The store must not roll back.
    pub fn restore(key: &StorageKey, place: &[u8], snapshot: &[u8]) -> Result<Self, SnapshotError> {
        key.open(S::ID as u8, place, snapshot, Self::decode)
    }

    pub(crate) fn encoded_bound(&self) -> usize {
        32 + 1 + 32 + 4 + 1 + 2 + self.preamble.len() + self.ratchet.encoded_bound()
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        out.put(&self.id.0).u8(u8::from(self.role == Role::Responder)).put(self.peer.as_bytes());
        out.u32_be(self.generation).u8(u8::from(self.confirmed));
        // Invariant: a preamble is at most MAX_PREAMBLE_BYTES, which fits.
        out.u16_be(u16::try_from(self.preamble.len()).unwrap_or(u16::MAX)).put(&self.preamble);
        self.ratchet.encode(out);
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = SessionId(*reader.array()?);
        let role = if take_flag(reader)? { Role::Responder } else { Role::Initiator };
        let peer = PublicKey::from_bytes(*reader.array()?);
        let generation = reader.u32_be()?;
        let confirmed = take_flag(reader)?;
        let preamble_len = reader.u16_be()?;
        let preamble = reader.take(preamble_len.into())?.to_vec();
        let ratchet = DoubleRatchet::decode(reader)?;
        Ok(Self { ratchet, id, role, peer, generation, confirmed, preamble })
    }
}

fn take_flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

impl<S: Suite> fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ratchet, id, role, peer, generation, confirmed, preamble: _ } = self;
        f.debug_struct("Session")
            .field("suite", &S::ID)
            .field("id", id)
            .field("role", role)
            .field("peer", peer)
            .field("generation", generation)
            .field("confirmed", confirmed)
            .field("ratchet", ratchet)
            .finish_non_exhaustive()
    }
}
