//! `logos rln inspect`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use logos_crypto::merkle::Depth;
use logos_node::{KeyFormat, Members, StoredIdentity, decode_proof, field_hex, frame_name};
use logos_rln::{Circuit, KeyHash, ProvingKey, RlnProof, VerifyingKey};
use serde_json::{Map, Value, json};
use thiserror::Error;
use zeroize::Zeroizing;

use super::Answer;
use super::console::Console;
use super::input::{in_file, read};

/// Largest file that is looked at: the largest key's.
const MAX_BYTES: u64 = 1 << 28;

/// The bytes are none of the things that are recognised.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{bytes} bytes that are no proof, identity, members file or key")]
pub(super) struct Unknown {
    bytes: usize,
}

/// Says what a file is and what it holds. Secrets are not shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos rln inspect proof.bin           # root, nullifier, x, y, external nullifier
  logos rln inspect id.json             # commitments and limit; the secret is not shown
  logos rln inspect members.txt         # how many, and the root of their tree
  logos rln inspect final.arkzkey       # format, circuit, SHA-256")]
pub(super) struct Arguments {
    /// A proof, identity, members file or key; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        let bytes = Zeroizing::new(read(&self.file, MAX_BYTES)?);
        let found = describe(&self.file, &bytes)?;
        console.answer(&for_people(&found), &found)?;
        Ok(Answer::Yes)
    }
}

type Description = Map<String, Value>;

fn describe(path: &Path, bytes: &[u8]) -> Result<Description> {
    if let Ok((frame, proof)) = decode_proof(bytes) {
        return Ok(of_proof(frame_name(frame), bytes.len(), &proof));
    }
    if bytes.trim_ascii_start().starts_with(b"{") {
        let stored = StoredIdentity::from_json(bytes).map_err(|error| in_file(path, error))?;
        return Ok(of_identity(&stored));
    }
    if let Some(format) = KeyFormat::recognise(bytes) {
        return of_key(format, bytes).map_err(|error| in_file(path, error));
    }
    match Members::parse(bytes, Depth::RLN) {
        Ok(members) => Ok(of_members(&members)),
        Err(error) if bytes.is_ascii() && bytes.len() >= 64 => Err(in_file(path, error)),
        Err(_) => Err(in_file(path, Unknown { bytes: bytes.len() })),
    }
}

fn described(kind: &str, fields: Value) -> Description {
    let mut description = Map::new();
    description.insert("kind".to_owned(), kind.into());
    if let Value::Object(fields) = fields {
        description.extend(fields);
    }
    description
}

fn of_proof(frame: &str, bytes: usize, proof: &RlnProof) -> Description {
    let values = &proof.values;
    let slots: Vec<Value> = values
        .signals()
        .map(|slot| {
            json!({
                "nullifier": field_hex(slot.nullifier.to_field()),
                "y": field_hex(slot.share.y),
            })
        })
        .collect();
    let fields = json!({
        "frame": frame,
        "bytes": bytes,
        "root": field_hex(values.root()),
        "external_nullifier": field_hex(values.external_nullifier().to_field()),
        "x": field_hex(values.x()),
        "signals": slots,
    });
    described("proof", fields)
}

fn of_identity(stored: &StoredIdentity) -> Description {
    let fields = json!({
        "commitment": field_hex(stored.identity().commitment().to_field()),
        "rate_commitment": field_hex(stored.rate_commitment().to_field()),
        "limit": stored.limit().get(),
        "secret": "not shown",
    });
    described("identity", fields)
}

fn of_members(members: &Members) -> Description {
    let fields = json!({
        "leaves": members.len(),
        "members": members.registered(),
        "depth": Depth::RLN.get(),
        "root": field_hex(members.root()),
    });
    described("members", fields)
}

/// Ceremony keys are not prepared for this: their circuit is told where it is known by hash.
fn of_key(format: KeyFormat, bytes: &[u8]) -> Result<Description, logos_rln::KeyError> {
    let hash = KeyHash::of(bytes);
    let (name, circuit) = match format {
        KeyFormat::Prepared => ("prepared", Some(ProvingKey::from_bytes(bytes)?.circuit())),
        KeyFormat::Verifying => ("verifying", Some(VerifyingKey::from_bytes(bytes)?.circuit())),
        KeyFormat::Zkey => ("zkey", None),
        _ => ("arkzkey", known(hash)),
    };
    let mut fields = json!({
        "format": name,
        "bytes": bytes.len(),
        "sha256": logos_node::encode_hex(&hash.0),
    });
    if let (Some(circuit), Value::Object(fields)) = (circuit, &mut fields) {
        fields.insert("depth".to_owned(), circuit.depth().into());
        fields.insert("limit_bits".to_owned(), circuit.limit_bits().into());
        fields.insert("message_ids".to_owned(), circuit.slots().into());
    }
    Ok(described("key", fields))
}

fn known(hash: KeyHash) -> Option<Circuit> {
    match hash {
        KeyHash::SINGLE_20 => Some(Circuit::SINGLE_20),
        KeyHash::MULTI_20 => Some(Circuit::MULTI_20),
        _ => None,
    }
}

/// A field a line; what is nested is indented.
fn for_people(description: &Description) -> String {
    let mut text = String::new();
    for (name, value) in description {
        match value {
            Value::Array(items) => {
                for item in items.iter().filter_map(Value::as_object) {
                    text.push_str(&for_people(item));
                }
            }
            // Writing to a string cannot fail.
            Value::String(string) => writeln!(text, "{name:<19} {string}").unwrap_or_default(),
            other => writeln!(text, "{name:<19} {other}").unwrap_or_default(),
        }
    }
    text
}
