//! The members and their tree, in memory, as every instance builds them from the same log.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use logos_crypto::Fr;
use logos_crypto::merkle::{DenseTree, Depth, LeafIndex, MerkleTree, PoseidonHasher, RootHistory};
use logos_rln::{IdentityCommitment, MerklePath, MessageLimit};
use thiserror::Error;
use tonic::async_trait;

use super::registry::{MemberRecord, RegisterRefusal, Registration};
use super::reservation::MemberKey;
use super::store::{Store, StoreError};

/// Where members come from: an ordered log.
#[async_trait]
pub trait MembershipSource: std::fmt::Debug + Send + Sync {
    /// Members from a leaf on, at most `max`, without gaps.
    async fn members(&self, from: u64, max: usize) -> Result<Vec<MemberRecord>, StoreError>;

    /// Adds one behind the last, where this source takes members at all.
    async fn register(
        &self,
        registration: Registration,
        capacity: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError>;
}

/// Members who register with the service itself; their log is in its store.
#[derive(Clone, Debug)]
pub struct InService(pub Arc<dyn Store>);

#[async_trait]
impl MembershipSource for InService {
    async fn members(&self, from: u64, max: usize) -> Result<Vec<MemberRecord>, StoreError> {
        self.0.members(from, max).await
    }

    async fn register(
        &self,
        registration: Registration,
        capacity: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError> {
        self.0.register(registration, capacity).await
    }
}

/// Members of a file that somebody else keeps.
///
/// A line is `name commitment limit [tier]`, the commitment as 64 hexadecimal digits; empty lines
/// and those that begin with `#` say nothing. Line `k` of the others, from 0, is leaf `k`.
#[derive(Clone, Debug)]
pub struct StaticFile(Vec<MemberRecord>);

/// Why a file of members is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line} of the members: {reason}")]
pub struct StaticFileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl StaticFile {
    /// Reads the text of such a file.
    ///
    /// # Errors
    ///
    /// [`StaticFileError`] for the first line that is none.
    pub fn parse(text: &str) -> Result<Self, StaticFileError> {
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let member = |(index, (line, text))| {
            member_of(index, text).map_err(|reason| StaticFileError { line, reason })
        };
        (0u64..).zip(lines).map(member).collect::<Result<_, _>>().map(Self)
    }
}

fn member_of(index: u64, line: &str) -> Result<MemberRecord, &'static str> {
    let mut words = line.split_whitespace();
    let name = words.next().ok_or("no name")?.as_bytes().to_vec();
    let commitment = words.next().ok_or("no commitment")?;
    let member = crate::hex::decode_32(commitment).map_err(|_| "64 digits make a commitment")?;
    Fr::from_bytes(&member).map_err(|_| "the commitment is no field element")?;
    let limit = words.next().and_then(|word| word.parse().ok()).ok_or("no limit")?;
    let tier = words.next().unwrap_or_default().to_owned();
    let registration = Registration { member: MemberKey(*member), name, limit, tier, sealed: None };
    registration.check().map_err(|_| "the name, the limit or the tier is out of bounds")?;
    Ok(registration.at(index))
}

#[async_trait]
impl MembershipSource for StaticFile {
    async fn members(&self, from: u64, max: usize) -> Result<Vec<MemberRecord>, StoreError> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(self.0.iter().skip(from).take(max).cloned().collect())
    }

    async fn register(
        &self,
        _: Registration,
        _: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError> {
        Ok(Err(RegisterRefusal::ReadOnly))
    }
}

/// Old roots that are accepted beside the current one.
const ROOTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);
/// Members that are read at once.
const PAGE: usize = 4096;

/// The most trees of one service.
pub const MAX_TREES: u32 = 64;

/// The trees of members and who they are. Cheap to share; readers do not wait for each other.
///
/// Members fill one tree after the other: the one in line `n` of the log is leaf `n mod 2^depth` of
/// tree `n / 2^depth`. A tree takes memory once it has members: 64 bytes a leaf.
#[derive(Debug)]
pub struct Group {
    depth: Depth,
    max_trees: u32,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    /// Never empty; all but the last one are full.
    trees: Vec<Tree>,
    members: u64,
    by_name: HashSet<Named>,
    by_key: HashSet<Keyed>,
}

