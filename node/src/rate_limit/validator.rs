//! Judging messages: all of it but the pairing.
//!
//! Messages pass in three steps, so that the costly one in the middle needs no lock:
//!
//! | step | what it checks | needs |
//! |---|---|---|
//! | [`Rules::read`] | encoding, clock, application, epoch, signal | the message alone |
//! | [`Validator::screen`] | root, ban, duplicates | the group, what was seen |
//! | `Verifier::verify_batch` | the proof | the key |
//! | [`Validator::settle`] | message id | what was seen |
//!
//! What does not pass a step changes nothing.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logos_crypto::Fr;
use logos_rln::{
    DoubleSignal, ExternalNullifier, IdentitySecret, MessageLimit, Nullifier, NullifierLog,
    ProofValues, Share,
};

use super::bans::Bans;
use crate::rate_limit::{
    Counted, EpochLengthError, EpochNumber, Epochs, Finding, Group, Incoming, Invalid, OnInvalid,
    RateLimitProof, UnixNanos,
};

/// What a group agrees on, and how strict a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// How time is cut, for which application.
    pub epochs: Epochs,
    /// How far a time stamp may be from the clock here, either way.
    pub max_clock_gap: Duration,
    /// What to do with proofs that cannot be right.
    pub on_invalid: OnInvalid,
    /// Messages remembered of each epoch, of all members together: 160 bytes each.
    pub messages_an_epoch: usize,
}

impl Rules {
    /// The deployed network's: 20 s of clock gap, invalid proofs rejected, and as many messages
    /// an epoch as its contract gives out.
    #[must_use]
    pub const fn new(epochs: Epochs) -> Self {
        Self {
            epochs,
            max_clock_gap: Duration::from_secs(20),
            on_invalid: OnInvalid::Reject,
            messages_an_epoch: 160_000,
        }
    }

    /// The deployed mix network's: epochs of `length`, [`Epochs::PACKET_GAP`] of them of clock gap,
    /// and as many packets an epoch.
    ///
    /// # Errors
    ///
    /// As [`Epochs::of_packets`].
    pub fn of_packets(length: Duration) -> Result<Self, EpochLengthError> {
        let rules = Self::new(Epochs::of_packets(length)?);
        Ok(Self { max_clock_gap: length.saturating_mul(Epochs::PACKET_GAP), ..rules })
    }

    /// Checks what a message says of itself: the encoding of the proof, the clock, and that proof
    /// and message are about the same epoch and bytes. One Keccak over the message.
    ///
    /// # Errors
    ///
    /// [`Finding::Clock`], or [`Finding::Invalid`] with the reason.
    pub fn read(&self, incoming: &Incoming<'_>, now: UnixNanos) -> Result<RateLimitProof, Finding> {
        let proof = RateLimitProof::from_bytes(incoming.proof).map_err(Invalid::from)?;
        self.check_clock(incoming.signal.timestamp, proof.epoch(), now)?;
        if proof.application() != self.epochs.application() {
            return Err(Invalid::OtherApplication.into());
        }
        if self.epochs.bind(&incoming.signal).to_field() != proof.share().x {
            return Err(Invalid::OtherSignal.into());
        }
        Ok(proof)
    }

    /// Is the time that a message or packet claims near the clock, and one with its epoch?
    fn check_clock(
        &self,
        sent: UnixNanos,
        epoch: EpochNumber,
        now: UnixNanos,
    ) -> Result<(), Finding> {
        match self.epochs.counted() {
            Counted::Packets if self.epochs.is_near(epoch, now) => Ok(()),
            Counted::Messages if sent.distance(now) <= self.max_clock_gap => {
                let agrees = self.epochs.at(sent) == Some(epoch);
                agrees.then_some(()).ok_or(Invalid::OtherEpoch.into())
            }
            _ => Err(Finding::Clock),
        }
    }
}

/// What [`Validator::settle`] found.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub struct Settled {
    /// What the message is.
    pub finding: Finding,
    /// The two shares, if it is the first offence seen of its message id.
    pub evidence: Option<DoubleSignal>,
}

/// Remembers who has signalled, and judges by it. Sans-IO.
///
/// Time arrives with the messages. Epochs are kept while a message of theirs can pass
/// [`Rules::read`], and as long again in case the clock is set back; a clock set back further
/// forgets what was seen in between.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use logos_node::rate_limit::{Application, Epochs, Rules, Validator};
///
/// let epochs = Epochs::new(Duration::from_secs(600), Application::WAKU_RELAY)?;
/// let validator = Validator::new(Rules::new(epochs));
/// assert_eq!(validator.remembered(), 0);
/// # Ok::<(), logos_node::rate_limit::EpochLengthError>(())
/// ```
#[derive(Debug)]
pub struct Validator {
    rules: Rules,
    open: BTreeMap<EpochNumber, OpenEpoch>,
    bans: Bans,
}

#[derive(Debug)]
struct OpenEpoch {
    external: ExternalNullifier,
    log: NullifierLog,
    // Rejected already: nullifier and `x`. As many as the log holds at most.
    offences: BTreeSet<(Nullifier, Fr)>,
    banned: BTreeSet<Nullifier>,
    // What this node sends, kept apart from what it saw: a proof that is never sent must not meet
    // the next one of its id in the log.
    own: BTreeMap<Nullifier, Share>,
}

