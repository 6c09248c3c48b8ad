//! The protocol at work: a group sends a text piece by piece, some members break the rule, and
//! every claim made about it is checked.
//!
//! [`run`] is one function from a [`Plan`], a text and randomness to a [`Report`]; nothing in it
//! touches files or the terminal.

mod group;
mod receiver;
mod report;
mod spam;
mod text;
mod traffic;
mod workers;

use logos_rln::{Circuit, LimitError, MessageLimit, ProveError, Prover, Verifier};
use rand_core::CryptoRng;
use thiserror::Error;

pub use report::{Claim, Report, Timing};

use group::Group;
use receiver::Receiver;
use traffic::Schedule;

/// The text that is sent if no other is given: the licence of this program.
pub const TEXT: &str = include_str!("../../LICENSE-APACHE");

/// How many members break the rule.
pub const SPAMMERS: usize = 3;

/// Members of the largest group: their partial proofs stand in memory, a third of a megabyte each.
const MAX_MEMBERS: usize = 10_000;
/// Most messages.
const MAX_MESSAGES: usize = 1_000_000;

/// Who sends how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Members of the group.
    pub members: usize,
    /// Messages they send together, at least one each.
    pub messages: usize,
    /// Messages a member may send in an epoch.
    pub limit: u32,
    /// Threads that make proofs.
    pub threads: usize,
}

impl Default for Plan {
    /// A hundred members, a thousand messages, four a member and epoch, so three epochs.
    fn default() -> Self {
        Self { members: 100, messages: 1000, limit: 4, threads: available_threads() }
    }
}

/// Threads this machine runs at once.
#[must_use]
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// Why the plan cannot be carried out.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DemoError {
    /// Three break the rule, so at least one more must keep it.
    #[error("{members} members are not in {}..={MAX_MEMBERS}", SPAMMERS + 1)]
    Members {
        /// Members asked for.
        members: usize,
    },
    /// Every member sends at least once.
    #[error(
        "{messages} messages for {members} members: send at least one each, at most {MAX_MESSAGES}"
    )]
    Messages {
        /// Messages asked for.
        messages: usize,
        /// Members asked for.
        members: usize,
    },
    /// The text has too few characters to be sent in so many pieces.
    #[error("the text has {characters} characters, too few for {messages} messages")]
    Text {
        /// Characters of the text.
        characters: usize,
        /// Messages asked for.
        messages: usize,
    },
    /// No thread is to make proofs.
    #[error("no thread to work with")]
    Threads,
    /// The limit is zero or over what the circuit proves.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A proof could not be made.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The key is of another circuit than the demonstration uses.
    #[error("the demonstration takes a key of the single-message-id circuit")]
    Circuit,
}

/// What is being done, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The stage of the demonstration.
    pub stage: &'static str,
    /// Steps of it that are done.
    pub done: usize,
    /// Steps it has.
    pub of: usize,
}

/// Told of every step, from any thread.
pub type Progress<'a> = &'a (dyn Fn(Step) + Sync);

/// Carries the plan out and checks every claim.
///
/// # Errors
///
/// [`DemoError`] if the plan is impossible. A claim that does not hold is no error: see
/// [`Report::all_hold`].
pub fn run(
    plan: &Plan,
    text: &str,
    prover: &Prover,
    rng: &mut impl CryptoRng,
    progress: Progress<'_>,
) -> Result<Report, DemoError> {
    let limit = plan.check(&prover.circuit())?;
    let pieces = text::split(text, plan.messages)?;
    let mut report = Report::default();
    let mut group = Group::form(plan.members, limit, prover.circuit(), rng, &mut report);
    let schedule = Schedule { plan: *plan, pieces };

    let partials = traffic::partial_proofs(&group, prover, plan.threads, &mut report, progress)?;
    let sent = traffic::send(&schedule, prover, &partials, rng, &mut report, progress)?;
    let mut receiver = Receiver::new(Verifier::with_backend(
        prover.key().verifying_key().clone(),
        prover.backend(),
    ));
    receiver.follow(&group, &schedule);
    receiver.check_each(&sent, text, &mut report, progress);
    receiver.check_batches(&sent, rng, &mut report, progress);
    receiver.check_duplicates(&sent, &mut report);
    receiver.check_alterations(&sent, &mut report);

    spam::strike(&schedule, &mut group, prover, &mut receiver, &mut report, (rng, progress))?;
    Ok(report)
}

impl Plan {
    fn check(&self, circuit: &Circuit) -> Result<MessageLimit, DemoError> {
        let Self { members, messages, limit, threads } = *self;
        if !(SPAMMERS + 1..=MAX_MEMBERS).contains(&members) {
            return Err(DemoError::Members { members });
        }
        if !(members..=MAX_MESSAGES).contains(&messages) {
            return Err(DemoError::Messages { messages, members });
        }
        if threads == 0 {
            return Err(DemoError::Threads);
        }
        if circuit.kind() != logos_rln::CircuitKind::Single {
            return Err(DemoError::Circuit);
        }
        let limit = MessageLimit::new(limit)?;
        circuit.check_limit(limit)?;
        Ok(limit)
    }
}

#[cfg(test)]
mod tests;
