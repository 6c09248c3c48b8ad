//! Post-quantum packets: Sphinx with a KEM at each hop instead of one blinded group element.
//!
//! A class of its own under its own protocol identifier, specified in `docs/mix.md`. Every hop
//! decapsulates an X-Wing ciphertext (X25519 and ML-KEM-768, secure while one of them is), which
//! the hop before found in its routing block. A hop costs one X25519 multiplication instead of
//! two, and 1120 more bytes a hop.

#![expect(clippy::indexing_slicing, reason = "constant ranges of boxed arrays")]

mod xwing;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use logos_crypto::x25519::Engine;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::address::AddressBlock;
use crate::format::PacketFormat;
use crate::header::{self, HeaderKeys};
use crate::layout::{
    ADDRESS_BYTES, BLOCK_BYTES, DELAY_BYTES, DELTA_BYTES, GAMMA_BYTES, KAPPA, MESSAGE_BYTES,
};
use crate::packet::WrongLength;
use crate::payload::PayloadCipher;
use crate::route::{Hold, MeanDelay, RouteError};
use crate::sphinx::{Block, OpenError, ReplayTag, Step, StripError, is_intact, truncated_hash};
use crate::surb::SurbId;

use xwing::CIPHERTEXT_BYTES;
pub use xwing::{BadKey, PqKey, PqSecret};

/// The protocol under which these packets are exchanged.
pub const PQ_PROTOCOL: &str = "/logos/mix/pq/1.0.0";
/// The longest path.
pub const PQ_MAX_HOPS: usize = 3;
/// One hop's routing block: that of a classical packet and the next hop's ciphertext.
pub const PQ_BLOCK_BYTES: usize = BLOCK_BYTES + CIPHERTEXT_BYTES;
/// The layered routing information.
pub const PQ_BETA_BYTES: usize = (PQ_MAX_HOPS - 1) * PQ_BLOCK_BYTES + BLOCK_BYTES + KAPPA;
/// Ciphertext, `beta` and `gamma`.
pub const PQ_HEADER_BYTES: usize = CIPHERTEXT_BYTES + PQ_BETA_BYTES + GAMMA_BYTES;
/// The whole packet.
pub const PQ_PACKET_BYTES: usize = PQ_HEADER_BYTES + DELTA_BYTES;

const _: () = assert!(PQ_BETA_BYTES == 2592 && PQ_PACKET_BYTES == 7712);

/// What goes before the KEM's secret, so that no key of a classical packet is one of this.
const SECRET_LABEL: &[u8] = b"logos-mix-pq/1";

/// A post-quantum packet: 7712 bytes on every link.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 1120 | X-Wing ciphertext for the next node |
/// | 1120 | 2592 | `beta` |
/// | 3712 | 16 | `gamma`, the MAC over `beta` |
/// | 3728 | 3984 | `delta` |
#[derive(Clone, PartialEq, Eq)]
pub struct PqPacket {
    bytes: Box<[u8; PQ_PACKET_BYTES]>,
}

impl PqPacket {
    fn zeroed() -> Self {
        Self { bytes: Box::new([0; PQ_PACKET_BYTES]) }
    }

    /// Takes the bytes of a packet.
    ///
    /// # Errors
    ///
    /// [`WrongLength`] unless there are exactly [`PQ_PACKET_BYTES`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WrongLength> {
        if bytes.len() != PQ_PACKET_BYTES {
            return Err(WrongLength { found: bytes.len(), expected: PQ_PACKET_BYTES });
        }
        let mut packet = Self::zeroed();
        packet.bytes.copy_from_slice(bytes);
        Ok(packet)
    }

    /// The bytes, as they go on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PQ_PACKET_BYTES] {
        &self.bytes
    }

    /// The padded message, once the last layer is removed.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.bytes[PQ_HEADER_BYTES + KAPPA..]
    }

    fn ciphertext(&self) -> [u8; CIPHERTEXT_BYTES] {
        let mut ciphertext = [0; CIPHERTEXT_BYTES];
        ciphertext.copy_from_slice(&self.bytes[..CIPHERTEXT_BYTES]);
        ciphertext
    }

    fn beta(&self) -> &[u8] {
        &self.bytes[CIPHERTEXT_BYTES..CIPHERTEXT_BYTES + PQ_BETA_BYTES]
    }

    fn gamma(&self) -> &[u8] {
        &self.bytes[CIPHERTEXT_BYTES + PQ_BETA_BYTES..PQ_HEADER_BYTES]
    }

    fn beta_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[CIPHERTEXT_BYTES..CIPHERTEXT_BYTES + PQ_BETA_BYTES]
    }

    fn delta_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[PQ_HEADER_BYTES..]
    }

    fn set_ciphertext(&mut self, ciphertext: &[u8]) {
        self.bytes[..CIPHERTEXT_BYTES].copy_from_slice(ciphertext);
    }

    fn set_gamma(&mut self, gamma: &[u8; GAMMA_BYTES]) {
        self.bytes[CIPHERTEXT_BYTES + PQ_BETA_BYTES..PQ_HEADER_BYTES].copy_from_slice(gamma);
    }
}

