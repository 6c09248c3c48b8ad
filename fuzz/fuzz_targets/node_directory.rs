//! Drives `logos_fuzz_targets::discovery::directory`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::discovery::directory(data));
