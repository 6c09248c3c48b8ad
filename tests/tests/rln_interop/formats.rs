//! Every object has the same bytes on both sides.

use logos_crypto::Fr;
use logos_rln::wire::{ByteOrder, Frame, read_witness, write_witness};
use logos_rln::{
    ExtendedIdentity, Identity, Membership, MerklePath, MessageIds, Proof, ProofValues, RlnProof,
};
use rln::prelude::{
    CanonicalDeserialize, CanonicalDeserializeBE, CanonicalDeserializeMixed, CanonicalSerialize,
    CanonicalSerializeBE, CanonicalSerializeMixed, ExtendedIdentityKeys, IdentityKeys,
    RLNMerkleProof, RLNPartialWitnessInput, RLNProof, RLNProofValues, RLNWitnessInput, SecretFr,
};

use crate::sides::{
    Case, OUR_MULTI, OUR_SINGLE, TheirFr, masks, rng, their_bytes, their_fr, to_theirs,
};

const LITTLE: ByteOrder = ByteOrder::Little;
const BIG: ByteOrder = ByteOrder::Big;

/// zerokit's bytes of an object, most significant first.
fn their_big_bytes(object: &impl CanonicalSerializeBE) -> Vec<u8> {
    let mut bytes = Vec::new();
    object.serialize(&mut bytes).unwrap();
    bytes
}

/// What zerokit reads from `bytes`, and that it would write them back.
fn read_there<T: CanonicalSerialize + CanonicalDeserialize>(bytes: &[u8]) -> T {
    let object = T::deserialize_compressed(bytes).unwrap();
    assert_eq!(their_bytes(&object), bytes);
    object
}

/// The same, most significant byte first.
fn read_big_there<T: CanonicalSerializeBE + CanonicalDeserializeBE>(bytes: &[u8]) -> T {
    let object = T::deserialize(bytes).unwrap();
    assert_eq!(their_big_bytes(&object), bytes);
    object
}

/// Random statements: one of one message id, one for each choice of slots.
fn cases(seed: u64) -> impl Iterator<Item = Case> {
    let mut rng = rng(seed);
    let mut masks = masks();
    let mut single = true;
    core::iter::from_fn(move || {
        if core::mem::take(&mut single) {
            return Some(Case::single(&mut rng));
        }
        masks.next().map(|mask| Case::multi(mask, &mut rng))
    })
}

fn secret(case: &Case) -> SecretFr {
    SecretFr::from(&mut their_fr(*case.member.secret().expose_secret()))
}

fn path(case: &Case) -> RLNMerkleProof {
    let path = case.member.path();
    let siblings = path.siblings().iter().map(|sibling| their_fr(*sibling)).collect();
    RLNMerkleProof::new(siblings, path.index_bits())
}

fn limit(case: &Case) -> TheirFr {
    TheirFr::from(case.member.limit().get())
}

/// zerokit's witness, built by its own means.
fn witness(case: &Case) -> RLNWitnessInput {
    let x = their_fr(case.message.signal.to_field());
    let epoch = their_fr(case.message.external_nullifier.to_field());
    match &case.message.ids {
        MessageIds::Single(id) => RLNWitnessInput::new_single()
            .identity_secret(secret(case))
            .user_message_limit(limit(case))
            .merkle_proof(path(case))
            .x(x)
            .external_nullifier(epoch)
            .message_id(TheirFr::from(id.get()))
            .build()
            .unwrap(),
        MessageIds::Multi(slots) => RLNWitnessInput::new_multi()
            .identity_secret(secret(case))
            .user_message_limit(limit(case))
            .merkle_proof(path(case))
            .x(x)
            .external_nullifier(epoch)
            .message_ids(slots.iter().map(|(id, _)| TheirFr::from(id.get())).collect())
            .selector_used(slots.iter().map(|(_, used)| *used).collect())
            .build()
            .unwrap(),
        _ => panic!("there are two kinds of ids"),
    }
}

#[test]
fn witnesses_have_the_same_bytes() {
    for case in cases(21) {
        let theirs = witness(&case);
        let bytes = [(LITTLE, their_bytes(&theirs)), (BIG, their_big_bytes(&theirs))];
        for (order, bytes) in bytes {
            let length = if matches!(case.message.ids, MessageIds::Single(_)) { 837 } else { 953 };
            assert_eq!(bytes.len(), length);
            let ours = write_witness(&case.member, &case.message, order);
            assert_eq!(ours.expose(), bytes);
            let (member, message) = read_witness(&bytes, order).unwrap();
            assert_eq!(message, case.message);
            assert_eq!(member.path(), case.member.path());
            assert!(member.secret() == case.member.secret());
            assert_eq!(member.limit(), case.member.limit());
        }
        assert_eq!(read_there::<RLNWitnessInput>(&their_bytes(&theirs)), theirs);
        assert_eq!(read_big_there::<RLNWitnessInput>(&their_big_bytes(&theirs)), theirs);
    }
}

#[test]
fn memberships_are_their_partial_witnesses() {
    for case in cases(22) {
        let theirs = RLNPartialWitnessInput::new()
            .identity_secret(secret(&case))
            .user_message_limit(limit(&case))
            .merkle_proof(path(&case))
            .build()
            .unwrap();
        for (order, bytes) in [(LITTLE, their_bytes(&theirs)), (BIG, their_big_bytes(&theirs))] {
            assert_eq!(bytes.len(), 740);
            assert_eq!(case.member.to_bytes(order).expose(), bytes);
            let read = Membership::from_bytes(&bytes, order).unwrap();
            assert_eq!(read.path(), case.member.path());
            assert!(read.secret() == case.member.secret());
        }
    }
}

