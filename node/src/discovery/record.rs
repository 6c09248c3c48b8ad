//! What peers say of themselves, under their keys: addresses and services.

use libp2p::core::SignedEnvelope;
use libp2p::identity::{Keypair, SigningError};
use libp2p::multiaddr::{self, Protocol};
use libp2p::{Multiaddr, PeerId};
use logos_mix::MixKey;
use thiserror::Error;

use crate::delivery::Capability;
use crate::wire::{PeerRecordMessage, ServiceInfo, Wire, WireError};

/// An extensible peer record (LIP 74): a libp2p peer record with a list of services.
///
/// In a signed envelope (libp2p's RFC 2) it can be handed on by anybody, and is what peers store in
/// the routing table under their own ids (LIP 143).
///
/// # Examples
///
/// ```
/// use logos_node::delivery::{Capability, Keypair};
/// use logos_node::discovery::PeerRecord;
///
/// let key = Keypair::generate_secp256k1();
/// let address = "/ip4/1.2.3.4/tcp/5".parse()?;
/// let record = PeerRecord::new(key.public().to_peer_id(), 1, vec![address], [Capability::Store]);
/// let opened = PeerRecord::open(&record.seal(&key)?)?;
/// assert!(opened.offers(Capability::Store));
/// assert_eq!(opened, record);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerRecord {
    /// Whose it is.
    pub peer: PeerId,
    /// Newer records of a peer have higher numbers.
    pub seq: u64,
    /// Where the peer is said to be, without its id.
    pub addresses: Vec<Multiaddr>,
    /// What it is said to offer: names of protocols, with what must be known to use them.
    pub services: Vec<ServiceInfo>,
}

/// Why bytes are no record that counts.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// It is longer than a sealed record may be.
    #[error("{bytes} bytes of at most {}", PeerRecord::MAX_SEALED_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The bytes are no signed envelope.
    #[error("not a signed envelope")]
    Envelope,
    /// The envelope is of another kind, or its signature does not fit.
    #[error("the signature does not fit")]
    Signature,
    /// The record is of another peer than the one who signed it.
    #[error("of another peer than its signer")]
    Peer,
    /// An address is malformed, or there is none where there has to be one.
    #[error("an address is malformed or missing")]
    Address,
    /// The mix key is none.
    #[error("the mix key is malformed")]
    MixKey,
    /// The content is malformed.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// Why a record was not sealed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// There is more to say than a record holds.
    #[error("{bytes} bytes of at most {}", PeerRecordMessage::MAX_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The key cannot sign.
    #[error("the key cannot sign")]
    Key(#[from] SigningError),
}

impl PeerRecord {
    /// The longest record in its envelope, in bytes: an RSA key of 4096 bits fits.
    pub const MAX_SEALED_BYTES: usize = PeerRecordMessage::MAX_BYTES + 1152;

    /// What a peer says of itself. Addresses over the bound of a record are left out.
    #[must_use]
    pub fn new(
        peer: PeerId,
        seq: u64,
        mut addresses: Vec<Multiaddr>,
        offers: impl IntoIterator<Item = Capability>,
    ) -> Self {
        addresses.truncate(PeerRecordMessage::MAX_ADDRESSES);
        let services = offers.into_iter().map(|each| ServiceInfo::new(each.name().to_owned()));
        Self { peer, seq, addresses, services: services.collect() }
    }

    /// Does it say that the peer offers this?
    #[must_use]
    pub fn offers(&self, capability: Capability) -> bool {
        self.services.iter().any(|service| service.id == capability.name())
    }

    /// The key that mix packets for the peer are sealed to, if it says so beside the mix's name.
    #[must_use]
    pub fn mix_key(&self) -> Option<MixKey> {
        let mut services = self.services.iter();
        let mix = services.find(|service| service.id == Capability::Mix.name())?;
        let bytes = mix.data.as_deref()?.try_into().ok()?;
        MixKey::from_bytes(bytes).ok()
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
        let mut message = PeerRecordMessage::new(self.peer.to_bytes(), self.seq);
        message.addresses = self.addresses.iter().map(Multiaddr::to_vec).collect();
        message.services.clone_from(&self.services);
        let payload = message.encode();
        if payload.len() > PeerRecordMessage::MAX_BYTES {
            return Err(SealError::TooLong { bytes: payload.len() });
        }
        Ok(ENVELOPE.seal(payload, key)?)
    }

