//! What hot members have ahead: message ids that are burnt already, and slots for them.
//!
//! An id enters the stock when its reservation is durable, and leaves it once, with its slot. So a
//! proof from the stock needs no reservation of its own, and no instance can come to the same id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use logos_crypto::Fr;
use logos_rln::{
    BurntIds, ExternalNullifier, IdLedger, MessageIds, Signal, Slot, SlotFactory, burn,
};

use super::{Known, Online, Prepared, Workshop};
use crate::prover::epoch::Epoch;
use crate::prover::job::Submission;
use crate::prover::registry::MemberRecord;
use crate::prover::reservation::{MemberKey, Reservation};
use crate::random::os_seeded;

/// The ids that are ahead in one epoch.
#[derive(Debug, Default)]
pub(super) struct Stock {
    epoch: Epoch,
    /// Without a slot.
    bare: BTreeSet<u32>,
    /// For which a slot is being made.
    making: BTreeSet<u32>,
    /// With a slot.
    ready: BTreeMap<u32, Slot>,
    /// Is somebody reserving more, or were they refused in this epoch?
    asked: bool,
}

impl Stock {
    /// Forgets what is of epochs before `now`.
    fn turn_to(&mut self, now: Epoch) {
        if self.epoch < now {
            *self = Self { epoch: now, ..Self::default() };
        }
    }

    fn len(&self) -> usize {
        self.bare.len() + self.making.len() + self.ready.len()
    }
}

/// A message id that is burnt, and its slot.
#[derive(Debug)]
pub struct Ready {
    /// The id.
    pub reservation: Reservation,
    known: Arc<Known>,
    slot: Slot,
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

/// A slot that is to be made.
struct Wish {
    known: Arc<Known>,
    epoch: Epoch,
    id: u32,
}

impl Workshop {
    /// Tells those who work ahead that there may be something to do.
    pub(super) fn ring(&self) {
        let mut wishes = self.wishes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *wishes = wishes.wrapping_add(1);
        self.bell.notify_all();
    }

    fn find(&self, member: MemberKey) -> Option<Arc<Known>> {
        self.members().known.get(&member).cloned()
    }

    /// A member who should have more ids ahead in the epoch `now`. Whoever asks answers with
    /// [`Workshop::stock`] or [`Workshop::refuse`]; until then the member is not named again.
    #[must_use]
    pub fn wants_ids(&self, now: Epoch) -> Option<Arc<MemberRecord>> {
        let enough = usize::try_from(self.policy.slots / 2).unwrap_or(usize::MAX);
        self.members().known.values().find_map(|known| {
            let mut work = known.lock();
            let is_hot = work.epoch == now && work.proofs >= self.policy.after;
            work.stock.turn_to(now);
            if !is_hot || work.stock.asked || work.stock.len() > enough {
                return None;
            }
            work.stock.asked = true;
            Some(Arc::clone(&known.member))
        })
    }

    /// Ids that a hot member should have ahead, if it has so many left.
    #[must_use]
    pub fn ids_ahead(&self, left: u32) -> u32 {
        // A quarter, so that what one instance holds is not missing at another.
        self.policy.slots.min(left / 4)
    }

    /// Takes in ids whose reservation is durable.
    pub fn stock(&self, reservation: Reservation) {
        let Some(known) = self.find(reservation.member) else { return };
        {
            let mut work = known.lock();
            work.stock.turn_to(reservation.epoch);
            if work.stock.epoch == reservation.epoch {
                work.stock.bare.extend(reservation.ids());
            }
            work.stock.asked = false;
        }
        self.ring();
    }

    /// The member gets no more ids ahead in its epoch.
    pub fn refuse(&self, member: MemberKey) {
        if let Some(known) = self.find(member) {
            known.lock().stock.asked = true;
        }
    }

    /// How many burnt ids of a member wait here for a message.
    #[must_use]
    pub fn ahead(&self, member: MemberKey, epoch: Epoch) -> u32 {
        let Some(known) = self.find(member) else { return 0 };
        let work = known.lock();
        let ahead = if work.stock.epoch == epoch { work.stock.len() } else { 0 };
        u32::try_from(ahead).unwrap_or(u32::MAX)
    }

