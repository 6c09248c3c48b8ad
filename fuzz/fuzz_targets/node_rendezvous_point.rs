//! Drives `logos_fuzz_targets::discovery::rendezvous_point`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logos_fuzz_targets::discovery::rendezvous_point(data));
