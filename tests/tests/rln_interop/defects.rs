//! What zerokit 3.0.0 takes and should not is refused here, by name.

use logos_crypto::Fr;
use logos_crypto::codec::DecodeError;
use logos_rln::wire::{ByteOrder, Frame, WireError, read_witness};
use logos_rln::{
    Circuit, LimitError, Membership, MembershipError, MerklePath, Message, MessageIds,
    MessageIdsError, MessageLimit, NullifierLog, PathError, ProofValues, ProveError, RlnProof,
    Signal, Verdict, VerifyError,
};
use rln::prelude::{
    CanonicalDeserialize, RLNMerkleProof, RLNProof, RLNProofValues, RLNWitnessInput, SecretFr,
};

use crate::proofs::rerandomised;
use crate::sides::{
    Case, OUR_SINGLE, THEIR_SINGLE, TheirFr, epoch, member, rng, signal, single_message,
    their_bytes, their_fr, to_ours, to_theirs,
};

const LITTLE: ByteOrder = ByteOrder::Little;

/// zerokit reserves what the count says and aborts; it is not asked here.
#[test]
fn a_137_byte_proof_that_crashes_zerokit_is_refused() {
    let mut rng = rng(71);
    let proof = OUR_SINGLE.prove(&Case::single(&mut rng), &mut rng).proof.to_bytes();
    for claimed in [17u64, 1 << 31, 1 << 58, 1 << 60, u64::MAX] {
        let refused = WireError::Decode(DecodeError::TooLong { length: claimed, bound: 16 });
        let little = [&proof[..], &[1], &claimed.to_le_bytes()].concat();
        assert_eq!(little.len(), 137);
        assert_eq!(RlnProof::from_bytes(&little).err(), Some(refused));
        let mixed = [&proof[..], &[1], &claimed.to_be_bytes()].concat();
        assert_eq!(RlnProof::from_frame(&mixed, Frame::V3Mixed).err(), Some(refused));
    }
}

#[test]
fn bytes_behind_an_object_that_zerokit_ignores_are_refused() {
    let mut rng = rng(72);
    let case = Case::single(&mut rng);
    let mut bytes = OUR_SINGLE.prove(&case, &mut rng).to_bytes();
    bytes.extend([1, 2, 3]);
    assert!(RLNProof::deserialize_compressed(bytes.as_slice()).is_ok());
    let refused = WireError::Decode(DecodeError::Trailing { extra: 3 });
    assert_eq!(RlnProof::from_bytes(&bytes).err(), Some(refused));

    let mut bytes = their_bytes(&case.their_values());
    bytes.extend([1, 2, 3]);
    assert!(RLNProofValues::deserialize_compressed(bytes.as_slice()).is_ok());
    assert_eq!(ProofValues::from_bytes(&bytes, LITTLE).err(), Some(refused));

    let mut bytes = their_bytes(&case.their_witness());
    bytes.extend([1, 2, 3]);
    assert!(RLNWitnessInput::deserialize_compressed(bytes.as_slice()).is_ok());
    assert_eq!(read_witness(&bytes, LITTLE).err(), Some(refused));
}

#[test]
fn an_index_bit_over_one_that_zerokit_takes_is_refused() {
    let bits: Vec<u8> = (0..20).map(|level| if level == 5 { 2 } else { 0 }).collect();
    let theirs = RLNMerkleProof::new(vec![TheirFr::from(9u64); 20], bits.clone());
    let refused = PathError::NotABit { level: 5, value: 2 };
    let read = MerklePath::from_bytes(&their_bytes(&theirs), LITTLE);
    assert_eq!(read.err(), Some(refused.into()));
    let made = MerklePath::from_index_bits(vec![Fr::from(9u64); 20], &bits);
    assert_eq!(made.err(), Some(refused));
}

#[test]
fn a_limit_for_which_zerokit_makes_proofs_that_fail_is_refused() {
    let mut rng = rng(73);
    let limit = MessageLimit::new(200_000).unwrap();
    let small = member(&mut rng);
    let member = Membership::new(small.secret().duplicate(), limit, small.path().clone());
    let message = Message::new(epoch(&mut rng), signal(&mut rng), limit.id(1).unwrap());
    let case = Case { member, message };

    let (proof, values) = THEIR_SINGLE.rln.generate_proof(&case.their_witness()).unwrap();
    assert!(!THEIR_SINGLE.rln.verify(&proof, &values).unwrap());

    let refused = LimitError::OverCircuit { limit: 200_000, max: 65_536 };
    let refused = ProveError::Membership(MembershipError::Limit(refused));
    let made = OUR_SINGLE.prover.prove(&case.member, &case.message, &mut rng);
    assert_eq!(made.err(), Some(refused));
    assert_eq!(OUR_SINGLE.prover.partial(&case.member).err(), Some(refused));
}

