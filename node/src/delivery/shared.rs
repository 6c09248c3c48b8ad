//! What tasks of a node share: counters, the sends' states, the filter table.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libp2p::Multiaddr;
use serde::Serialize;
use tokio::sync::watch;

use super::filter::FilterTable;
use super::recent::Bounded;
use super::request::Progress;
#[cfg(feature = "rendezvous")]
use crate::discovery::RendezvousPoint;

/// How well a node is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// No message gets in or out.
    #[default]
    Disconnected,
    /// Messages get through, with fewer peers than there should be.
    PartiallyConnected,
    /// Messages get through, and some peers may fail.
    Connected,
}

impl Health {
    /// A node that relays is well with four peers, one that does not with two of each service.
    pub(super) const fn of(relay: usize, lightpush: usize, filter: usize) -> Self {
        let edge = if lightpush < filter { lightpush } else { filter };
        if relay >= super::network::MESH_LOW || edge >= 2 {
            Self::Connected
        } else if relay >= 1 || edge >= 1 {
            Self::PartiallyConnected
        } else {
            Self::Disconnected
        }
    }
}

/// What is shared.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) requests: Mutex<Bounded<watch::Receiver<Progress>>>,
    pub(super) filter: Mutex<FilterTable>,
    #[cfg(feature = "rendezvous")]
    pub(super) point: Mutex<RendezvousPoint>,
    pub(super) health: watch::Sender<Health>,
    pub(super) addresses: watch::Sender<Vec<Multiaddr>>,
    pub(super) counters: Counters,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            requests: Mutex::new(Bounded::new()),
            filter: Mutex::default(),
            #[cfg(feature = "rendezvous")]
            point: Mutex::default(),
            health: watch::Sender::default(),
            addresses: watch::Sender::default(),
            counters: Counters::default(),
        }
    }
}

/// Takes a lock. A task that panicked while it held one left a value that is still whole: every
/// change under these locks is a single call.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts events.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_many(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// What happened since the node started.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $($(#[doc = $doc])+ pub(super) $name: Counter,)+
        }

        impl Counters {
            /// Name, meaning and value of each counter.
            pub(super) fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($doc),+).trim_ascii(), self.$name.get()),)+]
            }
        }
    };
}

counters! {
    /// Messages that peers sent
    messages_received,
    /// Messages that were delivered and relayed
    messages_accepted,
    /// Messages that were dropped as duplicates or late
    messages_ignored,
    /// Messages that were dropped as not admissible
    messages_rejected,
    /// Bytes from the network that are no message
    messages_malformed,
    /// Messages that were dropped because too many waited to be judged
    messages_overflowed,
    /// Sends that applications asked for
    sends_accepted,
    /// Sends whose message left
    sends_propagated,
    /// Sends that failed
    sends_failed,
    /// Messages published for light clients
    lightpush_served,
    /// Filter requests answered
    filter_served,
    /// Messages pushed to filter subscribers
    filter_pushed,
    /// Store queries answered
    store_served,
    /// Records of peers given to peers
    exchange_served,
    /// Requests to this point of rendezvous
    rendezvous_served,
    /// Peers heard of, as news
    peers_discovered,
    /// Records of peers that do not count
    records_refused,
    /// Peers disconnected for their score or cluster
    peers_dropped,
    /// Bytes that came in, over TCP and WebSocket
    bytes_received,
    /// Bytes that went out, over TCP and WebSocket
    bytes_sent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_needs_relay_peers_or_both_services() {
        assert_eq!(Health::of(0, 5, 0), Health::Disconnected);
        assert_eq!(Health::of(1, 0, 0), Health::PartiallyConnected);
        assert_eq!(Health::of(0, 1, 2), Health::PartiallyConnected);
        assert_eq!(Health::of(4, 0, 0), Health::Connected);
        assert_eq!(Health::of(0, 2, 2), Health::Connected);
    }

    #[test]
    fn counters_have_names_and_meanings() {
        let counters = Counters::default();
        counters.sends_failed.add();
        let all = counters.all();
        assert!(all.contains(&("sends_failed", "Sends that failed", 1)), "{all:?}");
    }
}
