//! Proofs of slots: made before the message was known, finished with it.

use logos_rln::{
    BurntIds, ExternalNullifier, MemoryLedger, MessageId, MessageIds, Signal, Slot, SlotFactory,
    burn,
};
use rand_chacha::ChaCha20Rng;

use crate::sides::{
    Case, OUR_MULTI, OUR_SINGLE, Ours, THEIR_MULTI, THEIR_SINGLE, Theirs, epoch, masks, member,
    multi_message, n_proofs, rng, signal, single_message, to_theirs,
};

/// Proofs of one member before the next one's turn.
const EACH: usize = 10;

fn burnt(epoch: ExternalNullifier, ids: &[MessageId]) -> BurntIds {
    burn(&mut MemoryLedger::default(), epoch, ids).unwrap()
}

/// Makes `count` proofs through slots, with members, epochs, ids and messages drawn at random, and
/// shows each to both verifiers.
fn online_proofs_verify_there(
    (ours, theirs): (&Ours, &Theirs),
    count: usize,
    rng: &mut ChaCha20Rng,
    mut case: impl FnMut(&mut ChaCha20Rng, Option<Case>) -> Case,
) {
    let mut last = None;
    let mut factory = None;
    for number in 0..count {
        if number % EACH == 0 {
            (last, factory) = (None, None);
        }
        let now = case(rng, last.take());
        let factory =
            factory.get_or_insert_with(|| SlotFactory::new(&ours.prover, &now.member).unwrap());
        let nullifier = now.message.external_nullifier;
        let slot: Slot = factory.make(&ours.prover, nullifier, &now.message.ids, rng).unwrap();
        let limit = now.member.limit();
        let ids: Vec<_> = slot.ids().iter().map(|id| limit.id(*id).unwrap()).collect();
        let proof = slot.prove(&ours.prover, burnt(nullifier, &ids), now.message.signal).unwrap();
        assert!(ours.verifies(&proof, &now), "proof {number} here");
        assert!(theirs.verifies(&to_theirs(&proof), &now), "proof {number} there");
        last = Some(now);
    }
}

#[test]
fn online_proofs_of_one_message_id_verify_there() {
    let mut rng = rng(20);
    let sides = (&*OUR_SINGLE, &*THEIR_SINGLE);
    online_proofs_verify_there(sides, n_proofs(200), &mut rng, |rng, last| {
        let member = last.map_or_else(|| member(rng), |case| case.member);
        let message = single_message(&member, rng);
        Case { member, message }
    });
}

#[test]
fn online_proofs_of_several_message_ids_verify_there_for_every_choice_of_slots() {
    let mut rng = rng(21);
    let mut masks = masks().cycle();
    let sides = (&*OUR_MULTI, &*THEIR_MULTI);
    online_proofs_verify_there(sides, n_proofs(60), &mut rng, |rng, last| {
        let member = last.map_or_else(|| member(rng), |case| case.member);
        let message = multi_message(&member, masks.next().unwrap(), rng);
        Case { member, message }
    });
}

#[test]
fn the_slots_of_a_refreshed_factory_verify_there_under_the_new_root() {
    let mut rng = rng(22);
    let old = Case::single(&mut rng);
    let factory = SlotFactory::new(&OUR_SINGLE.prover, &old.member).unwrap();
    let new = member(&mut rng);
    let path =
        logos_rln::MerklePath::new(new.path().siblings().to_vec(), old.member.path().index())
            .unwrap();
    let factory = factory.refresh(&OUR_SINGLE.prover, path).unwrap();
    let (epoch, signal): (ExternalNullifier, Signal) = (epoch(&mut rng), signal(&mut rng));
    let id = old.member.limit().id(1).unwrap();
    let slot = factory.make(&OUR_SINGLE.prover, epoch, &MessageIds::Single(id), &mut rng).unwrap();
    let proof = slot.prove(&OUR_SINGLE.prover, burnt(epoch, &[id]), signal).unwrap();
    let theirs = to_theirs(&proof);
    let (x, root) =
        (crate::sides::their_fr(signal.to_field()), crate::sides::their_fr(factory.root()));
    assert!(
        THEIR_SINGLE.rln.verify_with_roots(&theirs.proof, &theirs.values, &x, &[root]).unwrap()
    );
    assert_ne!(factory.root(), old.member.root());
}
