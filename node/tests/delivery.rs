//! Networks of nodes, in one process: without sockets, and with.

#![cfg(feature = "delivery")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::std_instead_of_core,
    missing_docs,
    reason = "a test"
)]

use core::time::Duration;
use std::sync::Arc;

use logos_node::delivery::{
    Admission, AdmissionError, Capability, Cluster, Envelope, Health, Judgement, Lookup, Mode,
    Multiaddr, NetworkPlan, NetworkStep, Node, NodeConfig, OpenAdmission, Outcome, Preset,
    SendError, SendTimes, StoreConfig, Subscription, run_network,
};
use logos_node::wire::{ContentTopic, Sharding, StoreRequest, UnixNanos, WakuMessage};
use logos_rln::{Prover, Verifier};
use tokio::time::timeout;

/// No test waits longer for anything; how long things take is not tested.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

fn topic() -> ContentTopic {
    "/toychat/2/huilong/proto".parse().unwrap()
}

/// A network of one shard, without sockets.
fn config(mode: Mode) -> NodeConfig {
    let mut config = Cluster::in_memory(NodeConfig::new(Preset::Local, mode));
    config.sharding = Sharding::new(77, 1.try_into().unwrap());
    config.send_times = SendTimes {
        first_pause: Duration::from_millis(100),
        check_after: Duration::from_millis(200),
        ..SendTimes::default()
    };
    config
}

fn open(_: usize) -> Arc<dyn Admission> {
    Arc::new(OpenAdmission)
}

async fn cluster(size: usize) -> Cluster {
    let cluster = soon(Cluster::start(size, &config(Mode::Core), open)).await.unwrap();
    soon(cluster.connected()).await.unwrap();
    cluster
}

async fn start(config: NodeConfig) -> Node {
    Node::start(config, Arc::new(OpenAdmission)).await.unwrap()
}

