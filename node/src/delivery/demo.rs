//! A network at work: nodes on real sockets, and every claim about them checked.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use thiserror::Error;
use tokio::time::timeout;

use super::admission::{Admission, OpenAdmission};
use super::cluster::Cluster;
use super::config::{Mode, NodeConfig, Preset, StoreConfig};
use super::inbox::Subscription;
use super::node::{ConnectError, Node, SendError, Stopped};
use super::protocols::Capability;
use super::request::Outcome;
use super::send::SendTimes;
use super::shared::Health;
use crate::demo::Claim;
use crate::timing::Samples;
use crate::wire::{ContentTopic, StoreRequest};

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkPlan {
    /// Nodes that relay; an edge node and a store come on top.
    pub nodes: usize,
    /// Messages that are sent and timed.
    pub messages: usize,
}

impl Default for NetworkPlan {
    fn default() -> Self {
        Self { nodes: 6, messages: 50 }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NetworkReport {
    /// Nodes, all kinds together.
    pub nodes: usize,
    /// What was claimed, in the order it was checked.
    pub claims: Vec<Claim>,
    /// Half of the messages were at every node after so many milliseconds.
    pub p50_ms: f64,
    /// Of a hundred messages, 95 were.
    pub p95_ms: f64,
}

impl NetworkReport {
    /// Does every claim hold? Of no claims, no.
    #[must_use]
    pub fn all_hold(&self) -> bool {
        !self.claims.is_empty() && self.claims.iter().all(|claim| claim.holds)
    }
}

/// Why the demonstration could not be carried out.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum NetworkDemoError {
    /// A node did not start.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A message was not accepted.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A node stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Runs it: connects nodes over loopback, sends messages through all of them, sends and receives at
/// the edge, asks a store, stops a node and starts it again.
///
/// # Errors
///
/// [`NetworkDemoError`]; a claim that does not hold is no error.
pub async fn run_network(
    plan: NetworkPlan,
    tell: &mut (dyn FnMut(&Claim) + Send),
) -> Result<NetworkReport, NetworkDemoError> {
    let mut show = Show::start(plan, tell).await?;
    show.propagation(plan.messages).await?;
    show.edge().await?;
    show.store().await?;
    show.recovery().await?;
    let Show { report, cluster, edge, store, .. } = show;
    for node in [edge, store] {
        node.stop().await;
    }
    cluster.stop().await;
    Ok(report)
}

/// How long a claim may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

struct Show<'a> {
    report: NetworkReport,
    tell: &'a mut (dyn FnMut(&Claim) + Send),
    cluster: Cluster,
    edge: Node,
    store: Node,
    topic: ContentTopic,
}

impl<'a> Show<'a> {
    async fn start(
        plan: NetworkPlan,
        tell: &'a mut (dyn FnMut(&Claim) + Send),
    ) -> Result<Self, NetworkDemoError> {
        let open = |_| Arc::new(OpenAdmission) as Arc<dyn Admission>;
        let cluster = Cluster::start(plan.nodes, &config(Mode::Core), open).await?;
        let edge = Node::start(config(Mode::Edge), Arc::new(OpenAdmission)).await?;
        let keeps = NodeConfig { store: Some(StoreConfig::default()), ..config(Mode::Core) };
        let store = Node::start(keeps, Arc::new(OpenAdmission)).await?;
        cluster.introduce(&edge).await;
        cluster.introduce(&store).await;
        let topic = TOPIC.parse().map_err(|_| Stopped)?;
        let report = NetworkReport { nodes: plan.nodes + 2, ..NetworkReport::default() };
        let mut show = Self { report, tell, cluster, edge, store, topic };
        let connected = show.cluster.connected().await.is_ok();
        show.claim(connected, format!("{} nodes connect over loopback", plan.nodes));
        Ok(show)
    }

    fn claim(&mut self, holds: bool, claim: impl Into<String>) {
        let claim = Claim { claim: claim.into(), holds };
        (self.tell)(&claim);
        self.report.claims.push(claim);
    }

    async fn propagation(&mut self, messages: usize) -> Result<(), NetworkDemoError> {
        let mut readers = Vec::new();
        for node in self.cluster.nodes() {
            readers.push(node.subscribe(&self.topic).await?);
        }
        let (mut times, mut arrived, mut requests) = (Vec::new(), 0, Vec::new());
        for number in 0..messages {
            let nodes = self.cluster.nodes();
            let Some(sender) = nodes.get(number % nodes.len().max(1)) else { break };
            let start = Instant::now();
            let payload = format!("message {number}").into_bytes();
            let request = sender.send(&self.topic, payload.clone()).await?;
            let mut everywhere = true;
            for reader in &mut readers {
                everywhere &= next(reader).await.as_ref() == Some(&payload);
            }
            times.push(start.elapsed());
            arrived += usize::from(everywhere);
            requests.push((sender.clone(), request));
        }
        let mut ended = 0;
        for (sender, request) in requests {
            let outcome = timeout(PATIENCE, sender.outcome(request)).await;
            ended += usize::from(matches!(outcome, Ok(Ok(outcome)) if outcome.is_sent()));
        }
        let times: Samples = times.into_iter().collect();
        self.report.p50_ms = times.percentile(50).as_secs_f64() * 1000.0;
        self.report.p95_ms = times.percentile(95).as_secs_f64() * 1000.0;
        self.claim(
            arrived == messages,
            format!("{arrived} of {messages} messages reach every node, in order"),
        );
        self.claim(ended == messages, "every send ends in one outcome");
        Ok(())
    }

