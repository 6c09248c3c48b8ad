//! What a node does for peers, and asks of them, one stream at a time.

mod client;
mod server;

#[cfg(feature = "rendezvous")]
pub(super) use client::{Found, visit};
pub(super) use client::{Given, Tried, check, exchange, push, query, subscribe};
pub(super) use server::{Servers, push_all};
