//! Products of pairings: the optimal ate pairing of BN254.
//!
//! A product of pairings costs one loop with the squarings shared by all pairs, and one final
//! exponentiation. Where a point of G2 is known ahead, its lines are prepared once.
//!
//! | module | what it holds |
//! |---|---|
//! | `steps` | the way of a point of G2 through the loop, over any field of coordinates |
//! | `words` | the loop for any processor |
//! | `tower` | the field of degree twelve for any processor |
//! | `lanes` | the same with AVX-512 IFMA |
//! | `exponent` | the final exponentiation, over any representation of that field |
//! | `subgroup` | does a point of the twisted curve lie in G2? |
//!
//! # Security
//!
//! Everything here is variable time: pairings are for what everybody knows.
//!
//! Hazmat: points are arkworks types, which are no part of the stable interface.

mod exponent;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod steps;
mod subgroup;
mod tower;
mod words;

use alloc::vec::Vec;

use ark_bn254::{Fq12, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::Field;

pub use subgroup::is_in_g2;

use crate::backend::Backend;

/// A fixed point of G2 with its lines computed ahead.
///
/// Takes 11 KiB portable and 38 KiB in lanes.
#[derive(Clone, Debug)]
pub struct PreparedG2 {
    /// Empty if the point is at infinity.
    words: words::UnitLines,
    /// Empty if the point is at infinity, or if it was prepared for another backend.
    #[cfg(target_arch = "x86_64")]
    lanes: lanes::UnitLines,
}

impl PreparedG2 {
    /// Computes the lines of a point of G2, which must lie in the group: about as much as half a
    /// pairing costs.
    #[must_use]
    pub fn new(backend: Backend, point: &G2Affine) -> Self {
        let words = if point.is_zero() { Vec::new() } else { words::prepare(point) };
        #[cfg(not(target_arch = "x86_64"))]
        let _ = backend;
        Self {
            #[cfg(target_arch = "x86_64")]
            lanes: backend.ifma().map(|_| lanes::prepare(&words)).unwrap_or_default(),
            words,
        }
    }

    fn is_zero(&self) -> bool {
        self.words.is_empty()
    }
}

/// An element of the target group: the result of a pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target(Fq12);

impl Target {
    /// The neutral element.
    pub const ONE: Self = Self(<Fq12 as Field>::ONE);

    /// The arkworks element.
    #[must_use]
    pub const fn to_ark(&self) -> Fq12 {
        self.0
    }
}

/// The product of the pairings of all pairs: of new points, and of points of G1 with prepared
/// ones of G2. A pair with a point at infinity counts one.
///
/// The points must lie in their groups.
///
/// # Examples
///
/// ```
/// use ark_bn254::{G1Affine, G2Affine};
/// use ark_ec::AffineRepr;
/// use logos_crypto::backend::Backend;
/// use logos_crypto::pairing::{PreparedG2, Target, product};
///
/// let (backend, g1, g2) = (Backend::detect(), G1Affine::generator(), G2Affine::generator());
/// let prepared = PreparedG2::new(backend, &g2);
/// assert_eq!(product(backend, &[(-g1, g2)], &[(g1, &prepared)]), Target::ONE);
/// ```
#[must_use]
pub fn product(
    backend: Backend,
    fresh: &[(G1Affine, G2Affine)],
    prepared: &[(G1Affine, &PreparedG2)],
) -> Target {
    let fresh: Vec<_> =
        fresh.iter().filter(|(p, q)| !p.is_zero() && !q.is_zero()).copied().collect();
    let prepared: Vec<_> =
        prepared.iter().filter(|(p, q)| !p.is_zero() && !q.is_zero()).copied().collect();
    #[cfg(target_arch = "x86_64")]
    if let Some(ifma) = backend.ifma()
        && prepared.iter().all(|(_, q)| !q.lanes.is_empty())
    {
        let prepared: Vec<_> = prepared.iter().map(|(p, q)| (*p, &q.lanes)).collect();
        return Target(lanes::product(ifma, &fresh, &prepared).to_ark());
    }
    let _ = backend;
    let prepared: Vec<_> = prepared.iter().map(|(p, q)| (*p, &q.words)).collect();
    Target(words::product(&fresh, &prepared).to_ark())
}

#[cfg(test)]
mod tests;
