//! Peers that were heard of, and what they are said to offer.

use core::time::Duration;
use std::collections::HashMap;

use libp2p::{Multiaddr, PeerId};
use logos_crypto::tick::Tick;
use logos_mix::MixKey;
use serde::Serialize;

use super::{Enr, PeerRecord, WakuPeerRecord};
use crate::delivery::Capability;

/// Where something was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// A list in the domain name system.
    Dns,
    /// A peer, by peer exchange.
    PeerExchange,
    /// The routing table.
    Kademlia,
    /// A rendezvous point.
    Rendezvous,
    /// A rendezvous point, by the records of the deployed network.
    WakuRendezvous,
}

/// What was heard of a peer. Its owner signed it, unless it is from a rendezvous point, which says
/// for what it was registered there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sighting {
    /// Of whom.
    pub peer: PeerId,
    /// Newer ones of the same source have higher numbers.
    pub seq: u64,
    /// Where it is said to be, each address with its id.
    pub addresses: Vec<Multiaddr>,
    /// What it is said to offer.
    pub offers: Vec<Capability>,
    /// The key that mix packets for it are sealed to, if that was said.
    pub mix_key: Option<MixKey>,
    /// Where it was heard.
    pub source: Source,
}

impl Sighting {
    /// What a node's record says.
    #[must_use]
    pub fn of_enr(record: &Enr, source: Source) -> Self {
        let offers = Capability::ALL.into_iter().filter(|each| record.offers(*each));
        Self {
            peer: record.peer_id(),
            seq: record.content().seq,
            addresses: record.addresses(),
            offers: offers.collect(),
            mix_key: None,
            source,
        }
    }

    /// What a peer's record says.
    #[must_use]
    pub fn of_record(record: &PeerRecord, source: Source) -> Self {
        let offers = Capability::ALL.into_iter().filter(|each| record.offers(*each));
        Self {
            peer: record.peer,
            seq: record.seq,
            addresses: record.addresses_with_id(),
            offers: offers.collect(),
            mix_key: record.mix_key(),
            source,
        }
    }

    /// Adds what an earlier sighting of the same record says: points of rendezvous give one for each
    /// service. Says whether this one offers more.
    fn add(&mut self, old: &Self) -> bool {
        let is_more = self.offers.iter().any(|offer| !old.offers.contains(offer));
        let lacking = old.offers.iter().filter(|offer| !self.offers.contains(offer));
        let lacking: Vec<_> = lacking.copied().collect();
        self.offers.extend(lacking);
        is_more
    }

    /// What a point of rendezvous says of a peer that registered a record for a service.
    #[must_use]
    pub fn of_registration(record: &WakuPeerRecord, service: Capability) -> Self {
        Self {
            peer: record.peer,
            seq: record.seq,
            addresses: record.addresses_with_id(),
            offers: vec![service],
            mix_key: record.mix_key,
            source: Source::WakuRendezvous,
        }
    }
}

/// Remembers peers for a while: a machine without clock or network.
///
/// What is said of peers may be wrong. A directory therefore forgets, prefers what was heard
/// lately, and has room for each source, so that no source can push out what others said.
///
/// # Examples
///
/// ```
/// use logos_node::delivery::{Capability, Keypair};
/// use logos_node::discovery::{Directory, PeerRecord, Sighting, Source};
/// use logos_crypto::tick::Tick;
///
/// let key = Keypair::generate_secp256k1();
/// let address = "/ip4/1.2.3.4/tcp/5".parse()?;
/// let record = PeerRecord::new(key.public().to_peer_id(), 1, vec![address], [Capability::Store]);
/// let mut directory = Directory::default();
/// directory.handle_sighting(Tick::ORIGIN, Sighting::of_record(&record, Source::Kademlia));
/// assert_eq!(directory.who_offers(Tick::ORIGIN, Capability::Store).count(), 1);
/// assert_eq!(directory.who_offers(Tick::ORIGIN, Capability::Filter).count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Directory {
    known: HashMap<(Source, PeerId), Known>,
}

