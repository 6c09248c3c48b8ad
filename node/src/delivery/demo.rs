//! A network at work: nodes on real sockets, members of one group, and every claim about them
//! checked.

mod chatting;
mod group;
mod post;
mod reliable;
mod spam;
mod stage;
mod talk;

use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use logos_rln::{LimitError, Prover, Verifier};
use serde::Serialize;
use thiserror::Error;

use super::node::{ConnectError, SendError, Stopped};
use crate::chat::ChatError;
use crate::demo::Claim;
use crate::random::RandomError;
use crate::rate_limit::{BudgetError, EpochLengthError, GuardError, PatrolError};
use crate::store::{NodeStoreError, RecordError};
use stage::Stage;

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkPlan {
    /// Nodes that relay; an edge node, a store, a guest and a spammer come on top.
    pub nodes: usize,
    /// Messages that are sent and timed.
    pub messages: usize,
    /// Bytes of the long message.
    pub long_message: usize,
}

impl Default for NetworkPlan {
    fn default() -> Self {
        Self { nodes: 6, messages: 50, long_message: 3 << 20 }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NetworkReport {
    /// Nodes, all kinds together.
    pub nodes: usize,
    /// What was claimed, in the order it was checked.
    pub claims: Vec<Claim>,
    /// Half of the messages were at every node after so many milliseconds, proof and all.
    pub p50_ms: f64,
    /// Of a hundred messages, 95 were.
    pub p95_ms: f64,
    /// From the message over the limit to the removal of its sender at the last node.
    pub removed_ms: f64,
    /// Proofs that were verified, at all nodes together.
    pub verified: u64,
    /// How long all of it took.
    pub seconds: f64,
}

impl NetworkReport {
    /// Does every claim hold? Of no claims, no.
    #[must_use]
    pub fn all_hold(&self) -> bool {
        !self.claims.is_empty() && self.claims.iter().all(|claim| claim.holds)
    }
}

/// A claim as it was checked.
#[derive(Clone, Copy, Debug)]
pub struct NetworkStep<'a> {
    /// What it is about, in a word or two.
    pub part: &'static str,
    /// The claim.
    pub claim: &'a Claim,
    /// When it was checked, from the start.
    pub after: Duration,
}

/// Why the demonstration could not be carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetworkDemoError {
    /// A node did not start.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A message was not accepted.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A node stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A guard did not start.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A guard does not reach its node.
    #[error(transparent)]
    Patrol(#[from] PatrolError),
    /// The epochs of the group are none.
    #[error(transparent)]
    Epochs(#[from] EpochLengthError),
    /// A member's limit is none.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The message ids of a member could not be read.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// A database of message ids was not opened.
    #[error(transparent)]
    Burns(#[from] NodeStoreError),
    /// A database was not opened.
    #[error(transparent)]
    Records(#[from] RecordError),
    /// A chat failed.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A channel was not opened or does not work.
    #[error("a channel failed: {0}")]
    Channel(String),
    /// The folder for databases, or a thread.
    #[error("the system refused: {0}")]
    Io(#[from] io::Error),
}

/// Runs it, with real proofs: connects nodes over loopback, sends messages through all of them,
/// sends and receives at the edge, asks a store, carries a long message reliably to a node that is
/// killed meanwhile, lets two people talk, catches who breaks the limit, stops a node and starts it
/// again. Databases are in a folder of the system's for temporary files, and removed.
///
/// # Errors
///
/// [`NetworkDemoError`]; a claim that does not hold is no error.
pub async fn run_network(
    plan: NetworkPlan,
    prover: Arc<Prover>,
    verifier: Arc<Verifier>,
    tell: &mut (dyn FnMut(NetworkStep<'_>) + Send),
) -> Result<NetworkReport, NetworkDemoError> {
    let start = Instant::now();
    let mut stage = Stage::set(plan, (prover, verifier), (start, tell)).await?;
    stage.propagation(plan.messages).await?;
    stage.edge().await?;
    stage.store().await?;
    stage.reliable(plan.long_message).await?;
    stage.chatting().await?;
    stage.recovery().await?;
    stage.spam().await?;
    let mut report = stage.clear().await;
    report.seconds = start.elapsed().as_secs_f64();
    Ok(report)
}

/// How long a claim may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);
