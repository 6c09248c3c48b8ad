//! Telling others where we are, and finding out where they are.

use core::time::Duration;
use std::time::SystemTime;

use libp2p::kad::store::RecordStore;
use libp2p::{Multiaddr, PeerId, kad};
use logos_crypto::tick::Tick;
use tracing::debug;

use super::{Driver, Report};
use crate::delivery::config::{Mode, is_point};
use crate::delivery::exchange::Exchange;
use crate::delivery::network::MAX_STORED_RECORDS;
use crate::delivery::protocols::Capability;
use crate::delivery::service;
use crate::discovery::{
    Directory, Enr, EnrContent, EnrError, EnrShards, PeerRecord, Sighting, Source, service_bits,
};
use crate::wire::PeerExchange;

/// Peers of a service, under which more are sought.
const ENOUGH: usize = 2;
/// Peers that relay, under which a node that relays seeks more.
const ENOUGH_RELAY: usize = 6;
/// Peers that are dialled at one look for one service.
const MAX_DIALLED: usize = 4;
/// Addresses of one of them that are dialled.
const MAX_TRIED_ADDRESSES: usize = 3;
/// Peers whose records are looked for after one walk.
const MAX_FETCHED: usize = 8;
/// Peers that are asked for records at one look.
const MAX_ASKED: usize = 2;
/// How often our own record is stored anew.
const REPUBLISH: Duration = Duration::from_secs(30 * 60);

/// What we say of ourselves.
#[derive(Debug, Default)]
pub(super) struct Announcing {
    seq: u64,
    record: Option<Enr>,
    sealed: Option<Vec<u8>>,
    /// When our record is stored next.
    next: Tick,
    looks: usize,
}

impl Announcing {
    pub(super) const fn record(&self) -> Option<&Enr> {
        self.record.as_ref()
    }
}

impl Driver {
    /// Finds more peers while there are few.
    pub(super) fn look_around(&mut self) {
        self.machines.announcing.looks = self.machines.announcing.looks.wrapping_add(1);
        self.seek();
        if self.config.discovers {
            self.ask_for_records();
            self.walk();
            #[cfg(feature = "rendezvous")]
            {
                self.meet();
                self.visit();
            }
        }
        #[cfg(feature = "nat")]
        self.reserve();
    }

    /// What this node needs of others and lacks.
    pub(super) fn lacks(&self) -> Vec<Capability> {
        let needed: &[Capability] = match self.config.mode {
            Mode::Core => &[Capability::Relay, Capability::Store],
            Mode::Edge => &[Capability::LightPush, Capability::Filter, Capability::Store],
        };
        let enough = |capability| match capability {
            Capability::Relay => ENOUGH_RELAY,
            _ => ENOUGH,
        };
        let peers = &self.machines.peers;
        let lacking = |each: &Capability| peers.count(*each) < enough(*each);
        needed.iter().copied().filter(lacking).collect()
    }

    /// Dials who is said to offer what we lack.
    fn seek(&mut self) {
        for capability in self.lacks() {
            if let Some(lookup) = &self.config.lookup {
                for address in lookup.who_offers(capability) {
                    self.machines.dialer.add(address);
                }
            }
            let (now, me) = (self.clock.now(), *self.swarm.local_peer_id());
            let peers = &self.machines.peers;
            let heard = self.machines.directory.who_offers(now, capability);
            let new = heard.filter(|each| each.peer != me && !peers.is_connected(&each.peer));
            for sighting in new.take(MAX_DIALLED) {
                for address in sighting.addresses.iter().take(MAX_TRIED_ADDRESSES) {
                    self.machines.dialer.add_candidate(address.clone());
                }
            }
        }
    }

    /// Where peers are said to be that offer something.
    pub(super) fn addresses_of(&self, capability: Capability) -> Vec<Multiaddr> {
        let heard = self.machines.directory.who_offers(self.clock.now(), capability);
        let mut all: Vec<_> = heard.flat_map(|each| each.addresses.iter().cloned()).collect();
        if let Some(lookup) = &self.config.lookup {
            all.extend(lookup.who_offers(capability));
        }
        let mut seen = std::collections::HashSet::new();
        all.retain(|address| seen.insert(address.clone()));
        all
    }

    /// Takes note of what was heard, and dials if it is of use.
    pub(super) fn on_sightings(&mut self, sightings: impl IntoIterator<Item = Sighting>) {
        let (now, me) = (self.clock.now(), *self.swarm.local_peer_id());
        let mut is_news = false;
        for sighting in sightings.into_iter().filter(|sighting| sighting.peer != me) {
            if self.machines.directory.handle_sighting(now, sighting) {
                self.shared.counters.peers_discovered.add();
                is_news = true;
            }
        }
        if is_news {
            self.seek();
        }
    }

