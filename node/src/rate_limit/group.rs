//! The members as a node knows them: their tree, the roots that count, and who was removed.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use logos_crypto::merkle::{DenseTree, Depth, DepthError, LeafIndex, MerkleTree, PoseidonHasher};
use logos_crypto::{Fr, poseidon};
use logos_rln::{IdentityCommitment, MerklePath, MessageLimit, RateCommitment};
use thiserror::Error;

use crate::backend::backend_or_portable;
use crate::rate_limit::UnixNanos;

/// A step in a group's history. Applied in one order by every node, changes give one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Leaves take the next places. A zero leaf keeps its place empty, and so does a leaf that had
    /// a place before: a membership is given out once.
    Append(Vec<RateCommitment>),
    /// The leaf at a place is emptied. Nothing happens if it is.
    Remove(u64),
}

/// Why a change does not fit the tree. The group is as it was.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupError {
    /// The tree has no room for so many more leaves.
    #[error("{wanted} leaves do not fit: {free} are free")]
    Full {
        /// Leaves to append.
        wanted: u64,
        /// Leaves there is room for.
        free: u64,
    },
    /// No member ever had that place.
    #[error("leaf {index} was never taken")]
    NoSuchLeaf {
        /// The place.
        index: u64,
    },
}

/// The membership tree and the window of roots that proofs may be made under.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::merkle::Depth;
/// use logos_node::rate_limit::{Change, Group, UnixNanos};
/// use logos_rln::RateCommitment;
///
/// let now = UnixNanos::from_secs(100);
/// let mut group = Group::new(Depth::RLN, now)?;
/// let empty = group.root();
/// let leaf = RateCommitment::from_field(Fr::from(7u64));
/// group.apply(&Change::Append(vec![leaf]), now)?;
/// assert!(group.is_acceptable(&empty) && group.is_acceptable(&group.root()));
/// assert_eq!(group.position(leaf), Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Group {
    tree: DenseTree<PoseidonHasher>,
    // Every leaf that ever had a place, and the place.
    places: HashMap<[u8; 32], u64>,
    // Newest first, at most WINDOW, each with its number in the history.
    roots: VecDeque<(u64, Fr)>,
    changed: UnixNanos,
    // When somebody was removed, and the number of the first root without them; oldest first.
    removals: VecDeque<(UnixNanos, u64)>,
}

impl Group {
    /// Roots that count: the current one and the fifty before it.
    pub const WINDOW: usize = 51;
    /// How long the roots from before a removal still count, for members whose provers have not
    /// heard of it yet.
    pub const GRACE: Duration = Duration::from_secs(60);
    /// Limits that are tried when a member is looked for by its secret.
    pub const MAX_LIMIT: u32 = 65_536;

    /// A group without members.
    ///
    /// # Errors
    ///
    /// [`DepthError`] if no tree of that depth is kept in memory.
    pub fn new(depth: Depth, now: UnixNanos) -> Result<Self, DepthError> {
        let tree = DenseTree::new(PoseidonHasher::new(backend_or_portable()), depth)?;
        let roots = VecDeque::from([(0, tree.root())]);
        let places = HashMap::new();
        Ok(Self { tree, places, roots, changed: now, removals: VecDeque::new() })
    }

    /// Applies a change: two hashes a leaf appended, one hash a level for a removal.
    ///
    /// # Errors
    ///
    /// One [`GroupError`] a reason.
    pub fn apply(&mut self, change: &Change, now: UnixNanos) -> Result<(), GroupError> {
        match change {
            Change::Append(leaves) => self.append(leaves, now),
            Change::Remove(index) if *index >= self.tree.used() => {
                Err(GroupError::NoSuchLeaf { index: *index })
            }
            Change::Remove(index) => {
                self.remove(*index, now);
                Ok(())
            }
        }
    }

    fn append(&mut self, leaves: &[RateCommitment], now: UnixNanos) -> Result<(), GroupError> {
        let (first, wanted) = (self.tree.used(), leaves.len() as u64);
        let free = self.tree.depth().capacity().saturating_sub(first);
        if wanted > free {
            return Err(GroupError::Full { wanted, free });
        }
        let placed: Vec<Fr> =
            (first..).zip(leaves).map(|(index, leaf)| self.take_place(*leaf, index)).collect();
        self.tree.append(&placed).map_err(|_| GroupError::Full { wanted, free })?;
        self.push_root(now);
        Ok(())
    }

