//! The machine that reads a chain.
//!
//! It asks for one thing at a time ([`Request`]) and says what to commit ([`Commit`]). A round is:
//!
//! ```text
//! head -> hash of the last block to read -> are the blocks read last still there?
//!      -> logs -> leaves that may be empty, holders -> the hash again -> who had the leaves -> commit
//! ```
//!
//! The same hash before and after the logs says that they are of the chain that the hash stands
//! for. If a block read before is not there any more, what it changed is undone first, stretch by
//! stretch, down to one that is.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use logos_crypto::tick::Tick;
use thiserror::Error;

use super::contract::{Contract, Event, Log, LogError};
use super::cursor::{Cursor, CursorError, Stretch};
use crate::prover::registry::Registration;
use crate::prover::reservation::MemberKey;

/// A block's hash.
type Hash = [u8; 32];
/// Leaves and who has them.
type Leaves = Vec<(u64, Option<Registration>)>;

/// Blocks behind the head within which a reorganisation is undone.
const DEPTH: u64 = 256;
/// Blocks of one stretch within that depth.
const NEAR: u64 = 8;
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(2);

/// How a chain is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which contract.
    pub contract: Contract,
    /// The chain's number.
    pub chain: u64,
    /// The block in which the contract was made.
    pub start: u64,
    /// Blocks that must follow one before it counts.
    pub confirmations: u64,
    /// How often to look for new blocks.
    pub poll: Duration,
    /// Blocks whose logs are asked for at once, at most.
    pub range: u64,
    /// Leaves there are.
    pub capacity: u64,
}

/// What the machine wants to know. [`Reader::handle_reply`] takes the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The chain's number: [`Reply::Number`].
    Chain,
    /// What is stored: [`Reply::Cursor`].
    Cursor,
    /// The number of the newest block: [`Reply::Number`].
    Head,
    /// A block's hash: [`Reply::Hash`].
    Hash(u64),
    /// The contract's log entries in these blocks, both included: [`Reply::Logs`].
    Logs {
        /// The first block.
        from: u64,
        /// The last block.
        to: u64,
    },
    /// Which of these leaves are empty: [`Reply::Empty`].
    Empty {
        /// The leaves.
        leaves: Vec<u64>,
        /// As of this block; the newest one for `None`.
        block: Option<u64>,
    },
    /// Whose these commitments are: [`Reply::Holders`].
    Holders(Vec<MemberKey>),
    /// Who has these leaves in the store: [`Reply::Occupants`].
    Occupants(Vec<u64>),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A number.
    Number(u64),
    /// The stored cursor, if there is one.
    Cursor(Option<String>),
    /// A hash; `None` for a block that is not there.
    Hash(Option<Hash>),
    /// Log entries.
    Logs(Vec<Log>),
    /// The empty ones.
    Empty(BTreeSet<u64>),
    /// Names by commitment; those without one are left out.
    Holders(HashMap<MemberKey, Vec<u8>>),
    /// Who has the leaves.
    Occupants(Leaves),
}

/// What is to become durable in one step. [`Reader::handle_committed`] is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Leaves and who has them now.
    pub leaves: Leaves,
    /// What the store says before.
    pub before: Option<String>,
    /// What it is to say.
    pub after: String,
}

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Find something out.
    Ask(Request),
    /// Write something down.
    Commit(Commit),
}

/// Why an answer was not taken. The machine is as it was; [`Reader::handle_failure`] goes on.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// Nobody asked for this.
    #[error("an answer that nobody asked for")]
    Unasked,
    /// The node is of another chain.
    #[error("the node is on chain {found}, not {wanted}")]
    OtherChain {
        /// Its chain.
        found: u64,
        /// The configured one.
        wanted: u64,
    },
    /// The node does not have a block it told of.
    #[error("the node has no block {0}")]
    NoBlock(u64),
    /// A log entry is of a block nobody asked for, or out of order.
    #[error("a log entry of block {0} is out of place")]
    Misplaced(u64),
    /// A log entry is not one of the contract's.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The chain changed while it was read: this goes away.
    #[error("the chain changed while it was read")]
    Changed,
    /// The chain changed behind what can be undone: an operator has to look.
    #[error("the chain changed behind block {0}, the oldest that can be undone")]
    TooDeep(u64),
    /// The store holds something else.
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

/// What a round has found out so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Round {
    head: u64,
    /// The stretch to read, and the hash of its last block.
    stretch: Option<(u64, u64, Hash)>,
    leaves: Leaves,
}

/// What the machine waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Resting { until: Tick },
    Chain,
    Load,
    Head,
    Top { head: u64, from: u64, to: u64 },
    Last { round: Round, cursor: Cursor, undone: Leaves },
    Logs { round: Round },
    Empty { round: Round, asked: Vec<u64> },
    Holders { round: Round },
    Again { round: Round },
    Occupants { round: Round },
    Commit { commit: Commit, cursor: Cursor },
}

/// Reads the members of one contract.
#[derive(Clone, Debug)]
pub struct Reader {
    reading: Reading,
    cursor: Cursor,
    stored: Option<String>,
    is_loaded: bool,
    range: u64,
    stage: Stage,
    /// Was what the stage waits for given out?
    is_asked: bool,
}

