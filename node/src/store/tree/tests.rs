//! The store under a tree, and under a disk that stops in the middle of a write.

use logos_crypto::merkle::{DenseTree, LeafIndex, MerkleTree, PersistentTree, PoseidonHasher};

use super::*;
use crate::store::tests::{Disk, Folder};

type Tree = PersistentTree<PoseidonHasher, RedbNodes>;

fn depth() -> Depth {
    Depth::new(12).unwrap()
}

fn tree(store: RedbNodes) -> Tree {
    PersistentTree::open(PoseidonHasher::default(), depth(), store).unwrap()
}

fn dense() -> DenseTree<PoseidonHasher> {
    DenseTree::new(PoseidonHasher::default(), depth()).unwrap()
}

fn leaves(from: u64, count: u64) -> Vec<Fr> {
    (from..from + count).map(|value| Fr::from(value + 1)).collect()
}

#[test]
fn a_reopened_tree_is_the_tree_that_was_closed() {
    let folder = Folder::new("redb");
    let path = folder.join("tree.redb");
    let mut expected = dense();
    for round in 0..4 {
        let mut tree = tree(RedbNodes::open(&path).unwrap());
        assert_eq!(tree.root(), expected.root());
        tree.append(&leaves(10 * round, 10)).unwrap();
        tree.delete(LeafIndex::new(round)).unwrap();
        expected.append(&leaves(10 * round, 10)).unwrap();
        expected.delete(LeafIndex::new(round)).unwrap();
        assert_eq!(tree.used(), expected.used());
        let leaf = LeafIndex::new(5);
        assert_eq!(tree.proof(leaf).unwrap(), expected.proof(leaf).unwrap());
    }
}

#[test]
fn a_database_that_is_open_elsewhere_is_refused() {
    let folder = Folder::new("redb-locked");
    let path = folder.join("tree.redb");
    let _open = RedbNodes::open(&path).unwrap();
    assert_eq!(RedbNodes::open(&path).unwrap_err(), NodeStoreError::Locked);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = Folder::new("redb-foreign");
    let path = folder.join("notes.txt");
    std::fs::write(&path, "notes, not nodes").unwrap();
    assert!(RedbNodes::open(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "notes, not nodes");
}

fn open(disk: &Disk) -> RedbNodes {
    let database = Database::builder().create_with_backend(disk.clone()).unwrap();
    RedbNodes { database }
}

/// Whatever write of a commit is the last to arrive, and whichever of the unsynced ones are lost,
/// the tree afterwards is the one before the commit or the one after it.
#[test]
fn a_torn_commit_leaves_the_state_before_or_after() {
    let mut before = dense();
    before.append(&leaves(0, 40)).unwrap();
    let mut after = before.clone();
    after.append(&leaves(40, 25)).unwrap();

    let mut seen = [false, false];
    for writes in 1.. {
        let disk = Disk::default();
        let mut first = tree(open(&disk));
        first.append(&leaves(0, 40)).unwrap();
        disk.lose_power_after(writes);
        let committed = first.append(&leaves(40, 25)).is_ok();
        let patterns: [fn(usize) -> bool; 4] =
            [|_| true, |_| false, |n| n % 2 == 0, |n| n % 2 == 1];
        for keep in patterns {
            let root = tree(open(&disk.after_power_failure(keep))).root();
            assert!(!committed || root == after.root(), "a finished commit was lost");
            assert!(root == before.root() || root == after.root(), "torn after {writes} writes");
            seen[usize::from(root == after.root())] = true;
        }
        if committed {
            break;
        }
    }
    assert_eq!(seen, [true, true]);
}