    /// The leaf to put at `index`, which is empty for one that had a place before.
    fn take_place(&mut self, leaf: RateCommitment, index: u64) -> Fr {
        let leaf = leaf.to_field();
        if leaf.is_zero() || self.places.contains_key(&leaf.to_bytes()) {
            return Fr::ZERO;
        }
        self.places.insert(leaf.to_bytes(), index);
        leaf
    }

    /// Empties the leaf at `index`; says whether it held a member.
    fn remove(&mut self, index: u64, now: UnixNanos) -> bool {
        let place = LeafIndex::new(index);
        let held = self.tree.leaf(place).is_ok_and(|leaf| !leaf.is_zero());
        if held && self.tree.delete(place).is_ok() {
            self.push_root(now);
            let number = self.roots.front().map_or(0, |(number, _)| *number);
            self.removals.push_back((now, number));
        }
        held
    }

    /// Removes a member, or gives `None` if it has no place.
    pub fn remove_member(&mut self, leaf: RateCommitment, now: UnixNanos) -> Option<u64> {
        let index = self.position(leaf)?;
        self.remove(index, now).then_some(index)
    }

    fn push_root(&mut self, now: UnixNanos) {
        let (number, root) = (self.roots.front().map_or(0, |(n, _)| n + 1), self.tree.root());
        if self.roots.front().is_some_and(|(_, current)| *current == root) {
            return;
        }
        self.roots.truncate(Self::WINDOW - 1);
        self.roots.push_front((number, root));
        self.changed = now;
    }

    /// Forgets the roots from before removals that everybody has heard of by now.
    pub fn handle_time(&mut self, now: UnixNanos) {
        while let Some((removed, first_without)) = self.removals.front().copied() {
            if removed + Self::GRACE > now {
                return;
            }
            self.removals.pop_front();
            self.roots.retain(|(number, _)| *number >= first_without);
        }
    }

    /// The root of the tree as it is.
    #[must_use]
    pub fn root(&self) -> Fr {
        self.tree.root()
    }

    /// May a proof be made under `root`?
    #[must_use]
    pub fn is_acceptable(&self, root: &Fr) -> bool {
        self.age(root).is_some()
    }

    /// How many changes ago a root was current, if it still counts.
    #[must_use]
    pub fn age(&self, root: &Fr) -> Option<usize> {
        self.roots.iter().position(|(_, known)| known == root)
    }

    /// When the tree changed last.
    #[must_use]
    pub const fn changed(&self) -> UnixNanos {
        self.changed
    }

    /// The place of a member, or `None` if it was never one or was removed.
    #[must_use]
    pub fn position(&self, leaf: RateCommitment) -> Option<u64> {
        let index = *self.places.get(&leaf.to_field().to_bytes())?;
        (self.tree.leaf(LeafIndex::new(index)) == Ok(leaf.to_field())).then_some(index)
    }

    /// The way from a member's leaf to the root.
    #[must_use]
    pub fn path(&self, leaf: RateCommitment) -> Option<MerklePath> {
        let index = self.position(leaf)?;
        let siblings = self.tree.proof(LeafIndex::new(index)).ok()?.siblings().to_vec();
        MerklePath::new(siblings, index).ok()
    }

    /// Under which limit a commitment is a member: tries all up to [`Group::MAX_LIMIT`], one hash
    /// each, smallest first.
    #[must_use]
    pub fn limit_of(&self, commitment: IdentityCommitment) -> Option<MessageLimit> {
        const STEP: usize = 1024;
        let mut leaves = [Fr::ZERO; STEP];
        (1..=Self::MAX_LIMIT).step_by(STEP).find_map(|first| {
            let rows: Vec<[Fr; 2]> =
                (first..).take(STEP).map(|n| [commitment.to_field(), Fr::from(n)]).collect();
            poseidon::hash_many(backend_or_portable(), &rows, &mut leaves).ok()?;
            let found = (first..).zip(leaves.map(RateCommitment::from_field));
            let (limit, _) = found.into_iter().find(|(_, leaf)| self.position(*leaf).is_some())?;
            MessageLimit::new(limit).ok()
        })
    }

