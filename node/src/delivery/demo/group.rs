//! The group: who is a member, with what limit, and the guards of their nodes.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, atomic};
use std::{env, fs, io, process};

use logos_rln::{Identity, MessageLimit, Prover, RateCommitment, Verifier};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::{NetworkDemoError, PATIENCE};
use crate::random::os_seeded;
use crate::rate_limit::{
    Application, BudgetName, BurnStore, Burns, Change, Epochs, Guard, GuardConfig, GuardEvent,
    GuardMember, Heard, MembershipSource, RateBudget, RedbBurns, Rules, SourceError,
};
use crate::store::NodeStoreError;
use crate::wire::UnixNanos;

/// Messages that a member may send in an epoch.
const LIMIT: u32 = 1000;
/// Messages that the spammer may.
pub(super) const SPAMMER_LIMIT: u32 = 4;
/// How long an epoch is.
const EPOCH: Duration = Duration::from_secs(600);

/// A guard and what it finds.
pub(super) type Guarded = (Arc<Guard>, Receiver<GuardEvent>);

/// Members, the last of whom will break the limit.
pub(super) struct Group {
    keys: (Arc<Prover>, Arc<Verifier>),
    identities: Vec<Identity>,
    rules: Rules,
    pub(super) folder: Folder,
}

impl Group {
    /// Draws the members: so many, and the spammer.
    pub(super) fn form(
        members: usize,
        keys: (Arc<Prover>, Arc<Verifier>),
    ) -> Result<Self, NetworkDemoError> {
        let rules = Rules::new(Epochs::new(EPOCH, Application::WAKU_RELAY)?);
        let mut rng = os_seeded()?;
        let identities = (0..=members).map(|_| Identity::random(&mut rng)).collect();
        Ok(Self { keys, identities, rules, folder: Folder::new()? })
    }

    /// Who will break the limit.
    pub(super) const fn spammer(&self) -> usize {
        self.identities.len().saturating_sub(1)
    }

    pub(super) fn identity(&self, member: usize) -> Option<&Identity> {
        self.identities.get(member)
    }

    fn limit(&self, member: usize) -> Result<MessageLimit, NetworkDemoError> {
        Ok(MessageLimit::new(if member == self.spammer() { SPAMMER_LIMIT } else { LIMIT })?)
    }

    /// The leaf of a member.
    pub(super) fn leaf(&self, member: usize) -> Result<RateCommitment, NetworkDemoError> {
        let limit = self.limit(member)?;
        let identity = self.identity(member).ok_or_else(nobody)?;
        Ok(identity.rate_commitment(limit))
    }

    /// The guard of a member's node; its message ids are on disk, and stay burnt when it comes back.
    /// Waits while an earlier guard of the member still has them.
    pub(super) async fn guard(&self, member: usize) -> Result<Guarded, NetworkDemoError> {
        let path = self.folder.join(&format!("burns-{member}.redb"));
        let mut waited = Duration::ZERO;
        let store = loop {
            match RedbBurns::open(&path) {
                Err(NodeStoreError::Locked) if waited < PATIENCE => {
                    waited += PAUSE;
                    sleep(PAUSE).await;
                }
                opened => break opened?,
            }
        };
        self.start(member, Box::new(store)).await
    }

    /// A guard that has forgotten which message ids were used.
    pub(super) async fn forgetful_guard(&self, member: usize) -> Result<Guarded, NetworkDemoError> {
        self.start(member, Box::new(Forgetful)).await
    }

    async fn start(
        &self,
        member: usize,
        store: Box<dyn BurnStore>,
    ) -> Result<Guarded, NetworkDemoError> {
        let secret = self.identity(member).ok_or_else(nobody)?.secret().duplicate();
        let identity = Identity::from_secret(secret);
        let (rules, (prover, verifier)) = (self.rules, self.keys.clone());
        let leaves: Result<Vec<_>, _> = (0..self.identities.len()).map(|k| self.leaf(k)).collect();
        let (leaves, limit) = (leaves?, self.limit(member)?);
        let start = move || -> Result<Guarded, NetworkDemoError> {
            let budget = RateBudget::open(store, identity.commitment(), limit, rules.epochs)?;
            let member = GuardMember { identity, budget, prover };
            // The node has threads of its own to judge on.
            let config = GuardConfig { threads: 0, ..GuardConfig::new(rules) };
            let founders = Box::new(Founders(Some(Change::Append(leaves))));
            let now = UnixNanos::now();
            let (guard, events) = Guard::start(config, verifier, founders, Some(member), now)?;
            Ok((Arc::new(guard), events))
        };
        spawn_blocking(start).await.map_err(io::Error::other)?
    }
}

const PAUSE: Duration = Duration::from_millis(20);

fn nobody() -> io::Error {
    io::Error::other("there is no such member")
}

/// Members who are there from the start.
struct Founders(Option<Change>);

impl MembershipSource for Founders {
    fn next_change(&mut self) -> Option<Change> {
        self.0.take()
    }

    fn handle_payload(&mut self, _: &[u8]) -> Result<Heard, SourceError> {
        Err(SourceError::Fixed)
    }
}

/// Message ids in the memory of who does not keep to them.
struct Forgetful;

impl BurnStore for Forgetful {
    fn load(&mut self, _: &BudgetName) -> Result<Burns, NodeStoreError> {
        Ok(Burns::default())
    }

    fn commit(&mut self, _: &BudgetName, _: &Burns) -> Result<(), NodeStoreError> {
        Ok(())
    }
}

/// A folder for databases, removed in the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        static NUMBER: atomic::AtomicU64 = atomic::AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, atomic::Ordering::Relaxed);
        let path = env::temp_dir().join(format!("logos-network-{}-{number}", process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left there the system removes.
        fs::remove_dir_all(&self.0).ok();
    }
}
