//! Poseidon inside the circuit: its wires' values and its constraints.

use alloc::vec;
use alloc::vec::Vec;

use logos_crypto::Fr;
use logos_crypto::poseidon::Definition;

use super::builder::{Combination, ConstraintSystem};
use super::layout::{FULL_ROUNDS, SpongeWires, partial_rounds};

/// The constants of the instances the circuits use.
#[derive(Debug)]
pub(crate) struct Sponges {
    widths: [Sponge; 3],
}

impl Sponges {
    pub(crate) fn new() -> Self {
        Self { widths: [2, 3, 4].map(Sponge::new) }
    }

    pub(crate) fn of(&self, wires: &SpongeWires) -> &Sponge {
        let [two, three, four] = &self.widths;
        match wires.width() {
            2 => two,
            3 => three,
            _ => four,
        }
    }
}

/// One Poseidon instance by its definition: a dense matrix in every round.
#[derive(Debug)]
pub(crate) struct Sponge {
    width: usize,
    partial: usize,
    /// Round constants, one row a round.
    rounds: Vec<Vec<Fr>>,
    mds: Vec<Vec<Fr>>,
    /// What the circuit adds to the S-box outputs of each full round, so that the mix that follows
    /// needs no constant of its own.
    after: Vec<Vec<Fr>>,
}

/// A round as the schedule has them: full `f` of eight, or partial `p`.
#[derive(Clone, Copy)]
enum Round {
    Full(usize),
    Partial(usize),
}

impl Sponge {
    fn new(width: usize) -> Self {
        let Definition { rounds, mds } = Definition::derive(width).unwrap_or_default();
        let partial = partial_rounds(width);
        let mut sponge = Self { width, partial, rounds, mds, after: Vec::new() };
        sponge.after = sponge.constants_after_full_rounds();
        sponge
    }

    /// `M^-1 c` of the next round; before the partial rounds, with the constants of all of them
    /// pushed back through the lanes that have no S-box.
    fn constants_after_full_rounds(&self) -> Vec<Vec<Fr>> {
        let inverse = invert(&self.mds);
        let half = FULL_ROUNDS / 2;
        let mut pushed = self.constants(half + self.partial).to_vec();
        for round in (half..half + self.partial).rev() {
            let before_mix = apply(&inverse, &pushed);
            pushed = self.constants(round).to_vec();
            for (lane, constant) in pushed.iter_mut().zip(before_mix).skip(1) {
                *lane += constant;
            }
        }
        (0..FULL_ROUNDS)
            .map(|full| match full {
                full if full + 1 == half => apply(&inverse, &pushed),
                full if full + 1 == FULL_ROUNDS => vec![Fr::ZERO; self.width],
                full => apply(&inverse, self.constants(self.number(Round::Full(full)) + 1)),
            })
            .collect()
    }

    fn number(&self, round: Round) -> usize {
        match round {
            Round::Full(full) if full < FULL_ROUNDS / 2 => full,
            Round::Full(full) => full + self.partial,
            Round::Partial(partial) => FULL_ROUNDS / 2 + partial,
        }
    }

    fn constants(&self, round: usize) -> &[Fr] {
        self.rounds.get(round).map(Vec::as_slice).unwrap_or_default()
    }

    fn schedule(&self) -> impl Iterator<Item = Round> {
        let half = FULL_ROUNDS / 2;
        let opening = (0..half).map(Round::Full);
        let partial = (0..self.partial).map(Round::Partial);
        opening.chain(partial).chain((half..FULL_ROUNDS).map(Round::Full))
    }

    /// Computes the hash of `inputs` and writes every wire inside it; returns the hash.
    pub(crate) fn assign(&self, wires: &SpongeWires, inputs: &[Fr], assignment: &mut [Fr]) -> Fr {
        let mut write = |wire: usize, value: Fr| {
            if let Some(slot) = assignment.get_mut(wire) {
                *slot = value;
            }
        };
        let mut state = vec![Fr::ZERO; self.width];
        for (lane, input) in state.iter_mut().skip(1).zip(inputs) {
            *lane = *input;
        }
        for round in self.schedule() {
            for (lane, constant) in state.iter_mut().zip(self.constants(self.number(round))) {
                *lane += *constant;
            }
            let boxed = match round {
                Round::Full(_) => self.width,
                Round::Partial(_) => 1,
            };
            for (lane, value) in state.iter_mut().enumerate().take(boxed) {
                let box_wires = self.box_wires(wires, round, lane);
                let square = *value * *value;
                let fourth = square * square;
                let x = *value;
                *value *= fourth;
                box_wires.state.into_iter().for_each(|wire| write(wire, x));
                if let Some(powers) = box_wires.powers {
                    write(powers, square);
                    write(powers + 1, fourth);
                }
                if let Some(output) = box_wires.output {
                    write(output, *value + self.after_constant(round, lane));
                }
            }
            state = apply(&self.mds, &state);
        }
        state.first().copied().unwrap_or_default()
    }

