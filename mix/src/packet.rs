//! The packet as bytes.

use alloc::boxed::Box;
use core::fmt;

use thiserror::Error;

use crate::layout::{
    ALPHA_BYTES, BETA_BYTES, GAMMA_BYTES, HEADER_BYTES, KAPPA, MESSAGE_BYTES, PACKET_BYTES,
};

/// The bytes are not as many as a packet of this format has.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{found} bytes where a packet has {expected}")]
pub struct WrongLength {
    /// Bytes that came.
    pub found: usize,
    /// Bytes of a packet.
    pub expected: usize,
}

/// A mix packet of LIP-99 section 8.3: 4608 bytes on every link.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 32 | `alpha`, the group element |
/// | 32 | 576 | `beta`, layered routing information |
/// | 608 | 16 | `gamma`, the MAC over `beta` |
/// | 624 | 3984 | `delta`, the layered payload |
///
/// Nothing is known about the bytes but their number.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    bytes: [u8; PACKET_BYTES],
}

impl Packet {
    /// Takes the bytes of a packet onto the heap.
    ///
    /// # Errors
    ///
    /// [`WrongLength`] unless there are exactly [`PACKET_BYTES`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Box<Self>, WrongLength> {
        if bytes.len() != PACKET_BYTES {
            return Err(WrongLength { found: bytes.len(), expected: PACKET_BYTES });
        }
        let mut packet = Self::zeroed();
        packet.bytes.copy_from_slice(bytes);
        Ok(packet)
    }

    pub(crate) fn zeroed() -> Box<Self> {
        Box::new(Self { bytes: [0; PACKET_BYTES] })
    }

    /// The bytes, as they go on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PACKET_BYTES] {
        &self.bytes
    }

    /// The group element `alpha`.
    #[must_use]
    pub fn alpha(&self) -> [u8; ALPHA_BYTES] {
        let mut alpha = [0; ALPHA_BYTES];
        alpha.copy_from_slice(&self.bytes[..ALPHA_BYTES]);
        alpha
    }

    /// The routing information `beta`.
    #[must_use]
    pub fn beta(&self) -> &[u8] {
        &self.bytes[ALPHA_BYTES..ALPHA_BYTES + BETA_BYTES]
    }

    /// The MAC `gamma`.
    #[must_use]
    pub fn gamma(&self) -> &[u8] {
        &self.bytes[ALPHA_BYTES + BETA_BYTES..HEADER_BYTES]
    }

    /// `alpha`, `beta` and `gamma`.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.bytes[..HEADER_BYTES]
    }

    /// The payload `delta`.
    #[must_use]
    pub fn delta(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// The padded message, once the last layer is removed: the payload behind its zero prefix.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES + KAPPA..]
    }

    pub(crate) fn set_message(&mut self, message: &[u8; MESSAGE_BYTES]) {
        self.bytes[HEADER_BYTES + KAPPA..].copy_from_slice(message);
    }

    pub(crate) fn header_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..HEADER_BYTES]
    }

    pub(crate) fn delta_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[HEADER_BYTES..]
    }

    pub(crate) fn beta_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[ALPHA_BYTES..ALPHA_BYTES + BETA_BYTES]
    }

    pub(crate) fn set_alpha(&mut self, alpha: &[u8; ALPHA_BYTES]) {
        self.bytes[..ALPHA_BYTES].copy_from_slice(alpha);
    }

    pub(crate) fn set_gamma(&mut self, gamma: &[u8; GAMMA_BYTES]) {
        self.bytes[ALPHA_BYTES + BETA_BYTES..HEADER_BYTES].copy_from_slice(gamma);
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes: _ } = self;
        write!(f, "Packet({PACKET_BYTES} bytes)")
    }
}
