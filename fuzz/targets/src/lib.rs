//! What each fuzz target drives: one ordinary function for each decoder or machine.
//!
//! A function takes arbitrary bytes, checks what must hold of them and returns nothing. It panics
//! when a property is broken. The cargo-fuzz programs in `fuzz/fuzz_targets` call these functions,
//! and so does a test on stable Rust with the committed seeds and their mutations.

pub mod crypto;
pub mod mix;
pub mod ratchet;
pub mod rln;

/// A target: its name, which is also the folder of its seeds, and what it drives.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("crypto_codec", crypto::codec),
    ("crypto_field", crypto::field),
    ("mix_fragment", mix::fragment),
    ("mix_framing", mix::framing),
    ("mix_packet", mix::packet),
    ("mix_surb", mix::surb),
    ("ratchet_bundle", ratchet::bundle),
    ("ratchet_first_message", ratchet::first_message),
    ("ratchet_message", ratchet::message),
    ("ratchet_snapshot", ratchet::snapshot),
    ("rln_keys", rln::keys),
    ("rln_nullifiers", rln::nullifiers),
    ("rln_proof", rln::proof),
    ("rln_values", rln::values),
    ("rln_witness", rln::witness),
];
