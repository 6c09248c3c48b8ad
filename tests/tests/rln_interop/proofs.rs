//! Proofs that cross from one side to the other.

use logos_rln::{Proof, ProofValues, RlnProof, SingleValues, VerifyError};
use rln::prelude::{RLNPartialWitnessInput, RLNProof, VerifyProofError, default_zkey_single};

use crate::sides::{
    Case, OUR_MULTI, OUR_SINGLE, Ours, THEIR_MULTI, THEIR_SINGLE, TheirFr, Theirs, masks,
    multi_message, n_proofs, rng, single_message, their_fr, to_ours, to_theirs,
};

#[test]
fn our_proofs_of_one_message_id_verify_there() {
    let mut rng = rng(1);
    for number in 0..n_proofs(200) {
        let case = Case::single(&mut rng);
        let proof = OUR_SINGLE.prove(&case, &mut rng);
        assert!(THEIR_SINGLE.verifies(&to_theirs(&proof), &case), "proof {number}");
    }
}

#[test]
fn our_proofs_of_several_message_ids_verify_there_for_every_choice_of_slots() {
    let mut rng = rng(2);
    for (number, mask) in (0..n_proofs(60)).zip(masks().cycle()) {
        let case = Case::multi(mask, &mut rng);
        let proof = OUR_MULTI.prove(&case, &mut rng);
        assert!(
            THEIR_MULTI.verifies(&to_theirs(&proof), &case),
            "proof {number}, slots {mask:04b}"
        );
    }
}

/// Makes `count` proofs there, five of each member, of which four are finished from a partial
/// proof: zerokit takes a third of the time for those.
fn their_proofs_verify_here(
    (ours, theirs): (&Ours, &Theirs),
    count: usize,
    mut next: impl FnMut(Option<Case>) -> Case,
) {
    let mut case = next(None);
    let mut partial = None;
    for number in 0..count {
        let proof = if number % 5 == 0 {
            case = next(None);
            let known = RLNPartialWitnessInput::from(&case.their_witness());
            partial = theirs.rln.generate_partial_proof(&known).ok();
            theirs.prove(&case)
        } else {
            case = next(Some(case));
            let witness = case.their_witness();
            let (proof, values) =
                theirs.rln.finish_proof(partial.as_ref().unwrap(), &witness).unwrap();
            RLNProof::new(proof, values)
        };
        assert!(ours.verifies(&to_ours(&proof), &case), "proof {number}");
    }
}

#[test]
fn their_proofs_of_one_message_id_verify_here() {
    let mut rng = rng(3);
    their_proofs_verify_here((&OUR_SINGLE, &THEIR_SINGLE), n_proofs(25), |last| match last {
        None => Case::single(&mut rng),
        Some(Case { member, .. }) => {
            let message = single_message(&member, &mut rng);
            Case { member, message }
        }
    });
}

#[test]
fn their_proofs_of_several_message_ids_verify_here_for_every_choice_of_slots() {
    let mut rng = rng(4);
    let mut masks = masks().cycle();
    their_proofs_verify_here((&OUR_MULTI, &THEIR_MULTI), n_proofs(25), |last| {
        let mask = masks.next().unwrap();
        match last {
            None => Case::multi(mask, &mut rng),
            Some(Case { member, .. }) => {
                let message = multi_message(&member, mask, &mut rng);
                Case { member, message }
            }
        }
    });
}

#[test]
fn both_sides_give_a_statement_the_same_values() {
    let mut rng = rng(5);
    for mask in masks().chain(masks()) {
        let case = Case::single(&mut rng);
        let values = OUR_SINGLE.prover.values(&case.member, &case.message).unwrap();
        assert_eq!(values, crate::sides::our_values(&case.their_values()));
        let case = Case::multi(mask, &mut rng);
        let values = OUR_MULTI.prover.values(&case.member, &case.message).unwrap();
        assert_eq!(values, crate::sides::our_values(&case.their_values()));
    }
}

/// The same statement proved anew, as anybody can do without the witness.
pub(crate) fn rerandomised(proof: &RLNProof) -> RLNProof {
    let delta = default_zkey_single().0.vk.delta_g2;
    let (first, second) = (TheirFr::from(5u64), TheirFr::from(77u64));
    let inverse = TheirFr::from(1u64) / first;
    let old = &proof.proof;
    let mut new = old.clone();
    new.a = (old.a * inverse).into();
    new.b = (old.b * first + delta * (first * second)).into();
    new.c = (old.a * second + old.c).into();
    RLNProof::new(new, proof.values.clone())
}

#[test]
fn a_proof_that_somebody_rerandomised_verifies_on_both_sides() {
    let mut rng = rng(6);
    let case = Case::single(&mut rng);
    for proof in [THEIR_SINGLE.prove(&case), to_theirs(&OUR_SINGLE.prove(&case, &mut rng))] {
        let other = rerandomised(&proof);
        assert_ne!(other.proof, proof.proof);
        assert!(THEIR_SINGLE.verifies(&other, &case));
        assert!(OUR_SINGLE.verifies(&to_ours(&other), &case));
    }
}

