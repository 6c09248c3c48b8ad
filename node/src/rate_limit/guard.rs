//! Rate limiting of a whole node behind two methods.

#[cfg(test)]
pub(in crate::rate_limit) mod tests;

use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logos_crypto::merkle::{Depth, DepthError};
use logos_rln::{Identity, PoolPolicy, Prover, Verifier};
use thiserror::Error;

use super::counters::RateLimitCounts;
use super::court::{Case, Court, GuardEvent};
use super::panel::{Docket, Panel};
use super::sender::{Proved, SendProofError, Sender};
use crate::random::os_seeded;
use crate::rate_limit::{
    EpochNumber, Evidence, EvidenceError, Finding, Group, GroupError, Heard, Incoming,
    MembershipSource, RateBudget, RateLimitProof, Rules, Signal, SourceError, UnixNanos, Verdict,
};

/// Why there is no guard.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardError {
    /// No tree of the circuit's depth is kept in memory.
    #[error(transparent)]
    Depth(#[from] DepthError),
    /// The source gave a change that does not fit.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The member cannot prove.
    #[error(transparent)]
    Member(#[from] SendProofError),
}

/// Why a message may not be sent now.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdmitError {
    /// The clock shows a time before 1970.
    #[error("the clock shows a time before 1970")]
    Clock,
    /// The node was started without a membership.
    #[error("this node has no membership to send with")]
    NoMembership,
    /// The message could not be proved.
    #[error(transparent)]
    Prove(#[from] SendProofError),
}

/// Why a payload of the group was refused. Nothing changed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// The evidence is damaged or shows nothing.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The source of members refused it.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The update does not fit the tree.
    #[error(transparent)]
    Group(#[from] GroupError),
}

/// How a guard works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuardConfig {
    /// What the group agrees on.
    pub rules: Rules,
    /// Threads that judge; with none the caller's thread does.
    pub threads: usize,
    /// Messages judged together at most.
    pub batch: usize,
    /// Proofs to keep ready.
    pub slots: PoolPolicy,
}

impl GuardConfig {
    /// Two threads, batches of 64, four proofs ready for this epoch and four for the next.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, threads: 2, batch: 64, slots: PoolPolicy::default() }
    }
}

/// Who sends: the member's secret, its message ids, and the key to prove with.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "what a sender needs and nothing else")]
pub struct GuardMember {
    /// The member.
    pub identity: Identity,
    /// Its message ids, of the same member and the same epochs.
    pub budget: RateBudget,
    /// The prover of the circuit that the guard's verifier is for.
    pub prover: Arc<Prover>,
}

/// A message that may be sent: stamp it and put the proof in, or [give it back](Guard::give_back).
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admitted {
    /// The time stamp that the proof is about.
    pub timestamp: UnixNanos,
    /// The bytes of the message's proof field.
    pub proof: [u8; RateLimitProof::BYTES],
    /// The message id that is used up, of the epoch of the stamp.
    pub message_id: u32,
}

/// Rate limiting of a whole node: stamps and proves what it sends, judges what it forwards, catches
/// and removes who breaks the rule.
///
/// Thread-safe. It has no clock: every call says what time it is, and [`Guard::handle_time`] wants
/// to be called about once a second.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use logos_crypto::merkle::Depth;
/// use logos_node::Members;
/// use logos_node::rate_limit::{
///     AdmitError, Application, Epochs, Finding, Guard, GuardConfig, Incoming, Rules, Signal,
///     StaticMembers, UnixNanos, Verdict,
/// };
/// use logos_rln::Verifier;
///
/// let members = Members::parse("01".repeat(32).as_bytes(), Depth::RLN)?;
/// let epochs = Epochs::new(Duration::from_secs(600), Application::WAKU_RELAY)?;
/// let config = GuardConfig::new(Rules::new(epochs));
/// let verifier = Arc::new(Verifier::new(logos_rln_keys::single_verifying_key()));
/// let source = Box::new(StaticMembers::new(&members));
/// let now = UnixNanos::from_secs(1_763_701_200);
/// let (guard, events) = Guard::start(config, verifier, source, None, now)?;
///
/// let signal = Signal { payload: b"hello", content_topic: "/app/1/chat/proto", timestamp: now };
/// assert_eq!(guard.admit(signal, now), Err(AdmitError::NoMembership));
/// let verdicts = guard.judge(&[Incoming { signal, proof: b"no proof" }], now);
/// assert!(matches!(verdicts[..], [Verdict::Reject(Finding::Invalid(_))]));
/// # drop(events);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Guard {
    court: Arc<Court>,
    panel: Panel,
    batch: usize,
    source: Mutex<Source>,
    sender: Option<Sender>,
}

/// Named for what it hides: sources print nothing.
struct Source(Box<dyn MembershipSource>);

