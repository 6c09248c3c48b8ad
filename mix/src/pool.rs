//! The nodes one knows, and the choice of a route among them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use logos_crypto::x25519::NotPrimeOrder;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::address::AddressBlock;
use crate::keys::MixKey;
use crate::route::{Hop, MeanDelay, Route, RouteError};

/// Why a node is not taken into the pool.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoolError {
    /// Its key is none that an honest node has.
    #[error(transparent)]
    BadKey(NotPrimeOrder),
    /// The pool holds as many nodes as it may.
    #[error("pool is full")]
    Full,
}

/// Why there is no route.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// The pool is smaller than the least that hides anything, or than the route needs.
    #[error("{have} mix nodes known where {need} are needed")]
    PoolTooSmall {
        /// Nodes in the pool, or those of them that may stand in the route.
        have: usize,
        /// Nodes needed.
        need: usize,
    },
    /// The profile and the end make no route.
    #[error(transparent)]
    Route(RouteError),
}

/// Mix nodes that are known and may be used.
///
/// # Examples
///
/// ```
/// use logos_mix::{AddressBlock, MixSecret, Pool};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::seed_from_u64(1);
/// let mut pool = Pool::new(4, 1000);
/// let node = MixSecret::random(&mut rng).public_key();
/// pool.insert(*node.as_bytes(), AddressBlock::from_bytes([1; 94]))?;
/// assert!(pool.insert([0; 32], AddressBlock::NONE).is_err());
/// assert!(!pool.is_usable());
/// # Ok::<(), logos_mix::PoolError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pool {
    nodes: BTreeMap<MixKey, AddressBlock>,
    // The keys in some order, to draw from.
    order: Vec<MixKey>,
    minimum: usize,
    capacity: usize,
}

impl Pool {
    /// An empty pool that gives routes from `minimum` nodes on and holds at most `capacity`.
    #[must_use]
    pub const fn new(minimum: usize, capacity: usize) -> Self {
        Self { nodes: BTreeMap::new(), order: Vec::new(), minimum, capacity }
    }

    /// Takes a node from the directory, or its new address.
    ///
    /// # Errors
    ///
    /// [`PoolError`] if the key is bad or there is no room.
    ///
    /// # Security
    ///
    /// Whoever fills the pool picks the routes: the directory has to be unbiased.
    pub fn insert(&mut self, key: [u8; 32], address: AddressBlock) -> Result<MixKey, PoolError> {
        let key = MixKey::from_bytes(key).map_err(PoolError::BadKey)?;
        if !self.nodes.contains_key(&key) {
            if self.nodes.len() >= self.capacity {
                return Err(PoolError::Full);
            }
            self.order.push(key);
        }
        self.nodes.insert(key, address);
        Ok(key)
    }

    /// Forgets a node; false if it was not known.
    pub fn remove(&mut self, key: &MixKey) -> bool {
        self.order.retain(|other| other != key);
        self.nodes.remove(key).is_some()
    }

    /// Nodes known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether no node is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether there are enough nodes to hide among.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.nodes.len() >= self.minimum
    }

    fn address(&self, key: &MixKey) -> Option<AddressBlock> {
        self.nodes.get(key).copied()
    }

    /// A uniform node that is not among `taken`.
    fn draw(
        &self,
        taken: &[MixKey],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<MixKey, PathError> {
        let free = |key: &&MixKey| !taken.contains(key);
        let n = self.order.iter().filter(free).count();
        let chosen = below(n, rng).and_then(|i| self.order.iter().filter(free).nth(i));
        chosen.copied().ok_or(PathError::PoolTooSmall { have: n, need: 1 })
    }
}

/// A uniform number below `n`; none if `n` is zero.
fn below(n: usize, rng: &mut (impl CryptoRng + ?Sized)) -> Option<usize> {
    // 64 more bits than needed: the bias is below 2^-64 for any pool.
    let wide = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    usize::try_from(wide.checked_rem(n as u128)?).ok()
}

/// How a path is drawn: for each hop from a small set that stays, or from the whole pool.
///
/// Fresh random hops for every packet mean that a node which corrupts a part of the network
/// stands at both ends of some packet of a long session almost surely. Sets that stay bound that
/// to the chance that the sets themselves are bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pinned: Vec<usize>,
    random: usize,
}

impl Profile {
    /// All hops from the whole pool.
    #[must_use]
    pub const fn uniform(hops: usize) -> Self {
        Self { pinned: Vec::new(), random: hops }
    }

    /// `5-R-R`: the first hop from five.
    #[must_use]
    pub fn lite() -> Self {
        Self { pinned: Vec::from([5]), random: 2 }
    }

    /// `5-5-R`: the first two hops from five each.
    #[must_use]
    pub fn standard() -> Self {
        Self { pinned: Vec::from([5, 5]), random: 1 }
    }

    /// `3-3-3-R`: four hops, the first three from three each.
    #[must_use]
    pub fn strict() -> Self {
        Self { pinned: Vec::from([3, 3, 3]), random: 1 }
    }

    /// Hops of a path.
    #[must_use]
    pub fn hops(&self) -> usize {
        self.pinned.len().saturating_add(self.random)
    }
}

/// Draws paths by a profile and keeps its pinned sets.
#[derive(Clone, Debug)]
pub struct PathSelector {
    profile: Profile,
    sets: Vec<Vec<MixKey>>,
}

/// What a route has to end in and avoid.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ends<'a> {
    /// The last hop, if it is not drawn: an exit, or the sender itself for replies and loops.
    pub last: Option<Hop>,
    /// Nodes that may not stand in the route.
    pub avoid: &'a [MixKey],
}