    /// Checks the signature and reads the record. Costs one verification.
    ///
    /// # Errors
    ///
    /// [`RecordError`] says what is wrong.
    ///
    /// # Security
    ///
    /// Anybody may have made the bytes. A record that opens was made by its peer, at some time; that
    /// its addresses lead there is not said.
    pub fn open(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > Self::MAX_SEALED_BYTES {
            return Err(RecordError::TooLong { bytes: bytes.len() });
        }
        let (message, signer) = ENVELOPE.open::<PeerRecordMessage>(bytes)?;
        let peer = whose(&message.peer, signer)?;
        let addresses = addresses(message.addresses)?;
        Ok(Self { peer, seq: message.seq, addresses, services: message.services })
    }
}

/// The peer of a record, who has to be its signer.
pub(super) fn whose(peer: &[u8], signer: PeerId) -> Result<PeerId, RecordError> {
    let peer = PeerId::from_bytes(peer).map_err(|_| RecordError::Peer)?;
    if peer == signer { Ok(peer) } else { Err(RecordError::Peer) }
}

/// Addresses in their binary form. Those of protocols that nobody knows here are passed over.
pub(super) fn addresses(addresses: Vec<Vec<u8>>) -> Result<Vec<Multiaddr>, RecordError> {
    let addresses = addresses.into_iter().map(Multiaddr::try_from);
    let known =
        addresses.filter(|address| !matches!(address, Err(multiaddr::Error::UnknownProtocolId(_))));
    known.collect::<Result<_, _>>().map_err(|_| RecordError::Address)
}

/// Addresses of a peer, each with its id.
pub(super) fn with_id(peer: PeerId, addresses: &[Multiaddr]) -> Vec<Multiaddr> {
    let me = Protocol::P2p(peer);
    let whole = |address: &Multiaddr| match address.iter().last() {
        Some(last) if last == me => address.clone(),
        _ => address.clone().with(me.clone()),
    };
    addresses.iter().map(whole).collect()
}

/// A kind of signed envelope (libp2p's RFC 2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    pub(super) domain: &'static str,
    pub(super) payload_type: &'static [u8],
}

impl Envelope {
    pub(super) fn seal(self, payload: Vec<u8>, key: &Keypair) -> Result<Vec<u8>, SigningError> {
        let (domain, payload_type) = (self.domain.to_owned(), self.payload_type.to_vec());
        let envelope = SignedEnvelope::new(key, domain, payload_type, payload)?;
        Ok(envelope.into_protobuf_encoding())
    }

    /// What is in it, and who signed that.
    pub(super) fn open<T: Wire>(self, bytes: &[u8]) -> Result<(T, PeerId), RecordError> {
        let envelope = SignedEnvelope::from_protobuf_encoding(bytes);
        let envelope = envelope.map_err(|_| RecordError::Envelope)?;
        let opened = envelope.payload_and_signing_key(self.domain.to_owned(), self.payload_type);
        let (payload, signer) = opened.map_err(|_| RecordError::Signature)?;
        Ok((T::decode(payload)?, signer.to_peer_id()))
    }
}

const ENVELOPE: Envelope = Envelope { domain: "libp2p-peer-record", payload_type: &[3, 1] };

#[cfg(test)]
mod tests {
    use libp2p::core::PeerRecord as Plain;
    use proptest::prelude::*;

    use super::*;

    fn key() -> Keypair {
        Keypair::ed25519_from_bytes([7; 32]).unwrap()
    }

    fn record() -> PeerRecord {
        let addresses = vec!["/ip4/1.2.3.4/tcp/5".parse().unwrap(), "/memory/9".parse().unwrap()];
        PeerRecord::new(key().public().to_peer_id(), 3, addresses, Capability::ALL)
    }

    #[test]
    fn a_libp2p_peer_record_is_one_without_services() {
        let addresses = record().addresses;
        let plain = Plain::new_interop(&key(), addresses.clone()).unwrap();
        let opened = PeerRecord::open(&plain.to_signed_envelope().into_protobuf_encoding());
        let opened = opened.unwrap();
        assert_eq!((opened.peer, opened.addresses), (plain.peer_id(), addresses));
        assert_eq!(opened.services, []);
        let sealed = SignedEnvelope::from_protobuf_encoding(&record().seal(&key()).unwrap());
        let read = Plain::from_signed_envelope_interop(sealed.unwrap()).unwrap();
        assert_eq!((read.seq(), read.addresses()), (3, &*record().addresses));
    }