/// A member that is found by its name.
#[derive(Debug)]
struct Named(Arc<MemberRecord>);

/// A member that is found by its commitment.
#[derive(Debug)]
struct Keyed(Arc<MemberRecord>);

macro_rules! found_by {
    ($found:ty, $by:ty, |$member:ident| $value:expr) => {
        impl Borrow<$by> for $found {
            fn borrow(&self) -> &$by {
                let $member = &self.0;
                $value
            }
        }
        impl Hash for $found {
            fn hash<H: Hasher>(&self, state: &mut H) {
                Borrow::<$by>::borrow(self).hash(state);
            }
        }
        impl PartialEq for $found {
            fn eq(&self, other: &Self) -> bool {
                Borrow::<$by>::borrow(self) == Borrow::<$by>::borrow(other)
            }
        }
        impl Eq for $found {}
    };
}
found_by!(Named, [u8], |member| &member.name);
found_by!(Keyed, MemberKey, |member| &member.member);

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
        let (by_name, by_key) = (HashSet::new(), HashSet::new());
        let state = State { trees: vec![Tree::new(depth)?], members: 0, by_name, by_key };
        Some(Self { depth, max_trees: trees, state: RwLock::new(state) })
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

    /// Takes in whoever joined since the last time; returns how many members there are.
    ///
    /// # Errors
    ///
    /// The source's, and [`StoreError::Damaged`] for a log with gaps or members that are none.
    pub async fn follow(&self, source: &dyn MembershipSource) -> Result<u64, StoreError> {
        loop {
            let known = self.read().members;
            let page = source.members(known, PAGE).await?;
            if page.is_empty() {
                return Ok(known);
            }
            if known.saturating_add(page.len() as u64) > self.capacity() {
                return Err(damaged("more members than leaves"));
            }
            self.write().append(self.depth, known, page)?;
        }
    }

    /// A member by name.
    #[must_use]
    pub fn named(&self, name: &[u8]) -> Option<Arc<MemberRecord>> {
        self.read().by_name.get(name).map(|found| Arc::clone(&found.0))
    }

    /// Where a member stands now.
    #[must_use]
    pub fn place(&self, key: MemberKey) -> Option<Place> {
        let state = self.read();
        let member = &state.by_key.get(&key)?.0;
        let leaves = self.depth.capacity();
        let number = u32::try_from(member.index / leaves).ok()?;
        let tree = state.trees.get(usize::try_from(number).ok()?)?;
        let path = tree.nodes.proof(LeafIndex::new(member.index % leaves)).ok()?;
        let path = MerklePath::try_from(&path).ok()?;
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
}

impl Tree {
    fn new(depth: Depth) -> Option<Self> {
        let nodes = DenseTree::new(PoseidonHasher::default(), depth).ok()?;
        let mut roots = RootHistory::new(ROOTS);
        roots.push(nodes.root());
        Some(Self { nodes, roots })
    }
}

impl State {
    /// Adds members behind the `known` ones; nothing happens if others were faster.
    fn append(
        &mut self,
        depth: Depth,
        known: u64,
        page: Vec<MemberRecord>,
    ) -> Result<(), StoreError> {
        if self.members != known {
            return Ok(());
        }
        let leaves = page.iter().map(leaf).collect::<Option<Vec<Fr>>>();
        let in_order = (known..).zip(&page).all(|(index, member)| member.index == index);
        let leaves = leaves.filter(|_| in_order).ok_or_else(|| damaged("a member is none"))?;
        self.plant(depth, &leaves)?;
        for member in page.into_iter().map(Arc::new) {
            self.members += 1;
            self.by_name.insert(Named(Arc::clone(&member)));
            // The first of two leaves with one identity stays: both have the same message ids.
            self.by_key.insert(Keyed(member));
        }
        Ok(())
    }

