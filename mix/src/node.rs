//! The whole mix node: relay, sender, cover traffic and replies.

mod config;
mod send;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use logos_crypto::tick::Tick;
use rand_core::CryptoRng;

use crate::address::AddressBlock;
use crate::cover::{COVER_CODEC, CoverSchedule, LoopId, LoopMonitor};
use crate::framing::{self, Message};
use crate::keys::MixKey;
use crate::packet::Packet;
use crate::pool::{PathSelector, Pool};
use crate::relay::{Counters, KeyEpoch, Rejection, Relay, RelayOutput};
use crate::spam::SpamProtection;
use crate::sphinx::Sphinx;
use crate::surb::{SurbGroup, SurbId, SurbStore};

pub use config::{ExitPolicy, NodeConfig, NodeCounters};
pub use send::{Outgoing, SendError};

/// What a node gives out.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeOutput {
    /// Make a spam proof for this packet, append it and send both to `to`, now.
    Send {
        /// Where to.
        to: AddressBlock,
        /// The packet.
        packet: Box<Packet>,
    },
    /// A message for this node.
    Deliver(Message),
    /// A message that the exit policy lets out: hand it to `destination`.
    Exit {
        /// Whom it is for.
        destination: AddressBlock,
        /// The message.
        message: Message,
    },
    /// The reply to a message of this node. The other blocks of the group are wiped.
    Reply {
        /// The blocks that were sent with the message.
        group: SurbGroup,
        /// The reply's bytes.
        data: Vec<u8>,
    },
    /// No reply came in time.
    Unanswered(SurbGroup),
    /// The node offers another key: publish it.
    KeyRotated {
        /// Its number.
        epoch: KeyEpoch,
        /// The key.
        key: MixKey,
        /// Until when it is offered.
        until: Tick,
    },
}

/// A mix node that relays, sends, covers and answers.
///
/// Sans-IO, with the pump contract of [`Relay`]: after each `handle_*` call [`Node::poll_output`]
/// until it gives nothing, then sleep until [`Node::next_deadline`] or input, then
/// [`Node::handle_timeout`].
///
/// # Examples
///
/// ```
/// use logos_crypto::tick::Tick;
/// use logos_mix::spam::Unprotected;
/// use logos_mix::{AddressBlock, Node, NodeConfig, Outgoing, PathError, SendError};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::seed_from_u64(1);
///
/// let address = AddressBlock::from_bytes([1; 94]);
/// let mut node =
///     Node::new(NodeConfig::default(), address, Unprotected, Tick::ORIGIN, &mut rng);
/// let outgoing = Outgoing::new("/example/1", b"hello".to_vec());
/// assert_eq!(
///     node.handle_send(Tick::ORIGIN, outgoing, &mut rng),
///     Err(SendError::Path(PathError::PoolTooSmall { have: 0, need: 4 })),
/// );
/// ```
#[derive(Debug)]
pub struct Node<S> {
    config: NodeConfig,
    address: AddressBlock,
    relay: Relay<Sphinx, S>,
    pool: Pool,
    paths: PathSelector,
    schedule: CoverSchedule,
    monitor: LoopMonitor,
    surbs: SurbStore,
    // Packets of this node that wait for their turn in the schedule.
    waiting: VecDeque<(AddressBlock, Box<Packet>)>,
    // What the schedule sends next; a loop if none. It is chosen when the packet before it leaves,
    // since a choice made when the time has come would depend on how long that was.
    chosen: Option<(AddressBlock, Box<Packet>)>,
    ready: VecDeque<NodeOutput>,
    counters: NodeCounters,
}

impl<S: SpamProtection> Node<S> {
    /// A node at `address` with a new key and an empty pool.
    pub fn new(
        config: NodeConfig,
        address: AddressBlock,
        spam: S,
        now: Tick,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let relay = Relay::new(config.sphinx, spam, config.relay, now, rng);
        Self::with_relay(config, address, relay, now, rng)
    }

    /// A node around a relay that was restored.
    pub fn with_relay(
        config: NodeConfig,
        address: AddressBlock,
        relay: Relay<Sphinx, S>,
        now: Tick,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        Self {
            address,
            relay,
            pool: Pool::new(config.pool_minimum, config.pool_capacity),
            paths: PathSelector::new(config.profile.clone()),
            schedule: CoverSchedule::new(&config.cover, now, rng),
            monitor: LoopMonitor::new(config.monitor),
            surbs: SurbStore::new(config.surb_lifetime, config.surb_capacity),
            waiting: VecDeque::new(),
            chosen: None,
            ready: VecDeque::new(),
            counters: NodeCounters::default(),
            config,
        }
    }

