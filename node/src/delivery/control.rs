//! The control plane: HTTP on this machine, for programs that hold its token.
//!
//! | request | answer |
//! |---|---|
//! | `GET /health` | 200 if messages get through, 503 if not; no token needed |
//! | `GET /metrics` | counters, in Prometheus' text format |
//! | `GET /status` | the node, its peers and services, as JSON |
//! | `POST /messages` | `{"content_topic", "payload", "ephemeral"}`, payload in hexadecimal: sends |
//! | `GET /messages/{request}` | how far a send is |
//! | `POST /peers` | `{"address"}`: dials |
//! | `GET /offers/{capability}` | addresses of peers said to offer it: `store`, `filter`, `lightpush`, .. |
//! | `POST /channels` | `{"id", "secret", "key"}`, both of 64 digits: opens a reliable channel |
//! | `POST /channels/{id}/messages` | `{"payload", "ephemeral"}`: sends |
//! | `GET /channels/{id}/messages` | the next message, or 204 if none comes in 20 seconds; the one before is read then |
//! | `GET /channels/{id}/messages/{request}` | how a message ended |
//! | `DELETE /channels/{id}` | closes; opened again, a channel that is kept goes on |
//!
//! Web pages of other origins are kept out by three locks: the token, the `Host` header, which must
//! name this machine, and the `Origin` header, which must not be there.

mod channels;
mod guard;
mod routes;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpListener;

pub use guard::Token;

use channels::Channels;

use super::node::Node;
use super::supervise::Services;
use crate::store::Records;

/// Why the control plane does not run.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlError {
    /// The address is not of this machine alone.
    #[error("{0} can be reached from other machines; the control plane listens on loopback only")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        reason: io::ErrorKind,
    },
    /// The server broke down.
    #[error("the control plane broke down: {0}")]
    Broken(io::ErrorKind),
}

/// A control plane that listens and serves when it is run.
#[derive(Debug)]
pub struct Control {
    listener: TcpListener,
    address: SocketAddr,
    records: Option<Records>,
}

impl Control {
    /// Listens.
    ///
    /// # Errors
    ///
    /// [`ControlError`]
    pub async fn listen(address: SocketAddr) -> Result<Self, ControlError> {
        if !address.ip().is_loopback() {
            return Err(ControlError::NotLoopback(address));
        }
        let failed = |error: io::Error| ControlError::Listen { address, reason: error.kind() };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, records: None })
    }

    /// Keeps the channels that programs open in `records`. Without, what a channel accepted ends
    /// with the control plane.
    #[must_use]
    pub fn with_channels(self, records: Records) -> Self {
        Self { records: Some(records), ..self }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is dropped.
    ///
    /// # Errors
    ///
    /// [`ControlError::Broken`]
    pub async fn run(
        self,
        node: Node,
        services: Services,
        token: Token,
    ) -> Result<(), ControlError> {
        let channels = Arc::new(Channels::new(self.records));
        let router = routes::router(node, services, channels, token);
        let served = axum::serve(self.listener, router).await;
        served.map_err(|error| ControlError::Broken(error.kind()))
    }
}

#[cfg(test)]
mod tests;
