//! Proofs a second on two cores.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use logos_rln::{MemoryLedger, SlotFactory, burn};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::Bench;
use super::members::Member;
use crate::peers::zerokit;
use crate::runner::{Clock, Runner, Side};

/// Threads on both sides.
const THREADS: usize = 2;

/// Members times ids, offline and online phases all in, beside the peer's finish with a partial
/// proof made before, one proof a core.
pub(super) fn figure(runner: &mut Runner, bench: &Bench) -> Result<()> {
    if !runner.wants("throughput2") {
        return Ok(());
    }
    let (n_members, n_ids) = if runner.quick() { (2, 16) } else { (64, 16) };
    let members = (0..n_members).map(|seed| Member::new(100 + seed)).collect::<Result<Vec<_>>>()?;
    let witness = zerokit::witness(&bench.member.statement(0))?;
    let partial = bench.peer.generate_partial_proof(&zerokit::partial_witness(&witness))?;
    let proofs = n_members * u64::from(n_ids);
    let ours = Side::new(|| {
        share(members.len(), |member| prove_all(bench, &members[member], n_ids).expect("proves"));
    })
    .items(proofs);
    let theirs = Side::new(|| {
        share(THREADS, |_| drop(bench.peer.finish_proof(&partial, &witness).expect("proves")));
    })
    .items(THREADS as u64);
    runner.clock(Clock::Wall).compare_sides("throughput2", ours, theirs);
    runner.clock(Clock::Cpu);
    Ok(())
}

fn prove_all(bench: &Bench, member: &Member, n_ids: u32) -> Result<()> {
    let mut rng = ChaCha20Rng::seed_from_u64(14);
    let mut ledger = MemoryLedger::default();
    let factory = SlotFactory::new(&bench.prover, &member.membership)?;
    for id in 0..n_ids {
        let message = member.message(id)?;
        let epoch = message.external_nullifier;
        let slot = factory.make(&bench.prover, epoch, &message.ids, &mut rng)?;
        let burnt = burn(&mut ledger, epoch, &[member.membership.limit().id(id)?])?;
        slot.prove(&bench.prover, burnt, message.signal)?;
    }
    Ok(())
}

/// Calls `work` with every number below `count`, on two threads.
fn share(count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let item = next.fetch_add(1, Ordering::Relaxed);
                    if item >= count {
                        break;
                    }
                    work(item);
                }
            });
        }
    });
}
