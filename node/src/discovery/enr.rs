//! Signed records of nodes (EIP-778), with what LIP 31 adds.

use core::fmt;
use core::str::FromStr;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::BASE64URL_NOPAD;
use k256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use k256::ecdsa::{Signature, SigningKey, VerifyingKey};
use libp2p::identity::{Keypair, PublicKey, secp256k1};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use sha3::{Digest, Keccak256};
use thiserror::Error;

use super::rlp::{self, RlpError};
use crate::delivery::Capability;

/// What a node says of itself in a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnrContent {
    /// Newer records of a node have higher numbers.
    pub seq: u64,
    /// Key `ip`.
    pub ip4: Option<Ipv4Addr>,
    /// Key `ip6`.
    pub ip6: Option<Ipv6Addr>,
    /// Key `tcp`.
    pub tcp4: Option<u16>,
    /// Key `tcp6`.
    pub tcp6: Option<u16>,
    /// Key `udp`: where discovery listens, not a transport of messages.
    pub udp4: Option<u16>,
    /// Key `udp6`.
    pub udp6: Option<u16>,
    /// Key `multiaddrs`: addresses that the keys above cannot say. Those of protocols that are not
    /// known here are left out.
    pub multiaddrs: Vec<Multiaddr>,
    /// Key `waku2`: one bit for each service.
    pub services: Option<u8>,
    /// Key `rs` or `rsv`.
    pub shards: Option<EnrShards>,
}

/// The shards that a node relays.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnrShards {
    /// Of this cluster.
    pub cluster: u16,
    /// Their numbers, ascending.
    pub shards: Vec<u16>,
}

/// Why bytes or text are no record that counts.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnrError {
    /// It is longer than a record may be.
    #[error("{bytes} bytes of at most {}", Enr::MAX_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The bytes are not the list they should be.
    #[error(transparent)]
    Rlp(#[from] RlpError),
    /// The text does not begin with `enr:`, or is not base64.
    #[error("not the text of a record")]
    Text,
    /// The keys do not ascend, or one stands twice, or one has no value.
    #[error("the keys are not in order")]
    Order,
    /// The record is signed by another scheme than `v4`.
    #[error("not of the scheme v4")]
    Scheme,
    /// A value is not what its key says.
    #[error("the value of {key:?} is malformed")]
    Value {
        /// The key.
        key: &'static str,
    },
    /// The signature is not that of the record's key.
    #[error("the signature does not fit")]
    Signature,
    /// A key of another kind cannot sign records.
    #[error("records are signed with secp256k1 keys")]
    Key,
}

/// A signed record of a node. Whoever has one knows that the owner of its key said so, and no more:
/// not that it is new, and not that it is true.
///
/// | part | bytes |
/// |---|---|
/// | list prefix | 2 or 3 |
/// | signature | 66: two and `r` and `s`, over Keccak-256 of the list of the rest |
/// | sequence number | 1 to 9 |
/// | keys and values, ascending | the rest, 300 in all |
///
/// # Examples
///
/// ```
/// use logos_node::delivery::Capability;
/// use logos_node::discovery::Enr;
///
/// // The example of EIP-778.
/// let text = "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R\
///             33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0x\
///             OIN1ZHCCdl8";
/// let record: Enr = text.parse()?;
/// assert_eq!(record.content().udp4, Some(30303));
/// assert!(!record.offers(Capability::Store));
/// assert_eq!(record.to_string(), text);
/// # Ok::<(), logos_node::discovery::EnrError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Enr {
    encoded: Vec<u8>,
    key: secp256k1::PublicKey,
    content: EnrContent,
}

impl Enr {
    /// The longest record.
    pub const MAX_BYTES: usize = 300;

    /// Signs what a node says of itself. Costs one multiplication on the curve.
    ///
    /// # Errors
    ///
    /// - [`EnrError::Key`] if the key is not of secp256k1.
    /// - [`EnrError::TooLong`] if there is more to say than a record holds.
    /// - [`EnrError::Value`] for an address of more than 65,535 bytes.
    pub fn sign(content: EnrContent, key: &Keypair) -> Result<Self, EnrError> {
        let key = key.clone().try_into_secp256k1().map_err(|_| EnrError::Key)?;
        let signer = SigningKey::from_slice(&key.secret().to_bytes()).map_err(|_| EnrError::Key)?;
        let public = key.public().clone();
        let mut items = content.items(&public)?;
        let hash = Keccak256::digest(rlp::list(&items));
        let signature: Signature = signer.sign_prehash(&hash).map_err(|_| EnrError::Key)?;
        items.insert(0, rlp::string(&signature.to_bytes()));
        let encoded = rlp::list(&items);
        check_length(&encoded)?;
        Ok(Self { encoded, key: public, content })
    }

