//! Drives `logos_fuzz_targets::discovery::tree`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::discovery::tree(data));
