//! What the quotient of a proof is made of: one scalar a row.
//!
//! With `a`, `b` the values of `A` and `B` on the domain and `theta` the derivation
//! `p(X) -> X p'(X)`, row `i` of the quotient is `theta(a)_i b_i + a_i theta(b)_i`; the part of
//! `C` stands in the wires' points already (see `key/prepare.rs`).

use alloc::vec::Vec;

use ark_ff::{FftField, Field};
use logos_crypto::backend::Backend;
use logos_crypto::hazmat::from_ark;
use logos_crypto::{Fr, fft};
use zeroize::Zeroize;

use crate::circuit::{Assignment, SparseMatrix};
use crate::key::ProvingKey;

/// Values of `A` and `B` on the domain, up to the last row that is not zero; secret, wiped on drop.
pub(crate) struct Rows {
    pub(crate) a: Vec<Fr>,
    pub(crate) b: Vec<Fr>,
}

impl Rows {
    /// Multiplies the key's matrices by an assignment; the consistency rows repeat the public
    /// signals in `A`.
    pub(crate) fn evaluate(key: &ProvingKey, assignment: &Assignment) -> Self {
        let wires = assignment.as_slice();
        let evaluate = |matrix: &SparseMatrix| -> Vec<Fr> {
            (0..matrix.n_rows()).map(|row| matrix.evaluate(row, wires)).collect()
        };
        let mut a = evaluate(&key.a_matrix);
        a.extend(wires.iter().take(key.circuit.n_public() + 1));
        let mut b = evaluate(&key.b_matrix);
        b.resize(a.len(), Fr::ZERO);
        Self { a, b }
    }

    /// The rows of an assignment that agrees with these but in `changing`.
    pub(crate) fn with_changes(
        &self,
        key: &ProvingKey,
        assignment: &Assignment,
        changing: &[u32],
    ) -> Self {
        let mut rows = Self { a: self.a.clone(), b: self.b.clone() };
        let wires = assignment.as_slice();
        let n_rows = key.a_matrix.n_rows();
        for row in changing.iter().map(|row| *row as usize) {
            let (a, b) = match row.checked_sub(n_rows) {
                None => (key.a_matrix.evaluate(row, wires), key.b_matrix.evaluate(row, wires)),
                Some(signal) => (assignment.wire(signal), Fr::ZERO),
            };
            if let (Some(a_row), Some(b_row)) = (rows.a.get_mut(row), rows.b.get_mut(row)) {
                (*a_row, *b_row) = (a, b);
            }
        }
        rows
    }

    /// `theta(a) b + a theta(b)`, row by row.
    pub(crate) fn quotient(&self, domain: &Domain) -> Vec<Fr> {
        self.quotient_with(&self.derived(domain))
    }

    /// As [`Rows::quotient`], with the derived rows at hand.
    pub(crate) fn quotient_with(&self, theta: &Self) -> Vec<Fr> {
        let rows = self.a.iter().zip(&self.b).zip(theta.a.iter().zip(&theta.b));
        rows.map(|((a, b), (theta_a, theta_b))| *theta_a * b + *a * theta_b).collect()
    }

    /// `theta(a)` and `theta(b)`.
    pub(crate) fn derived(&self, domain: &Domain) -> Self {
        let mut scratch = fft::Scratch::default();
        Self { a: domain.derive(&self.a, &mut scratch), b: domain.derive(&self.b, &mut scratch) }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.a.iter_mut().chain(&mut self.b).for_each(Zeroize::zeroize);
    }
}

/// The evaluation domain of a circuit.
#[derive(Debug)]
pub(crate) struct Domain {
    backend: Backend,
    transform: Option<fft::Domain>,
    size: usize,
    /// `0, 1, 2, ..`: what a derivation multiplies coefficients by.
    degrees: Vec<Fr>,
    /// `theta` of the Lagrange polynomial of point 0, at every point.
    unit: Vec<Fr>,
}

impl Domain {
    /// The domain of `size` points, a power of two; every circuit's is at most 2^17.
    pub(crate) fn new(size: usize, backend: Backend) -> Self {
        Self {
            backend,
            transform: fft::Domain::new(size.trailing_zeros()).ok(),
            size,
            degrees: (0..size as u64).map(Fr::from).collect(),
            unit: derived_unit(size),
        }
    }

