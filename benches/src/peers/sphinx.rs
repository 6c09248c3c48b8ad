//! sphinx-packet, Nym's packet format.

use anyhow::{Result, anyhow};
use sphinx_packet::header::delays::Delay;
use sphinx_packet::route::{Destination, DestinationAddressBytes, Node, NodeAddressBytes};
use sphinx_packet::{SphinxPacket, SphinxPacketBuilder};
use x25519_dalek::{PublicKey, StaticSecret};

/// The release that is measured.
pub const NAME: &str = "sphinx-packet 0.8.0";

/// Bytes that the format adds to a message: zeros in front, and at least one byte behind.
const OVERHEAD: usize = 17;

/// A route over three nodes with payloads of one size.
pub struct Network {
    secrets: Vec<StaticSecret>,
    route: Vec<Node>,
    destination: Destination,
    delays: Vec<Delay>,
    payload_bytes: usize,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    /// Three nodes.
    #[must_use]
    pub fn new(payload_bytes: usize) -> Self {
        let secrets: Vec<_> = (5..8).map(|fill| StaticSecret::from([fill; 32])).collect();
        let keys = secrets.iter().map(PublicKey::from).collect();
        Self::with_keys(secrets, keys, payload_bytes)
    }

    /// Three nodes, of which the first has this key and is somewhere else.
    #[must_use]
    pub fn starting_at(key: [u8; 32], payload_bytes: usize) -> Self {
        let others = [6, 7].map(|fill| PublicKey::from(&StaticSecret::from([fill; 32])));
        Self::with_keys(Vec::new(), [&[PublicKey::from(key)], &others[..]].concat(), payload_bytes)
    }

    fn with_keys(secrets: Vec<StaticSecret>, keys: Vec<PublicKey>, payload_bytes: usize) -> Self {
        let address = NodeAddressBytes::from_bytes([7; 32]);
        let route = keys.into_iter().map(|key| Node::new(address, key)).collect();
        Self {
            secrets,
            route,
            destination: Destination::new(DestinationAddressBytes::from_bytes([3; 32]), [4; 16]),
            delays: vec![Delay::new_from_nanos(1_000_000); 3],
            payload_bytes,
        }
    }

    /// Wraps a message for the three nodes.
    ///
    /// # Errors
    ///
    /// If the peer refuses.
    pub fn create(&self) -> Result<SphinxPacket> {
        SphinxPacketBuilder::new()
            .with_payload_size(self.payload_bytes)
            .build_packet(
                vec![1u8; self.payload_bytes - OVERHEAD],
                &self.route,
                &self.destination,
                &self.delays,
            )
            .map_err(|error| anyhow!("{error}"))
    }

    /// Parses and processes a packet at the first node.
    ///
    /// # Errors
    ///
    /// If the peer refuses.
    pub fn hop(&self, packet: &[u8]) -> Result<()> {
        let packet = SphinxPacket::from_bytes(packet).map_err(|error| anyhow!("{error}"))?;
        let secret = self.secrets.first().ok_or_else(|| anyhow!("the first node is elsewhere"))?;
        let processed = packet.process(secret).map_err(|error| anyhow!("{error}"))?;
        std::hint::black_box(processed);
        Ok(())
    }
}
