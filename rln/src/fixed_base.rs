//! Multiplying one point often.

use alloc::vec::Vec;

use ark_bn254::Fr as Scalar;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, PrimeField};

/// Bits of a window.
const WINDOW: usize = 8;
/// Multiples kept a window: all but zero.
const MULTIPLES: usize = (1 << WINDOW) - 1;
/// Windows of a scalar.
const WINDOWS: usize = 32;

/// All multiples `d 2^(8 i) P` of a point, `0 < d < 256`: 522 KiB in G1, 1 MiB in G2, and 32
/// additions a product.
///
/// Variable time: table addresses follow the scalar.
pub(crate) struct FixedBase<P> {
    table: Vec<P>,
}

impl<P: AffineRepr<ScalarField = Scalar>> FixedBase<P> {
    pub(crate) fn new(point: &P) -> Self {
        let mut base = point.into_group();
        let mut table = Vec::with_capacity(WINDOWS * MULTIPLES);
        for _ in 0..WINDOWS {
            let multiples = core::iter::successors(Some(base), |last| Some(*last + base));
            table.extend(multiples.take(MULTIPLES));
            base += table.last().copied().unwrap_or(base);
        }
        Self { table: P::Group::normalize_batch(&table) }
    }

    pub(crate) fn vartime_multiply(&self, scalar: Scalar) -> P::Group {
        let words = scalar.into_bigint().0;
        let digits = words.iter().flat_map(|word| word.to_le_bytes());
        let windows = self.table.chunks_exact(MULTIPLES);
        windows.zip(digits).fold(P::Group::ZERO, |sum, (window, digit)| {
            match usize::from(digit).checked_sub(1).and_then(|entry| window.get(entry)) {
                Some(multiple) => sum + multiple,
                None => sum,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::{G1Affine, G2Affine};

    use super::*;

    fn the_table_multiplies<P: AffineRepr<ScalarField = Scalar>>() {
        let point = P::generator();
        let table = FixedBase::new(&point);
        for scalar in [0u64, 1, 255, 256, u64::MAX] {
            let scalar = Scalar::from(scalar);
            assert_eq!(table.vartime_multiply(scalar), point * scalar);
        }
        let minus_one = -Scalar::from(1u64);
        assert_eq!(table.vartime_multiply(minus_one), -point.into_group());
    }

    #[test]
    fn the_tables_of_both_groups_multiply() {
        the_table_multiplies::<G1Affine>();
        the_table_multiplies::<G2Affine>();
    }
}
