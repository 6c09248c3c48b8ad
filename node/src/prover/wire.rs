//! The services' messages and stubs, made from `proto/` at build time.

#![allow(
    missing_docs,
    unreachable_pub,
    elided_lifetimes_in_paths,
    trivial_numeric_casts,
    unused_lifetimes,
    unused_qualifications,
    missing_debug_implementations,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    clippy::missing_errors_doc,
    clippy::std_instead_of_core,
    clippy::use_self,
    clippy::cast_possible_truncation,
    reason = "made by a program; the definitions are documented"
)]

/// `logos.rln.v1`, the service's own interface.
pub mod v1 {
    tonic::include_proto!("logos.rln.v1");
}

/// `prover`, the interface of the deployed Status prover.
pub mod status {
    tonic::include_proto!("prover");
}

/// All definitions, for reflection.
pub(super) const DEFINITIONS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/services.bin"));
