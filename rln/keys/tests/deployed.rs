//! The deployed keys prove, and their proofs verify. `LOGOS_BACKEND=portable` leaves the vector
//! unit out.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, reason = "a test")]

use logos_crypto::Fr;
use logos_crypto::backend::Backend;
use logos_rln::{
    Circuit, ExternalNullifier, Identity, Membership, MemoryLedger, MerklePath, Message,
    MessageIds, MessageLimit, Prover, ProvingKey, Signal, SlotError, SlotFactory, TableSize,
    Tables, Verifier, VerifyError, VerifyingKey, burn,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn backend() -> Backend {
    let portable = std::env::var("LOGOS_BACKEND").is_ok_and(|name| name == "portable");
    if portable { Backend::Portable } else { Backend::detect() }
}

fn prover(key: ProvingKey) -> Prover {
    Prover::with_backend(key, backend(), &mut |_| ())
}

fn verifier(key: VerifyingKey) -> Verifier {
    Verifier::with_backend(key, backend())
}

fn member(rng: &mut ChaCha20Rng) -> Membership {
    let siblings = (0..20).map(|_| Fr::random(rng)).collect();
    let path = MerklePath::new(siblings, 0b1011_0010_1101_0011_1010).unwrap();
    let identity = Identity::random(rng);
    Membership::new(identity.secret().duplicate(), MessageLimit::new(100).unwrap(), path)
}

#[test]
fn the_single_key_proves() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let prover = prover(logos_rln_keys::single());
    let verifier = verifier(logos_rln_keys::single_verifying_key());
    let member = member(&mut rng);
    let epoch = ExternalNullifier::new(b"epoch", b"app");
    let signal = Signal::from_message(b"hello");
    let id = member.limit().id(7).unwrap();
    let message = Message::new(epoch, signal, id);
    let proof = prover.prove(&member, &message, &mut rng).unwrap();
    assert_eq!(verifier.verify(&proof, signal, &[member.root()]), Ok(()));

    let partial = prover.partial(&member).unwrap();
    let finished = prover.finish(&partial, &message, &mut rng).unwrap();
    assert_eq!(finished.values, proof.values);
    assert_ne!(finished.proof, proof.proof);
    assert_eq!(verifier.verify(&finished, signal, &[member.root()]), Ok(()));

    let mut foreign = proof.values.clone();
    if let logos_rln::ProofValues::Single(values) = &mut foreign {
        values.y += Fr::ONE;
    }
    let batch =
        [(proof.proof, &proof.values), (finished.proof, &foreign), (finished.proof, &proof.values)];
    let verdicts = verifier.verify_batch(&batch, &mut rng);
    assert_eq!(verdicts, [Ok(()), Err(VerifyError::Invalid), Ok(())]);
}

#[test]
fn the_multi_key_proves() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let prover = prover(logos_rln_keys::multi());
    assert_eq!(prover.circuit(), Circuit::MULTI_20);
    let verifier = verifier(logos_rln_keys::multi_verifying_key());
    let member = member(&mut rng);
    let ids = [3, 99, 0].map(|id| member.limit().id(id).unwrap());
    let signal = Signal::from_message(b"hello");
    let message = Message::new(
        ExternalNullifier::new(b"epoch", b"app"),
        signal,
        MessageIds::burn(&ids, 4).unwrap(),
    );
    let proof = prover.prove(&member, &message, &mut rng).unwrap();
    assert_eq!(verifier.verify(&proof, signal, &[member.root()]), Ok(()));
}

