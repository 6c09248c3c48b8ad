//! The permutation as the paper writes it: every constant, the dense matrix in every round.

use super::matrix::apply;
use super::parameters::{Dense, fifth_power};
use super::{FULL_ROUNDS, partial_rounds};
use crate::Fr;

pub(super) fn hash(inputs: &[Fr]) -> Fr {
    let t = inputs.len() + 1;
    let Dense { rounds, mds } = Dense::derive(t);
    let partial = FULL_ROUNDS / 2..FULL_ROUNDS / 2 + partial_rounds(t);
    let mut state = [&[Fr::ZERO], inputs].concat();
    for (i, constants) in rounds.iter().enumerate() {
        for (element, constant) in state.iter_mut().zip(constants) {
            *element += constant;
        }
        let substituted = if partial.contains(&i) { 1 } else { t };
        for element in &mut state[..substituted] {
            *element = fifth_power(*element);
        }
        state = apply(&mds, &state);
    }
    state[0]
}
