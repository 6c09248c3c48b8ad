//! Streams and requests over the mix, between somebody unknown and somebody known.
//!
//! The initiator knows the responder's address and sends frames as messages. The responder knows
//! nothing but reply blocks, and answers through those; it says how many more it wants, and the
//! initiator sends them along. Both ends carry a byte stream in chunks, with acknowledgements by
//! bitmap and retransmission: packets of a mix arrive in any order, or not at all.

mod frame;
mod proxy;
mod stream;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use logos_crypto::codec::DecodeError;
use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::surb::Surb;
use frame::Frame;
use stream::{Incoming, Outgoing};

pub use frame::FRAME_OVERHEAD;
pub use proxy::{PROXY_CODEC, ProxyRequest};

/// The codec of frames.
pub const SESSION_CODEC: &str = "/logos/mix/session/1.0.0";

/// Names a session: 16 random bytes, drawn by the initiator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// Draws an identifier.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The session that a frame belongs to, to find it by.
    #[must_use]
    pub fn of_frame(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|bytes| Self(*bytes))
    }
}

/// How a session behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Bytes of a chunk. With [`FRAME_OVERHEAD`], the codec and the reply blocks it has to fit a
    /// packet.
    pub chunk_bytes: usize,
    /// Chunks that may be under way.
    pub in_flight: usize,
    /// Chunks that may wait to be sent.
    pub backlog: usize,
    /// How long an acknowledgement may take before a chunk is sent again; doubled each time.
    pub timeout: Duration,
    /// How often a chunk is sent before the session is given up.
    pub tries: u32,
    /// Reply blocks that the responder likes to have.
    pub surbs: usize,
    /// Reply blocks that go with one message at most.
    pub surbs_per_frame: usize,
    /// Reply blocks that each answer is sent through: one arriving copy is enough.
    pub copies: usize,
    /// Bytes that may wait to be read. What comes on top is refused, and sent again later.
    pub unread: usize,
}

impl Default for SessionConfig {
    /// Two reply blocks a message, ten at hand, one copy, 1 MiB unread.
    fn default() -> Self {
        Self {
            chunk_bytes: 2400,
            in_flight: 64,
            backlog: 1024,
            timeout: Duration::from_secs(15),
            tries: 8,
            surbs: 10,
            surbs_per_frame: 2,
            copies: 1,
            unread: 1 << 20,
        }
    }
}

/// Why a frame is not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// The bytes are not a frame.
    #[error(transparent)]
    Decode(DecodeError),
    /// The frame is of another session.
    #[error("frame of another session")]
    Foreign,
    /// The chunk lies beyond the window.
    #[error("chunk {0} lies beyond the window")]
    BeyondWindow(u32),
    /// As many bytes as may wait to be read do.
    #[error("too many bytes wait to be read")]
    Unread,
}

/// Something to send.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionOutput {
    /// For the initiator: send this as a message of [`SESSION_CODEC`] with so many reply blocks.
    Message {
        /// The frame.
        data: Vec<u8>,
        /// Reply blocks to attach.
        replies: usize,
    },
    /// For the responder: send this as the reply through the block.
    Reply {
        /// The frame.
        data: Vec<u8>,
        /// The block.
        surb: Surb,
    },
}

/// One end's part.
#[derive(Debug)]
enum Role {
    /// Attaches as many blocks as the other end wants, and a few unasked when it hears nothing:
    /// an end without blocks cannot ask.
    Initiator { wanted: usize, refill_due: Option<Tick>, refills: u32 },
    /// Answers through the blocks it has; the frame that still has copies to go, if any.
    Responder { surbs: VecDeque<Surb>, copies: Option<(Vec<u8>, usize)> },
}

/// One end of a session.
///
/// Sans-IO: after each `handle_*` or [`Session::write`] call [`Session::poll_output`] until it
/// gives nothing, then sleep until [`Session::next_deadline`] or input.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    config: SessionConfig,
    role: Role,
    outgoing: Outgoing,
    incoming: Incoming,
    ack_due: bool,
    // Whether anything was sent: reply blocks alone do not open a session.
    started: bool,
}

impl Session {
    /// The end that knows whom it talks to. It attaches blocks from the first message on.
    #[must_use]
    pub fn initiate(id: SessionId, config: SessionConfig) -> Self {
        Self::new(
            id,
            config,
            Role::Initiator { wanted: config.surbs, refill_due: None, refills: 0 },
        )
    }

    /// The end that answers, made when the first frame of an unknown session comes.
    #[must_use]
    pub fn respond(id: SessionId, config: SessionConfig) -> Self {
        Self::new(id, config, Role::Responder { surbs: VecDeque::new(), copies: None })
    }

    fn new(id: SessionId, config: SessionConfig, role: Role) -> Self {
        let outgoing = Outgoing::new(&config);
        Self {
            id,
            config,
            role,
            outgoing,
            incoming: Incoming::new(&config),
            ack_due: false,
            started: false,
        }
    }

