//! Whole proofs, and messages into what was made before.

use anyhow::{Context, Result};
use logos_crypto::Fr;
use logos_rln::{MemoryLedger, Message, Prover, Slot, SlotFactory, TableSize, Tables, burn};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::{Row, backends, measure};
use crate::areas::rln::members::Member;
use crate::machine::backend;
use crate::peers::{taceo, zerokit};
use crate::report::{Chart, Scale};

/// A proof from nothing: the peers, then ours with ever more of what makes it fast.
pub fn whole(rounds: usize) -> Result<Chart> {
    let member = Member::new(1)?;
    let message = member.message(0)?;
    let witness = zerokit::witness(&member.statement(0))?;
    let peer = zerokit::Peer::single();
    let provers = provers();
    let (_, any) = provers.first().context("there is a backend")?;
    let wires = logos_rln::hazmat::assignment(any, &member.membership, &message)?;
    let wires: Vec<[u8; 32]> = wires.iter().map(Fr::to_bytes).collect();
    let wires = taceo::assignment(&wires)?;
    let other = taceo::Peer::single()?;
    let (r, s) = (wires[6], wires[4]);
    let mut rows = vec![
        Row::theirs(zerokit::NAME, || peer.generate_proof(&witness)),
        Row::theirs(taceo::NAME, || other.prove(&wires, r, s)),
    ];
    for (label, prover) in &provers {
        let mut rng = ChaCha20Rng::seed_from_u64(17);
        let (member, message) = (&member.membership, &message);
        rows.push(Row::ours(label, move || Ok(prover.prove(member, message, &mut rng)?)));
    }
    measure(("proof", "A proof from nothing, one thread"), Scale::Linear, rounds, rows)
}

/// A prover for each backend and size of tables.
fn provers() -> Vec<(String, Prover)> {
    let mut provers = Vec::new();
    for (backend, name) in backends() {
        for size in TableSize::ALL {
            let key = logos_rln_keys::single();
            let tables = Tables::build(&key, backend, size, &mut |_| ());
            let label = format!("here: {name}, tables {}", size.name());
            provers.push((label, Prover::with_tables(key, tables)));
        }
    }
    provers
}

/// What is left to do once something is known: the member, the epoch and id, or all but a join.
pub fn messages(rounds: usize) -> Result<Chart> {
    let member = Member::new(1)?;
    let message = member.message(0)?;
    let witness = zerokit::witness(&member.statement(0))?;
    let known = zerokit::partial_witness(&witness);
    let peer = zerokit::Peer::single();
    let theirs = peer.generate_partial_proof(&known)?;
    let prover = Prover::with_backend(logos_rln_keys::single(), backend(), &mut |_| ());
    let ours = prover.partial(&member.membership)?;
    let factory = SlotFactory::new(&prover, &member.membership)?;
    let moved = member.path_after_a_join()?;
    let mut rngs = [18, 19].map(ChaCha20Rng::seed_from_u64);
    let [finish_rng, slot_rng] = &mut rngs;
    let make = |rng: &mut ChaCha20Rng| -> Result<Slot> {
        Ok(factory.make(&prover, message.external_nullifier, &message.ids, rng)?)
    };
    let mut stock_rng = ChaCha20Rng::seed_from_u64(20);
    let mut stock = (0..=rounds).map(|_| make(&mut stock_rng)).collect::<Result<Vec<_>>>()?;
    let rows = vec![
        Row::theirs("partial proof, zerokit", || peer.generate_partial_proof(&known)),
        Row::ours("partial proof, here", || Ok(prover.partial(&member.membership)?)),
        Row::ours("partial proof after a join", || Ok(prover.refresh(&ours, moved.clone())?)),
        Row::theirs("finish, zerokit", || peer.finish_proof(&theirs, &witness)),
        Row::ours("finish, here", || Ok(prover.finish(&ours, &message, finish_rng)?)),
        Row::ours("slot: all but the message", || make(slot_rng)),
        Row::ours("message into a slot", || online(&prover, &member, &message, stock.pop())),
    ];
    let title = "With a part made before, one thread (log scale)";
    measure(("message", title), Scale::Logarithmic, rounds, rows)
}

fn online(
    prover: &Prover,
    member: &Member,
    message: &Message,
    slot: Option<Slot>,
) -> Result<logos_rln::RlnProof> {
    let slot = slot.context("a slot for every round")?;
    let id = member.membership.limit().id(0)?;
    let burnt = burn(&mut MemoryLedger::default(), message.external_nullifier, &[id])?;
    Ok(slot.prove(prover, burnt, message.signal)?)
}
