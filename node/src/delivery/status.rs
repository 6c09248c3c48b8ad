//! What a node says of itself, for people and programs.

use serde::Serialize;

use super::config::Mode;
use super::protocols::Capability;
use super::shared::Health;

/// A node at one moment.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Its id.
    pub peer_id: String,
    /// How much of the network's work it does.
    pub mode: Mode,
    /// The network it is on.
    pub cluster: u16,
    /// How many shards the network has.
    pub shards: u16,
    /// How well it is connected.
    pub health: Health,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// Where others reach it, as far as it knows.
    pub reached_at: Vec<String>,
    /// Its signed record, as a list of nodes would have it; none without an address or with a key of
    /// another kind than secp256k1.
    pub record: Option<String>,
    /// Peers that were heard of.
    pub known_peers: usize,
    /// Connected peers.
    pub peers: Vec<PeerStatus>,
    /// Peers that share a topic of gossip with it.
    pub relay_peers: usize,
    /// Sends that have not ended.
    pub sends_under_way: usize,
    /// Peers that it filters for.
    pub filter_subscribers: usize,
    /// Peers that filter all that is wanted for it.
    pub filter_peers: usize,
    /// Content topics that the application reads.
    pub content_topics: Vec<String>,
}

/// A connected peer.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PeerStatus {
    /// Its id.
    pub peer_id: String,
    /// What it offers.
    pub offers: Vec<Capability>,
}
