//! Multiplication of single points, in constant time.
//!
//! For the phase of a proof that waits for the message: a few points of G1 that nobody knew
//! before, times secret scalars, and a point of G2 known ahead. Scalars are halved with the endomorphism of the curve (Gallant,
//! Lambert and Vanstone, 2001) and points are added with formulas that have no exceptions
//! (Renes, Costello and Batina, <https://eprint.iacr.org/2015/1060>), so neither branches nor
//! memory access depend on them. With AVX-512 IFMA eight half-scalars are multiplied side by
//! side: four multiplications cost as much as one.
//!
//! | module | what it holds |
//! |---|---|
//! | `arithmetic` | a field of coordinates, in words or in lanes |
//! | `complete` | points with the complete formulas |
//! | `halves` | halving of scalars, and signed digits |
//! | `fixed_sum` | sums of multiples of fixed points by public scalars, in variable time |
//! | `affine` | affine forms of several points with one inversion |
//!
//! # Security
//!
//! What depends on a scalar is free of branches and of memory access by secret index: halving,
//! digits, the choice of multiples (all are read), the formulas. Two things are not: a point at
//! infinity among the inputs or results shows in the time, and the few multiplications by which
//! arkworks' coordinates are entered and left correct their last bit with a branch. Digits on
//! the stack are not wiped.
//!
//! Hazmat: points are arkworks types, which are no part of the stable interface.

mod affine;
pub(crate) mod arithmetic;
pub(crate) mod complete;
mod fixed_sum;
mod halves;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod words;

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::CurveGroup;
use ark_ff::AdditiveGroup;

pub use affine::{to_affine, to_affine_all};
pub use fixed_sum::FixedSum;

use self::halves::{Half, LAMBDA, SHORT_WINDOWS, WINDOWS, halves};
use crate::Fr;
use crate::backend::Backend;
use crate::msm::group::{Layout, Point, Sum};
use crate::msm::{G1, G2};

/// Each point of G1 times its scalar, in constant time.
///
/// About 30 µs for every four terms in lanes, and for every term portable.
///
/// # Examples
///
/// ```
/// use ark_bn254::G1Affine;
/// use ark_ec::AffineRepr;
/// use logos_crypto::{Fr, backend::Backend, curve};
///
/// let g = G1Affine::generator();
/// let products = curve::multiply_g1(Backend::detect(), &[(g, Fr::from(2u64)), (g, -Fr::ONE)]);
/// assert_eq!(products, [g + g, (-g).into()]);
/// ```
#[must_use]
pub fn multiply_g1(backend: Backend, terms: &[(G1Affine, Fr)]) -> Vec<G1Projective> {
    multiply::<G1>(backend, terms)
}

/// Each point of G2 times its scalar, in constant time. About 80 µs for every four terms in
/// lanes, and for every term portable.
#[must_use]
pub fn multiply_g2(backend: Backend, terms: &[(G2Affine, Fr)]) -> Vec<G2Projective> {
    multiply::<G2>(backend, terms)
}

fn multiply<G: Layout>(backend: Backend, terms: &[(Point<G>, Fr)]) -> Vec<Sum<G>> {
    let terms: Vec<_> = terms.iter().map(|(point, scalar)| (*point, halves(scalar))).collect();
    multiply_halves::<G, WINDOWS>(backend, &terms)
}

/// A factor `a + lambda b` of two 64-bit numbers, where `lambda` is what the endomorphism of G1
/// multiplies by. No two pairs of numbers give the same factor, so a random one is as hard to
/// guess as 128 random bits, and multiplies in half the time.
///
/// # Examples
///
/// ```
/// use ark_bn254::G1Affine;
/// use ark_ec::AffineRepr;
/// use logos_crypto::{Fr, backend::Backend, curve, curve::Weight, hazmat::to_ark};
///
/// let (weight, g) = (Weight::new(3, 5), G1Affine::generator());
/// let product = curve::weigh_g1(Backend::detect(), &[(g, weight)]);
/// assert_eq!(product, [g * to_ark(&weight.to_field())]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    first: u64,
    second: u64,
}

