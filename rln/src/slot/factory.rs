//! Making slots: everything of a proof that does not need the message.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use ark_bn254::G1Projective;
use logos_crypto::Fr;
use logos_crypto::hazmat::{from_ark, to_ark};
use rand_core::CryptoRng;

use super::Slot;
use super::split::SplitPoint;
use crate::circuit::{Assignment, fill_message};
use crate::epoch::ExternalNullifier;
use crate::identity::SecretFr;
use crate::membership::{Membership, MerklePath};
use crate::message::{MessageIds, MessageInputs};
use crate::partial::PartialProof;
use crate::proof::ProofPoints;
use crate::prover::{ProveError, Prover, draw_blinding};
use crate::quotient::Rows;

/// Makes the slots of one member under one root.
///
/// Holds a partial proof and, for each row that moves with the message, one sum over the rows
/// that do not change from one message id to the next.
pub struct SlotFactory {
    partial: PartialProof,
    /// For a moving row `j` of `A`: `sum theta(L_j)_i b_i Q_i` over the fixed rows `i`.
    against_b: Vec<(usize, G1Projective)>,
    /// For a moving row `j` of `B`: `sum theta(L_j)_i a_i Q_i`.
    against_a: Vec<(usize, G1Projective)>,
}

impl SlotFactory {
    /// Does the part all slots of a member share: a partial proof, and one sum of some 5000
    /// points for each of three (single) or thirteen (four slots) rows.
    ///
    /// # Errors
    ///
    /// [`ProveError::Membership`].
    pub fn new(prover: &Prover, membership: &Membership) -> Result<Self, ProveError> {
        Ok(Self::from_partial(prover, prover.partial(membership)?))
    }

    /// As [`SlotFactory::new`], from a partial proof of the same prover.
    #[must_use]
    pub fn from_partial(prover: &Prover, partial: PartialProof) -> Self {
        let (in_a, in_b) = prover.online().moving_rows();
        let sums = |moving: Vec<usize>, values: &[Fr]| -> Vec<(usize, G1Projective)> {
            let sum = |row: usize| {
                let fixed = prover.fixed_rows().filter_map(|at| {
                    let value = values.get(at)?;
                    Some((at, prover.domain.derivative(row, at) * *value))
                });
                (row, prover.sums.rows(fixed))
            };
            moving.into_iter().map(sum).collect()
        };
        let rows = &partial.rows;
        let (against_b, against_a) = (sums(in_a, &rows.b), sums(in_b, &rows.a));
        Self { partial, against_b, against_a }
    }

    /// Brings the factory to another root, at the cost of the wires and rows that changed.
    ///
    /// # Errors
    ///
    /// As [`Prover::refresh`].
    pub fn refresh(&self, prover: &Prover, path: MerklePath) -> Result<Self, ProveError> {
        let partial = prover.refresh(&self.partial, path)?;
        let moved = |sums: &[(usize, G1Projective)], from: &[Fr], to: &[Fr]| {
            let sum = |(row, sum): &(usize, G1Projective)| {
                let changed = prover.fixed_rows().filter_map(|at| {
                    let change = *to.get(at)? - *from.get(at)?;
                    (!change.is_zero()).then(|| (at, prover.domain.derivative(*row, at) * change))
                });
                (*row, *sum + prover.sums.rows(changed))
            };
            sums.iter().map(sum).collect()
        };
        let (old, new) = (&self.partial.rows, &partial.rows);
        let against_b = moved(&self.against_b, &old.b, &new.b);
        let against_a = moved(&self.against_a, &old.a, &new.a);
        Ok(Self { partial, against_b, against_a })
    }

    /// The partial proof inside.
    #[must_use]
    pub const fn partial(&self) -> &PartialProof {
        &self.partial
    }

    /// The root slots are made under.
    #[must_use]
    pub fn root(&self) -> Fr {
        self.partial.root()
    }

