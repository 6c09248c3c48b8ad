//! From key bytes to the first proof, each side in a process of its own.

use std::hint::black_box;
use std::path::Path;

use logos_rln::{Prover, ProvingKey, Tables};

use super::members::Member;
use crate::machine::backend;
use crate::peers::zerokit;
use crate::runner::Lap;

/// The prepared key and its tables lie in files, as a node keeps them; reading them counts.
pub(super) fn ours(lap: &mut Lap) {
    let directory = std::env::temp_dir().join(format!("logos-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for two files");
    let (key_file, table_file) = (directory.join("key"), directory.join("tables"));
    {
        let prover = Prover::with_backend(logos_rln_keys::single(), backend(), &mut |_| ());
        std::fs::write(&key_file, logos_rln_keys::single_bytes()).expect("write the key");
        std::fs::write(&table_file, prover.tables().to_bytes()).expect("write the tables");
    }
    let prover = lap.time(|| {
        let key = std::fs::read(&key_file).expect("read the key");
        let key = ProvingKey::from_bytes(&key).expect("the key is whole");
        let tables = Tables::from_bytes(&key, mapped(&table_file)).expect("the tables are whole");
        Prover::with_tables(key, tables)
    });
    std::fs::remove_dir_all(&directory).expect("remove two files");
    let member = Member::new(2).expect("a member");
    let message = member.message(0).expect("a message");
    super::checked_by_the_peer(&zerokit::Peer::single(), &prover, &member.membership, &message)
        .expect("the loaded key proves");
}

/// The file's pages, mapped for the life of the process; pages start at a multiple of 64.
pub(super) fn mapped(path: &Path) -> &'static [u8] {
    let (map, _) = vmap::Map::with_options().open(path).expect("map the tables");
    Box::leak(Box::new(map))
}

pub(super) fn theirs(lap: &mut Lap) {
    black_box(lap.time(zerokit::start));
}
