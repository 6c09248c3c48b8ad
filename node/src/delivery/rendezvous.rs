//! Points of rendezvous: peers that others register with, and are found at.
//!
//! The protocol is libp2p's own, `/rendezvous/1.0.0`, in namespaces as LIP 179 has them,
//! `rs/<cluster>/<service>`. The deployed nodes speak it beside one of theirs with another record.

use libp2p::identity::Keypair;
use libp2p::rendezvous::{Namespace, Ttl, client, server};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;

use super::config::{Mode, NodeConfig};
use super::protocols::Capability;

/// Both sides: nodes that relay are points themselves.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) client: client::Behaviour,
    server: Toggle<server::Behaviour>,
}

impl Behaviour {
    pub(super) fn new(config: &NodeConfig, key: &Keypair) -> Self {
        let serves = config.mode == Mode::Core && config.discovers;
        let server = serves.then(|| server::Behaviour::new(limits()));
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

/// The services that are registered, and the last part of their namespaces.
const SERVICES: [(Capability, &str); 4] = [
    (Capability::Relay, "relay"),
    (Capability::Store, "store"),
    (Capability::Filter, "filter"),
    (Capability::LightPush, "lightpush"),
];

/// Where those register that offer a service; none for what is not registered.
pub(super) fn namespace(cluster: u16, capability: Capability) -> Option<Namespace> {
    let (_, name) = SERVICES.into_iter().find(|(each, _)| *each == capability)?;
    Namespace::new(format!("rs/{cluster}/{name}")).ok()
}

/// Which service a namespace of a cluster is for.
pub(super) fn service(cluster: u16, namespace: &Namespace) -> Option<Capability> {
    let namespace = namespace.to_string();
    let name = namespace.strip_prefix("rs/")?.strip_prefix(&cluster.to_string())?;
    let name = name.strip_prefix('/')?;
    SERVICES.into_iter().find(|(_, each)| *each == name).map(|(capability, _)| capability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_read_as_they_are_written() {
        let namespace = namespace(1, Capability::Store).unwrap();
        assert_eq!(namespace.to_string(), "rs/1/store");
        assert_eq!(service(1, &namespace), Some(Capability::Store));
        assert_eq!(service(2, &namespace), None);
        assert_eq!(service(1, &Namespace::from_static("rs/1/mix")), None);
        assert_eq!(super::namespace(1, Capability::Metadata), None);
    }
}
