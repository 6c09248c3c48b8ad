//! Receiving through peers that relay.

mod client;
mod table;

pub(super) use client::{FilterAsk, FilterClient, FilterFailure};
pub(super) use table::FilterTable;
