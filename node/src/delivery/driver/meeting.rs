//! Registering at points of rendezvous, and looking who has.

use core::time::Duration;
use std::collections::HashMap;

use libp2p::PeerId;
use libp2p::multiaddr::Protocol;
use libp2p::rendezvous::{Registration, client};
use logos_crypto::tick::Tick;
use tracing::debug;

use super::Driver;
use crate::delivery::protocols::Capability;
use crate::delivery::rendezvous::{BehaviourEvent, TTL, WANTED, namespace, service};
use crate::discovery::{Sighting, Source};

/// Points that are used at once.
const MAX_POINTS: usize = 3;
/// How often a registration is renewed.
const RENEW: Duration = Duration::from_secs(TTL / 2);

/// Where we are registered, and until when that need not be renewed.
pub(super) type Registered = HashMap<PeerId, Tick>;

impl Driver {
    /// Registers with some of the points we are connected with, and asks them for what we lack.
    pub(super) fn meet(&mut self) {
        let (now, cluster) = (self.clock.now(), self.config.sharding.cluster());
        let (offers, lacks) = (self.offers(), self.lacks());
        let points = self.machines.peers.who_offers(Capability::Rendezvous);
        self.machines.registered.retain(|_, until| *until > now);
        let is_reached = self.swarm.external_addresses().next().is_some();
        for point in points.into_iter().take(MAX_POINTS) {
            let client = &mut self.swarm.behaviour_mut().rendezvous.client;
            if is_reached && !self.machines.registered.contains_key(&point) {
                for namespace in offers.iter().filter_map(|each| namespace(cluster, *each)) {
                    if let Err(error) = client.register(namespace, point, Some(TTL)) {
                        debug!(%point, %error, "not registered");
                    }
                }
                self.machines.registered.insert(point, now + RENEW);
            }
            for namespace in lacks.iter().filter_map(|each| namespace(cluster, *each)) {
                client.discover(Some(namespace), None, Some(WANTED), point);
            }
        }
    }

    pub(super) fn on_rendezvous(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Client(client::Event::Discovered { registrations, .. }) => {
                let cluster = self.config.sharding.cluster();
                let wanted = usize::try_from(WANTED).unwrap_or(usize::MAX);
                let heard = registrations.iter().take(wanted);
                self.on_sightings(heard.filter_map(|each| sighting(cluster, each)));
            }
            BehaviourEvent::Client(client::Event::RegisterFailed { rendezvous_node, .. }) => {
                self.machines.registered.remove(&rendezvous_node);
            }
            _ => {}
        }
    }
}

/// What a point says of a peer; its record was signed by the peer.
fn sighting(cluster: u16, registration: &Registration) -> Option<Sighting> {
    let offer = service(cluster, &registration.namespace)?;
    let record = &registration.record;
    let me = Protocol::P2p(record.peer_id());
    let addresses = record.addresses().iter();
    Some(Sighting {
        peer: record.peer_id(),
        seq: record.seq(),
        addresses: addresses
            .map(|address| match address.iter().last() {
                Some(last) if last == me => address.clone(),
                _ => address.clone().with(me.clone()),
            })
            .collect(),
        offers: vec![offer],
        mix_key: None,
        source: Source::Rendezvous,
    })
}