impl fmt::Debug for PqPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes: _ } = self;
        write!(f, "PqPacket({PQ_PACKET_BYTES} bytes)")
    }
}

/// One mix node of a post-quantum route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PqHop {
    /// The node's key.
    pub key: PqKey,
    /// Where the packet is sent.
    pub address: AddressBlock,
    /// How long the node holds it.
    pub delay: MeanDelay,
}

/// The post-quantum packet format.
///
/// # Examples
///
/// ```
/// use logos_mix::pq::{PqHop, PqSecret, PqSphinx};
/// use logos_mix::{AddressBlock, MeanDelay, PacketFormat, Step};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::seed_from_u64(1);
///
/// let node = PqSecret::random(&mut rng);
/// let hop = PqHop {
///     key: node.public_key(),
///     address: AddressBlock::from_bytes([1; 94]),
///     delay: MeanDelay::MIN,
/// };
/// let format = PqSphinx::default();
/// let mut packet = format.create(&[hop], &AddressBlock::NONE, &[42; 3968], &mut rng)?;
/// let opened = format.open(&node, &packet)?;
/// let step = format.strip(opened, &mut packet)?;
/// assert_eq!(step, Step::Deliver { destination: AddressBlock::NONE });
/// assert_eq!(*packet.message(), [42; 3968]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PqSphinx {
    engine: Engine,
}

impl Default for PqSphinx {
    fn default() -> Self {
        Self { engine: Engine::detect() }
    }
}

/// An authenticated header of a post-quantum packet.
pub struct PqOpened {
    secret: Session,
    tag: ReplayTag,
}

impl fmt::Debug for PqOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret: _, tag } = self;
        f.debug_struct("PqOpened").field("tag", tag).finish_non_exhaustive()
    }
}

/// The secret of one hop, from which all its keys follow.
#[derive(Zeroize, zeroize::ZeroizeOnDrop)]
struct Session([u8; 32]);

impl Session {
    /// `SHA-256("logos-mix-pq/1" || K)` for the KEM's secret `K`.
    fn new(mut shared: [u8; 32]) -> Self {
        let session = Sha256::new().chain_update(SECRET_LABEL).chain_update(shared).finalize();
        shared.zeroize();
        Self(session.into())
    }
}

impl PqSphinx {
    /// Wraps a padded message for one to [`PQ_MAX_HOPS`] hops.
    ///
    /// # Errors
    ///
    /// [`RouteError`] if there are no hops, too many, or one twice.
    pub fn create(
        &self,
        hops: &[PqHop],
        destination: &AddressBlock,
        message: &[u8; MESSAGE_BYTES],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<PqPacket, RouteError> {
        check(hops)?;
        let mut packet = PqPacket::zeroed();
        let (ciphertexts, sessions): (Vec<_>, Vec<_>) = hops
            .iter()
            .map(|hop| hop.key.encapsulate(self.engine, rng))
            .map(|(ciphertext, shared)| (ciphertext, Session::new(shared)))
            .unzip();
        let keys: Vec<_> = sessions.iter().map(|session| HeaderKeys::derive(&session.0)).collect();
        let last = Block { address: *destination, delay: 0, gamma: [0; GAMMA_BYTES] };
        packet.beta_mut()[..BLOCK_BYTES].copy_from_slice(&last.to_bytes());
        let gamma = header::wrap(packet.beta_mut(), &keys, |i, gamma| {
            routing_block(hops, &ciphertexts, i, gamma)
        });
        packet.set_gamma(&gamma);
        if let Some(first) = ciphertexts.first() {
            packet.set_ciphertext(first.as_slice());
        }
        packet.bytes[PQ_HEADER_BYTES + KAPPA..].copy_from_slice(message);
        for session in sessions.iter().rev() {
            PayloadCipher::Lioness.hop_key(&session.0).encrypt(packet.delta_mut());
        }
        Ok(packet)
    }
}

fn check(hops: &[PqHop]) -> Result<(), RouteError> {
    let repeats = |(i, hop): (usize, &PqHop)| hops.iter().take(i).any(|other| other.key == hop.key);
    match hops.len() {
        0 => Err(RouteError::Empty),
        n if n > PQ_MAX_HOPS => Err(RouteError::TooLong(n)),
        _ if hops.iter().enumerate().any(repeats) => Err(RouteError::Repeated),
        _ => Ok(()),
    }
}

/// The block in which hop `i` reads where hop `i + 1` is, and that hop's ciphertext.
fn routing_block(
    hops: &[PqHop],
    ciphertexts: &[Box<[u8; CIPHERTEXT_BYTES]>],
    i: usize,
    gamma: &[u8; GAMMA_BYTES],
) -> [u8; PQ_BLOCK_BYTES] {
    let delay = hops.get(i).map_or(0, |hop| hop.delay.millis());
    let address = hops.get(i + 1).map_or(AddressBlock::NONE, |hop| hop.address);
    let mut bytes = [0; PQ_BLOCK_BYTES];
    bytes[..BLOCK_BYTES].copy_from_slice(&Block { address, delay, gamma: *gamma }.to_bytes());
    if let Some(ciphertext) = ciphertexts.get(i + 1) {
        bytes[BLOCK_BYTES..].copy_from_slice(ciphertext.as_slice());
    }
    bytes
}

impl PacketFormat for PqSphinx {
    type Opened = PqOpened;
    type Packet = PqPacket;
    type Public = PqKey;
    type Secret = PqSecret;

