//! What is known of other nodes, and when to dial those we begin with.

use core::time::Duration;
use std::collections::{HashMap, HashSet};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use logos_crypto::tick::Tick;

use super::protocols::Capability;
use super::status::PeerStatus;

/// Connected peers.
#[derive(Debug, Default)]
pub(super) struct Peers {
    known: HashMap<PeerId, Peer>,
}

#[derive(Debug, Default)]
struct Peer {
    offers: HashSet<Capability>,
    failures: u32,
    /// Where we dialled it.
    address: Option<Multiaddr>,
}

impl Peers {
    /// Notes that a peer is there, and where it was dialled, if we did.
    pub(super) fn connected(&mut self, peer: PeerId, dialled: Option<Multiaddr>) {
        let known = self.known.entry(peer).or_default();
        known.address = dialled.or(known.address.take());
    }

    /// Where a peer was dialled, without its id.
    #[cfg(feature = "nat")]
    pub(super) fn address(&self, peer: &PeerId) -> Option<&Multiaddr> {
        self.known.get(peer)?.address.as_ref()
    }

    pub(super) fn gone(&mut self, peer: &PeerId) {
        self.known.remove(peer);
    }

    /// Notes what a peer says it speaks; gives what is new of it.
    pub(super) fn offers(
        &mut self,
        peer: PeerId,
        speaks: impl Fn(Capability) -> bool,
    ) -> Vec<Capability> {
        let Some(known) = self.known.get_mut(&peer) else { return Vec::new() };
        let offered = Capability::ALL.into_iter().filter(|each| speaks(*each));
        offered.filter(|each| known.offers.insert(*each)).collect()
    }

    pub(super) fn failed(&mut self, peer: &PeerId) {
        if let Some(peer) = self.known.get_mut(peer) {
            peer.failures += 1;
        }
    }

    pub(super) fn worked(&mut self, peer: &PeerId) {
        if let Some(peer) = self.known.get_mut(peer) {
            peer.failures = 0;
        }
    }