    /// Makes the slot of some message ids in an epoch.
    ///
    /// # Errors
    ///
    /// [`ProveError::MessageIds`] or [`ProveError::OtherCircuit`].
    ///
    /// # Security
    ///
    /// Making a slot publishes nothing, so it may be made again as long as its ids are not burnt.
    pub fn make(
        &self,
        prover: &Prover,
        external_nullifier: ExternalNullifier,
        ids: &MessageIds,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Slot, ProveError> {
        if self.partial.circuit() != prover.circuit() {
            return Err(ProveError::OtherCircuit);
        }
        ids.check(&prover.circuit(), self.partial.limit())?;
        let inputs = MessageInputs { external_nullifier, x: Fr::ZERO, ids };
        let mut assignment = self.partial.assignment().duplicate();
        fill_message(&prover.key.layout, &prover.key.sponges, &inputs, &mut assignment);
        let rows = self.partial.rows.with_changes(&prover.key, &assignment, &prover.changing_rows);
        let derived = rows.derived(&prover.domain);
        let start = prover.sums.changes(&assignment, &rows.quotient_with(&derived));
        let start = self.partial.points.plus(&start);
        let motion = Motion::new(prover, &assignment);
        let linear = self.linear(prover, &motion, &rows, &derived);
        let quadratic = motion.quadratic(prover);
        let unblinded = Unblinded { assignment, motion, start, linear, quadratic };
        Ok(unblinded.blind(prover, ids, rng))
    }

    /// `C1` without blinding: the moving wires' points and the linear part of the quotient.
    fn linear(
        &self,
        prover: &Prover,
        motion: &Motion,
        rows: &Rows,
        derived: &Rows,
    ) -> G1Projective {
        let at = |values: &[Fr], row: usize| values.get(row).copied().unwrap_or_default();
        let changing = prover.changing_rows.iter().map(|row| {
            let row = *row as usize;
            let scalar = motion.theta_a(prover, row) * at(&rows.b, row)
                + at(&rows.a, row) * motion.theta_b(prover, row)
                + at(&derived.a, row) * motion.b(row)
                + motion.a(row) * at(&derived.b, row);
            (row, scalar)
        });
        let changing = prover.sums.wires_and_rows(&motion.wires, changing);
        let fixed = |sums: &[(usize, G1Projective)], moved: &BTreeMap<usize, Fr>| {
            let terms = sums.iter().filter_map(|(row, sum)| Some((sum, moved.get(row)?)));
            terms.map(|(sum, step)| *sum * to_ark(step)).sum::<G1Projective>()
        };
        changing + fixed(&self.against_b, &motion.a_rows) + fixed(&self.against_a, &motion.b_rows)
    }
}

impl core::fmt::Debug for SlotFactory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SlotFactory").field("partial", &self.partial).finish_non_exhaustive()
    }
}

/// What one step of `x` does to wires and rows.
struct Motion {
    wires: Vec<(usize, Fr)>,
    a_rows: BTreeMap<usize, Fr>,
    b_rows: BTreeMap<usize, Fr>,
}

impl Motion {
    fn new(prover: &Prover, assignment: &Assignment) -> Self {
        let wires = prover.online().direction(&prover.key.layout, assignment);
        let collect = |rows: Vec<(usize, Fr)>| {
            let mut sums = BTreeMap::new();
            for (row, step) in rows {
                *sums.entry(row).or_insert(Fr::ZERO) += step;
            }
            sums
        };
        let a_rows = collect(prover.online().a_rows(&wires));
        let b_rows = collect(prover.online().b_rows(&wires));
        Self { wires, a_rows, b_rows }
    }

    fn a(&self, row: usize) -> Fr {
        self.a_rows.get(&row).copied().unwrap_or_default()
    }

    fn b(&self, row: usize) -> Fr {
        self.b_rows.get(&row).copied().unwrap_or_default()
    }

    fn theta_a(&self, prover: &Prover, at: usize) -> Fr {
        derive_sparse(&self.a_rows, prover, at)
    }

    fn theta_b(&self, prover: &Prover, at: usize) -> Fr {
        derive_sparse(&self.b_rows, prover, at)
    }

    /// `C2`: nonzero only where a row moves.
    fn quadratic(&self, prover: &Prover) -> G1Projective {
        let rows = self.a_rows.keys().chain(self.b_rows.keys());
        let mut rows: Vec<usize> = rows.copied().collect();
        rows.sort_unstable();
        rows.dedup();
        prover.sums.rows(rows.into_iter().map(|row| {
            let scalar =
                self.theta_a(prover, row) * self.b(row) + self.a(row) * self.theta_b(prover, row);
            (row, scalar)
        }))
    }
}

fn derive_sparse(rows: &BTreeMap<usize, Fr>, prover: &Prover, at: usize) -> Fr {
    rows.iter().map(|(of, step)| prover.domain.derivative(*of, at) * *step).sum()
}

/// A slot's coefficients as the witness gives them. They never leave this module.
struct Unblinded {
    assignment: Assignment,
    motion: Motion,
    start: ProofPoints,
    linear: G1Projective,
    quadratic: G1Projective,
}

impl Unblinded {
    /// Folds fresh blinding into the coefficients.
    fn blind(
        &self,
        prover: &Prover,
        ids: &MessageIds,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Slot {
        let layout = &prover.key.layout;
        let blinding = draw_blinding(rng);
        let points = self.start.blind(&blinding, &prover.key.verifying.delta_g2);
        let steps: Vec<Fr> = self.motion.wires.iter().map(|(_, step)| *step).collect();
        let (a_step, _) = prover.online().steps(&steps, &[], Fr::ONE);
        let scaled = |factor: ark_bn254::Fr| -> Vec<Fr> {
            steps.iter().map(|step| *step * from_ark(factor)).collect()
        };
        let linear = self.linear + a_step * blinding.second;
        let [linear, quadratic] = SplitPoint::prepare([linear, self.quadratic]);
        let slopes = (0..layout.slots()).map(|slot| self.assignment.wire(layout.slopes + slot));
        Slot {
            circuit: prover.circuit(),
            values: prover.public_values(&self.assignment),
            ids: ids.slots().filter(|(_, used)| *used).map(|(id, _)| id.get()).collect(),
            secret: SecretFr::new(self.assignment.wire(layout.secret)),
            slopes: slopes.map(SecretFr::new).collect(),
            a: points.a,
            b: points.b,
            c: points.c,
            a_steps: scaled(blinding.first_inverse),
            b_steps: scaled(blinding.first),
            linear,
            quadratic,
        }
    }
}
