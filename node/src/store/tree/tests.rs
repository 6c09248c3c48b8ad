//! The store under a tree, and under a disk that stops in the middle of a write.

use std::sync::{Arc, Mutex};

use logos_crypto::merkle::{DenseTree, LeafIndex, MerkleTree, PersistentTree, PoseidonHasher};
use redb::StorageBackend;

use super::*;
use crate::store::tests::Folder;

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

/// A disk of which only `writes_left` more writes arrive, the last of them by half. What was not
/// synced by then is lost in part: every other write since is dropped.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Platters>>);

#[derive(Debug, Default)]
struct Platters {
    synced: Vec<u8>,
    /// Since the last sync: where and what.
    pending: Vec<(u64, Vec<u8>)>,
    current: Vec<u8>,
    writes_left: Option<usize>,
}

impl Platters {
    /// Is the power still on? Counts one write.
    fn spend(&mut self) -> io::Result<bool> {
        match &mut self.writes_left {
            None => Ok(true),
            Some(0) => Err(io::Error::other("no power")),
            Some(left) => {
                *left -= 1;
                Ok(*left > 0)
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let from = usize::try_from(offset).unwrap();
    if bytes.len() < from + data.len() {
        bytes.resize(from + data.len(), 0);
    }
    bytes[from..from + data.len()].copy_from_slice(data);
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap();
        let platters = self.0.lock().unwrap();
        let bytes = platters.current.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut platters = self.0.lock().unwrap();
        platters.spend()?;
        platters.current.resize(usize::try_from(len).unwrap(), 0);
        platters.synced.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platters = self.0.lock().unwrap();
        platters.spend()?;
        platters.pending.clear();
        platters.synced = platters.current.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platters = self.0.lock().unwrap();
        let whole = platters.spend()?;
        let data = if whole { data } else { &data[..data.len() / 2] };
        put(&mut platters.current, offset, data);
        platters.pending.push((offset, data.to_vec()));
        Ok(())
    }
}

impl Disk {
    fn open(&self) -> RedbNodes {
        let database = Database::builder().create_with_backend(self.clone()).unwrap();
        RedbNodes { database }
    }

    /// The disk after the power came back; `keep` says which pending writes arrived.
    fn after_power_failure(&self, keep: impl Fn(usize) -> bool) -> Self {
        let platters = self.0.lock().unwrap();
        let mut bytes = platters.synced.clone();
        for (_, (offset, data)) in platters.pending.iter().enumerate().filter(|(n, _)| keep(*n)) {
            put(&mut bytes, *offset, data);
        }
        let current = bytes.clone();
        Self(Arc::new(Mutex::new(Platters { synced: bytes, current, ..Platters::default() })))
    }
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
        let mut first = tree(disk.open());
        first.append(&leaves(0, 40)).unwrap();
        disk.0.lock().unwrap().writes_left = Some(writes);
        let committed = first.append(&leaves(40, 25)).is_ok();
        let patterns: [fn(usize) -> bool; 4] =
            [|_| true, |_| false, |n| n % 2 == 0, |n| n % 2 == 1];
        for keep in patterns {
            let root = tree(disk.after_power_failure(keep).open()).root();
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
