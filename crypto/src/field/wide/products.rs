//! Products with 128-bit halves, for processors that have them.

#![expect(clippy::cast_possible_truncation, reason = "splitting a product into its two halves")]

use super::{Limbs, MODULUS, add_carry, reduce_below_four};

/// `-1/r mod 2^64`.
const INVERSE: u64 = 0xc2e1_f593_efff_ffff;

/// The two halves of `a·b + c + d`, which never overflows.
#[inline(always)]
const fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let wide = a as u128 * b as u128 + c as u128 + d as u128;
    (wide as u64, (wide >> 64) as u64)
}

/// `a·b/2^256 + r` at most: below `1.76r` for `a, b < 2r`, and for `a < 4r, b < r`.
#[inline(always)]
pub(super) fn multiply_lazy(a: &Limbs, b: &Limbs) -> Limbs {
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

/// `a²/2^256 + r` at most.
#[inline(always)]
pub(super) fn square_lazy(a: &Limbs) -> Limbs {
    montgomery_reduce(square_wide(a))
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
