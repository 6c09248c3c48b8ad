//! Sums of products with one reduction, without a branch on a value.
//!
//! An element of the field is `a < r`, held as `a·2^256 mod r` in four 64-bit limbs. With
//! `r < 0.19·2^256` there is room above `r`, which two things here use:
//!
//! - products stay unreduced below `2r` between the three multiplications of an S-box;
//! - up to [`Sum::MAX_TERMS`] products are added as 512-bit integers and reduced once, so a row of
//!   a matrix costs half of what separate multiplications cost.

#![expect(clippy::indexing_slicing, reason = "every index is a constant bound of a fixed array")]
#![expect(clippy::cast_possible_truncation, reason = "splitting a product into its two halves")]

use super::Fr;

/// Four 64-bit limbs, least significant first.
pub(crate) type Limbs = [u64; 4];

/// `r`.
const MODULUS: Limbs =
    [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
/// `2r`.
const TWICE_MODULUS: Limbs =
    [0x87c3_eb27_e000_0002, 0x5067_d090_f372_e122, 0x70a0_8b6d_0302_b0ba, 0x60c8_9ce5_c263_4053];
/// `-1/r mod 2^64`.
const INVERSE: u64 = 0xc2e1_f593_efff_ffff;

/// The limbs of an element, as they are.
#[inline(always)]
pub(crate) const fn limbs(element: &Fr) -> &Limbs {
    &element.0.0.0
}

/// The limbs of an element, to be left below `r`.
#[inline(always)]
pub(crate) const fn limbs_mut(element: &mut Fr) -> &mut Limbs {
    &mut element.0.0.0
}

/// The element with these limbs. They must be below `r`.
#[inline(always)]
pub(crate) const fn element(limbs: Limbs) -> Fr {
    Fr(ark_bn254::Fr::new_unchecked(ark_ff::BigInt(limbs)))
}

/// The two halves of `a·b + c + d`, which never overflows.
#[inline(always)]
const fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let wide = a as u128 * b as u128 + c as u128 + d as u128;
    (wide as u64, (wide >> 64) as u64)
}

#[inline(always)]
const fn add_carry(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry as u64);
    (sum, first | second)
}

#[inline(always)]
const fn subtract_borrow(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (difference, first) = a.overflowing_sub(b);
    let (difference, second) = difference.overflowing_sub(borrow as u64);
    (difference, first | second)
}

/// `a + b`, not reduced, for a sum below `2^256`.
#[inline(always)]
fn add_lazy(a: &Limbs, b: &Limbs) -> Limbs {
    let mut sum = [0; 4];
    let mut carry = false;
    for i in 0..4 {
        (sum[i], carry) = add_carry(a[i], b[i], carry);
    }
    sum
}

/// `a + b` of two elements.
#[inline(always)]
pub(crate) fn add(a: &Limbs, b: &Limbs) -> Limbs {
    subtract_if_above(&add_lazy(a, b), &MODULUS)
}

/// `a - m` if that is not negative, else `a`; the choice is a mask.
#[inline(always)]
fn subtract_if_above(a: &Limbs, m: &Limbs) -> Limbs {
    let mut difference = [0; 4];
    let mut borrow = false;
    for i in 0..4 {
        (difference[i], borrow) = subtract_borrow(a[i], m[i], borrow);
    }
    let keep = u64::from(borrow).wrapping_neg();
    core::array::from_fn(|i| (a[i] & keep) | (difference[i] & !keep))
}

/// `a·b/2^256 + r` at most: below `1.76r` for `a, b < 2r`, and for `a < 4r, b < r`.
#[inline(always)]
fn multiply_lazy(a: &Limbs, b: &Limbs) -> Limbs {
    let mut t = [0u64; 4];
    for &digit in b {
        let (low, mut carry) = multiply_add(a[0], digit, t[0], 0);
        let k = low.wrapping_mul(INVERSE);
        let (_, mut borrow) = multiply_add(k, MODULUS[0], low, 0);
        for j in 1..4 {
            let (middle, high) = multiply_add(a[j], digit, t[j], carry);
            carry = high;
            (t[j - 1], borrow) = multiply_add(k, MODULUS[j], middle, borrow);
        }
        t[3] = carry + borrow;
    }
    t
}

/// The 512-bit square.
#[inline(always)]
fn square_wide(a: &Limbs) -> [u64; 8] {
    let mut t = [0u64; 8];
    for i in 0..3 {
        let mut carry = 0;
        for j in i + 1..4 {
            (t[i + j], carry) = multiply_add(a[i], a[j], t[i + j], carry);
        }
        t[i + 4] = carry;
    }
    for i in (1..8).rev() {
        t[i] = (t[i] << 1) | (t[i - 1] >> 63);
    }
    let mut carry = false;
    for i in 0..4 {
        let (low, high) = multiply_add(a[i], a[i], 0, 0);
        (t[2 * i], carry) = add_carry(t[2 * i], low, carry);
        (t[2 * i + 1], carry) = add_carry(t[2 * i + 1], high, carry);
    }
    t
}

/// `t/2^256`, not brought below `r`: at most `t/2^256 + r`, which must fit 256 bits.
#[inline(always)]
fn montgomery_reduce(mut t: [u64; 8]) -> Limbs {
    let mut top = false;
    for i in 0..4 {
        let k = t[i].wrapping_mul(INVERSE);
        let mut carry = 0;
        for j in 0..4 {
            (t[i + j], carry) = multiply_add(k, MODULUS[j], t[i + j], carry);
        }
        (t[i + 4], top) = add_carry(t[i + 4], carry, top);
    }
    [t[4], t[5], t[6], t[7]]
}

