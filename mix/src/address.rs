//! Where a hop sends a packet next: 94 bytes, and what deployed nodes put in them.

use core::fmt;

use thiserror::Error;

use crate::layout::ADDRESS_BYTES;

/// Bytes of a peer id that the address format has room for: a secp256k1 key's multihash.
pub const PEER_ID_BYTES: usize = 39;

/// What every secp256k1 peer id starts with: identity multihash of 37 bytes, a protobuf key of
/// type 2 and its length.
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x25, 0x08, 0x02, 0x12, 0x21];

/// The address field of a routing block, as it stands in the header.
///
/// The header's cryptography does not look inside; [`Address`] is the encoding that libp2p
/// deployments agreed on. All zeros stands for "you are the destination".
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressBlock([u8; ADDRESS_BYTES]);

impl AddressBlock {
    /// No address: the exit is the destination, or the packet is a reply.
    pub const NONE: Self = Self([0; ADDRESS_BYTES]);

    /// Takes 94 bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; ADDRESS_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 94 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; ADDRESS_BYTES] {
        &self.0
    }

    /// Whether this is [`AddressBlock::NONE`].
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl fmt::Debug for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressBlock(")?;
        let used = self.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        self.0.iter().take(used).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A way of writing addresses into an [`AddressBlock`], agreed on by a deployment.
///
/// [`Address`] is the one of LIP-99 section 8.4. A deployment with other needs, as key hashes
/// instead of addresses, implements this for its own type.
pub trait AddressCodec: Sized {
    /// Writes the address.
    fn encode(&self) -> AddressBlock;

    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`AddressError`] if the block is not the one encoding of an address.
    fn decode(block: &AddressBlock) -> Result<Self, AddressError>;
}

/// Why a block is not an address.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// The protocol byte is neither TCP nor QUIC.
    #[error("unknown transport {0}")]
    UnknownTransport(u8),
    /// A peer id is not that of a secp256k1 key.
    #[error("peer id is not of a secp256k1 key")]
    UnsupportedPeerId,
    /// There is something behind the address.
    #[error("address is not padded with zeros")]
    NotPadded,
}

/// How a node is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Transport {
    /// `/tcp/<port>`
    Tcp,
    /// `/udp/<port>/quic-v1`
    QuicV1,
}

/// The peer id of a secp256k1 key: the only kind the format has room for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId([u8; PEER_ID_BYTES]);

impl PeerId {
    /// Takes the multihash of a secp256k1 key.
    ///
    /// # Errors
    ///
    /// [`AddressError::UnsupportedPeerId`] for any other kind of key.
    pub fn from_bytes(bytes: [u8; PEER_ID_BYTES]) -> Result<Self, AddressError> {
        if bytes.starts_with(&PEER_ID_PREFIX) {
            Ok(Self(bytes))
        } else {
            Err(AddressError::UnsupportedPeerId)
        }
    }

    /// The 39 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PEER_ID_BYTES] {
        &self.0
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerId(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A mix node's address (LIP-99 section 8.4).
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 4 | IPv4 address |
/// | 4 | 1 | transport: 0 TCP, 1 QUIC v1 over UDP |
/// | 5 | 2 | port, big endian |
/// | 7 | 39 | peer id of the relay, or of the node if there is no relay |
/// | 46 | 39 | peer id of the node behind the relay, or zeros |
/// | 85 | 9 | zeros |
///
/// # Examples
///
/// ```
/// use logos_mix::{Address, AddressCodec, PeerId, Transport};
///
/// let mut id = [7; 39];
/// id[..6].copy_from_slice(&[0x00, 0x25, 0x08, 0x02, 0x12, 0x21]);
/// let peer = PeerId::from_bytes(id)?;
/// let address =
///     Address { ip: [192, 0, 2, 1], transport: Transport::Tcp, port: 4001, relay: None, peer };
/// assert_eq!(Address::decode(&address.encode())?, address);
/// # Ok::<(), logos_mix::AddressError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The IPv4 address.
    pub ip: [u8; 4],
    /// How to connect to it.
    pub transport: Transport,
    /// The port.
    pub port: u16,
    /// The relay that listens there, if the node is behind one.
    pub relay: Option<PeerId>,
    /// The node.
    pub peer: PeerId,
}

impl AddressCodec for Address {
    fn encode(&self) -> AddressBlock {
        let transport = match self.transport {
            Transport::Tcp => 0,
            Transport::QuicV1 => 1,
        };
        let parts: [&[u8]; 5] = [
            &self.ip,
            &[transport],
            &self.port.to_be_bytes(),
            self.relay.as_ref().map_or(&[], |relay| &relay.0),
            &self.peer.0,
        ];
        let mut bytes = [0; ADDRESS_BYTES];
        for (to, from) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        AddressBlock(bytes)
    }

