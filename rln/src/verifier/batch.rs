//! Checking many proofs at once.
//!
//! Each proof's equation is raised to a random power and all are multiplied together, so one
//! final exponentiation and `n + 2` Miller loops do for `n` proofs. With weights of 128 bits a
//! wrong proof passes with probability 2^-128 (Bellare, Garay, Rabin, "Fast batch verification").

use alloc::vec::Vec;

use ark_bn254::{Bn254, Fr as Scalar, G1Affine, G1Projective};
use ark_ec::CurveGroup;
use ark_ec::pairing::Pairing;
use logos_crypto::hazmat::to_ark;
use logos_crypto::{Fr, curve};
use rand_core::CryptoRng;

use super::{Verifier, VerifyError, prepared, target_power};
use crate::proof::Proof;
use crate::values::ProofValues;

/// What one proof adds to a batch.
struct Entry {
    /// Place in the caller's list.
    number: usize,
    proof: Proof,
    /// The constant one and the public signals, times the weight.
    signals: Vec<Fr>,
    /// `A` and `C` times the weight.
    a: G1Affine,
    c: G1Projective,
}

impl Verifier {
    /// Checks the pairing equations of many proofs at once: about a fifth of the cost of checking
    /// them one by one when all are valid. When one is not, the batch is halved until it is found,
    /// so a bad proof costs its sender's neighbours at most a logarithm more.
    ///
    /// The answers stand in the order of the proofs and are those of
    /// [`Verifier::verify_values`].
    ///
    /// # Security
    ///
    /// `rng` must be unpredictable to whoever made the proofs.
    #[must_use]
    pub fn verify_batch(
        &self,
        proofs: &[(Proof, &ProofValues)],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Vec<Result<(), VerifyError>> {
        let mut verdicts: Vec<_> =
            proofs.iter().map(|(_, values)| self.check_shape(values)).collect();
        let shaped = proofs.iter().zip(&verdicts).enumerate();
        let open: Vec<(usize, &(Proof, &ProofValues))> = shaped
            .filter(|(_, (_, verdict))| verdict.is_ok())
            .map(|(number, (proof, _))| (number, proof))
            .collect();
        let entries = self.weigh(&open, rng);
        let mut groups: Vec<&[Entry]> = [entries.as_slice()].into();
        while let Some(group) = groups.pop() {
            if group.is_empty() || self.holds(group) {
                continue;
            }
            if let [entry] = group {
                if let Some(verdict) = verdicts.get_mut(entry.number) {
                    *verdict = Err(VerifyError::Invalid);
                }
                continue;
            }
            let (left, right) = group.split_at(group.len() / 2);
            groups.extend([left, right]);
        }
        verdicts
    }

    /// Draws a weight for each proof and multiplies what does not depend on the grouping.
    fn weigh(
        &self,
        open: &[(usize, &(Proof, &ProofValues))],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Vec<Entry> {
        let weights: Vec<Fr> = open.iter().map(|_| draw_weight(rng)).collect();
        let terms: Vec<(G1Affine, Fr)> = open
            .iter()
            .zip(&weights)
            .flat_map(|((_, (proof, _)), weight)| [(proof.a, *weight), (proof.c, *weight)])
            .collect();
        let products = curve::multiply_g1(self.backend, &terms);
        let affine = G1Projective::normalize_batch(&products);
        let pairs = affine.chunks_exact(2).zip(products.chunks_exact(2));
        let weighed = open.iter().zip(&weights).zip(pairs);
        weighed
            .filter_map(|(((number, (proof, values)), weight), (affine, products))| {
                let signals = values.public_signals();
                let signals = [Fr::ONE].into_iter().chain(signals).map(|s| s * *weight).collect();
                let (a, c) = (*affine.first()?, *products.last()?);
                Some(Entry { number: *number, proof: *proof, signals, a, c })
            })
            .collect()
    }

    /// Does the product of a group's equations hold?
    fn holds(&self, group: &[Entry]) -> bool {
        let n_signals = self.inputs.len() + 1;
        let totals: Vec<Scalar> = (0..n_signals)
            .map(|at| to_ark(&group.iter().filter_map(|e| e.signals.get(at)).copied().sum()))
            .collect();
        let Some((total, public)) = totals.split_first() else { return false };
        let constant = self.constant * total;
        let inputs = self
            .inputs
            .iter()
            .zip(public)
            .fold(constant, |sum, (table, signal)| sum + table.vartime_multiply(*signal));
        let c: G1Projective = group.iter().map(|entry| entry.c).sum();
        let tail = G1Projective::normalize_batch(&[inputs, c]);
        let first = group.iter().map(|entry| entry.a).chain(tail);
        let second = group
            .iter()
            .map(|entry| prepared(entry.proof.b))
            .chain([self.negated_gamma.clone(), self.negated_delta.clone()]);
        let product = Bn254::multi_miller_loop(first, second);
        let expected = target_power(self.alpha_beta, *total);
        Bn254::final_exponentiation(product).is_some_and(|output| output.0 == expected)
    }
}

/// 128 random bits, not all zero.
fn draw_weight(rng: &mut (impl CryptoRng + ?Sized)) -> Fr {
    loop {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        let weight = Fr::from_bytes_reduced(&bytes);
        if !weight.is_zero() {
            return weight;
        }
    }
}
