//! Partial proofs that cross from one side to the other.

use std::collections::HashSet;
use std::sync::Arc;

use logos_rln::wire::{AdoptError, ForeignPartial, PartialKey};
use logos_rln::{Circuit, KeyHash, MerklePath, PointChecks};
use rln::circuit::Zkey;
use rln::prelude::{
    CanonicalDeserialize, CanonicalSerialize, PartialProof, RLNPartialWitnessInput, RLNProof,
    default_zkey_multi, default_zkey_single,
};

use crate::sides::{
    Case, OUR_MULTI, OUR_SINGLE, Ours, THEIR_MULTI, THEIR_SINGLE, Theirs, rng, single_message,
    their_bytes, to_ours, to_theirs,
};

/// The published file of a key that zerokit ships.
fn arkzkey(zkey: &Arc<Zkey>) -> Vec<u8> {
    let (key, matrices) = &**zkey;
    let mut bytes = Vec::new();
    key.serialize_uncompressed(&mut bytes).unwrap();
    for count in [
        matrices.num_instance_variables,
        matrices.num_witness_variables,
        matrices.num_constraints,
        matrices.a_num_non_zero,
        matrices.b_num_non_zero,
        matrices.c_num_non_zero,
    ] {
        bytes.extend((count as u64).to_le_bytes());
    }
    for matrix in [&matrices.a, &matrices.b, &matrices.c] {
        matrix.serialize_uncompressed(&mut bytes).unwrap();
    }
    bytes
}

/// What `case` makes of a partial proof, there and back.
fn partial_proofs_cross(ours: &Ours, theirs: &Theirs, key: &PartialKey, case: &Case, size: usize) {
    let mut rng = rng(31);
    let known = RLNPartialWitnessInput::from(&case.their_witness());
    let there = theirs.rln.generate_partial_proof(&known).unwrap();
    let bytes = their_bytes(&there);
    assert_eq!(bytes.len(), size);

    // Theirs, finished here.
    let read = ForeignPartial::from_bytes(&bytes).unwrap();
    assert_eq!(read.to_bytes().expose(), bytes);
    let partial = ours.prover.adopt(&read, &case.member).unwrap();
    let proof = ours.prover.finish(&partial, &case.message, &mut rng).unwrap();
    assert!(ours.verifies(&proof, case));
    assert!(theirs.verifies(&to_theirs(&proof), case));

    // Ours, finished there.
    let written = key.partial(&case.member).unwrap().to_bytes();
    assert_eq!(written.expose(), bytes, "a partial proof has no randomness");
    let here = PartialProof::deserialize_compressed(written.expose()).unwrap();
    let (proof, values) = theirs.rln.finish_proof(&here, &case.their_witness()).unwrap();
    let proof = RLNProof::new(proof, values);
    assert!(theirs.verifies(&proof, case));
    assert!(ours.verifies(&to_ours(&proof), case));
}

fn key(zkey: &Arc<Zkey>, hash: KeyHash) -> PartialKey {
    let bytes = arkzkey(zkey);
    assert_eq!(KeyHash::of(&bytes), hash);
    PartialKey::from_arkzkey(&bytes, PointChecks::UnlessKnown(&[hash])).unwrap()
}

#[test]
fn a_partial_proof_of_one_message_id_is_finished_on_either_side() {
    let key = key(default_zkey_single(), KeyHash::SINGLE_20);
    assert_eq!(key.circuit(), Circuit::SINGLE_20);
    let case = Case::single(&mut rng(32));
    partial_proofs_cross(&OUR_SINGLE, &THEIR_SINGLE, &key, &case, 6011);
}

#[test]
fn a_partial_proof_of_several_message_ids_is_finished_on_either_side() {
    let key = key(default_zkey_multi(), KeyHash::MULTI_20);
    assert_eq!(key.circuit(), Circuit::MULTI_20);
    let case = Case::multi(0b0110, &mut rng(33));
    partial_proofs_cross(&OUR_MULTI, &THEIR_MULTI, &key, &case, 7568);
}

#[test]
fn a_partial_proof_of_a_stale_root_is_refused_here_and_proves_nothing_there() {
    let case = Case::single(&mut rng(34));
    let known = RLNPartialWitnessInput::from(&case.their_witness());
    let stale = THEIR_SINGLE.rln.generate_partial_proof(&known).unwrap();

    let mut siblings = case.member.path().siblings().to_vec();
    siblings[3] += logos_crypto::Fr::ONE;
    let path = MerklePath::new(siblings, case.member.path().index()).unwrap();
    let secret = case.member.secret().duplicate();
    let member = logos_rln::Membership::new(secret, case.member.limit(), path);
    let moved = Case { member, message: case.message };

    let read = ForeignPartial::from_bytes(&their_bytes(&stale)).unwrap();
    let adopted = OUR_SINGLE.prover.adopt(&read, &moved.member);
    assert_eq!(adopted.err(), Some(AdoptError::OtherMembership));

    let (proof, values) = THEIR_SINGLE.rln.finish_proof(&stale, &moved.their_witness()).unwrap();
    assert!(!THEIR_SINGLE.rln.verify(&proof, &values).unwrap());
    assert!(!OUR_SINGLE.verifies(&to_ours(&RLNProof::new(proof, values)), &moved));
}

#[test]
fn one_partial_proof_serves_a_hundred_messages_and_no_two_proofs_share_a_point() {
    let mut rng = rng(35);
    let Case { mut member, .. } = Case::single(&mut rng);
    let partial = OUR_SINGLE.prover.partial(&member).unwrap();
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let message = single_message(&member, &mut rng);
        let proof = OUR_SINGLE.prover.finish(&partial, &message, &mut rng).unwrap();
        let case = Case { member, message };
        assert!(THEIR_SINGLE.verifies(&to_theirs(&proof), &case));
        let bytes = proof.proof.to_bytes();
        let points = [&bytes[..32], &bytes[32..96], &bytes[96..]];
        assert!(points.into_iter().all(|point| seen.insert(point.to_vec())));
        member = case.member;
    }
}
