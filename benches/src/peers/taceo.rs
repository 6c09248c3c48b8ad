//! taceo-groth16 0.2.2: the fastest Rust Groth16 prover found, on the same published key.
//!
//! It has no witness calculator for this circuit, so it takes a full assignment.

use anyhow::{Result, ensure};
use ark_bn254::{Bn254, Fr};
use ark_groth16::ProvingKey;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use rln::prelude::{CanonicalSerialize as CanonicalSerialize05, Zkey, default_zkey_single};
use taceo_groth16::{CircomReduction, ConstraintMatrices, Groth16};

/// The name and version that figures are reported against.
pub const NAME: &str = "taceo-groth16 0.2.2";
/// Wires of the single-message-id circuit, the constant one among them.
pub const WIRES: usize = 5844;

/// taceo's prover on the published single-message-id key.
pub struct Peer {
    key: ProvingKey<Bn254>,
    matrices: ConstraintMatrices<Fr>,
}

impl Peer {
    /// Carries the key over from zerokit's package, through bytes.
    pub fn single() -> Result<Self> {
        Self::from_zkey(default_zkey_single())
    }

    fn from_zkey((key, matrices): &Zkey) -> Result<Self> {
        let mut bytes = Vec::with_capacity(4 << 20);
        CanonicalSerialize05::serialize_uncompressed(key, &mut bytes)?;
        let key = ProvingKey::deserialize_uncompressed_unchecked(&bytes[..])?;
        let mut bytes = Vec::with_capacity(4 << 20);
        for matrix in [&matrices.a, &matrices.b, &matrices.c] {
            CanonicalSerialize05::serialize_uncompressed(matrix, &mut bytes)?;
        }
        let mut rest = &bytes[..];
        let mut matrix = || Vec::<Vec<(Fr, usize)>>::deserialize_uncompressed(&mut rest);
        let (a, b, c) = (matrix()?, matrix()?, matrix()?);
        let matrices = ConstraintMatrices {
            num_instance_variables: matrices.num_instance_variables,
            // The file counts one too many.
            num_witness_variables: WIRES - matrices.num_instance_variables,
            num_constraints: matrices.num_constraints,
            a_num_non_zero: matrices.a_num_non_zero,
            b_num_non_zero: matrices.b_num_non_zero,
            c_num_non_zero: matrices.c_num_non_zero,
            a,
            b,
            c,
        };
        Ok(Self { key, matrices })
    }

    /// A whole proof of a full assignment (wire 0 is one), blinded by `r` and `s`.
    pub fn prove(&self, assignment: &[Fr], r: Fr, s: Fr) -> Result<ark_groth16::Proof<Bn254>> {
        ensure!(assignment.len() == WIRES, "an assignment has {WIRES} wires");
        Groth16::<Bn254>::prove::<CircomReduction>(&self.key, r, s, &self.matrices, assignment)
            .map_err(|error| anyhow::anyhow!("taceo: {error}"))
    }

    /// The published key, for sums over its queries.
    #[must_use]
    pub const fn key(&self) -> &ProvingKey<Bn254> {
        &self.key
    }

    /// Constraints of the circuit.
    #[must_use]
    pub const fn constraints(&self) -> usize {
        self.matrices.num_constraints
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").finish_non_exhaustive()
    }
}

/// A full assignment's elements from their canonical bytes.
pub fn assignment<'a>(elements: impl IntoIterator<Item = &'a [u8; 32]>) -> Result<Vec<Fr>> {
    elements.into_iter().map(|bytes| Ok(Fr::deserialize_compressed(&bytes[..])?)).collect()
}

/// A proof as 128 bytes, the layout zerokit reads.
pub fn proof_to_bytes(proof: &ark_groth16::Proof<Bn254>) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(128);
    proof.serialize_compressed(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prover_takes_an_assignment_of_the_circuits_size_and_no_other() {
        let peer = Peer::single().unwrap();
        assert_eq!(peer.constraints(), 5820);
        let assignment: Vec<Fr> = (1..=5844u64).map(Fr::from).collect();
        let proof = peer.prove(&assignment, Fr::from(2u64), Fr::from(3u64)).unwrap();
        assert_eq!(proof_to_bytes(&proof).unwrap().len(), 128);
        assert!(peer.prove(&assignment[1..], Fr::from(2u64), Fr::from(3u64)).is_err());
    }
}
