//! Affine forms.

use alloc::vec::Vec;

use ark_bn254::{Fq, Fq2, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ff::AdditiveGroup;

use crate::backend::prime::Base;
use crate::backend::words::Words;
use crate::msm::portable::coordinate::{Coordinate, Pair};

type Element = Words<Base>;

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
    let mut product = <Element as Coordinate>::ONE;
    let mut before = |z: Element| {
        let earlier = product;
        product = product.mul(z);
        earlier
    };
    let before_first = first.map(|point| before(or_one(&point.z)));
    let before_second = second.map(|point| before(norm_or_one(&point.z)));
    let mut inverse = product.invert();
    let mut after = |before: Element, z: Element| {
        let inverted = inverse.mul(before);
        inverse = inverse.mul(z);
        inverted
    };
    let mut affine_second = [G2Affine::identity(); M];
    for ((place, point), before) in affine_second.iter_mut().zip(second).zip(before_second).rev() {
        let inverse = after(before, norm_or_one(&point.z));
        *place = second_affine(&point, inverse);
    }
    let mut affine_first = [G1Affine::identity(); N];
    for ((place, point), before) in affine_first.iter_mut().zip(first).zip(before_first).rev() {
        let inverse = after(before, or_one(&point.z));
        *place = first_affine(&point, inverse);
    }
    (affine_first, affine_second)
}

/// The affine forms of any number of points of G1 with one inversion, on the calling thread, in
/// constant time but for points at infinity.
///
/// arkworks' own is spread over threads as soon as any crate of a program asks arkworks for that,
/// be it for two points.
///
/// # Examples
///
/// ```
/// use ark_bn254::{G1Affine, G1Projective};
/// use ark_ec::{AffineRepr, PrimeGroup};
/// use logos_crypto::curve;
///
/// let g = G1Projective::generator();
/// assert_eq!(curve::to_affine_all(&[g, g - g]), [G1Affine::generator(), G1Affine::zero()]);
/// ```
#[must_use]
pub fn to_affine_all(points: &[G1Projective]) -> Vec<G1Affine> {
    let mut product = <Element as Coordinate>::ONE;
    let before = points.iter().map(|point| {
        let earlier = product;
        product = product.mul(or_one(&point.z));
        earlier
    });
    let before: Vec<Element> = before.collect();
    let mut inverse = product.invert();
    let affine = points.iter().zip(before).rev().map(|(point, before)| {
        let inverted = inverse.mul(before);
        inverse = inverse.mul(or_one(&point.z));
        first_affine(point, inverted)
    });
    let mut affine: Vec<G1Affine> = affine.collect();
    affine.reverse();
    affine
}

fn first_affine(point: &G1Projective, inverse: Element) -> G1Affine {
    if point.z == Fq::ZERO {
        return G1Affine::identity();
    }
    scaled(&point.x, &point.y, inverse, G1Affine::new_unchecked)
}

/// `inverse` is that of the norm of `z`.
fn second_affine(point: &G2Projective, inverse: Element) -> G2Affine {
    if point.z == Fq2::ZERO {
        return G2Affine::identity();
    }
    let inverse = Pair::from_ark(&point.z).conjugate().scaled(inverse);
    scaled(&point.x, &point.y, inverse, G2Affine::new_unchecked)
}

/// `(x / z^2, y / z^3)`.
fn scaled<C: Coordinate, P>(
    x: &C::Ark,
    y: &C::Ark,
    inverse: C,
    point: impl Fn(C::Ark, C::Ark) -> P,
) -> P {
    let square = inverse.square();
    let (x, y) = (C::from_ark(x).mul(square), C::from_ark(y).mul(square).mul(inverse));
    point(x.to_ark(), y.to_ark())
}

/// One in place of zero, so that one point at infinity does not spoil the product.
fn or_one(z: &Fq) -> Element {
    if *z == Fq::ZERO { <Element as Coordinate>::ONE } else { Element::from_ark(z) }
}

fn norm_or_one(z: &Fq2) -> Element {
    if *z == Fq2::ZERO {
        return <Element as Coordinate>::ONE;
    }
    let (first, second) = (Element::from_ark(&z.c0), Element::from_ark(&z.c1));
    first.square().add(second.square())
}
