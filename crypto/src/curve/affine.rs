//! Affine forms.

use ark_bn254::{Fq, Fq2, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ff::{AdditiveGroup, Field};

use crate::backend::prime::Base;
use crate::backend::words::Words;

/// The affine forms of a few points of both groups with one inversion, in constant time but for
/// points at infinity.
///
/// Costs about 4 µs for the points of one proof.
///
/// # Examples
///
/// ```
/// use ark_bn254::{G1Affine, G1Projective, G2Affine, G2Projective};
/// use ark_ec::{AffineRepr, PrimeGroup};
/// use logos_crypto::curve;
///
/// let (g1, g2) = (G1Projective::generator(), G2Projective::generator());
/// let ([a, b], [c]) = curve::to_affine([g1, g1 - g1], [g2]);
/// assert_eq!((a, b, c), (G1Affine::generator(), G1Affine::zero(), G2Affine::generator()));
/// ```
pub fn to_affine<const N: usize, const M: usize>(
    first: [G1Projective; N],
    second: [G2Projective; M],
) -> ([G1Affine; N], [G2Affine; M]) {
    let mut product = Fq::ONE;
    let mut before = |z: Fq| {
        let earlier = product;
        product *= z;
        earlier
    };
    let before_first = first.map(|point| before(or_one(point.z)));
    let before_second = second.map(|point| before(or_one(norm(point.z))));
    let mut inverse = Words::<Base>::from_ark(&product).invert().to_ark();
    let mut after = |before: Fq, z: Fq| {
        let inverted = inverse * before;
        inverse *= z;
        inverted
    };
    let mut affine_second = [G2Affine::identity(); M];
    for ((place, point), before) in affine_second.iter_mut().zip(second).zip(before_second).rev() {
        let inverse = after(before, or_one(norm(point.z)));
        *place = second_affine(&point, inverse);
    }
    let mut affine_first = [G1Affine::identity(); N];
    for ((place, point), before) in affine_first.iter_mut().zip(first).zip(before_first).rev() {
        let inverse = after(before, or_one(point.z));
        *place = first_affine(&point, inverse);
    }
    (affine_first, affine_second)
}

fn first_affine(point: &G1Projective, inverse: Fq) -> G1Affine {
    if point.z == Fq::ZERO {
        return G1Affine::identity();
    }
    let square = inverse.square();
    G1Affine::new_unchecked(point.x * square, point.y * square * inverse)
}

/// `inverse` is that of the norm of `z`.
fn second_affine(point: &G2Projective, inverse: Fq) -> G2Affine {
    if point.z == Fq2::ZERO {
        return G2Affine::identity();
    }
    let inverse = Fq2::new(point.z.c0 * inverse, -(point.z.c1 * inverse));
    let square = inverse.square();
    G2Affine::new_unchecked(point.x * square, point.y * square * inverse)
}

fn norm(z: Fq2) -> Fq {
    z.c0.square() + z.c1.square()
}

/// One in place of zero, so that one point at infinity does not spoil the product.
fn or_one(z: Fq) -> Fq {
    if z == Fq::ZERO { Fq::ONE } else { z }
}
