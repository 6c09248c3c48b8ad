//! The scalar field of BN254.

pub(crate) mod wide;

use alloc::vec::Vec;
use core::fmt;
use core::iter::{Product, Sum};
use core::ops::{Add, AddAssign, Neg, Sub, SubAssign};
#[cfg(not(target_arch = "wasm32"))]
use core::ops::{Mul, MulAssign};

use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use zeroize::Zeroize;

/// The bytes encode a number that is not below the field's modulus.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("bytes are not a canonical field element")]
pub struct NotCanonical;

/// An element of the scalar field of BN254: an integer modulo
/// `r = 21888242871839275222246405745257275088548364400416034343698204186575808495617`.
///
/// Its one encoding is 32 bytes, least significant first, of the integer below `r`. The name of
/// a decoder says its policy: [`Fr::from_bytes`] takes canonical bytes or fails,
/// [`Fr::from_bytes_reduced`] takes anything modulo `r`.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
///
/// let x = Fr::from(3u64) * Fr::from(5u64);
/// assert_eq!(Fr::from_bytes(&x.to_bytes())?, x);
/// assert!(Fr::from_bytes(&[0xff; 32]).is_err());
/// # Ok::<(), logos_crypto::field::NotCanonical>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fr(pub(crate) ark_bn254::Fr);

impl Fr {
    /// Bytes of an encoding.
    pub const BYTES: usize = 32;
    /// The neutral element of addition.
    pub const ZERO: Self = Self(<ark_bn254::Fr as AdditiveGroup>::ZERO);
    /// The neutral element of multiplication.
    pub const ONE: Self = Self(<ark_bn254::Fr as Field>::ONE);

    /// Decodes 32 bytes, least significant first.
    ///
    /// # Errors
    ///
    /// [`NotCanonical`] if the integer is not below the modulus.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, NotCanonical> {
        ark_bn254::Fr::from_bigint(limbs(bytes)).map(Self).ok_or(NotCanonical)
    }

    /// Decodes 32 bytes, most significant first.
    ///
    /// # Errors
    ///
    /// [`NotCanonical`] if the integer is not below the modulus.
    pub fn from_bytes_be(bytes: &[u8; 32]) -> Result<Self, NotCanonical> {
        let mut reversed = *bytes;
        reversed.reverse();
        Self::from_bytes(&reversed)
    }

    /// Reads any number of bytes, least significant first, modulo `r`. From 64 uniform bytes the
    /// result is uniform up to a bias below 2^-250.
    #[must_use]
    pub fn from_bytes_reduced(bytes: &[u8]) -> Self {
        Self(ark_bn254::Fr::from_le_bytes_mod_order(bytes))
    }

    /// The canonical 32 bytes, least significant first.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let limbs = self.0.into_bigint().0;
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(limbs) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
        bytes
    }

    /// The canonical 32 bytes, most significant first.
    #[must_use]
    pub fn to_bytes_be(&self) -> [u8; 32] {
        let mut bytes = self.to_bytes();
        bytes.reverse();
        bytes
    }

    /// A uniform element from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut wide = [0; 64];
        rng.fill_bytes(&mut wide);
        let element = Self::from_bytes_reduced(&wide);
        wide.zeroize();
        element
    }

    /// The inverse, or `None` for zero. Variable time.
    #[must_use]
    pub fn vartime_inverse(&self) -> Option<Self> {
        self.0.inverse().map(Self)
    }

    /// Is this the neutral element of addition?
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self == &Self::ZERO
    }

    /// The element as a small integer, or `None` if it does not fit.
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        match self.0.into_bigint().0 {
            [low, 0, 0, 0] => Some(low),
            _ => None,
        }
    }

    /// The bits of the canonical integer, least significant first: 256 of them, the top two zero.
    #[must_use]
    pub fn to_bits(&self) -> Vec<bool> {
        self.0.into_bigint().to_bits_le()
    }
}

