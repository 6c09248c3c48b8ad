//! Five nodes in one process, in virtual time, over links that lose and reorder packets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a test of an application's view"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logos_crypto::tick::Tick;
use logos_mix::cover::{CoverConfig, Health, Strategy};
use logos_mix::spam::Unprotected;
use logos_mix::{AddressBlock, Hop, MeanDelay, Node, NodeConfig, NodeOutput, Outgoing, SurbGroup};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const NODES: usize = 5;

struct Net {
    now: Tick,
    nodes: Vec<Node<Unprotected>>,
    rng: ChaCha20Rng,
    // Packets on the links, by arrival.
    links: BTreeMap<(Tick, u64), (usize, Vec<u8>)>,
    sent: u64,
    lost: u64,
    loss_percent: u64,
    requests: BTreeSet<u64>,
    answers: BTreeSet<u64>,
    groups: BTreeMap<(usize, SurbGroup), u64>,
}

fn address(i: usize) -> AddressBlock {
    AddressBlock::from_bytes([u8::try_from(i).unwrap() + 1; 94])
}

fn delay() -> MeanDelay {
    MeanDelay::from_millis(200).unwrap()
}

impl Net {
    fn new(cover: CoverConfig, loss_percent: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(99);
        let config = NodeConfig { cover, delay: delay(), ..NodeConfig::default() };
        let mut nodes: Vec<_> = (0..NODES)
            .map(|i| Node::new(config.clone(), address(i), Unprotected, Tick::ORIGIN, &mut rng))
            .collect();
        let keys: Vec<_> = nodes.iter().map(Node::public_key).collect();
        for (i, node) in nodes.iter_mut().enumerate() {
            for (j, key) in keys.iter().enumerate().filter(|(j, _)| *j != i) {
                node.pool_mut().insert(*key.as_bytes(), address(j)).unwrap();
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
        }
    }

    /// Sends request `n` from one node to another, with a reply block.
    fn request(&mut self, n: u64) {
        let from = usize::try_from(n).unwrap() % NODES;
        let to = (from + 1 + usize::try_from(n).unwrap() / NODES % (NODES - 1)) % NODES;
        let exit = Hop { key: self.nodes[to].public_key(), address: address(to), delay: delay() };
        let outgoing = Outgoing {
            exit: Some(exit),
            replies: 1,
            ..Outgoing::new("/request/1", n.to_be_bytes().to_vec())
        };
        let group = self.nodes[from].handle_send(self.now, outgoing, &mut self.rng).unwrap();
        self.groups.insert((from, group.unwrap()), n);
    }

    fn drain(&mut self, i: usize) {
        while let Some(output) = self.nodes[i].poll_output(self.now) {
            match output {
                NodeOutput::Send { to, packet } => self.put_on_link(to, packet.as_bytes()),
                NodeOutput::Deliver(mut message) => {
                    assert_eq!(message.codec, "/request/1");
                    let n = u64::from_be_bytes(message.data[..].try_into().unwrap());
                    assert!(self.requests.insert(n), "request {n} came twice");
                    let surb = message.surbs.pop().unwrap();
                    self.nodes[i]
                        .handle_reply(self.now, surb, &message.data, &mut self.rng)
                        .unwrap();
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

    fn run_until(&mut self, end: Tick) {
        while self.step(end) {}
        self.now = end;
    }

    fn total(&self, of: impl Fn(&Node<Unprotected>) -> u64) -> u64 {
        self.nodes.iter().map(of).sum()
    }
}

#[test]
fn ten_thousand_requests_are_answered_or_accounted_for() {
    let cover = CoverConfig { strategy: Strategy::Off, ..CoverConfig::default() };
    let mut net = Net::new(cover, 5);
    const REQUESTS: u64 = 10_000;
    for n in 0..REQUESTS {
        net.request(n);
        for i in 0..NODES {
            net.drain(i);
        }
        net.run_until(Tick::ORIGIN + Duration::from_millis(n * 10));
    }
    net.run_until(net.now + Duration::from_secs(3600));
    assert!(net.links.is_empty());

    // Every packet that was put on a link was lost there or came in, and none was refused.
    let received = net.total(|node| node.counters().0.received);
    assert_eq!(net.sent, received + net.lost);
    assert_eq!(net.total(|node| node.counters().0.dropped()), 0);
    assert_eq!(net.total(|node| (node.held().0 + node.held().1) as u64), 0);

    // Every request and every answer came to its end or to a lossy link.
    let originated = net.total(|node| node.counters().1.sent);
    let ended = net.requests.len() + net.answers.len();
    assert_eq!(originated, REQUESTS + net.requests.len() as u64);
    assert_eq!(originated, ended as u64 + net.lost);
    let (reached, answered) = (net.requests.len(), net.answers.len());
    // Three links each way: 0.95^3 = 0.857 reach, and the same part of those are answered.
    assert!((8400..8750).contains(&reached), "{reached}");
    assert!((7150..7550).contains(&answered), "{answered}");
    assert_eq!(net.total(|node| node.counters().1.unknown_replies), 0);
}

#[test]
fn cover_returns_and_hides_nothing_less_when_messages_take_its_place() {
    let cover = CoverConfig { slots: 1000, ..CoverConfig::default() };
    let mut net = Net::new(cover, 0);
    let config = NodeConfig::default();
    assert!(config.cover.data_replaces_cover);
    for n in 0..200 {
        net.request(n);
        net.run_until(Tick::ORIGIN + Duration::from_millis(n * 500));
    }
    net.run_until(net.now + Duration::from_secs(120));
    assert_eq!((net.requests.len(), net.answers.len()), (200, 200));
    // A schedule of one packet in 57 ms, for 220 s, on five nodes, whatever was asked.
    let scheduled = net.total(|node| node.counters().1.sent + node.counters().1.loops_sent);
    let expected = 5.0 * 219.5 / cover.interval().as_secs_f64();
    assert!((scheduled as f64 / expected - 1.0).abs() < 0.03, "{scheduled} {expected}");
    for node in &net.nodes {
        let (under_way, _, lost) = node.monitor().counts();
        assert!(under_way < 150 && lost == 0);
        assert_eq!(node.monitor().health(), Health::Good);
    }
}
