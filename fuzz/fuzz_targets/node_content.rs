//! Drives `logos_fuzz_targets::channel::content`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::channel::content(data));
