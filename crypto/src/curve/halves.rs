//! Scalars cut in halves of 127 bits, and the halves in signed digits of four bits.
//!
//! The endomorphism `(x, y) -> (beta x, y)` of G1 multiplies by `lambda`, a cube root of one
//! modulo `r`. Every scalar is `first + lambda * second` with halves below `2^127` in absolute
//! value. No step branches on the scalar.

use crate::Fr;
use ark_ff::{MontFp, PrimeField};

/// Digits of a half.
pub(super) const WINDOWS: usize = 32;
/// Digits of a half of 64 bits: one for the carry.
pub(super) const SHORT_WINDOWS: usize = 17;

// A short basis of the lattice of pairs `(a, b)` with `a + lambda b = 0 mod r` is
// `(-A, B)`, `(-B, -C)` with `C = A + B`.
const A: u128 = 0x6f4d_8248_eeb8_59fc_8211_bbeb_7d4f_1128;
const B: u128 = 0x89d3_2568_94d2_13e3;
const C: u128 = A + B;
/// `round(2^256 C / r)`, in words.
const C_OVER_R: [u64; 3] = [0x5398_fd03_00ff_6565, 0x4cce_f014_a773_d2d2, 0x2];
/// `round(2^256 B / r)`, in words.
const B_OVER_R: [u64; 3] = [0xd91d_232e_c7e0_b3d7, 0x2, 0];

/// A half: an absolute value below `2^127` and a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Half {
    magnitude: u128,
    negative: bool,
}

impl From<u64> for Half {
    fn from(magnitude: u64) -> Self {
        Self { magnitude: magnitude.into(), negative: false }
    }
}

/// The cube root of one that the endomorphism multiplies by.
pub(super) const LAMBDA: ark_bn254::Fr =
    MontFp!("21888242871839275217838484774961031246154997185409878258781734729429964517155");

/// The two halves of a scalar.
pub(super) fn halves(scalar: &Fr) -> [Half; 2] {
    let words = scalar.0.into_bigint().0;
    let (p, q) = (scaled(words, C_OVER_R), scaled(words, B_OVER_R));
    let [low, high, ..] = words;
    let low = u128::from(low) | u128::from(high) << 64;
    // The halves are below 2^127, so arithmetic modulo 2^128 gives them with their sign.
    let first = low.wrapping_sub(p.wrapping_mul(A)).wrapping_sub(q.wrapping_mul(B));
    let second = p.wrapping_mul(B).wrapping_sub(q.wrapping_mul(C));
    [first, second].map(Half::new)
}

impl Half {
    /// From two's complement.
    fn new(value: u128) -> Self {
        let sign = value.cast_signed() >> 127;
        Self {
            magnitude: (value ^ sign.cast_unsigned()).wrapping_sub(sign.cast_unsigned()),
            negative: value >> 127 == 1,
        }
    }

    /// Digits from `-8` to `8`, the least significant first. The magnitude is below `2^(4 W - 1)`.
    pub(super) fn digits<const W: usize>(self) -> [i8; W] {
        let sign = 1 - 2 * i8::from(self.negative);
        let mut carry = 0;
        let mut digits = [0; W];
        for (index, place) in digits.iter_mut().enumerate() {
            let digit = (self.magnitude >> (4 * index) & 15) as i8 + carry;
            // The top digit keeps its carry: it is at most 7 + 1.
            carry = (digit + 8) >> 4 & i8::from(index + 1 != W);
            *place = (digit - (carry << 4)) * sign;
        }
        digits
    }
}

/// The digits of a whole scalar, from `-8` to `8`, the least significant first.
pub(super) fn whole_digits(scalar: &Fr) -> [i8; 2 * WINDOWS] {
    let mut carry = 0;
    let mut digits = [0; 2 * WINDOWS];
    let nibbles = scalar.to_bytes().map(|byte| [byte & 15, byte >> 4]);
    for (place, nibble) in digits.iter_mut().zip(nibbles.as_flattened()) {
        // The top nibble is at most 3, so nothing is carried out of it.
        let digit = nibble.cast_signed() + carry;
        carry = (digit + 8) >> 4;
        *place = digit - (carry << 4);
    }
    digits
}

/// `round(scalar * factor / 2^256)`, which is below `2^128`.
#[expect(clippy::indexing_slicing, reason = "arrays of constant length")]
#[expect(clippy::cast_possible_truncation, reason = "the low word is meant")]
fn scaled(scalar: [u64; 4], factor: [u64; 3]) -> u128 {
    let mut product = [0u64; 8];
    // One half, for rounding.
    product[3] = 1 << 63;
    for (i, &x) in factor.iter().enumerate() {
        let mut carry = 0u128;
        for (j, &y) in scalar.iter().enumerate() {
            carry += u128::from(x) * u128::from(y) + u128::from(product[i + j]);
            product[i + j] = carry as u64;
            carry >>= 64;
        }
        // The word above has not been written to yet, but for the half.
        carry += u128::from(product[i + 4]);
        product[i + 4] = carry as u64;
    }
    u128::from(product[4]) | u128::from(product[5]) << 64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(half: Half) -> ark_bn254::Fr {
        let value = ark_bn254::Fr::from(half.magnitude);
        if half.negative { -value } else { value }
    }

    fn value_of_digits(half: Half) -> ark_bn254::Fr {
        half.digits::<WINDOWS>().iter().rev().fold(ark_bn254::Fr::from(0u64), |sum, &digit| {
            sum * ark_bn254::Fr::from(16u64) + ark_bn254::Fr::from(digit)
        })
    }

    fn check(scalar: Fr) {
        let [first, second] = halves(&scalar);
        assert_eq!(value(first) + LAMBDA * value(second), scalar.0);
        for half in [first, second] {
            assert!(half.magnitude < 1 << 127);
            assert_eq!(value_of_digits(half), value(half));
            assert!(half.digits::<WINDOWS>().iter().all(|digit| (-8..=8).contains(digit)));
        }
    }

    #[test]
    fn digits_of_a_whole_scalar_add_up_to_it() {
        for scalar in [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from_bytes_reduced(&[0x8f; 48])] {
            let sum =
                whole_digits(&scalar).iter().rev().fold(ark_bn254::Fr::from(0u64), |s, &d| {
                    s * ark_bn254::Fr::from(16u64) + ark_bn254::Fr::from(d)
                });
            assert_eq!(sum, scalar.0);
        }
    }

    #[test]
    fn the_largest_short_half_has_short_digits() {
        for magnitude in [u64::MAX, 1 << 63, 0x8888_8888_8888_8888, 0] {
            let digits = Half::from(magnitude).digits::<SHORT_WINDOWS>();
            let sum = digits.iter().rev().fold(0, |sum, digit| 16 * sum + i128::from(*digit));
            assert_eq!(sum, i128::from(magnitude));
        }
    }

    #[test]
    fn scalars_at_the_ends_have_short_halves() {
        for small in 0u64..20 {
            check(Fr::from(small));
            check(-Fr::from(small));
            check(Fr(LAMBDA * ark_bn254::Fr::from(small)));
            check(Fr(-LAMBDA * ark_bn254::Fr::from(small)));
        }
    }

    proptest! {
        #[test]
        fn halves_are_short_and_add_up_to_the_scalar(bytes: [u8; 40]) {
            check(Fr::from_bytes_reduced(&bytes));
        }
    }
}