#[derive(Debug)]
struct Known {
    sighting: Sighting,
    heard: Tick,
    /// How often it was not reached, and until when it is left alone for that.
    failures: u32,
    rests: Tick,
}

impl Directory {
    /// Peers of one source that are remembered; a further one takes the place of the one that was
    /// heard of longest ago.
    pub const MAX_PEERS: usize = 512;
    /// Addresses of one peer that are remembered.
    pub const MAX_ADDRESSES: usize = 8;
    /// How long a peer is remembered that is not heard of again.
    pub const MEMORY: Duration = Duration::from_secs(2 * 3600);
    /// How long a peer is left alone that was not reached once; an hour at most.
    pub const FIRST_REST: Duration = Duration::from_secs(60);

    /// Notes what was heard. Says whether it was news: a peer that was not known from there, a newer
    /// record of it, or a service that the same record was not registered for yet.
    pub fn handle_sighting(&mut self, now: Tick, mut sighting: Sighting) -> bool {
        sighting.addresses.truncate(Self::MAX_ADDRESSES);
        let place = (sighting.source, sighting.peer);
        let known = self.known.get(&place).filter(|known| known.is_fresh(now));
        let (failures, rests) =
            known.map_or((0, Tick::ORIGIN), |known| (known.failures, known.rests));
        let is_news = match known.map(|known| &known.sighting) {
            Some(old) if old.seq > sighting.seq => return false,
            Some(old) if old.seq == sighting.seq => sighting.add(old),
            Some(_) => true,
            None => {
                self.make_room(now, sighting.source);
                true
            }
        };
        self.known.insert(place, Known { sighting, heard: now, failures, rests });
        is_news
    }

    /// Notes that a peer was not reached. It is left alone for a while, longer each time.
    pub fn handle_failure(&mut self, now: Tick, peer: &PeerId) {
        for known in self.known.values_mut().filter(|known| known.sighting.peer == *peer) {
            let rest = Self::FIRST_REST.saturating_mul(1 << known.failures.min(6));
            (known.failures, known.rests) = (known.failures.saturating_add(1), now + rest);
        }
    }

    /// Peers said to offer something, the one heard of last first; without those left alone.
    pub fn who_offers(
        &self,
        now: Tick,
        capability: Capability,
    ) -> impl Iterator<Item = &Sighting> + use<'_> {
        let fresh =
            self.known.values().filter(move |known| known.is_fresh(now) && known.rests <= now);
        let mut offering: Vec<_> =
            fresh.filter(|known| known.sighting.offers.contains(&capability)).collect();
        offering
            .sort_unstable_by_key(|known| (core::cmp::Reverse(known.heard), known.sighting.peer));
        offering.into_iter().map(|known| &known.sighting)
    }

    /// Is something known of a peer from there?
    #[must_use]
    pub fn knows(&self, now: Tick, source: Source, peer: &PeerId) -> bool {
        self.known.get(&(source, *peer)).is_some_and(|known| known.is_fresh(now))
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Is nobody remembered?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    fn make_room(&mut self, now: Tick, source: Source) {
        self.known.retain(|_, known| known.is_fresh(now));
        let same = self.known.iter().filter(|((from, _), _)| *from == source);
        if same.clone().count() >= Self::MAX_PEERS
            && let Some((place, _)) = same.min_by_key(|((_, peer), known)| (known.heard, *peer))
        {
            let place = *place;
            self.known.remove(&place);
        }
    }
}

impl Known {
    fn is_fresh(&self, now: Tick) -> bool {
        now < self.heard + Directory::MEMORY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick::new(Duration::from_secs(seconds))
    }

    fn sighting(peer: PeerId, seq: u64, source: Source) -> Sighting {
        let addresses = vec!["/memory/1".parse().unwrap(); 20];
        Sighting { peer, seq, addresses, offers: vec![Capability::Store], mix_key: None, source }
    }

