//! The behaviours and transports of a node, with the parameters of the deployed network.

use core::time::Duration;
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, MemoryTransport};
use libp2p::core::upgrade::Version;
use libp2p::gossipsub::{self, MessageAuthenticity, ValidationMode};
use libp2p::identity::Keypair;
use libp2p::kad::{self, store::MemoryStore};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    PeerId, allow_block_list, connection_limits, dns, identify, noise, ping, swarm, tcp, yamux,
};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::config::{Mode, NodeConfig, Transport};
use super::link::Link;
use super::protocols::{KADEMLIA, RELAY};
use super::shared::Shared;
use super::streams;
use crate::discovery::{Directory, PeerRecord};
use crate::wire::WakuMessage;

/// The node could not be put together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A parameter of gossip is out of its range.
    #[error("gossip cannot be set up: {0}")]
    Gossip(String),
    /// A transport cannot be used.
    #[error("the transport cannot be set up: {0}")]
    Transport(String),
}

#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(super) blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub(super) gossip: Toggle<gossipsub::Behaviour>,
    pub(super) kademlia: Toggle<kad::Behaviour<MemoryStore>>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    streams: streams::Behaviour,
    #[cfg(feature = "rendezvous")]
    pub(super) rendezvous: super::rendezvous::Behaviour,
    #[cfg(feature = "nat")]
    nat: super::nat::Behaviour,
}

pub(super) type Swarm = swarm::Swarm<Behaviour>;

/// A swarm that listens nowhere yet.
pub(super) fn swarm(
    config: &NodeConfig,
    key: &Keypair,
    streams: streams::Behaviour,
    shared: &Arc<Shared>,
) -> Result<Swarm, BuildError> {
    let peer = key.public().to_peer_id();
    let transport = match config.transport {
        Transport::Sockets => sockets(key, shared),
        Transport::Memory => memory(key, shared, config.latency),
    };
    let transport = transport.map_err(|error| BuildError::Transport(error.to_string()))?;
    #[cfg(feature = "nat")]
    let (transport, relayed) = with_relays(config, key, shared, transport)?;
    let gossip = match config.mode {
        Mode::Core => Some(gossip(config)?),
        Mode::Edge => None,
    };
    let behaviour = Behaviour {
        limits: connection_limits::Behaviour::new(limits(config.max_connections)),
        blocked: allow_block_list::Behaviour::default(),
        gossip: gossip.into(),
        kademlia: config.discovers.then(|| kademlia(config.mode, peer)).into(),
        identify: identify::Behaviour::new(
            identify::Config::new(IDENTIFY.to_owned(), key.public())
                .with_agent_version(AGENT.to_owned()),
        ),
        ping: ping::Behaviour::default(),
        streams,
        #[cfg(feature = "rendezvous")]
        rendezvous: super::rendezvous::Behaviour::new(config, key),
        #[cfg(feature = "nat")]
        nat: super::nat::Behaviour::new(config, peer, relayed),
    };
    let settings = swarm::Config::with_tokio_executor().with_idle_connection_timeout(IDLE);
    Ok(Swarm::new(transport, behaviour, peer, settings))
}

const IDENTIFY: &str = "/logos/1.0.0";
const AGENT: &str = concat!("logos-node/", env!("CARGO_PKG_VERSION"));

/// How long a connection that nobody uses is kept. Service peers are used rarely.
const IDLE: Duration = Duration::from_secs(600);

/// How long the handshakes of a connection may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

fn limits(connections: u32) -> connection_limits::ConnectionLimits {
    connection_limits::ConnectionLimits::default()
        .with_max_established(Some(connections))
        .with_max_established_per_peer(Some(2))
        .with_max_pending_incoming(Some(connections))
        .with_max_pending_outgoing(Some(MAX_DIALS))
}

/// Dials under way.
const MAX_DIALS: u32 = 32;

fn kademlia(mode: Mode, peer: PeerId) -> kad::Behaviour<MemoryStore> {
    let mut kademlia = kad::Behaviour::with_config(peer, record_store(peer), kademlia_config());
    kademlia.set_mode(Some(match mode {
        Mode::Core => kad::Mode::Server,
        Mode::Edge => kad::Mode::Client,
    }));
    kademlia
}

fn kademlia_config() -> kad::Config {
    let mut config = kad::Config::new(KADEMLIA);
    // What is stored here is looked at first; and nobody's records but our own are sent again.
    config.set_record_filtering(kad::StoreInserts::FilterBoth);
    config.set_replication_interval(None).set_publication_interval(None);
    config.set_record_ttl(Some(Directory::MEMORY));
    config
}

fn record_store(peer: PeerId) -> MemoryStore {
    let config = kad::store::MemoryStoreConfig {
        max_records: MAX_STORED_RECORDS,
        max_value_bytes: PeerRecord::MAX_SEALED_BYTES,
        ..kad::store::MemoryStoreConfig::default()
    };
    MemoryStore::with_config(peer, config)
}

