//! Where to find peers that offer something.

use core::fmt;

use libp2p::Multiaddr;

use super::protocols::Capability;

/// Knows peers by what they offer: "who keeps messages?"
///
/// A node asks every half minute while fewer than two connected peers offer a capability, and dials
/// whom it is told of. The routing table and the bootstrap list need no such trait; a directory of
/// services does.
///
/// # Examples
///
/// ```
/// use logos_node::delivery::{Capability, Lookup, Multiaddr};
///
/// /// One store, known beforehand.
/// #[derive(Debug)]
/// struct OneStore(Multiaddr);
///
/// impl Lookup for OneStore {
///     fn who_offers(&self, capability: Capability) -> Vec<Multiaddr> {
///         if capability == Capability::Store { vec![self.0.clone()] } else { Vec::new() }
///     }
/// }
/// ```
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// Addresses, each with the peer's id, of peers that are said to offer `capability`. Called on
    /// the task that owns the sockets: it gives what is known and does not go looking.
    fn who_offers(&self, capability: Capability) -> Vec<Multiaddr>;
}
