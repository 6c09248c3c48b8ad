//! Keeping places at relays while nobody can dial us.

use std::collections::HashMap;

use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use tracing::debug;

use super::Driver;
use crate::delivery::protocols::Capability;

/// Relays at which places are kept at once.
const MAX_RELAYS: usize = 2;

/// The relays where a place was asked for, and by which listener.
pub(super) type Reserved = HashMap<PeerId, ListenerId>;

impl Driver {
    /// Asks relays for a place, if this node is not reached but through them.
    pub(super) fn reserve(&mut self) {
        let through_relay =
            |address: &Multiaddr| address.iter().any(|part| part == Protocol::P2pCircuit);
        let is_reached = !self.swarm.external_addresses().all(through_relay);
        if !self.config.nat || is_reached {
            return;
        }
        let relays = self.machines.peers.who_offers(Capability::CircuitRelay);
        for relay in relays {
            let reserved = &self.machines.reserved;
            if reserved.len() >= MAX_RELAYS {
                break;
            }
            if reserved.contains_key(&relay) {
                continue;
            }
            if let Some(address) = self.machines.peers.address(&relay).cloned() {
                self.reserve_at(relay, address);
            }
        }
    }

    fn reserve_at(&mut self, relay: PeerId, address: Multiaddr) {
        // Where it was dialled may or may not end with its id.
        let Ok(address) = address.with_p2p(relay) else { return };
        match self.swarm.listen_on(address.with(Protocol::P2pCircuit)) {
            Ok(listener) => {
                self.machines.reserved.insert(relay, listener);
            }
            Err(error) => debug!(%relay, %error, "no place at the relay"),
        }
    }

    /// The place is lost, with the connection to the relay or because it gave none: another look
    /// asks again.
    pub(super) fn on_listener_closed(&mut self, closed: ListenerId) {
        self.machines.reserved.retain(|_, listener| *listener != closed);
    }
}
