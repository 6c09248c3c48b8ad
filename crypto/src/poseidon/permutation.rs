//! The permutation, one hash at a time.

#![expect(clippy::indexing_slicing, reason = "every index is below the width T")]

use super::parameters::Parameters;
use crate::Fr;
use crate::field::wide::{Limbs, Sum, add_then_fifth_power, dot, element, limbs};

/// The first element of the permuted state `[0, inputs..]`; `inputs` are `T - 1` elements.
///
/// No branch and no address depends on an element.
pub(super) fn hash<const T: usize>(parameters: &Parameters<T>, inputs: &[Fr]) -> Fr {
    let mut state = first_round(parameters, inputs);
    let [_, before @ .., last] = &parameters.before;
    for constants in before {
        state = full_round(&parameters.mds, constants, &state);
    }
    state = full_round(&parameters.enter, last, &state);
    state = partial_rounds(parameters, &state);
    let [after @ .., last] = &parameters.after;
    for constants in after {
        state = full_round(&parameters.mds, constants, &state);
    }
    element(dot(&parameters.mds[0], &substitute(last, &state)))
}

/// Round 0 without its capacity element, whose share stands in the constants of round 1.
#[inline(always)]
fn first_round<const T: usize>(parameters: &Parameters<T>, inputs: &[Fr]) -> [Limbs; T] {
    let mut powers = [[0; 4]; T];
    for (j, input) in inputs.iter().enumerate().take(T - 1) {
        powers[j + 1] = add_then_fifth_power(limbs(input), &parameters.before[0][j + 1]);
    }
    core::array::from_fn(|i| {
        let mut sum = Sum::new();
        for (power, factor) in powers.iter().zip(&parameters.mds[i]).skip(1) {
            sum.add(power, factor);
        }
        sum.reduce()
    })
}

#[inline(always)]
fn substitute<const T: usize>(constants: &[Limbs; T], state: &[Limbs; T]) -> [Limbs; T] {
    core::array::from_fn(|i| add_then_fifth_power(&state[i], &constants[i]))
}

#[inline(always)]
fn full_round<const T: usize>(
    matrix: &[[Limbs; T]; T],
    constants: &[Limbs; T],
    state: &[Limbs; T],
) -> [Limbs; T] {
    let powers = substitute(constants, state);
    core::array::from_fn(|i| dot(&matrix[i], &powers))
}

/// The recurrence that stands for the partial rounds, see [`super::parameters`].
///
/// Takes `x_0` and the history before it, returns `x` and the state beside it.
#[inline(always)]
fn partial_rounds<const T: usize>(p: &Parameters<T>, entered: &[Limbs; T]) -> [Limbs; T] {
    let mut x = entered[0];
    // xs[j] is the x of j rounds before the next, ys[j] the y of j rounds before this.
    let mut xs = *entered;
    let mut ys = [[0; 4]; T];
    for d in &p.partial {
        ys.copy_within(..T - 1, 1);
        ys[0] = add_then_fifth_power(&x, d);
        x = respond(&xs, &p.from_x, &ys, &p.from_y);
        xs.copy_within(1..T - 1, 2);
        xs[1] = x;
    }
    core::array::from_fn(|i| match i {
        0 => x,
        _ => respond(&xs, &p.leave_x[i], &ys, &p.leave_y[i]),
    })
}

/// The products of both histories with their coefficients, `2T - 1` of them.
#[inline(always)]
fn respond<const T: usize>(
    xs: &[Limbs; T],
    from_x: &[Limbs; T],
    ys: &[Limbs; T],
    from_y: &[Limbs; T],
) -> Limbs {
    const { assert!(2 * T - 1 <= Sum::MAX_TERMS) };
    let mut sum = Sum::new();
    for j in 1..T {
        sum.add(&xs[j], &from_x[j]);
    }
    for j in 0..T {
        sum.add(&ys[j], &from_y[j]);
    }
    sum.reduce()
}