impl Reader {
    /// A reader that begins by asking how far it has come.
    #[must_use]
    pub fn new(reading: Reading) -> Self {
        let (cursor, range) = (Cursor::default(), reading.range.max(1));
        let (stored, is_loaded, is_asked) = (None, false, false);
        Self { reading, cursor, stored, is_loaded, range, stage: Stage::Chain, is_asked }
    }

    /// The last block that was read and committed.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.cursor.last()
    }

    /// When to call [`Reader::poll_output`] again at the latest.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Tick> {
        match self.stage {
            Stage::Resting { until } => Some(until),
            _ => None,
        }
    }

    /// What to do next; `None` until that is done, or until the deadline.
    pub fn poll_output(&mut self, now: Tick) -> Option<Output> {
        if matches!(self.stage, Stage::Resting { until } if until <= now) {
            self.turn(if self.is_loaded { Stage::Head } else { Stage::Chain });
        }
        if std::mem::replace(&mut self.is_asked, true) {
            return None;
        }
        let request = match &self.stage {
            Stage::Resting { .. } => return None,
            Stage::Commit { commit, .. } => return Some(Output::Commit(commit.clone())),
            Stage::Chain => Request::Chain,
            Stage::Load => Request::Cursor,
            Stage::Head => Request::Head,
            Stage::Top { to, .. } => Request::Hash(*to),
            Stage::Last { cursor, .. } => Request::Hash(cursor.last()?),
            Stage::Logs { round } => {
                let (from, to, _) = round.stretch?;
                Request::Logs { from, to }
            }
            Stage::Empty { round, asked } => Request::Empty {
                leaves: asked.clone(),
                block: round.stretch.map(|(_, to, _)| to).filter(|to| round.head - to < DEPTH / 4),
            },
            Stage::Holders { round } => Request::Holders(joined(&round.leaves)),
            Stage::Again { round } => Request::Hash(round.stretch?.1),
            Stage::Occupants { round } => {
                let leaves: BTreeSet<u64> = round.leaves.iter().map(|(leaf, _)| *leaf).collect();
                Request::Occupants(leaves.into_iter().collect())
            }
        };
        Some(Output::Ask(request))
    }

    /// Takes the answer to the last request.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the machine waits for the same answer until [`Reader::handle_failure`].
    pub fn handle_reply(&mut self, now: Tick, reply: Reply) -> Result<(), ReadError> {
        let next = match (self.stage.clone(), reply) {
            (Stage::Chain, Reply::Number(found)) => self.chain_is(found)?,
            (Stage::Load, Reply::Cursor(stored)) => self.load(stored)?,
            (Stage::Head, Reply::Number(head)) => self.head_is(now, head),
            (Stage::Top { head, from, to }, Reply::Hash(hash)) => {
                let hash = hash.ok_or(ReadError::NoBlock(to))?;
                self.check_last(
                    now,
                    Round { head, stretch: Some((from, to, hash)), ..Round::default() },
                )
            }
            (Stage::Last { round, cursor, undone }, Reply::Hash(hash)) => {
                self.last_is(now, round, cursor, undone, hash)?
            }
            (Stage::Logs { round }, Reply::Logs(logs)) => self.logs_are(round, &logs)?,
            (Stage::Empty { mut round, asked }, Reply::Empty(empty)) => {
                round.leaves.extend(
                    asked.into_iter().filter(|leaf| empty.contains(leaf)).map(|leaf| (leaf, None)),
                );
                self.ask_holders(round)
            }
            (Stage::Holders { mut round }, Reply::Holders(names)) => {
                for member in round.leaves.iter_mut().filter_map(|(_, who)| who.as_mut()) {
                    if let Some(name) = names.get(&member.member) {
                        member.name.clone_from(name);
                    }
                }
                Stage::Again { round }
            }
            (Stage::Again { round }, Reply::Hash(hash)) => {
                let (_, _, top) = round.stretch.ok_or(ReadError::Unasked)?;
                if hash != Some(top) {
                    return Err(ReadError::Changed);
                }
                Stage::Occupants { round }
            }
            (Stage::Occupants { round }, Reply::Occupants(before)) => {
                self.commit_of(round, before)?
            }
            _ => return Err(ReadError::Unasked),
        };
        self.turn(next);
        Ok(())
    }

    /// The last request could not be answered: tries again after a pause, with fewer blocks.
    pub fn handle_failure(&mut self, now: Tick) {
        if matches!(self.stage, Stage::Logs { .. }) {
            self.range = (self.range / 2).max(1);
        }
        self.turn(Stage::Resting { until: now + PAUSE });
    }

    /// The last commit is durable, or, if `is_done` is false, somebody else has read further.
    pub fn handle_committed(&mut self, is_done: bool) {
        let Stage::Commit { commit, cursor } = self.stage.clone() else { return };
        if is_done {
            (self.cursor, self.stored) = (cursor, Some(commit.after));
            self.range = (self.range.saturating_mul(2)).min(self.reading.range.max(1));
            self.turn(Stage::Head);
        } else {
            self.turn(Stage::Load);
        }
    }

    fn turn(&mut self, stage: Stage) {
        (self.stage, self.is_asked) = (stage, false);
    }

    fn chain_is(&self, found: u64) -> Result<Stage, ReadError> {
        let wanted = self.reading.chain;
        if found == wanted { Ok(Stage::Load) } else { Err(ReadError::OtherChain { found, wanted }) }
    }

    fn load(&mut self, stored: Option<String>) -> Result<Stage, ReadError> {
        self.cursor = stored.as_deref().map_or(Ok(Cursor::default()), Cursor::from_text)?;
        (self.stored, self.is_loaded) = (stored, true);
        Ok(Stage::Head)
    }

    /// Decides what to read, if there is anything new.
    fn head_is(&self, now: Tick, head: u64) -> Stage {
        let from = self.cursor.last().map_or(self.reading.start, |last| last.saturating_add(1));
        let last = head.saturating_sub(self.reading.confirmations);
        if head < self.reading.confirmations || from > last {
            return self.check_last(now, Round { head, ..Round::default() });
        }
        // Stretches near the head are short: they are what is undone at once.
        let near = head.saturating_sub(DEPTH);
        let most = if from >= near { NEAR.min(self.range) } else { self.range.min(near - from) };
        let to = from.saturating_add(most.max(1) - 1).min(last);
        Stage::Top { head, from, to }
    }

    fn check_last(&self, now: Tick, round: Round) -> Stage {
        if self.cursor.read.is_empty() {
            return self.read_or_rest(now, round);
        }
        Stage::Last { round, cursor: self.cursor.clone(), undone: Leaves::new() }
    }

    fn read_or_rest(&self, now: Tick, round: Round) -> Stage {
        if round.stretch.is_some() {
            Stage::Logs { round }
        } else {
            Stage::Resting { until: now + self.reading.poll }
        }
    }

    /// Is the block read last still there? If not, looks at the one before.
    fn last_is(
        &self,
        now: Tick,
        round: Round,
        mut cursor: Cursor,
        mut undone: Leaves,
        hash: Option<Hash>,
    ) -> Result<Stage, ReadError> {
        let is_there = cursor.read.last().is_some_and(|last| Some(last.hash) == hash);
        if is_there && cursor == self.cursor {
            return Ok(self.read_or_rest(now, round));
        }
        if !is_there {
            let gone = cursor.read.pop().ok_or(ReadError::Unasked)?;
            if cursor.read.is_empty() && cursor.is_trimmed {
                return Err(ReadError::TooDeep(gone.number));
            }
            undone.extend(gone.undo);
            if !cursor.read.is_empty() {
                return Ok(Stage::Last { round, cursor, undone });
            }
        }
        let after = cursor.to_text();
        let commit = Commit { leaves: undone, before: self.stored.clone(), after };
        Ok(Stage::Commit { commit, cursor })
    }

    fn logs_are(&self, mut round: Round, logs: &[Log]) -> Result<Stage, ReadError> {
        let (from, to, _) = round.stretch.ok_or(ReadError::Unasked)?;
        let mut uncertain = BTreeSet::new();
        let mut place = (from, 0);
        for log in logs {
            if log.block > to || (log.block, log.index) < place {
                return Err(ReadError::Misplaced(log.block));
            }
            place = (log.block, log.index.saturating_add(1));
            match self.reading.contract.event(log)? {
                None => {}
                Some(Event::Joined { leaf, .. } | Event::Left { leaf, .. })
                    if leaf >= self.reading.capacity =>
                {
                    return Err(LogError::Member.into());
                }
                Some(Event::Joined { leaf, member }) => {
                    uncertain.remove(&leaf);
                    round.leaves.push((leaf, Some(member)));
                }
                Some(Event::Left { leaf, is_cleared: true }) => round.leaves.push((leaf, None)),
                Some(Event::Left { leaf, is_cleared: false }) => {
                    uncertain.insert(leaf);
                }
            }
        }
        if uncertain.is_empty() {
            return Ok(self.ask_holders(round));
        }
        Ok(Stage::Empty { round, asked: uncertain.into_iter().collect() })
    }

    fn ask_holders(&self, round: Round) -> Stage {
        if self.reading.contract.names_holders() && !joined(&round.leaves).is_empty() {
            Stage::Holders { round }
        } else {
            Stage::Again { round }
        }
    }

    fn commit_of(&self, round: Round, before: Leaves) -> Result<Stage, ReadError> {
        let (_, number, hash) = round.stretch.ok_or(ReadError::Unasked)?;
        let mut cursor = self.cursor.clone();
        cursor.read.push(Stretch { number, hash, undo: before });
        cursor.trim(round.head, DEPTH);
        let (stored, after) = (self.stored.clone(), cursor.to_text());
        Ok(Stage::Commit { commit: Commit { leaves: round.leaves, before: stored, after }, cursor })
    }
}

/// Who joined.
fn joined(leaves: &Leaves) -> Vec<MemberKey> {
    leaves.iter().filter_map(|(_, who)| who.as_ref().map(|who| who.member)).collect()
}
