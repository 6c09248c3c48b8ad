//! Fixed-size secrets.

use alloc::boxed::Box;
use core::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `N` secret bytes.
///
/// They live on the heap, so that moving the value copies a pointer and not the bytes; they are
/// overwritten on drop, compared in constant time, and never printed. There is deliberately no
/// `Clone`, `Copy`, `Deref` or `Hash`: the only way out is [`Secret::expose`].
///
/// # Examples
///
/// ```
/// use logos_crypto::secret::Secret;
///
/// let key = Secret::new([7u8; 32]);
/// assert_eq!(format!("{key:?}"), "Secret<32>(..)");
/// assert!(key == Secret::new([7u8; 32]));
/// ```
#[derive(ZeroizeOnDrop)]
pub struct Secret<const N: usize> {
    bytes: Box<[u8; N]>,
}

impl<const N: usize> Secret<N> {
    /// Takes `bytes` as a secret and wipes the caller's copy that was passed in.
    #[must_use]
    pub fn new(mut bytes: [u8; N]) -> Self {
        let boxed = Box::new(bytes);
        bytes.zeroize();
        Self { bytes: boxed }
    }

    /// Fills a secret in place, so that its bytes never stand on the stack.
    pub fn with(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut bytes = Box::new([0; N]);
        fill(&mut bytes);
        Self { bytes }
    }

    /// Draws a uniform secret from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::with(|bytes| rng.fill_bytes(bytes))
    }

    /// Shows the bytes. The caller answers for every copy made of them.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.bytes
    }

    /// A second owner of the same secret, spelled out where a protocol needs one.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self { bytes: self.bytes.clone() }
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes: _ } = self;
        write!(f, "Secret<{N}>(..)")
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.as_slice().ct_eq(other.bytes.as_slice()).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> Zeroize for Secret<N> {
    fn zeroize(&mut self) {
        self.bytes.as_mut_slice().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    fn assert_zeroize_on_drop<T: ZeroizeOnDrop>() {}

    #[test]
    fn a_secret_never_prints_its_bytes() {
        assert_zeroize_on_drop::<Secret<32>>();
        assert_eq!(format!("{:?}", Secret::new([0xab; 16])), "Secret<16>(..)");
    }

    #[test]
    fn equality_looks_at_every_byte() {
        let mut other = [1; 32];
        assert_eq!(Secret::new([1; 32]), Secret::new(other));
        other[31] = 2;
        assert_ne!(Secret::new([1; 32]), Secret::new(other));
    }

    #[test]
    fn wiping_leaves_zeros() {
        let mut secret = Secret::new([9; 8]);
        secret.zeroize();
        assert_eq!(secret.expose(), &[0; 8]);
    }
}
