//! Keys made here prove, survive their formats, and are refused when damaged.

use std::vec::Vec;

use logos_crypto::backend::Backend;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::circuit::{CircuitKind, fill_fixed, fill_message};
use crate::epoch::{ExternalNullifier, Signal};
use crate::identity::IdentitySecret;
use crate::key::{PointChecks, Query};
use crate::limit::MessageLimit;
use crate::membership::{Membership, MerklePath};
use crate::message::{Message, MessageIds};
use crate::prover::Prover;
use crate::verifier::Verifier;

const DEPTH_10: (u8, u8, CircuitKind) = (10, 20, CircuitKind::Single);
const SMALL: (u8, u8, CircuitKind) = (1, 2, CircuitKind::Single);
const SMALL_MULTI: (u8, u8, CircuitKind) = (2, 8, CircuitKind::Multi { slots: 3 });

fn circuit((depth, bits, kind): (u8, u8, CircuitKind)) -> Circuit {
    Circuit::new(depth, bits, kind).unwrap()
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn member(circuit: &Circuit, limit: u32, rng: &mut ChaCha20Rng) -> Membership {
    let depth = usize::from(circuit.depth());
    let siblings: Vec<Fr> = (0..depth).map(|_| Fr::random(rng)).collect();
    let index = Fr::random(rng).to_bytes()[0];
    let path = MerklePath::new(siblings, u64::from(index) & ((1 << depth) - 1)).unwrap();
    Membership::new(IdentitySecret::random(rng), MessageLimit::new(limit).unwrap(), path)
}

fn message(circuit: &Circuit, limit: u32, ids: &[u32], rng: &mut ChaCha20Rng) -> Message {
    let limit = MessageLimit::new(limit).unwrap();
    let ids: Vec<_> = ids.iter().map(|id| limit.id(*id).unwrap()).collect();
    let ids = match circuit.kind() {
        CircuitKind::Single => MessageIds::Single(ids[0]),
        CircuitKind::Multi { slots } => MessageIds::burn(&ids, slots).unwrap(),
    };
    let signal = Signal::from_field(Fr::random(rng)).unwrap();
    Message::new(ExternalNullifier::from_field(Fr::random(rng)), signal, ids)
}

/// Proves and verifies, in one step and in two, and refuses the proof for another message: on
/// every backend.
fn proves(shape: (u8, u8, CircuitKind), limit: u32, ids: &[u32]) {
    let circuit = circuit(shape);
    let setup = development_setup(circuit, &mut rng(1));
    let key = setup.prepare(&mut |_| ()).unwrap().to_bytes();
    for backend in Backend::available() {
        let key = ProvingKey::from_bytes(&key).unwrap();
        assert_eq!(key.circuit(), circuit);
        let verifier = Verifier::with_backend(key.verifying_key().clone(), backend);
        let prover = Prover::with_backend(key, backend, &mut |_| ());
        let rng = &mut rng(2);
        let member = member(&circuit, limit, rng);
        let message = message(&circuit, limit, ids, rng);
        let roots = [member.root()];
        let proof = prover.prove(&member, &message, rng).unwrap();
        assert_eq!(verifier.verify(&proof, message.signal, &roots), Ok(()));
        let partial = prover.partial(&member).unwrap();
        let finished = prover.finish(&partial, &message, rng).unwrap();
        assert_eq!(verifier.verify(&finished, message.signal, &roots), Ok(()));
        assert!(verifier.verify(&proof, Signal::from_message(b"other"), &roots).is_err());
    }
}

#[test]
fn a_circuit_of_depth_10_with_20_bit_limits_proves() {
    proves(DEPTH_10, 1 << 20, &[1_000_000]);
}

#[test]
fn a_small_circuit_of_three_slots_proves() {
    proves(SMALL_MULTI, 200, &[199, 0]);
}

#[test]
fn a_key_survives_both_ceremony_formats() {
    for shape in [SMALL, SMALL_MULTI] {
        let key = development_setup(circuit(shape), &mut rng(2)).key;
        assert!(CeremonyKey::from_arkzkey(&key.to_arkzkey(), true) == Ok(key.clone()));
        assert!(CeremonyKey::from_zkey(&key.to_zkey(), true) == Ok(key));
    }
}

#[test]
fn both_ceremony_formats_prepare_to_one_key() {
    let key = development_setup(circuit(SMALL), &mut rng(3));
    let (arkzkey, zkey) = (key.to_arkzkey(), key.to_zkey());
    let prepared = key.prepare(&mut |_| ()).unwrap().to_bytes();
    let checks = PointChecks::All;
    let from_arkzkey = ProvingKey::from_arkzkey(&arkzkey, checks, &mut |_| ()).unwrap();
    let from_zkey = ProvingKey::from_zkey(&zkey, checks, &mut |_| ()).unwrap();
    assert!(from_arkzkey.to_bytes() == prepared && from_zkey.to_bytes() == prepared);
    assert!(ProvingKey::from_bytes(&prepared).unwrap().to_bytes() == prepared);
}

#[test]
fn a_key_cut_short_anywhere_is_refused() {
    let key = development_setup(circuit(SMALL), &mut rng(4));
    let (arkzkey, zkey) = (key.to_arkzkey(), key.to_zkey());
    let prepared = key.prepare(&mut |_| ()).unwrap();
    let (verifying, prepared) = (prepared.verifying_key().to_bytes(), prepared.to_bytes());
    let ends = |length: usize| (0..64).chain((64..length).step_by(length / 97));
    let checks = PointChecks::All;
    for end in ends(arkzkey.len()) {
        assert!(ProvingKey::from_arkzkey(&arkzkey[..end], checks, &mut |_| ()).is_err());
    }
    for end in ends(zkey.len()) {
        assert!(ProvingKey::from_zkey(&zkey[..end], checks, &mut |_| ()).is_err());
    }
    for end in ends(prepared.len()) {
        assert!(ProvingKey::from_bytes(&prepared[..end]).is_err());
    }
    for end in 0..verifying.len() {
        assert!(crate::VerifyingKey::from_bytes(&verifying[..end]).is_err());
    }
}

#[test]
fn a_key_with_bytes_behind_it_is_refused() {
    let key = development_setup(circuit(SMALL), &mut rng(5)).key;
    let trailing = logos_crypto::codec::DecodeError::Trailing { extra: 1 };
    let longer = |mut bytes: Vec<u8>| {
        bytes.push(0);
        bytes
    };
    let arkzkey = CeremonyKey::from_arkzkey(&longer(key.to_arkzkey()), false);
    assert_eq!(arkzkey.err(), Some(trailing.into()));
    let zkey = CeremonyKey::from_zkey(&longer(key.to_zkey()), false);
    assert_eq!(zkey.err(), Some(trailing.into()));
}

#[test]
fn a_key_with_a_point_off_its_curve_is_refused() {
    let key = development_setup(circuit(SMALL), &mut rng(6)).key;
    let off = G1Affine::new_unchecked(4u64.into(), 1u64.into());
    let off_g2 = G2Affine::new_unchecked(ark_bn254::Fq2::from(1u64), ark_bn254::Fq2::from(1u64));
    let refused = |query, key: &CeremonyKey| {
        let expected = Some(KeyError::OffCurve { query, index: 7 });
        assert_eq!(CeremonyKey::from_arkzkey(&key.to_arkzkey(), true).err(), expected);
        assert_eq!(CeremonyKey::from_zkey(&key.to_zkey(), true).err(), expected);
    };
    for query in [Query::A, Query::BInG1, Query::H, Query::L] {
        let mut bad = key.clone();
        let points = match query {
            Query::A => &mut bad.a,
            Query::BInG1 => &mut bad.b_in_g1,
            Query::H => &mut bad.h,
            _ => &mut bad.l,
        };
        points[7] = off;
        refused(query, &bad);
    }
    let mut bad = key.clone();
    bad.b[7] = off_g2;
    refused(Query::B, &bad);
}

#[test]
fn a_key_with_a_point_outside_its_group_is_refused() {
    let mut key = development_setup(circuit(SMALL), &mut rng(7)).key;
    let outsider = (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(x.into(), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap();
    key.b[9] = outsider;
    let expected = Some(KeyError::OutsideSubgroup { query: Query::B, index: 9 });
    assert_eq!(CeremonyKey::from_arkzkey(&key.to_arkzkey(), true).err(), expected);
    assert_eq!(CeremonyKey::from_zkey(&key.to_zkey(), true).err(), expected);
}

#[test]
fn a_key_of_other_constraints_is_refused() {
    let mut key = development_setup(circuit(SMALL), &mut rng(8)).key;
    let mut foreign = SparseMatrix::default();
    for (number, row) in key.a_matrix.rows().enumerate() {
        let row: Vec<(u32, Fr)> = row
            .iter()
            .map(|(wire, value)| (*wire, if number == 40 { *value + Fr::ONE } else { *value }))
            .collect();
        foreign.push(&row);
    }
    key.a_matrix = foreign;
    let prepared = key.prepare(&mut |_| ());
    assert_eq!(prepared.err(), Some(KeyError::ForeignConstraint { row: 40 }));
}

#[test]
fn the_trapdoor_is_the_callers_randomness_alone() {
    let make = |seed| development_setup(circuit(SMALL), &mut rng(seed)).key;
    assert!(make(9) == make(9));
    assert!(make(9) != make(10));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_assignment_satisfies_its_constraints(
        seed: u64,
        depth in 1u8..=12,
        bits in 2u8..=20,
        slots in 1u8..=5,
        limit in 1u32..,
        id: u32,
        used in 1usize..=5,
    ) {
        let kind = if slots == 1 {
            CircuitKind::Single
        } else {
            CircuitKind::Multi { slots }
        };
        let circuit = Circuit::new(depth, bits, kind).unwrap();
        let limit = limit % circuit.max_limit() + 1;
        let count = used.min(usize::from(slots)).min(limit as usize);
        let ids: Vec<u32> = (0u32..).take(count).map(|k| (id % limit + k) % limit).collect();
        let mut rng = rng(seed);
        let member = member(&circuit, limit, &mut rng);
        let message = message(&circuit, limit, &ids, &mut rng);
        let (layout, sponges) = (Layout::new(circuit), Sponges::new());
        let mut assignment = fill_fixed(&layout, &sponges, &member);
        fill_message(&layout, &sponges, &message.inputs(), &mut assignment);
        let system = constraints(&layout, &sponges);
        prop_assert_eq!(system.violated(assignment.as_slice()), None);
    }
}
