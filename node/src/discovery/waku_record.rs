//! What nodes of the deployed network say of themselves, under their keys, at points of rendezvous.

use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};
use logos_mix::MixKey;

use super::record::{Envelope, PeerRecord, RecordError, SealError, addresses, whose, with_id};
use crate::hex;
use crate::wire::{WakuPeerRecordMessage, Wire};

/// A record of a peer with its mix key (LIP 179), which is registered for one service at a time.
///
/// Points of rendezvous of the deployed network take it in a signed envelope (libp2p's RFC 2), in
/// place of libp2p's own record.
///
/// # Examples
///
/// ```
/// use logos_node::delivery::Keypair;
/// use logos_node::discovery::WakuPeerRecord;
///
/// let key = Keypair::generate_secp256k1();
/// let address = "/ip4/1.2.3.4/tcp/5".parse()?;
/// let record = WakuPeerRecord::new(key.public().to_peer_id(), 1, vec![address], None);
/// assert_eq!(WakuPeerRecord::open(&record.seal(&key)?)?, record);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WakuPeerRecord {
    /// Whose it is.
    pub peer: PeerId,
    /// Newer records of a peer have higher numbers: seconds since 1970.
    pub seq: u64,
    /// Where the peer is said to be.
    pub addresses: Vec<Multiaddr>,
    /// The key that mix packets for the peer are sealed to, if it is a mix.
    pub mix_key: Option<MixKey>,
}

impl WakuPeerRecord {
    /// The longest record in its envelope, in bytes: that of the other records of peers.
    pub const MAX_SEALED_BYTES: usize = PeerRecord::MAX_SEALED_BYTES;

    /// What a peer says of itself. Addresses over the bound of a record are left out.
    #[must_use]
    pub fn new(
        peer: PeerId,
        seq: u64,
        mut addresses: Vec<Multiaddr>,
        mix_key: Option<MixKey>,
    ) -> Self {
        addresses.truncate(WakuPeerRecordMessage::MAX_ADDRESSES);
        Self { peer, seq, addresses, mix_key }
    }

    /// Where the peer is said to be, each address with its id.
    #[must_use]
    pub fn addresses_with_id(&self) -> Vec<Multiaddr> {
        with_id(self.peer, &self.addresses)
    }

    /// Signs it. Costs one signature.
    ///
    /// # Errors
    ///
    /// [`SealError`]
    pub fn seal(&self, key: &Keypair) -> Result<Vec<u8>, SealError> {
        let mut message = WakuPeerRecordMessage::new(self.peer.to_bytes(), self.seq);
        message.addresses = self.addresses.iter().map(Multiaddr::to_vec).collect();
        message.mix_key = self.mix_key.as_ref().map(key_text).unwrap_or_default();
        let payload = message.encode();
        if payload.len() > WakuPeerRecordMessage::MAX_BYTES {
            return Err(SealError::TooLong { bytes: payload.len() });
        }
        Ok(ENVELOPE.seal(payload, key)?)
    }

    /// Checks the signature and reads the record. Costs one verification, and the check of a key.
    ///
    /// # Errors
    ///
    /// [`RecordError`] says what is wrong.
    ///
    /// # Security
    ///
    /// Anybody may have made the bytes. A record that opens was made by its peer, at some time; that
    /// its addresses lead there, or that it has the key, is not said.
    pub fn open(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > Self::MAX_SEALED_BYTES {
            return Err(RecordError::TooLong { bytes: bytes.len() });
        }
        let (message, signer) = ENVELOPE.open::<WakuPeerRecordMessage>(bytes)?;
        let peer = whose(&message.peer, signer)?;
        let addresses = addresses(message.addresses)?;
        if addresses.is_empty() {
            return Err(RecordError::Address);
        }
        let mix_key = key(&message.mix_key)?;
        Ok(Self { peer, seq: message.seq, addresses, mix_key })
    }
}

fn key_text(key: &MixKey) -> Vec<u8> {
    format!("0x{}", hex::encode(key.as_bytes())).into_bytes()
}

/// The key in digits, as it is written, or in bytes, as the specification has it; none in nothing.
fn key(said: &[u8]) -> Result<Option<MixKey>, RecordError> {
    if said.is_empty() {
        return Ok(None);
    }
    let bytes = match <[u8; 32]>::try_from(said) {
        Ok(bytes) => bytes,
        Err(_) => digits(said).ok_or(RecordError::MixKey)?,
    };
    MixKey::from_bytes(bytes).map(Some).map_err(|_| RecordError::MixKey)
}

fn digits(said: &[u8]) -> Option<[u8; 32]> {
    let text = core::str::from_utf8(said).ok()?;
    let bytes = hex::decode_32(text.strip_prefix("0x").unwrap_or(text)).ok()?;
    Some(*bytes)
}

const ENVELOPE: Envelope =
    Envelope { domain: "libp2p-custom-peer-record", payload_type: &[0x30, 0, 0] };

#[cfg(test)]
mod tests {
    use libp2p::core::SignedEnvelope;
    use proptest::prelude::*;

    use super::*;
    use crate::delivery::Capability;

    fn keypair() -> Keypair {
        Keypair::ed25519_from_bytes([7; 32]).unwrap()
    }

    /// The base point of X25519 is of prime order.
    fn mix_key() -> MixKey {
        let mut base = [0; 32];
        base[0] = 9;
        MixKey::from_bytes(base).unwrap()
    }

