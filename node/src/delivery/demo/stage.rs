//! The nodes of the demonstration, and what is shown of messages, the edge and the store.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use logos_rln::{Prover, Verifier};
use tokio::time::timeout;

use super::group::Group;
use super::post::Post;
use super::{NetworkDemoError, NetworkPlan, NetworkReport, NetworkStep, PATIENCE};
use crate::delivery::admission::Admission;
use crate::delivery::cluster::Cluster;
use crate::delivery::config::{Mode, NodeConfig, Preset, StoreConfig};
use crate::delivery::inbox::Subscription;
use crate::delivery::node::{Node, Stopped};
use crate::delivery::protocols::Capability;
use crate::delivery::request::Outcome;
use crate::delivery::send::SendTimes;
use crate::delivery::shared::Health;
use crate::demo::Claim;
use crate::rate_limit::Group as Members;
use crate::timing::Samples;
use crate::wire::{ContentTopic, StoreRequest};

/// Where claims are told.
pub(super) type Tell<'a> = &'a mut (dyn FnMut(NetworkStep<'_>) + Send);

/// Everything that takes part.
pub(super) struct Stage<'a> {
    pub(super) report: NetworkReport,
    start: Instant,
    tell: Tell<'a>,
    part: &'static str,
    pub(super) group: Group,
    /// Who relays; node `k` is member `k`.
    pub(super) cluster: Cluster,
    /// The guards of those nodes, and what keeps them together.
    pub(super) posts: Vec<Post>,
    edge: Post,
    store: Post,
    topic: ContentTopic,
}

impl<'a> Stage<'a> {
    pub(super) async fn set(
        plan: NetworkPlan,
        keys: (Arc<Prover>, Arc<Verifier>),
        (start, tell): (Instant, Tell<'a>),
    ) -> Result<Self, NetworkDemoError> {
        // An edge node, a store and a guest are members too.
        let group = Group::form(plan.nodes + 3, keys)?;
        let mut guards = Vec::new();
        for member in 0..plan.nodes {
            guards.push(group.guard(member).await?);
        }
        let guarded = |member: usize| -> Arc<dyn Admission> {
            match guards.get(member) {
                Some((guard, _)) => Arc::clone(guard) as Arc<dyn Admission>,
                None => Arc::new(crate::delivery::OpenAdmission),
            }
        };
        let cluster = Cluster::start(plan.nodes, &config(Mode::Core), guarded).await?;
        let mut posts = Vec::new();
        for (node, guard) in cluster.nodes().iter().zip(guards) {
            posts.push(Post::of(node.clone(), guard).await?);
        }
        let edge = Post::join(&group, plan.nodes, config(Mode::Edge), &cluster).await?;
        let keeps = NodeConfig { store: Some(StoreConfig::default()), ..config(Mode::Core) };
        let store = Post::join(&group, plan.nodes + 1, keeps, &cluster).await?;
        let topic = TOPIC.parse().map_err(|_| Stopped)?;
        let report = NetworkReport { nodes: plan.nodes + 4, ..NetworkReport::default() };
        let part = "start";
        let mut stage =
            Self { report, start, tell, part, group, cluster, posts, edge, store, topic };
        stage.check_start(plan.nodes).await;
        Ok(stage)
    }

    async fn check_start(&mut self, nodes: usize) {
        let connected = self.cluster.connected().await.is_ok();
        self.claim(connected, format!("{nodes} nodes connect over loopback"));
        let roots: Vec<_> =
            self.posts.iter().map(|post| post.guard.with_group(Members::root)).collect();
        let same = roots.windows(2).all(|pair| matches!(pair, [one, other] if one == other));
        let members = nodes + 4;
        self.claim(same, format!("their group has {members} members and one root everywhere"));
    }

    /// The claims from now on are about this.
    pub(super) const fn begin(&mut self, part: &'static str) {
        self.part = part;
    }

    pub(super) fn claim(&mut self, holds: bool, claim: impl Into<String>) {
        let claim = Claim { claim: claim.into(), holds };
        let after = self.start.elapsed();
        (self.tell)(NetworkStep { part: self.part, claim: &claim, after });
        self.report.claims.push(claim);
    }

    /// A node that relays.
    pub(super) fn node(&self, index: usize) -> Result<Node, NetworkDemoError> {
        Ok(self.cluster.nodes().get(index).cloned().ok_or(Stopped)?)
    }

    /// The member that has no node of its own yet.
    pub(super) const fn guest(&self) -> usize {
        self.group.spammer().saturating_sub(1)
    }

    pub(super) async fn propagation(&mut self, messages: usize) -> Result<(), NetworkDemoError> {
        self.begin("messages");
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
        let all = arrived == messages;
        self.claim(all, format!("{arrived} of {messages} messages reach every node, in order"));
        self.claim(ended == messages, "every send ends in one outcome");
        self.check_proofs(messages);
        Ok(())
    }

    /// Every node verified what it did not send itself.
    fn check_proofs(&mut self, messages: usize) {
        let counts: Vec<_> = self.posts.iter().map(|post| post.guard.counts()).collect();
        let own = messages.div_ceil(self.posts.len().max(1)) as u64;
        let fewest = (messages as u64).saturating_sub(own);
        let good = counts.iter().all(|counts| counts.fresh >= fewest && counts.invalid == 0);
        let verified: u64 = counts.iter().map(|counts| counts.verified).sum();
        self.claim(good, format!("each carries a proof that every node checks: {verified} checks"));
    }

    pub(super) async fn edge(&mut self) -> Result<(), NetworkDemoError> {
        self.begin("edge");
        let mut reader = self.edge.node.subscribe(&self.topic).await?;
        let filtered = self.edge.wait(|status| status.filter_peers >= 2).await;
        self.claim(filtered, "an edge node is served by two peers");
        let core = self.node(0)?;
        let mut core_reader = core.subscribe(&self.topic).await?;
        core.send(&self.topic, "to the edge").await?;
        let came = next(&mut reader).await.as_deref() == Some(b"to the edge");
        let _ = next(&mut core_reader).await;
        let request = self.edge.node.send(&self.topic, "from the edge").await?;
        let outcome = timeout(PATIENCE, self.edge.node.outcome(request)).await;
        let left = matches!(outcome, Ok(Ok(outcome)) if outcome.is_sent());
        let arrived = next(&mut core_reader).await.as_deref() == Some(b"from the edge");
        self.claim(came && left && arrived, "it receives and sends without relaying");
        Ok(())
    }

    pub(super) async fn store(&mut self) -> Result<(), NetworkDemoError> {
        self.begin("store");
        let offers = |status: &crate::delivery::NodeStatus| {
            status.peers.iter().any(|peer| peer.offers.contains(&Capability::Store))
        };
        // Whoever joins dials the first.
        let Some(first) = self.posts.first() else { return Ok(()) };
        if !first.wait(offers).await {
            self.claim(false, "a node finds the store");
            return Ok(());
        }
        let sender = first.node.clone();
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

    /// A node stops and comes back as the same member.
    pub(super) async fn recovery(&mut self) -> Result<(), NetworkDemoError> {
        self.begin("recovery");
        if let Some(stopped) = self.cluster.remove(0) {
            stopped.stop().await;
            drop(self.posts.remove(0));
        }
        let core = self.node(0)?;
        let mut reader = core.subscribe(&self.topic).await?;
        self.store.node.send(&self.topic, "one is gone").await?;
        let went_on = next(&mut reader).await.as_deref() == Some(b"one is gone");
        self.claim(went_on, "a node is stopped and the rest goes on");
        let back = Post::join(&self.group, 0, config(Mode::Core), &self.cluster).await?;
        let mut health = back.node.health();
        let healthy = health.wait_for(|health| *health != Health::Disconnected);
        let connected = timeout(PATIENCE, healthy).await.is_ok_and(|health| health.is_ok());
        back.node.send(&self.topic, "here again").await?;
        let heard = next(&mut reader).await.as_deref() == Some(b"here again");
        self.claim(connected && heard, "it comes back, uses no message id twice, and is heard");
        self.posts.push(back);
        Ok(())
    }

    /// Stops everything; what was found.
    pub(super) async fn clear(self) -> NetworkReport {
        let Self { mut report, cluster, posts, edge, store, .. } = self;
        for post in posts.into_iter().chain([edge, store]) {
            report.verified += post.guard.counts().verified;
            post.node.stop().await;
        }
        cluster.stop().await;
        report
    }
}

/// A local node, which asks a store sooner than it would across the world.
pub(super) fn config(mode: Mode) -> NodeConfig {
    let send_times = SendTimes { check_after: Duration::from_millis(500), ..SendTimes::default() };
    NodeConfig { send_times, ..NodeConfig::new(Preset::Local, mode) }
}

const TOPIC: &str = "/logos-demo/1/news/plain";

/// The next payload, if one comes.
pub(super) async fn next(reader: &mut Subscription) -> Option<Vec<u8>> {
    let received = timeout(PATIENCE, reader.next()).await.ok()??;
    Some(received.message.payload.clone())
}
