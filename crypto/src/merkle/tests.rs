//! All trees against the definition, and against each other.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::Fr;

/// SHA-256 of the height and both nodes: the trait fits hashes of bytes, and a tree that mixed up
/// heights would be found out.
#[derive(Clone, Copy, Debug)]
struct Sha256Hasher;

impl TreeHash for Sha256Hasher {
    type Node = [u8; 32];

    fn empty_leaf(&self) -> [u8; 32] {
        [0xee; 32]
    }

    fn compress(&self, height: u8, left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
        Sha256::new()
            .chain_update([height])
            .chain_update(left)
            .chain_update(right)
            .finalize()
            .into()
    }
}

type Node = [u8; 32];

fn depth(depth: u32) -> Depth {
    Depth::new(depth).unwrap()
}

fn leaf(value: u64) -> Node {
    let mut node = [0; 32];
    node[..8].copy_from_slice(&value.to_le_bytes());
    node
}

fn leaves(count: u64) -> Vec<Node> {
    (1..=count).map(leaf).collect()
}

/// The root by the definition: hash all leaves, level by level.
fn naive_root<H: TreeHash>(hash: &H, depth: Depth, leaves: &[H::Node]) -> H::Node {
    let mut level = leaves.to_vec();
    level.resize(1 << depth.get(), hash.empty_leaf());
    for height in 1..=depth.get() {
        level = level.chunks(2).map(|pair| hash.compress(height, &pair[0], &pair[1])).collect();
    }
    level[0]
}

fn dense(of_depth: u32) -> DenseTree<Sha256Hasher> {
    DenseTree::new(Sha256Hasher, depth(of_depth)).unwrap()
}

fn sparse(of_depth: u32) -> SparseTree<Sha256Hasher> {
    SparseTree::in_memory(Sha256Hasher, depth(of_depth))
}

fn index(index: u64) -> LeafIndex {
    LeafIndex::new(index)
}

/// One thing done to a tree.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u64>),
    Delete(u64),
    Fill(u64, Vec<u64>),
    Set(u64, u64),
    Update(Vec<(u64, u64)>),
}

const CAPACITY: u64 = 64;

fn step() -> impl Strategy<Value = Step> {
    let place = 0..CAPACITY + 2;
    let values = proptest::collection::vec(any::<u64>(), 0..20);
    prop_oneof![
        values.clone().prop_map(Step::Append),
        place.clone().prop_map(Step::Delete),
        (place.clone(), values).prop_map(|(first, values)| Step::Fill(first, values)),
        (place.clone(), any::<u64>()).prop_map(|(place, value)| Step::Set(place, value)),
        proptest::collection::vec((place, any::<u64>()), 0..12).prop_map(Step::Update),
    ]
}

/// What a step gives: the changed leaves, or nothing if it was refused.
fn take<T: MerkleTree<Hash = Sha256Hasher>>(tree: &mut T, step: &Step) -> Option<Changed> {
    let nodes = |values: &[u64]| values.iter().copied().map(leaf).collect::<Vec<_>>();
    match step {
        Step::Append(values) => tree.append(&nodes(values)).ok(),
        Step::Delete(place) => tree.delete(index(*place)).ok(),
        Step::Fill(first, values) => tree.fill(index(*first), &nodes(values)).ok(),
        Step::Set(place, value) => tree.set(index(*place), leaf(*value)).ok(),
        Step::Update(places) => {
            let places: Vec<_> = places.iter().map(|(i, v)| (index(*i), leaf(*v))).collect();
            tree.update(&places).ok()
        }
    }
}

