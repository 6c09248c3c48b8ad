//! `logos rln register`

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use logos_node::{MembersError, RegisterError, register};
use serde::Serialize;

use super::Answer;
use super::console::Console;
use super::input::{KeyArgument, depth, identity, in_file, is_standard};

/// Appends the identity's rate commitment to the members file and prints which leaf it is.
///
/// The file is made if it is not there, and replaced whole: what stands in it stays byte for byte.
/// Several processes may register at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos rln register --members members.txt id.json      # prints {\"index\":0}")]
pub(super) struct Arguments {
    /// The members file: line k, counted from 0, is leaf k
    #[arg(long, value_name = "FILE")]
    members: PathBuf,
    /// The identity, as `logos rln keygen` writes it
    #[arg(value_name = "IDENTITY")]
    identity: PathBuf,
    #[command(flatten)]
    key: KeyArgument,
}

#[derive(Serialize)]
struct Registered {
    index: u64,
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        if is_standard(&self.members) {
            bail!("--members is a file to append to, not standard input");
        }
        let stored = identity(&self.identity)?;
        let circuit = self.key.verifying(console)?.circuit();
        circuit.check_limit(stored.limit())?;
        let index = register(&self.members, stored.rate_commitment(), depth(circuit)?)
            .map_err(|error| self.name_file(error))?;
        console.json_line(&Registered { index })?;
        Ok(Answer::Yes)
    }

    fn name_file(&self, error: RegisterError) -> anyhow::Error {
        match error {
            RegisterError::File(error) => error.into(),
            RegisterError::Members(error) => in_file::<MembersError>(&self.members, error),
            error => in_file(&self.members, error),
        }
    }
}