    /// Places that were ever taken.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.tree.used()
    }

    /// Was no place ever taken?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Levels of the tree.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.tree.depth()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixNanos = UnixNanos::from_secs(1000);

    fn leaf(value: u64) -> RateCommitment {
        RateCommitment::from_field(Fr::from(value))
    }

    fn group(values: &[u64]) -> Group {
        let mut group = Group::new(Depth::new(8).unwrap(), NOW).unwrap();
        for value in values {
            group.apply(&Change::Append(vec![leaf(*value)]), NOW).unwrap();
        }
        group
    }

    #[test]
    fn the_current_root_and_fifty_before_it_count() {
        let mut group = group(&[]);
        let mut roots = vec![group.root()];
        for value in 1..=60 {
            group.apply(&Change::Append(vec![leaf(value)]), NOW).unwrap();
            roots.push(group.root());
        }
        let accepted = roots.iter().filter(|root| group.is_acceptable(root)).count();
        assert_eq!(accepted, 51);
        assert_eq!(group.age(roots.last().unwrap()), Some(0));
        assert_eq!(group.age(&roots[10]), Some(50));
        assert_eq!(group.age(&roots[9]), None);
    }

    #[test]
    fn a_removed_member_has_no_place_and_gets_none_again() {
        let mut group = group(&[1, 2, 3]);
        assert_eq!(group.remove_member(leaf(2), NOW), Some(1));
        assert_eq!(group.remove_member(leaf(2), NOW), None);
        group.apply(&Change::Append(vec![leaf(2)]), NOW).unwrap();
        assert_eq!((group.position(leaf(2)), group.len()), (None, 4));
        assert_eq!(group.path(leaf(3)).unwrap().root(Fr::from(3u64)), group.root());
    }

    #[test]
    fn removals_and_joins_give_one_tree_in_any_order() {
        let mut one = group(&[1, 2]);
        one.remove_member(leaf(1), NOW);
        one.apply(&Change::Append(vec![leaf(3)]), NOW).unwrap();
        let mut other = group(&[1, 2, 3]);
        other.remove_member(leaf(1), NOW);
        assert_eq!(one.root(), other.root());
    }

    #[test]
    fn roots_with_a_removed_member_stop_to_count_after_the_grace() {
        let mut group = group(&[1, 2]);
        let before = group.root();
        group.remove_member(leaf(1), NOW);
        group.handle_time(NOW + Group::GRACE - Duration::from_nanos(1));
        assert!(group.is_acceptable(&before));
        group.handle_time(NOW + Group::GRACE);
        assert!(!group.is_acceptable(&before));
        assert!(group.is_acceptable(&group.root()));
    }

    #[test]
    fn a_change_that_does_not_fit_changes_nothing() {
        let mut group = Group::new(Depth::new(1).unwrap(), NOW).unwrap();
        let root = group.root();
        let three = Change::Append([1, 2, 3].map(leaf).to_vec());
        assert_eq!(group.apply(&three, NOW), Err(GroupError::Full { wanted: 3, free: 2 }));
        let nobody = group.apply(&Change::Remove(0), NOW);
        assert_eq!(nobody, Err(GroupError::NoSuchLeaf { index: 0 }));
        assert_eq!((group.root(), group.position(leaf(1))), (root, None));
    }

    #[test]
    fn a_member_is_found_by_its_commitment_whatever_its_limit() {
        let commitment = IdentityCommitment::from_field(Fr::from(5u64));
        let limit = MessageLimit::new(2_500).unwrap();
        let mut group = group(&[1]);
        group.apply(&Change::Append(vec![commitment.rate_commitment(limit)]), NOW).unwrap();
        assert_eq!(group.limit_of(commitment), Some(limit));
        assert_eq!(group.limit_of(IdentityCommitment::from_field(Fr::from(6u64))), None);
    }
}