impl Weight {
    /// The factor `first + lambda second`.
    #[must_use]
    pub const fn new(first: u64, second: u64) -> Self {
        Self { first, second }
    }

    /// The factor as a scalar.
    #[must_use]
    pub fn to_field(self) -> Fr {
        Fr::from(self.first) + Fr(LAMBDA) * Fr::from(self.second)
    }
}

/// Each point of G1 times its weight, in about half the time of [`multiply_g1`].
#[must_use]
pub fn weigh_g1(backend: Backend, terms: &[(G1Affine, Weight)]) -> Vec<G1Projective> {
    let halves = |weight: &Weight| [weight.first, weight.second].map(Half::from);
    let terms: Vec<_> = terms.iter().map(|(point, weight)| (*point, halves(weight))).collect();
    multiply_halves::<G1, SHORT_WINDOWS>(backend, &terms)
}

fn multiply_halves<G: Layout, const W: usize>(
    backend: Backend,
    terms: &[(Point<G>, [Half; 2])],
) -> Vec<Sum<G>> {
    #[cfg(target_arch = "x86_64")]
    if let Some(ifma) = backend.ifma() {
        return terms.chunks(4).flat_map(|four| lanes::multiply::<G, W>(ifma, four)).collect();
    }
    let _ = backend;
    terms.iter().map(|(point, halves)| words::multiply::<G, W>(point, *halves)).collect()
}

/// A point that is multiplied by many scalars, with its multiples computed ahead.
///
/// Takes 48 KiB for G1 and 96 KiB for G2 portable, 60 and 120 KiB in lanes.
///
/// # Examples
///
/// ```
/// use ark_bn254::G2Affine;
/// use ark_ec::AffineRepr;
/// use logos_crypto::{Fr, backend::Backend, curve::FixedPoint, msm::G2};
///
/// let g = FixedPoint::<G2>::new(Backend::detect(), &G2Affine::generator());
/// assert_eq!(g.multiply(&Fr::from(2u64)), G2Affine::generator() + G2Affine::generator());
/// ```
#[allow(private_bounds, reason = "there are two groups, `G1` and `G2`")]
#[derive(Debug)]
pub struct FixedPoint<G: Layout>(Multiples<G>);

#[derive(Debug)]
enum Multiples<G: Layout> {
    #[cfg(target_arch = "x86_64")]
    Lanes(crate::backend::ifma::Ifma, lanes::Table<G>),
    Words(words::Table<G>),
}

#[allow(private_bounds, reason = "there are two groups, `G1` and `G2`")]
impl<G: Layout> FixedPoint<G> {
    /// Computes the multiples. About 0.3 ms.
    #[must_use]
    pub fn new(backend: Backend, point: &Point<G>) -> Self {
        let mut shift = Sum::<G>::from(*point);
        let shifts: [Sum<G>; 64] = core::array::from_fn(|_| {
            let current = shift;
            (0..4).for_each(|_| {
                shift.double_in_place();
            });
            current
        });
        let shifts = shifts.map(CurveGroup::into_affine);
        #[cfg(target_arch = "x86_64")]
        if let Some(ifma) = backend.ifma() {
            return Self(Multiples::Lanes(ifma, lanes::Table::new(ifma, &shifts)));
        }
        let _ = backend;
        Self(Multiples::Words(words::Table::new(&shifts)))
    }

    /// The point times the scalar, in constant time: for G2 about 10 µs in lanes and 50 µs
    /// portable.
    pub fn multiply(&self, scalar: &Fr) -> Sum<G> {
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Multiples::Lanes(ifma, table) => table.multiply(*ifma, scalar),
            Multiples::Words(table) => table.multiply(scalar),
        }
    }
}

#[cfg(test)]
mod tests;
