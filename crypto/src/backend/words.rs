//! Field elements in four 64-bit words, for any processor.
//!
//! The Montgomery form is that of arkworks, `R = 2^256`, so that elements pass without cost.
//! Unlike there, an element is any number below `2 p`: products need no last subtraction, and
//! sums and differences are corrected without branches, which on random data would be guessed
//! wrong half of the time.
//!
//! On wasm32, where the size of a module is what loads slowly, products are function calls, and so
//! is what is made of these elements: see `msm::portable::coordinate`.

#![expect(clippy::indexing_slicing, reason = "loops over arrays of constant length")]

use core::marker::PhantomData;

use super::inverse;
use super::prime::Prime;

/// An element of the field of `P`: a number below `2 p` in Montgomery form.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Words<P: Prime>([u64; 4], PhantomData<P>);

impl<P: Prime> Words<P> {
    /// Wraps a number below `2 p`.
    #[inline(always)]
    pub(crate) const fn new(words: [u64; 4]) -> Self {
        Self(words, PhantomData)
    }

    /// Zero.
    pub(crate) const ZERO: Self = Self::new([0; 4]);

    /// Twice the modulus.
    const TWICE: [u64; 4] = double(P::MODULUS);

    /// `2^250 / p`, times `2^18` and rounded down.
    const UNITS_TO_MODULI: u64 = (1 << 50) / ((P::MODULUS[3] >> 26) + 1);

    /// The words of one.
    pub(crate) const ONE_WORDS: [u64; 4] = P::R;

    /// From arkworks.
    #[inline(always)]
    pub(crate) fn from_ark(element: &P::Ark) -> Self {
        Self::new(P::to_words(element))
    }

    /// To arkworks.
    #[inline(always)]
    pub(crate) fn to_ark(self) -> P::Ark {
        P::from_words(self.canonical())
    }

    /// The words of the number below the modulus.
    #[inline(always)]
    pub(crate) fn canonical(self) -> [u64; 4] {
        let (less, borrow) = sub(self.0, P::MODULUS);
        select(borrow, self.0, less)
    }

    /// The words as they are, below `2 p`.
    #[inline(always)]
    pub(crate) fn to_words(self) -> [u64; 4] {
        self.0
    }

