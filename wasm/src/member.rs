//! A member who sends: slots ready ahead, and an account of used message ids.

use logos_rln::{
    ExternalNullifier, MemoryLedger, MessageId, PoolPolicy, Signal, SlotFactory, SlotPool, burn,
    next_id,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::arguments::{MAX_BYTES, bytes, integer};
use crate::error::{Code, Error};
use crate::identity::Identity;
use crate::names::epoch;
use crate::prover::{Prover, membership};
use crate::random::generator;

/// The most slots kept for one epoch.
const MAX_SLOTS: u32 = 256;

/// A member under one root, with slots for the current epoch and the next.
///
/// The account of used ids lives as long as this handle. Whoever outlives it passes the first free
/// id to [`Member::enter`], and stores it before a proof leaves.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Member {
    factory: SlotFactory,
    limit: logos_rln::MessageLimit,
    ledger: MemoryLedger,
    pool: SlotPool,
    current: Option<ExternalNullifier>,
}

#[wasm_bindgen]
impl Member {
    /// Does the part that all slots share. `ahead` slots are kept ready, for this epoch and for
    /// the next.
    ///
    /// # Errors
    ///
    /// `argument`, `encoding`, `limit`, `tree` or `proof`.
    #[wasm_bindgen(js_name = create)]
    pub fn new(
        prover: &Prover,
        identity: &Identity,
        limit: &JsValue,
        path: &JsValue,
        ahead: &JsValue,
    ) -> Result<Self, Error> {
        let ahead = integer(ahead, "slots", MAX_SLOTS)? as usize;
        let membership = membership(identity, limit, path)?;
        let limit = membership.limit();
        let factory = SlotFactory::new(&prover.0, &membership)?;
        let pool = SlotPool::new(PoolPolicy { current: ahead, next: ahead }, limit.get());
        Ok(Self { factory, limit, ledger: MemoryLedger::default(), pool, current: None })
    }

    /// Starts an epoch whose first `free` message ids are used already.
    ///
    /// # Errors
    ///
    /// `argument` or `encoding`.
    pub fn enter(
        &mut self,
        current: &JsValue,
        next: &JsValue,
        free: &JsValue,
    ) -> Result<(), Error> {
        let (current, next) = (epoch(current)?, epoch(next)?);
        let free = integer(free, "free", u32::MAX)?;
        logos_rln::IdLedger::burn_below(&mut self.ledger, current, free)
            .map_err(logos_rln::BurnError::Ledger)?;
        let Ok(free) = logos_rln::IdLedger::first_free(&self.ledger, current);
        self.pool.enter(current, next, free);
        self.current = Some(current);
        Ok(())
    }

    /// Makes one slot if one is wanted. Was one made?
    ///
    /// # Errors
    ///
    /// `proof` or `randomness`.
    #[wasm_bindgen(js_name = makeSlot)]
    pub fn make_slot(&mut self, prover: &Prover) -> Result<bool, Error> {
        let Some(wanted) = self.pool.wanted() else { return Ok(false) };
        let id = self.limit.id(wanted.id)?;
        let slot = self.factory.make(&prover.0, wanted.epoch, &id.into(), &mut generator()?)?;
        self.pool.insert(slot);
        Ok(true)
    }

    /// Slots ready for this epoch.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    pub fn ready(&self) -> Result<f64, Error> {
        Ok(u32::try_from(self.pool.ready()).map_or(f64::NAN, f64::from))
    }

    /// The message id that [`Member::prove`] will use up. Whoever keeps the account durably stores
    /// its successor first.
    ///
    /// # Errors
    ///
    /// `exhausted` if the epoch has none left, `argument` before an epoch was entered.
    #[wasm_bindgen(js_name = nextId)]
    pub fn next_id(&self) -> Result<f64, Error> {
        Ok(f64::from(self.free_id()?.get()))
    }

    /// Proves a message with the next id: at once from a slot, or in some tenths of a second.
    ///
    /// # Errors
    ///
    /// As [`Member::next_id`], `proof` or `randomness`. After an error from here on the id counts
    /// as used.
    pub fn prove(&mut self, prover: &Prover, message: &JsValue) -> Result<Vec<u8>, Error> {
        let signal = Signal::from_message(&bytes(message, "message", MAX_BYTES)?);
        let (id, epoch) = (self.free_id()?, self.epoch()?);
        let slot = self.pool.take();
        let burnt = burn(&mut self.ledger, epoch, &[id])?;
        let proof = match slot.filter(|slot| slot.ids() == [id.get()]) {
            Some(slot) => slot.prove(&prover.0, burnt, signal)?,
            None => {
                let message = logos_rln::Message::new(epoch, signal, id);
                self.pool.skip_to(id.get().saturating_add(1));
                self.finish(&prover.0, &message)?
            }
        };
        Ok(proof.to_bytes())
    }

    /// Brings the member to another root, after somebody joined or left; slots are made anew.
    ///
    /// # Errors
    ///
    /// `argument`, `encoding` or `proof`.
    pub fn refresh(&mut self, prover: &Prover, path: &JsValue) -> Result<(), Error> {
        let path = logos_rln::MerklePath::from_bytes(
            &bytes(path, "path", MAX_BYTES)?,
            logos_rln::wire::ByteOrder::Little,
        )?;
        self.factory = self.factory.refresh(&prover.0, path)?;
        let root = self.factory.root();
        self.pool.retain_roots(|accepted| *accepted == root);
        Ok(())
    }

    /// The root that proofs are made under, 32 bytes.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    pub fn root(&self) -> Result<Vec<u8>, Error> {
        Ok(self.factory.root().to_bytes().to_vec())
    }
}

impl Member {
    fn epoch(&self) -> Result<ExternalNullifier, Error> {
        self.current.ok_or_else(|| Error::new(Code::Argument, "no epoch was entered"))
    }

    fn free_id(&self) -> Result<MessageId, Error> {
        Ok(next_id(&self.ledger, self.epoch()?, self.limit)?)
    }

    fn finish(
        &self,
        prover: &logos_rln::Prover,
        message: &logos_rln::Message,
    ) -> Result<logos_rln::RlnProof, Error> {
        Ok(prover.finish(self.factory.partial(), message, &mut generator()?)?)
    }
}
