//! Writes `tests/vectors/mix/with_proof.json`: a packet of `forward.json`, and a proof about it.

#[path = "../tests/rln_interop/packet/statement.rs"]
mod statement;

use logos_rln::Prover;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::json;
use statement::{
    APPLICATION, EPOCH, INDEX, LIMIT, MESSAGE_ID, SIGMA_BYTES, epoch_bytes, folder, member,
    message, packet, sigma, to_hex,
};

fn main() {
    let (packet, member) = (packet(), member());
    let prover = Prover::new(logos_rln_keys::single());
    let mut rng = ChaCha20Rng::from_seed([0x42; 32]);
    let proof = prover.prove(&member, &message(&packet), &mut rng).unwrap();
    let file = json!({
        "source": "this implementation; docs/mix.md says how to check another",
        "version": "2",
        "command": "cargo run -p logos-tests --example packet_with_proof",
        "about": "the three-hop packet of forward.json (v3-lioness), and behind it RateLimitProof \
                  of LIP-144. The proof verifies under the key of zerokit 3.0.0 (single message \
                  id): x = hash_to_field_le(packet), external nullifier = Poseidon(epoch, application), \
                  both read as numbers, least significant byte first. The member is alone in a tree of \
                  depth 20.",
        "secret": to_hex(&member.secret().expose_secret().to_bytes()),
        "limit": LIMIT,
        "index": INDEX,
        "message_id": MESSAGE_ID,
        "epoch": EPOCH,
        "epoch_bytes": to_hex(&epoch_bytes()),
        "application": core::str::from_utf8(APPLICATION).unwrap(),
        "root": to_hex(&member.root().to_bytes()),
        "sigma": to_hex(&sigma(&proof)),
        "wire_bytes": packet.len() + SIGMA_BYTES,
        "length_prefix": "ad26",
    });
    let text = serde_json::to_string_pretty(&file).unwrap() + "\n";
    std::fs::write(folder().join("with_proof.json"), text).unwrap();
}
