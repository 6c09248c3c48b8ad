//! A proof and its public values.

use ark_bn254::{Fr as Scalar, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::CurveGroup;

use crate::values::ProofValues;

/// A Groth16 proof over BN254: two points of G1 and one of G2.
///
/// Anybody can turn one proof of a statement into another, so proofs are no names: tell messages
/// apart by nullifier and share, never by proof bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    pub(crate) a: G1Affine,
    pub(crate) b: G2Affine,
    pub(crate) c: G1Affine,
}

/// A proof with the values it proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RlnProof {
    /// The zero-knowledge proof.
    pub proof: Proof,
    /// What it proves.
    pub values: ProofValues,
}

/// The points of a proof before they are brought to affine form.
#[derive(Clone, Copy, Default)]
pub(crate) struct ProofPoints {
    pub(crate) a: G1Projective,
    pub(crate) b: G2Projective,
    pub(crate) c: G1Projective,
}

/// Fresh randomness that makes a proof of a statement out of another: `first` is not zero.
#[derive(Clone, Copy)]
pub(crate) struct Blinding {
    pub(crate) first: Scalar,
    pub(crate) first_inverse: Scalar,
    pub(crate) second: Scalar,
}

impl ProofPoints {
    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self { a: self.a + other.a, b: self.b + other.b, c: self.c + other.c }
    }

    /// Rerandomises: `A / r1, r1 B + r1 r2 delta, C + r2 A`.
    ///
    /// From the proof with no blinding of its own this gives one distributed exactly as a fresh
    /// proof (Baghery, Kohlweiss, Siim, Volkhov, "Another look at extraction and randomization of
    /// Groth's zk-SNARK", theorem 3), and the points of `B` in G1 are never needed.
    pub(crate) fn blind(&self, blinding: &Blinding, delta_g2: &G2Affine) -> Self {
        let delta = *delta_g2 * (blinding.first * blinding.second);
        Self {
            a: self.a * blinding.first_inverse,
            b: self.b * blinding.first + delta,
            c: self.c + self.a * blinding.second,
        }
    }

    pub(crate) fn to_proof(self) -> Proof {
        Proof { a: self.a.into_affine(), b: self.b.into_affine(), c: self.c.into_affine() }
    }
}