    /// Writes the three wires that follow from the first input alone: its S-box of the first round.
    pub(crate) fn assign_first_input(&self, wires: &SpongeWires, input: Fr, assignment: &mut [Fr]) {
        let x = input + self.constants(0).get(1).copied().unwrap_or_default();
        let square = x * x;
        let fourth = square * square;
        let output = fourth * x + self.after_constant(Round::Full(0), 1);
        let powers = wires.full_powers().start;
        let values = [(wires.full_outputs().start, output), (powers, square), (powers + 1, fourth)];
        for (wire, value) in values {
            if let Some(slot) = assignment.get_mut(wire) {
                *slot = value;
            }
        }
    }

    fn after_constant(&self, round: Round, lane: usize) -> Fr {
        match round {
            Round::Full(full) => {
                self.after.get(full).and_then(|row| row.get(lane)).copied().unwrap_or_default()
            }
            Round::Partial(_) => Fr::ZERO,
        }
    }

    fn box_wires(&self, wires: &SpongeWires, round: Round, lane: usize) -> BoxWires {
        match round {
            Round::Full(full) => {
                let number = full * self.width + lane;
                let enters = full == FULL_ROUNDS / 2 && lane == 0;
                BoxWires {
                    state: enters.then(|| wires.partial_states().end - 1),
                    powers: number.checked_sub(1).map(|n| wires.full_powers().start + 2 * n),
                    output: number
                        .checked_sub(1)
                        .map(|n| wires.full_outputs().start + n)
                        .filter(|wire| wires.full_outputs().contains(wire)),
                }
            }
            Round::Partial(partial) => BoxWires {
                state: partial.checked_sub(1).map(|n| wires.partial_states().start + n),
                powers: Some(wires.partial_powers().start + 2 * partial),
                output: None,
            },
        }
    }

    /// Writes the constraints of `Poseidon(inputs) = output`.
    pub(crate) fn constrain(
        &self,
        wires: &SpongeWires,
        inputs: &[Combination],
        output: usize,
        system: &mut ConstraintSystem,
    ) {
        let mut state = vec![Combination::default(); self.width];
        for (lane, input) in state.iter_mut().skip(1).zip(inputs) {
            *lane = input.clone();
        }
        // The deployed circuits list the full rounds first, whatever is computed first.
        let mut partial_rows = ConstraintSystem::default();
        let mut closing_rows = ConstraintSystem::default();
        for round in self.schedule() {
            for (lane, constant) in state.iter_mut().zip(self.constants(self.number(round))) {
                *lane = lane.shifted(*constant);
            }
            let rows = match round {
                Round::Partial(_) => &mut partial_rows,
                Round::Full(full) if full < FULL_ROUNDS / 2 => &mut *system,
                Round::Full(_) => &mut closing_rows,
            };
            state = self.constrain_round(wires, round, state, output, rows);
        }
        system.append(closing_rows);
        system.append(partial_rows);
    }

    /// S-boxes and mix of one round; returns the state after it.
    fn constrain_round(
        &self,
        wires: &SpongeWires,
        round: Round,
        mut state: Vec<Combination>,
        output: usize,
        rows: &mut ConstraintSystem,
    ) -> Vec<Combination> {
        match round {
            Round::Full(_) => {
                let inputs = state.clone();
                for (lane, value) in state.iter_mut().enumerate() {
                    *value = self.box_output(wires, round, lane, value);
                }
                if self.is_last(round) {
                    self.solve_last_lane(&mut state, output);
                }
                for (lane, (input, boxed)) in inputs.iter().zip(&state).enumerate() {
                    if let Some(powers) = self.box_wires(wires, round, lane).powers {
                        constrain_box(input, powers, boxed, rows);
                    }
                }
                mix(&self.mds, &state)
            }
            Round::Partial(partial) => {
                let next = wires.partial_states().start + partial;
                let input = state.first().cloned().unwrap_or_default();
                let boxed = self.solve_partial_box(round, &state, next);
                let powers = wires.partial_powers().start + 2 * partial;
                constrain_box(&input, powers, &boxed, rows);
                if let Some(lane) = state.first_mut() {
                    *lane = boxed;
                }
                mix(&self.mds, &state)
            }
        }
    }

    const fn is_last(&self, round: Round) -> bool {
        matches!(round, Round::Full(full) if full + 1 == FULL_ROUNDS)
    }

    /// The S-box output in terms of its wire; lane 0 of the first round is a constant.
    fn box_output(
        &self,
        wires: &SpongeWires,
        round: Round,
        lane: usize,
        input: &Combination,
    ) -> Combination {
        match self.box_wires(wires, round, lane).output {
            Some(wire) => Combination::wire(wire).shifted(-self.after_constant(round, lane)),
            None => {
                let constant = match input.terms() {
                    [(0, constant)] => *constant,
                    _ => Fr::ZERO,
                };
                let square = constant * constant;
                Combination::constant(square * square * constant)
            }
        }
    }

