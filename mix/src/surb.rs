//! Single-use reply blocks (LIP-99 section 8.7).

mod store;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::address::AddressBlock;
use crate::layout::{ADDRESS_BYTES, HEADER_BYTES, KAPPA, MESSAGE_BYTES, SURB_BYTES};
use crate::packet::Packet;
use crate::payload::{PayloadCipher, PayloadKey};

pub use store::{StoreFull, SurbGroup, SurbStore};

/// Names a reply block to the node that made it: 16 bytes, not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SurbId([u8; KAPPA]);

impl SurbId {
    /// Draws an identifier.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; KAPPA];
        while bytes == [0; KAPPA] {
            rng.fill_bytes(&mut bytes);
        }
        Self(bytes)
    }

    pub(crate) const fn from_bytes(bytes: [u8; KAPPA]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0 == [0; KAPPA]
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KAPPA] {
        &self.0
    }
}

/// A single-use reply block: lets whoever has it send one packet to somebody unknown.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 94 | address of the first hop |
/// | 94 | 624 | header |
/// | 718 | 16 | reply key |
///
/// # Security
///
/// A block that came in a message was made by a stranger, who knows its whole route and chose
/// its first hop: replying tells that stranger when, and tells the first hop that this node
/// replies. The type is not `Clone`, because a second packet with the same header links both to
/// each other and is dropped by the first hop.
#[derive(PartialEq, Eq)]
pub struct Surb {
    first: AddressBlock,
    header: Box<[u8; HEADER_BYTES]>,
    reply_key: [u8; KAPPA],
}

impl Surb {
    pub(crate) fn new(first: AddressBlock, header: &[u8], reply_key: [u8; KAPPA]) -> Self {
        let mut copy = Box::new([0; HEADER_BYTES]);
        for (to, from) in copy.iter_mut().zip(header) {
            *to = *from;
        }
        Self { first, header: copy, reply_key }
    }

    /// Takes the 734 bytes of a block; any bytes are one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; SURB_BYTES]) -> Self {
        let mut first = [0; ADDRESS_BYTES];
        first.copy_from_slice(&bytes[..ADDRESS_BYTES]);
        let mut reply_key = [0; KAPPA];
        reply_key.copy_from_slice(&bytes[ADDRESS_BYTES + HEADER_BYTES..]);
        let header = &bytes[ADDRESS_BYTES..ADDRESS_BYTES + HEADER_BYTES];
        Self::new(AddressBlock::from_bytes(first), header, reply_key)
    }

    /// The 734 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SURB_BYTES] {
        let mut bytes = [0; SURB_BYTES];
        bytes[..ADDRESS_BYTES].copy_from_slice(self.first.as_bytes());
        bytes[ADDRESS_BYTES..ADDRESS_BYTES + HEADER_BYTES].copy_from_slice(self.header.as_slice());
        bytes[ADDRESS_BYTES + HEADER_BYTES..].copy_from_slice(&self.reply_key);
        bytes
    }

    /// Where the reply has to be sent.
    #[must_use]
    pub const fn first_hop(&self) -> AddressBlock {
        self.first
    }

    /// Wraps a padded message as the reply, using the block up (LIP-99 section 8.7.3).
    #[must_use]
    pub fn reply(self, cipher: PayloadCipher, message: &[u8; MESSAGE_BYTES]) -> Box<Packet> {
        let mut packet = Packet::zeroed();
        packet.header_mut().copy_from_slice(self.header.as_slice());
        packet.set_message(message);
        cipher.reply_key(&self.reply_key).encrypt(packet.delta_mut());
        packet
    }
}

impl fmt::Debug for Surb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, header: _, reply_key: _ } = self;
        f.debug_struct("Surb").field("first", first).finish_non_exhaustive()
    }
}

impl Drop for Surb {
    fn drop(&mut self) {
        self.reply_key.zeroize();
    }
}

/// The reply does not open: it was changed on the way, or made with another key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("reply was changed on the way")]
pub struct BadReply;

/// What the maker of a reply block keeps to read the reply. Reading uses it up.
pub struct SurbKeys {
    id: SurbId,
    reply: PayloadKey,
    hops: Vec<PayloadKey>,
}

impl SurbKeys {
    pub(crate) const fn new(id: SurbId, reply: PayloadKey, hops: Vec<PayloadKey>) -> Self {
        Self { id, reply, hops }
    }

    /// The identifier that the reply carries.
    #[must_use]
    pub const fn id(&self) -> SurbId {
        self.id
    }

    /// Opens the reply in place: adds back what the hops removed, then removes the replier's
    /// layer. The padded message then stands in the payload behind 16 zero bytes.
    ///
    /// # Errors
    ///
    /// [`BadReply`] if the payload is not what the replier sent.
    pub fn open(self, packet: &mut Packet) -> Result<(), BadReply> {
        let delta = packet.delta_mut();
        for key in self.hops.iter().rev() {
            key.encrypt(delta);
        }
        self.reply.decrypt(delta);
        if crate::sphinx::is_intact(delta) { Ok(()) } else { Err(BadReply) }
    }
}

impl fmt::Debug for SurbKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, reply: _, hops } = self;
        f.debug_struct("SurbKeys")
            .field("id", id)
            .field("hops", &hops.len())
            .finish_non_exhaustive()
    }
}

impl ZeroizeOnDrop for SurbKeys {}