    pub(super) fn refuse(&self, source: Source, error: &impl core::fmt::Display) {
        self.shared.counters.records_refused.add();
        debug!(?source, %error, "a record does not count");
    }
}

/// Records of nodes: lists in the domain name system, and peer exchange.
impl Driver {
    fn ask_for_records(&mut self) {
        if self.lacks().is_empty() {
            return;
        }
        let mut peers = self.machines.peers.who_offers(Capability::PeerExchange);
        // Another beginning each time, so that everybody is asked.
        let first = self.machines.announcing.looks % peers.len().max(1);
        peers.rotate_left(first);
        for peer in peers.into_iter().take(MAX_ASKED) {
            let opener = self.opener.clone();
            self.spawn(async move {
                let (given, tried) = service::exchange(opener, peer, Exchange::WANTED).await;
                Report::Exchanged { given, tried }
            });
        }
    }

    pub(super) fn exchanged(&mut self, peer: PeerId, wanted: u64) -> PeerExchange {
        let machines = &mut self.machines;
        let (peers, own) = (&machines.peers, machines.announcing.record.as_ref());
        let is_neighbour = |other: &PeerId| peers.is_connected(other);
        machines.exchange.handle_query(self.clock.now(), peer, wanted, own, is_neighbour)
    }

    pub(super) fn on_given(&mut self, given: service::Given) {
        let mut records = Vec::new();
        for record in given {
            match record {
                Ok(record) => records.push(record),
                Err(error) => self.refuse(Source::PeerExchange, &error),
            }
        }
        self.on_records(&records, Source::PeerExchange);
    }

    pub(super) fn on_listed(&mut self, records: &[Enr]) {
        self.on_records(records, Source::Dns);
    }

    fn on_records(&mut self, records: &[Enr], source: Source) {
        let ours = self.config.sharding.cluster();
        let of_ours = |record: &&Enr| {
            record.content().shards.as_ref().is_none_or(|shards| shards.cluster == ours)
        };
        let records = records.iter().filter(of_ours);
        records.clone().for_each(|record| self.machines.exchange.handle_record(record));
        self.on_sightings(records.map(|record| Sighting::of_enr(record, source)));
    }
}

/// What we say of ourselves.
impl Driver {
    /// Signs anew where we are, after that has changed.
    pub(super) fn announce(&mut self) {
        let since = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        let addresses: Vec<Multiaddr> = self.swarm.external_addresses().cloned().collect();
        let announcing = &mut self.machines.announcing;
        announcing.seq = since.max(announcing.seq.saturating_add(1));
        announcing.next = Tick::ORIGIN;
        (announcing.record, announcing.sealed) = (None, None);
        let seq = announcing.seq;
        #[cfg(feature = "rendezvous")]
        self.announce_at_points(seq, &addresses);
        if addresses.is_empty() {
            return;
        }
        let record = self.node_record(seq, &addresses);
        let (me, offers) = (*self.swarm.local_peer_id(), self.offers());
        let sealed = PeerRecord::new(me, seq, addresses, offers).seal(&self.key);
        let announcing = &mut self.machines.announcing;
        announcing.record = record.inspect_err(|error| debug!(%error, "no record")).ok();
        announcing.sealed = sealed.inspect_err(|error| debug!(%error, "no record")).ok();
    }

    /// What this node offers.
    pub(super) fn offers(&self) -> Vec<Capability> {
        let config = &self.config;
        let is_core = config.mode == Mode::Core;
        let serves = is_core && config.serves;
        let offers = [
            (Capability::Metadata, true),
            (Capability::Relay, is_core),
            (Capability::LightPush, serves),
            (Capability::Filter, serves),
            (Capability::PeerExchange, serves),
            (Capability::Store, config.store.is_some()),
            (Capability::Rendezvous, is_point(config)),
            (Capability::WakuRendezvous, is_point(config)),
            (Capability::CircuitRelay, cfg!(feature = "nat") && is_core && config.relays),
        ];
        offers.into_iter().filter(|(_, is)| *is).map(|(capability, _)| capability).collect()
    }

    /// A record with as many addresses as fit.
    fn node_record(&self, seq: u64, addresses: &[Multiaddr]) -> Result<Enr, EnrError> {
        let sharding = self.config.sharding;
        let shards = sharding.shards();
        let is_few = usize::from(shards) <= EnrShards::MAX_LISTED;
        let mut content = EnrContent {
            seq,
            services: Some(service_bits(self.offers())),
            // More shards than are listed is rare, and then all is said by metadata.
            shards: is_few.then(|| EnrShards::new(sharding.cluster(), (0..shards).collect())),
            ..EnrContent::default()
        };
        let mut record = Enr::sign(content.clone(), &self.key)?;
        for address in addresses {
            let before = content.clone();
            content.add_address(address);
            match Enr::sign(content.clone(), &self.key) {
                Ok(longer) => record = longer,
                Err(_) => content = before,
            }
        }
        Ok(record)
    }
}

