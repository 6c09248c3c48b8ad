//! Registering at points of rendezvous with the records of the deployed network, and looking who has.

use libp2p::Multiaddr;
use tracing::debug;

use super::{Driver, Report};
use crate::delivery::protocols::Capability;
use crate::delivery::service;
use crate::discovery::{Sighting, Source, Visited, WakuPeerRecord};

impl Driver {
    /// Tells points where we are from now on, or that we are nowhere.
    pub(super) fn announce_at_points(&mut self, seq: u64, addresses: &[Multiaddr]) {
        let me = *self.swarm.local_peer_id();
        let record = WakuPeerRecord::new(me, seq, addresses.to_vec(), None);
        let sealed = (!addresses.is_empty()).then(|| record.seal(&self.key));
        let sealed = sealed.transpose().inspect_err(|error| debug!(%error, "no record"));
        let offers = self.offers();
        self.machines.visitor.handle_own(sealed.ok().flatten(), &offers);
    }

    /// Goes to some of the points we are connected with, for what is due there and for what we lack.
    pub(super) fn visit(&mut self) {
        let points = self.machines.peers.who_offers(Capability::WakuRendezvous);
        let mut wanted = self.lacks();
        // Applications may want to know of mixes, whatever this node lacks.
        wanted.push(Capability::Mix);
        self.machines.visitor.handle_look(self.clock.now(), &points, &wanted);
        while let Some(visit) = self.machines.visitor.poll_output() {
            let opener = self.opener.clone();
            self.spawn(async move {
                let (visited, found) = service::visit(opener, visit).await;
                Report::Visited { visited, found }
            });
        }
    }

    pub(super) fn on_visited(&mut self, visited: Visited, found: service::Found) {
        self.machines.visitor.handle_visited(self.clock.now(), visited);
        let mut sightings = Vec::new();
        for (service, record) in found {
            match record {
                Ok(record) => sightings.push(Sighting::of_registration(&record, service)),
                Err(error) => self.refuse(Source::WakuRendezvous, &error),
            }
        }
        self.on_sightings(sightings);
    }
}
