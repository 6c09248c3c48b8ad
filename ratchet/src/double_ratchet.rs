//! The double ratchet: plan, authenticate, commit.
//!
//! Decryption first works out, on borrowed state, every key the message would need (`plan`); then
//! the body is authenticated; only then are the keys written back (`commit`). Whatever a forged
//! message claims, an error leaves the state bit for bit as it was.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use logos_crypto::keys::{NonContributory, StaticSecret};
use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::keys::{ChainKey, HeaderKey, MessageKey, RootKey};
use crate::suite::{Binding, Body, Header, RootStep, Suite};

mod encoding;
mod kem_ratchet;
mod receiving;
mod sending;

pub use kem_ratchet::{KEM_COOLDOWN, KemSignal};
pub(crate) use kem_ratchet::{KemRatchet, take_signal};
pub(crate) use receiving::ReceivingChain;
pub(crate) use sending::{Sending, SendingChain};
#[cfg(test)]
pub(crate) use {
    kem_ratchet::{Answer, Offer},
    receiving::Skipped,
};

/// Keys of messages not yet arrived that one session keeps, over all chains.
pub const MAX_SKIPPED: usize = 2000;
/// How long the key of a message not yet arrived is kept.
pub const SKIPPED_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why a message was not encrypted. The session is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// This side answered an invitation and has not received a message yet.
    #[error("nothing can be sent before the first message has arrived")]
    NothingReceived,
    /// 2^32 - 1 messages were sent on one chain.
    #[error("the chain has no message number left")]
    ChainExhausted,
    /// The peer's ratchet key is of low order.
    #[error("the peer's ratchet key is of low order")]
    NonContributory,
    /// The message is longer than [`MAX_CONTENT_BYTES`].
    #[error("content of {len} bytes is over the bound")]
    TooLong {
        /// Bytes asked for.
        len: usize,
    },
}

/// Content of one message, at most.
pub const MAX_CONTENT_BYTES: usize = 1 << 20;

/// Why a message was not decrypted. The session is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// The bytes are not a message of this suite.
    #[error("not a message of this suite")]
    Malformed,
    /// The message does not authenticate: forged, damaged, or of another session.
    #[error("message does not authenticate")]
    Inauthentic,
    /// The message number is further ahead than the suite's bound.
    #[error("message is {ahead} ahead of its chain, over the bound {bound}")]
    TooFarAhead {
        /// Messages that would be skipped.
        ahead: u32,
        /// The most that may be.
        bound: u32,
    },
    /// The key of this message is gone: it was decrypted before, or waited for too long.
    #[error("key of message {n} is gone")]
    KeyGone {
        /// The message's number in its chain.
        n: u32,
    },
}

/// The state of one side.
pub(crate) struct DoubleRatchet<S: Suite> {
    pub(crate) root: RootKey,
    pub(crate) binding: Binding,
    pub(crate) sending: Sending,
    /// Oldest first; the last one is the peer's current chain.
    pub(crate) receiving: Vec<ReceivingChain>,
    /// Headers of our next chain are sealed with this.
    pub(crate) next_sending_header: Option<HeaderKey>,
    /// Headers of the peer's next chain are sealed with this.
    pub(crate) next_receiving_header: Option<HeaderKey>,
    pub(crate) kem: KemRatchet,
    pub(crate) suite: core::marker::PhantomData<S>,
}

/// The chain a message belongs to.
enum Place {
    Known { chain: usize, header: Header },
    Next { header: Header },
}

/// What a message would change, worked out before it is authenticated.
enum Plan {
    Skipped { chain: usize },
    Advance { chain: usize, advance: Advance },
    Turn { close: Vec<(u32, MessageKey)>, step: RootStep, advance: Advance },
}

/// Keys of a chain from where it stands through message `n`.
struct Advance {
    next: ChainKey,
    skipped: Vec<(u32, MessageKey)>,
    key: MessageKey,
}

