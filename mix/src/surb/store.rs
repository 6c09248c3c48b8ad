//! The keys of reply blocks that are out.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use logos_crypto::tick::Tick;
use thiserror::Error;

use super::{SurbId, SurbKeys};

/// Names the blocks that were sent together, of which one reply is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SurbGroup(pub u64);

/// There is no room for more keys.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("too many reply blocks are out")]
pub struct StoreFull;

/// Keys of the reply blocks a node gave out, until a reply comes or their time is over.
///
/// A block's keys are taken out by the reply, so a second one under the same identifier finds
/// nothing. Blocks die with the mix keys of their route: the lifetime should be below the period
/// in which nodes accept an old key.
#[derive(Debug)]
pub struct SurbStore {
    keys: BTreeMap<SurbId, (SurbGroup, SurbKeys)>,
    groups: BTreeMap<SurbGroup, (Tick, Vec<SurbId>)>,
    next: u64,
    lifetime: Duration,
    capacity: usize,
}

impl SurbStore {
    /// An empty store for `capacity` blocks that live for `lifetime`.
    #[must_use]
    pub const fn new(lifetime: Duration, capacity: usize) -> Self {
        Self { keys: BTreeMap::new(), groups: BTreeMap::new(), next: 0, lifetime, capacity }
    }

    /// Keeps the keys of blocks that go out together.
    ///
    /// # Errors
    ///
    /// [`StoreFull`] if there is no room for all; nothing is kept then.
    pub fn insert(
        &mut self,
        now: Tick,
        keys: impl IntoIterator<Item = SurbKeys>,
    ) -> Result<SurbGroup, StoreFull> {
        let keys: Vec<_> = keys.into_iter().collect();
        if self.keys.len().saturating_add(keys.len()) > self.capacity {
            return Err(StoreFull);
        }
        let group = SurbGroup(self.next);
        self.next = self.next.wrapping_add(1);
        let ids = keys.iter().map(SurbKeys::id).collect();
        self.groups.insert(group, (now + self.lifetime, ids));
        self.keys.extend(keys.into_iter().map(|keys| (keys.id(), (group, keys))));
        Ok(group)
    }

    /// Takes out the keys of one block.
    pub fn take(&mut self, id: SurbId) -> Option<(SurbGroup, SurbKeys)> {
        let (group, keys) = self.keys.remove(&id)?;
        if let Some((_, ids)) = self.groups.get_mut(&group) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.groups.remove(&group);
            }
        }
        Some((group, keys))
    }

    /// Wipes the keys of a group, as after its first reply; gives how many there were.
    pub fn discard(&mut self, group: SurbGroup) -> usize {
        let ids = self.groups.remove(&group).map_or_else(Vec::new, |(_, ids)| ids);
        ids.iter().filter(|id| self.keys.remove(id).is_some()).count()
    }

    /// Wipes the groups whose time is over; gives them.
    pub fn handle_timeout(&mut self, now: Tick) -> Vec<SurbGroup> {
        let over = self.groups.iter().filter(|(_, (deadline, _))| *deadline <= now);
        let over: Vec<_> = over.map(|(group, _)| *group).collect();
        for group in &over {
            self.discard(*group);
        }
        over
    }

    /// When [`SurbStore::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        // Groups of one lifetime end in the order they came.
        self.groups.values().next().map(|(deadline, _)| *deadline)
    }

    /// Blocks that are out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no block is out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::{AddressBlock, Hop, MeanDelay, MixSecret, Route, Sphinx};

    fn keys(n: usize) -> Vec<SurbKeys> {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let key = MixSecret::random(&mut rng).public_key();
        let hop = Hop { key, address: AddressBlock::NONE, delay: MeanDelay::MIN };
        let route = Route::new(std::vec![hop]).unwrap();
        (0..n).map(|_| Sphinx::default().create_surb(&route, &mut rng).1).collect()
    }

    #[test]
    fn a_block_answers_once_and_its_group_can_be_discarded() {
        let mut store = SurbStore::new(Duration::from_secs(10), 5);
        let all = keys(3);
        let ids: Vec<_> = all.iter().map(SurbKeys::id).collect();
        let group = store.insert(Tick::ORIGIN, all).unwrap();
        assert_eq!(
            store.take(ids[0]).map(|(group, keys)| (group, keys.id())),
            Some((group, ids[0]))
        );
        assert!(store.take(ids[0]).is_none());
        assert_eq!(store.discard(group), 2);
        assert!(store.is_empty() && store.next_deadline().is_none());
    }

    #[test]
    fn blocks_are_bounded_in_number_and_time() {
        let mut store = SurbStore::new(Duration::from_secs(10), 5);
        let group = store.insert(Tick::ORIGIN, keys(3)).unwrap();
        assert_eq!(store.insert(Tick::ORIGIN, keys(3)), Err(StoreFull));
        assert_eq!(store.len(), 3);
        let deadline = store.next_deadline().unwrap();
        assert_eq!(store.handle_timeout(deadline), [group]);
        assert!(store.is_empty());
    }
}