    /// Takes an id with a slot under an accepted root, if there is one for the submission.
    #[must_use]
    pub fn take(&self, submission: &Submission) -> Option<Ready> {
        if submission.wanted.count != 1 {
            return None;
        }
        let (member, epoch) = (submission.member, submission.wanted.epoch);
        let known = self.find(member)?;
        let taken = {
            let mut work = known.lock();
            if work.stock.epoch != epoch {
                return None;
            }
            work.note_use(epoch);
            self.take_slot(&mut work.stock)
        };
        self.ring();
        let (first, slot) = taken?;
        Some(Ready { reservation: Reservation { member, epoch, first, count: 1 }, known, slot })
    }

    /// Takes an id without a slot, if there is one for the submission.
    #[must_use]
    pub fn take_bare(&self, submission: &Submission) -> Option<Reservation> {
        let (member, epoch) = (submission.member, submission.wanted.epoch);
        let known = self.find(member)?;
        let mut work = known.lock();
        if work.stock.epoch != epoch {
            return None;
        }
        let first = work.stock.bare.pop_first()?;
        Some(Reservation { member, epoch, first, count: 1 })
    }

    /// Slots under old roots go; their ids, which nobody has seen, get new ones.
    fn take_slot(&self, stock: &mut Stock) -> Option<(u32, Slot)> {
        while let Some((id, slot)) = stock.ready.pop_first() {
            if self.group.accepts(&slot.root()) {
                return Some((id, slot));
            }
            stock.bare.insert(id);
        }
        None
    }

    /// Makes the proof of a submission from what was taken: a fraction of a millisecond. `None`
    /// if it cannot be made; the id is lost then.
    #[must_use]
    pub fn prove_ready(&self, ready: Ready, submission: &Submission) -> Option<Vec<u8>> {
        let _online = Online::begin(self);
        let started = Instant::now();
        let Ready { reservation, known, slot } = ready;
        let signal = Fr::from_bytes(&submission.signal).ok().and_then(Signal::from_field)?;
        let external = self.schedule.external_nullifier(reservation.epoch);
        let burnt = burnt(reservation, &known, external)?;
        let proof = slot.prove(self.circuits.single(), burnt, signal).ok()?;
        self.metrics.proof.observe(started.elapsed());
        self.metrics.from_slots.add(1);
        self.metrics.proofs.add(1);
        Some(proof.to_bytes())
    }

    /// Makes one slot that a hot member will want, if there is one and nobody waits for a proof;
    /// returns whether it did. Some 10 ms.
    #[must_use]
    pub fn make_a_slot(&self, now: Epoch) -> bool {
        if self.online.load(std::sync::atomic::Ordering::SeqCst) > 0 {
            return false;
        }
        let Some(wish) = self.wish(now) else { return false };
        let slot = self.slot(&wish);
        let mut work = wish.known.lock();
        work.stock.making.remove(&wish.id);
        if work.stock.epoch != wish.epoch {
            return true;
        }
        // Without a slot the id is lost: trying it for ever would help nobody.
        if let Some(slot) = slot {
            work.stock.ready.insert(wish.id, slot);
            self.metrics.slots.add(1);
        }
        true
    }

    /// Who should have a slot made, and for which id.
    fn wish(&self, now: Epoch) -> Option<Wish> {
        self.members().known.values().find_map(|known| {
            let mut work = known.lock();
            work.stock.turn_to(now);
            let id = work.stock.bare.pop_first()?;
            work.stock.making.insert(id);
            Some(Wish { known: Arc::clone(known), epoch: work.stock.epoch, id })
        })
    }

    fn slot(&self, wish: &Wish) -> Option<Slot> {
        let Wish { known, epoch, id } = wish;
        let prover = self.circuits.single();
        let place = self.group.place(&known.member)?;
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
        factory.make(prover, external, &ids, &mut rng).ok()
    }
}

fn burnt(reservation: Reservation, known: &Known, external: ExternalNullifier) -> Option<BurntIds> {
    let id = known.limit.id(reservation.first).ok()?;
    burn(&mut Reserved(Some(reservation)), external, &[id]).ok()
}
