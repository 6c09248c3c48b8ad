//! What all threads of a guard share, and the way of a message through it.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use logos_rln::wire::WireError;
use logos_rln::{DoubleSignal, IdentityCommitment, IdentitySecret, Proof, ProofValues, Verifier};
use rand_core::CryptoRng;

use super::counters::Counters;
use crate::rate_limit::{
    Change, Evidence, EvidenceError, Finding, Group, GroupError, Incoming, Invalid, RateLimitProof,
    Rules, UnixNanos, Validator,
};

/// What a guard has to tell. Each member is told about once.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum GuardEvent {
    /// A member was caught by this node: pass [`Evidence::to_bytes`] on to all others.
    Caught(Removal),
    /// A member was removed on the evidence of another node.
    Convicted(Removal),
}

/// A member who used a message id twice, and is a member no longer.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub struct Removal {
    /// Its leaf, which is empty now.
    pub index: u64,
    /// What shows it.
    pub evidence: Evidence,
    /// The secret the evidence gives away.
    pub secret: IdentitySecret,
}

/// A message that waits for the pairing.
#[derive(Debug)]
pub(super) struct Case {
    proof: RateLimitProof,
    values: ProofValues,
    now: UnixNanos,
}

/// Judges, remembers and removes.
pub(super) struct Court {
    rules: Rules,
    verifier: Arc<Verifier>,
    validator: Mutex<Validator>,
    group: RwLock<Group>,
    events: SyncSender<GuardEvent>,
    pub(super) counters: Counters,
}

impl Court {
    pub(super) fn new(
        rules: Rules,
        verifier: Arc<Verifier>,
        group: Group,
        events: SyncSender<GuardEvent>,
    ) -> Self {
        Self {
            rules,
            verifier,
            validator: Mutex::new(Validator::new(rules)),
            group: RwLock::new(group),
            events,
            counters: Counters::default(),
        }
    }

    pub(super) const fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn group(&self) -> RwLockReadGuard<'_, Group> {
        self.group.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn group_mut(&self) -> RwLockWriteGuard<'_, Group> {
        self.group.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn validator(&self) -> MutexGuard<'_, Validator> {
        self.validator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that needs no pairing.
    pub(super) fn open(&self, incoming: &Incoming<'_>, now: UnixNanos) -> Result<Case, Finding> {
        let proof = self.rules.read(incoming, now)?;
        let values = self.validator().screen(&proof, &self.group(), now)?;
        Ok(Case { proof, values, now })
    }

    /// The pairings of all at once, and then what each message is, in their order.
    pub(super) fn decide(&self, cases: &[Case], rng: &mut impl CryptoRng) -> Vec<Finding> {
        let verified = self.verify(cases, rng);
        let settled = cases.iter().zip(verified).map(|(case, verified)| match verified {
            Ok(()) => self.settle(case),
            Err(invalid) => invalid.into(),
        });
        settled.collect()
    }

    fn verify(&self, cases: &[Case], rng: &mut impl CryptoRng) -> Vec<Result<(), Invalid>> {
        let points: Vec<Result<Proof, WireError>> =
            cases.iter().map(|case| case.proof.points()).collect();
        let decoded = cases.iter().zip(&points);
        let batch: Vec<(Proof, &ProofValues)> = decoded
            .filter_map(|(case, points)| Some((*points.as_ref().ok()?, &case.values)))
            .collect();
        self.counters.batch(batch.len());
        let mut verdicts = self.verifier.verify_batch(&batch, rng).into_iter();
        let verdict = |points: Result<Proof, WireError>| {
            points.map_err(Invalid::from)?;
            verdicts.next().and_then(Result::ok).ok_or(Invalid::Proof)
        };
        points.into_iter().map(verdict).collect()
    }

    fn settle(&self, case: &Case) -> Finding {
        let settled = self.validator().settle(case.proof.epoch(), &case.values);
        if let Some(signals) = &settled.evidence {
            self.convict_by(signals, case.now);
        }
        settled.finding
    }

    /// Remembers what this node itself sends.
    pub(super) fn note_own(&self, proof: &RateLimitProof) {
        self.validator().note_own(proof);
    }

    /// Forgets what this node did not send after all.
    pub(super) fn forget_own(&self, proof: &RateLimitProof) {
        self.validator().forget_own(proof);
    }

    /// Looks for the member behind two shares, and removes it. The search is the dear part, up to
    /// 65536 hashes, and is made once a member: who was removed is banned.
    fn convict_by(&self, signals: &DoubleSignal, now: UnixNanos) {
        let Some(secret) = &signals.secret else { return };
        let commitment: IdentityCommitment = secret.commitment();
        if self.validator().is_banned(secret) {
            return;
        }
        let limit = self.group().limit_of(commitment);
        let Some(limit) = limit else {
            // Removed by others, under a root that still counts.
            self.validator().ban(secret.duplicate(), None, now);
            return;
        };
        let evidence = Evidence::new(signals, limit);
        if let Ok(Some(removal)) = self.remove(&evidence, now) {
            self.tell(GuardEvent::Caught(removal));
        }
    }

    /// Acts on what another node found. Says whether it was news.
    pub(super) fn hear(&self, evidence: &Evidence, now: UnixNanos) -> Result<bool, EvidenceError> {
        let removal = self.remove(evidence, now)?;
        let news = removal.is_some();
        if let Some(removal) = removal {
            self.tell(GuardEvent::Convicted(removal));
        }
        Ok(news)
    }

    /// Removes the member that evidence names, if there is one, and bans it while the roots it is
    /// under still count.
    fn remove(
        &self,
        evidence: &Evidence,
        now: UnixNanos,
    ) -> Result<Option<Removal>, EvidenceError> {
        let (secret, leaf) = evidence.open()?;
        let Some(index) = self.group_mut().remove_member(leaf, now) else { return Ok(None) };
        self.validator().ban(secret.duplicate(), Some(evidence.limit()), now);
        self.counters.removed();
        Ok(Some(Removal { index, evidence: *evidence, secret }))
    }

    fn tell(&self, event: GuardEvent) {
        if self.events.try_send(event).is_err() {
            self.counters.event_dropped();
        }
    }

    pub(super) fn apply(&self, change: &Change, now: UnixNanos) -> Result<(), GroupError> {
        self.group_mut().apply(change, now)
    }

    pub(super) fn handle_time(&self, now: UnixNanos) {
        self.group_mut().handle_time(now);
        self.validator().handle_time(now);
    }
}

impl std::fmt::Debug for Court {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Court").field("rules", &self.rules).finish_non_exhaustive()
    }
}