#[test]
fn an_x_of_zero_at_which_zerokit_shows_the_secret_is_refused() {
    let mut rng = rng(74);
    let member = member(&mut rng);
    let message = single_message(&member, &mut rng);
    let MessageIds::Single(id) = message.ids else { panic!("one message id") };
    let path = member.path();
    let siblings = path.siblings().iter().map(|sibling| their_fr(*sibling)).collect();
    let witness = RLNWitnessInput::new_single()
        .identity_secret(SecretFr::from(&mut their_fr(*member.secret().expose_secret())))
        .user_message_limit(TheirFr::from(member.limit().get()))
        .merkle_proof(RLNMerkleProof::new(siblings, path.index_bits()))
        .x(TheirFr::from(0u64))
        .external_nullifier(their_fr(message.external_nullifier.to_field()))
        .message_id(TheirFr::from(id.get()))
        .build()
        .unwrap();
    let (proof, values) = THEIR_SINGLE.rln.generate_proof(&witness).unwrap();
    assert!(THEIR_SINGLE.rln.verify(&proof, &values).unwrap(), "zerokit takes it");
    assert_eq!(values.y().unwrap(), their_fr(*member.secret().expose_secret()));

    assert_eq!(Signal::from_field(Fr::ZERO), None);
    assert_eq!(read_witness(&their_bytes(&witness), LITTLE).err(), Some(WireError::ZeroSignal));
    let ours = to_ours(&RLNProof::new(proof, values));
    let verdict = OUR_SINGLE.verifier.verify_values(&ours.proof, &ours.values);
    assert_eq!(verdict, Err(VerifyError::ZeroSignal));
    let batch = OUR_SINGLE.verifier.verify_batch(&[(ours.proof, &ours.values)], &mut rng);
    assert_eq!(batch, [Err(VerifyError::ZeroSignal)]);
}

#[test]
fn an_empty_list_of_roots_with_which_zerokit_skips_the_check_is_refused() {
    let mut rng = rng(75);
    let case = Case::single(&mut rng);
    let proof = OUR_SINGLE.prove(&case, &mut rng);
    let theirs = to_theirs(&proof);
    let x = their_fr(case.message.signal.to_field());
    let skipped = THEIR_SINGLE.rln.verify_with_roots(&theirs.proof, &theirs.values, &x, &[]);
    assert!(skipped.unwrap(), "zerokit takes it");
    let verdict = OUR_SINGLE.verifier.verify(&proof, case.message.signal, &[]);
    assert_eq!(verdict, Err(VerifyError::NoRoots));
}

#[test]
fn a_rerandomised_proof_is_a_duplicate_and_punishes_nobody() {
    let mut rng = rng(76);
    let case = Case::single(&mut rng);
    let proof = OUR_SINGLE.prove(&case, &mut rng);
    let other = to_ours(&rerandomised(&to_theirs(&proof)));
    assert_ne!(proof.to_bytes(), other.to_bytes());
    let mut log = NullifierLog::new(1, 10);
    log.open(proof.values.external_nullifier());
    assert_eq!(log.record(&proof.values), Ok(Verdict::Fresh));
    assert_eq!(log.record(&other.values), Ok(Verdict::Duplicate));
}

#[test]
fn a_path_of_another_depth_is_refused() {
    let mut rng = rng(77);
    let member = member(&mut rng);
    let path = MerklePath::new(member.path().siblings()[..19].to_vec(), 0).unwrap();
    let shallow = Membership::new(member.secret().duplicate(), member.limit(), path);
    let message = single_message(&shallow, &mut rng);
    let refused = MembershipError::DepthMismatch { path: 19, circuit: 20 };
    let made = OUR_SINGLE.prover.prove(&shallow, &message, &mut rng);
    assert_eq!(made.err(), Some(refused.into()));
}

#[test]
fn a_leaf_outside_the_tree_is_refused() {
    let made = MerklePath::new(vec![Fr::ZERO; 20], 1 << 20);
    let refused = PathError::IndexOutOfRange { index: 1 << 20, depth: 20 };
    assert_eq!(made.err(), Some(refused));
}

#[test]
fn a_message_id_at_or_over_the_limit_is_refused() {
    let mut rng = rng(78);
    let limit = MessageLimit::new(10).unwrap();
    for id in [10, 11, u32::MAX] {
        assert_eq!(limit.id(id), Err(LimitError::IdNotBelowLimit { id, limit: 10 }));
    }
    // An id taken from a larger limit does not pass either.
    let id = MessageLimit::new(20).unwrap().id(15).unwrap();
    let some = member(&mut rng);
    let member = Membership::new(some.secret().duplicate(), limit, some.path().clone());
    let message = Message::new(epoch(&mut rng), signal(&mut rng), id);
    let refused = MessageIdsError::Limit(LimitError::IdNotBelowLimit { id: 15, limit: 10 });
    let made = OUR_SINGLE.prover.prove(&member, &message, &mut rng);
    assert_eq!(made.err(), Some(refused.into()));
    assert_eq!(MessageLimit::new(0), Err(LimitError::Zero));
}

#[test]
fn ids_for_the_other_circuit_are_refused() {
    let mut rng = rng(79);
    let case = Case::multi(0b0011, &mut rng);
    let made = OUR_SINGLE.prover.prove(&case.member, &case.message, &mut rng);
    let refused = MessageIdsError::SlotMismatch { given: 4, slots: 1 };
    assert_eq!(made.err(), Some(refused.into()));
    assert_eq!(OUR_SINGLE.prover.circuit(), Circuit::SINGLE_20);
}

#[test]
fn a_foreign_root_is_refused() {
    let mut rng = rng(80);
    let case = Case::single(&mut rng);
    let proof = OUR_SINGLE.prove(&case, &mut rng);
    let roots: Vec<Fr> = (0..5).map(|_| Fr::random(&mut rng)).collect();
    let verdict = OUR_SINGLE.verifier.verify(&proof, case.message.signal, &roots);
    assert_eq!(verdict, Err(VerifyError::UnknownRoot));
    let other = epoch(&mut rng);
    let roots = [case.member.root()];
    let verdict = OUR_SINGLE.verifier.verify_in_epoch(&proof, case.message.signal, &roots, other);
    assert_eq!(verdict, Err(VerifyError::OtherExternalNullifier));
}
