//! `logos rln recover`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use logos_node::{decode_proof, secret_hex};
use logos_rln::{RlnProof, recover_secret};
use serde::Serialize;

use super::Answer;
use super::console::Console;
use super::input::{MAX_PROOF_BYTES, in_file, one_standard_input, read};

/// Recovers the secret of a member who sent two messages under one message id of an epoch.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos rln recover a.bin b.bin         # prints the secret, 64 hexadecimal digits

Exit codes:
  0  the secret was printed
  1  there is none to recover: other epochs, other ids or members, or the same message twice
  2  unusable input

The proofs themselves are not verified, and need not be: a secret is printed only if the nullifier
follows from it.")]
pub(super) struct Arguments {
    /// One proof
    #[arg(value_name = "A")]
    first: PathBuf,
    /// The other
    #[arg(value_name = "B")]
    second: PathBuf,
}

#[derive(Serialize)]
struct Recovered<'a> {
    secret: Option<&'a str>,
    reason: Option<String>,
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        one_standard_input(&[&self.first, &self.second])?;
        let [first, second] = [load(&self.first)?, load(&self.second)?];
        match recover_secret(&first.values, &second.values) {
            Ok(secret) => {
                let digits = secret_hex(&secret);
                console.answer(&digits, &Recovered { secret: Some(&digits), reason: None })?;
                Ok(Answer::Yes)
            }
            Err(error) => {
                let reason = error.to_string();
                if console.json() {
                    console.json_line(&Recovered { secret: None, reason: Some(reason) })?;
                } else {
                    console.note(&format!("nothing to recover: {reason}"));
                }
                Ok(Answer::No)
            }
        }
    }
}

fn load(path: &Path) -> Result<RlnProof> {
    let bytes = read(path, MAX_PROOF_BYTES)?;
    Ok(decode_proof(&bytes).map_err(|error| in_file(path, error))?.1)
}
