//! Keys that zerokit reads too.

use std::sync::Arc;

use logos_rln::{
    Circuit, CircuitKind, ExternalNullifier, Identity, KeyError, Membership, MerklePath, Message,
    MessageIds, MessageLimit, Prover, Signal, Verifier, VerifyingKey, development_setup,
};
use rln::prelude::{RLNBuilder, default_graph_single, zkey_from_raw};

use crate::sides::{Theirs, rng, to_theirs};
use logos_crypto::Fr;

/// A key made here for another circuit; zerokit verifies with it what was proved here.
fn a_development_key_verifies_there(circuit: Circuit, limit: u32, ids: &[u32]) {
    let mut rng = rng(41);
    let key = development_setup(circuit, &mut rng);
    let zkey = Arc::new(zkey_from_raw(&key.to_arkzkey()).unwrap());
    // The graph is for proving there, which is not asked for.
    let rln = RLNBuilder::stateless().graph(default_graph_single().clone()).zkey(zkey).build();
    let theirs = Theirs { rln };

    let prover = Prover::new(key.prepare(&mut |_| ()).unwrap());
    let verifier = Verifier::new(prover.key().verifying_key().clone());
    let limit = MessageLimit::new(limit).unwrap();
    let siblings = (0..circuit.depth()).map(|_| Fr::random(&mut rng)).collect();
    let secret = Identity::random(&mut rng).secret().duplicate();
    let member = Membership::new(secret, limit, MerklePath::new(siblings, 2).unwrap());
    let ids: Vec<_> = ids.iter().map(|id| limit.id(*id).unwrap()).collect();
    let ids = match circuit.kind() {
        CircuitKind::Multi { slots } => MessageIds::burn(&ids, slots).unwrap(),
        _ => MessageIds::Single(ids[0]),
    };
    let signal = Signal::from_message(b"hello");
    let message = Message::new(ExternalNullifier::new(b"epoch", b"app"), signal, ids);
    let proof = prover.prove(&member, &message, &mut rng).unwrap();
    assert_eq!(verifier.verify(&proof, signal, &[member.root()]), Ok(()));
    let proof = to_theirs(&proof);
    assert!(theirs.rln.verify(&proof.proof, &proof.values).unwrap());
}

#[test]
fn a_key_for_depth_10_and_20_bit_limits_verifies_there() {
    let circuit = Circuit::new(10, 20, CircuitKind::Single).unwrap();
    a_development_key_verifies_there(circuit, 1_000_000, &[999_999]);
}

#[test]
fn a_key_for_two_slots_verifies_there() {
    let circuit = Circuit::new(3, 8, CircuitKind::Multi { slots: 2 }).unwrap();
    a_development_key_verifies_there(circuit, 200, &[7, 199]);
}

#[test]
fn a_verifying_key_cut_short_anywhere_is_refused() {
    let bytes = logos_rln_keys::single_verifying_key().to_bytes();
    for end in 0..bytes.len() {
        assert!(matches!(
            VerifyingKey::from_bytes(&bytes[..end]),
            Err(KeyError::Decode(_) | KeyError::Format)
        ));
    }
}
