//! X25519 (RFC 7748) as raw multiplication, one at a time or eight at a time.
//!
//! [`crate::keys`] is the place for key agreement with long-lived keys. This module is for
//! protocols that multiply points by derived scalars on their hot path, as Sphinx does twice a
//! hop: no allocation, a choice of [`Engine`] at run time, and products of scalars.
//!
//! # Security
//!
//! Every engine is constant time in scalar and point. Nothing is checked about a point: any 32
//! bytes are a u-coordinate. [`Shared::is_contributory`] tells afterwards whether the point had a
//! component of large order.

mod engine;
#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(target_arch = "x86_64")]
mod inverse;

use core::fmt;

use curve25519_dalek::{EdwardsPoint, MontgomeryPoint, Scalar as Residue};
use rand_core::CryptoRng;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use engine::{Engine, FILL_FROM};

/// Multiplications that [`Engine::Ifma`] does side by side.
pub const LANES: usize = 8;

/// The u-coordinate of the base point.
pub const BASE: [u8; 32] = {
    let mut nine = [0; 32];
    nine[0] = 9;
    nine
};

/// A clamped X25519 scalar: a multiple of 8 in `[2^254, 2^255)`.
#[derive(ZeroizeOnDrop)]
pub struct Scalar {
    // Invariant: clamped as in RFC 7748 section 5.
    bytes: [u8; 32],
}

impl Scalar {
    /// Clamps 32 bytes.
    #[must_use]
    pub const fn clamp(mut bytes: [u8; 32]) -> Self {
        bytes[0] &= 248;
        bytes[31] = (bytes[31] & 127) | 64;
        Self { bytes }
    }

    /// Draws a scalar from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        let scalar = Self::clamp(bytes);
        bytes.zeroize();
        scalar
    }

    /// A scalar that does to every point of prime order what multiplying by `self` and then by
    /// `other` does, as far as the u-coordinate shows.
    ///
    /// The product modulo the group order is lifted to the multiple of 8 it is congruent to below
    /// eight times the order; that value or its negation is clamped already. Costs one
    /// multiplication of scalars, against a whole ladder for a second multiplication of a point.
    ///
    /// # Security
    ///
    /// On a point with a component of small order the result differs from two multiplications:
    /// check the point once with [`PrimeOrderPoint::from_bytes`].
    #[must_use]
    pub fn product(&self, other: &Self) -> Self {
        let mut a = Residue::from_bytes_mod_order(self.bytes);
        let mut b = Residue::from_bytes_mod_order(other.bytes);
        let mut product = a * b;
        let lifted = Self { bytes: lift(product.as_bytes()) };
        a.zeroize();
        b.zeroize();
        product.zeroize();
        lifted
    }

    /// The 32 bytes, clamped.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes: _ } = self;
        f.debug_struct("Scalar").finish_non_exhaustive()
    }
}

/// What a multiplication gave: 32 secret bytes, all zero if the point was of low order.
#[derive(Default, ZeroizeOnDrop)]
pub struct Shared {
    bytes: [u8; 32],
}

impl Shared {
    /// Whether the point had a component of large order, so that the bytes depend on the scalar.
    #[must_use]
    pub fn is_contributory(&self) -> bool {
        !bool::from(self.bytes.ct_eq(&[0; 32]))
    }

    /// Shows the bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes: _ } = self;
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// One multiplication of a batch.
#[derive(Debug)]
pub struct Job<'a> {
    /// The scalar.
    pub scalar: &'a Scalar,
    /// The point's u-coordinate.
    pub point: &'a [u8; 32],
    /// Where the product goes.
    pub shared: Shared,
}

impl<'a> Job<'a> {
    /// `scalar * point`, not yet computed.
    #[must_use]
    pub fn new(scalar: &'a Scalar, point: &'a [u8; 32]) -> Self {
        Self { scalar, point, shared: Shared::default() }
    }
}

/// The bytes are not the u-coordinate of a point of prime order in canonical form.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a point of prime order")]
pub struct NotPrimeOrder;

/// A u-coordinate that was checked to belong to the subgroup of prime order.
///
/// Only for such points may [`Scalar::product`] stand in for repeated multiplication.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrimeOrderPoint([u8; 32]);

impl PrimeOrderPoint {
    /// Checks 32 bytes; costs about two multiplications, so check a key when it is learnt and
    /// not when it is used.
    ///
    /// # Errors
    ///
    /// [`NotPrimeOrder`] for a point of the twist, one with a component of small order, the
    /// neutral element, or a value of `u` that is not reduced.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, NotPrimeOrder> {
        MontgomeryPoint(bytes)
            .to_edwards(0)
            .filter(|point| point.to_montgomery().0 == bytes)
            .filter(|point| point.is_torsion_free() && !point.is_small_order())
            .map(|_| Self(bytes))
            .ok_or(NotPrimeOrder)
    }

    /// The public half of `scalar`, which is of prime order because the base point is.
    #[must_use]
    pub fn of(scalar: &Scalar) -> Self {
        Self(EdwardsPoint::mul_base_clamped(scalar.bytes).to_montgomery().0)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PrimeOrderPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("X25519(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// The order of the base point, as little-endian words.
const ORDER: [u64; 4] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000];

/// Lifts a residue `k` to a clamped scalar that is congruent to `k` or `-k`.
///
/// `j = 3k mod 8` makes `k + j * order` divisible by 8, because the order is 5 modulo 8. The sum
/// lies below `8 * order`, which is a hair over `2^255`; if it is below `2^254` its negation
/// modulo `8 * order` is not. The one range of width `2^-127` where neither is clamped is as
/// likely as guessing the scalar.
fn lift(residue: &[u8; 32]) -> [u8; 32] {
    let mut k = words(residue);
    let j = k[0].wrapping_mul(3) & 7;
    let mut sum = add_multiple(k, j);
    let mut negated = sub(add_multiple([0; 4], 8), sum);
    let below = Choice::from(u8::from(sum[3] >> 62 == 0));
    let mut lifted = [0; 32];
    for ((out, a), b) in lifted.chunks_exact_mut(8).zip(&sum).zip(&negated) {
        out.copy_from_slice(&u64::conditional_select(a, b, below).to_le_bytes());
    }
    k.zeroize();
    sum.zeroize();
    negated.zeroize();
    lifted
}

fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let (chunks, _) = bytes.as_chunks::<8>();
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*chunk);
    }
    words
}

/// `a + j * order`, modulo `2^256`.
fn add_multiple(a: [u64; 4], j: u64) -> [u64; 4] {
    let mut out = [0; 4];
    let mut carry = 0u128;
    for ((out, a), l) in out.iter_mut().zip(a).zip(ORDER) {
        let sum = u128::from(a) + u128::from(l) * u128::from(j) + carry;
        *out = low_word(sum);
        carry = sum >> 64;
    }
    out
}

/// `a - b`, modulo `2^256`.
fn sub(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let mut out = [0; 4];
    let mut borrow = false;
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        let (difference, under) = a.overflowing_sub(b);
        let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
        *out = difference;
        borrow = under | under_again;
    }
    out
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
const fn low_word(wide: u128) -> u64 {
    wide as u64
}

#[cfg(test)]
mod tests;
