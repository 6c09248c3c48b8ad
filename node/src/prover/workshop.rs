//! Making proofs: cold members from nothing, known ones from their partial proof, hot ones from
//! slots that were made in idle time.

mod makers;
mod stock;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use logos_crypto::Fr;
use logos_rln::{
    ExternalNullifier, KeyHash, Membership, Message, MessageIds, MessageLimit, PartialProof,
    Prover, RlnProof, Signal, SlotFactory, Verifier,
};

pub use makers::Makers;
pub use stock::Ready;
use stock::Stock;

use super::custody::Custody;
use super::epoch::{Epoch, EpochSchedule};
use super::group::{Group, Place};
use super::job::{FailReason, Job};
use super::metrics::Metrics;
use super::registry::MemberRecord;
use super::reservation::{MemberKey, Reservation};
use crate::random::os_seeded;

/// The most message ids one proof burns: the slots of the deployed circuit for several.
pub const MAX_IDS: u32 = 4;

/// The provers and verifiers of both deployed circuits. The one for several message ids is loaded
/// when first used.
#[derive(Debug)]
pub struct Circuits {
    single: Prover,
    verifier: Verifier,
    multi: OnceLock<(Prover, Verifier)>,
}

impl Default for Circuits {
    fn default() -> Self {
        Self::deployed()
    }
}

impl Circuits {
    /// Builds the tables: a third of a second and 32 MiB.
    #[must_use]
    pub fn deployed() -> Self {
        let single = Prover::new(logos_rln_keys::single());
        let verifier = Verifier::new(logos_rln_keys::single_verifying_key());
        Self { single, verifier, multi: OnceLock::new() }
    }

    fn multi(&self) -> &(Prover, Verifier) {
        self.multi.get_or_init(|| {
            let verifier = Verifier::new(logos_rln_keys::multi_verifying_key());
            (Prover::new(logos_rln_keys::multi()), verifier)
        })
    }

    /// Who verifies a proof of so many message ids.
    #[must_use]
    pub fn verifier(&self, single: bool) -> &Verifier {
        if single { &self.verifier } else { &self.multi().1 }
    }

    /// The prover of one message id.
    #[must_use]
    pub const fn single(&self) -> &Prover {
        &self.single
    }

    /// SHA-256 of the key in use, as it was published.
    #[must_use]
    pub const fn key_hash() -> [u8; 32] {
        KeyHash::SINGLE_20.0
    }
}

/// How much is kept of whom.
#[derive(Clone, Copy, Debug)]
pub struct HotPolicy {
    /// Members whose partial proofs are kept: 0.4 MiB each or more.
    pub members: usize,
    /// Message ids that are burnt ahead for a member who asks often, each with a slot. Those that
    /// are left when the process is killed are lost.
    pub slots: u32,
    /// Proofs in one epoch from which on a member is hot.
    pub after: u32,
}

impl Default for HotPolicy {
    fn default() -> Self {
        Self { members: 256, slots: 8, after: 2 }
    }
}

/// Makes the proofs of jobs. Shared by all workers of a process.
#[derive(Debug)]
pub struct Workshop {
    circuits: Arc<Circuits>,
    group: Arc<Group>,
    schedule: EpochSchedule,
    custody: Option<Arc<Custody>>,
    metrics: Arc<Metrics>,
    policy: HotPolicy,
    members: Mutex<Members>,
    /// Proofs that somebody waits for and that are being made.
    online: AtomicUsize,
    /// Grows whenever there may be something to do ahead.
    wishes: Mutex<u64>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Members {
    known: HashMap<MemberKey, Arc<Known>>,
    /// Grows with every use, to find who was away longest.
    uses: u64,
}

/// What is kept of a member.
#[derive(Debug)]
struct Known {
    member: Arc<MemberRecord>,
    limit: MessageLimit,
    work: Mutex<Work>,
}

#[derive(Debug, Default)]
struct Work {
    used: u64,
    prepared: Option<Prepared>,
    stock: Stock,
    /// The epoch of the last proof, and how many were made in it.
    epoch: Epoch,
    proofs: u32,
}

impl Work {
    fn note_use(&mut self, epoch: Epoch) {
        if self.epoch < epoch {
            (self.epoch, self.proofs) = (epoch, 0);
        }
        if self.epoch == epoch {
            self.proofs += 1;
        }
    }
}

#[derive(Clone, Debug)]
enum Prepared {
    Partial(Arc<PartialProof>),
    Factory(Arc<SlotFactory>),
}

impl Prepared {
    fn partial(&self) -> &PartialProof {
        match self {
            Self::Partial(partial) => partial,
            Self::Factory(factory) => factory.partial(),
        }
    }
}

/// A proof that somebody waits for; when the last one ends, what is made ahead goes on.
struct Online<'a>(&'a Workshop);

impl<'a> Online<'a> {
    fn begin(workshop: &'a Workshop) -> Self {
        workshop.online.fetch_add(1, Ordering::SeqCst);
        Self(workshop)
    }
}

impl Drop for Online<'_> {
    fn drop(&mut self) {
        if self.0.online.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.ring();
        }
    }
}

impl Workshop {
    /// Sets the workshop up; it proves for members whose secrets `custody` opens.
    #[must_use]
    pub fn new(
        circuits: Arc<Circuits>,
        group: Arc<Group>,
        schedule: EpochSchedule,
        custody: Option<Arc<Custody>>,
        metrics: Arc<Metrics>,
        policy: HotPolicy,
    ) -> Self {
        let (members, online) = (Mutex::default(), AtomicUsize::default());
        let (wishes, bell) = (Mutex::default(), Condvar::new());
        Self { circuits, group, schedule, custody, metrics, policy, members, online, wishes, bell }
    }

