//! Does a point of the twisted curve lie in G2?

use ark_bn254::{Config, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::bn::BnConfig;

use super::exponent::{Group, power_of_x};
use crate::curve::arithmetic::{Arithmetic, One};
use crate::curve::complete::Point;
use crate::msm::portable::coordinate::{Coordinate, Pair};

/// Does a point that lies on the twisted curve lie in its subgroup of order `r`? The point at
/// infinity does.
///
/// A third of what arkworks' check costs: `(x + 1) P + psi(x P) + psi^2(x P) = psi^3(2 x P)` for
/// the endomorphism `psi` and the parameter `x` of the curve, which has 63 bits (Dai, Lin, Zhao
/// and Zhou, <https://eprint.iacr.org/2022/348>, section 3). Variable time.
///
/// # Examples
///
/// ```
/// use ark_bn254::{Fq2, G2Affine};
/// use ark_ec::AffineRepr;
/// use logos_crypto::pairing::is_in_g2;
///
/// assert!(is_in_g2(&G2Affine::generator()));
/// let points = (1u64..).filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), true));
/// assert!(points.take(3).all(|point| !is_in_g2(&point)));
/// ```
#[must_use]
pub fn is_in_g2(point: &G2Affine) -> bool {
    let Some((x, y)) = point.xy() else { return true };
    let one = One(Pair::ONE);
    let point = Twisted(Point { x: One(Pair::from_ark(&x)), y: One(Pair::from_ark(&y)), z: one });
    let multiple = power_of_x(point);
    let image = multiple.frobenius(1);
    let left = multiple.mul(point).mul(image).mul(image.frobenius(1));
    left.equals(image.frobenius(2).squared(1))
}

/// A point of the twisted curve. There are none of order two, so that complete formulas hold for
/// all points, whatever their subgroup.
#[derive(Clone, Copy)]
struct Twisted(Point<One<Pair>>);

impl Twisted {
    fn equals(self, other: Self) -> bool {
        let (Self(a), Self(b)) = (self, other);
        let same = |first: One<Pair>, second: One<Pair>| {
            let difference = first.mul(b.z).sub(second.mul(a.z));
            difference.0.0.is_zero() && difference.0.1.is_zero()
        };
        // Two points at infinity are equal, and their y are not zero; no other point passes.
        same(a.x, b.x) && same(a.y, b.y)
    }
}

impl Group for Twisted {
    fn mul(self, other: Self) -> Self {
        Self(self.0.add(other.0))
    }

    fn squared(self, times: u32) -> Self {
        Self((0..times).fold(self.0, |point, _| point.double()))
    }

    fn inverse(self) -> Self {
        Self(Point { y: self.0.y.zero().sub(self.0.y), ..self.0 })
    }

    fn frobenius(self, times: usize) -> Self {
        let [x, y] = [Config::TWIST_MUL_BY_Q_X, Config::TWIST_MUL_BY_Q_Y];
        let (x, y) = (One(Pair::from_ark(&x)), One(Pair::from_ark(&y)));
        let conjugate = |element: One<Pair>| One(element.0.conjugate());
        Self((0..times).fold(self.0, |point, _| Point {
            x: conjugate(point.x).mul(x),
            y: conjugate(point.y).mul(y),
            z: conjugate(point.z),
        }))
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::{Fq, Fq2, Fr};
    use ark_ec::{AffineRepr, CurveConfig, CurveGroup, PrimeGroup};
    use ark_ff::PrimeField;
    use proptest::prelude::*;

    use super::*;

    /// The definition.
    fn has_order_r(point: &G2Affine) -> bool {
        point.mul_bigint(Fr::MODULUS).into_affine().is_zero()
    }

    /// A point of the twisted curve, in G2 with a chance of one in the cofactor.
    fn any_point() -> impl Strategy<Value = G2Affine> {
        (any::<[u8; 40]>(), any::<[u8; 40]>(), any::<bool>()).prop_filter_map(
            "half of all x have no y",
            |(a, b, larger)| {
                let [a, b] = [a, b].map(|bytes| Fq::from_le_bytes_mod_order(&bytes));
                G2Affine::get_point_from_x_unchecked(Fq2::new(a, b), larger)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_check_agrees_with_the_order(point in any_point()) {
            // Points of the other subgroups, of the whole curve, and of G2.
            let other = point.mul_bigint(Fr::MODULUS).into_affine();
            let inside = point.mul_bigint(ark_bn254::g2::Config::COFACTOR).into_affine();
            let mixed = (inside + other).into_affine();
            for point in [point, other, inside, mixed, -inside] {
                prop_assert!(point.is_on_curve());
                prop_assert_eq!(is_in_g2(&point), has_order_r(&point));
            }
            prop_assert!(is_in_g2(&inside) && !is_in_g2(&other));
        }
    }

    #[test]
    fn the_smallest_points_of_g2_are_in_it() {
        let generator = ark_bn254::G2Projective::generator();
        let mut point = generator - generator;
        for _ in 0..20 {
            assert!(is_in_g2(&point.into_affine()) && is_in_g2(&-point.into_affine()));
            point += generator;
        }
    }
}
