//! `logos rln keygen`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use logos_node::{Access, StoredIdentity, decode_hex, os_seeded};
use logos_rln::{Identity, MessageLimit};
use thiserror::Error;

use super::Answer;
use super::console::Console;
use super::input::{KeyArgument, is_standard, write};

/// A file is not overwritten that may hold the only copy of a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{} exists and may hold the only copy of a secret", .0.display())]
pub(super) struct WouldOverwrite(PathBuf);

/// Draws an identity and writes it to a file that its owner alone can read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos rln keygen --limit 100 --out id.json
  logos rln keygen --limit 100 --out - | jq -r .rate_commitment
  logos rln keygen --limit 100 --seed 00010203040506070809 --out test.json   # zerokit's identity")]
pub(super) struct Arguments {
    /// Messages the member may send in an epoch (1 to 65536 with the deployed key)
    #[arg(long, value_name = "N")]
    limit: u32,
    /// Derive the identity from these bytes, as zerokit does, instead of drawing it at random
    ///
    /// Whoever guesses the seed has the secret.
    #[arg(long, value_name = "HEX")]
    seed: Option<String>,
    /// Where to write the identity; `-` for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    key: KeyArgument,
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        let limit = MessageLimit::new(self.limit)?;
        self.key.verifying(console)?.circuit().check_limit(limit)?;
        let stored = StoredIdentity::new(self.identity()?, limit);
        if !self.force && would_overwrite(&self.out) {
            return Err(WouldOverwrite(self.out.clone()).into());
        }
        write(&self.out, stored.to_json().as_bytes(), Access::Private, console)?;
        if !is_standard(&self.out) && !console.json() {
            console.note(&format!(
                "wrote {}; register it with: logos rln register --members members.txt {}",
                self.out.display(),
                self.out.display()
            ));
        }
        Ok(Answer::Yes)
    }

    fn identity(&self) -> Result<Identity> {
        match &self.seed {
            Some(seed) => Ok(Identity::seeded(&decode_hex(seed).context("--seed")?)),
            None => Ok(Identity::random(&mut os_seeded()?)),
        }
    }
}

/// Does a file with content stand there? Empty ones, as `mktemp` makes them, hold no secret.
fn would_overwrite(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0)
}