    /// `X p'(X)` on the domain, from `p` on the domain (zero where `values` ends).
    pub(crate) fn derive(&self, values: &[Fr], scratch: &mut fft::Scratch) -> Vec<Fr> {
        let mut p = values.to_vec();
        p.resize(self.size, Fr::ZERO);
        if let Some(domain) = &self.transform {
            // The values are as many as the domain has points, so no transform fails.
            let inverted = domain.inverse(self.backend, &mut p, scratch);
            p.iter_mut().zip(&self.degrees).for_each(|(value, degree)| *value *= degree);
            let evaluated = domain.forward(self.backend, &mut p, scratch);
            debug_assert!(inverted.is_ok() && evaluated.is_ok());
        }
        p
    }

    /// `X L'(X)` at point `at`, for the Lagrange polynomial `L` of point `of`.
    pub(crate) fn derivative(&self, of: usize, at: usize) -> Fr {
        let distance = (at + self.size - of) % self.size.max(1);
        self.unit.get(distance).copied().unwrap_or_default()
    }
}

/// `1 / (w^k - 1)` at distance `k`, and `(n - 1) / 2` at distance zero.
fn derived_unit(size: usize) -> Vec<Fr> {
    let root = ark_bn254::Fr::get_root_of_unity(size as u64).unwrap_or(ark_bn254::Fr::ONE);
    let mut unit: Vec<ark_bn254::Fr> =
        core::iter::successors(Some(ark_bn254::Fr::ONE), |power| Some(*power * root))
            .take(size)
            .map(|power| power - ark_bn254::Fr::ONE)
            .collect();
    ark_ff::serial_batch_inversion_and_mul(&mut unit, &ark_bn254::Fr::ONE);
    if let (Some(first), Some(half)) = (unit.first_mut(), ark_bn254::Fr::from(2u64).inverse()) {
        *first = (ark_bn254::Fr::from(size as u64) - ark_bn254::Fr::ONE) * half;
    }
    unit.into_iter().map(from_ark).collect()
}

/// Rows in which a wire stands that changes with the message, the consistency rows included.
pub(crate) fn changing_rows(key: &ProvingKey) -> Vec<u32> {
    let layout = &key.layout;
    let changes =
        |terms: &[(u32, Fr)]| terms.iter().any(|(wire, _)| !layout.is_fixed(*wire as usize));
    let own = key.a_matrix.rows().zip(key.b_matrix.rows()).map(|(a, b)| changes(a) || changes(b));
    let consistency = (0..=key.circuit.n_public()).map(|wire| !layout.is_fixed(wire));
    let rows = own.chain(consistency).zip(0u32..);
    rows.filter(|(changes, _)| *changes).map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn derivation_multiplies_each_coefficient_by_its_degree() {
        let domain = Domain::new(8, Backend::Portable);
        let root = ark_bn254::Fr::get_root_of_unity(8).unwrap();
        let points: Vec<Fr> = (0..8u64).map(|i| from_ark(root.pow([i]))).collect();
        // p(X) = X^3 + 5, so X p'(X) = 3 X^3.
        let values: Vec<Fr> = points.iter().map(|x| *x * x * x + Fr::from(5u64)).collect();
        let expected: Vec<Fr> = points.iter().map(|x| *x * x * x * Fr::from(3u64)).collect();
        assert_eq!(domain.derive(&values, &mut fft::Scratch::default()), expected);
    }

    #[test]
    fn the_derivative_of_a_unit_has_a_closed_form() {
        for (backend, of) in Backend::available().flat_map(|it| [0, 3, 15].map(|of| (it, of))) {
            let domain = Domain::new(16, backend);
            let mut unit = vec![Fr::ZERO; 16];
            unit[of] = Fr::ONE;
            let closed: Vec<Fr> = (0..16).map(|at| domain.derivative(of, at)).collect();
            assert_eq!(domain.derive(&unit, &mut fft::Scratch::default()), closed);
        }
    }
}
