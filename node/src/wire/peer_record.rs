//! What a peer says of itself: where it is, and which services it offers.

use super::proto::{Encoder, Field, Fields, check_size, push, required};
use super::{Wire, WireError};

/// An extensible peer record (LIP 74, libp2p's RFC 3 with services), as it stands inside of a signed
/// envelope. Nothing of it is checked but its form; `discovery::PeerRecord` is the checked one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerRecordMessage {
    /// The peer's id in its binary form. Field 1.
    pub peer: Vec<u8>,
    /// Newer records have higher numbers. Field 2.
    pub seq: u64,
    /// Addresses in their binary form, at most [`MAX_ADDRESSES`](Self::MAX_ADDRESSES). Field 3.
    pub addresses: Vec<Vec<u8>>,
    /// At most [`MAX_SERVICES`](Self::MAX_SERVICES). Field 4.
    pub services: Vec<ServiceInfo>,
}

/// A service that a peer offers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// The protocol it is spoken by, or another name. Field 1.
    pub id: String,
    /// What must be known to use it, such as a key. Field 2.
    pub data: Option<Vec<u8>>,
}

impl ServiceInfo {
    /// A service that is used without knowing more.
    #[must_use]
    pub const fn new(id: String) -> Self {
        Self { id, data: None }
    }
}

impl PeerRecordMessage {
    /// Addresses in one record.
    pub const MAX_ADDRESSES: usize = 16;
    /// Services in one record.
    pub const MAX_SERVICES: usize = 32;
    /// The longest peer id, in bytes: the hash of 32 bytes with its kind, or a whole key of 42.
    const MAX_PEER_BYTES: usize = 64;

    /// A record with nothing in it but whose it is.
    #[must_use]
    pub fn new(peer: Vec<u8>, seq: u64) -> Self {
        Self { peer, seq, ..Self::default() }
    }
}

fn address(field: Field<'_>) -> Result<Vec<u8>, WireError> {
    let mut address = None;
    for inner in Fields::of(field.bytes()?) {
        let inner = inner?;
        if inner.number == 1 {
            address = Some(inner.bytes()?.to_vec());
        }
    }
    required(address, 1)
}

fn service(field: Field<'_>) -> Result<ServiceInfo, WireError> {
    let (mut id, mut data) = (None, None);
    for inner in Fields::of(field.bytes()?) {
        let inner = inner?;
        match inner.number {
            1 => id = Some(inner.text()?),
            2 => data = Some(inner.bytes()?.to_vec()),
            _ => {}
        }
    }
    Ok(ServiceInfo { id: required(id, 1)?, data })
}

impl Wire for PeerRecordMessage {
    /// The specification's absolute maximum.
    const MAX_BYTES: usize = 1024;

    fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::default();
        record.bytes(1, &self.peer).number(2, self.seq);
        for address in &self.addresses {
            record.bytes(3, Encoder::default().bytes(1, address).finish());
        }
        for ServiceInfo { id, data } in &self.services {
            record.bytes(4, Encoder::default().bytes(1, id).optional(2, data.as_ref()).finish());
        }
        record.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (mut record, mut peer) = (Self::default(), None);
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => peer = Some(field.bytes_up_to(Self::MAX_PEER_BYTES)?.to_vec()),
                2 => record.seq = field.u64()?,
                3 => push(&mut record.addresses, address(field)?, 3, Self::MAX_ADDRESSES)?,
                4 => push(&mut record.services, service(field)?, 4, Self::MAX_SERVICES)?,
                _ => {}
            }
        }
        Ok(Self { peer: required(peer, 1)?, ..record })
    }
}