    #[test]
    fn the_newest_record_counts_and_is_forgotten_in_time() {
        let (peer, mut directory) = (PeerId::random(), Directory::default());
        assert!(directory.handle_sighting(at(0), sighting(peer, 5, Source::Dns)));
        assert!(!directory.handle_sighting(at(1), sighting(peer, 5, Source::Dns)));
        assert!(!directory.handle_sighting(at(1), sighting(peer, 4, Source::Dns)));
        assert!(directory.handle_sighting(at(2), sighting(peer, 6, Source::Dns)));
        let found: Vec<_> = directory.who_offers(at(3), Capability::Store).collect();
        assert_eq!((found.len(), found[0].seq), (1, 6));
        assert_eq!(found[0].addresses.len(), Directory::MAX_ADDRESSES);
        assert!(directory.knows(at(3), Source::Dns, &peer));
        assert!(!directory.knows(at(3), Source::Kademlia, &peer));
        let late = at(2) + Directory::MEMORY;
        assert_eq!(directory.who_offers(late, Capability::Store).count(), 0);
        assert!(directory.handle_sighting(late, sighting(peer, 1, Source::Dns)));
    }

    #[test]
    fn a_record_that_is_registered_for_two_services_offers_both() {
        let (peer, mut directory) = (PeerId::random(), Directory::default());
        let of = |service, seq| Sighting {
            offers: vec![service],
            ..sighting(peer, seq, Source::WakuRendezvous)
        };
        assert!(directory.handle_sighting(at(0), of(Capability::Store, 1)));
        assert!(directory.handle_sighting(at(0), of(Capability::Mix, 1)));
        assert!(!directory.handle_sighting(at(0), of(Capability::Store, 1)));
        let offers = |directory: &Directory, service| directory.who_offers(at(1), service).count();
        let both = [Capability::Store, Capability::Mix].map(|each| offers(&directory, each));
        assert_eq!(both, [1, 1]);
        // A newer record speaks for itself.
        assert!(directory.handle_sighting(at(0), of(Capability::Mix, 2)));
        let both = [Capability::Store, Capability::Mix].map(|each| offers(&directory, each));
        assert_eq!(both, [0, 1]);
    }

    #[test]
    fn no_source_pushes_out_what_another_said() {
        let (peer, mut directory) = (PeerId::random(), Directory::default());
        directory.handle_sighting(at(0), sighting(peer, 1, Source::Dns));
        for second in 1..2000 {
            directory.handle_sighting(at(second), sighting(PeerId::random(), 1, Source::Kademlia));
        }
        assert_eq!(directory.len(), Directory::MAX_PEERS + 1);
        assert!(directory.knows(at(2000), Source::Dns, &peer));
    }

    #[test]
    fn who_is_not_reached_is_left_alone_for_longer_each_time() {
        let (peer, mut directory) = (PeerId::random(), Directory::default());
        directory.handle_sighting(at(0), sighting(peer, 1, Source::Dns));
        let offers = |directory: &Directory, second| {
            directory.who_offers(at(second), Capability::Store).count()
        };
        directory.handle_failure(at(0), &peer);
        assert_eq!((offers(&directory, 59), offers(&directory, 60)), (0, 1));
        directory.handle_failure(at(60), &peer);
        // Being heard of again does not make it reachable.
        directory.handle_sighting(at(61), sighting(peer, 2, Source::Dns));
        assert_eq!((offers(&directory, 179), offers(&directory, 180)), (0, 1));
        (0..99).for_each(|_| directory.handle_failure(at(180), &peer));
        assert_eq!(offers(&directory, 180 + 3840), 1);
    }

    #[test]
    fn who_was_heard_of_last_comes_first() {
        let mut directory = Directory::default();
        let peers: [PeerId; 3] = core::array::from_fn(|_| PeerId::random());
        for (second, peer) in (0..).zip(peers) {
            directory.handle_sighting(at(second), sighting(peer, 1, Source::Dns));
        }
        let found = directory.who_offers(at(9), Capability::Store).map(|found| found.peer);
        assert!(found.eq(peers.into_iter().rev()));
    }
}
