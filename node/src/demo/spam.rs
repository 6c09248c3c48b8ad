//! Three members who send twice under one message id.

use std::time::Duration;

use logos_rln::{
    DoubleSignal, ExternalNullifier, IdentitySecret, Membership, Message, Prover, Signal, Verdict,
    VerifyError,
};
use rand_core::CryptoRng;

use super::group::Group;
use super::receiver::Receiver;
use super::report::Report;
use super::traffic::{Envelope, Schedule, id};
use super::{DemoError, Progress, SPAMMERS, Step};
use crate::proof_file::encode_proof;
use crate::timing::Samples;

/// A spammer who was caught.
struct Caught {
    member: usize,
    secret: IdentitySecret,
}

/// The spammers strike, are caught and removed, and try again; an honest member goes on.
pub(super) fn strike<R: CryptoRng>(
    schedule: &Schedule<'_>,
    group: &mut Group,
    prover: &Prover,
    receiver: &mut Receiver,
    report: &mut Report,
    (rng, progress): (&mut R, Progress<'_>),
) -> Result<(), DemoError> {
    let spammers = spammers(group.len());
    let mut times = Vec::new();
    let mut caught = Vec::new();
    for (done, member) in (1..).zip(spammers) {
        let Some(turn) = schedule.turn(member) else { continue };
        let text = format!("{} - and again, under the same id", turn.text);
        let Some(membership) = group.membership(member) else { continue };
        let spam = prove(&membership, (turn.epoch, turn.id, text), prover, rng, &mut times)?;
        if let Ok(Verdict::DoubleSignal(DoubleSignal { secret: Some(secret), .. })) =
            receiver.receive(&spam)
        {
            caught.push(Caught { member, secret });
        }
        progress(Step { stage: "catching spammers", done, of: SPAMMERS });
    }
    let full = times.into_iter().collect();
    report.timing("full proof, without the prepared half", &full);
    report.claim(
        caught.len() == SPAMMERS,
        format!("{} of {SPAMMERS} members who sent twice under one id were caught", caught.len()),
    );
    let own = caught.iter().filter(|caught| {
        group.identity(caught.member).is_some_and(|identity| *identity.secret() == caught.secret)
    });
    report.claim(
        own.count() == SPAMMERS,
        "their identity secrets were recovered from what they sent",
    );
    let old: Vec<_> = spammers.into_iter().filter_map(|member| group.membership(member)).collect();
    remove(&caught, group, receiver, report);
    let next = (schedule, prover);
    check_removed(next, &old, receiver, report, rng)?;
    check_honest(next, group, receiver, report, rng)
}

/// The first member, one in the middle and the last.
const fn spammers(members: usize) -> [usize; SPAMMERS] {
    [0, members / 2, members - 1]
}

fn prove(
    membership: &Membership,
    (epoch, number, text): (ExternalNullifier, u32, String),
    prover: &Prover,
    rng: &mut impl CryptoRng,
    times: &mut Vec<Duration>,
) -> Result<Envelope, DemoError> {
    let id = id(membership.limit(), number)?;
    let message = Message::new(epoch, Signal::from_message(text.as_bytes()), id);
    let (proof, time) = Samples::time(|| prover.prove(membership, &message, rng));
    times.push(time);
    Ok(Envelope { epoch, text, proof: encode_proof(&proof?) })
}

/// Finds each secret's leaf in the tree, and empties it.
fn remove(caught: &[Caught], group: &mut Group, receiver: &mut Receiver, report: &mut Report) {
    let leaves: Vec<Option<u64>> =
        caught.iter().map(|caught| group.position(&caught.secret)).collect();
    let theirs =
        caught.iter().zip(&leaves).all(|(caught, leaf)| *leaf == Some(caught.member as u64));
    report.claim(
        theirs && leaves.len() == SPAMMERS,
        "each secret's rate commitment is the leaf of the member who spammed",
    );
    let removed = leaves.iter().flatten().filter(|leaf| group.remove(**leaf)).count();
    let gone = caught.iter().all(|caught| group.position(&caught.secret).is_none());
    receiver.accept_root(group);
    report.claim(
        removed == SPAMMERS && gone,
        format!("{removed} leaves were emptied, and the group has a new root"),
    );
}

/// With the path from before their proofs are under an old root; with today's they are under none.
fn check_removed(
    (schedule, prover): (&Schedule<'_>, &Prover),
    old: &[Membership],
    receiver: &mut Receiver,
    report: &mut Report,
    rng: &mut impl CryptoRng,
) -> Result<(), DemoError> {
    let mut refused = 0;
    for membership in old {
        let next = (Schedule::epoch(schedule.epochs()), 0, "let me in".to_owned());
        let envelope = prove(membership, next, prover, rng, &mut Vec::new())?;
        let verdict = receiver.receive(&envelope);
        refused += usize::from(verdict == Err(VerifyError::UnknownRoot.into()));
    }
    report.claim(
        refused == SPAMMERS,
        format!("the next proofs of {refused} removed members were refused"),
    );
    Ok(())
}

fn check_honest(
    (schedule, prover): (&Schedule<'_>, &Prover),
    group: &Group,
    receiver: &mut Receiver,
    report: &mut Report,
    rng: &mut impl CryptoRng,
) -> Result<(), DemoError> {
    let Some(membership) = group.membership(1) else { return Ok(()) };
    let next = (Schedule::epoch(schedule.epochs()), 0, "as I was saying".to_owned());
    let envelope = prove(&membership, next, prover, rng, &mut Vec::new())?;
    report.claim(
        receiver.receive(&envelope) == Ok(Verdict::Fresh),
        "a member who kept the rule goes on under the new root",
    );
    Ok(())
}
