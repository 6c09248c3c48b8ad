//! Drives `logos_fuzz_targets::mix::session`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::mix::session(data));
