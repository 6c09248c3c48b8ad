//! The mixing machine: packets in, packets out in another order at other times.

mod counters;
mod keyring;
mod snapshot;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use core::time::Duration;

use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::address::AddressBlock;
use crate::cover::{NoSlot, SlotBudget};
use crate::delay::{DelayPolicy, DelayQueue};
use crate::format::PacketFormat;
use crate::packet::WrongLength;
use crate::replay::ReplayError;
use crate::route::Hold;
use crate::spam::{SpamEpoch, SpamProtection};
use crate::sphinx::{OpenError, ReplayTag, Step, StripError};
use crate::surb::SurbId;

pub use counters::Counters;
use keyring::Keyring;
pub use keyring::{KeyEpoch, Rotation};
pub use snapshot::{RestoreError, SealedKeys};

/// What a relay may hold and how it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayConfig {
    /// Packets held for their delay.
    pub queue: usize,
    /// Packets for this node that the caller has not taken yet.
    pub inbox: usize,
    /// Packets that one key may open.
    pub tags: usize,
    /// How delays are drawn.
    pub delays: DelayPolicy,
    /// When keys change.
    pub rotation: Rotation,
    /// Packets that may be sent in a spam epoch, whatever they are; none for no limit.
    pub slots: Option<u32>,
    /// Whether packets wait until their replay tags are known to be on disk.
    pub durability: Durability,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            queue: 65_536,
            inbox: 4096,
            tags: 1 << 26,
            delays: DelayPolicy::default(),
            rotation: Rotation::default(),
            slots: None,
            durability: Durability::default(),
        }
    }
}

/// What happens to replay protection when the process dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Keys and tags leave memory only together, when the machine is taken apart by
    /// [`Relay::seal`]. After a crash the node starts with a new key, under which no old packet
    /// opens.
    #[default]
    Sealed,
    /// Tags are given out by [`Relay::poll_journal`], and no packet has an effect before its tag
    /// is reported durable by [`Relay::handle_journaled`]. After a crash the keys may be used
    /// again with the journal.
    Journaled,
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// It is not as long as packets of this network are.
    #[error(transparent)]
    Length(WrongLength),
    /// Its header is not for a key of this node.
    #[error(transparent)]
    Header(OpenError),
    /// It was seen before, or there is no room to remember it.
    #[error(transparent)]
    Replay(ReplayError),
    /// Its spam proof does not verify.
    #[error("spam proof does not verify")]
    Spam,
    /// Its payload was changed on the way.
    #[error(transparent)]
    Payload(StripError),
    /// It was to be sent on and no slot is left in this epoch.
    #[error(transparent)]
    Slot(NoSlot),
    /// The delay queue or the inbox has no room.
    #[error("no room")]
    Full,
}

/// What a relay gives out.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayOutput<P> {
    /// Send this packet now, with a fresh spam proof.
    Send {
        /// Where to.
        to: AddressBlock,
        /// The packet.
        packet: P,
    },
    /// A packet ends here; its payload holds a padded message.
    Deliver {
        /// Whom it is for; [`AddressBlock::NONE`] if this node.
        destination: AddressBlock,
        /// The packet, without its last layer.
        packet: P,
    },
    /// A reply to a block that this node made.
    Reply {
        /// The block's identifier.
        id: SurbId,
        /// The packet, to be opened with the block's keys.
        packet: P,
    },
}

/// Tags that should be on disk before their packets have an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Reported back by [`Relay::handle_journaled`].
    pub number: u64,
    /// The key epoch each tag belongs to, and the tag.
    pub tags: Vec<(KeyEpoch, ReplayTag)>,
}

struct Held<P> {
    output: RelayOutput<P>,
    // The journal that has to be durable before this has an effect.
    after: u64,
}

/// A mix node's relaying half, for packets of format `F` under spam protection `S`.
///
/// Sans-IO: bytes, time and randomness are arguments. After each `handle_*` call
/// [`Relay::poll_output`] until it gives nothing, then sleep until [`Relay::next_deadline`] or
/// input. On `Err` nothing changed but [`Relay::counters`].
///
/// A packet passes, in this order: length, group element, MAC (constant time), replay log, spam
/// proof, layers, queue. Its tag is remembered once the proof verified, so a copy with a bad proof
/// does not burn the packet; a proof is verified only for headers that are fresh and authentic,
/// since that costs a hundred times what a header does.
pub struct Relay<F: PacketFormat, S> {
    format: F,
    spam: S,
    config: RelayConfig,
    keys: Keyring<F>,
    queue: DelayQueue<Held<F::Packet>>,
    inbox: VecDeque<Held<F::Packet>>,
    journal: Vec<(KeyEpoch, ReplayTag)>,
    journals: u64,
    durable: u64,
    slots: Option<SlotBudget>,
    spam_epoch: SpamEpoch,
    counters: Counters,
}

impl<F: PacketFormat, S: SpamProtection> Relay<F, S> {
    /// A relay with a new key.
    pub fn new(
        format: F,
        spam: S,
        config: RelayConfig,
        now: Tick,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let keys = Keyring::new(config.rotation, config.tags, now, F::generate(rng));
        Self::with_keys(format, spam, config, keys)
    }

