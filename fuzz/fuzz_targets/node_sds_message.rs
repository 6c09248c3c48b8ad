//! Drives `logos_fuzz_targets::channel::sds_message`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::channel::sds_message(data));