    /// Fills the last tree and then new ones.
    fn plant(&mut self, depth: Depth, mut leaves: &[Fr]) -> Result<(), StoreError> {
        let full = || damaged("more members than leaves");
        while !leaves.is_empty() {
            if self.trees.last().is_none_or(|tree| tree.nodes.next_free().is_none()) {
                self.trees.push(Tree::new(depth).ok_or_else(full)?);
            }
            let tree = self.trees.last_mut().ok_or_else(full)?;
            let room = depth.capacity().saturating_sub(tree.nodes.used());
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let (now, later) = leaves.split_at(leaves.len().min(room));
            tree.nodes.append(now).map_err(|_| full())?;
            tree.roots.push(tree.nodes.root());
            leaves = later;
        }
        Ok(())
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
mod tests {
    use logos_rln::Identity;

    use super::*;

    fn line(who: &str) -> String {
        let commitment = Identity::seeded(who.as_bytes()).commitment().to_field();
        format!("{who} {} 20 basic\n", crate::hex::encode_field(commitment))
    }

    async fn group(text: &str) -> Group {
        let group = Group::new(Depth::RLN, 1).unwrap();
        group.follow(&StaticFile::parse(text).unwrap()).await.unwrap();
        group
    }

    #[tokio::test]
    async fn a_members_path_leads_from_its_leaf_to_the_root() {
        let text = format!("# who may send\n\n{}{}", line("alice"), line("bob"));
        let group = group(&text).await;
        let bob = group.named(b"bob").unwrap();
        assert_eq!((bob.index, bob.limit, bob.tier.as_str()), (1, 20, "basic"));
        let place = group.place(bob.member).unwrap();
        assert_eq!(place.path.root(leaf(&bob).unwrap()), place.root);
        assert!(group.accepts(&place.root));
        assert_eq!(group.named(b"carol"), None);
    }

    #[tokio::test]
    async fn a_root_is_accepted_until_five_newer_ones_are_there() {
        let mut text = String::new();
        let group = Group::new(Depth::RLN, 1).unwrap();
        let mut roots = Vec::new();
        for who in ["a", "b", "c", "d", "e", "f"] {
            text.push_str(&line(who));
            group.follow(&StaticFile::parse(&text).unwrap()).await.unwrap();
            roots.push(group.roots()[0]);
        }
        assert!(!group.accepts(&roots[0]));
        assert!(roots[1..].iter().all(|root| group.accepts(root)));
    }

    #[tokio::test]
    async fn a_tree_that_is_full_is_followed_by_another() {
        let text: String = (0..9).map(|who| line(&format!("m{who}"))).collect();
        let source = StaticFile::parse(&text).unwrap();
        let depth = Depth::new(2).unwrap();
        let group = Group::new(depth, 3).unwrap();
        group.follow(&source).await.unwrap();
        let mut roots = HashSet::new();
        for (who, tree, index) in [("m0", 0, 0), ("m3", 0, 3), ("m4", 1, 0), ("m8", 2, 0)] {
            let member = group.named(who.as_bytes()).unwrap();
            let place = group.place(member.member).unwrap();
            assert_eq!((place.tree, place.path.index()), (tree, index));
            assert_eq!(place.path.root(leaf(&member).unwrap()), place.root);
            assert!(group.accepts(&place.root) && group.roots().contains(&place.root));
            roots.insert(place.root.to_bytes());
        }
        assert_eq!(roots.len(), 3);
        assert_eq!(group.capacity(), 12);
        let small = Group::new(depth, 2).unwrap();
        assert!(matches!(small.follow(&source).await, Err(StoreError::Damaged(_))));
        assert!(Group::new(depth, 0).is_none() && Group::new(depth, MAX_TREES + 1).is_none());
    }

    #[test]
    fn a_line_that_is_no_member_is_named() {
        for (text, reason) in
            [("alice", "no commitment"), ("alice 00 5", "64 digits make a commitment")]
        {
            let text = format!("{}{text}\n", line("bob"));
            assert_eq!(StaticFile::parse(&text).unwrap_err(), StaticFileError { line: 2, reason });
        }
        let over = format!("alice {} 5", "ff".repeat(32));
        assert!(StaticFile::parse(&over).is_err());
    }
}