/// `(a + c)^5` for elements `a` and `c`: the S-box behind its round constant.
#[inline(always)]
pub(crate) fn add_then_fifth_power(a: &Limbs, c: &Limbs) -> Limbs {
    let x = add_lazy(a, c);
    let square = montgomery_reduce(square_wide(&x));
    let fourth = montgomery_reduce(square_wide(&square));
    subtract_if_above(&multiply_lazy(&fourth, &x), &MODULUS)
}

/// `(a + c·b, a - c·b)` in place: `a` and `b` below `4r` before and after, `c` an element.
#[inline(always)]
pub(crate) fn butterfly(a: &mut Limbs, b: &mut Limbs, c: &Limbs) {
    combine(a, b, &multiply_lazy(b, c));
}

/// `(a + b, a - b)` in place: both below `4r` before and after.
#[inline(always)]
pub(crate) fn butterfly_by_one(a: &mut Limbs, b: &mut Limbs) {
    combine(a, b, &subtract_if_above(b, &TWICE_MODULUS));
}

/// `(a + product, a - product)` for a product below `2r`.
#[inline(always)]
fn combine(a: &mut Limbs, b: &mut Limbs, product: &Limbs) {
    let base = subtract_if_above(a, &TWICE_MODULUS);
    *a = add_lazy(&base, product);
    *b = subtract_lazy(&base, product);
}

/// `a - b + 2r` for `a, b < 2r`: below `4r`.
#[inline(always)]
fn subtract_lazy(a: &Limbs, b: &Limbs) -> Limbs {
    let raised = add_lazy(a, &TWICE_MODULUS);
    let mut difference = [0; 4];
    let mut borrow = false;
    for i in 0..4 {
        (difference[i], borrow) = subtract_borrow(raised[i], b[i], borrow);
    }
    difference
}

/// The element of limbs below `4r`.
#[inline(always)]
pub(crate) fn reduce_below_four(a: &Limbs) -> Limbs {
    subtract_if_above(&subtract_if_above(a, &TWICE_MODULUS), &MODULUS)
}

/// A sum of products of elements, reduced once at the end.
#[derive(Clone, Copy)]
pub(crate) struct Sum([u64; 8]);

impl Sum {
    /// So many products keep the sum below `2.84r·2^256` and its reduction below `4r`.
    pub(crate) const MAX_TERMS: usize = 15;

    /// The empty sum.
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self([0; 8])
    }

    /// Adds `a·b`.
    #[inline(always)]
    pub(crate) fn add(&mut self, a: &Limbs, b: &Limbs) {
        let mut product = [0u64; 8];
        for i in 0..4 {
            let mut carry = 0;
            for j in 0..4 {
                (product[i + j], carry) = multiply_add(a[j], b[i], product[i + j], carry);
            }
            product[i + 4] = carry;
        }
        let mut carry = false;
        for (limb, addend) in self.0.iter_mut().zip(product) {
            (*limb, carry) = add_carry(*limb, addend, carry);
        }
    }

    /// The sum as an element.
    #[inline(always)]
    pub(crate) fn reduce(self) -> Limbs {
        reduce_below_four(&montgomery_reduce(self.0))
    }
}

/// The sum of products of two equally long rows of at most [`Sum::MAX_TERMS`] elements.
#[inline(always)]
pub(crate) fn dot<const N: usize>(a: &[Limbs; N], b: &[Limbs; N]) -> Limbs {
    const { assert!(N <= Sum::MAX_TERMS) };
    let mut sum = Sum::new();
    for (a, b) in a.iter().zip(b) {
        sum.add(a, b);
    }
    sum.reduce()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_element() -> impl Strategy<Value = Fr> {
        prop_oneof![
            any::<[u8; 64]>().prop_map(|bytes| Fr::from_bytes_reduced(&bytes)),
            Just(-Fr::ONE),
            Just(Fr::ZERO),
            Just(element([u64::MAX, u64::MAX, u64::MAX, MODULUS[3] - 1])),
        ]
    }

    #[test]
    fn the_largest_sum_still_reduces_to_an_element() {
        let largest = element(core::array::from_fn(|i| MODULUS[i] - u64::from(i == 0)));
        let row = [*limbs(&largest); Sum::MAX_TERMS];
        let expected: Fr = core::iter::repeat_n(largest * largest, Sum::MAX_TERMS).sum();
        assert_eq!(element(dot(&row, &row)), expected);
    }

    proptest! {
        #[test]
        fn a_sum_of_products_is_what_separate_operations_give(
            a in proptest::array::uniform5(any_element()),
            b in proptest::array::uniform5(any_element()),
        ) {
            let expected: Fr = a.iter().zip(&b).map(|(a, b)| *a * b).sum();
            let (a, b) = (a.map(|a| *limbs(&a)), b.map(|b| *limbs(&b)));
            prop_assert_eq!(element(dot(&a, &b)), expected);
        }

        #[test]
        fn the_fifth_power_is_what_separate_operations_give(a in any_element(), c in any_element()) {
            let x = a + c;
            let power = add_then_fifth_power(limbs(&a), limbs(&c));
            prop_assert_eq!(element(power), x * x * x * x * x);
        }
    }
}
