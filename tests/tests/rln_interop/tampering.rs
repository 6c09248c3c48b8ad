//! Every single bit of a proof and its values matters.

use logos_rln::RlnProof;

use crate::sides::{Case, OUR_MULTI, OUR_SINGLE, Ours, rng};

/// Turns each bit of the bytes in turn: what then decodes does not verify.
fn every_bit_matters(ours: &Ours, bytes: &[u8]) {
    let original = RlnProof::from_bytes(bytes).unwrap();
    assert_eq!(ours.verifier.verify_values(&original.proof, &original.values), Ok(()));
    for bit in 0..bytes.len() * 8 {
        let mut tampered = bytes.to_vec();
        tampered[bit / 8] ^= 1 << (bit % 8);
        let Ok(proof) = RlnProof::from_bytes(&tampered) else { continue };
        let verdict = ours.verifier.verify_values(&proof.proof, &proof.values);
        assert!(verdict.is_err(), "bit {bit} of {} bytes", bytes.len());
    }
}

#[test]
fn no_bit_of_a_proof_of_one_message_id_can_be_turned() {
    let mut rng = rng(51);
    let proof = OUR_SINGLE.prove(&Case::single(&mut rng), &mut rng);
    every_bit_matters(&OUR_SINGLE, &proof.to_bytes());
}

#[test]
fn no_bit_of_a_proof_of_several_message_ids_can_be_turned() {
    let mut rng = rng(52);
    let proof = OUR_MULTI.prove(&Case::multi(0b1101, &mut rng), &mut rng);
    every_bit_matters(&OUR_MULTI, &proof.to_bytes());
}
