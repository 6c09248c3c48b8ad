//! Which slots to have ready.

use alloc::collections::{BTreeMap, VecDeque};

use logos_crypto::Fr;

use super::Slot;
use crate::epoch::ExternalNullifier;

/// How many slots to keep ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolPolicy {
    /// Slots for the current epoch.
    pub current: usize,
    /// Slots for the next epoch, made when the current one has enough.
    pub next: usize,
}

impl Default for PoolPolicy {
    /// Four now, four ahead.
    fn default() -> Self {
        Self { current: 4, next: 4 }
    }
}

/// A slot somebody should make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// For this epoch.
    pub epoch: ExternalNullifier,
    /// With this message id.
    pub id: u32,
}

/// The slots of one member that are ready, and those that should be. Sans-IO: the caller makes
/// what [`SlotPool::wanted`] names on a thread of its own and puts it in.
///
/// # Examples
///
/// ```
/// use logos_rln::{ExternalNullifier, PoolPolicy, SlotPool, Wanted};
///
/// let now = ExternalNullifier::new(b"1", b"chat");
/// let next = ExternalNullifier::new(b"2", b"chat");
/// let mut pool = SlotPool::new(PoolPolicy { current: 2, next: 1 }, 10);
/// pool.enter(now, next, 0);
/// assert_eq!(pool.wanted(), Some(Wanted { epoch: now, id: 0 }));
/// ```
#[derive(Debug)]
pub struct SlotPool {
    policy: PoolPolicy,
    limit: u32,
    current: Option<ExternalNullifier>,
    next: Option<ExternalNullifier>,
    epochs: BTreeMap<ExternalNullifier, Ready>,
}

/// The slots of one epoch, in ascending order of id.
#[derive(Debug, Default)]
struct Ready {
    /// Ids below this are burnt.
    free: u32,
    slots: VecDeque<(u32, Slot)>,
}

impl Ready {
    /// The lowest id that has no slot.
    fn missing(&self) -> u32 {
        self.slots.iter().fold(self.free, |id, (ready, _)| if *ready == id { id + 1 } else { id })
    }
}

impl SlotPool {
    /// A pool for a member with `limit` messages an epoch.
    #[must_use]
    pub const fn new(policy: PoolPolicy, limit: u32) -> Self {
        Self { policy, limit, current: None, next: None, epochs: BTreeMap::new() }
    }

    /// Starts an epoch whose first `free` ids are burnt; slots of epochs past are dropped, those
    /// made ahead are kept.
    pub fn enter(&mut self, current: ExternalNullifier, next: ExternalNullifier, free: u32) {
        self.current = Some(current);
        self.next = Some(next);
        self.epochs.retain(|epoch, _| *epoch == current || *epoch == next);
        let ready = self.epochs.entry(current).or_default();
        ready.free = ready.free.max(free);
        ready.slots.retain(|(id, _)| *id >= free);
        self.epochs.entry(next).or_default();
    }

    /// The slot to make next, or `None` when enough are ready.
    #[must_use]
    pub fn wanted(&self) -> Option<Wanted> {
        let wants = [(self.current, self.policy.current), (self.next, self.policy.next)];
        wants.into_iter().find_map(|(epoch, count)| {
            let epoch = epoch?;
            let ready = self.epochs.get(&epoch)?;
            let id = ready.missing();
            (ready.slots.len() < count && id < self.limit).then_some(Wanted { epoch, id })
        })
    }

    /// Puts a slot of one message id in; returns it if nobody wants it any more.
    pub fn insert(&mut self, slot: Slot) -> Option<Slot> {
        let &[id] = slot.ids() else { return Some(slot) };
        let Some(ready) = self.epochs.get_mut(&slot.external_nullifier()) else {
            return Some(slot);
        };
        if id < ready.free || id >= self.limit {
            return Some(slot);
        }
        match ready.slots.binary_search_by_key(&id, |(ready, _)| *ready) {
            Ok(_) => Some(slot),
            Err(place) => {
                ready.slots.insert(place, (id, slot));
                None
            }
        }
    }

    /// Takes the slot with the lowest id of the current epoch. Burn its id, then prove.
    pub fn take(&mut self) -> Option<Slot> {
        let ready = self.epochs.get_mut(&self.current?)?;
        let (id, slot) = ready.slots.pop_front()?;
        ready.free = id + 1;
        Some(slot)
    }

    /// Tells that the ids below `free` of the current epoch were used without a slot; those of
    /// their slots that are ready are dropped.
    pub fn skip_to(&mut self, free: u32) {
        if let Some(ready) = self.current.and_then(|epoch| self.epochs.get_mut(&epoch)) {
            ready.free = ready.free.max(free);
            let free = ready.free;
            ready.slots.retain(|(id, _)| *id >= free);
        }
    }

    /// Slots ready for the current epoch.
    #[must_use]
    pub fn ready(&self) -> usize {
        let current = self.current.and_then(|epoch| self.epochs.get(&epoch));
        current.map_or(0, |ready| ready.slots.len())
    }

    /// Drops every slot whose root is no longer accepted.
    pub fn retain_roots(&mut self, accepted: impl Fn(&Fr) -> bool) {
        for ready in self.epochs.values_mut() {
            ready.slots.retain(|(_, slot)| accepted(&slot.root()));
        }
    }
}
