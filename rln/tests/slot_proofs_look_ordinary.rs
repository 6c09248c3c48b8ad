//! Proofs from slots and ordinary proofs cannot be told apart by their coordinates.
//!
//! Two samples of proofs of one statement, made the two ways, are cut into cells: for each
//! coordinate of a proof's points its low nibble, its high bits and its sign. Pearson's statistic
//! for two samples then says whether one distribution could have given both. The same test is
//! shown to notice a sample that is off by little.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test panics to say what is wrong"
)]

use logos_crypto::Fr;
use logos_rln::{
    Circuit, CircuitKind, ExternalNullifier, IdentitySecret, Membership, MemoryLedger, MerklePath,
    Message, MessageIds, MessageLimit, Proof, Prover, Signal, SlotFactory, burn, development_setup,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Proofs in each sample.
const SAMPLE: usize = 1024;
/// Cells of one coordinate's nibble.
const CELLS: usize = 16;
/// With 15 degrees of freedom, one sample pair in a million goes over this.
const LIMIT: f64 = 54.1;

struct Statement {
    prover: Prover,
    member: Membership,
    epoch: ExternalNullifier,
    signal: Signal,
}

impl Statement {
    fn new(rng: &mut ChaCha20Rng) -> Self {
        let circuit = Circuit::new(1, 4, CircuitKind::Single).unwrap();
        let key = development_setup(circuit, rng).prepare(&mut |_| ()).unwrap();
        let path = MerklePath::new(vec![Fr::ONE], 0).unwrap();
        let limit = MessageLimit::new(3).unwrap();
        Self {
            prover: Prover::new(key),
            member: Membership::new(IdentitySecret::random(rng), limit, path),
            epoch: ExternalNullifier::new(b"1", b"look"),
            signal: Signal::from_message(b"the same statement"),
        }
    }

    fn ids(&self) -> MessageIds {
        self.member.limit().id(2).unwrap().into()
    }

    fn ordinary(&self, rng: &mut ChaCha20Rng) -> Vec<Proof> {
        let partial = self.prover.partial(&self.member).unwrap();
        let message = Message::new(self.epoch, self.signal, self.ids());
        (0..SAMPLE).map(|_| self.prover.finish(&partial, &message, rng).unwrap().proof).collect()
    }

    fn through_slots(&self, rng: &mut ChaCha20Rng) -> Vec<Proof> {
        let factory = SlotFactory::new(&self.prover, &self.member).unwrap();
        let id = self.member.limit().id(2).unwrap();
        let proof = |_| {
            let slot = factory.make(&self.prover, self.epoch, &self.ids(), rng).unwrap();
            let burnt = burn(&mut MemoryLedger::default(), self.epoch, &[id]).unwrap();
            slot.prove(&self.prover, burnt, self.signal).unwrap().proof
        };
        (0..SAMPLE).map(proof).collect()
    }
}

/// The two-sample statistic of Pearson for samples of one size.
fn chi_square(one: &[u8], other: &[u8]) -> f64 {
    let histogram = |sample: &[u8]| {
        let mut counts = [0.0; CELLS];
        sample.iter().for_each(|cell| counts[usize::from(*cell) % CELLS] += 1.0);
        counts
    };
    let pairs = histogram(one).into_iter().zip(histogram(other));
    let occupied = pairs.filter(|(a, b)| a + b > 0.0);
    occupied.map(|(a, b)| (a - b) * (a - b) / (a + b)).sum()
}

/// What is looked at: a nibble of every byte of the 128 that a proof takes on the wire.
fn nibbles(proofs: &[Proof], byte: usize, high: bool) -> Vec<u8> {
    let shift = if high { 4 } else { 0 };
    proofs.iter().map(|proof| proof.to_bytes()[byte] >> shift & 15).collect()
}

/// The largest statistic over all places.
fn distance(one: &[Proof], other: &[Proof]) -> f64 {
    let places = (0..128).flat_map(|byte| [(byte, false), (byte, true)]);
    let statistics = places
        .map(|(byte, high)| chi_square(&nibbles(one, byte, high), &nibbles(other, byte, high)));
    statistics.fold(0.0, f64::max)
}

#[test]
fn slot_proofs_and_ordinary_proofs_have_one_distribution() {
    let mut rng = ChaCha20Rng::from_seed([42; 32]);
    let statement = Statement::new(&mut rng);
    let (ordinary, slots) = (statement.ordinary(&mut rng), statement.through_slots(&mut rng));
    let found = distance(&ordinary, &slots);
    assert!(found < LIMIT, "they differ by {found}");
}

#[test]
fn the_same_test_notices_a_point_that_is_not_blinded_in_one_proof_of_four() {
    let mut rng = ChaCha20Rng::from_seed([43; 32]);
    let statement = Statement::new(&mut rng);
    let ordinary = statement.ordinary(&mut rng);
    let mut other = statement.ordinary(&mut rng);
    let fixed = other[0];
    other.iter_mut().step_by(4).for_each(|proof| *proof = fixed);
    let found = distance(&ordinary, &other);
    assert!(found > LIMIT, "they differ by no more than {found}");
}