    fn with_keys(format: F, spam: S, config: RelayConfig, keys: Keyring<F>) -> Self {
        Self {
            format,
            spam,
            keys,
            queue: DelayQueue::new(config.queue),
            inbox: VecDeque::new(),
            journal: Vec::new(),
            journals: 1,
            durable: 0,
            slots: config.slots.map(SlotBudget::new),
            spam_epoch: SpamEpoch::default(),
            counters: Counters::default(),
            config,
        }
    }

    /// Takes one packet with its spam proof.
    ///
    /// # Errors
    ///
    /// [`Rejection`] if it is dropped.
    pub fn handle_packet(
        &mut self,
        now: Tick,
        wire: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Rejection> {
        self.handle_batch(now, &[wire], rng).pop().unwrap_or(Ok(()))
    }

    /// Takes many packets with their spam proofs; eight or more at once cost least.
    pub fn handle_batch(
        &mut self,
        now: Tick,
        wires: &[&[u8]],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Vec<Result<(), Rejection>> {
        let mut outcomes: Vec<_> = wires.iter().map(|_| Ok(())).collect();
        let (numbers, mut packets) = self.parse(wires, &mut outcomes);
        let opened = self.keys.open_batch(&self.format, &packets);
        let mut admitted = Vec::with_capacity(packets.len());
        let mut headers = Vec::with_capacity(packets.len());
        for (at, (opened, n)) in opened.into_iter().zip(&numbers).enumerate() {
            let proof = wires.get(*n).and_then(|wire| wire.get(F::PACKET_BYTES..));
            let admission = match (opened, packets.get(at)) {
                (Ok(opened), Some(packet)) => {
                    self.admit(now, opened, packet, proof, admitted.len())
                }
                (Err(error), _) => Err(Rejection::Header(error)),
                (Ok(_), None) => continue,
            };
            match admission {
                Ok(opened) => {
                    headers.push(opened);
                    admitted.push((at, *n));
                }
                Err(rejection) => set(&mut outcomes, *n, Err(rejection)),
            }
        }
        let mut kept = keep(&mut packets, admitted.iter().map(|(at, _)| *at));
        let steps = self.format.strip_batch(headers, &mut kept);
        for ((packet, step), (_, n)) in kept.into_iter().zip(steps).zip(admitted) {
            let outcome = self.dispatch(now, packet, step, rng);
            set(&mut outcomes, n, outcome);
        }
        self.counters.count(&outcomes);
        outcomes
    }

    /// Packets of the right length, with their numbers in the batch.
    fn parse(
        &self,
        wires: &[&[u8]],
        outcomes: &mut [Result<(), Rejection>],
    ) -> (Vec<usize>, Vec<F::Packet>) {
        let mut parsed = (Vec::with_capacity(wires.len()), Vec::with_capacity(wires.len()));
        let expected = F::PACKET_BYTES.saturating_add(self.spam.proof_bytes());
        for (n, wire) in wires.iter().enumerate() {
            let error = WrongLength { found: wire.len(), expected };
            let packet = wire.get(..F::PACKET_BYTES).filter(|_| wire.len() == expected);
            match packet.ok_or(error).and_then(|packet| self.format.parse(packet)) {
                Ok(packet) => {
                    parsed.0.push(n);
                    parsed.1.push(packet);
                }
                Err(error) => set(outcomes, n, Err(Rejection::Length(error))),
            }
        }
        parsed
    }

    /// The checks between header and layers; remembers the tag if all pass. `ahead` packets were
    /// admitted and have no place yet.
    fn admit(
        &mut self,
        now: Tick,
        (epoch, opened): (KeyEpoch, F::Opened),
        packet: &F::Packet,
        proof: Option<&[u8]>,
        ahead: usize,
    ) -> Result<F::Opened, Rejection> {
        let tag = F::tag(&opened);
        self.keys.check(epoch, tag).map_err(Rejection::Replay)?;
        let room = |held: usize, capacity| held.saturating_add(ahead) < capacity;
        if !room(self.queue.len(), self.config.queue) || !room(self.inbox.len(), self.config.inbox)
        {
            return Err(Rejection::Full);
        }
        self.spam
            .verify(now, F::bytes(packet), proof.unwrap_or_default())
            .map_err(|_| Rejection::Spam)?;
        self.keys.insert(epoch, tag).map_err(Rejection::Replay)?;
        if self.config.durability == Durability::Journaled {
            self.journal.push((epoch, tag));
        }
        Ok(opened)
    }

    fn dispatch(
        &mut self,
        now: Tick,
        packet: F::Packet,
        step: Result<Step, StripError>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Rejection> {
        match step.map_err(Rejection::Payload)? {
            Step::Forward { next, hold } => {
                self.claim_slot(now).map_err(Rejection::Slot)?;
                let departure = now + self.config.delays.draw(hold, rng);
                self.hold(departure, RelayOutput::Send { to: next, packet })
            }
            Step::Deliver { destination } => {
                self.counters.delivered += 1;
                self.receive(RelayOutput::Deliver { destination, packet })
            }
            Step::Reply { id } => {
                self.counters.replies += 1;
                self.receive(RelayOutput::Reply { id, packet })
            }
        }
    }

    fn hold(&mut self, departure: Tick, output: RelayOutput<F::Packet>) -> Result<(), Rejection> {
        let held = Held { output, after: self.pending_journal() };
        self.queue.push(departure, held).map_err(|_| Rejection::Full)?;
        self.counters.queued += 1;
        Ok(())
    }

    fn receive(&mut self, output: RelayOutput<F::Packet>) -> Result<(), Rejection> {
        let after = self.pending_journal();
        self.inbox.push_back(Held { output, after });
        Ok(())
    }

    /// The journal that will carry the tags accepted now; none to wait for without journals.
    const fn pending_journal(&self) -> u64 {
        match self.config.durability {
            Durability::Journaled => self.journals,
            Durability::Sealed => 0,
        }
    }

    /// Takes a slot for a packet that will be sent in this spam epoch.
    ///
    /// # Errors
    ///
    /// [`NoSlot`] if none is left; always fine without a limit.
    pub fn claim_slot(&mut self, now: Tick) -> Result<(), NoSlot> {
        let epoch = self.spam.epoch(now);
        let Some(slots) = &mut self.slots else { return Ok(()) };
        if epoch != self.spam_epoch {
            self.spam_epoch = epoch;
            slots.reset();
        }
        slots.claim()
    }

    /// Puts a packet of this node among those it forwards: it leaves after a time drawn as theirs.
    ///
    /// # Errors
    ///
    /// [`Rejection::Full`] if the delay queue has no room.
    pub fn handle_own(
        &mut self,
        now: Tick,
        to: AddressBlock,
        packet: F::Packet,
        hold: Hold,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Rejection> {
        let departure = now + self.config.delays.draw(hold, rng);
        let held = Held { output: RelayOutput::Send { to, packet }, after: 0 };
        self.queue.push(departure, held).map_err(|_| Rejection::Full)?;
        self.counters.own += 1;
        Ok(())
    }

    /// Rotates keys whose time has come; true if the public key changed.
    pub fn handle_timeout(&mut self, now: Tick, rng: &mut (impl CryptoRng + ?Sized)) -> bool {
        self.keys.rotate(now, || F::generate(rng))
    }

    /// The next thing to do. Call until it gives nothing.
    pub fn poll_output(&mut self, now: Tick) -> Option<RelayOutput<F::Packet>> {
        let durable = self.durable;
        if self.inbox.front().is_some_and(|held| held.after <= durable) {
            return self.inbox.pop_front().map(|held| held.output);
        }
        let held = self.queue.pop(now, |held| held.after <= durable)?;
        self.counters.departed += 1;
        Some(held.output)
    }

    /// The tags accepted since the last call, if there are any: write them to disk, then call
    /// [`Relay::handle_journaled`].
    pub fn poll_journal(&mut self) -> Option<Journal> {
        if self.journal.is_empty() {
            return None;
        }
        let journal = Journal { number: self.journals, tags: core::mem::take(&mut self.journal) };
        self.journals = self.journals.saturating_add(1);
        Some(journal)
    }

    /// Reports that a journal and all before it are on disk.
    pub fn handle_journaled(&mut self, number: u64) {
        self.durable = self.durable.max(number.min(self.journals.saturating_sub(1)));
    }

    /// When there is something to do without input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        [self.queue.next_departure(), Some(self.keys.next_change())].into_iter().flatten().min()
    }

    /// The key that senders should use now, and until when they may.
    #[must_use]
    pub fn public_key(&self) -> (KeyEpoch, F::Public, Tick) {
        self.keys.public()
    }

    /// Packets held for their delay.
    #[must_use]
    pub fn held(&self) -> usize {
        self.queue.len()
    }

    /// What became of every packet.
    ///
    /// # Security
    ///
    /// These numbers are what traffic analysis is after: they stay in the process (LIP-161
    /// section 9.2).
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The spam protection.
    pub const fn spam_mut(&mut self) -> &mut S {
        &mut self.spam
    }

    /// The packet format.
    #[must_use]
    pub const fn format(&self) -> &F {
        &self.format
    }

    /// How long a packet is held at most, which bounds how long a key has to overlap its
    /// successor.
    #[must_use]
    pub const fn longest_delay(&self) -> Duration {
        self.config.delays.longest
    }
}

impl<F: PacketFormat, S> core::fmt::Debug for Relay<F, S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Relay").field("held", &self.queue.len()).finish_non_exhaustive()
    }
}

fn set(outcomes: &mut [Result<(), Rejection>], n: usize, outcome: Result<(), Rejection>) {
    if let Some(slot) = outcomes.get_mut(n) {
        *slot = outcome;
    }
}

/// The packets at `chosen`, which ascend.
fn keep<P>(packets: &mut Vec<P>, chosen: impl Iterator<Item = usize>) -> Vec<P> {
    let mut chosen = chosen.peekable();
    let numbered = packets.drain(..).enumerate();
    numbered.filter_map(|(at, packet)| chosen.next_if_eq(&at).map(|_| packet)).collect()
}
