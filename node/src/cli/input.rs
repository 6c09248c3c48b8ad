//! Files and standard input as arguments.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use logos_crypto::merkle::Depth;
use logos_node::{
    Access, CacheNotice, FileAction, FileError, KeyStore, Members, StoredIdentity, backend,
    read_bounded, replace,
};
use logos_rln::{Prover, ProvingKey, TableSize, VerifyingKey};
use zeroize::Zeroizing;

use super::console::Console;
use super::progress::Bar;

/// Largest message that is read.
const MAX_MESSAGE_BYTES: u64 = 1 << 28;
/// Largest identity file.
const MAX_IDENTITY_BYTES: u64 = 1 << 16;
/// Largest proof; anything over a few hundred bytes is none.
pub(super) const MAX_PROOF_BYTES: u64 = 1 << 16;

/// `-` is standard input or output.
pub(super) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FileError> {
    let failed = |error: io::Error| FileError::new(path, FileAction::Read, &error);
    let source: Box<dyn Read> = if is_standard(path) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    read_bounded(source, max_bytes).map_err(failed)
}

/// Refuses two inputs that would both be standard input.
pub(super) fn one_standard_input(paths: &[&Path]) -> Result<()> {
    if paths.iter().filter(|path| is_standard(path)).count() > 1 {
        bail!("standard input can be one input only: name a file for the others");
    }
    Ok(())
}

/// Writes a file whole, or to standard output for `-`.
pub(super) fn write(path: &Path, bytes: &[u8], access: Access, console: &Console) -> Result<()> {
    if is_standard(path) { console.bytes(bytes) } else { Ok(replace(path, bytes, access)?) }
}

/// The message: a file, or standard input where none is named.
pub(super) fn message(path: Option<&Path>) -> Result<Vec<u8>, FileError> {
    read(path.unwrap_or(Path::new("-")), MAX_MESSAGE_BYTES)
}

/// The identity in a file.
pub(super) fn identity(path: &Path) -> Result<StoredIdentity> {
    let text = Zeroizing::new(read(path, MAX_IDENTITY_BYTES)?);
    StoredIdentity::from_json(&text).map_err(|error| in_file(path, error))
}

/// The members in a file, as leaves of a tree of the circuit's depth.
pub(super) fn members(path: &Path, depth: Depth) -> Result<Members> {
    let text = read(path, Members::max_bytes(depth))?;
    Members::parse(&text, depth).map_err(|error| in_file(path, error))
}

/// Puts the file's name before an error.
pub(super) fn in_file<E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
    error: E,
) -> anyhow::Error {
    anyhow::Error::new(error).context(path.display().to_string())
}

/// The option that chooses the key.
#[derive(Debug, clap::Args)]
pub(super) struct KeyArgument {
    /// Key to use instead of the deployed one: arkzkey, snarkjs zkey, or our prepared format
    ///
    /// A ceremony's key is checked and prepared once, which takes seconds, and kept in the user's
    /// cache folder.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl KeyArgument {
    /// The key to prove with.
    pub(super) fn proving(&self, console: &Console) -> Result<ProvingKey> {
        let Some(path) = &self.key else { return Ok(logos_rln_keys::single()) };
        let mut bar = Bar::new();
        Ok(KeyStore::of_user().proving_key(path, &mut |notice| tell(console, &mut bar, notice))?)
    }

    /// The key to verify with.
    pub(super) fn verifying(&self, console: &Console) -> Result<VerifyingKey> {
        let Some(path) = &self.key else { return Ok(logos_rln_keys::single_verifying_key()) };
        let mut bar = Bar::new();
        Ok(KeyStore::of_user()
            .verifying_key(path, &mut |notice| tell(console, &mut bar, notice))?)
    }
}

/// The option that chooses a prover's tables.
#[derive(Debug, clap::Args)]
pub(super) struct TablesArgument {
    /// Memory a prover takes to be fast
    ///
    /// `none`: 2 MB. `small`: 32 MB. `large`: 219 MB, for a tenth fewer additions. Tables are built
    /// once, in a second or less, and mapped from the user's cache folder from then on.
    #[arg(long, value_name = "SIZE", default_value = TableSize::Small.name(), value_parser = table_size)]
    tables: TableSize,
}

fn table_size(name: &str) -> Result<TableSize, String> {
    let found = TableSize::ALL.into_iter().find(|size| size.name() == name);
    found.ok_or_else(|| "the sizes are none, small and large".to_owned())
}

impl TablesArgument {
    /// A prover with such tables, on the arithmetic that the environment asks for.
    pub(super) fn prover(&self, key: ProvingKey, console: &Console) -> Result<Prover> {
        let mut bar = Bar::new();
        let mut tell = |notice| tell(console, &mut bar, notice);
        Ok(KeyStore::of_user().prover(key, backend()?, self.tables, &mut tell))
    }
}

fn tell(console: &Console, bar: &mut Bar, notice: CacheNotice) {
    match notice {
        CacheNotice::Preparing(part) => bar.part("preparing the key, once", part),
        CacheNotice::Damaged { path, error } => {
            console.note(&format!("{}: {error}; making it again", path.display()));
        }
        CacheNotice::BuildingTables(part) => bar.part("building tables, once", part),
        CacheNotice::DamagedTables { path, error } => {
            console.note(&format!("{}: {error}; building them again", path.display()));
        }
        CacheNotice::NotKept(error) => {
            console.note(&format!("nothing is kept for the next time: {error}"));
        }
        _ => {}
    }
}

/// The depth of a circuit's tree.
pub(super) fn depth(circuit: logos_rln::Circuit) -> Result<Depth> {
    Ok(Depth::new(u32::from(circuit.depth()))?)
}
