//! Drives `logos_fuzz_targets::discovery::waku_record`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::discovery::waku_record(data));