fn slots_prove(prover: &Prover, verifier: &Verifier, ids: impl Fn(&Membership, u32) -> MessageIds) {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let member = member(&mut rng);
    let factory = SlotFactory::new(prover, &member).unwrap();
    let epoch = ExternalNullifier::new(b"epoch", b"app");
    let mut ledger = MemoryLedger::default();
    for number in 0..4u32 {
        let ids = ids(&member, number);
        let slot = factory.make(prover, epoch, &ids, &mut rng).unwrap();
        let named: Vec<_> = slot.ids().iter().map(|id| member.limit().id(*id).unwrap()).collect();
        let signal = Signal::from_message(format!("message {number}").as_bytes());
        let burnt = burn(&mut ledger, epoch, &named).unwrap();
        let proof = slot.prove(prover, burnt, signal).unwrap();
        assert_eq!(verifier.verify(&proof, signal, &[member.root()]), Ok(()));
        let message = Message::new(epoch, signal, ids);
        assert_eq!(prover.values(&member, &message).unwrap(), proof.values);
    }
}

#[test]
fn slots_of_the_single_key_prove_what_a_full_proof_proves() {
    let prover = prover(logos_rln_keys::single());
    let verifier = verifier(logos_rln_keys::single_verifying_key());
    slots_prove(&prover, &verifier, |member, id| member.limit().id(id).unwrap().into());
}

#[test]
fn slots_of_the_multi_key_prove_what_a_full_proof_proves() {
    let prover = prover(logos_rln_keys::multi());
    let verifier = verifier(logos_rln_keys::multi_verifying_key());
    slots_prove(&prover, &verifier, |member, number| {
        let ids = [4 * number, 4 * number + 2].map(|id| member.limit().id(id).unwrap());
        MessageIds::burn(&ids, 4).unwrap()
    });
}

#[test]
fn a_slot_wants_its_own_burnt_ids() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let prover = prover(logos_rln_keys::single());
    let member = member(&mut rng);
    let factory = SlotFactory::new(&prover, &member).unwrap();
    let epoch = ExternalNullifier::new(b"epoch", b"app");
    let [first, second] = [0, 1].map(|id| member.limit().id(id).unwrap());
    let slot = factory.make(&prover, epoch, &second.into(), &mut rng).unwrap();
    let burnt = burn(&mut MemoryLedger::default(), epoch, &[first]).unwrap();
    let refused = slot.prove(&prover, burnt, Signal::from_message(b"m"));
    assert_eq!(refused, Err(SlotError::OtherIds));
}

#[test]
fn a_refreshed_factory_proves_under_the_new_root() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let prover = prover(logos_rln_keys::single());
    let verifier = verifier(logos_rln_keys::single_verifying_key());
    let member = member(&mut rng);
    let mut siblings = member.path().siblings().to_vec();
    siblings[17] = Fr::random(&mut rng);
    let path = MerklePath::new(siblings, member.path().index()).unwrap();
    let moved = Membership::new(member.secret().duplicate(), member.limit(), path.clone());
    let factory = SlotFactory::new(&prover, &member).unwrap().refresh(&prover, path).unwrap();
    assert_eq!(factory.root(), moved.root());
    let epoch = ExternalNullifier::new(b"epoch", b"app");
    let signal = Signal::from_message(b"after somebody joined");
    let id = member.limit().id(1).unwrap();
    let slot = factory.make(&prover, epoch, &id.into(), &mut rng).unwrap();
    let burnt = burn(&mut MemoryLedger::default(), epoch, &[id]).unwrap();
    let proof = slot.prove(&prover, burnt, signal).unwrap();
    assert_eq!(verifier.verify(&proof, signal, &[moved.root()]), Ok(()));
    assert_eq!(verifier.verify(&proof, signal, &[member.root()]), Err(VerifyError::UnknownRoot));
    let message = Message::new(epoch, signal, id);
    let finished = prover.finish(factory.partial(), &message, &mut rng).unwrap();
    assert_eq!(verifier.verify(&finished, signal, &[moved.root()]), Ok(()));
}

#[test]
fn tables_keep_within_their_bounds() {
    let key = logos_rln_keys::single();
    let mebibytes =
        TableSize::ALL.map(|size| Tables::build(&key, backend(), size, &mut |_| ()).memory() >> 20);
    for (found, bound) in mebibytes.into_iter().zip([2, 64, 512]) {
        assert!(found < bound, "{mebibytes:?}");
    }
}
