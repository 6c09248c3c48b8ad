//! What the service does, whoever asks and over whichever interface.

mod ahead;
mod checking;
mod early;
mod members;
mod orders;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

pub use checking::Claim;
pub use early::Answered;
use early::Unrecorded;
pub use orders::Order;

use super::access::Access;
use super::clock::Clock;
use super::custody::Custody;
use super::epoch::{Epoch, EpochSchedule, Millis};
use super::group::{Group, Place};
use super::job::LABEL_BYTES;
use super::membership::MembershipSource;
use super::metrics::Metrics;
use super::problem::Problem;
use super::registry::MemberRecord;
use super::reservation::{Counter, Refusal};
use super::store::{Denied, Store, StoreError};
use super::stream::Stream;
use super::workshop::{Circuits, Workshop};

/// The longest message that is hashed for a client.
pub const MAX_MESSAGE_BYTES: usize = 65_536;
/// The longest idempotency key.
pub const MAX_KEY_BYTES: usize = 256;
/// Requests of a batch.
pub const MAX_BATCH: usize = 256;
/// The longest time a job is waited for.
pub const MAX_WAIT: Duration = Duration::from_secs(60);
/// The setting under which instances share the kill switch.
const KILL_SWITCH: &str = "kill_switch";

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Messages an epoch by tier; a member of a tier that is not here has its whole limit.
    pub tiers: HashMap<String, u32>,
    /// Jobs that may wait.
    pub max_queue: u64,
    /// How far behind a subscriber may fall.
    pub patience: u64,
    /// Milliseconds after its end during which an epoch's jobs may still be proved.
    pub grace: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { tiers: HashMap::new(), max_queue: 100_000, patience: 4096, grace: 10_000 }
    }
}

/// The parts a service is made of.
#[derive(Debug)]
pub struct Parts {
    /// What outlives the process.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The epochs.
    pub schedule: EpochSchedule,
    /// The members' tree.
    pub group: Arc<Group>,
    /// Where members come from.
    pub source: Arc<dyn MembershipSource>,
    /// Who opens sealed secrets, where the service holds any.
    pub custody: Option<Arc<Custody>>,
    /// The keys.
    pub circuits: Arc<Circuits>,
    /// Who may do what.
    pub access: Access,
    /// What the operator decides.
    pub rules: Rules,
    /// What is measured.
    pub metrics: Arc<Metrics>,
}

/// The service.
#[derive(Debug)]
pub struct Service {
    parts: Parts,
    stream: Arc<Stream>,
    draining: AtomicBool,
    killed: AtomicBool,
    /// Held while ids are burnt ahead, so that they never count as used.
    stocking: tokio::sync::Mutex<()>,
    unrecorded: Arc<Unrecorded>,
    /// Who proves in this process, if anybody does.
    workshop: OnceLock<Arc<Workshop>>,
    /// Turns true when the process is to end.
    stop: watch::Sender<bool>,
}

/// How much of its quota a member has used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaState {
    /// The epoch.
    pub epoch: Epoch,
    /// Ids burnt in it.
    pub used: u32,
    /// Ids of an epoch.
    pub quota: u32,
    /// When the next epoch begins.
    pub resets: Millis,
    /// The member's tier.
    pub tier: String,
    /// Is it on the deny list?
    pub denied: bool,
}

