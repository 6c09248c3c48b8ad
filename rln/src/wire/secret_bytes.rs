//! Encodings that hold a secret.

use alloc::vec::Vec;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

/// An encoding with a secret in it: wiped on drop, compared in constant time, never printed.
///
/// # Examples
///
/// ```
/// use logos_rln::Identity;
/// use logos_rln::wire::ByteOrder;
///
/// let bytes = Identity::seeded(b"example").to_bytes(ByteOrder::Little);
/// assert_eq!(bytes.expose().len(), 64);
/// assert_eq!(format!("{bytes:?}"), "SecretBytes(64 bytes)");
/// ```
#[derive(ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    pub(super) const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Shows the bytes. The caller answers for every copy made of them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = self;
        write!(f, "SecretBytes({} bytes)", bytes.len())
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}
