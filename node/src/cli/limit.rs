//! The rate limit of a node's network, as arguments.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use logos_node::delivery::{Node, NodeConfig, OpenAdmission};
use logos_node::rate_limit::{
    Application, Epochs, Guard, GuardConfig, GuardEvent, GuardMember, Patrol, RateBudget,
    RedbBurns, Rules, StaticMembers,
};
use logos_node::wire::UnixNanos;
use logos_rln::{Identity, Verifier};

use super::console::Console;
use super::input::{KeyArgument, TablesArgument, depth, identity, members};

/// Rate limiting: who may send, and as whom this node does.
#[derive(Debug, Args)]
pub(super) struct LimitArguments {
    /// The members of the rate-limited group; without, nothing is limited
    #[arg(long, value_name = "FILE")]
    members: Option<PathBuf>,
    /// The identity to send with; without, this node only judges
    #[arg(long, value_name = "FILE", requires_all = ["members", "burns"])]
    identity: Option<PathBuf>,
    /// The database of message ids that are used up; made if it is not there
    #[arg(long, value_name = "FILE", requires = "identity")]
    burns: Option<PathBuf>,
    /// Seconds of an epoch, as the group agrees
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "members")]
    epoch_length: u64,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    tables: TablesArgument,
}

/// A node, and what keeps its guard at work.
pub(super) struct Running {
    pub(super) node: Node,
    _patrol: Option<Patrol>,
}

/// A guard and what it finds.
type Guarded = (Arc<Guard>, Receiver<GuardEvent>);

impl LimitArguments {
    /// Starts a node with or without a limit.
    pub(super) async fn start(&self, config: NodeConfig, console: &Console) -> Result<Running> {
        let Some((guard, events)) = self.guard(console)? else {
            let node = Node::start(config, Arc::new(OpenAdmission)).await?;
            return Ok(Running { node, _patrol: None });
        };
        let admission = Arc::clone(&guard);
        let node = Node::start(config, admission).await?;
        let (patrol, mut told) =
            Patrol::start(&node, guard, events, Patrol::TOPIC.parse()?).await?;
        let console = *console;
        tokio::spawn(async move {
            while let Some(event) = told.recv().await {
                if let GuardEvent::Caught(removal) | GuardEvent::Convicted(removal) = event {
                    console.note(&format!("member {} broke the limit: removed", removal.index));
                }
            }
        });
        Ok(Running { node, _patrol: Some(patrol) })
    }

    fn guard(&self, console: &Console) -> Result<Option<Guarded>> {
        let Some(path) = &self.members else { return Ok(None) };
        let key = self.key.verifying(console)?;
        let members = members(path, depth(key.circuit())?)?;
        let length = Duration::from_secs(self.epoch_length);
        let epochs = Epochs::new(length, Application::WAKU_RELAY)?;
        let member = self.member(epochs, console)?;
        let (config, source) = (GuardConfig::new(Rules::new(epochs)), StaticMembers::new(&members));
        let (verifier, now) = (Arc::new(Verifier::new(key)), UnixNanos::now());
        let (guard, events) = Guard::start(config, verifier, Box::new(source), member, now)?;
        Ok(Some((Arc::new(guard), events)))
    }

    fn member(&self, epochs: Epochs, console: &Console) -> Result<Option<GuardMember>> {
        let Some((path, burns)) = self.identity.as_ref().zip(self.burns.as_ref()) else {
            return Ok(None);
        };
        let stored = identity(path)?;
        let open = || RedbBurns::open(burns).with_context(|| burns.display().to_string());
        let commitment = stored.identity().commitment();
        let budget = RateBudget::open(Box::new(open()?), commitment, stored.limit(), epochs)?;
        let prover = Arc::new(self.tables.prover(self.key.proving(console)?, console)?);
        let identity = Identity::from_secret(stored.identity().secret().duplicate());
        Ok(Some(GuardMember { identity, budget, prover }))
    }
}
