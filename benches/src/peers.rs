//! The peers, each behind functions that say what they do.
//!
//! Bytes go in and come out, so that our types and a peer's types (arkworks 0.5 below zerokit)
//! never meet.

pub mod sphinx;
pub mod taceo;
pub mod zerokit;