impl Guard {
    /// How long a root has to stand before proofs are made under it, so that others have heard of
    /// it by then. Where the tree never rests as long, proofs are made under a new root when half
    /// of the window has passed.
    pub const SETTLE: Duration = Duration::from_secs(10);
    /// Events kept for whoever receives them; those after are counted and dropped.
    pub const EVENTS: usize = 1024;

    /// Reads the members, starts the threads, and gives the guard and its events.
    ///
    /// # Errors
    ///
    /// One [`GuardError`] a reason.
    pub fn start(
        config: GuardConfig,
        verifier: Arc<Verifier>,
        source: Box<dyn MembershipSource>,
        member: Option<GuardMember>,
        now: UnixNanos,
    ) -> Result<(Self, Receiver<GuardEvent>), GuardError> {
        let GuardConfig { rules, threads, batch, slots } = config;
        let depth = Depth::new(u32::from(verifier.circuit().depth()))?;
        let (told, events) = sync_channel(Self::EVENTS);
        let court = Arc::new(Court::new(rules, verifier, Group::new(depth, now)?, told));
        let start = |GuardMember { identity, budget, prover }| {
            Sender::start(prover, identity, budget, (rules.epochs, slots))
        };
        let sender = member.map(start).transpose()?;
        let panel = Panel::start(&court, threads, batch);
        let (source, batch) = (Mutex::new(Source(source)), batch.max(1));
        let guard = Self { court, panel, batch, source, sender };
        guard.follow_source(now)?;
        guard.handle_time(now);
        Ok((guard, events))
    }

    /// Stamps and proves a message: the signal's own time stamp is replaced by `now`. Costs a
    /// message id, a write to the disk, and a fraction of a millisecond if a proof is ready.
    ///
    /// A message that is sent again is admitted again, with a new stamp and a new id.
    ///
    /// # Errors
    ///
    /// One [`AdmitError`] a reason; after an error the message id may be used up.
    pub fn admit(&self, signal: Signal<'_>, now: UnixNanos) -> Result<Admitted, AdmitError> {
        let sender = self.sender.as_ref().ok_or(AdmitError::NoMembership)?;
        let epoch = self.epoch(now).ok_or(AdmitError::Clock)?;
        self.follow_group(now);
        let signal = Signal { timestamp: now, ..signal };
        let Proved { proof, id, prepared } =
            sender.prove(epoch, self.rules().epochs.bind(&signal))?;
        self.court.counters.proved(prepared);
        let application = *self.rules().epochs.application();
        // Slots are of one message id, which is what the wire has a form for.
        let proof = RateLimitProof::new(&proof, epoch, application);
        let proof = proof.ok_or(SendProofError::Stopped)?;
        self.court.note_own(&proof);
        Ok(Admitted { timestamp: now, proof: proof.to_bytes(), message_id: id })
    }

    /// Takes back what was never sent and never will be: its message id is free for another
    /// message of the same epoch.
    ///
    /// # Security
    ///
    /// If the proof was sent after all, the next one under its id gives the secret away.
    pub fn give_back(&self, admitted: Admitted) {
        let Admitted { timestamp, proof, message_id } = admitted;
        let Some((sender, epoch)) = self.sender.as_ref().zip(self.epoch(timestamp)) else {
            return;
        };
        if let Ok(proof) = RateLimitProof::from_bytes(&proof) {
            self.court.forget_own(&proof);
            sender.give_back(epoch, message_id);
        }
    }