/// The same step on plain leaves.
fn take_naively(state: &mut Vec<Node>, step: &Step) -> bool {
    let places: Vec<(u64, Node)> = match step {
        Step::Append(values) => {
            (state.len() as u64..).zip(values.iter().copied().map(leaf)).collect()
        }
        Step::Delete(place) if *place >= CAPACITY => return false,
        Step::Delete(place) if *place >= state.len() as u64 => return true,
        Step::Delete(place) => vec![(*place, Sha256Hasher.empty_leaf())],
        Step::Fill(first, values) => {
            if first + values.len() as u64 > CAPACITY {
                return false;
            }
            (*first..).zip(values.iter().copied().map(leaf)).collect()
        }
        Step::Set(place, value) => vec![(*place, leaf(*value))],
        Step::Update(places) => places.iter().map(|(i, v)| (*i, leaf(*v))).collect(),
    };
    let mut seen = std::collections::BTreeSet::new();
    if !places.iter().all(|(place, _)| *place < CAPACITY && seen.insert(*place)) {
        return false;
    }
    for (place, node) in places {
        let place = usize::try_from(place).unwrap();
        if state.len() <= place {
            state.resize(place + 1, Sha256Hasher.empty_leaf());
        }
        state[place] = node;
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn trees_follow_the_definition_through_any_history(
        steps in proptest::collection::vec(step(), 1..12),
    ) {
        let (mut dense, mut sparse, mut state) = (dense(6), sparse(6), Vec::new());
        for step in &steps {
            let accepted = take_naively(&mut state, step);
            let changed = take(&mut dense, step);
            prop_assert_eq!(changed.is_some(), accepted);
            prop_assert_eq!(&changed, &take(&mut sparse, step));
            prop_assert_eq!(dense.root(), naive_root(&Sha256Hasher, depth(6), &state));
            prop_assert_eq!(dense.root(), sparse.root());
            prop_assert_eq!(dense.used(), state.len() as u64);
            prop_assert_eq!(sparse.used(), state.len() as u64);
            let changed = changed.unwrap_or_default();
            prop_assert_eq!(dense.delta(&changed), sparse.delta(&changed));
        }
        for (place, leaf) in (0..).zip(&state) {
            let path = dense.proof(index(place)).unwrap();
            prop_assert!(path.verify(&Sha256Hasher, leaf, &dense.root()));
            prop_assert_eq!(path, sparse.proof(index(place)).unwrap());
        }
        let empty: Vec<u64> = dense.empty_leaves().map(|Ok(index)| index.get()).collect();
        let expected: Vec<u64> = (0..)
            .zip(&state)
            .filter(|(_, node)| **node == Sha256Hasher.empty_leaf())
            .map(|(place, _)| place)
            .collect();
        prop_assert_eq!(empty, expected);
    }

    #[test]
    fn a_path_that_applies_every_delta_is_the_path_of_the_tree(
        steps in proptest::collection::vec(step(), 1..12),
        place in 0..CAPACITY,
    ) {
        let mut tree = dense(6);
        let mut path = tree.proof(index(place)).unwrap();
        for step in &steps {
            let before = path.clone();
            let changed = take(&mut tree, step).unwrap_or_default();
            let delta = tree.delta(&changed).unwrap();
            let change = path.apply(&delta).unwrap();
            prop_assert_eq!(&path, &tree.proof(index(place)).unwrap());
            let differs = |(one, other): (&Node, &Node)| one != other;
            let lowest = before.siblings().iter().zip(path.siblings()).position(differs);
            prop_assert_eq!(change.lowest.map(usize::from), lowest);
            let touched = changed.leaves().any(|leaf| leaf == index(place));
            prop_assert_eq!(change.leaf.is_some(), touched);
            let sent = Delta::new(delta.depth(), delta.nodes().to_vec());
            prop_assert_eq!(sent, Ok(delta));
        }
    }

    #[test]
    fn the_frontier_of_appended_leaves_has_the_root_and_paths_of_the_tree(
        batches in proptest::collection::vec(0..30u64, 1..8),
    ) {
        let mut tree = dense(6);
        let mut frontier = Frontier::new(Sha256Hasher, depth(6));
        for (number, count) in batches.into_iter().enumerate() {
            let batch: Vec<Node> = leaves(count);
            let fits = tree.append(&batch).is_ok();
            prop_assert_eq!(frontier.append(&batch).is_ok(), fits);
            let mine = leaf(1000 + number as u64);
            if let Ok(changed) = tree.append(&[mine]) {
                prop_assert_eq!(frontier.append_followed(mine).ok(), changed.leaves().next());
            }
            prop_assert_eq!(frontier.root(), tree.root());
            for followed in frontier.followed() {
                prop_assert_eq!(frontier.path(followed).cloned(), tree.proof(followed).ok());
            }
            let parts = frontier.parts();
            let again = Frontier::from_parts(Sha256Hasher, depth(6), &parts).unwrap();
            prop_assert_eq!(again.root(), tree.root());
            prop_assert_eq!(again.parts(), parts);
        }
    }

    #[test]
    fn a_range_proof_holds_for_its_leaves_and_no_others(
        used in 0..=CAPACITY,
        first in 0..CAPACITY,
        count in 1..=CAPACITY,
        flipped in any::<prop::sample::Index>(),
    ) {
        let mut tree = dense(6);
        tree.append(&leaves(used)).unwrap();
        prop_assume!(first + count <= CAPACITY);
        let proof = tree.range_proof(index(first), count).unwrap();
        let mut range: Vec<Node> =
            (first..first + count).map(|place| tree.leaf(index(place)).unwrap()).collect();
        prop_assert_eq!(proof.verify(&Sha256Hasher, &range, &tree.root()), Ok(()));
        let place = flipped.index(range.len());
        range[place][0] ^= 1;
        prop_assert_eq!(
            proof.verify(&Sha256Hasher, &range, &tree.root()),
            Err(RangeProofError::OtherRoot)
        );
        range.push(leaf(0));
        prop_assert!(proof.verify(&Sha256Hasher, &range, &tree.root()).is_err());
    }
}

#[test]
fn poseidon_trees_follow_the_definition() {
    let hash = PoseidonHasher::default();
    let mut tree = DenseTree::new(hash, depth(6)).unwrap();
    let members: Vec<Fr> = (1..=40u64).map(Fr::from).collect();
    tree.append(&members).unwrap();
    assert_eq!(tree.root(), naive_root(&hash, depth(6), &members));
}

#[test]
fn other_empty_leaves_make_another_empty_tree() {
    let hash = PoseidonHasher::default().with_empty_leaf(Fr::ONE);
    let tree = DenseTree::new(hash, depth(6)).unwrap();
    assert_eq!(tree.root(), naive_root(&hash, depth(6), &[]));
    assert_ne!(tree.root(), naive_root(&PoseidonHasher::default(), depth(6), &[]));
}

#[test]
fn a_leaf_out_of_range_is_refused_by_every_operation() {
    let mut tree = sparse(3);
    let outside = LeafError::OutOfRange { index: index(8), capacity: 8 };
    assert_eq!(tree.leaf(index(8)), Err(outside));
    assert_eq!(tree.set(index(8), leaf(1)), Err(outside));
    assert_eq!(tree.delete(index(8)), Err(outside));
    assert_eq!(tree.proof(index(8)), Err(outside));
    let wanted = RangeError::OutOfRange { first: index(u64::MAX), count: 2, capacity: 8 };
    assert_eq!(tree.range_proof(index(u64::MAX), 2), Err(wanted));
    assert_eq!(tree.fill(index(u64::MAX), &leaves(2)), Err(wanted));
    assert_eq!(tree.range_proof(index(1), 0), Err(RangeError::Empty));
}

#[test]
fn a_batch_that_does_not_fit_changes_nothing() {
    let mut tree = dense(3);
    tree.append(&leaves(5)).unwrap();
    let root = tree.root();
    assert_eq!(tree.append(&leaves(4)), Err(AppendError::Full { wanted: 4, free: 3 }));
    let twice = [(index(1), leaf(7)), (index(6), leaf(8)), (index(1), leaf(9))];
    assert_eq!(tree.update(&twice), Err(UpdateError::Duplicate { index: index(1) }));
    let outside = [(index(1), leaf(7)), (index(8), leaf(8))];
    assert_eq!(
        tree.update(&outside),
        Err(UpdateError::OutOfRange { index: index(8), capacity: 8 })
    );
    assert_eq!((tree.root(), tree.used()), (root, 5));
    tree.append(&leaves(3)).unwrap();
    assert_eq!(tree.next_free(), None);
}

#[test]
fn a_deleted_place_is_not_appended_to() {
    let mut tree = dense(3);
    tree.append(&leaves(3)).unwrap();
    tree.delete(index(2)).unwrap();
    assert_eq!(tree.next_free(), Some(index(3)));
    assert_eq!(tree.delete(index(6)), Ok(Changed::default()));
    assert_eq!(tree.used(), 3);
}

#[test]
fn a_dense_tree_refuses_a_depth_that_one_leaf_could_fill_memory_with() {
    let error = DenseTree::new(Sha256Hasher, Depth::MAX).unwrap_err();
    assert_eq!(error, DepthError { depth: 32, max: 26 });
}

#[test]
fn a_subtree_root_is_the_root_of_a_smaller_tree() {
    let mut tree = dense(6);
    tree.append(&leaves(11)).unwrap();
    let subtree = naive_root(&Sha256Hasher, depth(3), &leaves(11)[8..]);
    assert_eq!(tree.node(NodeId::new(3, 1)), Ok(subtree));
    let empty = naive_root(&Sha256Hasher, depth(3), &[]);
    assert_eq!(tree.node(NodeId::new(3, 7)), Ok(empty));
}

#[test]
fn a_path_of_another_depth_or_place_is_refused() {
    assert_eq!(Path::<u8>::new(index(0), vec![]), Err(PathError::Depth { siblings: 0 }));
    assert_eq!(Path::new(index(0), vec![0; 33]), Err(PathError::Depth { siblings: 33 }));
    assert_eq!(
        Path::new(index(4), vec![0; 2]),
        Err(PathError::OutOfRange { index: index(4), capacity: 4 })
    );
    let mut tree = dense(4);
    let changed = tree.append(&leaves(1)).unwrap();
    let mut path = dense(3).proof(index(0)).unwrap();
    let before = path.clone();
    assert!(path.apply(&tree.delta(&changed).unwrap()).is_err());
    assert_eq!(path, before);
}

#[test]
fn frontier_parts_that_do_not_fit_are_refused() {
    let open = |used, nodes: usize| {
        let parts = FrontierParts { used, nodes: vec![leaf(1); nodes] };
        Frontier::from_parts(Sha256Hasher, depth(3), &parts).map(|frontier| frontier.used())
    };
    assert_eq!(open(8, 1), Ok(8));
    assert_eq!(open(9, 2), Err(FrontierError::Overfull { used: 9, capacity: 8 }));
    assert_eq!(open(3, 1), Err(FrontierError::Nodes { found: 1, wanted: 2 }));
}

/// A store that fails on demand.
#[derive(Debug, Default)]
struct FailingStore {
    inner: MemoryStore<Node>,
    fail: bool,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no space left")]
struct NoSpace;

impl NodeStore for FailingStore {
    type Node = Node;
    type Error = NoSpace;

    fn header(&self) -> Result<Option<Header>, NoSpace> {
        self.inner.header().map_err(|_| NoSpace)
    }

    fn get(&self, id: NodeId) -> Result<Option<Node>, NoSpace> {
        self.inner.get(id).map_err(|_| NoSpace)
    }

    fn commit(&mut self, batch: &Batch<Node>) -> Result<(), NoSpace> {
        if self.fail {
            return Err(NoSpace);
        }
        self.inner.commit(batch).map_err(|_| NoSpace)
    }
}

#[test]
fn a_commit_that_fails_leaves_the_tree_as_it_was() {
    let store = FailingStore { fail: true, ..FailingStore::default() };
    let mut tree = PersistentTree::open(Sha256Hasher, depth(4), store).unwrap();
    let root = tree.root();
    assert_eq!(tree.append(&leaves(3)), Err(AppendError::Store(NoSpace)));
    assert_eq!(tree.set(index(1), leaf(1)), Err(LeafError::Store(NoSpace)));
    assert_eq!(tree.update(&[(index(1), leaf(1))]), Err(UpdateError::Store(NoSpace)));
    assert_eq!((tree.root(), tree.used()), (root, 0));
    assert!(tree.store().inner.is_empty());
}

#[test]
fn a_store_of_another_depth_is_not_opened() {
    let mut tree = sparse(4);
    tree.append(&leaves(3)).unwrap();
    let store = tree.into_store();
    let error = PersistentTree::open(Sha256Hasher, depth(5), store).unwrap_err();
    assert_eq!(error, OpenError::OtherDepth { stored: depth(4), wanted: depth(5) });
}
