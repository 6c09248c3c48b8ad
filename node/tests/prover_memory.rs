//! How much memory a service takes for its members.

#![cfg(feature = "prover")]
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, missing_docs, reason = "a test")]

use std::num::NonZeroU64;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use logos_crypto::Fr;
use logos_crypto::merkle::Depth;
use logos_node::peak_memory_bytes;
use logos_node::prover::{
    Amendment, EmbeddedStore, EpochSchedule, Group, MemberKey, Millis, Registration, Store,
};

/// Tells the child where to put the members; without it the child's test does nothing.
const WHERE: &str = "LOGOS_PROVER_FILL";
/// Members that are registered at once.
const PAGE: u16 = 4096;
/// What does not grow with the members: the database's cache, those looked up lately, the runtime.
const CONSTANT: u64 = 16 << 20;

/// How many members: some ten thousand, or as `LOGOS_PROVER_MEMBERS` says.
fn members() -> u64 {
    let wanted = std::env::var("LOGOS_PROVER_MEMBERS").ok();
    wanted.and_then(|wanted| wanted.parse().ok()).unwrap_or(1 << 16)
}

fn open(path: &Path) -> EmbeddedStore {
    let schedule = EpochSchedule::new(Millis(0), NonZeroU64::new(1000).unwrap(), "test");
    EmbeddedStore::open(path, &schedule, 0).unwrap()
}

fn member(number: u64) -> Registration {
    let mut name = [0xaa; 20].to_vec();
    name.splice(..8, number.to_be_bytes());
    Registration {
        member: MemberKey(Fr::from(number + 1).to_bytes()),
        name,
        limit: 100,
        tier: "basic".to_owned(),
        sealed: Some(vec![7; 60]),
    }
}

#[tokio::test]
async fn a_process_fills_the_store() {
    let Ok(path) = std::env::var(WHERE) else { return };
    let store = open(path.as_ref());
    for first in (0..members()).step_by(usize::from(PAGE)) {
        let leaves =
            (first..members().min(first + u64::from(PAGE))).map(|at| (at, Some(member(at))));
        let before = store.setting("filled").await.unwrap();
        let (leaves, after) = (leaves.collect(), first.to_string());
        let page = Amendment { leaves, cursor: "filled", before, after };
        assert!(store.amend(page).await.unwrap());
    }
}

/// The tree takes 64 bytes a leaf, and everything else together takes no more than [`CONSTANT`]:
/// records of members stay in the store.
#[tokio::test]
async fn a_tree_takes_64_bytes_a_leaf_and_records_take_none() {
    let folder = std::env::temp_dir().join(format!("prover-memory-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("prover.redb");
    // Elsewhere, so that what filling takes is not counted.
    let filled = Command::new(std::env::current_exe().unwrap())
        .args(["a_process_fills_the_store", "--exact"])
        .env(WHERE, &path)
        .output()
        .unwrap();
    assert!(filled.status.success());

    let before = peak_memory_bytes();
    let started = Instant::now();
    let store = open(&path);
    let group = Group::new(Depth::RLN, 1).unwrap();
    group.follow(&store).await.unwrap();
    let took = started.elapsed();
    // More members than are remembered, from all over the tree.
    for number in (0..members()).step_by(7).take(20_000) {
        let name = member(number).name;
        let found = group.named(&store, &name).await.unwrap().unwrap();
        assert_eq!(group.place(&found).unwrap().path.index(), number);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let (Some(before), Some(after)) = (before, peak_memory_bytes()) else {
        return eprintln!("skipped: this system does not tell how much memory a process takes");
    };
    let grown = after - before;
    println!(
        "{} members: {:.1} MiB, read in {:.1} s",
        members(),
        grown as f64 / f64::from(1 << 20),
        took.as_secs_f64()
    );
    assert!(grown <= 64 * members().next_power_of_two() + CONSTANT, "{grown} bytes");
}
