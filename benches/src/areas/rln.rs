//! `rln`: proofs, slots, verification, trees and key loading beside zerokit and taceo.

pub(crate) mod members;
mod memory;
mod start;
mod tables;
mod throughput;

use anyhow::{Context, Result, ensure};
use logos_crypto::Fr;
use logos_crypto::merkle::{DenseTree, Depth, LeafIndex, MerkleTree, PoseidonHasher};
use logos_rln::{
    BurntIds, Membership, MemoryLedger, Message, Prover, RlnProof, Slot, SlotFactory, Verifier,
    burn,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use self::members::Member;
use crate::machine::backend;
use crate::peers::{taceo, zerokit};
use crate::runner::{Area, Child, Runner, Side};

/// The area.
pub(super) const AREA: Area = Area {
    name: "rln",
    about: "proofs, slots, verification, trees and keys beside zerokit and taceo",
    figures,
    children: CHILDREN,
};

const CHILDREN: &[Child] = &[
    ("key_load.ours", start::ours),
    ("key_load.theirs", start::theirs),
    ("memory_full.ours", memory::full_ours),
    ("memory_full.theirs", memory::full_theirs),
    ("memory_full_none.ours", memory::full_none_ours),
    ("memory_full_none.theirs", memory::full_theirs),
    ("memory_slots.ours", memory::slots_ours),
    ("memory_slots.theirs", memory::slots_theirs),
];

/// Both sides with one statement.
struct Bench {
    prover: Prover,
    verifier: Verifier,
    peer: zerokit::Peer,
    member: Member,
}

fn figures(runner: &mut Runner) -> Result<()> {
    runner.against(zerokit::NAME);
    if ["full", "finish", "online", "slot", "partial_update", "witness", "full_taceo"]
        .iter()
        .chain(&["verify", "batch_verify64", "throughput2"])
        .any(|name| runner.wants(name))
    {
        let bench = Bench::new()?;
        proofs(runner, &bench)?;
        slots(runner, &bench)?;
        verification(runner, &bench)?;
        against_taceo(runner, &bench)?;
        throughput::figure(runner, &bench)?;
    }
    trees(runner)?;
    tables::figures(runner)?;
    runner.against(zerokit::NAME).compare_alone("key_load")?;
    ["memory_full", "memory_full_none", "memory_slots"]
        .iter()
        .try_for_each(|name| runner.compare_memory(name))
}

impl Bench {
    fn new() -> Result<Self> {
        let prover = Prover::with_backend(logos_rln_keys::single(), backend(), &mut |_| ());
        let verifier = Verifier::with_backend(logos_rln_keys::single_verifying_key(), backend());
        Ok(Self { prover, verifier, peer: zerokit::Peer::single(), member: Member::new(1)? })
    }

    fn prove(&self, number: u32) -> Result<(RlnProof, Message)> {
        let mut rng = ChaCha20Rng::seed_from_u64(u64::from(number));
        let message = self.member.message(number)?;
        Ok((self.prover.prove(&self.member.membership, &message, &mut rng)?, message))
    }

    fn slot(&self, factory: &SlotFactory, number: u32) -> Result<(Slot, BurntIds, Message)> {
        let mut rng = ChaCha20Rng::seed_from_u64(u64::from(number));
        let message = self.member.message(number)?;
        let slot =
            factory.make(&self.prover, message.external_nullifier, &message.ids, &mut rng)?;
        let id = self.member.membership.limit().id(number)?;
        let burnt = burn(&mut MemoryLedger::default(), message.external_nullifier, &[id])?;
        Ok((slot, burnt, message))
    }
}

/// A cold proof, the partial one, the finish, and the refresh after somebody else joined.
fn proofs(runner: &mut Runner, bench: &Bench) -> Result<()> {
    let Bench { prover, peer, member, .. } = bench;
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let message = member.message(0)?;
    let witness = zerokit::witness(&member.statement(0))?;
    let known = zerokit::partial_witness(&witness);
    runner.compare(
        "full",
        || prover.prove(&member.membership, &message, &mut rng),
        || peer.generate_proof(&witness),
    );
    let (ours, theirs) =
        (prover.partial(&member.membership)?, peer.generate_partial_proof(&known)?);
    runner.compare(
        "finish",
        || prover.finish(&ours, &message, &mut rng),
        || peer.finish_proof(&theirs, &witness),
    );
    let moved = member.path_after_a_join()?;
    let calculator = zerokit::WitnessCalculator::new();
    runner.compare(
        "partial_update",
        || prover.refresh(&ours, moved.clone()),
        || peer.generate_partial_proof(&known),
    );
    runner.compare(
        "witness",
        || prover.values(&member.membership, &message),
        || calculator.compute(&witness),
    );
    Ok(())
}

/// The two phases, each beside the peer's finish.
fn slots(runner: &mut Runner, bench: &Bench) -> Result<()> {
    let Bench { prover, peer, member, .. } = bench;
    if !runner.wants("online") && !runner.wants("slot") {
        return Ok(());
    }
    let mut rng = ChaCha20Rng::seed_from_u64(10);
    let message = member.message(0)?;
    let witness = zerokit::witness(&member.statement(0))?;
    let known = zerokit::partial_witness(&witness);
    let theirs = peer.generate_partial_proof(&known)?;
    let factory = SlotFactory::new(prover, &member.membership)?;
    let (slot, burnt, message_of_slot) = bench.slot(&factory, 0)?;
    let proof = slot.prove(prover, burnt, message_of_slot.signal)?;
    ensure!(
        peer.verify(&zerokit::proof_from_bytes(&proof.to_bytes())?)?,
        "a slot's proof verifies"
    );
    runner.compare(
        "slot",
        || factory.make(prover, message.external_nullifier, &message.ids, &mut rng),
        || peer.finish_proof(&theirs, &witness),
    );
    let mut number = 0;
    let ours = Side::prepared(
        || {
            number = (number + 1) % member.membership.limit().get();
            bench.slot(&factory, number).ok()
        },
        |ready| ready.map(|(slot, burnt, message)| slot.prove(prover, burnt, message.signal)),
    );
    runner.compare_sides("online", ours, Side::new(|| peer.finish_proof(&theirs, &witness)));
    Ok(())
}

fn verification(runner: &mut Runner, bench: &Bench) -> Result<()> {
    let Bench { verifier, peer, member, .. } = bench;
    let (proof, message) = bench.prove(0)?;
    let roots = [member.membership.root()];
    let their_roots = [zerokit::element(&roots[0].to_bytes())?];
    let x = zerokit::element(&message.signal.to_field().to_bytes())?;
    let theirs = zerokit::proof_from_bytes(&proof.to_bytes())?;
    ensure!(verifier.verify(&proof, message.signal, &roots).is_ok(), "our proof verifies here");
    ensure!(peer.verify_with_roots(&theirs, &x, &their_roots)?, "our proof verifies there");
    runner.compare(
        "verify",
        || verifier.verify(&proof, message.signal, &roots),
        || peer.verify_with_roots(&theirs, &x, &their_roots),
    );
    if !runner.wants("batch_verify64") {
        return Ok(());
    }
    let proofs = (0..64).map(|id| Ok(bench.prove(id)?.0)).collect::<Result<Vec<_>>>()?;
    let batch: Vec<_> = proofs.iter().map(|proof| (proof.proof, &proof.values)).collect();
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    ensure!(verifier.verify_batch(&batch, &mut rng).iter().all(Result::is_ok), "all are valid");
    let ours = Side::new(|| verifier.verify_batch(&batch, &mut rng)).items(64);
    runner.compare_sides("batch_verify64", ours, Side::new(|| peer.verify(&theirs)));
    Ok(())
}

fn against_taceo(runner: &mut Runner, bench: &Bench) -> Result<()> {
    if !runner.wants("full_taceo") {
        return Ok(());
    }
    let Bench { prover, member, .. } = bench;
    let mut rng = ChaCha20Rng::seed_from_u64(12);
    let message = member.message(0)?;
    let peer = taceo::Peer::single()?;
    let wires = logos_rln::hazmat::assignment(prover, &member.membership, &message)?;
    let bytes: Vec<[u8; 32]> = wires.iter().map(Fr::to_bytes).collect();
    let assignment = taceo::assignment(&bytes)?;
    let (r, s) = (assignment[6], assignment[4]);
    // The peer starts from a finished assignment; ours computes it within the measured time.
    runner.against(taceo::NAME).compare(
        "full_taceo",
        || prover.prove(&member.membership, &message, &mut rng),
        || peer.prove(&assignment, r, s),
    );
    runner.against(zerokit::NAME);
    Ok(())
}

fn trees(runner: &mut Runner) -> Result<()> {
    if !runner.wants("tree20") && !runner.wants("proof_query") {
        return Ok(());
    }
    let leaves: Vec<Fr> =
        (1..=if runner.quick() { 1u64 << 12 } else { 1 << 20 }).map(Fr::from).collect();
    let theirs =
        leaves.iter().map(|leaf| zerokit::element(&leaf.to_bytes())).collect::<Result<Vec<_>>>()?;
    let hasher = PoseidonHasher::new(backend());
    let build = || -> Result<DenseTree<PoseidonHasher>> {
        let mut tree = DenseTree::new(hasher, Depth::RLN)?;
        tree.append(&leaves)?;
        Ok(tree)
    };
    let (our_tree, their_tree) = (build()?, zerokit::build_tree(&theirs)?);
    ensure!(our_tree.root().to_bytes() == zerokit::root(&their_tree)?, "both trees have one root");
    runner.compare("tree20", build, || zerokit::build_tree(&theirs));
    let index = leaves.len() / 3;
    runner.compare(
        "proof_query",
        || our_tree.proof(LeafIndex::new(index as u64)),
        || zerokit::proof_query(&their_tree, index),
    );
    Ok(())
}

/// A proof's bytes, and what a node does with such bytes when a packet brings them.
#[expect(clippy::type_complexity, reason = "two things of one use")]
pub(super) fn verification_of_one() -> Result<(Vec<u8>, impl Fn(&[u8]) -> bool)> {
    let bench = Bench::new()?;
    let (proof, message) = bench.prove(0)?;
    let roots = [bench.member.membership.root()];
    let verify = move |bytes: &[u8]| {
        let proof = RlnProof::from_bytes(bytes);
        proof.is_ok_and(|proof| bench.verifier.verify(&proof, message.signal, &roots).is_ok())
    };
    Ok((proof.to_bytes(), verify))
}

/// A membership's proof as bytes, checked by the peer: for whoever compares whole runs.
pub(super) fn checked_by_the_peer(
    peer: &zerokit::Peer,
    prover: &Prover,
    membership: &Membership,
    message: &Message,
) -> Result<()> {
    let mut rng = ChaCha20Rng::seed_from_u64(13);
    let proof = prover.prove(membership, message, &mut rng)?;
    let theirs =
        zerokit::proof_from_bytes(&proof.to_bytes()).context("the peer reads our proof")?;
    ensure!(peer.verify(&theirs)?, "the peer accepts our proof");
    Ok(())
}
