//! Drives `logos_fuzz_targets::rate_limit::validator`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::rate_limit::validator(data));
