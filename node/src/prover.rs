//! The prover service: message ids that are never used twice, proofs on demand, and what watches
//! them.
//!
//! | part | for |
//! |---|---|
//! | [`EpochSchedule`], [`Epoch`], [`Millis`] | which epoch a time is in |
//! | [`reserve`], [`Counter`], [`Reservation`] | the rule by which message ids are handed out |
//! | [`Job`], [`Submission`], [`ProofRecord`] | a proof from its order to its place in the stream |
//! | [`Mark`], [`Evidence`] | nullifiers, and who used one twice |
//! | [`Store`], [`EmbeddedStore`], [`PostgresStore`] | what outlives a process |
//! | [`MembershipSource`], [`InService`], [`Copied`], [`StaticFile`] | where members come from |
//! | [`Group`], [`Place`] | their trees |
//! | [`Custody`] | secrets of members whose identity the service holds |
//! | [`Circuits`], [`Workshop`], [`Workers`] | making proofs |
//! | [`Stream`], [`Subscription`] | handing them out, from any number on |
//! | [`Service`], [`Problem`], [`Access`] | what may be asked, by whom, and what is answered |
//! | [`Grpc`], [`Compat`], [`routes`], [`wire`] | the interfaces |
//! | [`Upstream`], [`Aggregator`], [`Slasher`] | following streams of others |
//! | [`Traces`], [`TraceSink`] | what is done for each submission, for whoever keeps traces |
//! | [`mod@evm`] | members of a contract on an EVM chain |
//! | [`mod@load`] | load on a service, and what it bears |
//! | [`Config`], [`Instance`] | a service from its settings to its end |
//!
//! The rules are pure functions with the time as an argument; clocks, sockets and threads are at
//! the edge.

mod access;
mod aggregator;
mod clock;
mod compat;
mod config;
mod custody;
mod epoch;
pub mod evm;
mod group;
mod grpc;
mod instance;
mod job;
mod listener;
pub mod load;
mod mark;
mod membership;
pub mod metrics;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "otlp")]
mod otlp;
mod outbound;
mod problem;
mod recent;
mod registry;
mod reservation;
mod rest;
mod service;
mod slasher;
mod static_file;
mod store;
mod stream;
mod trace;
mod upstream;
pub mod wire;
mod workers;
mod workshop;

pub use access::{Access, Caller, Rate, Scope, Token};
pub use aggregator::Aggregator;
pub use clock::{Clock, SteppedClock, SystemClock};
pub use compat::Compat;
pub use config::{ChainConfig, Config, ConfigError, ContractKind, TokenConfig, tls};
pub use custody::{Custody, SEALED_BYTES, UnsealError};
pub use epoch::{Epoch, EpochSchedule, Millis, NullifierOrder};
pub use group::{Group, MAX_TREES, Place};
pub use grpc::Grpc;
pub use instance::{Instance, Running};
pub use job::{
    FailReason, Finished, Job, JobId, JobState, LABEL_BYTES, MAX_ATTEMPTS, ProofRecord, Submission,
    WorkerId,
};
pub use listener::{bind, routes, serve};
pub use mark::{Evidence, Mark, Recorded};
pub use membership::{Copied, IN_SERVICE, InService, MembershipSource, claim_members};
pub use metrics::Metrics;
#[cfg(feature = "nats")]
pub use nats::{FanOut, FanOutError, NatsConfig};
#[cfg(feature = "otlp")]
pub use otlp::{Otlp, OtlpConfig};
pub use outbound::{Outbound, OutboundError};
pub use problem::Problem;
pub use registry::{Amendment, Leaf, MemberRecord, RegisterRefusal, Registration};
pub use reservation::{Counter, MemberKey, Refusal, Reservation, Wanted, reserve};
pub use service::{
    Answered, Claim, MAX_BATCH, MAX_KEY_BYTES, MAX_MESSAGE_BYTES, MAX_WAIT, Order, Parts,
    QuotaState, Rules, Service,
};
pub use slasher::{Listener, Slasher, Webhook, report};
pub use static_file::{FROM_FILE, StaticFile, StaticFileError};
pub use store::{
    Admitted, Delivery, Denied, Depths, EmbeddedStore, PostgresStore, Publication, ReserveRequest,
    Store, StoreError,
};
pub use stream::{Slow, Stream, Subscription, Waiting};
pub use trace::{Outcome, Step, Trace, TraceParent, TraceSink, Traces};
pub use upstream::{Client, ShowToken, Sink, Upstream, client};
pub use workers::{LEASE_MS, Workers};
pub use workshop::{Circuits, HotPolicy, MAX_IDS, Makers, Ready, Workshop};
