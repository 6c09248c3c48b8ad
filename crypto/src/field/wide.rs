//! Sums of products with one reduction, without a branch on a value.
//!
//! An element of the field is `a < r`, held as `a·2^256 mod r` in four 64-bit limbs. With
//! `r < 0.19·2^256` there is room above `r`, which two things here use:
//!
//! - products stay unreduced below `2r` between the three multiplications of an S-box;
//! - up to [`Sum::MAX_TERMS`] products are added as 512-bit integers and reduced once, so a row of
//!   a matrix costs half of what separate multiplications cost.
//!
//! Where the widest product has 64 bits (wasm32), `narrow` stands in for the products.

#![expect(clippy::indexing_slicing, reason = "every index is a constant bound of a fixed array")]

#[cfg(any(test, target_arch = "wasm32"))]
mod narrow;
#[cfg(any(test, not(target_arch = "wasm32")))]
mod products;

use super::Fr;
#[cfg(target_arch = "wasm32")]
pub(crate) use narrow::Sum;
#[cfg(target_arch = "wasm32")]
use narrow::{multiply_lazy, square_lazy};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use products::Sum;
#[cfg(not(target_arch = "wasm32"))]
use products::{multiply_lazy, square_lazy};

/// Four 64-bit limbs, least significant first.
pub(crate) type Limbs = [u64; 4];

/// `r`.
const MODULUS: Limbs =
    [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
/// `2r`.
const TWICE_MODULUS: Limbs =
    [0x87c3_eb27_e000_0002, 0x5067_d090_f372_e122, 0x70a0_8b6d_0302_b0ba, 0x60c8_9ce5_c263_4053];

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

/// `(a + c)^5` for elements `a` and `c`: the S-box behind its round constant.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) fn add_then_fifth_power(a: &Limbs, c: &Limbs) -> Limbs {
    let x = add_lazy(a, c);
    let square = square_lazy(&x);
    let fourth = square_lazy(&square);
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
