//! Many messages for a long time: does a node's memory grow?
//!
//! `cargo bench -p logos-node --bench soak -- [--quick] [SECONDS [MESSAGES_A_SECOND]]`, 900 and 200
//! unless told, 30 seconds if quick. Five nodes on loopback with a store, an edge node that filters,
//! and a reliable channel on which a message a second goes. Ends with 1 if memory grew by more than
//! it may, or if a message was lost.

#![allow(
    clippy::print_stdout,
    clippy::std_instead_of_core,
    missing_docs,
    reason = "a program that prints"
)]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result};
use logos_crypto::keys::SigningKey;
use logos_crypto::secret::Secret;
use logos_node::channel::{
    Author, ChannelId, ChannelNews, ChannelReader, ChannelSettings, MemoryChannel, NodeChannel,
};
use logos_node::delivery::{
    Admission, Cluster, Mode, Node, NodeConfig, OpenAdmission, Preset, StoreConfig, Subscription,
};
use logos_node::wire::ContentTopic;
use tokio::time::{MissedTickBehavior, interval, sleep};

const TOPIC: &str = "/logos-bench/1/soak/plain";
const NODES: usize = 5;
const PAYLOAD: usize = 512;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(10);
/// What may be remembered for a while is, by then: names of messages for seven minutes, in rings of
/// 131 072 places that have gone round once. A shorter run says less.
const WARM: Duration = Duration::from_secs(690);
/// Growth after that which is no leak: allocators keep what they had.
const SLACK_MIB: f64 = 4.0;

fn main() -> Result<ExitCode> {
    let numbers: Vec<u64> = env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let is_quick = env::args().any(|word| word == "--quick");
    let seconds = numbers.first().copied().unwrap_or(if is_quick { 30 } else { 900 });
    let rate = numbers.get(1).copied().unwrap_or(200).max(1);
    let runtime = tokio::runtime::Runtime::new()?;
    let holds = runtime.block_on(soak(Duration::from_secs(seconds), rate))?;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Everything that runs.
struct Soak {
    cluster: Cluster,
    edge: Node,
    topic: ContentTopic,
    readers: Vec<Reader>,
    filtered: Subscription,
    sent: u64,
}

/// What came to one node.
struct Reader {
    messages: Subscription,
    /// Which messages have come, by their number.
    came: Vec<bool>,
    /// Messages that came once more: sent again because no store had them in time.
    again: u64,
}

impl Reader {
    fn drain(&mut self) {
        while let Some(received) = self.messages.try_next() {
            let number = received.message.payload.first_chunk().copied();
            let number = number.map(u64::from_le_bytes).and_then(|it| usize::try_from(it).ok());
            let Some(number) = number else { continue };
            if self.came.len() <= number {
                self.came.resize(number + 1, false);
            }
            if let Some(came) = self.came.get_mut(number) {
                self.again += u64::from(*came);
                *came = true;
            }
        }
    }

    fn count(&self) -> u64 {
        self.came.iter().filter(|came| **came).count() as u64
    }
}

async fn soak(length: Duration, rate: u64) -> Result<bool> {
    let mut soak = Soak::start().await?;
    let (one, other) = (soak.node(0)?.clone(), soak.node(NODES - 1)?.clone());
    let (saro, _) = join(&one, 1)?;
    let (_raya, mut news) = join(&other, 2)?;
    println!("{:>8} {:>10} {:>10} {:>10} {:>8}", "seconds", "sent", "arrived", "channel", "MiB");
    let (start, mut look) = (Instant::now(), LOOK);
    let (mut said, mut heard, mut warm) = (0_u64, 0_u64, None);
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate)?);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while start.elapsed() < length {
        ticks.tick().await;
        soak.send().await?;
        soak.drain();
        if said <= start.elapsed().as_secs() {
            saro.send(format!("{said}")).await?;
            said += 1;
        }
        heard += take(&mut news).await;
        if start.elapsed() >= look {
            let memory = soak.row(start.elapsed(), heard)?;
            if start.elapsed() >= WARM.min(length * 4 / 5) {
                warm.get_or_insert(memory);
            }
            look += LOOK;
        }
    }
    // What is under way arrives yet.
    for _ in 0..50 {
        sleep(Duration::from_millis(100)).await;
        soak.drain();
        heard += take(&mut news).await;
    }
    let memory = soak.row(start.elapsed(), heard)?;
    let grown = memory - warm.unwrap_or(memory);
    let lost = soak.sent * NODES as u64 - soak.came();
    let again: u64 = soak.readers.iter().map(|reader| reader.again).sum();
    println!(
        "grown by {grown:.1} MiB since it was warm; {lost} lost, {again} once more; \
         {heard} of {said} heard"
    );
    soak.edge.stop().await;
    soak.cluster.stop().await;
    Ok(grown <= SLACK_MIB && lost == 0 && heard == said)
}