    /// Takes a packet with its spam proof.
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
        self.relay.handle_packet(now, wire, rng)
    }

    /// Takes many packets with their spam proofs.
    pub fn handle_batch(
        &mut self,
        now: Tick,
        wires: &[&[u8]],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Vec<Result<(), Rejection>> {
        self.relay.handle_batch(now, wires, rng)
    }

    /// Does what is due: rotates keys, sends what the schedule says, forgets what is over.
    pub fn handle_timeout(&mut self, now: Tick, rng: &mut (impl CryptoRng + ?Sized)) {
        if self.relay.handle_timeout(now, rng) {
            let (epoch, key, until) = self.relay.public_key();
            self.ready.push_back(NodeOutput::KeyRotated { epoch, key, until });
        }
        self.monitor.handle_timeout(now);
        let unanswered = self.surbs.handle_timeout(now);
        self.ready.extend(unanswered.into_iter().map(NodeOutput::Unanswered));
        if self.schedule.poll(now, rng) {
            self.send_scheduled(now, rng);
        }
    }

    /// The next thing to do. Call until it gives nothing.
    pub fn poll_output(&mut self, now: Tick) -> Option<NodeOutput> {
        loop {
            if let Some(output) = self.ready.pop_front() {
                return Some(output);
            }
            let output = match self.relay.poll_output(now)? {
                RelayOutput::Send { to, packet } => Some(NodeOutput::Send { to, packet }),
                RelayOutput::Deliver { destination, packet } => self.deliver(destination, &packet),
                RelayOutput::Reply { id, packet } => self.answer(id, packet),
            };
            if output.is_some() {
                return output;
            }
        }
    }

    /// When there is something to do without input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        let deadlines = [
            self.relay.next_deadline(),
            self.schedule.next_deadline(),
            self.monitor.next_deadline(),
            self.surbs.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn deliver(&mut self, destination: AddressBlock, packet: &Packet) -> Option<NodeOutput> {
        let Ok(message) = Message::decode(self.config.framing, packet.message()) else {
            self.counters.malformed += 1;
            return None;
        };
        if message.codec == COVER_CODEC {
            let id = LoopId::from_prefix(&message.data);
            let own = id.is_some_and(|id| self.monitor.handle_returned(id));
            self.counters.loops_returned += u64::from(own);
            self.counters.loops_foreign += u64::from(!own);
            return None;
        }
        if destination.is_none() || destination == self.address {
            self.counters.delivered += 1;
            return Some(NodeOutput::Deliver(message));
        }
        if !self.config.exit.admits(&message.codec) {
            self.counters.exit_refused += 1;
            return None;
        }
        self.counters.exited += 1;
        Some(NodeOutput::Exit { destination, message })
    }

    fn answer(&mut self, id: SurbId, mut packet: Box<Packet>) -> Option<NodeOutput> {
        let Some((group, keys)) = self.surbs.take(id) else {
            self.counters.unknown_replies += 1;
            return None;
        };
        let data = match keys.open(&mut packet) {
            Ok(()) => framing::decode_reply(self.config.framing, packet.message()).ok(),
            Err(_) => None,
        };
        let Some(data) = data else {
            self.counters.bad_replies += 1;
            return None;
        };
        self.surbs.discard(group);
        self.counters.replies += 1;
        Some(NodeOutput::Reply { group, data })
    }

    /// The nodes that routes are drawn from; the node itself does not belong there.
    pub const fn pool_mut(&mut self) -> &mut Pool {
        &mut self.pool
    }

    /// What the node's own loops say about the network.
    #[must_use]
    pub const fn monitor(&self) -> &LoopMonitor {
        &self.monitor
    }

    /// The key that senders should use now.
    #[must_use]
    pub fn public_key(&self) -> MixKey {
        self.relay.public_key().1
    }

    /// The spam protection.
    pub const fn spam_mut(&mut self) -> &mut S {
        self.relay.spam_mut()
    }

    /// The relay, to be sealed.
    #[must_use]
    pub fn into_relay(self) -> Relay<Sphinx, S> {
        self.relay
    }

    /// Packets held for their delay, and packets of this node that wait for the schedule.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        (self.relay.held(), self.waiting.len() + usize::from(self.chosen.is_some()))
    }

    /// What became of every packet that came, and of every message.
    ///
    /// # Security
    ///
    /// These numbers are what traffic analysis is after: they stay in the process (LIP-161
    /// section 9.2).
    #[must_use]
    pub const fn counters(&self) -> (&Counters, &NodeCounters) {
        (self.relay.counters(), &self.counters)
    }
}
