//! Derivation of the constants, in the form the permutation uses.
//!
//! # Partial rounds as a recurrence
//!
//! A partial round raises one element `x_n` to the fifth power and multiplies the state by the
//! matrix `M`. Write `M` in blocks, `[m w; v B]`, and let `s_n` be the elements beside `x_n`:
//!
//! ```text
//! y_n     = (x_n + d_n)^5
//! x_{n+1} = m·y_n + w·s_n
//! s_{n+1} = v·y_n + B·s_n
//! ```
//!
//! Constants added beside the S-box pass through the linear part and are collected in `d_n` and in
//! the constants of the first full round after. What is left is a linear system with one input and
//! one output, so its state `s_n` can be eliminated. With `t` elements,
//!
//! ```text
//! x_{n+1} = m·y_n + sum over j = 1..t-1 of a_j·x_{n+1-j} + b_j·y_{n-j}
//! ```
//!
//! `2t - 1` products with a single reduction and the same coefficients in every round, where the
//! sparse-matrix form needs `2t - 1` products with `t` reductions and a matrix for each round. The
//! recurrence starts from a history that would have led to `s_0` without input, which the full
//! round before computes in place of `s_0`; the round after reads its state from the last
//! `t - 1` values of `x` and `y`.

#![expect(clippy::indexing_slicing, reason = "dimensions are fixed by the width T")]

use alloc::vec::Vec;

use super::grain::Grain;
use super::matrix::{Matrix, apply, apply_left, dot, invert, multiply};
use super::{FULL_ROUNDS, partial_rounds};
use crate::Fr;
use crate::field::wide::{Limbs, limbs};

/// Full rounds before, and again after, the partial ones.
const HALF: usize = FULL_ROUNDS / 2;

/// Everything the permutation of width `T` multiplies with or adds.
///
/// Rows and columns hold limbs, ready for [`dot`](crate::field::wide::dot).
pub(super) struct Parameters<const T: usize> {
    /// Constants of the full rounds before. In those of round 1 the share of the capacity element,
    /// which is zero at the start, is already added, so round 0 works on the inputs alone.
    pub(super) before: [[Limbs; T]; HALF],
    /// The matrix `M`.
    pub(super) mds: [[Limbs; T]; T],
    /// The matrix of the last round before: row 0 gives `x_0`, row `j` the history `x_{1-j}`.
    pub(super) enter: [[Limbs; T]; T],
    /// `d_n`.
    pub(super) partial: Vec<Limbs>,
    /// `a_j`; entry 0 is zero and stands for nothing.
    pub(super) from_x: [Limbs; T],
    /// `b_j`; entry 0 is `m`.
    pub(super) from_y: [Limbs; T],
    /// Rows `1..T` give the state beside `x` after the partial rounds, from the history of `x`.
    pub(super) leave_x: [[Limbs; T]; T],
    /// The same from the history of `y`.
    pub(super) leave_y: [[Limbs; T]; T],
    /// Constants of the full rounds after.
    pub(super) after: [[Limbs; T]; HALF],
}

/// The constants as the Poseidon paper defines them.
pub(super) struct Dense {
    /// One row of `T` for each round.
    pub(super) rounds: Vec<Vec<Fr>>,
    /// The matrix `M`.
    pub(super) mds: Matrix,
}

impl Dense {
    /// Draws them from the generator.
    pub(super) fn derive(t: usize) -> Self {
        let partial = partial_rounds(t);
        let mut grain = Grain::new(0, t, FULL_ROUNDS, partial);
        let rounds =
            (0..FULL_ROUNDS + partial).map(|_| (0..t).map(|_| grain.element()).collect()).collect();
        let x: Vec<Fr> = (0..t).map(|_| grain.element_reduced()).collect();
        let y: Vec<Fr> = (0..t).map(|_| grain.element_reduced()).collect();
        let mds = x.iter().map(|x| y.iter().map(|y| inverse_of_sum(*x, *y)).collect()).collect();
        Self { rounds, mds }
    }
}

/// An entry of the Cauchy matrix. No sum is zero for the seeds in use, as the tests show.
fn inverse_of_sum(x: Fr, y: Fr) -> Fr {
    (x + y).vartime_inverse().unwrap_or(Fr::ZERO)
}

/// `M` in blocks, and what the recurrence needs of them.
struct Blocks {
    m: Fr,
    w: Vec<Fr>,
    v: Vec<Fr>,
    b: Matrix,
    /// `B^-1`.
    b_inverse: Matrix,
    /// `[w; w·B; ..; w·B^(t-2)]`, which turns a state into the outputs it leads to.
    observe: Matrix,
    /// Its inverse.
    recover: Matrix,
}

impl Blocks {
    fn new(mds: &Matrix) -> Self {
        let w = mds[0][1..].to_vec();
        let b: Matrix = mds[1..].iter().map(|row| row[1..].to_vec()).collect();
        let v = mds[1..].iter().map(|row| row[0]).collect();
        let observe: Matrix =
            core::iter::successors(Some(w.clone()), |row| Some(apply_left(row, &b)))
                .take(w.len())
                .collect();
        // `B` is a Cauchy matrix and the system has no hidden state; the tests show both.
        let b_inverse = invert(&b).unwrap_or_default();
        let recover = invert(&observe).unwrap_or_default();
        Self { m: mds[0][0], w, v, b, b_inverse, observe, recover }
    }

    /// `B^i · v` for `i` from 0.
    fn responses(&self) -> impl Iterator<Item = Vec<Fr>> {
        core::iter::successors(Some(self.v.clone()), |column| Some(apply(&self.b, column)))
    }

