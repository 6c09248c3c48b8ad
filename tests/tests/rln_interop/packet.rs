//! A mix packet with a proof behind it (LIP-144), as `tests/vectors/mix/with_proof.json` publishes
//! it.

#[path = "packet/statement.rs"]
mod statement;

use logos_rln::{Proof, RlnProof};
use statement::{SIGMA_BYTES, folder, from_hex, member, message, packet, read, sigma, to_hex};

use crate::sides::{Case, OUR_SINGLE, THEIR_SINGLE, our_values, to_theirs};

const FILE: &str = "with_proof.json";

/// What the vector says of itself, of any packet.
fn case(packet: &[u8]) -> Case {
    Case { member: member(), message: message(packet) }
}

/// The published proof, its values by zerokit's reckoning.
fn published() -> RlnProof {
    let sigma = from_hex(read(FILE)["sigma"].as_str().unwrap());
    let points: &[u8; Proof::BYTES] = sigma[3..131].try_into().unwrap();
    let values = our_values(&case(&packet()).their_values());
    RlnProof { proof: Proof::from_bytes(points).unwrap(), values }
}

#[test]
fn the_published_packet_carries_a_proof_that_both_sides_accept() {
    let (proof, case) = (published(), case(&packet()));
    assert!(OUR_SINGLE.verifies(&proof, &case));
    assert!(THEIR_SINGLE.verifies(&to_theirs(&proof), &case));
}

#[test]
fn the_published_proof_has_the_fields_of_the_wire() {
    let published_bytes = read(FILE)["sigma"].as_str().unwrap().to_owned();
    assert_eq!(to_hex(&sigma(&published())), published_bytes);
    assert_eq!(published_bytes.len(), 2 * SIGMA_BYTES);
    assert_eq!(read(FILE)["root"], to_hex(&member().root().to_bytes()));
}

#[test]
fn the_proof_is_about_every_byte_of_the_packet() {
    let proof = published();
    let packet = packet();
    for at in (0..packet.len()).step_by(97).chain([packet.len() - 1]) {
        let mut changed = packet.clone();
        changed[at] ^= 1;
        assert!(!OUR_SINGLE.verifies(&proof, &case(&changed)), "byte {at}");
    }
}

#[test]
fn every_mix_vector_file_is_where_its_document_says() {
    for name in ["addresses", "forward", "framing", "pq", "reply", "with_proof"] {
        assert!(folder().join(name).with_extension("json").is_file(), "{name}");
    }
}
