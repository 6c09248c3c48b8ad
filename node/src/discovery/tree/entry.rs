//! What a text of a tree says.

use core::fmt;
use core::str::FromStr;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{Signature, VerifyingKey};
use sha3::{Digest, Keccak256};
use thiserror::Error;

use crate::discovery::{Enr, EnrError};

/// Why a tree, or a part of it, is not read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TreeError {
    /// A link is not `enrtree://<key>@<domain>`.
    #[error("not a link to a tree: enrtree://<key>@<domain>")]
    Link,
    /// There is no text of a tree where one should be.
    #[error("there is no text of a tree")]
    Missing,
    /// A text is none that a tree has.
    #[error("a text is malformed")]
    Malformed,
    /// A text is not the one that its name stands for.
    #[error("a text does not hash to its name")]
    Hash,
    /// The root is not signed by the tree's key.
    #[error("the root's signature does not fit")]
    Signature,
    /// The root is older than one seen before.
    #[error("the tree has number {seq}, and {seen} was seen before")]
    Old {
        /// The root's number.
        seq: u64,
        /// The newest seen.
        seen: u64,
    },
    /// A record stands among links, or a link among records.
    #[error("a text stands in the wrong half of the tree")]
    Misplaced,
    /// A node's record does not count.
    #[error(transparent)]
    Record(#[from] EnrError),
    /// Nobody asked for this name.
    #[error("nobody asked for this name")]
    Unasked,
}

/// Where a tree is, and who signs it: `enrtree://<key>@<domain>`.
///
/// # Examples
///
/// ```
/// use logos_node::discovery::TreeLink;
///
/// let text = "enrtree://AM5FCQLWIZX2QFPNJAP7VUERCCRNGRHWZG3YYHIUV7BVDQ5FDPRT2@nodes.example.org";
/// let link: TreeLink = text.parse()?;
/// assert_eq!(link.domain(), "nodes.example.org");
/// assert_eq!(link.to_string(), text);
/// # Ok::<(), logos_node::discovery::TreeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeLink {
    key: VerifyingKey,
    domain: String,
}

impl TreeLink {
    /// The longest name, in bytes: with a hash before it it is still a name.
    pub const MAX_DOMAIN_BYTES: usize = 253 - Hash::MAX_TEXT_BYTES - 1;

    /// The name its root stands at.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    pub(super) fn signed(&self, text: &str, signature: &Signature) -> Result<(), TreeError> {
        let hash = Keccak256::digest(text);
        self.key.verify_prehash(&hash, signature).map_err(|_| TreeError::Signature)
    }
}

impl FromStr for TreeLink {
    type Err = TreeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.strip_prefix(LINK).and_then(|rest| rest.split_once('@'));
        let (key, domain) = parts.ok_or(TreeError::Link)?;
        let fits = !domain.is_empty() && domain.len() <= Self::MAX_DOMAIN_BYTES;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if !fits || !domain.bytes().all(plain) || key.len() != KEY_TEXT_BYTES {
            return Err(TreeError::Link);
        }
        let key = BASE32_NOPAD.decode(key.as_bytes()).map_err(|_| TreeError::Link)?;
        let key = VerifyingKey::from_sec1_bytes(&key).map_err(|_| TreeError::Link)?;
        Ok(Self { key, domain: domain.to_owned() })
    }
}

impl fmt::Display for TreeLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.to_sec1_point(true);
        write!(f, "{LINK}{}@{}", BASE32_NOPAD.encode_display(key.as_bytes()), self.domain)
    }
}

const LINK: &str = "enrtree://";
/// A compressed point of 33 bytes in base32.
const KEY_TEXT_BYTES: usize = 53;

/// The name of a text: the first bytes of its Keccak-256.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Hash(Vec<u8>);

impl Hash {
    const MIN_BYTES: usize = 12;
    const MAX_BYTES: usize = 32;
    const MAX_TEXT_BYTES: usize = 52;

    fn parse(text: &str) -> Result<Self, TreeError> {
        if text.len() > Self::MAX_TEXT_BYTES {
            return Err(TreeError::Malformed);
        }
        let bytes = BASE32_NOPAD.decode(text.as_bytes()).map_err(|_| TreeError::Malformed)?;
        let fits = (Self::MIN_BYTES..=Self::MAX_BYTES).contains(&bytes.len());
        fits.then_some(Self(bytes)).ok_or(TreeError::Malformed)
    }

    pub(super) fn check(&self, text: &str) -> Result<(), TreeError> {
        let is_name = Keccak256::digest(text).starts_with(&self.0);
        is_name.then_some(()).ok_or(TreeError::Hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        BASE32_NOPAD.encode_display(&self.0).fmt(f)
    }
}

/// The text at a tree's own name: `enrtree-root:v1 e=<hash> l=<hash> seq=<n> sig=<signature>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) records: Hash,
    pub(super) links: Hash,
    pub(super) seq: u64,
}

impl Root {
    pub(super) const PREFIX: &str = "enrtree-root:v1";

    /// Reads a root and checks who signed it.
    pub(super) fn parse(text: &str, link: &TreeLink) -> Result<Self, TreeError> {
        let (signed, signature) = text.split_once(" sig=").ok_or(TreeError::Malformed)?;
        let mut words = signed.split(' ');
        let mut word = |key: &'static str| words.next()?.strip_prefix(key);
        let mut parts = || Some((word(Self::PREFIX)?, word("e=")?, word("l=")?, word("seq=")?));
        let (prefix, records, links, seq) = parts().ok_or(TreeError::Malformed)?;
        if !prefix.is_empty() || words.next().is_some() {
            return Err(TreeError::Malformed);
        }
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes());
        // The last of 65 bytes is for finding the key, which is known.
        let [signature @ .., _] = signature.as_deref().map_err(|_| TreeError::Malformed)? else {
            return Err(TreeError::Malformed);
        };
        let signature = Signature::from_slice(signature).map_err(|_| TreeError::Malformed)?;
        link.signed(signed, &signature)?;
        Ok(Self {
            records: Hash::parse(records)?,
            links: Hash::parse(links)?,
            seq: seq.parse().map_err(|_| TreeError::Malformed)?,
        })
    }
}

/// A text below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// `enrtree-branch:<hash>,<hash>,..`
    Branch(Vec<Hash>),
    /// `enrtree://<key>@<domain>`
    Link(TreeLink),
    /// `enr:<record>`
    Record(Box<Enr>),
}

impl Entry {
    pub(super) fn parse(text: &str) -> Result<Self, TreeError> {
        if let Some(hashes) = text.strip_prefix(BRANCH) {
            let hashes = hashes.split(',').filter(|hash| !hash.is_empty());
            return Ok(Self::Branch(hashes.map(Hash::parse).collect::<Result<_, _>>()?));
        }
        if text.starts_with(LINK) {
            return text.parse().map(Self::Link);
        }
        if text.starts_with("enr:") {
            return Ok(Self::Record(Box::new(text.parse()?)));
        }
        Err(TreeError::Malformed)
    }
}

const BRANCH: &str = "enrtree-branch:";
