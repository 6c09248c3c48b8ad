//! The trees of members, in memory, as every instance builds them from the same log.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use logos_crypto::Fr;
use logos_crypto::merkle::{DenseTree, Depth, LeafIndex, MerkleTree, PoseidonHasher, RootHistory};
use logos_rln::{IdentityCommitment, MerklePath, MessageLimit};

use super::recent::Recent;
use super::registry::{Leaf, MemberRecord};
use super::reservation::MemberKey;
use super::store::{Store, StoreError};

/// Old roots that are accepted beside the current one.
const ROOTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);
/// Leaves that are read at once.
const PAGE: usize = 4096;

/// The most trees of one service.
pub const MAX_TREES: u32 = 64;

/// The trees of members. Cheap to share; readers do not wait for each other.
///
/// Leaf `n` of the log is leaf `n mod 2^depth` of tree `n / 2^depth`. A tree takes memory once it
/// has members: 64 bytes a leaf. Who the members are stays in the store; the last few thousand who
/// were asked for are remembered.
#[derive(Debug)]
pub struct Group {
    depth: Depth,
    max_trees: u32,
    state: RwLock<State>,
    recent: Mutex<Recent>,
}

#[derive(Debug)]
struct State {
    /// Never empty.
    trees: Vec<Tree>,
    /// The number of the last change that was taken in.
    seen: u64,
}

#[derive(Debug)]
struct Tree {
    nodes: DenseTree<PoseidonHasher>,
    roots: RootHistory<Fr>,
}

/// A member's place in its tree at one moment.
#[derive(Clone, Debug)]
pub struct Place {
    /// Who.
    pub member: Arc<MemberRecord>,
    /// The number of its tree, from 0.
    pub tree: u32,
    /// The way to the root.
    pub path: MerklePath,
    /// The root.
    pub root: Fr,
}

impl Group {
    /// Up to `trees` trees without members; `None` for a depth that is not kept in memory, or for
    /// no trees or more than [`MAX_TREES`].
    #[must_use]
    pub fn new(depth: Depth, trees: u32) -> Option<Self> {
        if !(1..=MAX_TREES).contains(&trees) {
            return None;
        }
        let state = RwLock::new(State { trees: vec![Tree::new(depth)?], seen: 0 });
        Some(Self { depth, max_trees: trees, state, recent: Mutex::default() })
    }

