//! What a node sends of its own: messages, replies, loops.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use thiserror::Error;

use super::{Node, NodeOutput};
use crate::address::AddressBlock;
use crate::cover::{COVER_CODEC, LoopId, NoSlot, Strategy};
use crate::framing::{FrameError, Message, MessageTooLong, encode_reply};
use crate::packet::Packet;
use crate::pool::{Ends, PathError};
use crate::route::{Hold, Hop, MeanDelay, Route};
use crate::spam::SpamProtection;
use crate::surb::{StoreFull, Surb, SurbGroup};

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Whom the last hop hands it to; [`AddressBlock::NONE`] for the last hop itself.
    pub destination: AddressBlock,
    /// The last hop; none to draw one.
    pub exit: Option<Hop>,
    /// The protocol.
    pub codec: String,
    /// The bytes.
    pub data: Vec<u8>,
    /// Reply blocks to send along.
    pub replies: usize,
}

impl Outgoing {
    /// A message for whichever node is drawn as the last hop, without reply.
    #[must_use]
    pub fn new(codec: impl Into<String>, data: Vec<u8>) -> Self {
        Self { destination: AddressBlock::NONE, exit: None, codec: codec.into(), data, replies: 0 }
    }
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// There is no route.
    #[error(transparent)]
    Path(PathError),
    /// The message does not fit.
    #[error(transparent)]
    Frame(FrameError),
    /// The reply does not fit.
    #[error(transparent)]
    TooLong(MessageTooLong),
    /// Too many reply blocks are out.
    #[error(transparent)]
    Surbs(StoreFull),
    /// Too many packets wait, here for the schedule or in the delay queue.
    #[error("too many packets wait to be sent")]
    Full,
    /// No slot is left in this epoch, and there is no schedule to wait for.
    #[error(transparent)]
    Slot(NoSlot),
}

impl<S: SpamProtection> Node<S> {
    /// Wraps a message and puts it in line; gives the group of its reply blocks if it has any.
    ///
    /// It leaves in place of the next cover packet but one, or if data does not replace cover,
    /// after a random time as a forwarded packet does. Not of the very next one: whether that is
    /// cover was settled when the packet before it left, so that the time between two packets says
    /// nothing about what the second is.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing is sent or kept then.
    pub fn handle_send(
        &mut self,
        now: Tick,
        outgoing: Outgoing,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Option<SurbGroup>, SendError> {
        self.has_room()?;
        let route = self.route(outgoing.exit, rng)?;
        let (surbs, keys) = self.surbs_for(outgoing.replies, rng)?;
        let message = Message { codec: outgoing.codec, surbs, data: outgoing.data };
        let bytes = message.encode(self.config.framing, rng).map_err(SendError::Frame)?;
        let group = if keys.is_empty() {
            None
        } else {
            Some(self.surbs.insert(now, keys).map_err(SendError::Surbs)?)
        };
        let packet = self.config.sphinx.create(&route, &outgoing.destination, &bytes, rng);
        match self.line_up(now, route.first(), packet, rng) {
            Ok(()) => Ok(group),
            Err(error) => {
                group.map(|group| self.surbs.discard(group));
                Err(error)
            }
        }
    }

    /// Wraps a reply and puts it in line, using up the block.
    ///
    /// # Errors
    ///
    /// [`SendError`]; the block is gone in any case, so that it cannot be used twice.
    pub fn handle_reply(
        &mut self,
        now: Tick,
        surb: Surb,
        data: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), SendError> {
        self.has_room()?;
        let message = encode_reply(self.config.framing, data, rng).map_err(SendError::TooLong)?;
        let to = surb.first_hop();
        let packet = surb.reply(self.config.sphinx.cipher(), &message);
        self.line_up(now, to, packet, rng)
    }

    /// Makes reply blocks that lead to this node, without keeping their keys.
    fn surbs_for(
        &mut self,
        n: usize,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Vec<Surb>, Vec<crate::surb::SurbKeys>), SendError> {
        let mut made = (Vec::with_capacity(n.min(8)), Vec::with_capacity(n.min(8)));
        if n > crate::framing::MAX_SURBS {
            return Err(SendError::Frame(FrameError::TooManySurbs(n)));
        }
        for _ in 0..n {
            let route = self.route(Some(self.this_hop()), rng)?;
            let (surb, keys) = self.config.sphinx.create_surb(&route, rng);
            made.0.push(surb);
            made.1.push(keys);
        }
        Ok(made)
    }

    fn route(
        &mut self,
        last: Option<Hop>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Route, SendError> {
        let own = [self.relay.public_key().1];
        let avoid: &[_] = if last.is_some_and(|hop| hop.key == own[0]) { &[] } else { &own };
        let ends = Ends { last, avoid };
        self.paths.select(&self.pool, self.config.delay, ends, rng).map_err(SendError::Path)
    }

    fn this_hop(&self) -> Hop {
        let key = self.relay.public_key().1;
        Hop { key, address: self.address, delay: MeanDelay::MIN }
    }

    const fn waits_for_schedule(&self) -> bool {
        self.config.cover.data_replaces_cover
            && !matches!(self.config.cover.strategy, Strategy::Off)
    }

    fn has_room(&self) -> Result<(), SendError> {
        let full = self.waits_for_schedule() && self.waiting.len() >= self.config.waiting;
        if full { Err(SendError::Full) } else { Ok(()) }
    }

    fn line_up(
        &mut self,
        now: Tick,
        to: AddressBlock,
        packet: Box<Packet>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), SendError> {
        if self.waits_for_schedule() {
            self.waiting.push_back((to, packet));
        } else {
            self.relay.claim_slot(now).map_err(SendError::Slot)?;
            let hold = Hold::Mean(self.config.delay);
            self.relay.handle_own(now, to, packet, hold, rng).map_err(|_| SendError::Full)?;
        }
        self.counters.sent += 1;
        Ok(())
    }

    /// Sends what the schedule has due: the packet chosen for it, else a loop.
    pub(super) fn send_scheduled(&mut self, now: Tick, rng: &mut (impl CryptoRng + ?Sized)) {
        let sent = self.relay.claim_slot(now).is_ok() && self.send_next(now, rng);
        self.counters.skipped += u64::from(!sent);
    }

    fn send_next(&mut self, now: Tick, rng: &mut (impl CryptoRng + ?Sized)) -> bool {
        let next = self.chosen.take().or_else(|| self.cover(now, rng).ok());
        self.chosen = self.waiting.pop_front();
        let sent = next.map(|(to, packet)| NodeOutput::Send { to, packet });
        let is_some = sent.is_some();
        self.ready.extend(sent);
        is_some
    }

    /// A packet to this node itself, of which only it knows that it says nothing.
    fn cover(
        &mut self,
        now: Tick,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(AddressBlock, Box<Packet>), SendError> {
        let route = self.route(Some(self.this_hop()), rng)?;
        let room = Message::capacity(self.config.framing, COVER_CODEC.len(), 0);
        let id = LoopId::random(rng);
        let mut data = id.as_bytes().to_vec();
        data.resize(room, 0);
        if let Some((_, random)) = data.split_first_chunk_mut::<16>() {
            rng.fill_bytes(random);
        }
        let message = Message::new(COVER_CODEC, data);
        let bytes = message.encode(self.config.framing, rng).map_err(SendError::Frame)?;
        self.monitor.handle_sent(now, id);
        self.counters.loops_sent += 1;
        let packet = self.config.sphinx.create(&route, &AddressBlock::NONE, &bytes, rng);
        Ok((route.first(), packet))
    }
}
