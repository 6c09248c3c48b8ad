//! What a cryptographic suite fixes: the key derivations, the header, the cipher and the bounds.

use alloc::vec::Vec;

use logos_crypto::keys::PublicKey;
use logos_crypto::secret::Secret;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::double_ratchet::DecryptError;
use crate::keys::{ChainKey, HeaderKey, MessageKey, RootKey};

/// Which suite a session, bundle or snapshot belongs to; the byte stands first in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum SuiteId {
    /// The one-to-one chat as deployed.
    LogosShipped = 1,
    /// The one-to-one chat as LIP 242 writes it.
    Private1 = 2,
    /// X3DH with ML-KEM-768, header encryption, ML-KEM ratchet.
    HybridV1 = 3,
    /// As [`Self::HybridV1`] without ML-KEM, for links that cannot carry a kilobyte.
    ClassicV1 = 4,
    /// Olm, to be compared with another implementation.
    Olm = 5,
}

/// The byte names no suite.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no suite has number {0}")]
pub struct UnknownSuite(pub u8);

impl TryFrom<u8> for SuiteId {
    type Error = UnknownSuite;

    fn try_from(byte: u8) -> Result<Self, UnknownSuite> {
        match byte {
            1 => Ok(Self::LogosShipped),
            2 => Ok(Self::Private1),
            3 => Ok(Self::HybridV1),
            4 => Ok(Self::ClassicV1),
            5 => Ok(Self::Olm),
            other => Err(UnknownSuite(other)),
        }
    }
}

impl From<SuiteId> for u8 {
    fn from(suite: SuiteId) -> Self {
        suite as Self
    }
}

/// A cryptographic suite: the type parameter of [`Session`](crate::Session).
///
/// Sealed: the suites of this crate are all there are.
pub trait Suite: Mechanics {
    /// The byte that stands for this suite on the wire and in snapshots.
    const ID: SuiteId;
}

/// The identities, suite and version a session was set up with, hashed; associated data of every
/// message where the suite binds anything.
pub type Binding = [u8; 32];

/// What a message says of its place in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sender's ratchet key, which names the chain.
    pub ratchet: PublicKey,
    /// `PN`: how many messages the sender's previous chain had.
    pub previous: u32,
    /// `N`: the number of this message in its chain.
    pub n: u32,
    /// What the KEM ratchet carries; zero where a suite has none.
    pub flags: u8,
}

/// What a Diffie-Hellman step of the root gives.
#[derive(Debug)]
pub struct RootStep {
    /// The next root key.
    pub root: RootKey,
    /// The key of the new chain.
    pub chain: ChainKey,
    /// The header key of the chain after the new one in the same direction.
    pub next_header: Option<HeaderKey>,
}

/// What is sealed: bytes of the KEM ratchet, then content.
#[derive(Debug)]
pub struct Body<'a> {
    /// An offer or answer of the KEM ratchet, as encoded; empty for none.
    pub kem: &'a [u8],
    /// What the application says.
    pub content: &'a [u8],
    /// Pad to at least this many bytes before the suite's own padding.
    pub least: usize,
}

/// The operations by which suites differ.
pub trait Mechanics: Sized + 'static {
    /// How far ahead of its chain a message may be.
    const MAX_JUMP: u32;
    /// Chains of the peer that are remembered, the newest included.
    const MAX_CHAINS: usize;
    /// Whether the header says how long the previous chain was, so that it can be closed.
    const CLOSES_CHAINS: bool;

    /// A message taken apart but not decrypted.
    type Parsed<'a>;

    /// `KDF_RK`.
    fn root_step(root: &RootKey, dh: &Secret<32>, kem: Option<&Secret<32>>) -> RootStep;

    /// `KDF_CK`.
    fn chain_step(chain: &ChainKey) -> (ChainKey, MessageKey);

    /// Encrypts one message.
    fn seal(
        key: MessageKey,
        header: &Header,
        header_key: Option<&HeaderKey>,
        binding: &Binding,
        body: &Body<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8>;

    /// Takes a message apart.
    ///
    /// # Errors
    ///
    /// [`DecryptError::Malformed`].
    fn parse(message: &[u8]) -> Result<Self::Parsed<'_>, DecryptError>;

    /// Reads the header under `key`; `None` if it is not this key's.
    fn header(parsed: &Self::Parsed<'_>, key: Option<&HeaderKey>) -> Option<Header>;

    /// Decrypts the body; `None` if it does not authenticate.
    fn open(
        parsed: &Self::Parsed<'_>,
        key: &MessageKey,
        header: &Header,
        binding: &Binding,
    ) -> Option<Vec<u8>>;

    /// Splits an opened body into the bytes of the KEM ratchet and the content, in place: the
    /// content stays in `body`.
    ///
    /// # Errors
    ///
    /// [`DecryptError::Malformed`].
    fn split(header: &Header, body: &mut Vec<u8>) -> Result<Option<KemSignal>, DecryptError> {
        let _ = (header, body);
        Ok(None)
    }
}

pub use crate::double_ratchet::KemSignal;
