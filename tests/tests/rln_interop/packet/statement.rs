//! The mix packet with a proof behind it: what the proof is about, and the bytes it takes.

use std::path::{Path, PathBuf};

use logos_crypto::Fr;
use logos_rln::{
    ExternalNullifier, IdentitySecret, Membership, MerklePath, Message, MessageLimit, ProofValues,
    RlnProof, Signal,
};
use serde_json::Value;

/// Messages a member may send in an epoch.
pub const LIMIT: u32 = 100;
/// The message id that the packet uses up.
pub const MESSAGE_ID: u32 = 7;
/// The epoch: ten seconds each, counted from 1970.
pub const EPOCH: u64 = 176_370_120;
/// What the proof counts for.
pub const APPLICATION: &[u8] = b"mix-rln-spam-protection/v1";
/// Where the member stands in an otherwise empty tree of depth 20.
pub const INDEX: u64 = 5;
/// Bytes of the proof behind a packet.
pub const SIGMA_BYTES: usize = 3 + 128 + 5 * (2 + 32);

/// Folder of the mix vectors.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/mix")
}

/// A vector file.
pub fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

/// The three-hop packet of `forward.json`.
pub fn packet() -> Vec<u8> {
    let forward = read("forward.json");
    let cases = forward["cases"].as_array().unwrap();
    let whole = |case: &&Value| case["hops"] == 3 && case["payload"] == "v3-lioness";
    from_hex(cases.iter().find(whole).unwrap()["packet"].as_str().unwrap())
}

/// The epoch as the proof carries it.
pub fn epoch_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&EPOCH.to_le_bytes());
    bytes
}

/// What the proof is about: the whole packet.
pub fn message(packet: &[u8]) -> Message {
    let id = MessageLimit::new(LIMIT).unwrap().id(MESSAGE_ID).unwrap();
    let application = Fr::from_bytes_reduced(APPLICATION);
    let epoch = ExternalNullifier::from_fields(Fr::from(EPOCH), application);
    Message::new(epoch, Signal::from_message(packet), id)
}

/// The member whose secret is seven.
pub fn member() -> Membership {
    let secret = IdentitySecret::from_field(Fr::from(7_u64)).unwrap();
    let path = MerklePath::new(empty_siblings(), INDEX).unwrap();
    Membership::new(secret, MessageLimit::new(LIMIT).unwrap(), path)
}

/// Roots of empty trees of depth 0 to 19.
fn empty_siblings() -> Vec<Fr> {
    let above = |node: &Fr| Some(logos_crypto::poseidon::hash2(*node, *node));
    std::iter::successors(Some(Fr::ZERO), above).take(20).collect()
}

/// `RateLimitProof` as the mix carries it: fields 1 to 6, each with its tag and length.
pub fn sigma(proof: &RlnProof) -> Vec<u8> {
    let ProofValues::Single(values) = &proof.values else { panic!("one message id") };
    let fields: [&[u8]; 6] = [
        &proof.proof.to_bytes(),
        &values.root.to_bytes(),
        &epoch_bytes(),
        &values.x.to_bytes(),
        &values.y.to_bytes(),
        &values.nullifier.to_bytes(),
    ];
    let mut bytes = Vec::with_capacity(SIGMA_BYTES);
    for (number, field) in (1_u8..).zip(fields) {
        bytes.push(number << 3 | 2);
        bytes.extend(if field.len() == 128 { &[0x80, 0x01][..] } else { &[32] });
        bytes.extend(field);
    }
    bytes
}

/// Lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of hexadecimal digits.
pub fn from_hex(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}