    /// Queues bytes; gives how many were taken, which is less if the backlog is full.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        self.outgoing.write(bytes)
    }

    /// Says that nothing more will be written.
    pub fn finish(&mut self) {
        self.outgoing.finish();
    }

    /// The bytes that came in order since the last call.
    pub fn read(&mut self) -> Vec<u8> {
        self.incoming.read()
    }

    /// Whether the other end wrote its last byte and all were read.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.incoming.is_finished()
    }

    /// Whether everything written was acknowledged.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.outgoing.is_flushed()
    }

    /// Whether a chunk was sent as often as it may be without an acknowledgement.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.outgoing.is_broken()
    }

    /// Takes a frame and the reply blocks that came with it.
    ///
    /// # Errors
    ///
    /// [`SessionError`]; the session is unchanged then, but keeps the blocks if the frame was its
    /// own.
    pub fn handle_frame(&mut self, bytes: &[u8], new: Vec<Surb>) -> Result<(), SessionError> {
        let frame = Frame::from_bytes(bytes).map_err(SessionError::Decode)?;
        if frame.session != self.id {
            return Err(SessionError::Foreign);
        }
        if let Role::Responder { surbs, .. } = &mut self.role {
            // Twice what is wanted, so that blocks under way are not lost.
            let room = self.config.surbs.saturating_mul(2).saturating_sub(surbs.len());
            surbs.extend(new.into_iter().take(room));
        }
        if let Some((number, last, chunk)) = frame.chunk {
            self.incoming.insert(number, last, chunk)?;
            self.ack_due = true;
        }
        if let Role::Initiator { wanted, refills, .. } = &mut self.role {
            *refills = 0;
            *wanted = usize::from(frame.wanted).min(self.config.surbs);
        }
        self.outgoing.handle_ack(&frame.ack);
        Ok(())
    }

    /// The next thing to send. Call until it gives nothing.
    pub fn poll_output(&mut self, now: Tick) -> Option<SessionOutput> {
        match &self.role {
            Role::Initiator { .. } => self.poll_message(now),
            Role::Responder { .. } => self.poll_reply(now),
        }
    }

    fn poll_message(&mut self, now: Tick) -> Option<SessionOutput> {
        let Role::Initiator { wanted, refill_due, refills } = &mut self.role else { return None };
        if refill_due.take_if(|due| *due <= now).is_some() {
            *wanted = (*wanted).max(self.config.surbs_per_frame);
            *refills = refills.saturating_add(1);
        }
        let replies = (*wanted).min(self.config.surbs_per_frame);
        let chunk = self.outgoing.next(now);
        if chunk.is_none() && !self.ack_due && (replies == 0 || !self.started) {
            return None;
        }
        *wanted = wanted.saturating_sub(replies);
        let listening = *refills < self.config.tries && !self.incoming.is_finished();
        *refill_due = listening.then(|| now + self.config.timeout);
        self.started = true;
        Some(SessionOutput::Message { data: self.frame(chunk), replies })
    }

    fn poll_reply(&mut self, now: Tick) -> Option<SessionOutput> {
        let Role::Responder { surbs, copies } = &mut self.role else { return None };
        if let Some((data, left)) = copies.take()
            && let Some(surb) = surbs.pop_front()
        {
            if left > 1 {
                *copies = Some((data.clone(), left - 1));
            }
            return Some(SessionOutput::Reply { data, surb });
        }
        // Without a block nothing may be marked as sent.
        if surbs.is_empty() {
            return None;
        }
        let chunk = self.outgoing.next(now);
        if chunk.is_none() && !self.ack_due {
            return None;
        }
        let Role::Responder { surbs, .. } = &mut self.role else { return None };
        let surb = surbs.pop_front()?;
        let data = self.frame(chunk);
        let more = self.config.copies.saturating_sub(1);
        if let Role::Responder { copies, .. } = &mut self.role
            && more > 0
        {
            *copies = Some((data.clone(), more));
        }
        Some(SessionOutput::Reply { data, surb })
    }

    fn frame(&mut self, chunk: Option<(u32, bool, Vec<u8>)>) -> Vec<u8> {
        self.ack_due = false;
        let wanted = match &self.role {
            Role::Initiator { .. } => 0,
            Role::Responder { surbs, .. } => self.config.surbs.saturating_sub(surbs.len()),
        };
        let wanted = u8::try_from(wanted).unwrap_or(u8::MAX);
        Frame { session: self.id, wanted, ack: self.incoming.ack(), chunk }.to_bytes()
    }

    /// When something has to be sent again.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        let refill = match &self.role {
            Role::Initiator { refill_due, .. } => *refill_due,
            Role::Responder { .. } => None,
        };
        self.outgoing.next_deadline().into_iter().chain(refill).min()
    }

    /// Reply blocks at hand; zero for an initiator.
    #[must_use]
    pub fn surbs(&self) -> usize {
        match &self.role {
            Role::Initiator { .. } => 0,
            Role::Responder { surbs, .. } => surbs.len(),
        }
    }
}
