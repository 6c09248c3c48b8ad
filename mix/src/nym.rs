//! Nym's packet format, as the `sphinx-packet` crate computes it: the same machines mix for that
//! network.
//!
//! What is here is the seam and nothing else: packets, keys and layers are those of
//! `sphinx-packet`, to the byte. Packets of the two networks never meet, so a
//! [`Relay`](crate::Relay) works for one of them.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use sphinx_packet::header::shared_secret::ExpandedSharedSecret;
use sphinx_packet::header::{HEADER_SIZE, SphinxHeader};
use sphinx_packet::payload::Payload;
use sphinx_packet::{ProcessedPacket, ProcessedPacketData, SphinxPacket};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::address::AddressBlock;
use crate::format::PacketFormat;
use crate::layout::{ADDRESS_BYTES, ALPHA_BYTES, KAPPA};
use crate::packet::WrongLength;
use crate::route::Hold;
use crate::sphinx::{OpenError, ReplayTag, Step, StripError, is_canonical};

/// Bytes of a node's or a client's address in this format.
pub const NYM_ADDRESS_BYTES: usize = 32;
/// Bytes of a header: group element, MAC, routing information.
pub const NYM_HEADER_BYTES: usize = HEADER_SIZE;

/// Writes an address of this format into the front of an address field, before zeros.
///
/// What a [`Relay`](crate::Relay) gives as the next hop or the destination is of this form.
#[must_use]
pub fn address_block(address: &[u8; NYM_ADDRESS_BYTES]) -> AddressBlock {
    let mut block = [0; ADDRESS_BYTES];
    for (to, from) in block.iter_mut().zip(address) {
        *to = *from;
    }
    AddressBlock::from_bytes(block)
}

/// A packet of Nym's format with `PAYLOAD` bytes of payload.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 32 | group element |
/// | 32 | 16 | MAC over the routing information |
/// | 48 | 300 | layered routing information |
/// | 348 | `PAYLOAD` | layered payload |
#[derive(Clone, PartialEq, Eq)]
pub struct NymPacket<const PAYLOAD: usize>(Content);

#[derive(Clone, PartialEq, Eq)]
enum Content {
    Wire(Vec<u8>),
    Delivered { identifier: [u8; KAPPA], payload: Vec<u8> },
}

impl<const PAYLOAD: usize> NymPacket<PAYLOAD> {
    /// The bytes: those of the packet, or of its payload once the last layer is removed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Content::Wire(bytes) | Content::Delivered { payload: bytes, .. } => bytes,
        }
    }

    /// The identifier that the sender, or the maker of the reply block, gave the last hop.
    #[must_use]
    pub const fn identifier(&self) -> Option<&[u8; KAPPA]> {
        match &self.0 {
            Content::Wire(_) => None,
            Content::Delivered { identifier, .. } => Some(identifier),
        }
    }

    /// The message in a delivered packet.
    ///
    /// # Errors
    ///
    /// [`StripError::PayloadTampered`] if the payload is no message: it was changed on the way, is
    /// a reply that only the maker of its block can open, or the packet is not delivered.
    pub fn message(&self) -> Result<Vec<u8>, StripError> {
        let Content::Delivered { payload, .. } = &self.0 else {
            return Err(StripError::PayloadTampered);
        };
        Payload::from_bytes(payload)
            .and_then(Payload::recover_plaintext)
            .map_err(|_| StripError::PayloadTampered)
    }
}

impl<const PAYLOAD: usize> fmt::Debug for NymPacket<PAYLOAD> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        write!(f, "NymPacket({PAYLOAD} bytes of payload)")
    }
}

/// The public key of a node in this format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NymKey([u8; 32]);

impl NymKey {
    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for NymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("X25519(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// The secret key of a node in this format.
pub struct NymSecret(StaticSecret);

impl NymSecret {
    /// Takes 32 secret bytes as a key.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(StaticSecret::from(bytes))
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> NymKey {
        NymKey(PublicKey::from(&self.0).to_bytes())
    }
}

impl fmt::Debug for NymSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str("NymSecret(..)")
    }
}

impl ZeroizeOnDrop for NymSecret {}

/// An authenticated header of this format.
pub struct NymOpened {
    secret: ExpandedSharedSecret,
    tag: ReplayTag,
}

impl fmt::Debug for NymOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret: _, tag } = self;
        f.debug_struct("NymOpened").field("tag", tag).finish_non_exhaustive()
    }
}

