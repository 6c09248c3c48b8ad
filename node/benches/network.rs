//! A hundred nodes in one process: what a message costs the network and how long it takes.
//!
//! `cargo bench -p logos-node --bench network -- [--quick] [NODES [MESSAGES]]`: 100 nodes and 20
//! messages unless told, 30 and 3 if quick. The nodes are whole ones, with
//! gossip, handshakes and encryption; below the encryption is memory instead of sockets. The
//! deployed network's figures beside ours are those its developers publish (nwaku 0.34, a laboratory
//! and the Shadow simulator).

#![allow(
    clippy::print_stdout,
    clippy::std_instead_of_core,
    missing_docs,
    reason = "a program that prints"
)]

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use logos_node::delivery::{
    Admission, Cluster, Mode, Node, NodeConfig, OpenAdmission, Preset, Subscription,
};
use logos_node::wire::{ContentTopic, Sharding};
use tokio::time::{sleep, timeout};

/// One setting and the figures published for it.
struct Case {
    name: &'static str,
    latency: Duration,
    payload: usize,
    published: &'static str,
}

const CASES: [Case; 3] = [
    Case {
        name: "1 kB, no latency",
        latency: Duration::ZERO,
        payload: 1 << 10,
        published: "10x; mean 50 ms, max 1600 ms (1000 nodes, laboratory)",
    },
    Case {
        name: "1 kB, 100 ms a hop",
        latency: Duration::from_millis(100),
        payload: 1 << 10,
        published: "-",
    },
    Case {
        name: "10 kB, 100 ms a hop",
        latency: Duration::from_millis(100),
        payload: 10 << 10,
        published: "mean 508 ms, P95 627 ms (1000 nodes, Shadow)",
    },
];

const TOPIC: &str = "/logos-bench/1/network/plain";
const PATIENCE: Duration = Duration::from_secs(60);
/// Between messages, as in the published measurement.
const PAUSE: Duration = Duration::from_secs(1);
/// What a mesh takes to settle.
const SETTLE: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    let numbers: Vec<usize> = env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let is_quick = env::args().any(|word| word == "--quick");
    let usual = if is_quick { [30, 3] } else { [100, 20] };
    let nodes = numbers.first().copied().unwrap_or(usual[0]);
    let messages = numbers.get(1).copied().unwrap_or(usual[1]);
    println!("{nodes} nodes, {messages} messages a case, one a second");
    println!("{:<20} {:>8} {:>8} {:>8} {:>8} {:>6}", "", "bytes", "mean", "P95", "max", "lost");
    for case in &CASES {
        let runtime = tokio::runtime::Runtime::new()?;
        let figures = runtime.block_on(measure(case, nodes, messages))?;
        println!("{:<20} {figures}", case.name);
        println!("{:<20} {}", "  published", case.published);
    }
    Ok(())
}

/// What was measured.
struct Figures {
    /// Bytes that a node receives for each byte of payload.
    amplification: f64,
    times: Vec<Duration>,
    lost: usize,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        let count = u32::try_from(self.times.len().max(1)).unwrap_or(u32::MAX);
        let mean = self.times.iter().sum::<Duration>() / count;
        let at = |percent: usize| {
            let place = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
            self.times.get(place).copied().unwrap_or_default()
        };
        write!(
            f,
            "{:>7.1}x {:>6.1}ms {:>6.1}ms {:>6.1}ms {:>6}",
            self.amplification,
            millis(mean),
            millis(at(95)),
            millis(at(100)),
            self.lost
        )
    }
}

async fn measure(case: &Case, nodes: usize, messages: usize) -> Result<Figures> {
    let mut config = Cluster::in_memory(NodeConfig::new(Preset::Local, Mode::Core));
    // One topic of gossip, as measured there.
    config.sharding = Sharding::new(config.sharding.cluster(), std::num::NonZeroU16::MIN);
    config.latency = case.latency;
    let open = |_| Arc::new(OpenAdmission) as Arc<dyn Admission>;
    let cluster = Cluster::start(nodes, &config, open).await?;
    cluster.connected().await.context("the nodes do not connect")?;
    sleep(SETTLE).await;
    let topic: ContentTopic = TOPIC.parse()?;
    let mut readers = Vec::new();
    for node in cluster.nodes() {
        readers.push(node.subscribe(&topic).await?);
    }
    let idle = idle_bytes(&cluster).await;
    let before = received(&cluster);
    let start = Instant::now();
    let mut figures = Figures { amplification: 0.0, times: Vec::new(), lost: 0 };
    for number in 0..messages {
        let next = Instant::now() + PAUSE;
        let sender = cluster.nodes().get(number * 7 % nodes.max(1)).context("a node")?;
        send(case, number, sender, &topic, &mut readers, &mut figures).await?;
        sleep(next.saturating_duration_since(Instant::now())).await;
    }
    let bytes = received(&cluster).saturating_sub(before) as f64;
    let without = (bytes - idle * start.elapsed().as_secs_f64()).max(0.0);
    figures.amplification = without / (nodes * messages * case.payload).max(1) as f64;
    figures.times.sort_unstable();
    cluster.stop().await;
    Ok(figures)
}

/// Sends one message and waits until every node has it; each says when, as nodes do not wait for
/// each other.
async fn send(
    case: &Case,
    number: usize,
    sender: &Node,
    topic: &ContentTopic,
    readers: &mut Vec<Subscription>,
    figures: &mut Figures,
) -> Result<()> {
    let mut payload = vec![0x5a; case.payload];
    for (to, from) in payload.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
    let start = Instant::now();
    let mut waiting = tokio::task::JoinSet::new();
    for mut reader in readers.drain(..) {
        waiting.spawn(async move {
            let came = timeout(PATIENCE, reader.next()).await;
            let time = came.is_ok_and(|received| received.is_some()).then(|| start.elapsed());
            (reader, time)
        });
    }
    sender.send(topic, payload).await?;
    while let Some(done) = waiting.join_next().await {
        let (reader, time) = done?;
        readers.push(reader);
        match time {
            Some(time) => figures.times.push(time),
            None => figures.lost += 1,
        }
    }
    Ok(())
}

/// Bytes a second that all nodes together receive when nobody sends.
async fn idle_bytes(cluster: &Cluster) -> f64 {
    let before = received(cluster);
    sleep(SETTLE).await;
    received(cluster).saturating_sub(before) as f64 / SETTLE.as_secs_f64()
}

fn received(cluster: &Cluster) -> u64 {
    let counters = cluster.nodes().iter().flat_map(Node::counters);
    counters.filter(|(name, ..)| *name == "bytes_received").map(|(_, _, value)| value).sum()
}