    const PACKET_BYTES: usize = PQ_PACKET_BYTES;

    fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> PqSecret {
        PqSecret::random(rng)
    }

    fn public(secret: &PqSecret) -> PqKey {
        secret.public_key()
    }

    fn secret_to_bytes(secret: &PqSecret) -> Vec<u8> {
        secret.seed().expose().to_vec()
    }

    fn secret_from_bytes(bytes: &[u8]) -> Option<PqSecret> {
        let seed = bytes.try_into().ok()?;
        Some(PqSecret::from_seed(logos_crypto::secret::Secret::new(seed)))
    }

    fn parse(&self, bytes: &[u8]) -> Result<PqPacket, WrongLength> {
        PqPacket::from_bytes(bytes)
    }

    fn bytes(packet: &PqPacket) -> &[u8] {
        packet.as_bytes()
    }

    fn open(&self, secret: &PqSecret, packet: &PqPacket) -> Result<PqOpened, OpenError> {
        let shared = secret.decapsulate(self.engine, &packet.ciphertext());
        let secret = Session::new(shared);
        if !header::is_authentic(&secret.0, packet.beta(), packet.gamma()) {
            return Err(OpenError::BadMac);
        }
        let tag = ReplayTag::from_bytes(truncated_hash(&secret.0));
        Ok(PqOpened { secret, tag })
    }

    fn tag(opened: &PqOpened) -> ReplayTag {
        opened.tag
    }

    fn strip(&self, opened: PqOpened, packet: &mut PqPacket) -> Result<Step, StripError> {
        let secret = &opened.secret.0;
        let bytes: [u8; PQ_BLOCK_BYTES] = HeaderKeys::derive(secret).peel(packet.beta_mut());
        let (head, ciphertext) = bytes.split_at(BLOCK_BYTES);
        let Some(block) = head.first_chunk().map(Block::from_bytes) else {
            return Err(StripError::PayloadTampered);
        };
        PayloadCipher::Lioness.hop_key(secret).decrypt(packet.delta_mut());
        let Some(delay) = block.forwarding_delay(ciphertext) else {
            return last_step(&block, &packet.bytes[PQ_HEADER_BYTES..]);
        };
        packet.set_gamma(&block.gamma);
        packet.set_ciphertext(ciphertext);
        Ok(Step::Forward { next: block.address, hold: Hold::Mean(delay) })
    }
}

fn last_step(block: &Block, delta: &[u8]) -> Result<Step, StripError> {
    let id = SurbId::from_bytes(block.gamma);
    if block.address.is_none() && !id.is_zero() {
        return Ok(Step::Reply { id });
    }
    if is_intact(delta) {
        Ok(Step::Deliver { destination: block.address })
    } else {
        Err(StripError::PayloadTampered)
    }
}

const _: () = assert!(ADDRESS_BYTES + DELAY_BYTES + GAMMA_BYTES == BLOCK_BYTES);

#[cfg(test)]
mod tests;
