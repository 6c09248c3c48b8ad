//! Checking many proofs at once.
//!
//! Each proof's equation is raised to a random power and all are multiplied together, so one
//! final exponentiation and `n + 3` Miller loops do for `n` proofs. With weights of 128 bits a
//! wrong proof passes with probability 2^-128 (Bellare, Garay, Rabin, "Fast batch verification").

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G1Projective};
use logos_crypto::Fr;
use logos_crypto::curve::{self, Weight};
use logos_crypto::pairing::{self, Target};
use rand_core::CryptoRng;

use super::{Verifier, VerifyError};
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
        let weights: Vec<Weight> = open.iter().map(|_| draw_weight(rng)).collect();
        let terms: Vec<(G1Affine, Weight)> = open
            .iter()
            .zip(&weights)
            .flat_map(|((_, (proof, _)), weight)| [(proof.a, *weight), (proof.c, *weight)])
            .collect();
        let products = curve::weigh_g1(self.backend, &terms);
        let affine = curve::to_affine_all(&products);
        let pairs = affine.chunks_exact(2).zip(products.chunks_exact(2));
        let weighed = open.iter().zip(&weights).zip(pairs);
        weighed
            .filter_map(|(((number, (proof, values)), weight), (affine, products))| {
                let (weight, signals) = (weight.to_field(), values.public_signals());
                let signals = [Fr::ONE].into_iter().chain(signals).map(|s| s * weight).collect();
                let (a, c) = (*affine.first()?, *products.last()?);
                Some(Entry { number: *number, proof: *proof, signals, a, c })
            })
            .collect()
    }

    /// Does the product of a group's equations hold?
    fn holds(&self, group: &[Entry]) -> bool {
        let n_signals = self.n_inputs + 1;
        let totals: Vec<Fr> = (0..n_signals)
            .map(|at| group.iter().filter_map(|entry| entry.signals.get(at)).copied().sum())
            .collect();
        let Some((total, public)) = totals.split_first() else { return false };
        let terms = [(self.constant, *total), (self.negated_alpha, *total)];
        let products = curve::multiply_g1(self.backend, &terms);
        let [constant, alpha] = *products.as_slice() else { return false };
        let inputs = self.inputs.vartime_sum(public) + constant;
        let c: G1Projective = group.iter().map(|entry| entry.c).sum();
        let ([inputs, c, alpha], []) = curve::to_affine([inputs, c, alpha], []);
        let first: Vec<_> = group.iter().map(|entry| (entry.a, entry.proof.b)).collect();
        let product = pairing::product(
            self.backend,
            &first,
            &[(inputs, &self.negated_gamma), (c, &self.negated_delta), (alpha, &self.beta)],
        );
        product == Target::ONE
    }
}

/// 128 random bits, not all zero.
fn draw_weight(rng: &mut (impl CryptoRng + ?Sized)) -> Weight {
    loop {
        let (first, second) = (rng.next_u64(), rng.next_u64());
        if first | second != 0 {
            return Weight::new(first, second);
        }
    }
}