    /// Peers that offer `capability`, the most reliable first.
    pub(super) fn who_offers(&self, capability: Capability) -> Vec<PeerId> {
        let offering = self.known.iter().filter(|(_, peer)| peer.offers.contains(&capability));
        let mut offering: Vec<_> = offering.map(|(id, peer)| (peer.failures, *id)).collect();
        offering.sort_unstable();
        offering.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn count(&self, capability: Capability) -> usize {
        self.known.values().filter(|peer| peer.offers.contains(&capability)).count()
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn table(&self) -> Vec<PeerStatus> {
        let each = |(id, peer): (&PeerId, &Peer)| PeerStatus {
            peer_id: id.to_string(),
            offers: Capability::ALL.into_iter().filter(|each| peer.offers.contains(each)).collect(),
        };
        self.known.iter().map(each).collect()
    }

    pub(super) fn is_connected(&self, peer: &PeerId) -> bool {
        self.known.contains_key(peer)
    }
}

/// Dials the peers we begin with, with growing pauses, for as long as they are not connected; and
/// those that were heard of, a few times.
#[derive(Debug)]
pub(super) struct Dialer {
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    address: Multiaddr,
    next: Tick,
    pause: Duration,
    /// How often it is tried yet; always, if that is not said.
    tries: Option<u32>,
}

impl Dialer {
    const FIRST_PAUSE: Duration = Duration::from_secs(1);
    const LONGEST_PAUSE: Duration = Duration::from_secs(120);
    /// Addresses that are dialled; further ones are not taken.
    const MAX_TARGETS: usize = 256;
    /// Addresses heard of that are dialled at once.
    const MAX_CANDIDATES: usize = 64;
    /// How often an address that was only heard of is dialled.
    const CANDIDATE_TRIES: u32 = 2;

    pub(super) fn new(addresses: &[Multiaddr]) -> Self {
        let mut dialer = Self { targets: Vec::new() };
        addresses.iter().for_each(|address| dialer.add(address.clone()));
        dialer
    }

    pub(super) fn add(&mut self, address: Multiaddr) {
        let kept = self.targets.iter().filter(|target| target.tries.is_none()).count();
        if kept < Self::MAX_TARGETS {
            self.targets.retain(|target| target.address != address || target.tries.is_none());
            self.push(address, None);
        }
    }

    /// Dials an address that somebody said, until it was reached or tried in vain.
    pub(super) fn add_candidate(&mut self, address: Multiaddr) {
        let tried = self.targets.iter().filter(|target| target.tries.is_some()).count();
        if tried < Self::MAX_CANDIDATES {
            self.push(address, Some(Self::CANDIDATE_TRIES));
        }
    }

    fn push(&mut self, address: Multiaddr, tries: Option<u32>) {
        if self.targets.iter().all(|target| target.address != address) {
            let (next, pause) = (Tick::ORIGIN, Self::FIRST_PAUSE);
            self.targets.push(Target { address, next, pause, tries });
        }
    }

    /// The next address to dial, until `None`.
    pub(super) fn poll_output(&mut self, now: Tick, peers: &Peers) -> Option<Multiaddr> {
        self.targets.retain(|target| match target.tries {
            None => true,
            Some(tries) => tries > 0 && !is_connected(&target.address, peers),
        });
        for target in &mut self.targets {
            if is_connected(&target.address, peers) {
                (target.next, target.pause) = (now, Self::FIRST_PAUSE);
            } else if target.next <= now {
                target.next = now + target.pause;
                target.tries = target.tries.map(|tries| tries.saturating_sub(1));
                target.pause = (target.pause * 2).min(Self::LONGEST_PAUSE);
                return Some(target.address.clone());
            }
        }
        None
    }

    pub(super) fn next_deadline(&self, peers: &Peers) -> Option<Tick> {
        let lost = self.targets.iter().filter(|target| !is_connected(&target.address, peers));
        lost.map(|target| target.next).min()
    }
}

/// An address without an id counts as connected when anybody is.
fn is_connected(address: &Multiaddr, peers: &Peers) -> bool {
    peer_id(address).map_or_else(|| peers.len() > 0, |peer| peers.is_connected(&peer))
}

/// The id at the end of an address.
pub(super) fn peer_id(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last()? {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick::new(Duration::from_secs(seconds))
    }

    #[test]
    fn a_lost_peer_is_dialled_with_growing_pauses_and_a_found_one_is_not() {
        let peer = PeerId::random();
        let address = "/memory/1".parse::<Multiaddr>().unwrap().with(Protocol::P2p(peer));
        let mut peers = Peers::default();
        let mut dialer = Dialer::new(core::slice::from_ref(&address));
        let mut dials = Vec::new();
        for second in 0..20 {
            if dialer.poll_output(at(second), &peers).is_some() {
                dials.push(second);
            }
        }
        assert_eq!(dials, [0, 1, 3, 7, 15]);
        peers.connected(peer, None);
        assert_eq!(dialer.poll_output(at(99), &peers), None);
        assert_eq!(dialer.next_deadline(&peers), None);
        peers.gone(&peer);
        assert_eq!(dialer.poll_output(at(100), &peers), Some(address));
        assert_eq!(dialer.next_deadline(&peers), Some(at(101)));
    }

    #[test]
    fn who_was_only_heard_of_is_dialled_twice_and_then_forgotten() {
        let (peers, mut dialer) = (Peers::default(), Dialer::new(&[]));
        for number in 0..100 {
            dialer.add_candidate(format!("/memory/{number}").parse().unwrap());
        }
        let mut dials = 0;
        for second in 0..20 {
            dials += core::iter::from_fn(|| dialer.poll_output(at(second), &peers)).count();
        }
        assert_eq!(dials, 2 * Dialer::MAX_CANDIDATES);
        assert_eq!(dialer.next_deadline(&peers), None);
        // One that we are told to keep is kept.
        dialer.add_candidate("/memory/1".parse().unwrap());
        dialer.add("/memory/1".parse().unwrap());
        assert!(core::iter::from_fn(|| dialer.poll_output(at(99), &peers)).count() == 1);
        assert!(dialer.next_deadline(&peers).is_some());
    }

    #[test]
    fn the_reliable_are_asked_first() {
        let [one, other] = [PeerId::random(), PeerId::random()];
        let mut peers = Peers::default();
        for peer in [one, other] {
            peers.connected(peer, None);
            let new = peers.offers(peer, |capability| capability == Capability::Store);
            assert_eq!(new, [Capability::Store]);
        }
        peers.failed(&one);
        assert_eq!(peers.who_offers(Capability::Store), [other, one]);
        peers.worked(&one);
        peers.failed(&other);
        assert_eq!(peers.who_offers(Capability::Store), [one, other]);
        assert_eq!(peers.who_offers(Capability::Filter), []);
    }
}
