//! Drives `logos_fuzz_targets::ratchet::snapshot`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::ratchet::snapshot(data));
