//! The transform with 64-bit integers.

use crate::Fr;
use crate::field::wide::{butterfly, butterfly_by_one, limbs, limbs_mut, reduce_below_four};

/// Coefficients in natural order to values in bit-reversed order.
///
/// Between stages elements stay below `4r`, so that a butterfly costs a multiplication and three
/// additions without a full reduction. The first block of a stage has the factor one.
pub(super) fn transform(values: &mut [Fr], factors: &[Fr]) {
    let mut half = values.len() / 2;
    while half > 0 {
        let mut blocks = values.chunks_exact_mut(2 * half);
        if let Some(first) = blocks.next() {
            let (low, high) = first.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                butterfly_by_one(limbs_mut(low), limbs_mut(high));
            }
        }
        for (block, factor) in blocks.zip(factors.iter().skip(1)) {
            let (low, high) = block.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                butterfly(limbs_mut(low), limbs_mut(high), limbs(factor));
            }
        }
        half /= 2;
    }
    for value in values {
        *limbs_mut(value) = reduce_below_four(limbs(value));
    }
}
