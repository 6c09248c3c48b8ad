//! Sums of multiples of a few points that never change, by scalars that everybody knows.

use alloc::vec::Vec;

use ark_ec::{AffineRepr, CurveGroup};

use super::words;
use crate::Fr;
use crate::backend::Backend;
use crate::msm::group::{Layout, Point, Sum};

/// Digits of a scalar, of eight bits each.
const WINDOWS: usize = 32;
/// Multiples kept for a digit: signs are free.
const MULTIPLES: usize = 128;

/// A few fixed points with all multiples `d 2^(8 i) P` for `0 < d <= 128`: 256 KiB for a point of
/// G1, twice that for one of G2, and at most 32 additions for each.
///
/// # Examples
///
/// ```
/// use ark_bn254::G1Affine;
/// use ark_ec::AffineRepr;
/// use logos_crypto::{Fr, backend::Backend, curve::FixedSum, msm::G1};
///
/// let g = G1Affine::generator();
/// let points = FixedSum::<G1>::new(Backend::detect(), &[g, -g]);
/// assert_eq!(points.vartime_sum(&[Fr::from(5u64), Fr::from(3u64)]), g + g);
/// ```
#[allow(private_bounds, reason = "there are two groups, `G1` and `G2`")]
pub struct FixedSum<G: Layout> {
    backend: Backend,
    /// None for a point at infinity. Rows are in the backend's form.
    tables: Vec<Option<Vec<G::Row>>>,
}

/// A multiple of a point, and whether it is negated.
pub(super) type Term<'a, G> = (&'a <G as crate::msm::Group>::Row, bool);

#[allow(private_bounds, reason = "there are two groups, `G1` and `G2`")]
impl<G: Layout> FixedSum<G> {
    /// Computes the multiples: 4096 additions for each point.
    #[must_use]
    pub fn new(backend: Backend, points: &[Point<G>]) -> Self {
        let table = |point: &Point<G>| (!point.is_zero()).then(|| table::<G>(backend, point));
        Self { backend, tables: points.iter().map(table).collect() }
    }

    /// The sum of the points, each times its scalar. Points without a scalar do not count.
    ///
    /// At most 32 additions for each point, eight at a time in lanes. Variable time: addresses
    /// follow the scalars.
    pub fn vartime_sum(&self, scalars: &[Fr]) -> Sum<G> {
        let mut terms: Vec<Term<'_, G>> = Vec::with_capacity(WINDOWS * self.tables.len());
        for (table, scalar) in self.tables.iter().zip(scalars) {
            let Some(table) = table else { continue };
            for (multiples, digit) in table.chunks_exact(MULTIPLES).zip(digits(scalar)) {
                let multiple = usize::from(digit.unsigned_abs()).checked_sub(1);
                if let Some(row) = multiple.and_then(|multiple| multiples.get(multiple)) {
                    terms.push((row, digit < 0));
                }
            }
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(ifma) = self.backend.ifma() {
            return super::lanes::vartime_sum::<G>(ifma, &terms);
        }
        let _ = self.backend;
        words::vartime_sum::<G>(&terms)
    }
}

/// The multiples of a point, which is not at infinity.
fn table<G: Layout>(backend: Backend, point: &Point<G>) -> Vec<G::Row> {
    let mut base = Sum::<G>::from(*point);
    let mut multiples = Vec::with_capacity(WINDOWS * MULTIPLES);
    for _ in 0..WINDOWS {
        let window = core::iter::successors(Some(base), |last| Some(*last + base));
        multiples.extend(window.take(MULTIPLES));
        base = multiples.last().map_or(base, |half| *half + half);
    }
    let multiples = Sum::<G>::normalize_batch(&multiples);
    #[cfg(target_arch = "x86_64")]
    if backend.ifma().is_some() {
        // Sixteen times the word form is the form of lanes.
        let row = |point| G::row(&G::scaled(point, &ark_bn254::Fq::from(16u64)));
        return multiples.iter().map(row).collect();
    }
    let _ = backend;
    multiples.iter().map(G::row).collect()
}

/// Digits from `-127` to `128`, the least significant first.
fn digits(scalar: &Fr) -> [i16; WINDOWS] {
    let mut carry = 0;
    // The top byte is at most 48, so nothing is carried out of it.
    scalar.to_bytes().map(|byte| {
        let digit = i16::from(byte) + carry;
        carry = i16::from(digit > 128);
        digit - (carry << 8)
    })
}

impl<G: Layout> core::fmt::Debug for FixedSum<G> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FixedSum").field("points", &self.tables.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::{G1Affine, G2Affine};
    use ark_ff::AdditiveGroup;
    use proptest::prelude::*;

    use super::*;
    use crate::msm::{G1, G2};

    fn scalar() -> impl Strategy<Value = Fr> {
        prop_oneof![
            1 => prop::sample::select([0u64, 1, 128, 129, 255, 256, 384, u64::MAX].to_vec())
                .prop_map(Fr::from),
            1 => (1u64..300).prop_map(|x| -Fr::from(x)),
            3 => any::<[u8; 40]>().prop_map(|bytes| Fr::from_bytes_reduced(&bytes)),
        ]
    }

    fn check<G: Layout>(generator: Point<G>, scalars: &[Fr]) {
        let points = [generator, -generator, Point::<G>::zero(), generator];
        for backend in Backend::available() {
            let sum = FixedSum::<G>::new(backend, &points);
            let expected = points.iter().zip(scalars);
            let expected =
                expected.fold(Sum::<G>::ZERO, |sum, (point, scalar)| sum + *point * scalar.0);
            assert_eq!(sum.vartime_sum(scalars), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn sums_are_those_of_arkworks(scalars in prop::collection::vec(scalar(), 0..6)) {
            check::<G1>(G1Affine::generator(), &scalars);
            check::<G2>(G2Affine::generator(), &scalars);
        }
    }
}