    /// Sum.
    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        let (sum, _) = add(self.0, other.0);
        let (less, borrow) = sub(sum, Self::TWICE);
        Self::new(select(borrow, sum, less))
    }

    /// Difference.
    #[inline(always)]
    pub(crate) fn sub(self, other: Self) -> Self {
        let (difference, borrow) = sub(self.0, other.0);
        let (more, _) = add(difference, Self::TWICE.map(|word| word & mask(borrow)));
        Self::new(more)
    }

    /// Twice the element.
    #[inline(always)]
    pub(crate) fn double(self) -> Self {
        self.add(self)
    }

    /// The negative.
    #[inline(always)]
    pub(crate) fn neg(self) -> Self {
        Self::ZERO.sub(self)
    }

    /// The negative if asked for, without a branch.
    #[inline(always)]
    pub(crate) fn negate_if(self, negate: bool) -> Self {
        Self::new(select(negate, self.neg().0, self.0))
    }

    /// `other` if asked for, without a branch.
    #[inline(always)]
    pub(crate) fn select(self, choice: bool, other: Self) -> Self {
        Self::new(select(choice, other.0, self.0))
    }

    /// Product.
    #[cfg(target_arch = "wasm32")]
    #[inline(always)]
    pub(crate) fn mul(self, other: Self) -> Self {
        Self::new(P::multiply(self.0, other.0))
    }

    /// Product: each word of `other` in turn, with one word of reduction.
    #[cfg(not(target_arch = "wasm32"))]
    #[inline(always)]
    pub(crate) fn mul(self, other: Self) -> Self {
        let (a, p) = (self.0, P::MODULUS);
        let mut sum = [0; 4];
        for word in other.0 {
            let (low, mut high) = multiply_add(a[0], word, sum[0], 0);
            let factor = low.wrapping_mul(P::NEGATED_INVERSE_64);
            let (_, mut carry) = multiply_add(factor, p[0], low, 0);
            for i in 1..4 {
                let low;
                (low, high) = multiply_add(a[i], word, sum[i], high);
                (sum[i - 1], carry) = multiply_add(factor, p[i], low, carry);
            }
            // No overflow: the sum is below a + 2 p < 2^256.
            sum[3] = high.wrapping_add(carry);
        }
        Self::new(sum)
    }

    /// `self * a + b * c`: two products with one reduction.
    #[cfg(target_arch = "wasm32")]
    #[inline(always)]
    pub(crate) fn mul_add(self, a: Self, b: Self, c: Self) -> Self {
        let sum = super::limbs29::multiply_two::<P>([self.0, a.0], [b.0, c.0]);
        let (less, borrow) = sub(sum, Self::TWICE);
        Self::new(select(borrow, sum, less))
    }

    /// `self * a + b * c`: two products with one reduction.
    #[cfg(not(target_arch = "wasm32"))]
    #[inline(always)]
    pub(crate) fn mul_add(self, a: Self, b: Self, c: Self) -> Self {
        let (x, y, p) = (self.0, b.0, P::MODULUS);
        let mut sum = [0; 4];
        for (first, second) in a.0.into_iter().zip(c.0) {
            let (mut wide, mut high) = ([0; 4], 0);
            for i in 0..4 {
                (wide[i], high) = multiply_add(x[i], first, sum[i], high);
            }
            let mut carry = 0;
            for i in 0..4 {
                (wide[i], carry) = multiply_add(y[i], second, wide[i], carry);
            }
            // No overflow here and below: with both factors below 2 p the sum is below
            // 5 p (2^64 + 1) before the division by 2^64, and 5 p < 2^256.
            high = high.wrapping_add(carry);
            let factor = wide[0].wrapping_mul(P::NEGATED_INVERSE_64);
            let (_, mut carry) = multiply_add(factor, p[0], wide[0], 0);
            for i in 1..4 {
                (sum[i - 1], carry) = multiply_add(factor, p[i], wide[i], carry);
            }
            sum[3] = high.wrapping_add(carry);
        }
        // Below 8 p^2 / 2^256 + p < 3 p.
        let (less, borrow) = sub(sum, Self::TWICE);
        Self::new(select(borrow, sum, less))
    }

    /// `9 self + other`.
    #[inline(always)]
    pub(crate) fn times_nine_plus(self, other: Self) -> Self {
        let (mut sum, mut high) = ([0; 4], 0);
        for ((sum, word), other) in sum.iter_mut().zip(self.0).zip(other.0) {
            (*sum, high) = multiply_add(word, 9, other, high);
        }
        // The sum is below 20 p. Its size in units of 2^250 is rounded down by less than one, a
        // twelfth of p, so the quotient leaves less than 1.1 p.
        let units = high << 6 | sum[3] >> 58;
        let quotient = (units * Self::UNITS_TO_MODULI) >> 18;
        let mut borrow = 0;
        for (word, modulus) in sum.iter_mut().zip(P::MODULUS) {
            let (low, high) = multiply_add(modulus, quotient, borrow, 0);
            let (less, borrowed) = word.overflowing_sub(low);
            (*word, borrow) = (less, high + u64::from(borrowed));
        }
        Self::new(sum)
    }

    /// Square.
    #[inline(always)]
    pub(crate) fn square(self) -> Self {
        self.mul(self)
    }

    /// Is this zero in the field?
    #[inline(always)]
    pub(crate) fn is_zero(self) -> bool {
        self.canonical() == [0; 4]
    }

    /// The inverse, and zero for zero. The time depends on the element.
    pub(crate) fn vartime_invert(self) -> Self {
        let inverse = inverse::vartime::<P>(self.canonical());
        Self::new(inverse).mul(Self::new(P::CUBE_OF_R))
    }

    /// The inverse, and zero for zero. The time does not depend on the element.
    pub(crate) fn invert(self) -> Self {
        let inverse = inverse::constant_time::<P>(self.canonical());
        Self::new(inverse).mul(Self::new(P::CUBE_OF_R))
    }
}

