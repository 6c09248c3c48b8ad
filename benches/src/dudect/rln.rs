//! `rln`: the message phase, which a node does while others wait and watch.

use anyhow::{Context, Result};
use logos_crypto::Fr;
use logos_rln::{ExternalNullifier, MemoryLedger, MessageId, Prover, Signal, SlotFactory, burn};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::{Case, Class, Effort, Verdict};
use crate::areas::rln::members::Member;
use crate::machine::backend;

/// The cases.
pub(super) const CASES: &[Case] = &[Case {
    name: "rln.online",
    classes: "a message into a slot of one identity, or of one of eight others",
    run: online,
}];

/// The others.
const OTHERS: u64 = 8;

/// Slots take a hundred times as long to make as to use, so there are a tenth of the samples.
fn fewer(effort: &Effort) -> Effort {
    Effort { batch: (effort.batch / 10).max(effort.batch.min(20)), ..*effort }
}

fn online(effort: &Effort) -> Result<Verdict> {
    let prover = Prover::with_backend(logos_rln_keys::single(), backend(), &mut |_| ());
    let members = (0..=OTHERS).map(Member::new).collect::<Result<Vec<_>>>()?;
    let factories = members
        .iter()
        .map(|member| Ok(SlotFactory::new(&prover, &member.membership)?))
        .collect::<Result<Vec<_>>>()?;
    let (first, others) = factories.split_first().context("there is a first")?;
    let id = members.first().context("there is a first")?.membership.limit().id(0)?;
    let prepare = |class: Class, rng: &mut ChaCha20Rng| {
        let other = usize::try_from(rng.next_u32()).unwrap_or_default() % others.len();
        let factory = if class == Class::First { first } else { others.get(other)? };
        ready(&prover, factory, id, rng)
    };
    Ok(fewer(effort).measure(1, prepare, |ready| {
        let (slot, burnt, signal) = ready.take()?;
        slot.prove(&prover, burnt, signal).ok()
    }))
}

/// A slot of a random epoch, its id burnt, and a random message.
fn ready(
    prover: &Prover,
    factory: &SlotFactory,
    id: MessageId,
    rng: &mut ChaCha20Rng,
) -> Option<(logos_rln::Slot, logos_rln::BurntIds, Signal)> {
    let epoch = ExternalNullifier::from_field(Fr::random(rng));
    let slot = factory.make(prover, epoch, &id.into(), rng).ok()?;
    let burnt = burn(&mut MemoryLedger::default(), epoch, &[id]).ok()?;
    Some((slot, burnt, Signal::from_field(Fr::random(rng))?))
}
