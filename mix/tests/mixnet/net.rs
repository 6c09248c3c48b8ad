//! The network: nodes, links, and somebody who watches the links.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logos_crypto::tick::Tick;
use logos_mix::cover::CoverConfig;
use logos_mix::spam::Unprotected;
use logos_mix::{AddressBlock, Hop, MeanDelay, Node, NodeConfig, NodeOutput, Outgoing, SurbGroup};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub const NODES: usize = 5;

pub struct Net {
    pub now: Tick,
    pub nodes: Vec<Node<Unprotected>>,
    rng: ChaCha20Rng,
    // Packets on the links, by arrival.
    pub links: BTreeMap<(Tick, u64), (usize, Vec<u8>)>,
    pub sent: u64,
    pub lost: u64,
    loss_percent: u64,
    pub requests: BTreeSet<u64>,
    pub answers: BTreeSet<u64>,
    groups: BTreeMap<(usize, SurbGroup), u64>,
    // Loops that each node had sent at its last departure.
    loops: [u64; NODES],
    pub departures: Vec<Departure>,
}

/// What a packet is to the node that it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Own,
    Cover,
    Forwarded,
}

/// A packet on its way out: when and where to, which anybody sees, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Departure {
    pub node: usize,
    pub at: Tick,
    pub to: usize,
    pub class: Class,
}

/// The address of node `to` as node `by` writes it: by it a test tells whose packet it is that
/// leaves a node. Nobody else can, since only the next hop reads it.
fn address(to: usize, by: usize) -> AddressBlock {
    let mut bytes = [0; 94];
    bytes[0] = u8::try_from(to).unwrap() + 1;
    bytes[1] = u8::try_from(by).unwrap() + 1;
    AddressBlock::from_bytes(bytes)
}

fn delay() -> MeanDelay {
    MeanDelay::from_millis(200).unwrap()
}

impl Net {
    pub fn new(cover: CoverConfig, loss_percent: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(99);
        let config = NodeConfig { cover, delay: delay(), ..NodeConfig::default() };
        let mut nodes: Vec<_> = (0..NODES)
            .map(|i| Node::new(config.clone(), address(i, i), Unprotected, Tick::ORIGIN, &mut rng))
            .collect();
        let keys: Vec<_> = nodes.iter().map(Node::public_key).collect();
        for (i, node) in nodes.iter_mut().enumerate() {
            for (j, key) in keys.iter().enumerate().filter(|(j, _)| *j != i) {
                node.pool_mut().insert(*key.as_bytes(), address(j, i)).unwrap();
            }
        }
        Self {
            now: Tick::ORIGIN,
            nodes,
            rng,
            links: BTreeMap::new(),
            sent: 0,
            lost: 0,
            loss_percent,
            requests: BTreeSet::new(),
            answers: BTreeSet::new(),
            groups: BTreeMap::new(),
            loops: [0; NODES],
            departures: Vec::new(),
        }
    }

    /// Sends request `n` from one node to another, with so many reply blocks.
    pub fn request(&mut self, n: u64, replies: usize) {
        let from = usize::try_from(n).unwrap() % NODES;
        let to = (from + 1 + usize::try_from(n).unwrap() / NODES % (NODES - 1)) % NODES;
        let exit =
            Hop { key: self.nodes[to].public_key(), address: address(to, from), delay: delay() };
        let outgoing = Outgoing {
            exit: Some(exit),
            replies,
            ..Outgoing::new("/request/1", n.to_be_bytes().to_vec())
        };
        let group = self.nodes[from].handle_send(self.now, outgoing, &mut self.rng).unwrap();
        if let Some(group) = group {
            self.groups.insert((from, group), n);
        }
    }

    pub fn drain(&mut self, i: usize) {
        while let Some(output) = self.nodes[i].poll_output(self.now) {
            match output {
                NodeOutput::Send { to, packet } => {
                    self.watch(i, to);
                    self.put_on_link(to, packet.as_bytes());
                }
                NodeOutput::Deliver(mut message) => {
                    assert_eq!(message.codec, "/request/1");
                    let n = u64::from_be_bytes(message.data[..].try_into().unwrap());
                    assert!(self.requests.insert(n), "request {n} came twice");
                    if let Some(surb) = message.surbs.pop() {
                        let node = &mut self.nodes[i];
                        node.handle_reply(self.now, surb, &message.data, &mut self.rng).unwrap();
                    }
                }
                NodeOutput::Reply { group, data } => {
                    let n = u64::from_be_bytes(data[..].try_into().unwrap());
                    assert_eq!(self.groups.get(&(i, group)), Some(&n));
                    assert!(self.answers.insert(n), "answer {n} came twice");
                }
                NodeOutput::Unanswered(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Writes down what an observer sees of a departure, and what it was.
    fn watch(&mut self, node: usize, to: AddressBlock) {
        let (at, [to, by, ..]) = (self.now, *to.as_bytes());
        let (_, own) = self.nodes[node].counters();
        let class = if usize::from(by) != node + 1 {
            Class::Forwarded
        } else if core::mem::replace(&mut self.loops[node], own.loops_sent) < own.loops_sent {
            Class::Cover
        } else {
            Class::Own
        };
        self.departures.push(Departure { node, at, to: usize::from(to) - 1, class });
    }

    fn put_on_link(&mut self, to: AddressBlock, packet: &[u8]) {
        self.sent += 1;
        if self.rng.next_u64() % 100 < self.loss_percent {
            self.lost += 1;
            return;
        }
        let to = usize::from(to.as_bytes()[0]) - 1;
        let latency = Duration::from_micros(1000 + self.rng.next_u64() % 100_000);
        self.links.insert((self.now + latency, self.sent), (to, packet.to_vec()));
    }

    /// Jumps to the next thing that happens before `end`; false if nothing does.
    fn step(&mut self, end: Tick) -> bool {
        let arrival = self.links.keys().next().map(|(at, _)| *at);
        let deadline = self.nodes.iter().filter_map(Node::next_deadline).min();
        let Some(next) = arrival.into_iter().chain(deadline).min().filter(|next| *next <= end)
        else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.links.first_entry().filter(|e| e.key().0 <= self.now) {
            let (to, packet) = entry.remove();
            self.nodes[to].handle_packet(self.now, &packet, &mut self.rng).unwrap();
        }
        for i in 0..NODES {
            if self.nodes[i].next_deadline().is_some_and(|deadline| deadline <= self.now) {
                self.nodes[i].handle_timeout(self.now, &mut self.rng);
            }
            self.drain(i);
        }
        true
    }

    pub fn run_until(&mut self, end: Tick) {
        while self.step(end) {}
        self.now = end;
    }

    pub fn total(&self, of: impl Fn(&Node<Unprotected>) -> u64) -> u64 {
        self.nodes.iter().map(of).sum()
    }
}