    /// Reads a record and checks its signature: one check of a curve's point and two
    /// multiplications.
    ///
    /// # Errors
    ///
    /// [`EnrError`] says what is wrong.
    ///
    /// # Security
    ///
    /// Anybody may have made the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnrError> {
        check_length(bytes)?;
        let items = rlp::decode_list(bytes)?;
        let [signature, content @ ..] = items.as_slice() else { return Err(EnrError::Order) };
        let (seq, pairs) = read_pairs(content)?;
        if pairs.get(b"id".as_slice()).copied().flatten() != Some(b"v4".as_slice()) {
            return Err(EnrError::Scheme);
        }
        let key = pairs.get(KEY.as_bytes()).copied().flatten().unwrap_or_default();
        let malformed = |_| EnrError::Value { key: KEY };
        let verifier = VerifyingKey::from_sec1_bytes(key).map_err(|_| malformed(()))?;
        let public = secp256k1::PublicKey::try_from_bytes(key).map_err(|_| malformed(()))?;
        if public.to_bytes() != key {
            return Err(malformed(()));
        }
        let signed: Vec<_> = content.iter().map(|item| item.encoded.to_vec()).collect();
        let signature = signature.string().and_then(|bytes| Signature::from_slice(bytes).ok());
        let signature = signature.ok_or(EnrError::Signature)?;
        let hash = Keccak256::digest(rlp::list(&signed));
        verifier.verify_prehash(&hash, &signature).map_err(|_| EnrError::Signature)?;
        let content = EnrContent::read(seq, &pairs)?;
        Ok(Self { encoded: bytes.to_vec(), key: public, content })
    }

    /// The bytes that peer exchange and databases carry.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }

    /// What it says.
    #[must_use]
    pub const fn content(&self) -> &EnrContent {
        &self.content
    }

    /// The id under which its node is dialled.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        PublicKey::from(self.key.clone()).to_peer_id()
    }

    /// Does it say that its node offers this?
    #[must_use]
    pub fn offers(&self, capability: Capability) -> bool {
        let bit = service_bit(capability);
        self.content.services.is_some_and(|services| services & bit != 0)
    }

    /// Where its node is said to be, each address with the node's id.
    #[must_use]
    pub fn addresses(&self) -> Vec<Multiaddr> {
        let content = &self.content;
        let four = content.ip4.map(Multiaddr::from).zip(content.tcp4);
        let six = content.ip6.map(Multiaddr::from).zip(content.tcp6.or(content.tcp4));
        let plain = [four, six].into_iter().flatten();
        let plain = plain.map(|(ip, port)| ip.with(Protocol::Tcp(port)));
        let all = plain.chain(content.multiaddrs.iter().cloned());
        all.map(|address| self.of_node(address)).collect()
    }

    /// An address that has a peer's id in it is that of a relay (LIP 31).
    fn of_node(&self, address: Multiaddr) -> Multiaddr {
        let me = Protocol::P2p(self.peer_id());
        match address.iter().any(|part| matches!(part, Protocol::P2p(_))) {
            true => address.with(Protocol::P2pCircuit).with(me),
            false => address.with(me),
        }
    }
}

impl fmt::Display for Enr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TEXT_PREFIX}{}", BASE64URL_NOPAD.encode_display(&self.encoded))
    }
}

impl fmt::Debug for Enr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { encoded: _, key: _, content } = self;
        f.debug_struct("Enr")
            .field("peer", &self.peer_id())
            .field("content", content)
            .finish_non_exhaustive()
    }
}

impl FromStr for Enr {
    type Err = EnrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(TEXT_PREFIX).ok_or(EnrError::Text)?;
        let bytes = digits.len() / 4 * 3;
        if bytes > Self::MAX_BYTES {
            return Err(EnrError::TooLong { bytes });
        }
        let bytes = BASE64URL_NOPAD.decode(digits.as_bytes()).map_err(|_| EnrError::Text)?;
        Self::decode(&bytes)
    }
}

const TEXT_PREFIX: &str = "enr:";
const KEY: &str = "secp256k1";

/// The values by their keys; a list has none that is read here.
type Pairs<'a> = BTreeMap<&'a [u8], Option<&'a [u8]>>;

fn check_length(bytes: &[u8]) -> Result<(), EnrError> {
    let bytes = bytes.len();
    if bytes > Enr::MAX_BYTES { Err(EnrError::TooLong { bytes }) } else { Ok(()) }
}

