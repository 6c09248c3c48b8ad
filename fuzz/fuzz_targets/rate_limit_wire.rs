//! Drives `logos_fuzz_targets::rate_limit::wire`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::rate_limit::wire(data));
