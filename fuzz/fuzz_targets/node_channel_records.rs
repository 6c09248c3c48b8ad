//! Drives `logos_fuzz_targets::channel::channel_records`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::channel::channel_records(data));