/// The sequence number, and the values by their keys.
fn read_pairs<'a>(items: &[rlp::Item<'a>]) -> Result<(u64, Pairs<'a>), EnrError> {
    let [seq, items @ ..] = items else { return Err(EnrError::Order) };
    let seq = rlp::read_number(seq.string().ok_or(EnrError::Order)?)?;
    let (pairs, []) = items.as_chunks::<2>() else { return Err(EnrError::Order) };
    let mut read = Pairs::new();
    for [key, value] in pairs {
        let key = key.string().ok_or(EnrError::Order)?;
        if read.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(EnrError::Order);
        }
        read.insert(key, value.string());
    }
    Ok((seq, read))
}

impl EnrContent {
    /// Adds an address, without its node's id, by the shortest of the keys that can say it.
    pub fn add_address(&mut self, address: &Multiaddr) {
        let parts: Vec<Protocol<'_>> = address.iter().collect();
        match parts.as_slice() {
            [Protocol::Ip4(ip), Protocol::Tcp(port)] if self.ip4.is_none() => {
                (self.ip4, self.tcp4) = (Some(*ip), Some(*port));
            }
            [Protocol::Ip6(ip), Protocol::Tcp(port)] if self.ip6.is_none() => {
                (self.ip6, self.tcp6) = (Some(*ip), Some(*port));
            }
            // That of a relay is written without what follows from its being one (LIP 31).
            [relay @ .., Protocol::P2pCircuit, Protocol::P2p(_)]
            | [relay @ .., Protocol::P2pCircuit] => {
                self.multiaddrs.push(relay.iter().cloned().collect());
            }
            _ => self.multiaddrs.push(address.clone()),
        }
    }

    /// Everything that is signed, in order.
    fn items(&self, key: &secp256k1::PublicKey) -> Result<Vec<Vec<u8>>, EnrError> {
        let port = |port: u16| rlp::number(port.into());
        let shards = self.shards.as_ref().map(EnrShards::item).transpose()?;
        let addresses =
            (!self.multiaddrs.is_empty()).then(|| join(&self.multiaddrs)).transpose()?;
        let pairs = [
            ("id", Some(rlp::string(b"v4"))),
            ("ip", self.ip4.map(|ip| rlp::string(&ip.octets()))),
            ("ip6", self.ip6.map(|ip| rlp::string(&ip.octets()))),
            ("multiaddrs", addresses.map(|bytes| rlp::string(&bytes))),
            ("rs", shards),
            (KEY, Some(rlp::string(&key.to_bytes()))),
            ("tcp", self.tcp4.map(port)),
            ("tcp6", self.tcp6.map(port)),
            ("udp", self.udp4.map(port)),
            ("udp6", self.udp6.map(port)),
            ("waku2", self.services.map(|services| rlp::string(&[services]))),
        ];
        let mut items = vec![rlp::number(self.seq)];
        for (name, value) in pairs {
            items.extend(value.map(|value| [rlp::string(name.as_bytes()), value].concat()));
        }
        Ok(items)
    }

    fn read(seq: u64, pairs: &Pairs<'_>) -> Result<Self, EnrError> {
        let addresses = bytes(pairs, "multiaddrs")?;
        let services = bytes(pairs, "waku2")?;
        Ok(Self {
            seq,
            ip4: array(pairs, "ip")?.map(|octets: [u8; 4]| octets.into()),
            ip6: array(pairs, "ip6")?.map(|octets: [u8; 16]| octets.into()),
            tcp4: port(pairs, "tcp")?,
            tcp6: port(pairs, "tcp6")?,
            udp4: port(pairs, "udp")?,
            udp6: port(pairs, "udp6")?,
            multiaddrs: addresses.map(split).transpose()?.unwrap_or_default(),
            services: match services {
                None => None,
                Some([services]) => Some(*services),
                Some(_) => return Err(EnrError::Value { key: "waku2" }),
            },
            shards: EnrShards::read(pairs)?,
        })
    }
}

fn bytes<'a>(pairs: &Pairs<'a>, key: &'static str) -> Result<Option<&'a [u8]>, EnrError> {
    let value = pairs.get(key.as_bytes());
    value.map(|value| value.ok_or(EnrError::Value { key })).transpose()
}

fn array<const N: usize>(
    pairs: &Pairs<'_>,
    key: &'static str,
) -> Result<Option<[u8; N]>, EnrError> {
    let array = |value: &[u8]| value.try_into().map_err(|_| EnrError::Value { key });
    bytes(pairs, key)?.map(array).transpose()
}

