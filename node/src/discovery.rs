//! Finding peers: signed records of nodes, lists in the domain name system, and a directory of what
//! was heard.
//!
//! | item | for |
//! |---|---|
//! | [`Enr`] | EIP-778 and LIP 31: what a node says of itself in 300 bytes |
//! | [`TreeLink`], [`TreeWalk`] | EIP-1459: lists of such records, by name |
//! | [`TxtResolver`], [`SystemResolver`], [`resolve_tree`] | where the texts of lists come from |
//! | [`PeerRecord`] | LIP 74: addresses and services under a peer's key |
//! | [`WakuPeerRecord`] | LIP 179: addresses and a mix key, for points of rendezvous |
//! | [`RendezvousPoint`], [`RendezvousVisitor`] | such a point, and who goes to one |
//! | [`Directory`], [`Sighting`] | peers that were heard of, by what they offer |
//!
//! A [`Node`](crate::delivery::Node) uses all of it: it walks the trees it is told of, asks peers
//! for records (peer exchange), stores its own record in the routing table and reads those of
//! others there (LIP 143), and dials who is said to offer what it lacks.

mod directory;
mod dns;
mod enr;
mod namespace;
mod point;
mod record;
mod rlp;
mod tree;
mod visitor;
mod waku_record;

pub use directory::{Directory, Sighting, Source};
pub use dns::{SystemResolver, TxtAnswer, TxtError, TxtResolver, resolve_tree};
pub use enr::{Enr, EnrContent, EnrError, EnrShards, service_bits};
#[cfg(feature = "rendezvous")]
pub(crate) use namespace::{SERVICES, namespace, service};
pub use point::RendezvousPoint;
pub use record::{PeerRecord, RecordError, SealError};
pub use rlp::RlpError;
pub use tree::{TreeError, TreeLink, TreeQuestion, TreeWalk};
pub use visitor::{RendezvousVisitor, Visit, Visited};
pub use waku_record::WakuPeerRecord;
