//! Five nodes in one process, in virtual time, over links that lose and reorder packets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    unreachable_pub,
    reason = "a test of an application's view"
)]

mod mixnet {
    mod accounting;
    mod net;
    mod schedule;
}