impl<S: Suite> DoubleRatchet<S> {
    /// Encrypts `content`, taking the Diffie-Hellman step that is due, if one is.
    pub(crate) fn encrypt(
        &mut self,
        content: &[u8],
        least: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, EncryptError> {
        if content.len() > MAX_CONTENT_BYTES || least > MAX_CONTENT_BYTES {
            return Err(EncryptError::TooLong { len: content.len().max(least) });
        }
        self.take_turn(rng)?;
        let Self { sending: Sending::Active(sending), kem, binding, .. } = self else {
            return Err(EncryptError::NothingReceived);
        };
        let after = sending.n.checked_add(1).ok_or(EncryptError::ChainExhausted)?;
        let (flags, signal) = kem.attach(sending.n, rng);
        let header = Header {
            ratchet: sending.secret.public_key(),
            previous: sending.previous,
            n: sending.n,
            flags: flags | sending.flags,
        };
        let (chain, key) = S::chain_step(&sending.chain);
        let body = Body { kem: &signal, content, least };
        let message = S::seal(key, &header, sending.header_key.as_ref(), binding, &body, rng);
        sending.chain = chain;
        sending.n = after;
        Ok(message)
    }

    /// Starts a chain of our own if the peer has spoken since our last one.
    ///
    /// The step is taken or not taken as a whole; taken without a message after it, it costs the
    /// peer nothing, because the next message carries it.
    fn take_turn(&mut self, rng: &mut dyn CryptoRng) -> Result<(), EncryptError> {
        let Sending::Idle { remote, previous } = &self.sending else { return Ok(()) };
        let (remote, previous) = (*remote, *previous);
        let secret = StaticSecret::random(rng);
        let dh = secret.agree(&remote).map_err(|NonContributory| EncryptError::NonContributory)?;
        let (flags, kem) = self.kem.begin_chain(rng);
        let RootStep { root, chain, next_header } = S::root_step(&self.root, &dh, kem.as_ref());
        let header_key = core::mem::replace(&mut self.next_sending_header, next_header);
        self.root = root;
        self.sending =
            Sending::Active(SendingChain { secret, chain, n: 0, previous, header_key, flags });
        Ok(())
    }

    /// Decrypts `message`; on error nothing has changed.
    pub(crate) fn decrypt(&mut self, message: &[u8], now: Tick) -> Result<Vec<u8>, DecryptError> {
        let parsed = S::parse(message)?;
        let place = self.place(&parsed)?;
        let (Place::Known { header, .. } | Place::Next { header }) = &place;
        let plan = self.plan(&place, now)?;
        let key = self.key(&plan, header).ok_or(DecryptError::KeyGone { n: header.n })?;
        let mut body =
            S::open(&parsed, key, header, &self.binding).ok_or(DecryptError::Inauthentic)?;
        let signal = S::split(header, &mut body)?;
        self.commit(plan, header, now);
        if let Some(signal) = signal {
            self.kem.absorb(signal);
        }
        Ok(body)
    }

    /// Finds the chain whose header key, or ratchet key, fits: the newest first.
    fn place(&self, parsed: &S::Parsed<'_>) -> Result<Place, DecryptError> {
        for (chain, known) in self.receiving.iter().enumerate().rev() {
            let header = S::header(parsed, known.header_key.as_ref());
            if let Some(header) = header.filter(|header| header.ratchet == known.remote) {
                return Ok(Place::Known { chain, header });
            }
        }
        S::header(parsed, self.next_receiving_header.as_ref())
            .map(|header| Place::Next { header })
            .ok_or(DecryptError::Inauthentic)
    }

    fn plan(&self, place: &Place, now: Tick) -> Result<Plan, DecryptError> {
        match place {
            Place::Known { chain, header } => self.plan_known(*chain, header, now),
            Place::Next { header } => self.plan_turn(header),
        }
    }

    fn plan_known(&self, index: usize, header: &Header, now: Tick) -> Result<Plan, DecryptError> {
        let gone = DecryptError::KeyGone { n: header.n };
        let known = self.receiving.get(index).ok_or(DecryptError::Malformed)?;
        if header.n < known.n {
            return match known.skipped_key(header.n, now) {
                Some(_) => Ok(Plan::Skipped { chain: index }),
                None => Err(gone),
            };
        }
        let chain = known.chain.as_ref().ok_or(gone)?;
        Ok(Plan::Advance { chain: index, advance: advance::<S>(chain, known.n, header.n)? })
    }

    /// A message under a ratchet key not seen before: the peer has taken a turn.
    fn plan_turn(&self, header: &Header) -> Result<Plan, DecryptError> {
        let secret = self.sending.secret().ok_or(DecryptError::Inauthentic)?;
        let kem = self.kem.for_peer_chain(header.flags).ok_or(DecryptError::Malformed)?;
        let close = match self.receiving.last() {
            Some(last) if S::CLOSES_CHAINS => last.rest::<S>(header.previous)?,
            None if header.previous > 0 => return Err(DecryptError::Inauthentic),
            _ => Vec::new(),
        };
        jump::<S>(0, header.n)?;
        let dh =
            secret.agree(&header.ratchet).map_err(|NonContributory| DecryptError::Inauthentic)?;
        let step = S::root_step(&self.root, &dh, kem);
        let advance = advance::<S>(&step.chain, 0, header.n)?;
        Ok(Plan::Turn { close, step, advance })
    }

    fn key<'a>(&'a self, plan: &'a Plan, header: &Header) -> Option<&'a MessageKey> {
        match plan {
            Plan::Skipped { chain } => {
                Some(&self.receiving.get(*chain)?.skipped.get(&header.n)?.key)
            }
            Plan::Advance { advance, .. } | Plan::Turn { advance, .. } => Some(&advance.key),
        }
    }

    fn commit(&mut self, plan: Plan, header: &Header, now: Tick) {
        match plan {
            Plan::Skipped { chain } => {
                if let Some(known) = self.receiving.get_mut(chain) {
                    known.skipped.remove(&header.n);
                }
            }
            Plan::Advance { chain, advance } => {
                if let Some(known) = self.receiving.get_mut(chain) {
                    known.advance_to(header.n, advance.next, advance.skipped, now);
                }
            }
            Plan::Turn { close, step, advance } => {
                self.commit_turn(close, step, header, now);
                if let Some(known) = self.receiving.last_mut() {
                    known.advance_to(header.n, advance.next, advance.skipped, now);
                }
            }
        }
        self.expire(now);
        self.enforce_bounds();
    }

    fn commit_turn(
        &mut self,
        close: Vec<(u32, MessageKey)>,
        step: RootStep,
        header: &Header,
        now: Tick,
    ) {
        if let Some(last) = self.receiving.last_mut().filter(|_| S::CLOSES_CHAINS) {
            last.close(close, now);
        }
        let header_key = core::mem::replace(&mut self.next_receiving_header, step.next_header);
        self.receiving.push(ReceivingChain::new(header.ratchet, header_key, step.chain));
        self.root = step.root;
        self.sending = Sending::Idle { remote: header.ratchet, previous: self.sending.count() };
        self.kem.peer_chain_begun(header.flags);
    }

    /// Drops the keys of messages that have been missing for [`SKIPPED_LIFETIME`].
    pub(crate) fn expire(&mut self, now: Tick) {
        self.receiving.iter_mut().for_each(|chain| chain.expire(now));
    }

    /// Keeps chains and skipped keys within their bounds; the oldest go first.
    pub(crate) fn enforce_bounds(&mut self) {
        let open = self.receiving.len().saturating_sub(1);
        let mut index = 0;
        self.receiving.retain(|chain| {
            index += 1;
            index > open || !chain.is_spent()
        });
        let surplus = self.receiving.len().saturating_sub(S::MAX_CHAINS);
        self.receiving.drain(..surplus);
        let mut surplus = self.skipped_len().saturating_sub(MAX_SKIPPED);
        for chain in &mut self.receiving {
            while surplus > 0 && chain.skipped.pop_first().is_some() {
                surplus -= 1;
            }
        }
    }

    /// Keys held for messages that have not arrived.
    pub(crate) fn skipped_len(&self) -> usize {
        self.receiving.iter().map(|chain| chain.skipped.len()).sum()
    }
}

/// Steps a chain from message `from` to message `n`, keeping the keys passed on the way.
fn advance<S: Suite>(chain: &ChainKey, from: u32, n: u32) -> Result<Advance, DecryptError> {
    let ahead = jump::<S>(from, n)?;
    let (mut next, mut key) = S::chain_step(chain);
    let mut skipped = Vec::with_capacity(ahead);
    for number in from..n {
        let (after, later) = S::chain_step(&next);
        skipped.push((number, core::mem::replace(&mut key, later)));
        next = after;
    }
    Ok(Advance { next, skipped, key })
}

/// How many messages lie between, if that is within the suite's bound and numbers do not run out.
fn jump<S: Suite>(from: u32, n: u32) -> Result<usize, DecryptError> {
    let ahead = n.checked_sub(from).ok_or(DecryptError::Inauthentic)?;
    if ahead > S::MAX_JUMP || n == u32::MAX {
        return Err(DecryptError::TooFarAhead { ahead, bound: S::MAX_JUMP });
    }
    usize::try_from(ahead).map_err(|_| DecryptError::Malformed)
}

impl<S: Suite> fmt::Debug for DoubleRatchet<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            root: _,
            binding: _,
            sending,
            receiving,
            next_sending_header: _,
            next_receiving_header: _,
            kem,
            suite: _,
        } = self;
        f.debug_struct("DoubleRatchet")
            .field("sending", sending)
            .field("receiving", receiving)
            .field("kem", kem)
            .finish_non_exhaustive()
    }
}
