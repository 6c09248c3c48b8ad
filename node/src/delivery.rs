//! Delivery of messages over the network: connect, send, subscribe.
//!
//! A [`Node`] finds the shard of a content topic by itself, keeps connected, retries what does not
//! leave, and says of every send how it ended. It speaks the protocols of the deployed network:
//! gossip, light push, filter, store, metadata. Whether messages carry rate-limit proofs is decided
//! by the [`Admission`] it is given.
//!
//! Behind it stand machines without clock or sockets ([`SendMachine`] among them), driven by one
//! task that owns the sockets.
//!
//! [`Admission`] and [`SendMachine`] are always here; the rest is behind the feature `delivery`.

mod admission;
mod request;
mod send;

#[cfg(feature = "delivery")]
mod archive;
#[cfg(feature = "delivery")]
mod clock;
#[cfg(feature = "delivery")]
mod cluster;
#[cfg(feature = "delivery")]
mod config;
#[cfg(feature = "delivery")]
mod control;
#[cfg(feature = "delivery")]
mod demo;
#[cfg(feature = "delivery")]
mod driver;
#[cfg(feature = "delivery")]
mod exchange;
#[cfg(feature = "delivery")]
mod filter;
#[cfg(feature = "delivery")]
mod framed;
#[cfg(feature = "delivery")]
mod inbox;
#[cfg(feature = "delivery")]
mod judging;
#[cfg(feature = "delivery")]
mod keeper;
#[cfg(feature = "delivery")]
mod link;
#[cfg(feature = "delivery")]
mod lists;
#[cfg(feature = "delivery")]
mod lookup;
#[cfg(feature = "nat")]
mod nat;
#[cfg(feature = "delivery")]
mod network;
#[cfg(feature = "delivery")]
mod node;
#[cfg(feature = "delivery")]
mod peers;
#[cfg(feature = "delivery")]
mod protocols;
#[cfg(feature = "delivery")]
mod recent;
#[cfg(feature = "rendezvous")]
mod rendezvous;
#[cfg(feature = "delivery")]
mod seen;
#[cfg(feature = "delivery")]
mod service;
#[cfg(feature = "delivery")]
mod shared;
#[cfg(feature = "delivery")]
mod status;
#[cfg(feature = "delivery")]
mod streams;
#[cfg(feature = "delivery")]
mod supervise;

pub use admission::{Admission, AdmissionError, Judgement, OpenAdmission};
pub use request::{Outcome, Progress, RequestId, SendFailure};
pub use send::{
    PrepareFailure, PushFailure, RelayFailure, Route, SendMachine, SendOutput, SendTimes,
    TooManySends,
};

#[cfg(feature = "delivery")]
pub use libp2p::identity::Keypair;
#[cfg(feature = "delivery")]
pub use libp2p::{Multiaddr, PeerId};

#[cfg(feature = "delivery")]
pub use self::{
    archive::{Archive, ArchiveError},
    cluster::Cluster,
    config::{ConfigError, Mode, NodeConfig, Preset, StoreConfig, Transport},
    control::{Control, ControlError, Token},
    demo::{NetworkDemoError, NetworkPlan, NetworkReport, NetworkStep, run_network},
    inbox::{Received, Subscription},
    lookup::Lookup,
    network::BuildError,
    node::{ConnectError, Departure, Envelope, Handler, Node, SendError, Stopped, UnknownRequest},
    protocols::Capability,
    shared::Health,
    status::{NodeStatus, PeerStatus},
    supervise::{
        RestartPolicy, Restarts, ServiceResult, ServiceState, ServiceStatus, Services, Supervisor,
    },
};
