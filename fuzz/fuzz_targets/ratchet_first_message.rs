//! Drives `logos_fuzz_targets::ratchet::first_message`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::ratchet::first_message(data));