/// Records of peers that are stored for the routing table; a further one takes the place of the one
/// whose key is the farthest from this node's, if it is nearer.
pub(super) const MAX_STORED_RECORDS: usize = 1024;

/// Connections that know who is at the other end.
type Connections = Boxed<(PeerId, StreamMuxerBox)>;

fn sockets(key: &Keypair, shared: &Arc<Shared>) -> io::Result<Connections> {
    let connections = over_tcp(key, shared)?;
    #[cfg(feature = "websocket")]
    let connections = either(over_websocket(key, shared)?, connections);
    #[cfg(feature = "quic")]
    let connections = either(over_quic(key)?, connections);
    Ok(connections)
}

fn over_tcp(key: &Keypair, shared: &Arc<Shared>) -> io::Result<Connections> {
    // A machine without resolver settings can still dial numbers.
    match dns::tokio::Transport::system(tcp()) {
        Ok(resolving) => secured(resolving, key, shared, Duration::ZERO),
        Err(_) => secured(tcp(), key, shared, Duration::ZERO),
    }
}

fn tcp() -> tcp::tokio::Transport {
    tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
}

#[cfg(feature = "websocket")]
fn over_websocket(key: &Keypair, shared: &Arc<Shared>) -> io::Result<Connections> {
    use libp2p::websocket;
    // Certificates are for names, so names are resolved below.
    match dns::tokio::Transport::system(tcp()) {
        Ok(resolving) => secured(websocket::Config::new(resolving), key, shared, Duration::ZERO),
        Err(_) => secured(websocket::Config::new(tcp()), key, shared, Duration::ZERO),
    }
}

#[cfg(feature = "quic")]
fn over_quic(key: &Keypair) -> io::Result<Connections> {
    use libp2p::{Transport as _, quic};
    let quic = || {
        let quic = quic::tokio::Transport::new(quic::Config::new(key));
        quic.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
    };
    Ok(match dns::tokio::Transport::system(quic()) {
        Ok(resolving) => resolving.boxed(),
        Err(_) => quic().boxed(),
    })
}

/// Lets connections go through relays as well.
#[cfg(feature = "nat")]
fn with_relays(
    config: &NodeConfig,
    key: &Keypair,
    shared: &Arc<Shared>,
    direct: Connections,
) -> Result<(Connections, Option<libp2p::relay::client::Behaviour>), BuildError> {
    if !config.nat {
        return Ok((direct, None));
    }
    let (circuits, behaviour) = libp2p::relay::client::new(key.public().to_peer_id());
    let circuits = secured(circuits, key, shared, Duration::ZERO);
    let circuits = circuits.map_err(|error| BuildError::Transport(error.to_string()))?;
    Ok((either(circuits, direct), Some(behaviour)))
}

/// The first transport that takes an address.
#[cfg(any(feature = "nat", feature = "quic", feature = "websocket"))]
fn either(first: Connections, second: Connections) -> Connections {
    use libp2p::Transport as _;
    first.or_transport(second).map(|either, _| either.into_inner()).boxed()
}

fn memory(key: &Keypair, shared: &Arc<Shared>, latency: Duration) -> io::Result<Connections> {
    secured(MemoryTransport::default(), key, shared, latency)
}

/// Counts a transport's bytes, encrypts it and lets many streams share a connection.
fn secured<T>(
    transport: T,
    key: &Keypair,
    shared: &Arc<Shared>,
    latency: Duration,
) -> io::Result<Connections>
where
    T: libp2p::Transport + Send + Unpin + 'static,
    T::Output: libp2p::futures::AsyncRead + libp2p::futures::AsyncWrite + Send + Unpin + 'static,
    T::Error: Send + Sync + 'static,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
{
    let noise = noise::Config::new(key).map_err(io::Error::other)?;
    use libp2p::Transport as _;
    let shared = Arc::clone(shared);
    let counted = transport.map(move |stream, _| Link::new(stream, Arc::clone(&shared), latency));
    Ok(counted
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(sharing())
        .timeout(HANDSHAKE)
        .boxed())
}

/// How streams share a connection: by Yamux, and with old browsers by mplex.
#[cfg(feature = "mplex")]
fn sharing() -> libp2p::core::upgrade::SelectUpgrade<yamux::Config, libp2p_mplex::Config> {
    libp2p::core::upgrade::SelectUpgrade::new(
        yamux::Config::default(),
        libp2p_mplex::Config::default(),
    )
}

/// How streams share a connection.
#[cfg(not(feature = "mplex"))]
fn sharing() -> yamux::Config {
    yamux::Config::default()
}

fn gossip(config: &NodeConfig) -> Result<gossipsub::Behaviour, BuildError> {
    let settings =
        gossip_settings(config.heartbeat).map_err(|error| BuildError::Gossip(error.to_string()))?;
    let built = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, settings);
    let mut gossip = built.map_err(|error| BuildError::Gossip(error.to_owned()))?;
    let scores = (peer_scores(config), score_thresholds());
    gossip.with_peer_score(scores.0, scores.1).map_err(BuildError::Gossip)?;
    Ok(gossip)
}