    /// Leaves of all trees there may be.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.depth.capacity().saturating_mul(self.max_trees.into())
    }

    /// The trees' depth.
    #[must_use]
    pub const fn depth(&self) -> Depth {
        self.depth
    }

    /// Takes in what changed since the last time; returns the number of the last change.
    ///
    /// # Errors
    ///
    /// The store's, and [`StoreError::Damaged`] for members that are none or have no leaf here.
    pub async fn follow(&self, store: &dyn Store) -> Result<u64, StoreError> {
        loop {
            let seen = self.read().seen;
            let page = store.leaves(seen, PAGE).await?;
            let Some(last) = page.last().map(|leaf| leaf.number) else { return Ok(seen) };
            let changes = self.changes(&page)?;
            if self.write().take(self.depth, seen, last, &changes)? {
                self.recent().clear();
            }
            if last % PROGRESS < PAGE as u64 && last > PROGRESS {
                tracing::info!(changes = last, "reading members");
            }
        }
    }

    /// Which leaf of which tree becomes what.
    fn changes(&self, page: &[Leaf]) -> Result<Changes, StoreError> {
        let leaves = self.depth.capacity();
        let mut changes = Changes::new();
        for changed in page {
            let tree = usize::try_from(changed.index / leaves).unwrap_or(usize::MAX);
            if changed.index >= self.capacity() {
                return Err(damaged("more members than leaves"));
            }
            let value = match &changed.member {
                Some(member) => leaf(member).ok_or_else(|| damaged("a member is none"))?,
                None => Fr::ZERO,
            };
            let index = LeafIndex::new(changed.index % leaves);
            changes.entry(tree).or_default().push((index, value));
        }
        Ok(changes)
    }

    /// A member by name.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn named(
        &self,
        store: &dyn Store,
        name: &[u8],
    ) -> Result<Option<Arc<MemberRecord>>, StoreError> {
        if let Some(member) = self.recent().named(name) {
            return Ok(Some(member));
        }
        Ok(store.member_named(name).await?.map(|member| self.remember(member)))
    }

    /// A member by commitment.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn keyed(
        &self,
        store: &dyn Store,
        key: MemberKey,
    ) -> Result<Option<Arc<MemberRecord>>, StoreError> {
        if let Some(member) = self.recent().keyed(key) {
            return Ok(Some(member));
        }
        Ok(store.member_keyed(key).await?.map(|member| self.remember(member)))
    }

    fn remember(&self, member: MemberRecord) -> Arc<MemberRecord> {
        let member = Arc::new(member);
        self.recent().put(&member);
        member
    }

    /// Where a member stands now; `None` if its leaf is another's, or not read yet.
    #[must_use]
    pub fn place(&self, member: &Arc<MemberRecord>) -> Option<Place> {
        let own = leaf(member)?;
        let leaves = self.depth.capacity();
        let number = u32::try_from(member.index / leaves).ok()?;
        let index = LeafIndex::new(member.index % leaves);
        let state = self.read();
        let tree = state.trees.get(usize::try_from(number).ok()?)?;
        if tree.nodes.leaf(index).ok()? != own {
            return None;
        }
        let path = MerklePath::try_from(&tree.nodes.proof(index).ok()?).ok()?;
        Some(Place { member: Arc::clone(member), tree: number, path, root: tree.nodes.root() })
    }

    /// The roots that are accepted, those of each tree from its newest on.
    #[must_use]
    pub fn roots(&self) -> Vec<Fr> {
        self.read().trees.iter().flat_map(|tree| tree.roots.iter().copied()).collect()
    }

    /// Is a root accepted?
    #[must_use]
    pub fn accepts(&self, root: &Fr) -> bool {
        self.read().trees.iter().any(|tree| tree.roots.is_acceptable(root))
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves that change, by tree.
type Changes = BTreeMap<usize, Vec<(LeafIndex, Fr)>>;

/// Changes after which reading says how far it has come.
const PROGRESS: u64 = 1 << 17;

impl Tree {
    fn new(depth: Depth) -> Option<Self> {
        let nodes = DenseTree::new(PoseidonHasher::default(), depth).ok()?;
        let mut roots = RootHistory::new(ROOTS);
        roots.push(nodes.root());
        Some(Self { nodes, roots })
    }
}

impl State {
    /// Takes in the changes from the `seen` ones up to `last`; nothing happens if others were
    /// faster. Returns whether a leaf changed hands.
    fn take(
        &mut self,
        depth: Depth,
        seen: u64,
        last: u64,
        changes: &Changes,
    ) -> Result<bool, StoreError> {
        if self.seen != seen {
            return Ok(false);
        }
        let mut replaced = false;
        for (number, leaves) in changes {
            while self.trees.len() <= *number {
                self.trees.push(Tree::new(depth).ok_or_else(|| damaged("no such tree"))?);
            }
            let Some(tree) = self.trees.get_mut(*number) else { continue };
            let used = tree.nodes.used();
            replaced |= leaves.iter().any(|(index, _)| index.get() < used);
            tree.nodes.update(leaves).map_err(|_| damaged("one leaf twice"))?;
            tree.roots.push(tree.nodes.root());
        }
        self.seen = last;
        Ok(replaced)
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(what.to_owned())
}

/// The leaf of a member.
fn leaf(member: &MemberRecord) -> Option<Fr> {
    let commitment = IdentityCommitment::from_field(Fr::from_bytes(&member.member.0).ok()?);
    Some(commitment.rate_commitment(MessageLimit::new(member.limit).ok()?).to_field())
}

#[cfg(test)]
mod tests;
