//! Drives `logos_fuzz_targets::rate_limit::registry`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::rate_limit::registry(data));
