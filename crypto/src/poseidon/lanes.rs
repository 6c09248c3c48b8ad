//! The permutation, eight hashes at a time.
//!
//! The same steps as [`super::permutation`], with each element a [`Lanes`]. The products of a round
//! are independent enough to keep the multipliers busy; two vectors side by side were not faster.
//!
//! Loops stand where closures would read better: a closure is not compiled for the vector features
//! unless it happens to be inlined.

#![expect(clippy::indexing_slicing, reason = "every index is below the width T")]

use alloc::vec::Vec;

use super::parameters::Parameters;
use crate::Fr;
use crate::backend::ifma::lanes::{Lanes, Product};
use crate::backend::ifma::packed;
use crate::backend::ifma::prime::{Limbs, Scalar};
use crate::backend::ifma::{Ifma, Kernel};
use crate::field::wide;

/// Eight elements below `2r`.
type Eight = Lanes<Scalar, 2>;

/// [`Parameters`] in the representation of lanes.
pub(super) struct LaneParameters<const T: usize> {
    before: Vec<[Limbs; T]>,
    mds: [[Limbs; T]; T],
    enter: [[Limbs; T]; T],
    partial: Vec<Limbs>,
    from_x: [Limbs; T],
    from_y: [Limbs; T],
    leave_x: [[Limbs; T]; T],
    leave_y: [[Limbs; T]; T],
    after: Vec<[Limbs; T]>,
}

impl<const T: usize> LaneParameters<T> {
    /// The work of hashing rows of `T - 1` elements, as many as there are outputs.
    pub(super) const fn of<'a>(
        &'a self,
        inputs: &'a [Fr],
        outputs: &'a mut [Fr],
    ) -> HashEach<'a, T> {
        HashEach { parameters: self, inputs, outputs }
    }

    /// Converts every constant: one multiplication each.
    pub(super) fn convert(p: &Parameters<T>) -> Self {
        let row = |row: &[wide::Limbs; T]| row.map(constant);
        Self {
            before: p.before.iter().map(row).collect(),
            mds: p.mds.each_ref().map(row),
            enter: p.enter.each_ref().map(row),
            partial: p.partial.iter().copied().map(constant).collect(),
            from_x: row(&p.from_x),
            from_y: row(&p.from_y),
            leave_x: p.leave_x.each_ref().map(row),
            leave_y: p.leave_y.each_ref().map(row),
            after: p.after.iter().map(row).collect(),
        }
    }
}

fn constant(limbs: wide::Limbs) -> Limbs {
    packed::limbs::<Scalar>(&wide::element(limbs).0)
}

/// Hashes rows of `T - 1` elements, which lie one after another.
pub(super) struct HashEach<'a, const T: usize> {
    parameters: &'a LaneParameters<T>,
    inputs: &'a [Fr],
    outputs: &'a mut [Fr],
}

impl<const T: usize> Kernel for HashEach<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self, ifma: Ifma) {
        let rows = self.inputs.chunks(8 * (T - 1));
        for (rows, places) in rows.zip(self.outputs.chunks_mut(8)) {
            let digests = permute(ifma, self.parameters, &columns(rows));
            places.copy_from_slice(&digests[..places.len()]);
        }
    }
}

/// Column `j` of up to eight rows becomes the state element `j + 1`; the capacity element and rows
/// that are not there are zero.
#[inline(always)]
fn columns<const T: usize>(rows: &[Fr]) -> [[ark_bn254::Fr; 8]; T] {
    let mut columns = [[Fr::ZERO.0; 8]; T];
    for (lane, row) in rows.chunks_exact(T - 1).enumerate() {
        for (column, element) in columns[1..].iter_mut().zip(row) {
            column[lane] = element.0;
        }
    }
    columns
}

/// The digests of eight states, given by columns.
#[inline(always)]
fn permute<const T: usize>(
    ifma: Ifma,
    p: &LaneParameters<T>,
    columns: &[[ark_bn254::Fr; 8]; T],
) -> [Fr; 8] {
    let mut state = [Eight::zero(ifma); T];
    for (element, column) in state.iter_mut().zip(columns) {
        *element = Eight::from_ark(ifma, column);
    }
    for (round, constants) in p.before.iter().enumerate() {
        substitute(ifma, constants, &mut state);
        if round == 0 {
            // The share of the capacity element stands in the constants of round 1.
            state[0] = Eight::zero(ifma);
        }
        mix(ifma, if round + 1 < p.before.len() { &p.mds } else { &p.enter }, &mut state);
    }
    partial_rounds(ifma, p, &mut state);
    for constants in &p.after {
        substitute(ifma, constants, &mut state);
        mix(ifma, &p.mds, &mut state);
    }
    state[0].to_ark().map(Fr)
}

/// `(x + c)^5`.
#[inline(always)]
fn add_then_fifth_power(ifma: Ifma, x: Eight, c: &Limbs) -> Eight {
    let x: Lanes<Scalar, 3> = x.add(Lanes::<Scalar, 1>::splat(ifma, c));
    x.square().square().mul(x)
}

#[inline(always)]
fn substitute<const T: usize>(ifma: Ifma, constants: &[Limbs; T], state: &mut [Eight; T]) {
    for (element, constant) in state.iter_mut().zip(constants) {
        *element = add_then_fifth_power(ifma, *element, constant);
    }
}

#[inline(always)]
fn mix<const T: usize>(ifma: Ifma, matrix: &[[Limbs; T]; T], state: &mut [Eight; T]) {
    let powers = *state;
    for (element, row) in state.iter_mut().zip(matrix) {
        let row = splat(ifma, row);
        *element = Product::<Scalar, 1>::zero(ifma).plus_row::<T, 2, 1, 17>(&powers, &row).reduce();
    }
}

#[inline(always)]
fn splat<const T: usize>(ifma: Ifma, row: &[Limbs; T]) -> [Lanes<Scalar, 1>; T] {
    let mut lanes = [Lanes::zero(ifma); T];
    for (lanes, limbs) in lanes.iter_mut().zip(row) {
        *lanes = Lanes::splat(ifma, limbs);
    }
    lanes
}

/// The recurrence of [`super::parameters`].
#[inline(always)]
fn partial_rounds<const T: usize>(ifma: Ifma, p: &LaneParameters<T>, state: &mut [Eight; T]) {
    let mut x = state[0];
    let mut xs = *state;
    let mut ys = [Eight::zero(ifma); T];
    for d in &p.partial {
        ys.copy_within(..T - 1, 1);
        ys[0] = add_then_fifth_power(ifma, x, d);
        x = respond(ifma, &xs, &p.from_x, &ys, &p.from_y);
        xs.copy_within(1..T - 1, 2);
        xs[1] = x;
    }
    state[0] = x;
    let rows = p.leave_x.iter().zip(&p.leave_y);
    for (element, (from_x, from_y)) in state.iter_mut().zip(rows).skip(1) {
        *element = respond(ifma, &xs, from_x, &ys, from_y);
    }
}

/// The products of both histories with their coefficients, `2T - 1` of them.
#[inline(always)]
fn respond<const T: usize>(
    ifma: Ifma,
    xs: &[Eight; T],
    from_x: &[Limbs; T],
    ys: &[Eight; T],
    from_y: &[Limbs; T],
) -> Eight {
    let (from_x, from_y) = (splat(ifma, from_x), splat(ifma, from_y));
    Product::<Scalar, 1>::zero(ifma)
        .plus_row::<T, 2, 1, 17>(&xs[1..], &from_x[1..])
        .plus_row::<T, 2, 1, 33>(ys, &from_y)
        .reduce()
}