/// Gossip as the deployed nodes do it: anonymous, named by content, checked before it goes on.
fn gossip_settings(
    heartbeat: Duration,
) -> Result<gossipsub::Config, gossipsub::ConfigBuilderError> {
    gossipsub::ConfigBuilder::default()
        .protocol_id(RELAY, gossipsub::Version::V1_1)
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| gossipsub::MessageId::new(&Sha256::digest(&message.data)))
        .validate_messages()
        .mesh_n(6)
        .mesh_n_low(MESH_LOW)
        .mesh_n_high(8)
        .mesh_outbound_min(3)
        .retain_scores(6)
        .gossip_lazy(6)
        .gossip_factor(0.25)
        .heartbeat_interval(heartbeat)
        .history_length(6)
        .history_gossip(3)
        .fanout_ttl(Duration::from_secs(60))
        .duplicate_cache_time(Duration::from_secs(120))
        .prune_backoff(Duration::from_secs(60))
        .unsubscribe_backoff(Duration::from_secs(5))
        .flood_publish(true)
        .max_ihave_messages_heartbeat(10)
        .idontwant_message_size_threshold(512)
        .max_transmit_size(MAX_GOSSIP_BYTES)
        .max_control_message_size(MAX_GOSSIP_BYTES)
        .build()
}

/// Peers of a mesh under which more are sought.
pub(super) const MESH_LOW: usize = 4;

/// Room for a whole message, and for the five thousand ids that a peer may announce at once. The
/// defaults would cut off both, and a peer whose messages were cut off five times for good.
const MAX_GOSSIP_BYTES: usize = 256 * 1024;
const _: () = assert!(MAX_GOSSIP_BYTES > WakuMessage::MAX_ENCODED_BYTES + 5000 * 20);

/// Below this score a peer is as good as gone; the node then closes the connection.
pub(super) const GRAYLIST: f64 = -10_000.0;

const fn score_thresholds() -> gossipsub::PeerScoreThresholds {
    gossipsub::PeerScoreThresholds {
        gossip_threshold: -100.0,
        publish_threshold: -1000.0,
        graylist_threshold: GRAYLIST,
        accept_px_threshold: 0.0,
        opportunistic_graft_threshold: 0.0,
    }
}

fn peer_scores(config: &NodeConfig) -> gossipsub::PeerScoreParams {
    let topics = config
        .sharding
        .pubsub_topics()
        .map(|topic| (gossipsub::IdentTopic::new(topic.to_string()).hash(), topic_scores()));
    gossipsub::PeerScoreParams {
        topics: topics.collect::<HashMap<_, _>>(),
        topic_score_cap: 0.0,
        app_specific_weight: 0.0,
        ip_colocation_factor_weight: -50.0,
        ip_colocation_factor_threshold: 5.0,
        // Many nodes of one machine are a test, not an attack.
        ip_colocation_factor_whitelist: [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            .into(),
        behaviour_penalty_weight: -10.0,
        behaviour_penalty_threshold: 0.0,
        behaviour_penalty_decay: 0.986,
        decay_interval: Duration::from_secs(12),
        decay_to_zero: 0.01,
        retain_score: Duration::from_secs(600),
        slow_peer_weight: 0.0,
        ..gossipsub::PeerScoreParams::default()
    }
}

fn topic_scores() -> gossipsub::TopicScoreParams {
    gossipsub::TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.01,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 10.0,
        first_message_deliveries_weight: 1.0,
        first_message_deliveries_decay: 0.5,
        first_message_deliveries_cap: 10.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -100.0,
        invalid_message_deliveries_decay: 0.5,
        ..gossipsub::TopicScoreParams::default()
    }
}

#[cfg(all(test, feature = "mplex"))]
mod tests {
    use libp2p::Transport as _;
    use libp2p::futures::StreamExt;
    use libp2p::swarm::SwarmEvent;

    use super::*;
    use crate::delivery::{Cluster, Node, OpenAdmission, Preset};

    #[tokio::test]
    async fn an_old_browser_gets_through() {
        let config = Cluster::in_memory(NodeConfig::new(Preset::Local, Mode::Core));
        let node = Node::start(config, Arc::new(OpenAdmission)).await.unwrap();
        let key = Keypair::generate_secp256k1();
        let transport = MemoryTransport::default()
            .upgrade(Version::V1Lazy)
            .authenticate(noise::Config::new(&key).unwrap())
            .multiplex(libp2p_mplex::Config::default())
            .boxed();
        let settings = swarm::Config::with_tokio_executor();
        let me = key.public().to_peer_id();
        let mut browser = swarm::Swarm::new(transport, ping::Behaviour::default(), me, settings);
        browser.dial(node.address().await.unwrap()).unwrap();
        loop {
            match browser.select_next_some().await {
                SwarmEvent::Behaviour(ping::Event { result, .. }) => break assert!(result.is_ok()),
                SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    }
}
