//! What a node is told before it starts.

use core::num::NonZeroU16;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::lookup::Lookup;
use super::send::SendTimes;
use crate::discovery::{TreeError, TreeLink, TxtResolver};
use crate::wire::Sharding;

/// How much of the network's work a node does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Relays messages and serves others.
    #[default]
    Core,
    /// Sends and receives through peers that relay.
    Edge,
}

/// A network that needs no further words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Preset {
    /// Nodes of this machine: loopback addresses, any free port.
    #[default]
    Local,
    /// The public test network: cluster 2, eight shards.
    Testnet,
}

impl Preset {
    /// Its cluster and shards.
    #[must_use]
    pub fn sharding(self) -> Sharding {
        let cluster = match self {
            Self::Local => LOCAL_CLUSTER,
            Self::Testnet => 2,
        };
        Sharding::new(cluster, DEFAULT_SHARDS)
    }
}

/// A cluster that no public network has.
const LOCAL_CLUSTER: u16 = 0x6c6c;

const DEFAULT_SHARDS: NonZeroU16 = NonZeroU16::new(8).expect("eight is not zero");

/// What carries the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// TCP, and what features add: addresses such as `/ip4/127.0.0.1/tcp/0`.
    #[default]
    Sockets,
    /// Nothing but this process: addresses such as `/memory/1`, for tests of whole networks.
    Memory,
}

/// What a node keeps for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The database; in memory without one.
    pub path: Option<PathBuf>,
    /// How long messages are kept.
    pub retention: Duration,
    /// How many messages are kept at most.
    pub capacity: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { path: None, retention: Duration::from_secs(2 * 24 * 3600), capacity: 1_000_000 }
    }
}

/// Everything a node is told.
///
/// # Examples
///
/// ```
/// use logos_node::delivery::{Mode, NodeConfig, Preset};
///
/// let config = NodeConfig::new(Preset::Local, Mode::Edge);
/// assert_eq!(config.sharding.shards(), 8);
///
/// let config = NodeConfig::from_toml("mode = \"core\"\ncluster = 7\nshards = 2")?;
/// assert_eq!(config.sharding.cluster(), 7);
/// # Ok::<(), logos_node::delivery::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// How much of the network's work it does.
    pub mode: Mode,
    /// Which network it is on.
    pub sharding: Sharding,
    /// Its key; a new one without.
    pub key: Option<Keypair>,
    /// What carries the bytes.
    pub transport: Transport,
    /// How long what others send takes to arrive here, over [`Transport::Memory`].
    pub latency: Duration,
    /// Where it listens. An edge node need not.
    pub listen: Vec<Multiaddr>,
    /// Peers to begin with, each with its id.
    pub bootstrap: Vec<Multiaddr>,
    /// Does it keep messages for others?
    pub store: Option<StoreConfig>,
    /// Does it publish and filter for others? Core nodes only.
    pub serves: bool,
    /// Does it find further peers by itself: in the routing table, by asking peers for records, and
    /// at rendezvous points (with the feature `rendezvous`)?
    pub discovers: bool,
    /// Lists of nodes in the domain name system.
    pub trees: Vec<TreeLink>,
    /// Where texts of names come from; the system's resolver without.
    pub resolver: Option<Arc<dyn TxtResolver>>,
    /// Addresses under which others reach it, if it does not listen on them itself: those of a router
    /// that forwards to it.
    pub announce: Vec<Multiaddr>,
    /// Can others dial the addresses it listens on? If not, [`nat`](Self::nat) finds out which.
    pub reachable: bool,
    /// Does it ask routers and peers how others can reach it, and let a relay forward to it if they
    /// cannot? With the feature `nat`.
    pub nat: bool,
    /// Does it forward, within limits, to peers that nobody can dial? With the feature `nat`, core
    /// nodes only.
    pub relays: bool,
    /// Who knows of peers by what they offer?
    pub lookup: Option<Arc<dyn Lookup>>,
    /// Connections at most.
    pub max_connections: u32,
    /// How often it looks whether it has enough peers.
    pub look: Duration,
    /// How often gossip meshes are looked after.
    pub heartbeat: Duration,
    /// How long the steps of a send take.
    pub send_times: SendTimes,
    /// How often a filter subscription is checked.
    pub filter_ping: Duration,
}

impl NodeConfig {
    /// What a preset says.
    #[must_use]
    pub fn new(preset: Preset, mode: Mode) -> Self {
        Self {
            mode,
            sharding: preset.sharding(),
            key: None,
            transport: Transport::Sockets,
            latency: Duration::ZERO,
            listen: default_listen(preset, mode),
            bootstrap: Vec::new(),
            store: None,
            serves: mode == Mode::Core,
            discovers: true,
            trees: Vec::new(),
            resolver: None,
            announce: Vec::new(),
            reachable: preset == Preset::Local,
            nat: preset != Preset::Local,
            relays: preset != Preset::Local && mode == Mode::Core,
            lookup: None,
            max_connections: 150,
            look: Duration::from_secs(30),
            heartbeat: Duration::from_secs(1),
            send_times: SendTimes::default(),
            filter_ping: Duration::from_secs(30),
        }
    }

