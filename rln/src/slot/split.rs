//! A point prepared for one quick multiplication.

use alloc::vec::Vec;

use ark_bn254::{Fr as Scalar, G1Affine, G1Projective};
use ark_ff::{AdditiveGroup, PrimeField};
use logos_crypto::curve::to_affine_all;

/// Bits of a signed digit.
const WIDTH: u32 = 5;
/// Multiples kept of each part: `1..=16`.
const MULTIPLES: usize = 1 << (WIDTH - 1);
/// Digits of a 64-bit part and its carry.
const DIGITS: usize = 13;

/// `2^(64 k) P` for the four words of a scalar, with sixteen multiples each: 4 KiB.
///
/// A product takes 64 doublings, shared by all terms of a sum, and 52 additions a term.
pub(super) struct SplitPoint {
    table: Vec<G1Affine>,
}

impl SplitPoint {
    /// Prepares several points at once; they share one inversion.
    pub(super) fn prepare<const N: usize>(points: [G1Projective; N]) -> [Self; N] {
        let mut multiples = Vec::with_capacity(N * 4 * MULTIPLES);
        for mut part in points {
            for _ in 0..4 {
                let run = core::iter::successors(Some(part), |last| Some(*last + part));
                multiples.extend(run.take(MULTIPLES));
                part = (0..64).fold(part, |part, _| part.double());
            }
        }
        let affine = to_affine_all(&multiples);
        let mut tables = affine.chunks_exact(4 * MULTIPLES);
        points.map(|_| Self { table: tables.next().unwrap_or_default().to_vec() })
    }

    /// `sum s_i P_i`. Variable time in the scalars, which are powers of the public `x`.
    pub(super) fn vartime_sum(terms: &[(&Self, Scalar)]) -> G1Projective {
        let parts: Vec<(&[G1Affine], [i8; DIGITS])> = terms
            .iter()
            .flat_map(|(point, scalar)| {
                let words = scalar.into_bigint().0;
                point.table.chunks_exact(MULTIPLES).zip(words.map(digits))
            })
            .collect();
        (0..DIGITS).rev().fold(G1Projective::ZERO, |sum, position| {
            let sum = (0..WIDTH).fold(sum, |sum, _| sum.double());
            parts.iter().fold(sum, |sum, (multiples, digits)| {
                let digit = digits.get(position).copied().unwrap_or_default();
                let entry = usize::from(digit.unsigned_abs()).checked_sub(1);
                match entry.and_then(|entry| multiples.get(entry)) {
                    Some(multiple) if digit < 0 => sum - multiple,
                    Some(multiple) => sum + multiple,
                    None => sum,
                }
            })
        })
    }
}

/// `word = sum d_i 2^(5 i)` with `-16 <= d_i <= 16`.
fn digits(word: u64) -> [i8; DIGITS] {
    let mut digits = [0; DIGITS];
    let mut rest = u128::from(word);
    for digit in &mut digits {
        // Five bits and a carry: at most 32, so the value fits an i8 before and after the borrow.
        let low = i8::try_from(rest & 31).unwrap_or_default();
        rest >>= WIDTH;
        *digit = low;
        if low > 16 {
            *digit -= 32;
            rest += 1;
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use ark_ec::PrimeGroup;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn digits_add_up(word: u64) {
            let sum = digits(word).iter().rev().fold(0i128, |sum, d| sum * 32 + i128::from(*d));
            prop_assert_eq!(sum, i128::from(word));
        }

        #[test]
        fn a_sum_is_the_sum(a: [u8; 32], b: [u8; 32]) {
            let [a, b] = [a, b].map(|bytes| Scalar::from_le_bytes_mod_order(&bytes));
            let first = G1Projective::generator();
            let second = first.double();
            let points = SplitPoint::prepare([first, second]);
            let sum = SplitPoint::vartime_sum(&[(&points[0], a), (&points[1], b)]);
            prop_assert_eq!(sum, first * a + second * b);
        }
    }

    #[test]
    fn the_ends_of_a_word_have_digits() {
        for word in [0, 1, 16, 17, u64::MAX] {
            let sum = digits(word).iter().rev().fold(0i128, |sum, d| sum * 32 + i128::from(*d));
            assert_eq!(sum, i128::from(word));
        }
    }
}