    /// Judges messages and waits for the verdicts, which stand in their order.
    ///
    /// # Security
    ///
    /// All of `messages` is anybody's choice. A message that is not accepted changes nothing but
    /// that an offence is remembered.
    #[must_use]
    pub fn judge(&self, messages: &[Incoming<'_>], now: UnixNanos) -> Vec<Verdict> {
        if self.panel.is_empty() {
            return self.judge_here(messages, now);
        }
        let (tell, told) = channel();
        self.judge_later(messages, now, move |verdicts| {
            // Whoever asked waits below.
            let _ = tell.send(verdicts);
        });
        told.recv().unwrap_or_default()
    }

    /// Judges messages and calls `report` with the verdicts, in the order of the messages, on a
    /// thread of the guard. For callers who must not wait; what decides without a pairing is done
    /// before this returns.
    pub fn judge_later(
        &self,
        messages: &[Incoming<'_>],
        now: UnixNanos,
        report: impl FnOnce(Vec<Verdict>) + Send + 'static,
    ) {
        if self.panel.is_empty() {
            return report(self.judge_here(messages, now));
        }
        let (findings, cases) = self.open(messages, now);
        let court = Arc::clone(&self.court);
        let docket = Docket::open(findings, move |findings| report(verdicts(&court, findings)));
        self.panel.file(&docket, cases);
    }

    /// Judges in the caller's thread.
    fn judge_here(&self, messages: &[Incoming<'_>], now: UnixNanos) -> Vec<Verdict> {
        let (mut findings, cases) = self.open(messages, now);
        let Ok(mut rng) = os_seeded() else {
            return verdicts(&self.court, vec![Finding::Stopped; messages.len()]);
        };
        let mut cases = cases.into_iter().peekable();
        while cases.peek().is_some() {
            let (places, batch): (Vec<usize>, Vec<Case>) = cases.by_ref().take(self.batch).unzip();
            for (place, finding) in places.iter().zip(self.court.decide(&batch, &mut rng)) {
                if let Some(slot) = findings.get_mut(*place) {
                    *slot = Some(finding);
                }
            }
        }
        verdicts(&self.court, findings.into_iter().flatten().collect())
    }

    /// What can be found without a pairing, and the rest with its places.
    fn open(
        &self,
        messages: &[Incoming<'_>],
        now: UnixNanos,
    ) -> (Vec<Option<Finding>>, Vec<(usize, Case)>) {
        let mut cases = Vec::new();
        let findings = messages.iter().enumerate().map(|(place, message)| {
            match self.court.open(message, now) {
                Ok(case) => {
                    cases.push((place, case));
                    None
                }
                Err(finding) => Some(finding),
            }
        });
        (findings.collect(), cases)
    }

    /// Takes what another node said about the group: an update of the source, or evidence.
    ///
    /// # Errors
    ///
    /// One [`PayloadError`] a reason; nothing changed.
    ///
    /// # Security
    ///
    /// `payload` is anybody's choice. Evidence needs no signature: it shows by itself.
    pub fn handle_payload(&self, payload: &[u8], now: UnixNanos) -> Result<Heard, PayloadError> {
        if payload.first() == Some(&Evidence::TAG) {
            let news = self.court.hear(&Evidence::from_bytes(payload)?, now)?;
            self.follow_group(now);
            return Ok(if news { Heard::New } else { Heard::Known });
        }
        let heard = self.source().0.handle_payload(payload)?;
        self.follow_source(now)?;
        self.follow_group(now);
        Ok(heard)
    }

    /// Does what is due: takes what the source has, forgets old roots and epochs, lifts bans,
    /// follows the root, and prepares proofs for the epoch and the next.
    pub fn handle_time(&self, now: UnixNanos) {
        // A change that does not fit is the source's fault, and told where it came in.
        let _ = self.follow_source(now);
        self.court.handle_time(now);
        self.follow_group(now);
        if let (Some(sender), Some(epoch)) = (&self.sender, self.epoch(now)) {
            sender.enter(epoch);
        }
    }

    fn follow_source(&self, now: UnixNanos) -> Result<(), GroupError> {
        let mut source = self.source();
        while let Some(change) = source.0.next_change() {
            self.court.apply(&change, now)?;
        }
        Ok(())
    }

    /// Brings the sender to the current root, if that has settled or the sender's is too old.
    fn follow_group(&self, now: UnixNanos) {
        let Some(sender) = &self.sender else { return };
        let group = self.court.group();
        let leaf = sender.leaf();
        let root = sender.root();
        let age = root.and_then(|root| group.age(&root));
        let settled = group.changed() + Self::SETTLE <= now;
        let removed = root.is_some() && group.position(leaf).is_none();
        let stale = age.is_none_or(|age| age > Group::WINDOW / 2 || (age > 0 && settled));
        if removed || stale {
            let path = group.path(leaf).map(|path| (path, group.root()));
            sender.follow(path, |root| group.age(root).is_some_and(|age| age <= Group::WINDOW / 2));
        }
    }

    /// Messages this node can still send in the epoch of `now`; none without a membership.
    #[must_use]
    pub fn left(&self, now: UnixNanos) -> u32 {
        let epoch = self.epoch(now);
        self.sender.as_ref().zip(epoch).map_or(0, |(sender, epoch)| sender.left(epoch))
    }

    /// When the budget is whole again.
    #[must_use]
    pub fn next_epoch(&self, now: UnixNanos) -> Option<UnixNanos> {
        self.epoch(now).map(|epoch| self.rules().epochs.start(epoch.next()))
    }

    /// Proofs that are ready.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.sender.as_ref().map_or(0, Sender::ready)
    }

    /// Messages that wait for a judging thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.panel.waiting()
    }

    /// How often each thing happened.
    #[must_use]
    pub fn counts(&self) -> RateLimitCounts {
        self.court.counters.counts()
    }

    /// What the group agrees on.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        self.court.rules()
    }

    /// Looks at the group. Verdicts wait meanwhile.
    pub fn with_group<T>(&self, look: impl FnOnce(&Group) -> T) -> T {
        look(&self.court.group())
    }

    fn epoch(&self, now: UnixNanos) -> Option<EpochNumber> {
        self.rules().epochs.at(now)
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts findings and says what to do about them.
fn verdicts(court: &Court, findings: Vec<Finding>) -> Vec<Verdict> {
    let on_invalid = court.rules().on_invalid;
    let verdict = |finding: Finding| {
        court.counters.found(finding);
        finding.verdict(on_invalid)
    };
    findings.into_iter().map(verdict).collect()
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source(..)")
    }
}