#[test]
fn paths_have_the_same_bytes() {
    for case in cases(23) {
        let theirs = path(&case);
        for (order, bytes) in [(LITTLE, their_bytes(&theirs)), (BIG, their_big_bytes(&theirs))] {
            assert_eq!(bytes.len(), 676);
            assert_eq!(case.member.path().to_bytes(order), bytes);
            assert_eq!(MerklePath::from_bytes(&bytes, order).as_ref(), Ok(case.member.path()));
        }
    }
}

#[test]
fn values_have_the_same_bytes() {
    for case in cases(24) {
        let theirs = case.their_values();
        let ours = crate::sides::our_values(&theirs);
        assert_eq!(ours.to_bytes(LITTLE), their_bytes(&theirs));
        assert_eq!(ours.to_bytes(BIG), their_big_bytes(&theirs));
        assert_eq!(ProofValues::from_bytes(&their_big_bytes(&theirs), BIG).as_ref(), Ok(&ours));
        assert_eq!(read_there::<RLNProofValues>(&ours.to_bytes(LITTLE)), theirs);
        assert_eq!(read_big_there::<RLNProofValues>(&ours.to_bytes(BIG)), theirs);
    }
}

#[test]
fn proofs_have_the_same_bytes_in_both_frames_of_zerokit_3() {
    let mut rng = rng(25);
    let single = OUR_SINGLE.prove(&Case::single(&mut rng), &mut rng);
    let multi = OUR_MULTI.prove(&Case::multi(0b1011, &mut rng), &mut rng);
    for (proof, length) in [(single, 289), (multi, 509)] {
        let bytes = proof.to_bytes();
        assert_eq!(bytes.len(), length);
        let theirs = read_there::<RLNProof>(&bytes);
        let mut mixed = Vec::new();
        CanonicalSerializeMixed::serialize(&theirs, &mut mixed).unwrap();
        assert_eq!(proof.to_frame(Frame::V3Mixed), Ok(mixed.clone()));
        let read = <RLNProof as CanonicalDeserializeMixed>::deserialize(mixed.as_slice()).unwrap();
        assert_eq!(read, theirs);
        assert_eq!(RlnProof::from_frame(&mixed, Frame::V3Mixed).as_ref(), Ok(&proof));

        let mut uncompressed = Vec::new();
        theirs.proof.serialize_uncompressed(&mut uncompressed).unwrap();
        assert_eq!(proof.proof.to_uncompressed(), uncompressed.as_slice());
        assert_eq!(Proof::from_uncompressed(&uncompressed), Ok(proof.proof));
    }
}

/// The frames of the older releases, put together from zerokit's own encodings of the parts in
/// the order that those releases document.
#[test]
fn the_older_frames_hold_the_same_parts_in_their_own_order() {
    let mut rng = rng(26);
    let proof = OUR_SINGLE.prove(&Case::single(&mut rng), &mut rng);
    let theirs = to_theirs(&proof);
    let values = &theirs.values;
    let (y, nullifier) = (values.y().unwrap(), values.nullifier().unwrap());
    let ordered: Vec<u8> = [values.root(), values.external_nullifier(), values.x(), y, nullifier]
        .iter()
        .flat_map(their_bytes)
        .collect();
    let oldest = [their_bytes(&theirs.proof), ordered.clone()].concat();
    let older = [vec![0], their_bytes(&theirs.proof), vec![0], ordered].concat();
    assert_eq!((oldest.len(), older.len()), (288, 290));
    for (frame, bytes) in [(Frame::V0_9, oldest), (Frame::V2, older)] {
        assert_eq!(proof.to_frame(frame).as_ref(), Ok(&bytes));
        assert_eq!(RlnProof::from_bytes(&bytes).as_ref(), Ok(&proof));
    }
}

#[test]
fn identities_have_the_same_bytes() {
    for number in 0..100u32 {
        let seed = number.to_le_bytes();
        let bytes = Identity::seeded(&seed).to_bytes(LITTLE);
        let theirs = read_there::<IdentityKeys>(bytes.expose());
        assert_eq!(Identity::seeded(&seed).to_bytes(BIG).expose(), their_big_bytes(&theirs));
        let bytes = ExtendedIdentity::seeded(&seed).to_bytes(LITTLE);
        let theirs = read_there::<ExtendedIdentityKeys>(bytes.expose());
        let big = ExtendedIdentity::seeded(&seed).to_bytes(BIG);
        assert_eq!(big.expose(), their_big_bytes(&theirs));
        let read = ExtendedIdentity::from_bytes(&their_big_bytes(&theirs), BIG);
        assert!(read == Ok(ExtendedIdentity::seeded(&seed)));
    }
}

#[test]
fn field_elements_have_the_same_bytes_in_both_orders() {
    let mut rng = rng(27);
    for _ in 0..100 {
        let element = Fr::random(&mut rng);
        assert_eq!(their_bytes(&their_fr(element)), element.to_bytes());
        assert_eq!(their_big_bytes(&their_fr(element)), element.to_bytes_be());
    }
}

#[test]
fn tags_that_neither_side_knows_are_refused_by_both() {
    let mut rng = rng(28);
    let case = Case::single(&mut rng);
    for tag in 2..=u8::MAX {
        let mut bytes = their_bytes(&case.their_values());
        bytes[0] = tag;
        assert!(ProofValues::from_bytes(&bytes, LITTLE).is_err());
        assert!(RLNProofValues::deserialize_compressed(bytes.as_slice()).is_err());
        let mut bytes = their_bytes(&case.their_witness());
        bytes[0] = tag;
        assert!(read_witness(&bytes, LITTLE).is_err());
        assert!(RLNWitnessInput::deserialize_compressed(bytes.as_slice()).is_err());
    }
}