    fn decode(block: &AddressBlock) -> Result<Self, AddressError> {
        let [i0, i1, i2, i3, transport, p0, p1, rest @ ..] = &block.0;
        let transport = match transport {
            0 => Transport::Tcp,
            1 => Transport::QuicV1,
            other => return Err(AddressError::UnknownTransport(*other)),
        };
        let (first, second, padding) = peer_ids(rest);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(AddressError::NotPadded);
        }
        let first = PeerId::from_bytes(first)?;
        let (relay, peer) = if second == [0; PEER_ID_BYTES] {
            (None, first)
        } else {
            (Some(first), PeerId::from_bytes(second)?)
        };
        let port = u16::from_be_bytes([*p0, *p1]);
        Ok(Self { ip: [*i0, *i1, *i2, *i3], transport, port, relay, peer })
    }
}

const PEERS_BYTES: usize = ADDRESS_BYTES - 7;

fn peer_ids(rest: &[u8; PEERS_BYTES]) -> ([u8; PEER_ID_BYTES], [u8; PEER_ID_BYTES], &[u8]) {
    let (ids, padding) = rest.as_chunks::<PEER_ID_BYTES>();
    match ids {
        [first, second] => (*first, *second, padding),
        _ => ([0; PEER_ID_BYTES], [0; PEER_ID_BYTES], padding),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peer(fill: u8) -> PeerId {
        let mut bytes = [fill; PEER_ID_BYTES];
        bytes[..6].copy_from_slice(&PEER_ID_PREFIX);
        PeerId::from_bytes(bytes).unwrap()
    }

    fn arbitrary() -> impl Strategy<Value = Address> {
        (any::<[u8; 4]>(), any::<bool>(), any::<u16>(), any::<Option<u8>>(), any::<u8>()).prop_map(
            |(ip, quic, port, relay, id)| Address {
                ip,
                transport: if quic { Transport::QuicV1 } else { Transport::Tcp },
                port,
                relay: relay.map(peer),
                peer: peer(id),
            },
        )
    }

    #[test]
    fn an_ed25519_peer_id_is_refused() {
        let mut bytes = [1; PEER_ID_BYTES];
        bytes[..6].copy_from_slice(&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20]);
        assert_eq!(PeerId::from_bytes(bytes), Err(AddressError::UnsupportedPeerId));
        assert_eq!(Address::decode(&AddressBlock::NONE), Err(AddressError::UnsupportedPeerId));
    }

    proptest! {
        #[test]
        fn an_address_has_one_encoding(address in arbitrary(), at in 85usize..ADDRESS_BYTES) {
            let block = address.encode();
            prop_assert_eq!(Address::decode(&block), Ok(address));
            let mut longer = *block.as_bytes();
            longer[at] = 1;
            prop_assert_eq!(
                Address::decode(&AddressBlock::from_bytes(longer)), Err(AddressError::NotPadded)
            );
        }

        #[test]
        fn what_decodes_encodes_to_itself(bytes in prop::array::uniform32(any::<u8>())) {
            let mut block = *Address {
                ip: [1; 4], transport: Transport::Tcp, port: 1, relay: Some(peer(1)), peer: peer(2),
            }.encode().as_bytes();
            for (i, byte) in bytes.into_iter().enumerate() {
                block[i * 2 % ADDRESS_BYTES] ^= byte & 3;
            }
            let block = AddressBlock::from_bytes(block);
            if let Ok(address) = Address::decode(&block) {
                prop_assert_eq!(address.encode(), block);
            }
        }
    }
}
