//! Rate-limiting nullifiers at work: what a node sends is proved and what it forwards is judged.
//!
//! | to | take |
//! |---|---|
//! | have all of it behind two methods | [`Guard`]: [`admit`](Guard::admit) and [`judge`](Guard::judge) |
//! | give it to a node | [`Guard`], which is an [`Admission`](crate::delivery::Admission) |
#![cfg_attr(feature = "delivery", doc = "| keep a guard and its node together | [`Patrol`] |")]
//! | protect a mix with it | [`MixGuard`] |
//! | say what is proved | [`Signal`], [`Epochs`], [`Application`] |
//! | read and write the proof of a message | [`RateLimitProof`] |
//! | judge without threads | [`Rules`], [`Validator`], [`Group`] |
//! | show that somebody broke the rule | [`Evidence`] |
//! | never use a message id twice | [`RateBudget`] on [`RedbBurns`] |
//! | know the members | [`MembershipSource`]: [`StaticMembers`], [`Registry`] |

mod admission;
mod bans;
mod budget;
mod clock;
mod counters;
mod court;
mod evidence;
mod finding;
mod group;
mod guard;
mod mix;
mod panel;
#[cfg(feature = "delivery")]
mod patrol;
mod registry;
mod sender;
mod signal;
mod source;
mod validator;
mod wire;

/// When messages are sent, as they carry it.
pub use crate::wire::UnixNanos;
pub use budget::{BudgetError, BudgetName, BurnStore, Burns, RateBudget, RedbBurns};
pub use clock::{Application, Counted, EpochLengthError, EpochNumber, Epochs};
pub use counters::RateLimitCounts;
pub use court::{GuardEvent, Removal};
pub use evidence::{Evidence, EvidenceError};
pub use finding::{Finding, Incoming, Invalid, OnInvalid, Verdict};
pub use group::{Change, Group, GroupError};
pub use guard::{AdmitError, Admitted, Guard, GuardConfig, GuardError, GuardMember, PayloadError};
pub use mix::{MixGuard, MixToken};
#[cfg(feature = "delivery")]
pub use patrol::{Patrol, PatrolError};
pub use registry::{Registry, RegistryError};
pub use sender::SendProofError;
pub use signal::Signal;
pub use source::{Heard, MembershipSource, SourceError, StaticMembers};
pub use validator::{Rules, Settled, Validator};
pub use wire::{RateLimitProof, RateLimitProofError};
