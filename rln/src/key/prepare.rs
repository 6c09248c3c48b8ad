//! From a ceremony's key to the points a proof is summed from.
//!
//! Let `F` be the Fourier matrix of the domain of size `n`, `g` the root of order `2n` and `h` the
//! key's `H` query, which pairs with the values of `A B - C` on the coset of `g`. With
//! `f = F h`:
//!
//! - `rows = -2/n F^-1 (g^j f_j)` pairs with `(x A') B + A (x B')` on the domain itself: the
//!   quotient by l'Hopital's rule, whose value is zero in the padding rows;
//! - `2/n F^-1 (j g^j f_j)` pairs with the values of `C`, which are linear in the wires, so it is
//!   multiplied by the matrix `C` once and added to the `L` query.
//!
//! So `C` of a proof is one sum over the wires and one over the rows, and no transform of `C`
//! values is needed.

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G1Projective};
use ark_ec::{AffineRepr, PrimeGroup};
use ark_ff::{AdditiveGroup, FftField, Field};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use logos_crypto::curve::to_affine_all;
use logos_crypto::hazmat::to_ark;

use super::ceremony::CeremonyKey;
use super::{KeyError, ProvingKey, QueryPoints};
use crate::circuit::{Layout, SparseMatrix, Sponges};

type Scalar = ark_bn254::Fr;

impl CeremonyKey {
    pub(crate) fn prepare(self, progress: &mut dyn FnMut(f32)) -> Result<ProvingKey, KeyError> {
        let sponges = Sponges::new();
        let (circuit, system) = self.recognise(&sponges)?;
        progress(0.05);
        let transformed = transform(&self.h)?;
        progress(0.3);
        let mut rows = row_points(&transformed)?;
        rows.truncate(circuit.n_constraints() + circuit.n_public() + 1);
        progress(0.55);
        let linear = linear_points(&transformed)?;
        progress(0.8);
        let wires = self.wire_points(circuit.n_public(), &system.c, &linear);
        progress(1.0);
        Ok(ProvingKey {
            circuit,
            layout: Layout::new(circuit),
            sponges,
            verifying: self.verifying_key(circuit),
            a_matrix: system.a,
            b_matrix: system.b,
            points: QueryPoints {
                a: self.a,
                b: self.b,
                wires: to_affine_all(&wires),
                rows: to_affine_all(&rows),
            },
        })
    }

    /// `L` of the private wires, and what `C` of every row adds to its wires.
    fn wire_points(
        &self,
        n_public: usize,
        c_matrix: &SparseMatrix,
        linear: &[G1Projective],
    ) -> Vec<G1Projective> {
        let public = core::iter::repeat_n(G1Projective::default(), n_public + 1);
        let mut wires: Vec<G1Projective> =
            public.chain(self.l.iter().map(|point| point.into_group())).collect();
        let linear = to_affine_all(linear);
        for (row, point) in c_matrix.rows().zip(&linear) {
            for (wire, coefficient) in row {
                if let Some(sum) = wires.get_mut(*wire as usize) {
                    *sum += multiple(point, to_ark(coefficient));
                }
            }
        }
        wires
    }
}

/// Most coefficients are one or minus one.
fn multiple(point: &G1Affine, scalar: Scalar) -> G1Projective {
    if scalar == Scalar::ONE {
        point.into_group()
    } else if scalar == -Scalar::ONE {
        -point.into_group()
    } else {
        *point * scalar
    }
}

fn domain(size: usize) -> Result<Radix2EvaluationDomain<Scalar>, KeyError> {
    Radix2EvaluationDomain::new(size).ok_or(KeyError::Ragged)
}

/// `F h`.
fn transform(h: &[G1Affine]) -> Result<Vec<G1Projective>, KeyError> {
    let mut points: Vec<G1Projective> = h.iter().map(|point| point.into_group()).collect();
    domain(h.len())?.fft_in_place(&mut points);
    Ok(points)
}

/// `-2/n F^-1 (g^j f_j)`.
fn row_points(transformed: &[G1Projective]) -> Result<Vec<G1Projective>, KeyError> {
    let (factor, shift) = constants(transformed.len())?;
    inverse_of_weighted(transformed, powers(-factor, shift))
}

/// `2/n F^-1 (j g^j f_j)`.
fn linear_points(transformed: &[G1Projective]) -> Result<Vec<G1Projective>, KeyError> {
    let (factor, shift) = constants(transformed.len())?;
    let weights = powers(factor, shift).zip(0u64..).map(|(power, j)| power * Scalar::from(j));
    inverse_of_weighted(transformed, weights)
}

/// `2/n` and the root of order `2n`.
fn constants(n: usize) -> Result<(Scalar, Scalar), KeyError> {
    let size = Scalar::from(n as u64).inverse().ok_or(KeyError::Ragged)?;
    let shift = Scalar::get_root_of_unity(2 * n as u64).ok_or(KeyError::Ragged)?;
    Ok((size.double(), shift))
}

fn powers(first: Scalar, ratio: Scalar) -> impl Iterator<Item = Scalar> {
    core::iter::successors(Some(first), move |power| Some(*power * ratio))
}

fn inverse_of_weighted(
    points: &[G1Projective],
    weights: impl Iterator<Item = Scalar>,
) -> Result<Vec<G1Projective>, KeyError> {
    let mut weighted: Vec<G1Projective> = points
        .iter()
        .zip(weights)
        .map(|(point, weight)| point.mul_bigint(to_bigint(weight)))
        .collect();
    domain(points.len())?.ifft_in_place(&mut weighted);
    Ok(weighted)
}

fn to_bigint(scalar: Scalar) -> ark_ff::BigInt<4> {
    ark_ff::PrimeField::into_bigint(scalar)
}