/// Nym's format with `PAYLOAD` bytes of payload, behind [`PacketFormat`].
///
/// The arithmetic is `sphinx-packet`'s, one packet at a time. What it leaves to its caller is done
/// here: group elements that are not reduced or of low order are refused, as in the Logos format.
///
/// # Security
///
/// A payload that was changed on the way is delivered as noise, because a reply looks the same to
/// the last hop: [`NymPacket::message`] tells.
///
/// # Examples
///
/// ```
/// use logos_crypto::tick::Tick;
/// use logos_mix::nym::NymSphinx;
/// use logos_mix::spam::Unprotected;
/// use logos_mix::{Rejection, Relay, RelayConfig};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::seed_from_u64(1);
///
/// let format = NymSphinx::<2048>;
/// let config = RelayConfig::default();
/// let mut relay = Relay::new(format, Unprotected, config, Tick::ORIGIN, &mut rng);
/// let noise = [7; 348 + 2048];
/// let refused = relay.handle_packet(Tick::ORIGIN, &noise, &mut rng);
/// assert!(matches!(refused, Err(Rejection::Header(_))));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NymSphinx<const PAYLOAD: usize>;

impl<const PAYLOAD: usize> PacketFormat for NymSphinx<PAYLOAD> {
    type Opened = NymOpened;
    type Packet = NymPacket<PAYLOAD>;
    type Public = NymKey;
    type Secret = NymSecret;

    const PACKET_BYTES: usize = NYM_HEADER_BYTES + PAYLOAD;

    fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> NymSecret {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        let secret = NymSecret::from_bytes(bytes);
        bytes.zeroize();
        secret
    }

    fn public(secret: &NymSecret) -> NymKey {
        secret.public_key()
    }

    fn secret_to_bytes(secret: &NymSecret) -> Vec<u8> {
        secret.0.as_bytes().to_vec()
    }

    fn secret_from_bytes(bytes: &[u8]) -> Option<NymSecret> {
        bytes.try_into().ok().map(NymSecret::from_bytes)
    }

    fn parse(&self, bytes: &[u8]) -> Result<NymPacket<PAYLOAD>, WrongLength> {
        if bytes.len() == Self::PACKET_BYTES {
            Ok(NymPacket(Content::Wire(bytes.to_vec())))
        } else {
            Err(WrongLength { found: bytes.len(), expected: Self::PACKET_BYTES })
        }
    }

    fn bytes(packet: &NymPacket<PAYLOAD>) -> &[u8] {
        packet.as_bytes()
    }

    fn open(
        &self,
        secret: &NymSecret,
        packet: &NymPacket<PAYLOAD>,
    ) -> Result<NymOpened, OpenError> {
        let header = packet.as_bytes().get(..NYM_HEADER_BYTES).ok_or(OpenError::BadMac)?;
        let alpha = header.first_chunk::<ALPHA_BYTES>().ok_or(OpenError::BadMac)?;
        if !is_canonical(alpha) {
            return Err(OpenError::NotCanonical);
        }
        if LOW_ORDER.contains(alpha) {
            return Err(OpenError::LowOrder);
        }
        let header = SphinxHeader::from_bytes(header).map_err(|_| OpenError::BadMac)?;
        let secret = header.compute_expanded_shared_secret(&secret.0);
        header.ensure_header_integrity(&secret).map_err(|_| OpenError::BadMac)?;
        let tag = secret.replay_tag().first_chunk().copied().unwrap_or_default();
        Ok(NymOpened { secret, tag: ReplayTag::from_bytes(tag) })
    }

    fn tag(opened: &NymOpened) -> ReplayTag {
        opened.tag
    }

    fn strip(
        &self,
        opened: NymOpened,
        packet: &mut NymPacket<PAYLOAD>,
    ) -> Result<Step, StripError> {
        let processed = SphinxPacket::from_bytes(packet.as_bytes())
            .and_then(|packet| packet.process_with_expanded_secret(&opened.secret))
            .map_err(|_| StripError::PayloadTampered)?;
        let (content, step) = outcome(processed);
        *packet = NymPacket(content);
        Ok(step)
    }
}

/// The reduced u-coordinates of low order, on the curve and on its twist: 0, 1, the two of order
/// eight, and -1. `sphinx-packet` keeps the shared secret to itself, so they are told by sight.
const LOW_ORDER: [[u8; ALPHA_BYTES]; 5] = [
    [0; 32],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
];

/// What `sphinx-packet` made of a packet, in the words of the seam.
fn outcome(processed: ProcessedPacket) -> (Content, Step) {
    match processed.data {
        ProcessedPacketData::ForwardHop { next_hop_packet, next_hop_address, delay } => (
            Content::Wire(next_hop_packet.to_bytes()),
            Step::Forward {
                next: address_block(next_hop_address.as_bytes()),
                hold: Hold::Exactly(delay.to_duration()),
            },
        ),
        ProcessedPacketData::FinalHop { destination, identifier, payload } => (
            Content::Delivered { identifier, payload: payload.into_bytes() },
            Step::Deliver { destination: address_block(destination.as_bytes_ref()) },
        ),
    }
}

#[cfg(test)]
mod tests;
