//! Writes the seeds of the `ratchet` targets: `cargo run -p logos-fuzz-targets --example
//! ratchet_seeds`, from the workspace root.

use std::fs;
use std::io::Result;
use std::path::Path;

use logos_fuzz_targets::ratchet::{private1, shipped, world};
use logos_ratchet::shipped::{Envelope, Frame};
use logos_ratchet::{HybridV1, hazmat};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn main() -> Result<()> {
    let world = world();
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    let frame = Frame::content("c5b2".into(), 1_772_300_000_000, b"text".to_vec());
    let envelope = Envelope::new("e28d".into(), frame.encode());
    write("ratchet_bundle", "bundle", &world.bundle)?;
    write("ratchet_bundle", "frame", &frame.encode())?;
    write("ratchet_bundle", "envelope", &envelope.encode())?;
    write("ratchet_bundle", "wrong_suite", &[9])?;

    write("ratchet_first_message", "first", &world.first)?;
    write("ratchet_first_message", "cut_short", world.first.split_at(60).0)?;

    let encrypted = |text: &[u8], rng: &mut ChaCha20Rng| {
        (private1().0.encrypt(text, rng), shipped().0.encrypt(text, rng))
    };
    let (lip, deployed) = encrypted(b"text", rng);
    write("ratchet_message", "hybrid", &[&[0], &world.next[..]].concat())?;
    write("ratchet_message", "private1", &[&[1], &lip.unwrap_or_default()[..]].concat())?;
    write("ratchet_message", "shipped", &[&[2], &deployed.unwrap_or_default()[..]].concat())?;

    let state = hazmat::reencode_snapshot::<HybridV1>(&world.at_session, [5; 32]);
    write("ratchet_snapshot", "hybrid", &[&[0], &state.unwrap_or_default()[..]].concat())?;
    write("ratchet_snapshot", "claims_all_keys", &[&[3], &[0xff; 84][..]].concat())
}

fn write(target: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}
