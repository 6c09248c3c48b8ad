//! A key as a ceremony leaves it.

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G2Affine};
use logos_crypto::Fr;

use super::points::check;
use super::verifying::VerifyingKey;
use super::{KeyError, Query};
use crate::circuit::{
    Circuit, CircuitKind, ConstraintSystem, Layout, SparseMatrix, Sponges, constraints,
};

/// The points of a Groth16 key and the two matrices that came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CeremonyKey {
    pub(crate) vk: RawVerifyingKey,
    pub(crate) beta_g1: G1Affine,
    pub(crate) delta_g1: G1Affine,
    pub(crate) a: Vec<G1Affine>,
    /// `B` in G1, which proving here does not use.
    pub(crate) b_in_g1: Vec<G1Affine>,
    pub(crate) b: Vec<G2Affine>,
    pub(crate) h: Vec<G1Affine>,
    pub(crate) l: Vec<G1Affine>,
    pub(crate) a_matrix: SparseMatrix,
    pub(crate) b_matrix: SparseMatrix,
}

/// The points of a verifying key, before the circuit is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawVerifyingKey {
    pub(crate) alpha_g1: G1Affine,
    pub(crate) beta_g2: G2Affine,
    pub(crate) gamma_g2: G2Affine,
    pub(crate) delta_g2: G2Affine,
    /// One for the constant and one a public signal.
    pub(crate) inputs: Vec<G1Affine>,
}

impl RawVerifyingKey {
    pub(super) fn check(&self) -> Result<(), KeyError> {
        check(&[self.alpha_g1], Query::Verifying)?;
        check(&[self.beta_g2, self.gamma_g2, self.delta_g2], Query::Verifying)?;
        check(&self.inputs, Query::Verifying)
    }
}

impl CeremonyKey {
    /// Every point on its curve and in its group.
    pub(super) fn check_points(&self) -> Result<(), KeyError> {
        self.vk.check()?;
        check(&[self.beta_g1, self.delta_g1], Query::Verifying)?;
        check(&self.a, Query::A)?;
        check(&self.b_in_g1, Query::BInG1)?;
        check(&self.b, Query::B)?;
        check(&self.h, Query::H)?;
        check(&self.l, Query::L)
    }

    /// The circuit of this key's size, and its constraints if they are the key's own.
    pub(crate) fn recognise(
        &self,
        sponges: &Sponges,
    ) -> Result<(Circuit, ConstraintSystem), KeyError> {
        let circuit = self.circuit_of_this_size()?;
        let wires = self.a.len();
        if self.h.len() != circuit.domain_size()
            || self.b.len() != wires
            || self.b_in_g1.len() != wires
        {
            return Err(KeyError::Ragged);
        }
        let system = constraints(&Layout::new(circuit), sponges);
        let same = |row: &usize| {
            sorted(self.a_matrix.row(*row)) == system.a.row(*row)
                && sorted(self.b_matrix.row(*row)) == system.b.row(*row)
        };
        match (0..system.a.n_rows()).find(|row| !same(row)) {
            Some(row) => Err(KeyError::ForeignConstraint { row }),
            None => Ok((circuit, system)),
        }
    }

    fn circuit_of_this_size(&self) -> Result<Circuit, KeyError> {
        let (wires, constraints) = (self.a.len(), self.a_matrix.n_rows());
        let unknown = KeyError::UnknownCircuit { wires, constraints };
        let n_public = self.vk.inputs.len().checked_sub(1).ok_or(unknown)?;
        let kind = match n_public {
            5 => CircuitKind::Single,
            n if n % 3 == 0 => CircuitKind::Multi { slots: u8::try_from(n / 3 - 1).unwrap_or(0) },
            _ => return Err(unknown),
        };
        let circuits = (1..=Circuit::MAX_DEPTH).flat_map(|depth| {
            let bits = 2..=Circuit::MAX_LIMIT_BITS;
            bits.filter_map(move |bits| Circuit::new(depth, bits, kind).ok())
        });
        let fits = |circuit: &Circuit| {
            circuit.n_wires() == wires
                && circuit.n_constraints() == constraints
                && self.l.len() + circuit.n_public() + 1 == wires
        };
        circuits.into_iter().find(fits).ok_or(unknown)
    }

    pub(super) fn verifying_key(&self, circuit: Circuit) -> VerifyingKey {
        VerifyingKey {
            circuit,
            alpha_g1: self.vk.alpha_g1,
            beta_g2: self.vk.beta_g2,
            gamma_g2: self.vk.gamma_g2,
            delta_g2: self.vk.delta_g2,
            inputs: self.vk.inputs.clone(),
        }
    }
}

fn sorted(row: &[(u32, Fr)]) -> Vec<(u32, Fr)> {
    let mut row = row.to_vec();
    row.sort_unstable_by_key(|(wire, _)| *wire);
    row
}
