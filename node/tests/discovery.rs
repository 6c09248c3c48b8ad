//! Nodes that find each other, in every way there is.

#![cfg(feature = "delivery")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::std_instead_of_core,
    missing_docs,
    reason = "a test"
)]

use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use k256::ecdsa::signature::hazmat::PrehashSigner;
use k256::ecdsa::{Signature, SigningKey};
#[cfg(feature = "rendezvous")]
use logos_node::delivery::Multiaddr;
use logos_node::delivery::{
    Capability, Cluster, Mode, Node, NodeConfig, OpenAdmission, Preset, StoreConfig,
};
#[cfg(feature = "rendezvous")]
use logos_node::discovery::Source;
use logos_node::discovery::{Enr, TreeLink, TxtAnswer, TxtError, TxtResolver};
#[cfg(feature = "nat")]
use logos_node::wire::ContentTopic;
use logos_node::wire::{Sharding, StoreRequest};
use sha3::{Digest, Keccak256};
use tokio::time::{sleep, timeout};

/// No test waits longer for anything; how long things take is not tested.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Waits until something is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    soon(async {
        while !is_so().await {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// A network of one shard, without sockets, whose nodes look for peers all the time.
fn config(mode: Mode) -> NodeConfig {
    let mut config = Cluster::in_memory(NodeConfig::new(Preset::Local, mode));
    config.sharding = Sharding::new(79, 1.try_into().unwrap());
    config.look = Duration::from_millis(200);
    config
}

fn keeps(mode: Mode) -> NodeConfig {
    NodeConfig { store: Some(StoreConfig::default()), ..config(mode) }
}

async fn start(config: NodeConfig) -> Node {
    Node::start(config, Arc::new(OpenAdmission)).await.unwrap()
}

async fn is_answered(node: &Node) -> bool {
    let query = StoreRequest { request_id: "any".to_owned(), ..StoreRequest::default() };
    node.query(query).await.unwrap().is_some()
}

async fn record(node: &Node) -> Enr {
    until(async || node.status().await.unwrap().record.is_some()).await;
    node.status().await.unwrap().record.unwrap().parse().unwrap()
}

/// The domain name system, with one list in it.
#[derive(Debug)]
struct Zone(HashMap<String, String>);

impl TxtResolver for Zone {
    fn texts(&self, name: &str) -> TxtAnswer {
        let found = self.0.get(name).cloned().map(|text| vec![text]).ok_or(TxtError::Unresolved);
        Box::pin(async move { found })
    }
}

/// A list of nodes at `nodes.example`.
fn zone(records: &[Enr]) -> (TreeLink, Arc<dyn TxtResolver>) {
    let key = SigningKey::from_slice(&[9; 32]).unwrap();
    let mut zone = HashMap::new();
    let mut put = |text: String| {
        let hash = BASE32_NOPAD.encode(&Keccak256::digest(&text)[..16]);
        zone.insert(format!("{hash}.nodes.example"), text);
        hash
    };
    let hashes: Vec<_> = records.iter().map(|record| put(record.to_string())).collect();
    let branch = put(format!("enrtree-branch:{}", hashes.join(",")));
    let links = put("enrtree-branch:".to_owned());
    let root = format!("enrtree-root:v1 e={branch} l={links} seq=1");
    let signature: Signature = key.sign_prehash(&Keccak256::digest(&root)).unwrap();
    let signature = BASE64URL_NOPAD.encode(&[&signature.to_bytes()[..], &[0]].concat());
    zone.insert("nodes.example".to_owned(), format!("{root} sig={signature}"));
    let key = BASE32_NOPAD.encode(key.verifying_key().to_sec1_point(true).as_bytes());
    (format!("enrtree://{key}@nodes.example").parse().unwrap(), Arc::new(Zone(zone)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_found_in_a_list_of_the_domain_name_system() {
    let store = start(keeps(Mode::Core)).await;
    let stranger = Sharding::new(80, 1.try_into().unwrap());
    let stranger = start(NodeConfig { sharding: stranger, ..keeps(Mode::Core) }).await;
    let (link, resolver) = zone(&[record(&store).await, record(&stranger).await]);
    let (trees, resolver) = (vec![link], Some(resolver));
    let node = start(NodeConfig { trees, resolver, ..config(Mode::Edge) }).await;
    until(async || is_answered(&node).await).await;
    assert_eq!(node.who_offers(Capability::Store).await.unwrap(), record(&store).await.addresses());
    let status = node.status().await.unwrap();
    assert_eq!((status.peers.len(), status.known_peers), (1, 1), "not who is of another cluster");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_gives_records_of_others_and_not_of_its_neighbours() {
    let store = start(keeps(Mode::Core)).await;
    let neighbour = start(config(Mode::Core)).await;
    let (link, resolver) = zone(&[record(&store).await, record(&neighbour).await]);
    // It knows of both; the store it leaves alone, as it keeps messages by itself.
    let (trees, resolver) = (vec![link], Some(resolver));
    let knowing = NodeConfig { trees, resolver, discovers: false, ..keeps(Mode::Core) };
    let knowing = start(knowing).await;
    until(async || knowing.status().await.unwrap().peers.len() == 2).await;
    soon(store.stop()).await;
    until(async || knowing.status().await.unwrap().peers.len() == 1).await;
    let address = knowing.address().await.unwrap();
    let asking = NodeConfig { bootstrap: vec![address], discovers: true, ..config(Mode::Edge) };
    let asking = start(asking).await;
    // The one that was asked, and the store, which is not there any more and so is not named.
    until(async || asking.status().await.unwrap().known_peers == 2).await;
    let neighbour = neighbour.peer_id().to_string();
    let relays = asking.who_offers(Capability::Relay).await.unwrap();
    assert!(!relays.iter().any(|address| address.to_string().contains(&neighbour)), "{relays:?}");
}

#[cfg(feature = "rendezvous")]
fn record_address(node: &Node, among: &[Multiaddr]) -> Multiaddr {
    let id = node.peer_id().to_string();
    among.iter().find(|address| address.to_string().contains(&id)).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_in_the_routing_table_say_who_keeps_messages() {
    let first = start(NodeConfig { discovers: true, ..config(Mode::Core) }).await;
    let bootstrap = vec![first.address().await.unwrap()];
    let joins =
        |config: NodeConfig| NodeConfig { discovers: true, bootstrap: bootstrap.clone(), ..config };
    let store = start(joins(keeps(Mode::Core))).await;
    let id = store.peer_id().to_string();
    let knows = async |node: &Node| {
        let heard = node.who_offers(Capability::Store).await.unwrap();
        heard.iter().any(|address| address.to_string().ends_with(&id))
    };
    until(async || knows(&first).await).await;
    let node = start(joins(config(Mode::Edge))).await;
    until(async || is_answered(&node).await).await;
}

#[cfg(feature = "rendezvous")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_found_at_a_point_of_rendezvous() {
    let point = start(NodeConfig { discovers: true, ..config(Mode::Core) }).await;
    let bootstrap = vec![point.address().await.unwrap()];
    let store = NodeConfig { discovers: true, bootstrap: bootstrap.clone(), ..keeps(Mode::Core) };
    let store = start(store).await;
    let node = NodeConfig { discovers: true, bootstrap, ..config(Mode::Edge) };
    let node = start(node).await;
    until(async || is_answered(&node).await).await;
    let heard = node.who_offers(Capability::Store).await.unwrap();
    assert!(heard.contains(&record_address(&store, &heard)));
}

/// Over real sockets: a store registers the deployed network's record at a point; who lacks a store
/// hears of it there, and asks it.
#[cfg(feature = "rendezvous")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_heard_of_by_its_record_of_the_deployed_network() {
    let base = |mode| {
        let mut config = NodeConfig::new(Preset::Local, mode);
        config.look = Duration::from_millis(200);
        config
    };
    let point = start(base(Mode::Core)).await;
    let bootstrap = vec![point.address().await.unwrap()];
    let keeps = NodeConfig { store: Some(StoreConfig::default()), ..base(Mode::Core) };
    let store = start(NodeConfig { bootstrap: bootstrap.clone(), ..keeps }).await;
    let node = start(NodeConfig { bootstrap, ..base(Mode::Edge) }).await;
    let registered = async || {
        let heard = node.heard_of(Capability::Store).await.unwrap();
        heard.into_iter().find(|each| each.source == Source::WakuRendezvous)
    };
    until(async || registered().await.is_some()).await;
    let sighting = registered().await.unwrap();
    assert_eq!((sighting.peer, sighting.mix_key), (store.peer_id(), None));
    assert!(sighting.addresses.contains(&store.address().await.unwrap()));
    until(async || is_answered(&node).await).await;
    let heard = node.heard_of(Capability::Mix).await.unwrap();
    assert_eq!(heard, [], "nobody said so");
}

/// Over real sockets: a core node, a relay that serves nobody, and an edge node that listens
/// nowhere. Messages come from the core node, which the edge node never dialled, through the relay.
#[cfg(feature = "nat")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_node_that_only_a_relay_reaches_gets_messages() {
    let base = |mode| {
        let mut config = NodeConfig::new(Preset::Local, mode);
        (config.discovers, config.look) = (false, Duration::from_millis(200));
        config
    };
    let relay = start(NodeConfig { relays: true, serves: false, ..base(Mode::Core) }).await;
    let bootstrap = vec![relay.address().await.unwrap()];
    let edge = NodeConfig { nat: true, reachable: false, bootstrap, ..base(Mode::Edge) };
    let edge = start(edge).await;
    let through_relay = soon(edge.address()).await.unwrap();
    assert!(through_relay.to_string().contains("p2p-circuit"), "{through_relay}");
    let core = start(NodeConfig { nat: true, ..base(Mode::Core) }).await;
    core.dial(through_relay).await.unwrap();

    let topic: ContentTopic = "/toychat/2/relayed/proto".parse().unwrap();
    let mut messages = edge.subscribe(&topic).await.unwrap();
    until(async || edge.status().await.unwrap().filter_peers == 1).await;
    let payload = vec![0x5a; 100_000];
    core.dial(relay.address().await.unwrap()).await.unwrap();
    until(async || core.status().await.unwrap().relay_peers > 0).await;
    core.send(&topic, payload.clone()).await.unwrap();
    let received = soon(messages.next()).await.unwrap();
    assert_eq!(received.message.payload, payload);
    let peers = edge.status().await.unwrap().peers;
    assert!(peers.iter().any(|peer| peer.peer_id == core.peer_id().to_string()));
}
