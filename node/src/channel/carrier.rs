//! What a channel or a chat needs of the network below it.

use std::time::Duration;

use thiserror::Error;

use super::machine::{Page, Query};

/// The network did not take something. Nothing is lost: it is tried again.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the network did not take it: {0}")]
pub struct CarrierError(pub String);

/// Something from the network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arrival {
    /// A message on a topic that was subscribed to.
    Message {
        /// Its content topic.
        topic: String,
        /// What it carries.
        payload: Vec<u8>,
        /// Its transport hash.
        hash: Vec<u8>,
    },
    /// What became of [`Carrier::publish`].
    Published {
        /// The number it was given.
        receipt: u64,
        /// The transport hash it left under; none if it did not leave.
        hash: Option<Vec<u8>>,
    },
    /// The answer to [`Carrier::query`].
    Page {
        /// The topic it was about.
        topic: String,
        /// The page; none if no store answered.
        page: Option<Page>,
    },
    /// A connection came back after there was none.
    Connected,
}

/// A network that carries payloads by content topic: the node's messaging API, or a wire in a test.
pub trait Carrier {
    /// Wants what is published on `topic` from now on.
    ///
    /// # Errors
    ///
    /// [`CarrierError`].
    fn subscribe(&mut self, topic: &str) -> Result<(), CarrierError>;

    /// Publishes; what became of it is an [`Arrival::Published`] with the same `receipt`.
    ///
    /// # Errors
    ///
    /// [`CarrierError`]; then nothing was published, and nothing arrives.
    fn publish(&mut self, topic: &str, payload: &[u8], receipt: u64) -> Result<(), CarrierError>;

    /// Asks a store for a page; the answer is an [`Arrival::Page`].
    ///
    /// # Errors
    ///
    /// [`CarrierError`]; there is no answer then.
    fn query(&mut self, topic: &str, query: &Query) -> Result<(), CarrierError>;

    /// Asks a store for one message by its transport hash; the answer is an [`Arrival::Message`], or
    /// none.
    ///
    /// # Errors
    ///
    /// [`CarrierError`].
    fn fetch(&mut self, topic: &str, hash: &[u8]) -> Result<(), CarrierError>;

    /// The next thing that arrives; none within `wait`.
    fn next_arrival(&mut self, wait: Duration) -> Option<Arrival>;
}