    /// In the last round the hash itself is a wire, and the last S-box output follows from it.
    fn solve_last_lane(&self, state: &mut [Combination], output: usize) {
        let Some((last, others)) = state.split_last_mut() else { return };
        let row = self.mds.first().map(Vec::as_slice).unwrap_or_default();
        let known = others
            .iter()
            .zip(row)
            .fold(Combination::default(), |sum, (lane, k)| sum.plus(&lane.scaled(*k)));
        let pivot = row.last().and_then(Fr::vartime_inverse).unwrap_or_default();
        *last = Combination::wire(output).minus(&known).scaled(pivot);
    }

    /// In a partial round the next lane-0 state is a wire, and the S-box output follows from it.
    fn solve_partial_box(&self, round: Round, state: &[Combination], next: usize) -> Combination {
        let row = self.mds.first().map(Vec::as_slice).unwrap_or_default();
        let constant = self.constants(self.number(round) + 1).first().copied().unwrap_or_default();
        let known = state
            .iter()
            .zip(row)
            .skip(1)
            .fold(Combination::constant(constant), |sum, (lane, k)| sum.plus(&lane.scaled(*k)));
        let pivot = row.first().and_then(Fr::vartime_inverse).unwrap_or_default();
        Combination::wire(next).minus(&known).scaled(pivot)
    }
}

/// Wires of one S-box; those that do not exist were eliminated.
struct BoxWires {
    /// The input, where it is a wire of its own.
    state: Option<usize>,
    /// `x^2`, with `x^4` behind it.
    powers: Option<usize>,
    /// `x^5` plus the constant added after the round.
    output: Option<usize>,
}

/// `x * x = x^2`, `x^2 * x^2 = x^4`, `x^4 * x = x^5`, with the signs of the deployed circuits.
fn constrain_box(
    x: &Combination,
    powers: usize,
    fifth: &Combination,
    system: &mut ConstraintSystem,
) {
    let square = Combination::wire(powers);
    let fourth = Combination::wire(powers + 1);
    system.push(&x.negated(), x, &square.negated());
    system.push(&square.negated(), &square, &fourth.negated());
    system.push(&fourth.negated(), x, &fifth.negated());
}

fn mix(matrix: &[Vec<Fr>], state: &[Combination]) -> Vec<Combination> {
    let row = |row: &Vec<Fr>| {
        let terms = row.iter().zip(state);
        terms.fold(Combination::default(), |sum, (k, lane)| sum.plus(&lane.scaled(*k)))
    };
    matrix.iter().map(row).collect()
}

fn apply(matrix: &[Vec<Fr>], column: &[Fr]) -> Vec<Fr> {
    matrix.iter().map(|row| row.iter().zip(column).map(|(k, value)| *k * *value).sum()).collect()
}

/// Gauss-Jordan elimination; the matrix is a Cauchy matrix, so every pivot exists.
fn invert(matrix: &[Vec<Fr>]) -> Vec<Vec<Fr>> {
    let n = matrix.len();
    let unit = |row: usize| (0..n).map(move |column| Fr::from(row == column));
    let mut rows: Vec<Vec<Fr>> = matrix
        .iter()
        .enumerate()
        .map(|(i, row)| row.iter().copied().chain(unit(i)).collect())
        .collect();
    for column in 0..n {
        let pivot = rows.get(column).cloned().unwrap_or_default();
        let inverse = pivot.get(column).and_then(Fr::vartime_inverse).unwrap_or_default();
        let pivot: Vec<Fr> = pivot.iter().map(|value| *value * inverse).collect();
        for (i, row) in rows.iter_mut().enumerate() {
            let factor = row.get(column).copied().unwrap_or_default();
            if i == column {
                row.clone_from(&pivot);
            } else {
                row.iter_mut().zip(&pivot).for_each(|(value, p)| *value -= factor * *p);
            }
        }
    }
    rows.into_iter().map(|row| row.into_iter().skip(n).collect()).collect()
}

#[cfg(test)]
mod tests {
    use logos_crypto::poseidon;

    use super::*;

    #[test]
    fn the_circuits_hash_is_poseidon() {
        let sponges = Sponges::new();
        for inputs in [1usize, 2, 3] {
            let wires = SpongeWires { inputs, start: 0 };
            let values: Vec<Fr> = (1..=3u64).map(Fr::from).take(inputs).collect();
            let mut assignment = vec![Fr::ZERO; wires.end()];
            let hash = sponges.of(&wires).assign(&wires, &values, &mut assignment);
            let expected = match *values.as_slice() {
                [a] => poseidon::hash(&[a]),
                [a, b] => poseidon::hash(&[a, b]),
                [a, b, c] => poseidon::hash(&[a, b, c]),
                _ => Fr::ZERO,
            };
            assert_eq!(hash, expected);
            assert!(assignment.iter().all(|wire| !wire.is_zero()), "every wire is written");
        }
    }
}