    /// Reads TOML: `preset`, `mode`, `cluster`, `shards`, `listen`, `bootstrap`, `serves`,
    /// `discovers`, `trees`, `announce`, `reachable`, `nat`, `relays`, `max_connections`, and a table
    /// `store` with `path`, `retention_s`, `capacity`. What is not said is as the preset has it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says where the text is wrong.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| ConfigError {
            line: error.span().map(|span| line_of(text, span.start)),
            reason: error.message().to_owned(),
        })?;
        let mut trees = Vec::new();
        for link in &file.trees {
            let link: Result<TreeLink, TreeError> = link.parse();
            let reason = |error: TreeError| ConfigError { line: None, reason: error.to_string() };
            trees.push(link.map_err(reason)?);
        }
        Ok(Self { trees, ..file.into() })
    }
}

/// Is a node a point of rendezvous?
pub(super) fn is_point(config: &NodeConfig) -> bool {
    cfg!(feature = "rendezvous") && config.mode == Mode::Core && config.discovers
}

/// The line that a byte is in, counted from 1.
fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

fn default_listen(preset: Preset, mode: Mode) -> Vec<Multiaddr> {
    let address = match (preset, mode) {
        (_, Mode::Edge) => return Vec::new(),
        (Preset::Local, Mode::Core) => "/ip4/127.0.0.1/tcp/0",
        (Preset::Testnet, Mode::Core) => "/ip4/0.0.0.0/tcp/0",
    };
    address.parse().into_iter().collect()
}

/// Why text is no configuration.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{reason}{}", line.map(|line| format!(" (line {line})")).unwrap_or_default())]
pub struct ConfigError {
    /// Where, counted from 1, if it is one place.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    preset: Preset,
    mode: Mode,
    cluster: Option<u16>,
    shards: Option<NonZeroU16>,
    listen: Option<Vec<Multiaddr>>,
    bootstrap: Vec<Multiaddr>,
    serves: Option<bool>,
    discovers: Option<bool>,
    trees: Vec<String>,
    announce: Vec<Multiaddr>,
    reachable: Option<bool>,
    nat: Option<bool>,
    relays: Option<bool>,
    max_connections: Option<u32>,
    store: Option<StoreFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreFile {
    path: Option<PathBuf>,
    retention_s: Option<u64>,
    capacity: Option<u64>,
}

impl From<File> for NodeConfig {
    fn from(file: File) -> Self {
        let mut config = Self::new(file.preset, file.mode);
        let shards = file.shards.or_else(|| NonZeroU16::new(config.sharding.shards()));
        let cluster = file.cluster.unwrap_or(config.sharding.cluster());
        config.sharding = Sharding::new(cluster, shards.unwrap_or(DEFAULT_SHARDS));
        config.listen = file.listen.unwrap_or(config.listen);
        config.bootstrap = file.bootstrap;
        config.serves = file.serves.unwrap_or(config.serves);
        config.discovers = file.discovers.unwrap_or(config.discovers);
        config.announce = file.announce;
        config.reachable = file.reachable.unwrap_or(config.reachable);
        config.nat = file.nat.unwrap_or(config.nat);
        config.relays = file.relays.unwrap_or(config.relays);
        config.max_connections = file.max_connections.unwrap_or(config.max_connections);
        config.store = file.store.map(StoreConfig::from);
        config
    }
}

impl From<StoreFile> for StoreConfig {
    fn from(file: StoreFile) -> Self {
        let usual = Self::default();
        Self {
            path: file.path,
            retention: file.retention_s.map_or(usual.retention, Duration::from_secs),
            capacity: file.capacity.unwrap_or(usual.capacity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_local_preset() {
        let config = NodeConfig::from_toml("").unwrap();
        assert_eq!(config.mode, Mode::Core);
        assert_eq!(config.sharding, Preset::Local.sharding());
        assert!(config.listen[0].to_string().starts_with("/ip4/127.0.0.1"));
    }

    #[test]
    fn what_is_said_overrides_the_preset() {
        let text = "preset = 'testnet'\nmode = 'edge'\nshards = 3\nlisten = ['/ip4/1.2.3.4/tcp/5']\n\
                    bootstrap = ['/ip4/5.6.7.8/tcp/9']\n[store]\nretention_s = 60";
        let config = NodeConfig::from_toml(text).unwrap();
        assert_eq!((config.sharding.cluster(), config.sharding.shards()), (2, 3));
        assert_eq!((config.listen.len(), config.bootstrap.len()), (1, 1));
        assert_eq!(config.store.unwrap().retention, Duration::from_secs(60));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = NodeConfig::from_toml("mode = 'core'\nshardz = 3").unwrap_err();
        assert_eq!(error.line, Some(2));
        assert!(error.to_string().contains("shardz"), "{error}");
        assert!(NodeConfig::from_toml("shards = 0").is_err());
        let error = NodeConfig::from_toml("trees = ['enrtree://nowhere']").unwrap_err();
        assert!(error.to_string().contains("enrtree"), "{error}");
    }
}
