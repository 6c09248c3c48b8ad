//! `logos rln verify`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use logos_node::{ProofFileError, backend, decode_proof};
use logos_rln::{ExternalNullifier, RlnProof, Signal, Verifier, VerifyError};
use serde::Serialize;

use super::Answer;
use super::console::Console;
use super::input::{
    KeyArgument, MAX_PROOF_BYTES, depth, in_file, members, message, one_standard_input, read,
};

/// Checks that a proof is about this message, epoch and application, and under the members' root.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos rln verify --members members.txt --epoch 7 --app chat --message message.txt proof.bin
  echo hello | logos rln verify --members members.txt --epoch 7 --app chat proof.bin && echo yes
  logos --json rln verify --members members.txt --epoch 7 --app chat --message m proof.bin

Exit codes:
  0  valid
  1  not valid: the proof is of another message, epoch, group or nothing at all
  2  unusable input: a file is missing, is no members file, or is too short or long for a proof

With --json: {\"valid\":true,\"reason\":null}, or false and one of the reasons other-circuit,
zero-signal, unknown-root, other-message, other-epoch, invalid-proof, malformed-proof, and
unusable-input with exit code 2.

That a proof is valid does not say that its message id is fresh: whoever receives proofs has to
remember nullifiers. `logos rln inspect proof.bin` prints them.")]
pub(super) struct Arguments {
    /// The members file: its root is the one that is accepted
    #[arg(long, value_name = "FILE")]
    members: PathBuf,
    /// The epoch the proof must count in
    #[arg(long, value_name = "TEXT")]
    epoch: String,
    /// The application the proof must count in
    #[arg(long, value_name = "TEXT")]
    app: String,
    /// The message; standard input if none is named
    #[arg(long, value_name = "FILE")]
    message: Option<PathBuf>,
    /// The proof: 289 bytes (zerokit 3.0), 290 (2.0) or 288 (0.9)
    #[arg(value_name = "PROOF")]
    proof: PathBuf,
    #[command(flatten)]
    key: KeyArgument,
}

#[derive(Serialize)]
struct Judgement {
    valid: bool,
    reason: Option<&'static str>,
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        let refused = match self.judge(console) {
            Ok(refused) => refused,
            Err(error) => {
                if console.json() {
                    let reason = Some("unusable-input");
                    console.json_line(&Judgement { valid: false, reason })?;
                }
                return Err(error);
            }
        };
        let (text, reason) = match &refused {
            None => ("valid".to_owned(), None),
            Some(refused) => (format!("not valid: {}", refused.text()), Some(refused.code())),
        };
        console.answer(&text, &Judgement { valid: refused.is_none(), reason })?;
        Ok(refused.is_none().into())
    }

    /// Why the proof is refused, if it is; an error if the input says nothing.
    fn judge(&self, console: &Console) -> Result<Option<Refused>> {
        let standard = self.message.as_deref().unwrap_or("-".as_ref());
        one_standard_input(&[&self.members, &self.proof, standard])?;
        let verifier = Verifier::with_backend(self.key.verifying(console)?, backend()?);
        let members = members(&self.members, depth(verifier.circuit())?)?;
        let bytes = read(&self.proof, MAX_PROOF_BYTES)?;
        let proof = match decode_proof(&bytes) {
            Ok((_, proof)) => proof,
            Err(error) if error.is_wrong_length() => return Err(in_file(&self.proof, error)),
            Err(error) => return Ok(Some(Refused::Malformed(error))),
        };
        let signal = Signal::from_message(&message(self.message.as_deref())?);
        Ok(self.verify(&verifier, &proof, signal, members.root()).err().map(Refused::Verify))
    }

    fn verify(
        &self,
        verifier: &Verifier,
        proof: &RlnProof,
        signal: Signal,
        root: logos_crypto::Fr,
    ) -> Result<(), VerifyError> {
        let epoch = ExternalNullifier::new(self.epoch.as_bytes(), self.app.as_bytes());
        verifier.verify_in_epoch(proof, signal, &[root], epoch)
    }
}

/// Why a proof is not valid.
enum Refused {
    /// Its bytes, of the right number, are no points or field elements.
    Malformed(ProofFileError),
    Verify(VerifyError),
}

impl Refused {
    fn text(&self) -> String {
        match self {
            Self::Malformed(error) => error.to_string(),
            Self::Verify(error) => error.to_string(),
        }
    }

    /// The same for programs: these words do not change.
    const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed-proof",
            Self::Verify(VerifyError::OtherCircuit) => "other-circuit",
            Self::Verify(VerifyError::ZeroSignal) => "zero-signal",
            Self::Verify(VerifyError::NoRoots | VerifyError::UnknownRoot) => "unknown-root",
            Self::Verify(VerifyError::OtherSignal) => "other-message",
            Self::Verify(VerifyError::OtherExternalNullifier) => "other-epoch",
            Self::Verify(_) => "invalid-proof",
        }
    }
}
