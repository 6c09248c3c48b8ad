//! `logos rln prove`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use logos_node::{Access, Members, StoredIdentity, encode_proof, field_hex, os_seeded};
use logos_rln::{
    Circuit, CircuitKind, ExternalNullifier, Membership, Message, MessageIds, MessageIdsError,
    RlnProof, Signal,
};
use serde::Serialize;
use thiserror::Error;

use super::Answer;
use super::console::Console;
use super::input::{
    KeyArgument, TablesArgument, depth, identity, is_standard, members, message,
    one_standard_input, write,
};

/// The identity is not at the leaf that was named.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum PlaceError {
    #[error("leaf {asked} is not this identity's, which is leaf {found}")]
    Elsewhere { asked: u64, found: u64 },
    #[error("this identity is not in the members file")]
    NotRegistered,
}

/// Proves that a message comes from a member who is within the limit.
///
/// The message's x is hash_to_field_le(message), and it counts against
/// Poseidon(hash_to_field_le(epoch), hash_to_field_le(app)). The proof does not say which member
/// it comes from.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos rln prove --identity id.json --members members.txt --index 0 --epoch 7 --app chat \\
      --message-id 0 --message message.txt --out proof.bin
  echo hello | logos rln prove --identity id.json --members members.txt --index 0 --epoch 7 \\
      --app chat --message-id 1 --out - | xxd | head

Never use one message id for two messages of an epoch: together the two proofs give your secret
away, and you lose the membership.")]
pub(super) struct Arguments {
    /// The identity, as `logos rln keygen` writes it
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// The members file
    #[arg(long, value_name = "FILE")]
    members: PathBuf,
    /// The identity's leaf, as `logos rln register` printed it
    #[arg(long, value_name = "K")]
    index: u64,
    /// The epoch the message counts in: any text that sender and receivers agree on
    #[arg(long, value_name = "TEXT")]
    epoch: String,
    /// The application the message counts in
    #[arg(long, value_name = "TEXT")]
    app: String,
    /// Which of the epoch's messages this is, from 0 to limit - 1; several for a multi-message key
    #[arg(long, value_name = "M", required = true)]
    message_id: Vec<u32>,
    /// The message; standard input if none is named
    #[arg(long, value_name = "FILE")]
    message: Option<PathBuf>,
    /// Where to write the proof; `-` for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    tables: TablesArgument,
}

#[derive(Serialize)]
struct Proved {
    bytes: usize,
    root: String,
    external_nullifier: String,
    x: String,
    nullifiers: Vec<String>,
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        let standard = self.message.as_deref().unwrap_or("-".as_ref());
        one_standard_input(&[&self.identity, &self.members, standard])?;
        if console.json() && is_standard(&self.out) {
            bail!("--json and the proof cannot both go to standard output: name a file with --out");
        }
        let key = self.key.proving(console)?;
        let stored = identity(&self.identity)?;
        let members = members(&self.members, depth(key.circuit())?)?;
        let ids = message_ids(&self.message_id, &stored, key.circuit())?;
        let membership = self.membership(&stored, &members)?;
        let signal = Signal::from_message(&message(self.message.as_deref())?);
        let epoch = ExternalNullifier::new(self.epoch.as_bytes(), self.app.as_bytes());
        let message = Message::new(epoch, signal, ids);
        let prover = self.tables.prover(key, console)?;
        let proof = prover.prove(&membership, &message, &mut os_seeded()?)?;
        let bytes = encode_proof(&proof);
        write(&self.out, &bytes, Access::Shared, console)?;
        if console.json() {
            console.json_line(&proved(&proof, bytes.len()))?;
        } else if !is_standard(&self.out) {
            console.note(&format!("wrote {} bytes to {}", bytes.len(), self.out.display()));
        }
        Ok(Answer::Yes)
    }

    fn membership(&self, stored: &StoredIdentity, members: &Members) -> Result<Membership> {
        let found = members.position(stored.rate_commitment());
        let found = found
            .ok_or(PlaceError::NotRegistered)
            .with_context(|| self.members.display().to_string())?;
        if found != self.index {
            return Err(PlaceError::Elsewhere { asked: self.index, found }.into());
        }
        let path = members.path(found).context("the members file has no such line")?;
        Ok(Membership::new(stored.identity().secret().duplicate(), stored.limit(), path))
    }
}

fn message_ids(ids: &[u32], stored: &StoredIdentity, circuit: Circuit) -> Result<MessageIds> {
    let ids: Vec<_> = ids.iter().map(|id| stored.limit().id(*id)).collect::<Result<_, _>>()?;
    match (circuit.kind(), ids.as_slice()) {
        (CircuitKind::Multi { slots }, ids) => Ok(MessageIds::burn(ids, slots)?),
        (_, [id]) => Ok((*id).into()),
        (_, ids) => Err(MessageIdsError::SlotMismatch { given: ids.len(), slots: 1 }.into()),
    }
}

fn proved(proof: &RlnProof, bytes: usize) -> Proved {
    let values = &proof.values;
    Proved {
        bytes,
        root: field_hex(values.root()),
        external_nullifier: field_hex(values.external_nullifier().to_field()),
        x: field_hex(values.x()),
        nullifiers: values.signals().map(|slot| field_hex(slot.nullifier.to_field())).collect(),
    }
}
