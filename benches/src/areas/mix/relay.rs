//! The whole mixing machine: ours and Nym's packets through the same [`Relay`], and ours with the
//! proof that a deployment asks of each packet.

use std::time::Instant;

use anyhow::{Result, ensure};
use logos_crypto::tick::Tick;
use logos_mix::nym::NymSphinx;
use logos_mix::spam::{BadProof, Exhausted, SpamEpoch, SpamProtection, Unprotected};
use logos_mix::{
    AddressBlock, Hop, MeanDelay, MixSecret, PacketFormat, Relay, RelayConfig, Route, Sphinx,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::PAYLOAD_BYTES;
use crate::areas::rln;
use crate::peers::sphinx;
use crate::report::Unit;
use crate::runner::{Runner, Side};

/// Packets that come to the machine at once.
const BATCH: usize = 64;

type Nym = NymSphinx<PAYLOAD_BYTES>;

pub(super) fn figures(runner: &mut Runner) -> Result<()> {
    let ours = our_packets()?;
    let theirs = their_packets()?;
    relay_all(Sphinx::default(), Unprotected, &ours)?;
    relay_all(Nym::default(), Unprotected, &theirs)?;
    runner.compare_sides(
        "relay",
        Side::new(|| relay_all(Sphinx::default(), Unprotected, &ours)).items(BATCH as u64),
        Side::new(|| relay_all(Nym::default(), Unprotected, &theirs)).items(BATCH as u64),
    );
    rates(runner, &ours)
}

/// Packets a second on one core through the machine, without proofs and with one to verify each.
fn rates(runner: &mut Runner, ours: &[Vec<u8>]) -> Result<()> {
    let rounds = if runner.quick() { 1 } else { 50 };
    if runner.wants("hops_per_second_without_proof") {
        let rate = rate(rounds, || relay_all(Sphinx::default(), Unprotected, ours))?;
        runner.info("hops_per_second_without_proof", rate, Unit::PerSecond);
    }
    if runner.wants("hops_per_second_with_rln_proof") {
        let (proof, verify) = rln::verification_of_one()?;
        let proven: Vec<_> = ours.iter().map(|packet| [&packet[..], &proof[..]].concat()).collect();
        let bytes = proof.len();
        let rounds = rounds.min(4);
        let hook = || OneProof { bytes, verify: &verify };
        let rate = rate(rounds, || relay_all(Sphinx::default(), hook(), &proven))?;
        runner.info("hops_per_second_with_rln_proof", rate, Unit::PerSecond);
    }
    Ok(())
}

fn rate(rounds: u32, mut round: impl FnMut() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..rounds {
        round()?;
    }
    Ok(f64::from(rounds) * BATCH as f64 / start.elapsed().as_secs_f64())
}

/// A node that was just started takes all packets, which are on their way to another.
fn relay_all<F: PacketFormat, S: SpamProtection>(
    format: F,
    spam: S,
    wires: &[Vec<u8>],
) -> Result<()> {
    let mut rng = ChaCha20Rng::seed_from_u64(KEY_SEED);
    let mut relay = Relay::new(format, spam, RelayConfig::default(), Tick::ORIGIN, &mut rng);
    let wires: Vec<&[u8]> = wires.iter().map(Vec::as_slice).collect();
    let outcomes = relay.handle_batch(Tick::ORIGIN, &wires, &mut rng);
    ensure!(outcomes.iter().all(Result::is_ok), "every packet is taken");
    ensure!(relay.held() == wires.len(), "every packet is held for its delay");
    Ok(())
}

/// The node's key follows from this, so that packets can be made once.
const KEY_SEED: u64 = 17;

fn our_packets() -> Result<Vec<Vec<u8>>> {
    let first = Sphinx::generate(&mut ChaCha20Rng::seed_from_u64(KEY_SEED));
    let mut rng = ChaCha20Rng::seed_from_u64(18);
    let keys = [first.public_key(), MixSecret::random(&mut rng).public_key()];
    let hops = keys.map(|key| Hop {
        key,
        address: AddressBlock::from_bytes([1; 94]),
        delay: MeanDelay::MIN,
    });
    let route = Route::new(hops.to_vec())?;
    let sphinx = Sphinx::default();
    let mut packet = || sphinx.create(&route, &AddressBlock::NONE, &[1; 3968], &mut rng);
    Ok((0..BATCH).map(|_| packet().as_bytes().to_vec()).collect())
}

fn their_packets() -> Result<Vec<Vec<u8>>> {
    let first = Nym::generate(&mut ChaCha20Rng::seed_from_u64(KEY_SEED));
    let key = *first.public_key().as_bytes();
    let network = sphinx::Network::starting_at(key, PAYLOAD_BYTES);
    (0..BATCH).map(|_| Ok(network.create()?.to_bytes())).collect()
}

/// A stand-in for a deployment's protection that costs a hop what the real one does: every packet
/// comes with a proof, which is verified. It is always the same one, for proofs are dear to make.
struct OneProof<V> {
    bytes: usize,
    verify: V,
}

impl<V: Fn(&[u8]) -> bool> SpamProtection for OneProof<V> {
    type Token = ();

    fn proof_bytes(&self) -> usize {
        self.bytes
    }

    fn prove(&mut self, _: Tick, _: &[u8]) -> Result<(Vec<u8>, ()), Exhausted> {
        Err(Exhausted)
    }

    fn verify(&mut self, _: Tick, _: &[u8], proof: &[u8]) -> Result<(), BadProof> {
        if (self.verify)(proof) { Ok(()) } else { Err(BadProof) }
    }

    fn is_current(&self, _: Tick, _: &[u8]) -> bool {
        true
    }

    fn reclaim(&mut self, (): ()) {}

    fn epoch(&self, _: Tick) -> SpamEpoch {
        SpamEpoch(0)
    }

    fn next_epoch(&self, _: Tick) -> Option<Tick> {
        None
    }
}
