//! Making proofs: cold members from nothing, known ones from their partial proof, hot ones from
//! slots that were made in idle time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use logos_crypto::Fr;
use logos_rln::{
    BurntIds, ExternalNullifier, IdLedger, KeyHash, Membership, Message, MessageIds, MessageLimit,
    PartialProof, Prover, RlnProof, Signal, Slot, SlotFactory, Verifier, burn,
};

use super::custody::Custody;
use super::epoch::{Epoch, EpochSchedule};
use super::group::{Group, Place};
use super::job::{FailReason, Job};
use super::metrics::Metrics;
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
    /// Slots that are kept ready for a member who asks often.
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
    limit: MessageLimit,
    work: Mutex<Work>,
}

#[derive(Debug, Default)]
struct Work {
    used: u64,
    prepared: Option<Prepared>,
    slots: HashMap<(Epoch, u32), Slot>,
    /// Slots that somebody is making.
    making: HashSet<(Epoch, u32)>,
    /// The epoch of the last proof, how many were made in it, and the id that comes next.
    epoch: Epoch,
    proofs: u32,
    next: u32,
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

/// A reservation that is durable, as the token that proving asks for.
struct Reserved(Option<Reservation>);

impl IdLedger for Reserved {
    type Error = ();

    fn first_free(&self, _: ExternalNullifier) -> Result<u32, ()> {
        self.0.map(|reservation| reservation.first).ok_or(())
    }

    fn burn_below(&mut self, _: ExternalNullifier, to: u32) -> Result<(), ()> {
        let reservation = self.0.take().ok_or(())?;
        if to <= reservation.first + reservation.count { Ok(()) } else { Err(()) }
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
        let members = Mutex::default();
        Self { circuits, group, schedule, custody, metrics, policy, members }
    }

    /// Makes a job's proof, in the frame of zerokit 3.0: 0.2 ms from a slot, some 10 ms for a
    /// known member, some 30 ms for one never seen, on one core.
    ///
    /// # Errors
    ///
    /// [`FailReason`].
    pub fn prove(&self, job: &Job) -> Result<Vec<u8>, FailReason> {
        let started = Instant::now();
        let proof = self.proof(job)?;
        self.metrics.proof.observe(started.elapsed());
        self.metrics.proofs.add(1);
        Ok(proof.to_bytes())
    }

    fn proof(&self, job: &Job) -> Result<RlnProof, FailReason> {
        let reservation = job.reservation;
        let signal = Fr::from_bytes(&job.signal).ok().and_then(Signal::from_field);
        let signal = signal.ok_or(FailReason::Prover)?;
        let place = self.group.place(reservation.member).ok_or(FailReason::MemberGone)?;
        let limit = MessageLimit::new(place.member.limit).map_err(|_| FailReason::Prover)?;
        let external = self.schedule.external_nullifier(reservation.epoch);
        if reservation.count > 1 {
            return self.burn_several(&place, limit, external, signal, reservation);
        }
        let known = self.known(reservation.member, limit);
        let slot = note_use(&known, reservation, &self.group);
        let prover = self.circuits.single();
        if let Some(slot) = slot {
            let burnt = burnt(reservation, limit, external)?;
            if let Ok(proof) = slot.prove(prover, burnt, signal) {
                self.metrics.from_slots.add(1);
                return Ok(proof);
            }
        }
        let prepared = self.prepared(&known, &place)?;
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
    fn known(&self, member: MemberKey, limit: MessageLimit) -> Arc<Known> {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.uses += 1;
        let uses = members.uses;
        if !members.known.contains_key(&member) && members.known.len() >= self.policy.members {
            let oldest = members.known.iter().min_by_key(|(_, known)| known.lock().used);
            if let Some(oldest) = oldest.map(|(member, _)| *member) {
                members.known.remove(&oldest);
            }
        }
        let known = members
            .known
            .entry(member)
            .or_insert_with(|| Arc::new(Known { limit, work: Mutex::default() }));
        known.lock().used = uses;
        Arc::clone(known)
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

    /// Makes one slot that a hot member will want, if there is one; returns whether there was.
    /// This is what workers do when the queue is empty: some 10 ms.
    pub fn make_a_slot(&self, now: Epoch) -> bool {
        let Some(wish) = self.wish(now) else { return false };
        let made = self.fulfil(&wish).is_some();
        wish.known.lock().making.remove(&(wish.epoch, wish.id));
        made
    }

    /// Who should have a slot made, and for which id.
    fn wish(&self, now: Epoch) -> Option<Wish> {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.known.iter().find_map(|(member, known)| {
            let mut work = known.lock();
            work.slots.retain(|(epoch, _), _| *epoch >= now);
            work.making.retain(|(epoch, _)| *epoch >= now);
            if work.epoch < now || work.proofs < self.policy.after || work.prepared.is_none() {
                return None;
            }
            let (epoch, next) = (work.epoch, work.next);
            let ids = next..next.saturating_add(self.policy.slots).min(known.limit.get());
            let is_free = |id: &u32| {
                let slot = (epoch, *id);
                !work.slots.contains_key(&slot) && !work.making.contains(&slot)
            };
            let id = ids.into_iter().find(is_free)?;
            work.making.insert((epoch, id));
            Some(Wish { member: *member, known: Arc::clone(known), epoch, id })
        })
    }

    fn fulfil(&self, wish: &Wish) -> Option<()> {
        let Wish { member, known, epoch, id } = wish;
        let prover = self.circuits.single();
        let place = self.group.place(*member)?;
        let factory = match self.prepared(known, &place).ok()? {
            Prepared::Factory(factory) => factory,
            Prepared::Partial(_) => {
                let membership = self.membership(&place).ok()?;
                let factory = Arc::new(SlotFactory::new(prover, &membership).ok()?);
                known.lock().prepared = Some(Prepared::Factory(Arc::clone(&factory)));
                factory
            }
        };
        let mut rng = os_seeded().ok()?;
        let ids = MessageIds::Single(known.limit.id(*id).ok()?);
        let external = self.schedule.external_nullifier(*epoch);
        let slot = factory.make(prover, external, &ids, &mut rng).ok()?;
        known.lock().slots.insert((*epoch, *id), slot);
        self.metrics.slots.add(1);
        Some(())
    }
}

struct Wish {
    member: MemberKey,
    known: Arc<Known>,
    epoch: Epoch,
    id: u32,
}

impl Known {
    fn lock(&self) -> std::sync::MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that an id is used now, and takes its slot if there is one under an accepted root.
fn note_use(known: &Known, reservation: Reservation, group: &Group) -> Option<Slot> {
    let mut work = known.lock();
    if work.epoch < reservation.epoch {
        work.epoch = reservation.epoch;
        (work.proofs, work.next) = (0, 0);
    }
    if work.epoch == reservation.epoch {
        work.proofs += 1;
        work.next = work.next.max(reservation.first + reservation.count);
    }
    let slot = work.slots.remove(&(reservation.epoch, reservation.first))?;
    let (epoch, next) = (work.epoch, work.next);
    work.slots.retain(|(of, id), _| *of > epoch || (*of == epoch && *id >= next));
    group.accepts(&slot.root()).then_some(slot)
}

fn burnt(
    reservation: Reservation,
    limit: MessageLimit,
    external: ExternalNullifier,
) -> Result<BurntIds, FailReason> {
    let id = limit.id(reservation.first).map_err(|_| FailReason::Prover)?;
    burn(&mut Reserved(Some(reservation)), external, &[id]).map_err(|_| FailReason::Prover)
}