    /// `(a, b)`, each with an entry 0 as the fields of [`Parameters`] have it.
    fn recurrence(&self) -> (Vec<Fr>, Vec<Fr>) {
        let size = self.w.len();
        let next = apply_left(&self.observe[size - 1], &self.b);
        let mut a = apply_left(&next, &self.recover);
        a.push(Fr::ZERO);
        a.reverse();
        let impulses: Vec<Fr> = self.responses().take(size).map(|r| dot(&self.w, &r)).collect();
        let mut b = Vec::from([self.m]);
        for j in 1..=size {
            let echo: Fr = (1..j).map(|i| a[i] * impulses[j - i - 1]).sum();
            b.push(impulses[j - 1] - echo - self.m * a[j]);
        }
        (a, b)
    }

    /// The matrix from `s_0` to `w·B^-1·s_0, w·B^-2·s_0, ..`, times the lower rows of `M`.
    fn enter(&self, mds: &Matrix) -> Matrix {
        let mut rows = Vec::from([mds[0].clone()]);
        let lower: Matrix = mds[1..].to_vec();
        let mut row = self.w.clone();
        for _ in 1..mds.len() {
            row = apply_left(&row, &self.b_inverse);
            rows.push(apply_left(&row, &lower));
        }
        rows
    }

    /// The matrices from the histories of `x` and `y`, latest first, to the state beside `x`.
    ///
    /// Let `k = t - 1`. The state `k` rounds back follows from the outputs `z = x - m·y` since
    /// then, less what inputs since then contributed; carried forward it gives the state now.
    fn leave(&self) -> (Matrix, Matrix) {
        let k = self.w.len();
        let forward = (0..k).fold(self.recover.clone(), |matrix, _| multiply(&self.b, &matrix));
        let responses: Vec<Vec<Fr>> = self.responses().take(k).collect();
        // Row i: what y, oldest first, adds to the i-th output since then, and `m·y` itself.
        let inputs: Matrix = (0..k)
            .map(|i| {
                let echoes = (0..i).map(|j| dot(&self.w, &responses[i - 1 - j]));
                let mut row: Vec<Fr> = echoes.chain([self.m]).collect();
                row.resize(k, Fr::ZERO);
                row
            })
            .collect();
        let subtracted = multiply(&forward, &inputs);
        let latest_first = |row: &Vec<Fr>| row.iter().rev().copied().collect::<Vec<Fr>>();
        let from_x = forward
            .iter()
            .map(|row| [Fr::ZERO].into_iter().chain(latest_first(row)).collect())
            .collect();
        let from_y = subtracted
            .iter()
            .enumerate()
            .map(|(i, row)| {
                let row = latest_first(row);
                row.iter().zip(&responses).map(|(echo, now)| now[i] - *echo).collect()
            })
            .collect();
        (from_x, from_y)
    }
}

impl<const T: usize> Parameters<T> {
    /// Derives them: about 0.2 ms for `T = 3`.
    pub(super) fn derive() -> Self {
        let Dense { mut rounds, mds } = Dense::derive(T);
        let blocks = Blocks::new(&mds);
        let mut after = rounds.split_off(HALF + partial_rounds(T));
        let partial = collect_constants(&rounds.split_off(HALF), &mds, &mut after[0]);
        let capacity = fifth_power(rounds[0][0]);
        for (constant, row) in rounds[1].iter_mut().zip(&mds) {
            *constant += row[0] * capacity;
        }
        let (from_x, from_y) = blocks.recurrence();
        let (leave_x, leave_y) = blocks.leave();
        Self {
            before: rows(&rounds),
            enter: rows(&blocks.enter(&mds)),
            mds: rows(&mds),
            partial: partial.iter().map(|d| *limbs(d)).collect(),
            from_x: row(&from_x),
            from_y: row(&from_y),
            leave_x: rows_below_first(&leave_x),
            leave_y: rows_below_first(&leave_y),
            after: rows(&after),
        }
    }
}

/// `x^5`.
pub(super) fn fifth_power(x: Fr) -> Fr {
    x * x * x * x * x
}

/// The `d_n` of partial rounds with these constants; what remains joins the constants `next`.
fn collect_constants(rounds: &[Vec<Fr>], mds: &Matrix, next: &mut [Fr]) -> Vec<Fr> {
    let mut carried = alloc::vec![Fr::ZERO; mds.len()];
    let mut collected = Vec::with_capacity(rounds.len());
    for round in rounds {
        let mut sum: Vec<Fr> = carried.iter().zip(round).map(|(a, b)| *a + b).collect();
        collected.push(core::mem::take(&mut sum[0]));
        carried = apply(mds, &sum);
    }
    for (constant, carried) in next.iter_mut().zip(carried) {
        *constant += carried;
    }
    collected
}

fn row<const T: usize>(elements: &[Fr]) -> [Limbs; T] {
    core::array::from_fn(|j| elements.get(j).map_or([0; 4], |element| *limbs(element)))
}

fn rows<const T: usize, const R: usize>(matrix: &[Vec<Fr>]) -> [[Limbs; T]; R] {
    core::array::from_fn(|i| row(&matrix[i]))
}

fn rows_below_first<const T: usize>(matrix: &[Vec<Fr>]) -> [[Limbs; T]; T] {
    core::array::from_fn(|i| i.checked_sub(1).map_or([[0; 4]; T], |i| row(&matrix[i])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_matrix_has_the_inverses_that_the_derivation_takes() {
        for t in 2..=8 {
            let dense = Dense::derive(t);
            assert!(dense.mds.iter().flatten().all(|entry| !entry.is_zero()));
            let blocks = Blocks::new(&dense.mds);
            assert_eq!(blocks.b_inverse.len(), t - 1);
            assert_eq!(blocks.recover.len(), t - 1);
        }
    }
}
