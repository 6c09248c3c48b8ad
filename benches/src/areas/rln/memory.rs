//! The most memory each side takes, each in a process of its own.

use logos_rln::{MemoryLedger, Prover, SlotFactory, TableSize, Tables, burn};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::members::Member;
use crate::machine::backend;
use crate::peers::zerokit;
use crate::runner::Lap;

/// Proofs that each side makes: the peak is that of the first, unless something leaks.
const PROOFS: u32 = 4;
/// Slots held at once, and finishes of one partial proof.
const SLOTS: u32 = 16;

/// Key, tables, proofs from nothing.
pub(super) fn full_ours(_: &mut Lap) {
    full(TableSize::Small);
}

/// The same without tables.
pub(super) fn full_none_ours(_: &mut Lap) {
    full(TableSize::None);
}

fn full(size: TableSize) {
    let (prover, member) = ours(size);
    let mut rng = ChaCha20Rng::seed_from_u64(15);
    for id in 0..PROOFS {
        let message = member.message(id).expect("a message");
        prover.prove(&member.membership, &message, &mut rng).expect("proves");
    }
}

pub(super) fn full_theirs(_: &mut Lap) {
    let (peer, member) = theirs();
    for id in 0..PROOFS {
        let witness = zerokit::witness(&member.statement(id)).expect("a witness");
        peer.generate_proof(&witness).expect("proves");
    }
}

/// Key, tables, a factory, its slots, and a message into each.
pub(super) fn slots_ours(_: &mut Lap) {
    let (prover, member) = ours(TableSize::Small);
    let mut rng = ChaCha20Rng::seed_from_u64(16);
    let factory = SlotFactory::new(&prover, &member.membership).expect("a factory");
    let slots: Vec<_> = (0..SLOTS)
        .map(|id| {
            let message = member.message(id).expect("a message");
            let epoch = message.external_nullifier;
            let slot = factory.make(&prover, epoch, &message.ids, &mut rng).expect("a slot");
            (slot, message, member.membership.limit().id(id).expect("an id"))
        })
        .collect();
    let mut ledger = MemoryLedger::default();
    for (slot, message, id) in slots {
        let burnt = burn(&mut ledger, message.external_nullifier, &[id]).expect("not burnt yet");
        slot.prove(&prover, burnt, message.signal).expect("proves");
    }
}

/// The peer's next best: a partial proof and as many finishes.
pub(super) fn slots_theirs(_: &mut Lap) {
    let (peer, member) = theirs();
    let witness = |id| zerokit::witness(&member.statement(id)).expect("a witness");
    let known = zerokit::partial_witness(&witness(0));
    let partial = peer.generate_partial_proof(&known).expect("a part");
    for id in 0..SLOTS {
        peer.finish_proof(&partial, &witness(id)).expect("proves");
    }
}

fn ours(size: TableSize) -> (Prover, Member) {
    let key = logos_rln_keys::single();
    let tables = Tables::build(&key, backend(), size, &mut |_| ());
    (Prover::with_tables(key, tables), Member::new(3).expect("a member"))
}

fn theirs() -> (zerokit::Peer, Member) {
    (zerokit::start(), Member::new(3).expect("a member"))
}