    fn record(mix_key: Option<MixKey>) -> WakuPeerRecord {
        let addresses = ["/ip4/1.2.3.4/tcp/5", "/dns4/a.example/tcp/443/tls/ws"];
        let addresses = addresses.map(|address| address.parse().unwrap()).to_vec();
        WakuPeerRecord::new(keypair().public().to_peer_id(), 3, addresses, mix_key)
    }

    fn sealed(change: impl FnOnce(&mut WakuPeerRecordMessage)) -> Vec<u8> {
        let peer = keypair().public().to_peer_id();
        let mut message = WakuPeerRecordMessage::new(peer.to_bytes(), 3);
        message.addresses = vec![record(None).addresses[0].to_vec()];
        change(&mut message);
        ENVELOPE.seal(message.encode(), &keypair()).unwrap()
    }

    #[test]
    fn a_record_opens_as_it_was_sealed() {
        for record in [record(None), record(Some(mix_key()))] {
            let opened = WakuPeerRecord::open(&record.seal(&keypair()).unwrap()).unwrap();
            assert_eq!(opened, record);
            let id = record.peer.to_string();
            let mut whole = opened.addresses_with_id().into_iter();
            assert!(whole.all(|address| address.to_string().ends_with(&id)));
        }
    }

    #[test]
    fn the_envelope_is_that_of_the_deployed_nodes() {
        let sealed = record(Some(mix_key())).seal(&keypair()).unwrap();
        let envelope = SignedEnvelope::from_protobuf_encoding(&sealed).unwrap();
        let domain = "libp2p-custom-peer-record".to_owned();
        let (payload, signer) =
            envelope.payload_and_signing_key(domain, &[0x30, 0, 0]).expect("its kind");
        assert_eq!(*signer, keypair().public());
        let message = WakuPeerRecordMessage::decode(payload).unwrap();
        let digits = format!("0x09{}", "00".repeat(31));
        assert_eq!(message.mix_key, digits.as_bytes());
        // Field 4 stands there even if it is empty: the deployed nodes want it.
        let without = record(None).seal(&keypair()).unwrap();
        assert!(without.windows(2).any(|field| field == [0x22, 0]));
    }

    /// Made with another implementation of protocol buffers, of Ed25519 and of ECDSA.
    #[test]
    fn records_sealed_elsewhere_are_read() {
        let ed25519 = include_bytes!("../../../fuzz/seeds/node_waku_record/ed25519_mix");
        let record = WakuPeerRecord::open(ed25519).unwrap();
        assert_eq!((record.peer, record.seq), (keypair().public().to_peer_id(), 3));
        assert_eq!(record.addresses, ["/ip4/1.2.3.4/tcp/5".parse().unwrap()]);
        assert_eq!(record.mix_key, Some(mix_key()));
        assert_eq!(record.seal(&keypair()).unwrap(), ed25519);
        let secp256k1 = include_bytes!("../../../fuzz/seeds/node_waku_record/secp256k1_mix");
        let record = WakuPeerRecord::open(secp256k1).unwrap();
        assert_eq!(record.mix_key, Some(mix_key()));
        assert!(record.peer.to_string().starts_with("16Uiu2"));
        let none = include_bytes!("../../../fuzz/seeds/node_waku_record/ed25519_no_mix");
        assert_eq!(WakuPeerRecord::open(none).map(|record| record.mix_key), Ok(None));
        let bad = include_bytes!("../../../fuzz/seeds/node_waku_record/ed25519_bad_key");
        assert_eq!(WakuPeerRecord::open(bad), Err(RecordError::MixKey));
    }

    #[test]
    fn a_mix_key_is_read_in_every_form_that_is_about() {
        let bytes = *mix_key().as_bytes();
        let text = hex::encode(&bytes);
        for said in [bytes.to_vec(), text.clone().into_bytes(), format!("0x{text}").into_bytes()] {
            let opened = WakuPeerRecord::open(&sealed(|message| message.mix_key = said)).unwrap();
            assert_eq!(opened.mix_key, Some(mix_key()));
        }
        let bad: [&[u8]; 4] = [b"0x", b"none", &[0; 32], &text.as_bytes()[1..]];
        for said in bad {
            let opened = WakuPeerRecord::open(&sealed(|message| message.mix_key = said.to_vec()));
            assert_eq!(opened, Err(RecordError::MixKey));
        }
    }

    #[test]
    fn what_is_of_somebody_else_or_of_another_kind_is_refused() {
        let other = Keypair::generate_ed25519();
        let theirs = record(None).seal(&other).unwrap();
        assert_eq!(WakuPeerRecord::open(&theirs), Err(RecordError::Peer));
        let none = sealed(|message| message.addresses.clear());
        assert_eq!(WakuPeerRecord::open(&none), Err(RecordError::Address));
        let broken = sealed(|message| message.addresses = vec![vec![0xff]]);
        assert_eq!(WakuPeerRecord::open(&broken), Err(RecordError::Address));
        let peer = keypair().public().to_peer_id();
        let plain = PeerRecord::new(peer, 3, record(None).addresses, [Capability::Store]);
        let plain = plain.seal(&keypair()).unwrap();
        assert_eq!(WakuPeerRecord::open(&plain), Err(RecordError::Signature));
        let bytes = WakuPeerRecord::MAX_SEALED_BYTES + 1;
        assert_eq!(WakuPeerRecord::open(&vec![0; bytes]), Err(RecordError::TooLong { bytes }));
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(place in 0_usize..400, bit in 0..8) {
            let mut sealed = record(Some(mix_key())).seal(&keypair()).unwrap();
            let place = place % sealed.len();
            sealed[place] ^= 1_u8 << bit;
            prop_assert!(WakuPeerRecord::open(&sealed).is_err());
        }
    }
}