/// `a * b + c + d` as a low and a high word.
#[inline(always)]
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let sum = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    #[expect(clippy::cast_possible_truncation, reason = "the low word is meant")]
    (sum as u64, (sum >> 64) as u64)
}

#[inline(always)]
fn add(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let (mut sum, mut carry) = ([0; 4], false);
    for i in 0..4 {
        let (partial, first) = a[i].overflowing_add(b[i]);
        let (total, second) = partial.overflowing_add(u64::from(carry));
        (sum[i], carry) = (total, first | second);
    }
    (sum, carry)
}

#[inline(always)]
fn sub(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let (mut difference, mut borrow) = ([0; 4], false);
    for i in 0..4 {
        let (partial, first) = a[i].overflowing_sub(b[i]);
        let (total, second) = partial.overflowing_sub(u64::from(borrow));
        (difference[i], borrow) = (total, first | second);
    }
    (difference, borrow)
}

#[inline(always)]
fn mask(choice: bool) -> u64 {
    u64::from(choice).wrapping_neg()
}

/// The first if chosen, else the second, without a branch.
#[inline(always)]
fn select(choice: bool, first: [u64; 4], second: [u64; 4]) -> [u64; 4] {
    let mask = mask(choice);
    core::array::from_fn(|i| second[i] ^ (mask & (first[i] ^ second[i])))
}

const fn double([a, b, c, d]: [u64; 4]) -> [u64; 4] {
    [a << 1, b << 1 | a >> 63, c << 1 | b >> 63, d << 1 | c >> 63]
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup, Field, PrimeField};
    use proptest::prelude::*;

    use super::super::prime::{Base, Scalar};
    use super::*;

    fn element<F: PrimeField>() -> impl Strategy<Value = F> {
        prop_oneof![
            (0u64..3).prop_map(F::from),
            (1u64..4).prop_map(|x| -F::from(x)),
            (0u64..=255).prop_map(|power| F::from(2u64).pow([power])),
            any::<[u8; 40]>().prop_map(|bytes| F::from_le_bytes_mod_order(&bytes)),
        ]
    }

    /// Compares all operations, on `a` and `b` as they are and with the modulus added.
    fn agree<P: Prime>(a: P::Ark, b: P::Ark) {
        let lift = |x: &P::Ark| Words::<P>::new(add(P::to_words(x), P::MODULUS).0);
        for x in [Words::from_ark(&a), lift(&a)] {
            for y in [Words::from_ark(&b), lift(&b)] {
                assert_eq!(x.add(y).to_ark(), a + b);
                assert_eq!(x.sub(y).to_ark(), a - b);
                assert_eq!(x.mul(y).to_ark(), a * b);
                assert_eq!(x.mul_add(y, x, x).to_ark(), a * b + a.square());
                assert_eq!(y.mul_add(y, y.neg(), x).to_ark(), b.square() - b * a);
                assert_eq!(x.sub(y).is_zero(), a == b);
            }
            assert_eq!(x.square().to_ark(), a.square());
            assert_eq!(x.times_nine_plus(lift(&b)).to_ark(), P::Ark::from(9u64) * a + b);
            assert_eq!(x.double().to_ark(), a.double());
            assert_eq!(x.negate_if(true).to_ark(), -a);
            let inverse = a.inverse().unwrap_or(P::Ark::ZERO);
            assert_eq!(x.vartime_invert().to_ark(), inverse);
            assert_eq!(x.invert().to_ark(), inverse);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn words_of_the_base_field_agree_with_arkworks(a in element(), b in element()) {
            agree::<Base>(a, b);
        }

        #[test]
        fn words_of_the_scalar_field_agree_with_arkworks(a in element(), b in element()) {
            agree::<Scalar>(a, b);
        }
    }
}
