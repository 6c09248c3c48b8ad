//! Scalars as signed digits.

use alloc::vec::Vec;

use ark_ff::PrimeField;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::Fr;

/// The width of a digit in bits. A wider one means fewer digits for each scalar and more
/// buckets for each sum.
///
/// | points in a sum | good width | digits | bytes a point of G1 |
/// |---|---|---|---|
/// | 500 | 10 | 26 | 1664 |
/// | 2 000 | 12 | 22 | 1408 |
/// | 6 000 | 13 | 20 | 1280 |
/// | 14 000 | 15 | 17 | 1088 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(u32);

impl Window {
    /// The narrowest.
    pub const MIN: Self = Self(4);
    /// The widest: digits fit in 16 bits.
    pub const MAX: Self = Self(16);

    /// A width of `bits`, brought into `4..=16`.
    #[must_use]
    pub const fn new(bits: u32) -> Self {
        if bits < Self::MIN.0 {
            Self::MIN
        } else if bits > Self::MAX.0 {
            Self::MAX
        } else {
            Self(bits)
        }
    }

    /// Bits in a digit.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Digits in a scalar: enough for 254 bits and a sign.
    #[must_use]
    pub const fn digits(self) -> usize {
        255usize.div_ceil(self.0 as usize)
    }

    /// The largest absolute value of a digit.
    pub(crate) const fn buckets(self) -> usize {
        1 << (self.0 - 1)
    }
}

/// Which rows a table keeps of every point.
///
/// With every shift in the table all digits fall in one set of buckets. A table that keeps every
/// `k`-th shift is `k` times smaller and quicker to build; its digits fall in `k` sets of buckets,
/// which a sum joins by doublings. A table that keeps small multiples of every shift too needs
/// fewer buckets, so its digits can be wider and fewer.
///
/// | density | rows a point | buckets | for |
/// |---|---|---|---|
/// | [`Density::BARE`] | 1, the point itself | a set for each digit | a sum at once, nothing to build |
/// | [`Density::spaced`] by `k` | a `k`-th of the digits | `k` sets | little memory |
/// | [`Density::SHIFTS`] | all digits | one set | tables that are built once and kept |
/// | [`Density::multiplied`] to `m` | `m` times the digits | part of a set | memory to spare |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Density {
    /// Digits that share a shift.
    spacing: u8,
    /// Multiples of a shift, from one on.
    multiples: u8,
}

impl Density {
    /// No shift but the point.
    pub const BARE: Self = Self { spacing: u8::MAX, multiples: 1 };
    /// Every shift.
    pub const SHIFTS: Self = Self { spacing: 1, multiples: 1 };
    /// The most multiples of a shift.
    pub const MAX_MULTIPLES: u8 = 16;

    /// Every `digits`-th shift; zero counts as one.
    #[must_use]
    pub const fn spaced(digits: u8) -> Self {
        Self { spacing: if digits == 0 { 1 } else { digits }, multiples: 1 }
    }

    /// Every shift `1, 2, .. multiples` times, brought into `1..=16`.
    #[must_use]
    pub const fn multiplied(multiples: u8) -> Self {
        let multiples = match multiples {
            0 => 1,
            1..=Self::MAX_MULTIPLES => multiples,
            _ => Self::MAX_MULTIPLES,
        };
        Self { spacing: 1, multiples }
    }

    /// The density of a table with digits of `window` that has these numbers in its header, if
    /// they are those [`Density::numbers`] gives.
    pub(crate) fn from_numbers(window: Window, [spacing, multiples]: [u32; 2]) -> Option<Self> {
        let density =
            Self { spacing: spacing.try_into().ok()?, multiples: multiples.try_into().ok()? };
        let known = (1..=Self::MAX_MULTIPLES).contains(&density.multiples) && density.spacing > 0;
        (known && density.numbers(window) == [spacing, multiples]).then_some(density)
    }

    /// Digits that share a shift, of those that there are, and multiples of a shift.
    pub(crate) fn numbers(self, window: Window) -> [u32; 2] {
        // A scalar has at most 64 digits.
        [u32::try_from(self.sets(window)).unwrap_or(u32::MAX), u32::from(self.multiples)]
    }

    /// Sets of buckets of a sum with digits of `window`.
    pub(crate) fn sets(self, window: Window) -> usize {
        usize::from(self.spacing).min(window.digits())
    }

    /// Shifts of a point with digits of `window`.
    pub(crate) fn shifts(self, window: Window) -> usize {
        window.digits().div_ceil(self.sets(window))
    }

    /// Multiples of a shift.
    pub(crate) fn multiples(self) -> usize {
        usize::from(self.multiples)
    }

