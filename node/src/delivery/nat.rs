//! Being reached by others behind a router.
//!
//! Peers that answer (AutoNAT 2) tell which addresses others reach; a router is asked to open a port
//! (UPnP); who is not reached keeps a place at a relay (circuit relay 2), and goes around it where
//! both sides can (DCUtR).

use core::time::Duration;

use libp2p::autonat::v2 as autonat;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{PeerId, dcutr, relay, upnp};

use super::config::{Mode, NodeConfig, Transport};

/// What a node does to be reached, and what it does for others.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    relayed: Toggle<relay::client::Behaviour>,
    around: Toggle<dcutr::Behaviour>,
    asks: Toggle<autonat::client::Behaviour>,
    answers: Toggle<autonat::server::Behaviour>,
    router: Toggle<upnp::tokio::Behaviour>,
    relays: Toggle<relay::Behaviour>,
}

impl Behaviour {
    /// `relayed` is the behaviour of the transport that goes through relays.
    pub(super) fn new(
        config: &NodeConfig,
        me: PeerId,
        relayed: Option<relay::client::Behaviour>,
    ) -> Self {
        let nat = config.nat;
        let is_core = config.mode == Mode::Core;
        let has_router = nat && !config.reachable && config.transport == Transport::Sockets;
        let relays = is_core && config.relays;
        Self {
            relayed: relayed.into(),
            around: nat.then(|| dcutr::Behaviour::new(me)).into(),
            asks: nat.then(autonat::client::Behaviour::default).into(),
            answers: (nat && is_core).then(autonat::server::Behaviour::default).into(),
            router: has_router.then(upnp::tokio::Behaviour::default).into(),
            relays: relays.then(|| relay::Behaviour::new(me, limits())).into(),
        }
    }
}

/// What a node forwards for others. Rates for peer and address are those of libp2p: 30 in an hour.
fn limits() -> relay::Config {
    relay::Config {
        max_reservations: 128,
        max_reservations_per_peer: 2,
        reservation_duration: Duration::from_secs(3600),
        max_circuits: 32,
        max_circuits_per_peer: 4,
        max_circuit_duration: CIRCUIT,
        max_circuit_bytes: CIRCUIT_BYTES,
        ..relay::Config::default()
    }
}

/// How long a circuit may last before it is to be made again.
const CIRCUIT: Duration = Duration::from_secs(600);
/// What may pass through a circuit: twenty messages of the longest there are.
const CIRCUIT_BYTES: u64 = 4 * 1024 * 1024;