/// The routing table.
impl Driver {
    fn walk(&mut self) {
        let (now, lacks) = (self.clock.now(), !self.lacks().is_empty());
        let announcing = &self.machines.announcing;
        let due = announcing.sealed.clone().filter(|_| announcing.next <= now);
        let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut() else { return };
        // Without peers there is nobody to ask.
        if kademlia.bootstrap().is_err() {
            return;
        }
        if lacks {
            kademlia.get_closest_peers(PeerId::random());
        }
        if let Some(sealed) = due {
            let key = self.swarm.local_peer_id().to_bytes();
            self.store_record(kad::Record::new(key, sealed));
        }
    }

    fn store_record(&mut self, record: kad::Record) {
        let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut() else { return };
        if let Err(error) = kademlia.put_record(record, kad::Quorum::One) {
            debug!(%error, "our record is not stored");
        }
    }

    pub(super) fn on_kademlia(&mut self, event: kad::Event) {
        match event {
            kad::Event::InboundRequest {
                request: kad::InboundRequest::PutRecord { record: Some(record), .. },
            } => self.keep_record(record),
            kad::Event::OutboundQueryProgressed { id, result, .. } => self.on_queried(id, result),
            _ => {}
        }
    }

    fn on_queried(&mut self, id: kad::QueryId, result: kad::QueryResult) {
        match result {
            kad::QueryResult::PutRecord(Ok(_)) => {
                self.machines.announcing.next = self.clock.now() + REPUBLISH;
            }
            kad::QueryResult::GetClosestPeers(Ok(found)) => {
                self.fetch_records(found.peers.into_iter().map(|found| found.peer_id));
            }
            kad::QueryResult::GetRecord(Ok(kad::GetRecordOk::FoundRecord(found))) => {
                if let Some(record) = self.open_record(&found.record) {
                    if let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut()
                        && let Some(mut query) = kademlia.query_mut(&id)
                    {
                        query.finish();
                    }
                    self.on_sightings([Sighting::of_record(&record, Source::Kademlia)]);
                }
            }
            _ => {}
        }
    }

    /// Looks for the records of peers that were met on a walk and are not known yet.
    fn fetch_records(&mut self, peers: impl Iterator<Item = PeerId>) {
        let now = self.clock.now();
        let (known, directory) = (&self.machines.peers, &self.machines.directory);
        let new = |peer: &PeerId| {
            !known.is_connected(peer) && !directory.knows(now, Source::Kademlia, peer)
        };
        let new: Vec<_> = peers.filter(new).take(MAX_FETCHED).collect();
        let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut() else { return };
        for peer in new {
            kademlia.get_record(peer.to_bytes().into());
        }
    }

    /// A record, if it is that of the peer under whose id it stands.
    fn open_record(&self, record: &kad::Record) -> Option<PeerRecord> {
        match PeerRecord::open(&record.value) {
            Ok(opened) if record.key.as_ref() == opened.peer.to_bytes() => Some(opened),
            Ok(_) => {
                self.refuse(Source::Kademlia, &"it stands under another's id");
                None
            }
            Err(error) => {
                self.refuse(Source::Kademlia, &error);
                None
            }
        }
    }

    /// Stores a record that a peer wants stored, if it counts and is newer than what is stored.
    fn keep_record(&mut self, record: kad::Record) {
        let Some(opened) = self.open_record(&record) else { return };
        let me = kad::KBucketKey::from(*self.swarm.local_peer_id());
        let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut() else { return };
        let store = kademlia.store_mut();
        let stored = store.get(&record.key).and_then(|old| PeerRecord::open(&old.value).ok());
        if stored.is_some_and(|stored| stored.seq > opened.seq) {
            return;
        }
        make_room(store, &me, &record.key);
        // Seconds of a monotonic clock after now; a peer that lives renews its record long before.
        let expires = std::time::Instant::now().checked_add(Directory::MEMORY);
        if let Err(error) = store.put(kad::Record { publisher: None, expires, ..record }) {
            debug!(%error, "a record is not stored");
        }
        self.on_sightings([Sighting::of_record(&opened, Source::Kademlia)]);
    }
}

/// Removes the record that is the farthest from us if there is no room for a nearer one.
fn make_room(
    store: &mut kad::store::MemoryStore,
    me: &kad::KBucketKey<PeerId>,
    new: &kad::RecordKey,
) {
    let distance = |key: &kad::RecordKey| me.distance(&kad::KBucketKey::new(key.to_vec()));
    if store.get(new).is_some() || store.records().count() < MAX_STORED_RECORDS {
        return;
    }
    let farthest = store.records().map(|record| record.key.clone()).max_by_key(distance);
    if let Some(farthest) = farthest.filter(|farthest| distance(farthest) > distance(new)) {
        store.remove(&farthest);
    }
}
