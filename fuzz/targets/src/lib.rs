//! What each fuzz target drives: one ordinary function for each decoder or machine.
//!
//! A function takes arbitrary bytes, checks what must hold of them and returns nothing. It panics
//! when a property is broken. The cargo-fuzz programs in `fuzz/fuzz_targets` call these functions,
//! and so does a test on stable Rust with the committed seeds and their mutations.

pub mod channel;
pub mod crypto;
pub mod discovery;
pub mod mix;
pub mod node;
pub mod ratchet;
pub mod rate_limit;
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
    ("mix_session", mix::session),
    ("mix_session_frame", mix::session_frame),
    ("mix_surb", mix::surb),
    ("node_channel_records", channel::channel_records),
    ("node_channel_sealed", channel::sealed),
    ("node_content", channel::content),
    ("node_directory", discovery::directory),
    ("node_enr", discovery::enr),
    ("node_enr_tree", discovery::tree),
    ("node_frame", node::frame),
    ("node_peer_record", discovery::peer_record),
    ("node_reassembly", channel::reassembly),
    ("node_rendezvous_point", discovery::rendezvous_point),
    ("node_sds", channel::sds),
    ("node_sds_message", channel::sds_message),
    ("node_segment", channel::segment),
    ("node_send", node::send),
    ("node_topic", node::topic),
    ("node_waku_record", discovery::waku_record),
    ("node_wire", node::wire),
    ("ratchet_bundle", ratchet::bundle),
    ("ratchet_first_message", ratchet::first_message),
    ("ratchet_message", ratchet::message),
    ("ratchet_snapshot", ratchet::snapshot),
    ("rate_limit_registry", rate_limit::registry),
    ("rate_limit_validator", rate_limit::validator),
    ("rate_limit_wire", rate_limit::wire),
    ("rln_keys", rln::keys),
    ("rln_nullifiers", rln::nullifiers),
    ("rln_proof", rln::proof),
    ("rln_values", rln::values),
    ("rln_witness", rln::witness),
];