async fn payload(messages: &mut Subscription) -> Vec<u8> {
    soon(messages.next()).await.unwrap().message.payload.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_reaches_every_node_once() {
    let cluster = cluster(20).await;
    let mut readers = Vec::new();
    for node in cluster.nodes() {
        readers.push(node.subscribe(&topic()).await.unwrap());
    }
    let sender = &cluster.nodes()[7];
    for text in ["one", "two"] {
        let request = sender.send(&topic(), text).await.unwrap();
        assert!(soon(sender.outcome(request)).await.unwrap().is_sent());
        for reader in &mut readers {
            assert_eq!(payload(reader).await, text.as_bytes());
        }
    }
    for reader in &mut readers {
        assert_eq!(reader.missed(), 0);
    }
    soon(cluster.stop()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_get_their_topics_only_and_handlers_are_called() {
    let cluster = cluster(2).await;
    let [one, other] = [&cluster.nodes()[0], &cluster.nodes()[1]];
    let quiet: ContentTopic = "/toychat/2/quiet/proto".parse().unwrap();
    let mut reader = one.subscribe(&quiet).await.unwrap();
    let (called, mut calls) = tokio::sync::mpsc::unbounded_channel();
    let handler =
        one.subscribe_with(&topic(), move |received| called.send(received).unwrap()).await.unwrap();
    other.send(&topic(), "loud").await.unwrap();
    let received = soon(calls.recv()).await.unwrap();
    assert_eq!((received.message.payload.as_slice(), received.own), (&b"loud"[..], false));
    drop(handler);
    other.send(&quiet, "quiet").await.unwrap();
    assert_eq!(payload(&mut reader).await, b"quiet");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_hears_itself_once() {
    let cluster = cluster(2).await;
    let node = &cluster.nodes()[0];
    let mut reader = node.subscribe(&topic()).await.unwrap();
    node.send(&topic(), "me").await.unwrap();
    let received = soon(reader.next()).await.unwrap();
    assert!(received.own);
    node.send(&topic(), "again").await.unwrap();
    assert_eq!(payload(&mut reader).await, b"again");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_at_once() {
    let node = start(config(Mode::Core)).await;
    let large = node.send(&topic(), vec![0; WakuMessage::MAX_ENCODED_BYTES]).await;
    assert!(matches!(large, Err(SendError::TooLarge { .. })), "{large:?}");
    let envelope =
        Envelope { topic: topic(), payload: Vec::new(), meta: vec![0; 65], ephemeral: false };
    let marked = node.send_envelope(envelope).await;
    assert_eq!(marked, Err(SendError::MetaTooLong { bytes: 65, limit: 64 }));
    soon(node.stop()).await;
    assert!(matches!(node.send(&topic(), "late").await, Err(SendError::Stopped(_))));
}

#[tokio::test]
async fn a_send_of_a_lonely_node_ends_when_the_node_stops() {
    let node = start(config(Mode::Core)).await;
    let request = node.send(&topic(), "anybody?").await.unwrap();
    soon(node.stop()).await;
    let outcome = soon(node.outcome(request)).await.unwrap();
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_node_sends_and_receives_and_survives_the_loss_of_a_peer() {
    let mut cluster = cluster(4).await;
    let edge = start(NodeConfig { filter_ping: Duration::from_millis(200), ..config(Mode::Edge) });
    let edge = edge.await;
    for node in cluster.nodes() {
        edge.dial(node.address().await.unwrap()).await.unwrap();
    }
    soon(edge.health().wait_for(|health| *health == Health::Connected)).await.unwrap();
    let mut reader = edge.subscribe(&topic()).await.unwrap();
    let mut core_reader = cluster.nodes()[0].subscribe(&topic()).await.unwrap();
    let filtered = async {
        while edge.status().await.unwrap().filter_peers < 2 {
            tokio::task::yield_now().await;
        }
    };
    soon(filtered).await;

    let request = edge.send(&topic(), "from the edge").await.unwrap();
    let outcome = soon(edge.outcome(request)).await.unwrap();
    assert!(matches!(outcome, Outcome::Propagated { peers } if peers > 0), "{outcome:?}");
    assert_eq!(payload(&mut core_reader).await, b"from the edge");
    assert_eq!(payload(&mut reader).await, b"from the edge");

    cluster.nodes()[0].send(&topic(), "to the edge").await.unwrap();
    assert_eq!(payload(&mut reader).await, b"to the edge");

    // Two of four filter for the edge node; whichever they are, one of them stops.
    soon(cluster.remove(3).unwrap().stop()).await;
    soon(cluster.remove(2).unwrap().stop()).await;
    cluster.nodes()[0].send(&topic(), "still there?").await.unwrap();
    let mut late = 0;
    // What is sent while nobody filters is not received; what is sent after that is.
    loop {
        let next = timeout(Duration::from_millis(300), reader.next()).await;
        if next.is_ok_and(|received| received.is_some()) {
            break;
        }
        late += 1;
        assert!(late < 100, "nothing more is received");
        cluster.nodes()[0].send(&topic(), format!("{late}")).await.unwrap();
    }
    let request = edge.send(&topic(), "and out").await.unwrap();
    assert!(soon(edge.outcome(request)).await.unwrap().is_sent());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_message_is_confirmed_and_found_again() {
    let cluster = cluster(3).await;
    let store =
        start(NodeConfig { store: Some(StoreConfig::default()), ..config(Mode::Core) }).await;
    cluster.introduce(&store).await;
    let sender = &cluster.nodes()[0];
    let knows = async {
        while !sender
            .status()
            .await
            .unwrap()
            .peers
            .iter()
            .any(|peer| peer.offers.contains(&Capability::Store))
        {
            tokio::task::yield_now().await;
        }
    };
    soon(knows).await;
    for n in 0..5 {
        let request = sender.send(&topic(), format!("{n}")).await.unwrap();
        assert_eq!(soon(sender.outcome(request)).await.unwrap(), Outcome::Stored);
    }
    let request = StoreRequest {
        request_id: "page".to_owned(),
        include_data: true,
        pubsub_topic: Some(sender.sharding().pubsub_topic(&topic()).to_string()),
        content_topics: vec![topic().to_string()],
        forward: true,
        limit: Some(3),
        ..StoreRequest::default()
    };
    let first = soon(sender.query(request.clone())).await.unwrap().unwrap();
    let second = StoreRequest { cursor: first.cursor, ..request };
    let second = soon(sender.query(second)).await.unwrap().unwrap();
    let payloads: Vec<_> = [first.messages, second.messages]
        .concat()
        .into_iter()
        .map(|entry| entry.message.unwrap().0.payload)
        .collect();
    assert_eq!(payloads, [b"0", b"1", b"2", b"3", b"4"]);
    assert_eq!(second.cursor, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_other_networks_part() {
    let one = start(config(Mode::Core)).await;
    let sharding = Sharding::new(78, 1.try_into().unwrap());
    let other = start(NodeConfig { sharding, ..config(Mode::Core) }).await;
    other.dial(one.address().await.unwrap()).await.unwrap();
    let parted = async {
        let dropped =
            |node: &Node| node.counters().iter().any(|c| c.0 == "peers_dropped" && c.2 > 0);
        while !dropped(&one) && !dropped(&other) {
            tokio::task::yield_now().await;
        }
    };
    soon(parted).await;
}

/// Refuses what says that it is spam.
struct NoSpam;

impl Admission for NoSpam {
    fn admit(&self, message: &mut WakuMessage, now: UnixNanos) -> Result<(), AdmissionError> {
        OpenAdmission.admit(message, now)
    }

    fn judge(&self, batch: &[WakuMessage], _: UnixNanos) -> Vec<Judgement> {
        let judge = |message: &WakuMessage| match message.payload.starts_with(b"spam") {
            true => Judgement::Reject,
            false => Judgement::Accept,
        };
        batch.iter().map(judge).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inadmissible_messages_go_no_further_and_who_sends_many_is_dropped() {
    let core = config(Mode::Core);
    let cluster = Cluster::start(5, &core, |_| Arc::new(NoSpam) as Arc<dyn Admission>);
    let cluster = soon(cluster).await.unwrap();
    soon(cluster.connected()).await.unwrap();
    let spammer = start(core).await;
    spammer.dial(cluster.nodes()[0].address().await.unwrap()).await.unwrap();
    soon(spammer.health().wait_for(|health| *health != Health::Disconnected)).await.unwrap();
    let mut first = cluster.nodes()[0].subscribe(&topic()).await.unwrap();
    let mut far = cluster.nodes()[3].subscribe(&topic()).await.unwrap();
    spammer.send(&topic(), "spam").await.unwrap();
    spammer.send(&topic(), "not so").await.unwrap();
    assert_eq!(payload(&mut first).await, b"not so");
    assert_eq!(payload(&mut far).await, b"not so");
    let gone = async {
        for n in 0.. {
            if *spammer.health().borrow() == Health::Disconnected {
                break;
            }
            spammer.send(&topic(), format!("spam {n}")).await.ok();
            tokio::task::yield_now().await;
        }
    };
    soon(gone).await;
    cluster.nodes()[3].send(&topic(), "without them").await.unwrap();
    assert_eq!(payload(&mut first).await, b"without them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_real_sockets_it_is_the_same() {
    let mut sockets = NodeConfig::new(Preset::Local, Mode::Core);
    sockets.discovers = false;
    let cluster = soon(Cluster::start(5, &sockets, open)).await.unwrap();
    soon(cluster.connected()).await.unwrap();
    let edge = start(NodeConfig::new(Preset::Local, Mode::Edge)).await;
    cluster.introduce(&edge).await;
    soon(edge.health().wait_for(|health| *health == Health::Connected)).await.unwrap();
    let mut reader = cluster.nodes()[4].subscribe(&topic()).await.unwrap();
    let large = vec![0x5a; 100_000];
    let request = edge.send(&topic(), large.clone()).await.unwrap();
    assert!(soon(edge.outcome(request)).await.unwrap().is_sent());
    assert_eq!(payload(&mut reader).await, large);
    soon(cluster.stop()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_know_one_peer_find_each_other() {
    let base = NodeConfig { discovers: true, ..config(Mode::Core) };
    let known = start(base.clone()).await;
    let address = known.address().await.unwrap();
    let mut others = Vec::new();
    for _ in 0..4 {
        let bootstrap = vec![address.clone()];
        others.push(start(NodeConfig { bootstrap, ..base.clone() }).await);
    }
    for node in &others {
        // Four peers: the known one and the three others.
        soon(node.health().wait_for(|health| *health == Health::Connected)).await.unwrap();
    }
}

/// Knows where one node is.
#[derive(Debug)]
struct OneStore(Multiaddr);

impl Lookup for OneStore {
    fn who_offers(&self, capability: Capability) -> Vec<Multiaddr> {
        if capability == Capability::Store { vec![self.0.clone()] } else { Vec::new() }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_found_by_who_offers_it() {
    let store =
        start(NodeConfig { store: Some(StoreConfig::default()), ..config(Mode::Core) }).await;
    let lookup: Arc<dyn Lookup> = Arc::new(OneStore(store.address().await.unwrap()));
    let node = start(NodeConfig { lookup: Some(lookup), ..config(Mode::Edge) }).await;
    let query = StoreRequest { request_id: "any".to_owned(), ..StoreRequest::default() };
    let answered = async {
        while node.query(query.clone()).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    };
    soon(answered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_claim_of_the_demonstration_holds() {
    let plan = NetworkPlan { nodes: 5, messages: 5, long_message: 1 << 20 };
    let prover = Arc::new(Prover::new(logos_rln_keys::single()));
    let verifier = Arc::new(Verifier::new(logos_rln_keys::single_verifying_key()));
    let mut told = 0;
    let mut tell = |_: NetworkStep<'_>| told += 1;
    let show = run_network(plan, prover, verifier, &mut tell);
    let report = timeout(5 * PATIENCE, show).await.unwrap().unwrap();
    assert!(report.all_hold(), "{:?}", report.claims);
    assert!(report.claims.len() >= 20 && told == report.claims.len());
}

#[tokio::test]
async fn a_port_in_use_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut config = NodeConfig::new(Preset::Local, Mode::Core);
    config.listen = vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()];
    let failed = Node::start(config, Arc::new(OpenAdmission)).await.unwrap_err();
    assert!(failed.to_string().contains("cannot listen"), "{failed}");
}
