//! Sphinx packets and the machines of a mix network.
//!
//! A mix network hides who talks to whom: every message is a packet of one size, wrapped once for
//! each node on its way, and each node holds it for a random time among others before it passes
//! it on.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod address;
pub mod cover;
pub mod delay;
mod format;
pub mod fragment;
pub mod framing;
mod header;
mod kdf;
mod keys;
pub mod layout;
mod node;
#[cfg(feature = "nym")]
pub mod nym;
mod packet;
mod payload;
mod pool;
#[cfg(feature = "pq")]
pub mod pq;
mod relay;
mod replay;
mod route;
pub mod session;
pub mod spam;
mod sphinx;
mod surb;

pub use address::{
    Address, AddressBlock, AddressCodec, AddressError, PEER_ID_BYTES, PeerId, Transport,
};
pub use format::PacketFormat;
pub use keys::{MixKey, MixSecret};
pub use node::{ExitPolicy, Node, NodeConfig, NodeCounters, NodeOutput, Outgoing, SendError};
pub use packet::{Packet, WrongLength};
pub use payload::PayloadCipher;
pub use pool::{Ends, PathError, PathSelector, Pool, PoolError, Profile};
pub use relay::{
    Counters, Durability, Journal, KeyEpoch, Rejection, Relay, RelayConfig, RelayOutput,
    RestoreError, Rotation, SealedKeys,
};
pub use replay::{ReplayError, ReplayLog};
pub use route::{Hold, Hop, MeanDelay, Route, RouteError};
pub use sphinx::{OpenError, Opened, ProcessError, ReplayTag, Sphinx, Step, StripError};
pub use surb::{BadReply, StoreFull, Surb, SurbGroup, SurbId, SurbKeys, SurbStore};
