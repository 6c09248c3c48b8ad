//! Names of the protocols, and what peers offer by them.

use libp2p::StreamProtocol;
use serde::{Deserialize, Serialize};

/// Gossip of messages.
pub(super) const RELAY: &str = Capability::Relay.name();
/// Publishing through a peer.
pub(super) const LIGHTPUSH: StreamProtocol = StreamProtocol::new(Capability::LightPush.name());
/// Asking a peer for messages.
pub(super) const FILTER: StreamProtocol = StreamProtocol::new(Capability::Filter.name());
/// Getting the messages asked for.
pub(super) const FILTER_PUSH: StreamProtocol =
    StreamProtocol::new("/vac/waku/filter-push/2.0.0-beta1");
/// Asking a peer for messages of the past.
pub(super) const STORE: StreamProtocol = StreamProtocol::new(Capability::Store.name());
/// Which cluster and shards a peer serves.
pub(super) const METADATA: StreamProtocol = StreamProtocol::new(Capability::Metadata.name());
/// Asking a peer for records of others.
pub(super) const PEER_EXCHANGE: StreamProtocol =
    StreamProtocol::new(Capability::PeerExchange.name());
/// Registering records of the deployed network, and asking for those of others.
#[cfg(feature = "rendezvous")]
pub(super) const WAKU_RENDEZVOUS: StreamProtocol =
    StreamProtocol::new(Capability::WakuRendezvous.name());
/// The routing table that peers are found by.
pub(super) const KADEMLIA: StreamProtocol = StreamProtocol::new("/ipfs/kad/1.0.0");

/// What a peer offers, by the protocols that it says it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Capability {
    /// It relays messages.
    Relay,
    /// It publishes for others.
    LightPush,
    /// It forwards what others ask for.
    Filter,
    /// It keeps messages for others.
    Store,
    /// It says which cluster and shards it serves.
    Metadata,
    /// It gives records of other peers.
    PeerExchange,
    /// Peers are registered with it, and found there.
    Rendezvous,
    /// Peers that nobody can dial are reached through it.
    CircuitRelay,
    /// As [`Rendezvous`](Self::Rendezvous), with the records of the deployed network.
    WakuRendezvous,
    /// It forwards packets of the mix.
    Mix,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 10] = [
        Self::Relay,
        Self::LightPush,
        Self::Filter,
        Self::Store,
        Self::Metadata,
        Self::PeerExchange,
        Self::Rendezvous,
        Self::CircuitRelay,
        Self::WakuRendezvous,
        Self::Mix,
    ];

    /// The protocol that it is offered by: its name on connections and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relay => "/vac/waku/relay/2.0.0",
            Self::LightPush => "/vac/waku/lightpush/3.0.0",
            Self::Filter => "/vac/waku/filter-subscribe/2.0.0-beta1",
            Self::Store => "/vac/waku/store-query/3.0.0",
            Self::Metadata => "/vac/waku/metadata/1.0.0",
            Self::PeerExchange => "/vac/waku/peer-exchange/2.0.0-alpha1",
            Self::Rendezvous => "/rendezvous/1.0.0",
            Self::CircuitRelay => "/libp2p/circuit/relay/0.2.0/hop",
            Self::WakuRendezvous => "/vac/waku/rendezvous/1.0.0",
            Self::Mix => "/mix/1.0.0",
        }
    }

    pub(super) const fn protocol(self) -> StreamProtocol {
        StreamProtocol::new(self.name())
    }
}