fn port(pairs: &Pairs<'_>, key: &'static str) -> Result<Option<u16>, EnrError> {
    let port = |value: &[u8]| {
        let number = rlp::read_number(value).ok().and_then(|number| u16::try_from(number).ok());
        number.ok_or(EnrError::Value { key })
    };
    bytes(pairs, key)?.map(port).transpose()
}

/// Addresses, each after its length of two bytes.
fn join(addresses: &[Multiaddr]) -> Result<Vec<u8>, EnrError> {
    let mut bytes = Vec::new();
    for address in addresses {
        let length = u16::try_from(address.len());
        let length = length.map_err(|_| EnrError::Value { key: "multiaddrs" })?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(address.as_ref());
    }
    Ok(bytes)
}

fn split(mut bytes: &[u8]) -> Result<Vec<Multiaddr>, EnrError> {
    let mut addresses = Vec::new();
    while !bytes.is_empty() {
        let cut = bytes.split_first_chunk().and_then(|(length, rest)| {
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        });
        let (address, rest) = cut.ok_or(EnrError::Value { key: "multiaddrs" })?;
        addresses.extend(Multiaddr::try_from(address.to_vec()).ok());
        bytes = rest;
    }
    Ok(addresses)
}

impl EnrShards {
    /// Shards that are listed one by one; of more there is no record.
    pub const MAX_LISTED: usize = 63;
    /// Bytes of the bits: one for each of 1024 shards.
    const VECTOR_BYTES: usize = 128;

    /// Shards of a cluster, in any order.
    #[must_use]
    pub fn new(cluster: u16, mut shards: Vec<u16>) -> Self {
        shards.sort_unstable();
        shards.dedup();
        Self { cluster, shards }
    }

    /// The value of `rs`: cluster, count, shards.
    fn item(&self) -> Result<Vec<u8>, EnrError> {
        let listed = self.shards.len() <= Self::MAX_LISTED;
        let count = u8::try_from(self.shards.len()).ok().filter(|_| listed);
        let count = count.ok_or(EnrError::Value { key: "rs" })?;
        let mut bytes = self.cluster.to_be_bytes().to_vec();
        bytes.push(count);
        bytes.extend(self.shards.iter().flat_map(|shard| shard.to_be_bytes()));
        Ok(rlp::string(&bytes))
    }

    fn read(pairs: &Pairs<'_>) -> Result<Option<Self>, EnrError> {
        match (bytes(pairs, "rs")?, bytes(pairs, "rsv")?) {
            (Some(list), _) => Self::listed(list).ok_or(EnrError::Value { key: "rs" }).map(Some),
            (None, Some(bits)) => {
                Self::from_bits(bits).ok_or(EnrError::Value { key: "rsv" }).map(Some)
            }
            (None, None) => Ok(None),
        }
    }

    fn listed(bytes: &[u8]) -> Option<Self> {
        let (cluster, rest) = bytes.split_first_chunk()?;
        let (count, shards) = rest.split_first()?;
        let (shards, []) = shards.as_chunks::<2>() else { return None };
        let fits = shards.len() == usize::from(*count) && shards.len() <= Self::MAX_LISTED;
        let shards = shards.iter().map(|shard| u16::from_be_bytes(*shard)).collect();
        fits.then(|| Self::new(u16::from_be_bytes(*cluster), shards))
    }

    /// Bit `n mod 8` of byte `n / 8` is shard `n`.
    fn from_bits(bytes: &[u8]) -> Option<Self> {
        let (cluster, bits) = bytes.split_first_chunk()?;
        let bits: &[u8; Self::VECTOR_BYTES] = bits.try_into().ok()?;
        let is_set = |shard: &u16| {
            bits.get(usize::from(*shard / 8)).is_some_and(|byte| byte & 1 << (shard % 8) != 0)
        };
        let shards = (0..8 * 128_u16).filter(is_set).collect();
        Some(Self::new(u16::from_be_bytes(*cluster), shards))
    }
}

/// The bit of a service in `waku2`; none for what has no bit there.
const fn service_bit(capability: Capability) -> u8 {
    match capability {
        Capability::Relay => 1,
        Capability::Store => 1 << 1,
        Capability::Filter => 1 << 2,
        Capability::LightPush => 1 << 3,
        Capability::Mix => 1 << 5,
        _ => 0,
    }
}

/// The bits of what a node offers, for [`EnrContent::services`].
#[must_use]
pub fn service_bits(offers: impl IntoIterator<Item = Capability>) -> u8 {
    offers.into_iter().fold(0, |bits, capability| bits | service_bit(capability))
}

#[cfg(test)]
mod tests;
