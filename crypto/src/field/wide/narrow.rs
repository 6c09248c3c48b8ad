//! What needs products, for machines whose widest product has 64 bits (wasm32).

use super::{Limbs, MODULUS, TWICE_MODULUS, add_lazy, subtract_if_above};
use crate::backend::prime::{Prime, Scalar};

/// `a·b/2^256 + r` at most: below `1.76r` for `a, b < 2r`, and for `a < 4r, b < r`.
#[inline(always)]
pub(super) fn multiply_lazy(a: &Limbs, b: &Limbs) -> Limbs {
    Scalar::multiply(*a, *b)
}

/// `a²/2^256 + r` at most.
#[inline(always)]
pub(super) fn square_lazy(a: &Limbs) -> Limbs {
    multiply_lazy(a, a)
}

/// A sum of products of elements, reduced as it grows.
#[derive(Clone, Copy)]
pub(crate) struct Sum(Limbs);

impl Sum {
    /// As many as the wide sum takes.
    pub(crate) const MAX_TERMS: usize = 15;

    /// The empty sum.
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self([0; 4])
    }

    /// Adds `a·b`.
    #[inline(never)]
    pub(crate) fn add(&mut self, a: &Limbs, b: &Limbs) {
        self.0 = subtract_if_above(&add_lazy(&self.0, &multiply_lazy(a, b)), &TWICE_MODULUS);
    }

    /// The sum as an element.
    #[inline(always)]
    pub(crate) fn reduce(self) -> Limbs {
        subtract_if_above(&self.0, &MODULUS)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::Fr;
    use crate::field::wide::limbs;

    proptest! {
        #[test]
        fn products_and_sums_agree_with_the_wide_ones(
            bytes in proptest::collection::vec(any::<([u8; 32], [u8; 32])>(), 1..=Sum::MAX_TERMS),
        ) {
            let element = |bytes: &[u8; 32]| Fr::from_bytes_reduced(bytes);
            let pairs: Vec<_> = bytes.iter().map(|(a, b)| (element(a), element(b))).collect();
            let mut narrow = Sum::new();
            let mut wide = crate::field::wide::products::Sum::new();
            for (a, b) in &pairs {
                narrow.add(limbs(a), limbs(b));
                wide.add(limbs(a), limbs(b));
                let product = subtract_if_above(&multiply_lazy(limbs(a), limbs(b)), &MODULUS);
                prop_assert_eq!(crate::field::wide::element(product), *a * *b);
                let square = subtract_if_above(&square_lazy(limbs(a)), &MODULUS);
                prop_assert_eq!(crate::field::wide::element(square), *a * *a);
            }
            prop_assert_eq!(narrow.reduce(), wide.reduce());
        }
    }
}
