//! Points of rendezvous: peers that others register with, and are found at.
//!
//! The protocol is libp2p's own, `/rendezvous/1.0.0`, in namespaces as LIP 179 has them,
//! `rs/<cluster>/<service>`. The deployed nodes speak it beside one of theirs with another record,
//! which is in [`RendezvousPoint`](crate::discovery::RendezvousPoint).

use libp2p::identity::Keypair;
use libp2p::rendezvous::{Namespace, Ttl, client, server};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;

use super::config::{NodeConfig, is_point};
use super::protocols::Capability;
use crate::discovery::{self, SERVICES};

/// Both sides: nodes that relay are points themselves.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) client: client::Behaviour,
    server: Toggle<server::Behaviour>,
}

impl Behaviour {
    pub(super) fn new(config: &NodeConfig, key: &Keypair) -> Self {
        let server = is_point(config).then(|| server::Behaviour::new(limits()));
        Self { client: client::Behaviour::new(key.clone()), server: server.into() }
    }
}

fn limits() -> server::Config {
    server::Config::default()
        .with_min_ttl(MIN_TTL)
        .with_max_ttl(TTL)
        .with_max_registration_per_peer(SERVICES.len())
        .with_max_registration_total(MAX_REGISTRATIONS)
        .with_max_stored_cookies(MAX_REGISTRATIONS)
}

/// How long a registration counts, in seconds: what points take that were not told otherwise.
pub(super) const TTL: Ttl = 2 * 3600;
/// The shortest registration that is taken, in seconds: that of the deployed nodes.
const MIN_TTL: Ttl = 60;
/// Registrations that a point keeps.
const MAX_REGISTRATIONS: usize = 4096;
/// Peers that are asked for at once.
pub(super) const WANTED: u64 = 12;

/// Where those register that offer a service; none for what is not registered.
pub(super) fn namespace(cluster: u16, capability: Capability) -> Option<Namespace> {
    Namespace::new(discovery::namespace(cluster, capability)?).ok()
}

/// Which service a namespace of a cluster is for.
pub(super) fn service(cluster: u16, namespace: &Namespace) -> Option<Capability> {
    discovery::service(cluster, &namespace.to_string())
}
