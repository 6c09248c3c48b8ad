//! Names of the protocols, and what peers offer by them.

use libp2p::StreamProtocol;
use serde::Serialize;

/// Gossip of messages.
pub(super) const RELAY: &str = "/vac/waku/relay/2.0.0";
/// Publishing through a peer.
pub(super) const LIGHTPUSH: StreamProtocol = StreamProtocol::new("/vac/waku/lightpush/3.0.0");
/// Asking a peer for messages.
pub(super) const FILTER: StreamProtocol =
    StreamProtocol::new("/vac/waku/filter-subscribe/2.0.0-beta1");
/// Getting the messages asked for.
pub(super) const FILTER_PUSH: StreamProtocol =
    StreamProtocol::new("/vac/waku/filter-push/2.0.0-beta1");
/// Asking a peer for messages of the past.
pub(super) const STORE: StreamProtocol = StreamProtocol::new("/vac/waku/store-query/3.0.0");
/// Which cluster and shards a peer serves.
pub(super) const METADATA: StreamProtocol = StreamProtocol::new("/vac/waku/metadata/1.0.0");
/// The routing table that peers are found by.
pub(super) const KADEMLIA: StreamProtocol = StreamProtocol::new("/ipfs/kad/1.0.0");

/// What a peer offers, by the protocols that it says it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
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
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 5] =
        [Self::Relay, Self::LightPush, Self::Filter, Self::Store, Self::Metadata];

    pub(super) fn protocol(self) -> StreamProtocol {
        match self {
            Self::Relay => StreamProtocol::new(RELAY),
            Self::LightPush => LIGHTPUSH,
            Self::Filter => FILTER,
            Self::Store => STORE,
            Self::Metadata => METADATA,
        }
    }
}