    #[test]
    fn an_address_of_a_protocol_to_come_is_passed_over_and_a_broken_one_is_refused() {
        let known: Multiaddr = "/memory/9".parse().unwrap();
        let open = |address: &[u8]| {
            let message = PeerRecordMessage {
                peer: key().public().to_peer_id().to_bytes(),
                addresses: vec![address.to_vec(), known.to_vec()],
                ..PeerRecordMessage::default()
            };
            let sealed = ENVELOPE.seal(message.encode(), &key()).unwrap();
            PeerRecord::open(&sealed).map(|record| record.addresses)
        };
        // The number 0x3fff is nobody's; four bytes belong to an address of IPv4.
        assert_eq!(open(&[0xff, 0x7f]), Ok(vec![known.clone()]));
        assert_eq!(open(&[4, 1]), Err(RecordError::Address));
    }

    #[test]
    fn what_is_of_somebody_else_or_too_long_is_refused() {
        let other = Keypair::generate_ed25519();
        let sealed = record().seal(&other).unwrap();
        assert_eq!(PeerRecord::open(&sealed), Err(RecordError::Peer));
        let legacy = Plain::new(&key(), Vec::new()).unwrap().into_signed_envelope();
        let legacy = PeerRecord::open(&legacy.into_protobuf_encoding());
        assert_eq!(legacy, Err(RecordError::Signature));
        let bytes = PeerRecord::MAX_SEALED_BYTES + 1;
        assert_eq!(PeerRecord::open(&vec![0; bytes]), Err(RecordError::TooLong { bytes }));
        let mut long = record();
        long.services[0].data = Some(vec![0; 1024]);
        assert!(matches!(long.seal(&key()), Err(SealError::TooLong { .. })));
    }

    /// Made with another implementation of protocol buffers and of Ed25519.
    #[test]
    fn a_record_sealed_elsewhere_is_read_and_sealed_to_the_same_bytes() {
        let sealed = include_bytes!("../../../fuzz/seeds/node_peer_record/ed25519");
        let record = PeerRecord::open(sealed).unwrap();
        assert_eq!((record.peer, record.seq), (key().public().to_peer_id(), 3));
        assert_eq!(record.addresses, ["/ip4/1.2.3.4/tcp/5".parse().unwrap()]);
        assert!(record.offers(Capability::Store) && !record.offers(Capability::Relay));
        assert_eq!(record.services[1].data, Some(vec![0; 32]));
        assert_eq!(record.seal(&key()).unwrap(), sealed);
    }

    #[test]
    fn a_mix_says_its_key_beside_its_name() {
        let mut record = record();
        assert_eq!(record.mix_key(), None);
        let mix = record.services.last_mut().unwrap();
        assert_eq!(mix.id, "/mix/1.0.0");
        let mut base = [0; 32];
        base[0] = 9;
        mix.data = Some(base.to_vec());
        assert_eq!(record.mix_key(), MixKey::from_bytes(base).ok());
        // Of low order, or no key at all.
        for data in [vec![0; 32], vec![9]] {
            record.services.last_mut().unwrap().data = Some(data);
            assert_eq!(record.mix_key(), None);
        }
    }

    #[test]
    fn an_id_is_not_written_twice() {
        let mut record = record();
        let [plain, _] = <[Multiaddr; 2]>::try_from(record.addresses.clone()).unwrap();
        record.addresses = vec![plain.clone(), plain.with(Protocol::P2p(record.peer))];
        let [one, other] = record.addresses_with_id().try_into().unwrap();
        assert_eq!(one, other);
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(place in 0_usize..400, bit in 0..8) {
            let mut sealed = record().seal(&key()).unwrap();
            let place = place % sealed.len();
            sealed[place] ^= 1_u8 << bit;
            prop_assert!(PeerRecord::open(&sealed).is_err());
        }

        #[test]
        fn no_bytes_are_a_record_by_chance(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(PeerRecord::open(&bytes).is_err());
        }
    }
}