impl Validator {
    /// A validator that has seen nothing.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, open: BTreeMap::new(), bans: Bans::default() }
    }

    /// What it judges by.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Decides what can be decided without the pairing; gives the values to verify otherwise.
    ///
    /// # Errors
    ///
    /// [`Finding::UnknownRoot`], [`Finding::Duplicate`], [`Finding::Banned`] or
    /// [`Finding::Repeated`].
    ///
    /// # Security
    ///
    /// Nothing is verified yet. A duplicate is dropped whoever sends it; nothing else of what was
    /// seen is believed or changed on the word of a proof, except that an offence of a banned
    /// member is counted once.
    pub fn screen(
        &mut self,
        proof: &RateLimitProof,
        group: &Group,
        now: UnixNanos,
    ) -> Result<ProofValues, Finding> {
        if !group.is_acceptable(&proof.root()) {
            return Err(Finding::UnknownRoot);
        }
        self.handle_time(now);
        let capacity = self.rules.messages_an_epoch;
        let (nullifier, share) = (proof.nullifier(), proof.share());
        let epoch = self.epoch(proof.epoch());
        let seen = epoch.log.share(epoch.external, nullifier);
        if seen == Some(share) || epoch.own.get(&nullifier) == Some(&share) {
            return Err(Finding::Duplicate);
        }
        if epoch.offences.contains(&(nullifier, share.x)) {
            return Err(Finding::Repeated);
        }
        if epoch.banned.contains(&nullifier) {
            epoch.count((nullifier, share.x), capacity);
            return Err(Finding::Banned);
        }
        Ok(proof.values(epoch.external))
    }

    /// Records the values of a proof that was verified, and says what its message is.
    pub fn settle(&mut self, epoch: EpochNumber, values: &ProofValues) -> Settled {
        let capacity = self.rules.messages_an_epoch;
        let epoch = self.epoch(epoch);
        match epoch.log.record(values) {
            Ok(logos_rln::Verdict::Fresh) => Finding::Fresh.into(),
            Ok(logos_rln::Verdict::Duplicate) => Finding::Duplicate.into(),
            Ok(logos_rln::Verdict::DoubleSignal(signals)) => {
                let offence = (signals.nullifier, values.x());
                let first = !epoch.offences.iter().any(|(known, _)| *known == signals.nullifier);
                if !epoch.count(offence, capacity) {
                    return Finding::Repeated.into();
                }
                Settled { finding: Finding::DoubleSignal, evidence: first.then_some(signals) }
            }
            _ => Finding::Full.into(),
        }
    }

    /// Remembers a message of this node, which is a duplicate when it comes back.
    pub fn note_own(&mut self, proof: &RateLimitProof) {
        self.epoch(proof.epoch()).own.insert(proof.nullifier(), proof.share());
    }

    /// Forgets a message of this node that was not sent.
    pub fn forget_own(&mut self, proof: &RateLimitProof) {
        self.epoch(proof.epoch()).own.remove(&proof.nullifier());
    }

    /// Is a member banned?
    #[must_use]
    pub fn is_banned(&self, secret: &IdentitySecret) -> bool {
        self.bans.contains(secret)
    }

    /// Bans a member whose secret is known, for [`Group::GRACE`]: no message under its ids passes
    /// meanwhile. Without its limit as many ids are banned as are told apart at all, 1024. Says
    /// whether it was not banned before. Two hashes an id for each epoch kept.
    pub fn ban(
        &mut self,
        secret: IdentitySecret,
        limit: Option<MessageLimit>,
        now: UnixNanos,
    ) -> bool {
        let added = self.bans.add(secret, limit, now);
        if added {
            for epoch in self.open.values_mut() {
                epoch.banned.extend(self.bans.newest(epoch.external));
            }
        }
        added
    }

    /// Closes the epochs no message can be of any more, and lifts bans whose time is over.
    pub fn handle_time(&mut self, now: UnixNanos) {
        let slack = self.rules.max_clock_gap.saturating_mul(2);
        let first = self.rules.epochs.at(now - slack);
        let last = self.rules.epochs.at(now + slack);
        self.open.retain(|epoch, _| Some(*epoch) >= first && Some(*epoch) <= last);
        self.bans.lift(now);
    }

    /// Messages remembered, over all epochs.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.open.values().map(|epoch| epoch.log.len()).sum()
    }

    /// Epochs kept.
    #[must_use]
    pub fn epochs(&self) -> usize {
        self.open.len()
    }

    fn epoch(&mut self, number: EpochNumber) -> &mut OpenEpoch {
        let Self { rules, open, bans } = self;
        open.entry(number).or_insert_with(|| {
            let external = rules.epochs.external_nullifier(number);
            let mut log = NullifierLog::new(1, rules.messages_an_epoch);
            log.open(external);
            let banned = bans.nullifiers(external);
            let (offences, own) = (BTreeSet::new(), BTreeMap::new());
            OpenEpoch { external, log, offences, banned, own }
        })
    }
}

impl OpenEpoch {
    /// Remembers an offence, as far as there is room; says whether it was not counted before.
    fn count(&mut self, offence: (Nullifier, Fr), capacity: usize) -> bool {
        let known = self.offences.contains(&offence);
        if !known && self.offences.len() < capacity {
            self.offences.insert(offence);
        }
        !known
    }
}

impl From<Finding> for Settled {
    fn from(finding: Finding) -> Self {
        Self { finding, evidence: None }
    }
}