impl Soak {
    async fn start() -> Result<Self> {
        let core = NodeConfig::new(Preset::Local, Mode::Core);
        // What is kept is bounded by a count; a store in memory would be most of what is measured.
        let store = StoreConfig { capacity: 10_000, ..StoreConfig::default() };
        let keeps = NodeConfig { store: Some(store), ..core };
        let open = |_| Arc::new(OpenAdmission) as Arc<dyn Admission>;
        let cluster = Cluster::start(NODES, &keeps, open).await?;
        cluster.connected().await.context("the nodes do not connect")?;
        let edge = NodeConfig::new(Preset::Local, Mode::Edge);
        let edge = Node::start(edge, Arc::new(OpenAdmission)).await?;
        cluster.introduce(&edge).await;
        let topic: ContentTopic = TOPIC.parse()?;
        let mut readers = Vec::new();
        for node in cluster.nodes() {
            let messages = node.subscribe(&topic).await?;
            readers.push(Reader { messages, came: Vec::new(), again: 0 });
        }
        let filtered = edge.subscribe(&topic).await?;
        Ok(Self { cluster, edge, topic, readers, filtered, sent: 0 })
    }

    fn node(&self, index: usize) -> Result<&Node> {
        self.cluster.nodes().get(index).context("a node")
    }

    async fn send(&mut self) -> Result<()> {
        let mut payload = vec![0x5a; PAYLOAD];
        for (to, from) in payload.iter_mut().zip(self.sent.to_le_bytes()) {
            *to = from;
        }
        let sender = self.node(usize::try_from(self.sent)? % NODES)?.clone();
        sender.send(&self.topic, payload).await?;
        self.sent += 1;
        Ok(())
    }

    fn drain(&mut self) {
        self.readers.iter_mut().for_each(Reader::drain);
        // What an edge node gets depends on when its peers have begun to filter.
        while self.filtered.try_next().is_some() {}
    }

    fn came(&self) -> u64 {
        self.readers.iter().map(Reader::count).sum()
    }

    fn row(&self, after: Duration, heard: u64) -> Result<f64> {
        let memory = resident_mib()?;
        let (sent, came) = (self.sent, self.came());
        println!("{:>8} {sent:>10} {came:>10} {heard:>10} {memory:>8.1}", after.as_secs());
        Ok(memory)
    }
}

fn join(node: &Node, seed: u8) -> Result<(NodeChannel, ChannelReader)> {
    let id = ChannelId::new("soak").context("short")?;
    let author = Author::Signed(SigningKey::from_secret(&Secret::new([seed; 32])));
    let settings = ChannelSettings::new(id, author, &Secret::new([7; 32]));
    Ok(NodeChannel::open(node, settings, MemoryChannel::default())?)
}

/// How many messages the channel has for us now.
async fn take(news: &mut ChannelReader) -> u64 {
    let mut heard = 0;
    let now = Duration::from_micros(100);
    while let Ok(Some(ChannelNews::Event(_))) = tokio::time::timeout(now, news.next()).await {
        heard += 1;
    }
    heard
}

/// Memory of this process that is in use, in MiB.
fn resident_mib() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib / 1024.0)
}