#[test]
fn values_of_another_statement_are_refused_on_both_sides() {
    let mut rng = rng(7);
    let case = Case::single(&mut rng);
    let proof = OUR_SINGLE.prove(&case, &mut rng);
    let ProofValues::Single(values) = proof.values else { panic!("one message id") };
    let one = logos_crypto::Fr::ONE;
    for values in [
        SingleValues { y: values.nullifier, nullifier: values.y, ..values },
        SingleValues { y: values.y + one, ..values },
        SingleValues { x: values.x + one, ..values },
        SingleValues { root: values.root + one, ..values },
        SingleValues { nullifier: values.nullifier + one, ..values },
        SingleValues { external_nullifier: values.external_nullifier + one, ..values },
    ] {
        let values = ProofValues::Single(values);
        let ours = OUR_SINGLE.verifier.verify_values(&proof.proof, &values);
        assert_eq!(ours, Err(VerifyError::Invalid));
        let theirs = to_theirs(&RlnProof { proof: proof.proof, values });
        assert!(!THEIR_SINGLE.rln.verify(&theirs.proof, &theirs.values).unwrap());
    }
}

#[test]
fn values_of_the_other_circuit_are_refused_on_both_sides() {
    let mut rng = rng(8);
    let single = OUR_SINGLE.prove(&Case::single(&mut rng), &mut rng);
    let multi = OUR_MULTI.prove(&Case::multi(0b0101, &mut rng), &mut rng);
    let refused = Err(VerifyError::OtherCircuit);
    assert_eq!(OUR_MULTI.verifier.verify_values(&single.proof, &single.values), refused);
    assert_eq!(OUR_SINGLE.verifier.verify_values(&multi.proof, &multi.values), refused);
    let (single, multi) = (to_theirs(&single), to_theirs(&multi));
    assert!(THEIR_MULTI.rln.verify(&single.proof, &single.values).is_err());
    assert!(THEIR_SINGLE.rln.verify(&multi.proof, &multi.values).is_err());
}

#[test]
fn both_sides_look_at_the_root_before_the_message_and_at_both_before_the_proof() {
    let mut rng = rng(9);
    let case = Case::single(&mut rng);
    let proof = OUR_SINGLE.prove(&case, &mut rng);
    let other = crate::sides::signal(&mut rng);
    let foreign = logos_crypto::Fr::random(&mut rng);
    let root = case.member.root();
    let verify = |signal, root| OUR_SINGLE.verifier.verify(&proof, signal, &[root]);
    assert_eq!(verify(other, foreign), Err(VerifyError::UnknownRoot));
    assert_eq!(verify(other, root), Err(VerifyError::OtherSignal));
    let theirs = to_theirs(&proof);
    let verify = |signal: logos_rln::Signal, root| {
        let (x, root) = (their_fr(signal.to_field()), their_fr(root));
        THEIR_SINGLE.rln.verify_with_roots(&theirs.proof, &theirs.values, &x, &[root])
    };
    assert!(matches!(verify(other, foreign), Err(VerifyProofError::InvalidRoot)));
    assert!(matches!(verify(other, root), Err(VerifyProofError::InvalidSignal)));
}

#[test]
fn a_batch_of_proofs_of_both_sides_has_the_verdicts_of_its_proofs() {
    let mut rng = rng(10);
    let pool: Vec<RlnProof> = (0..8)
        .map(|number| {
            let case = Case::single(&mut rng);
            if number % 4 == 0 {
                to_ours(&THEIR_SINGLE.prove(&case))
            } else {
                OUR_SINGLE.prove(&case, &mut rng)
            }
        })
        .collect();
    for size in [1usize, 2, 3, 8, 32] {
        let mut batch: Vec<(Proof, &ProofValues)> =
            pool.iter().cycle().take(size).map(|proof| (proof.proof, &proof.values)).collect();
        let verdicts = OUR_SINGLE.verifier.verify_batch(&batch, &mut rng);
        assert!(verdicts.iter().all(Result::is_ok), "{size} valid proofs");
        for bad in [0, size / 2, size - 1] {
            let valid = batch[bad];
            // The proof of one statement with the values of another.
            batch[bad].1 = &pool[(bad + 1) % pool.len()].values;
            let verdicts = OUR_SINGLE.verifier.verify_batch(&batch, &mut rng);
            for (number, verdict) in verdicts.iter().enumerate() {
                let (proof, values) = batch[number];
                let theirs = to_theirs(&RlnProof { proof, values: values.clone() });
                let valid = THEIR_SINGLE.rln.verify(&theirs.proof, &theirs.values).unwrap();
                assert_eq!(verdict.is_ok(), valid, "proof {number} of {size}");
            }
            batch[bad] = valid;
        }
    }
}