impl PathSelector {
    /// A selector whose sets are drawn when they are first needed.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        let sets = profile.pinned.iter().map(|_| Vec::new()).collect();
        Self { profile, sets }
    }

    /// A selector with the sets of an earlier one, so that a restart does not draw new ones.
    #[must_use]
    pub fn with_sets(profile: Profile, mut sets: Vec<Vec<MixKey>>) -> Self {
        sets.resize_with(profile.pinned.len(), Vec::new);
        Self { profile, sets }
    }

    /// The pinned sets, to be kept across restarts.
    #[must_use]
    pub fn sets(&self) -> &[Vec<MixKey>] {
        &self.sets
    }

    /// Draws a route of different nodes, each holding packets for `delay`.
    ///
    /// # Errors
    ///
    /// [`PathError`] if the pool is too small.
    pub fn select(
        &mut self,
        pool: &Pool,
        delay: MeanDelay,
        ends: Ends<'_>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Route, PathError> {
        let (have, need) = (pool.len(), pool.minimum.max(self.profile.hops()));
        if have < need {
            return Err(PathError::PoolTooSmall { have, need });
        }
        self.refill(pool, rng)?;
        let drawn = self.profile.hops().saturating_sub(usize::from(ends.last.is_some()));
        let last = ends.last.map(|hop| hop.key);
        let mut taken: Vec<_> = ends.avoid.iter().copied().chain(last).collect();
        let mut hops = Vec::with_capacity(self.profile.hops());
        for i in 0..drawn {
            let key = self.draw(i, pool, &taken, rng)?;
            let address = pool.address(&key).unwrap_or(AddressBlock::NONE);
            hops.push(Hop { key, address, delay });
            taken.push(key);
        }
        hops.extend(ends.last);
        Route::new(hops).map_err(PathError::Route)
    }

    /// A node for hop `i`: from its set if one of it is free, else from the pool.
    fn draw(
        &self,
        i: usize,
        pool: &Pool,
        taken: &[MixKey],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<MixKey, PathError> {
        let set = self.sets.get(i).into_iter().flatten();
        let free: Vec<_> = set.filter(|key| !taken.contains(key)).collect();
        match below(free.len(), rng).and_then(|i| free.get(i)) {
            Some(key) => Ok(**key),
            None => pool.draw(taken, rng),
        }
    }

    /// Replaces nodes of the sets that left the pool.
    fn refill(
        &mut self,
        pool: &Pool,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), PathError> {
        for (set, size) in self.sets.iter_mut().zip(&self.profile.pinned) {
            set.retain(|key| pool.nodes.contains_key(key));
            while set.len() < (*size).min(pool.len()) {
                set.push(pool.draw(set, rng)?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::keys::MixSecret;

    fn pool(n: usize, rng: &mut ChaCha20Rng) -> Pool {
        let mut pool = Pool::new(4, 100);
        for _ in 0..n {
            let key = MixSecret::random(rng).public_key();
            pool.insert(*key.as_bytes(), AddressBlock::from_bytes([1; 94])).unwrap();
        }
        pool
    }

    #[test]
    fn a_pool_too_small_says_so() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut selector = PathSelector::new(Profile::uniform(3));
        let error = selector
            .select(&pool(3, &mut rng), MeanDelay::MIN, Ends::default(), &mut rng)
            .unwrap_err();
        assert_eq!(error, PathError::PoolTooSmall { have: 3, need: 4 });
    }

    #[test]
    fn pinned_hops_stay_in_their_sets() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let pool = pool(60, &mut rng);
        for (profile, sizes) in [
            (Profile::lite(), std::vec![5, 60, 60]),
            (Profile::standard(), std::vec![5, 5, 60]),
            (Profile::strict(), std::vec![3, 3, 3, 60]),
        ] {
            let mut selector = PathSelector::new(profile);
            let mut seen = std::vec![BTreeSet::new(); sizes.len()];
            for _ in 0..600 {
                let route =
                    selector.select(&pool, MeanDelay::MIN, Ends::default(), &mut rng).unwrap();
                for (seen, hop) in seen.iter_mut().zip(route.hops()) {
                    seen.insert(hop.key);
                }
            }
            for (seen, size) in seen.iter().zip(sizes) {
                // A set may step aside when its members are taken by an earlier hop.
                assert!(seen.len() <= size && seen.len() * 10 >= size * 9, "{}", seen.len());
            }
            let again = PathSelector::with_sets(selector.profile.clone(), selector.sets().to_vec());
            assert_eq!(again.sets(), selector.sets());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_route_ends_where_it_should_and_repeats_nothing(seed: u64) {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let pool = pool(8, &mut rng);
            let me = MixSecret::random(&mut rng).public_key();
            let last = Hop { key: me, address: AddressBlock::NONE, delay: MeanDelay::MIN };
            let avoid = [pool.order[0]];
            for profile in [Profile::uniform(3), Profile::standard(), Profile::strict()] {
                let hops = profile.hops();
                let mut selector = PathSelector::new(profile);
                let ends = Ends { last: Some(last), avoid: &avoid };
                let route = selector.select(&pool, MeanDelay::MIN, ends, &mut rng).unwrap();
                prop_assert_eq!(route.hops().len(), hops);
                prop_assert_eq!(route.hops().last().unwrap().key, me);
                prop_assert!(route.hops().iter().all(|hop| hop.key != avoid[0]));
            }
        }
    }
}