fn limbs(bytes: &[u8; 32]) -> ark_ff::BigInt<4> {
    let mut limbs = [0u64; 4];
    let (chunks, _) = bytes.as_chunks::<8>();
    for (limb, chunk) in limbs.iter_mut().zip(chunks) {
        *limb = u64::from_le_bytes(*chunk);
    }
    ark_ff::BigInt(limbs)
}

impl fmt::Debug for Fr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fr({self})")
    }
}

impl fmt::Display for Fr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl From<u64> for Fr {
    fn from(value: u64) -> Self {
        Self(ark_bn254::Fr::from(value))
    }
}

impl From<u32> for Fr {
    fn from(value: u32) -> Self {
        Self(ark_bn254::Fr::from(value))
    }
}

impl From<bool> for Fr {
    fn from(value: bool) -> Self {
        Self(ark_bn254::Fr::from(value))
    }
}

impl ConstantTimeEq for Fr {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.0.0.ct_eq(&other.0.0.0)
    }
}

impl Zeroize for Fr {
    fn zeroize(&mut self) {
        self.0.0.0.zeroize();
    }
}

macro_rules! operator {
    ($trait:ident $method:ident, $assign:ident $assign_method:ident) => {
        impl $trait for Fr {
            type Output = Self;
            fn $method(self, rhs: Self) -> Self {
                Self($trait::$method(self.0, rhs.0))
            }
        }
        impl $trait<&Self> for Fr {
            type Output = Self;
            fn $method(self, rhs: &Self) -> Self {
                Self($trait::$method(self.0, &rhs.0))
            }
        }
        impl $assign for Fr {
            fn $assign_method(&mut self, rhs: Self) {
                $assign::$assign_method(&mut self.0, rhs.0);
            }
        }
        impl $assign<&Self> for Fr {
            fn $assign_method(&mut self, rhs: &Self) {
                $assign::$assign_method(&mut self.0, &rhs.0);
            }
        }
    };
}

operator!(Add add, AddAssign add_assign);
operator!(Sub sub, SubAssign sub_assign);
#[cfg(not(target_arch = "wasm32"))]
operator!(Mul mul, MulAssign mul_assign);
#[cfg(target_arch = "wasm32")]
mod narrow;

impl Neg for Fr {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Fr {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |sum, element| sum + element)
    }
}

impl Product for Fr {
    fn product<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ONE, |product, element| product * element)
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;
    use proptest::prelude::*;

    use super::*;

    /// The modulus, least significant byte first.
    const MODULUS: [u8; 32] =
        hex!("010000f093f5e1439170b97948e833285d588181b64550b829a031e1724e6430");

    #[test]
    fn the_modulus_and_anything_above_is_refused() {
        assert_eq!(Fr::from_bytes(&MODULUS), Err(NotCanonical));
        assert_eq!(Fr::from_bytes(&[0xff; 32]), Err(NotCanonical));
        let mut below = MODULUS;
        below[0] = 0;
        assert_eq!(Fr::from_bytes(&below), Ok(-Fr::ONE));
        assert_eq!(Fr::from_bytes_reduced(&MODULUS), Fr::ZERO);
    }

    #[test]
    fn the_two_byte_orders_mirror_each_other() {
        let x = Fr::from(0x0102u64);
        assert_eq!(x.to_bytes()[..3], [2, 1, 0]);
        assert_eq!(x.to_bytes_be()[29..], [0, 1, 2]);
        assert_eq!(Fr::from_bytes_be(&x.to_bytes_be()), Ok(x));
    }

    proptest! {
        #[test]
        fn one_value_has_one_encoding(bytes: [u8; 32]) {
            if let Ok(x) = Fr::from_bytes(&bytes) {
                prop_assert_eq!(x.to_bytes(), bytes);
            }
            let reduced = Fr::from_bytes_reduced(&bytes);
            prop_assert_eq!(Fr::from_bytes(&reduced.to_bytes()), Ok(reduced));
        }

        #[test]
        fn inverses_multiply_to_one(seed in 1u64..) {
            let x = Fr::from(seed);
            prop_assert_eq!(x.vartime_inverse().map(|inverse| inverse * x), Some(Fr::ONE));
        }
    }
}