    /// Rows of a point with digits of `window`.
    pub(crate) fn rows(self, window: Window) -> usize {
        self.shifts(window) * self.multiples()
    }
}

/// Scalars cut in signed digits: `s = sum d_j 2^(c j)` with `-2^(c-1) <= d_j < 2^(c-1)`.
///
/// Cut once, used with every [`Table`](super::Table) of the same [`Window`]: A, B and L of a
/// Groth16 key share the witness. Wiped on drop.
pub struct Digits {
    pub(crate) window: Window,
    /// `window.digits()` for each scalar, the least significant first.
    pub(crate) digits: Vec<i16>,
    /// Which point each scalar belongs to; `None` if scalar `i` belongs to point `i`.
    pub(crate) positions: Option<Vec<u32>>,
}

impl Digits {
    /// Cuts a scalar for every point of a table: scalar `i` belongs to point `i`. Points beyond
    /// the last scalar count zero times.
    #[must_use]
    pub fn new(window: Window, scalars: &[Fr]) -> Self {
        Self { window, digits: cut_all(window, scalars.iter().copied()), positions: None }
    }

    /// Cuts scalars for some points of a table, given by position. A position may occur more
    /// than once: its scalars add up.
    #[must_use]
    pub fn sparse(window: Window, scalars: &[(u32, Fr)]) -> Self {
        let digits = cut_all(window, scalars.iter().map(|&(_, scalar)| scalar));
        let positions = scalars.iter().map(|&(position, _)| position).collect();
        Self { window, digits, positions: Some(positions) }
    }

    /// The width that the scalars were cut to.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Each scalar's position and digits.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[i16])> {
        let positions = self.positions.as_deref();
        self.digits.chunks_exact(self.window.digits()).enumerate().map(move |(index, digits)| {
            let position = positions.and_then(|all| all.get(index)).map(|&at| at as usize);
            (position.unwrap_or(index), digits)
        })
    }
}

impl core::fmt::Debug for Digits {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { window, digits: _, positions: _ } = self;
        f.debug_struct("Digits").field("window", window).finish_non_exhaustive()
    }
}

impl Drop for Digits {
    fn drop(&mut self) {
        self.digits.zeroize();
    }
}

impl ZeroizeOnDrop for Digits {}

fn cut_all(window: Window, scalars: impl ExactSizeIterator<Item = Fr>) -> Vec<i16> {
    let mut digits = Vec::with_capacity(scalars.len() * window.digits());
    for scalar in scalars {
        cut(window, scalar.0.into_bigint().0, &mut digits);
    }
    digits
}

/// Appends the digits of an integer below 2^254.
#[expect(clippy::cast_possible_truncation, reason = "a digit is below 2^16 before the sign")]
fn cut(window: Window, [a, b, c, d]: [u64; 4], digits: &mut Vec<i16>) {
    let words = [a, b, c, d, 0];
    let (bits, mask) = (window.bits(), (1u64 << window.bits()) - 1);
    let mut carry = 0;
    let mut position = 0;
    for _ in 0..window.digits() {
        let (word, shift) = (position as usize / 64, position % 64);
        let pair = match words.get(word..word + 2) {
            Some(&[low, high]) => u128::from(low) | u128::from(high) << 64,
            _ => 0,
        };
        let digit = ((pair >> shift) as u64 & mask) + carry;
        carry = digit >> (bits - 1) & 1 | digit >> bits;
        digits.push((digit.wrapping_sub(carry << bits)) as i16);
        position += bits;
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::Field;
    use proptest::prelude::*;

    use super::*;

    fn put_together(digits: &Digits) -> Fr {
        let base = ark_bn254::Fr::from(2u64).pow([u64::from(digits.window.bits())]);
        let value = digits.digits.iter().rev().fold(ark_bn254::Fr::from(0u64), |sum, &digit| {
            sum * base + ark_bn254::Fr::from(i64::from(digit))
        });
        Fr(value)
    }

    proptest! {
        #[test]
        fn digits_add_up_to_the_scalar(bytes: [u8; 32], small in 0u64..4, bits in 4u32..=16) {
            for scalar in [Fr::from_bytes_reduced(&bytes), Fr::from(small), -Fr::from(small)] {
                let digits = Digits::new(Window::new(bits), &[scalar]);
                prop_assert_eq!(put_together(&digits), scalar);
                let half = 1i32 << (bits - 1);
                prop_assert!(digits.digits.iter().all(|&d| (-half..half).contains(&i32::from(d))));
            }
        }
    }

    #[test]
    fn no_scalar_shows_in_debug_output() {
        let digits = Digits::new(Window::new(15), &[Fr::from(7u64)]);
        assert_eq!(std::format!("{digits:?}"), "Digits { window: Window(15), .. }");
    }
}