impl Service {
    /// Puts the parts together and reads the members.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn new(parts: Parts) -> Result<Self, StoreError> {
        parts.group.follow(&*parts.store).await?;
        let store = Arc::clone(&parts.store);
        let stream = Arc::new(Stream::new(store, Arc::clone(&parts.metrics)).await?);
        let killed = AtomicBool::new(is_on(parts.store.setting(KILL_SWITCH).await?.as_deref()));
        let stop = watch::Sender::new(false);
        let (draining, workshop) = (AtomicBool::new(false), OnceLock::new());
        let (stocking, unrecorded) = (tokio::sync::Mutex::default(), Arc::default());
        Ok(Self { parts, stream, draining, killed, stocking, unrecorded, workshop, stop })
    }

    /// The parts.
    #[must_use]
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The stream of proofs.
    #[must_use]
    pub const fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Tells everything that runs for the service to end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Turns true when the service is to end.
    #[must_use]
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Takes no more submissions from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Is the service taking submissions? As `/readyz` says.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::SeqCst) && !self.killed.load(Ordering::SeqCst)
    }

    /// Keeps the tree, the stream and the shared switches up to date until the service stops.
    pub async fn follow(self: Arc<Self>) {
        let stream = Arc::clone(&self.stream);
        let following = tokio::spawn({
            let stop = self.stopped();
            async move { stream.follow(stop).await }
        });
        let (mut changes, mut stop) = (self.parts.store.changes(), self.stopped());
        while !*stop.borrow() {
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "the service cannot reach the store");
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
            // Many commits in a row are looked at once.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        following.await.ok();
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let Parts { store, group, metrics, clock, .. } = &self.parts;
        group.follow(&**store).await?;
        let killed = is_on(store.setting(KILL_SWITCH).await?.as_deref());
        self.killed.store(killed, Ordering::SeqCst);
        metrics.queue.set(store.depths().await?.open);
        store.sweep(clock.now(), 1000).await?;
        metrics.traces.tidy(clock.now());
        Ok(())
    }

    /// A member by name.
    ///
    /// # Errors
    ///
    /// [`Problem::UnknownMember`] or [`Problem::Store`].
    pub async fn member(&self, name: &[u8]) -> Result<Arc<MemberRecord>, Problem> {
        let Parts { group, store, .. } = &self.parts;
        group.named(&**store, name).await?.ok_or(Problem::UnknownMember)
    }

    /// Where a member stands in the tree.
    ///
    /// # Errors
    ///
    /// [`Problem::UnknownMember`] or [`Problem::Store`].
    pub async fn place(&self, name: &[u8]) -> Result<Place, Problem> {
        let member = self.member(name).await?;
        self.parts.group.place(&member).ok_or(Problem::UnknownMember)
    }

    fn check_open(&self) -> Result<(), Problem> {
        if self.draining.load(Ordering::SeqCst) {
            return Err(Problem::Stopped("it is about to end"));
        }
        if self.killed.load(Ordering::SeqCst) {
            return Err(Problem::Stopped("the operator stopped it"));
        }
        let waiting = self.parts.metrics.queue.get();
        if waiting >= self.parts.rules.max_queue { Err(Problem::Busy) } else { Ok(()) }
    }

    fn quota_of(&self, member: &MemberRecord) -> u32 {
        let tier = self.parts.rules.tiers.get(&member.tier).copied();
        tier.unwrap_or(member.limit).min(member.limit)
    }

    /// Nullifiers are kept for the epochs around now; one of another epoch would only take room.
    fn check_near(&self, asked: Epoch) -> Result<(), Problem> {
        let current = self.parts.schedule.at(self.parts.clock.now());
        let near = asked.0.abs_diff(current.0) <= 1;
        if near { Ok(()) } else { Err(Problem::Epoch { asked, current }) }
    }

    async fn check_denied(&self, name: &[u8], now: Millis) -> Result<(), Problem> {
        match self.parts.store.denied(name).await? {
            Some(Denied { reason, until, .. }) if until > now => {
                Err(Problem::Denied { reason, until })
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, refusal: Refusal, name: &[u8], now: Millis) -> Problem {
        let epoch = match refusal {
            Refusal::OverQuota { epoch, .. } => epoch,
            _ => self.parts.schedule.at(now),
        };
        let retry = Duration::from_millis(self.parts.schedule.ends(epoch).since(now));
        Problem::Refused { refusal, retry, subject: crate::hex::encode(name) }
    }

    /// How much of its quota a member has used.
    ///
    /// # Errors
    ///
    /// [`Problem::UnknownMember`] or [`Problem::Store`].
    pub async fn quota(&self, name: &[u8]) -> Result<QuotaState, Problem> {
        let member = self.member(name).await?;
        let now = self.parts.clock.now();
        let current = self.parts.schedule.at(now);
        let stocking = self.stocking.lock().await;
        let counter = self.parts.store.counter(member.member).await?;
        let fresh = Counter { epoch: current, next: 0 };
        let counter = counter.filter(|counter| counter.epoch >= current).unwrap_or(fresh);
        // What is burnt ahead is there to be used.
        let ahead = self.ahead(member.member, counter.epoch);
        drop(stocking);
        Ok(QuotaState {
            epoch: counter.epoch,
            used: counter.next.saturating_sub(ahead),
            quota: self.quota_of(&member),
            resets: self.parts.schedule.ends(counter.epoch),
            tier: member.tier.clone(),
            denied: self.check_denied(name, now).await.is_err(),
        })
    }

    /// Puts a name on the deny list until a time, or takes it off for 0; was it there?
    ///
    /// # Errors
    ///
    /// [`Problem::Store`], or [`Problem::Invalid`] for a reason over 256 bytes.
    pub async fn deny(&self, name: &[u8], reason: &str, until: u64) -> Result<bool, Problem> {
        check("reason", "is longer than 256 bytes", reason.len() <= 256)?;
        check("member", "has 1 to 64 bytes", (1..=LABEL_BYTES).contains(&name.len()))?;
        let since = self.parts.clock.now();
        let entry = Denied {
            name: name.to_vec(),
            reason: reason.to_owned(),
            until: Millis(until).min(Millis::MAX),
            since,
        };
        Ok(self.parts.store.deny(name.to_vec(), (until != 0).then_some(entry)).await?)
    }

    /// Turns the kill switch of all instances; was it on?
    ///
    /// # Errors
    ///
    /// [`Problem::Store`].
    pub async fn kill(&self, on: bool) -> Result<bool, Problem> {
        self.parts.store.set(KILL_SWITCH, if on { "on" } else { "off" }).await?;
        Ok(self.killed.swap(on, Ordering::SeqCst))
    }
}

fn is_on(setting: Option<&str>) -> bool {
    setting == Some("on")
}

fn check(field: &'static str, reason: &'static str, holds: bool) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err(Problem::Invalid { field, reason }) }
}
