//! All sessions with one device of a peer: which one speaks, which ones still listen.

use alloc::vec::Vec;
use core::cmp::Reverse;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::keys::PublicKey;
use logos_crypto::tick::Tick;
use rand_core::CryptoRng;

use crate::double_ratchet::{DecryptError, EncryptError};
use crate::session::{Session, SessionId};
use crate::suite::Suite;

/// Sessions kept with one device.
pub const MAX_SESSIONS: usize = 4;

/// The sessions with one device of a peer.
///
/// Two devices that invite each other at the same time end up with two sessions. Both sides then
/// speak on the same one, by a rule that needs no message: the highest generation, then a session
/// that the peer has confirmed, then the smallest [`SessionId`]. The others still decrypt what is
/// under way. A reset is a new session of the next generation.
#[derive(Debug)]
pub struct Conversation<S: Suite> {
    /// Invariant: one to `MAX_SESSIONS` sessions, all with the same peer.
    sessions: Vec<Session<S>>,
}

impl<S: Suite> Conversation<S> {
    /// A conversation of one session.
    #[must_use]
    pub fn new(session: Session<S>) -> Self {
        Self { sessions: alloc::vec![session] }
    }

    /// Adds a session with the same peer: a reset, or one that the peer opened. Beyond
    /// [`MAX_SESSIONS`] the least preferred one of the others is dropped.
    pub fn add(&mut self, session: Session<S>) {
        if self.sessions.len() >= MAX_SESSIONS {
            let least = (0..self.sessions.len()).min_by_key(|at| self.sessions.get(*at).map(rank));
            if let Some(least) = least {
                self.sessions.remove(least);
            }
        }
        self.sessions.push(session);
    }

    /// The session this side speaks on.
    #[must_use]
    pub fn preferred(&self) -> Option<&Session<S>> {
        self.sessions.iter().max_by_key(|session| rank(session))
    }

    /// All sessions.
    #[must_use]
    pub fn sessions(&self) -> &[Session<S>] {
        &self.sessions
    }

    /// Takes the sessions out, oldest first.
    #[must_use]
    pub fn into_sessions(self) -> Vec<Session<S>> {
        self.sessions
    }

    /// The generation that a reset is to have.
    #[must_use]
    pub fn next_generation(&self) -> u32 {
        let newest = self.sessions.iter().map(|session| session.generation).max();
        newest.map_or(0, |newest| newest.saturating_add(1))
    }

    /// Encrypts on the preferred session.
    ///
    /// # Errors
    ///
    /// As [`Session::encrypt`].
    pub fn encrypt(
        &mut self,
        content: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, EncryptError> {
        self.sessions
            .iter_mut()
            .max_by_key(|session| rank(session))
            .ok_or(EncryptError::NothingReceived)?
            .encrypt(content, rng)
    }

    /// Decrypts with whichever session the message belongs to, the preferred one first.
    ///
    /// # Errors
    ///
    /// The most telling error of all sessions; nothing has changed then.
    pub fn decrypt(
        &mut self,
        message: &[u8],
        now: Tick,
    ) -> Result<(SessionId, Vec<u8>), DecryptError> {
        let mut order: Vec<&mut Session<S>> = self.sessions.iter_mut().collect();
        order.sort_by_key(|session| Reverse(rank(session)));
        let mut failure = DecryptError::Inauthentic;
        for session in order {
            match session.decrypt(message, now) {
                Ok(content) => return Ok((session.id, content)),
                Err(DecryptError::Inauthentic) => {}
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    pub(crate) fn session_mut(&mut self, id: &SessionId) -> Option<&mut Session<S>> {
        self.sessions.iter_mut().find(|session| session.id == *id)
    }

    pub(crate) fn encoded_bound(&self) -> usize {
        1 + self.sessions.iter().map(Session::encoded_bound).sum::<usize>()
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        // Invariant: at most MAX_SESSIONS.
        out.u8(u8::try_from(self.sessions.len()).unwrap_or(u8::MAX));
        self.sessions.iter().for_each(|session| session.encode(out));
    }

    pub(crate) fn decode(reader: &mut Reader<'_>, peer: &PublicKey) -> Result<Self, DecodeError> {
        let count = reader.u8()?.into();
        let count = reader.checked_count(count, MAX_SESSIONS, 64)?;
        let sessions =
            (0..count).map(|_| Session::decode(reader)).collect::<Result<Vec<_>, _>>()?;
        if sessions.is_empty() || sessions.iter().any(|session| session.peer != *peer) {
            return Err(DecodeError::NotCanonical);
        }
        Ok(Self { sessions })
    }
}

fn rank<S: Suite>(session: &Session<S>) -> (u32, bool, Reverse<SessionId>) {
    (session.generation, session.confirmed, Reverse(session.id))
}