    /// Makes a job's proof, in the frame of zerokit 3.0: some 10 ms for a known member, some 30 ms
    /// for one never seen, on one core.
    ///
    /// # Errors
    ///
    /// [`FailReason`].
    pub fn prove(&self, job: &Job, member: &Arc<MemberRecord>) -> Result<Vec<u8>, FailReason> {
        let _online = Online::begin(self);
        let started = Instant::now();
        let proof = self.proof(job, member)?;
        self.metrics.proof.observe(started.elapsed());
        self.metrics.proofs.add(1);
        Ok(proof.to_bytes())
    }

    fn proof(&self, job: &Job, member: &Arc<MemberRecord>) -> Result<RlnProof, FailReason> {
        let reservation = job.reservation;
        let signal = Fr::from_bytes(&job.signal).ok().and_then(Signal::from_field);
        let signal = signal.ok_or(FailReason::Prover)?;
        let place = self.group.place(member).ok_or(FailReason::MemberGone)?;
        let limit = MessageLimit::new(member.limit).map_err(|_| FailReason::Prover)?;
        let external = self.schedule.external_nullifier(reservation.epoch);
        if reservation.count > 1 {
            return self.burn_several(&place, limit, external, signal, reservation);
        }
        let known = self.known(member, limit);
        let prepared = self.prepared(&known, &place)?;
        known.lock().note_use(reservation.epoch);
        let prover = self.circuits.single();
        let id = limit.id(reservation.first).map_err(|_| FailReason::Prover)?;
        let mut rng = os_seeded().map_err(|_| FailReason::Prover)?;
        let message = Message::new(external, signal, id);
        prover.finish(prepared.partial(), &message, &mut rng).map_err(|_| FailReason::Prover)
    }

    /// One proof for several message ids, from nothing.
    fn burn_several(
        &self,
        place: &Place,
        limit: MessageLimit,
        external: ExternalNullifier,
        signal: Signal,
        reservation: Reservation,
    ) -> Result<RlnProof, FailReason> {
        let (prover, _) = self.circuits.multi();
        let slots = u8::try_from(prover.circuit().slots()).map_err(|_| FailReason::Prover)?;
        let ids: Result<Vec<_>, _> = reservation.ids().map(|id| limit.id(id)).collect();
        let ids = ids.map_err(|_| FailReason::Prover)?;
        let ids = MessageIds::burn(&ids, slots).map_err(|_| FailReason::Prover)?;
        let membership = self.membership(place)?;
        let mut rng = os_seeded().map_err(|_| FailReason::Prover)?;
        let message = Message::new(external, signal, ids);
        prover.prove(&membership, &message, &mut rng).map_err(|_| FailReason::Prover)
    }

    /// Opens the member's secret. It lives as long as the membership does: through one proof.
    fn membership(&self, place: &Place) -> Result<Membership, FailReason> {
        let member = &place.member;
        let (custody, sealed) =
            self.custody.as_ref().zip(member.sealed.as_ref()).ok_or(FailReason::NoSecret)?;
        let identity =
            custody.open(sealed, member.member, &member.name).map_err(|_| FailReason::NoSecret)?;
        let limit = MessageLimit::new(member.limit).map_err(|_| FailReason::Prover)?;
        Ok(Membership::new(identity.secret().duplicate(), limit, place.path.clone()))
    }

    /// What is kept of a member; makes room for it if need be.
    fn known(&self, member: &Arc<MemberRecord>, limit: MessageLimit) -> Arc<Known> {
        let mut members = self.members();
        members.uses += 1;
        let (uses, key) = (members.uses, member.member);
        if !members.known.contains_key(&key) && members.known.len() >= self.policy.members {
            let oldest = members.known.iter().min_by_key(|(_, known)| known.lock().used);
            if let Some(oldest) = oldest.map(|(member, _)| *member) {
                members.known.remove(&oldest);
            }
        }
        let new = || {
            let (member, work) = (Arc::clone(member), Mutex::default());
            Arc::new(Known { member, limit, work })
        };
        let known = members.known.entry(key).or_insert_with(new);
        if known.member != *member {
            // Its leaf is another one now; what was prepared is of the old one.
            *known = new();
        }
        known.lock().used = uses;
        Arc::clone(known)
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of the member under an accepted root; made, or refreshed, if there is none.
    fn prepared(&self, known: &Known, place: &Place) -> Result<Prepared, FailReason> {
        let kept = known.lock().prepared.clone();
        let prover = self.circuits.single();
        let prepared = match kept {
            Some(kept) if self.group.accepts(&kept.partial().root()) => return Ok(kept),
            Some(Prepared::Factory(factory)) => {
                let factory = factory.refresh(prover, place.path.clone());
                Prepared::Factory(Arc::new(factory.map_err(|_| FailReason::Prover)?))
            }
            Some(Prepared::Partial(partial)) => {
                let partial = prover.refresh(&partial, place.path.clone());
                Prepared::Partial(Arc::new(partial.map_err(|_| FailReason::Prover)?))
            }
            None => {
                let partial = prover.partial(&self.membership(place)?);
                Prepared::Partial(Arc::new(partial.map_err(|_| FailReason::Prover)?))
            }
        };
        known.lock().prepared = Some(prepared.clone());
        Ok(prepared)
    }
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