    async fn edge(&mut self) -> Result<(), NetworkDemoError> {
        let mut reader = self.edge.subscribe(&self.topic).await?;
        let filtered = wait(&self.edge, |status| status.filter_peers >= 2).await;
        self.claim(filtered, "an edge node is served by two peers");
        let Some(core) = self.cluster.nodes().first() else { return Ok(()) };
        let mut core_reader = core.subscribe(&self.topic).await?;
        core.send(&self.topic, "to the edge").await?;
        let came = next(&mut reader).await.as_deref() == Some(b"to the edge");
        let _ = next(&mut core_reader).await;
        let request = self.edge.send(&self.topic, "from the edge").await?;
        let outcome = timeout(PATIENCE, self.edge.outcome(request)).await;
        let left = matches!(outcome, Ok(Ok(outcome)) if outcome.is_sent());
        let arrived = next(&mut core_reader).await.as_deref() == Some(b"from the edge");
        self.claim(came && left && arrived, "it receives and sends without relaying");
        Ok(())
    }

    async fn store(&mut self) -> Result<(), NetworkDemoError> {
        let offers = |status: &super::status::NodeStatus| {
            status.peers.iter().any(|peer| peer.offers.contains(&Capability::Store))
        };
        let mut sender = None;
        for node in self.cluster.nodes() {
            if sender.is_none() && wait(node, offers).await {
                sender = Some(node.clone());
            }
        }
        let Some(sender) = sender else {
            self.claim(false, "a node finds the store");
            return Ok(());
        };
        let request = sender.send(&self.topic, "to be kept").await?;
        let outcome = timeout(PATIENCE, sender.outcome(request)).await;
        self.claim(matches!(outcome, Ok(Ok(Outcome::Stored))), "a store confirms a message");
        let query = StoreRequest {
            request_id: "demo".to_owned(),
            include_data: true,
            pubsub_topic: Some(sender.sharding().pubsub_topic(&self.topic).to_string()),
            content_topics: vec![self.topic.to_string()],
            limit: Some(1),
            ..StoreRequest::default()
        };
        let answer = sender.query(query).await?;
        let entry = answer.and_then(|answer| answer.messages.into_iter().next());
        let payload = entry.and_then(|entry| entry.message).map(|(message, _)| message.payload);
        self.claim(payload.as_deref() == Some(b"to be kept"), "and gives it back when asked");
        Ok(())
    }

    async fn recovery(&mut self) -> Result<(), NetworkDemoError> {
        if let Some(stopped) = self.cluster.remove(0) {
            stopped.stop().await;
        }
        let Some(core) = self.cluster.nodes().first().cloned() else { return Ok(()) };
        let mut reader = core.subscribe(&self.topic).await?;
        self.store.send(&self.topic, "one is gone").await?;
        let went_on = next(&mut reader).await.as_deref() == Some(b"one is gone");
        self.claim(went_on, "a node is stopped and the rest goes on");
        let back = Node::start(config(Mode::Core), Arc::new(OpenAdmission)).await?;
        self.cluster.introduce(&back).await;
        let mut health = back.health();
        let healthy = health.wait_for(|health| *health != Health::Disconnected);
        let connected = timeout(PATIENCE, healthy).await.is_ok_and(|health| health.is_ok());
        back.send(&self.topic, "here again").await?;
        let heard = next(&mut reader).await.as_deref() == Some(b"here again");
        self.claim(connected && heard, "a new one takes its place and is heard");
        back.stop().await;
        Ok(())
    }
}

/// A local node, which asks a store sooner than it would across the world.
fn config(mode: Mode) -> NodeConfig {
    let send_times = SendTimes { check_after: Duration::from_millis(500), ..SendTimes::default() };
    NodeConfig { send_times, ..NodeConfig::new(Preset::Local, mode) }
}

const TOPIC: &str = "/logos-demo/1/news/plain";

async fn next(reader: &mut Subscription) -> Option<Vec<u8>> {
    let received = timeout(PATIENCE, reader.next()).await.ok()??;
    Some(received.message.payload.clone())
}

/// Waits until a node's status is as wanted.
async fn wait(node: &Node, wanted: impl Fn(&super::status::NodeStatus) -> bool) -> bool {
    let looking = async {
        while node.status().await.is_ok_and(|status| !wanted(&status)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, looking).await.is_ok()
}
