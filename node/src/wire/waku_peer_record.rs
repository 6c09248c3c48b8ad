//! What a node says of itself to points of rendezvous: where it is, and its mix key.

use super::proto::{Encoder, Fields, check_size, push, required};
use super::{PeerRecordMessage, Wire, WireError};

/// What a node of the deployed network says of itself to points of rendezvous (LIP 179), as it stands
/// inside of a signed envelope. Nothing of it is checked but its form;
/// `discovery::WakuPeerRecord` is the checked one.
///
/// The deployed nodes write the id and addresses in their binary form, where the specification has
/// text, and the key as text, where it has bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WakuPeerRecordMessage {
    /// The peer's id in its binary form. Field 1.
    pub peer: Vec<u8>,
    /// Newer records have higher numbers. Field 2.
    pub seq: u64,
    /// Addresses in their binary form, at most [`MAX_ADDRESSES`](Self::MAX_ADDRESSES). Field 3.
    pub addresses: Vec<Vec<u8>>,
    /// The key that mix packets are sealed to, in hexadecimal digits behind `0x`; empty without.
    /// Field 4.
    pub mix_key: Vec<u8>,
}

impl WakuPeerRecordMessage {
    /// Addresses in one record.
    pub const MAX_ADDRESSES: usize = PeerRecordMessage::MAX_ADDRESSES;
    /// The longest peer id, in bytes: the hash of 32 bytes with its kind, or a whole key of 42.
    const MAX_PEER_BYTES: usize = 64;
    /// The longest key, in bytes: 32 of them in digits behind `0x`.
    const MAX_KEY_BYTES: usize = 66;

    /// A record with nothing in it but whose it is.
    #[must_use]
    pub fn new(peer: Vec<u8>, seq: u64) -> Self {
        Self { peer, seq, ..Self::default() }
    }
}

impl Wire for WakuPeerRecordMessage {
    /// That of the other records of peers.
    const MAX_BYTES: usize = PeerRecordMessage::MAX_BYTES;

    fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::default();
        record.bytes(1, &self.peer).number(2, self.seq).each(3, &self.addresses);
        record.bytes(4, &self.mix_key).finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (mut record, mut peer) = (Self::default(), None);
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => peer = Some(field.bytes_up_to(Self::MAX_PEER_BYTES)?.to_vec()),
                2 => record.seq = field.u64()?,
                3 => {
                    let address = field.bytes()?.to_vec();
                    push(&mut record.addresses, address, 3, Self::MAX_ADDRESSES)?;
                }
                4 => record.mix_key = field.bytes_up_to(Self::MAX_KEY_BYTES)?.to_vec(),
                _ => {}
            }
        }
        Ok(Self { peer: required(peer, 1)?, ..record })
    }
}
