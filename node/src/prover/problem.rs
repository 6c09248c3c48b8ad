//! What can be wrong with a request, and what the client should do: one table for gRPC and REST.

use std::time::Duration;

use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::epoch::{Epoch, Millis};
use super::registry::RegisterRefusal;
use super::reservation::Refusal;
use super::store::StoreError;

/// The domain of `google.rpc.ErrorInfo`.
const DOMAIN: &str = "rln.logos.co";

/// Why a request was not carried out. Nothing was consumed, unless it says so.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is no token, or none that is known.
    #[error("a valid token is needed")]
    Unauthenticated,
    /// The token is not for this.
    #[error("the token has no scope {0}")]
    Scope(&'static str),
    /// The caller asks more often than it may.
    #[error("too many requests")]
    RateLimited {
        /// When to come again.
        retry: Duration,
    },
    /// Nobody of that name is a member.
    #[error("no such member")]
    UnknownMember,
    /// The member is on the deny list.
    #[error("the member is denied until {until:?}: {reason}")]
    Denied {
        /// Why.
        reason: String,
        /// Until when.
        until: Millis,
    },
    /// The message ids of the epoch are used up, or too many were asked for.
    #[error("{refusal}")]
    Refused {
        /// What the rule said.
        refusal: Refusal,
        /// When the next epoch begins.
        retry: Duration,
        /// The member's name as digits.
        subject: String,
    },
    /// The service holds no secret for the member: it proves by itself.
    #[error("the member holds its own secret: reserve message ids and publish the proof")]
    ClientHeld,
    /// The service is not set up to hold secrets.
    #[error("this service holds no secrets: register a commitment")]
    NoCustody,
    /// A field is not what it should be.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The epoch asked for is not one in which ids are given out now.
    #[error("epoch {asked:?} is not the current one, {current:?}")]
    Epoch {
        /// The epoch asked for.
        asked: Epoch,
        /// The epoch now.
        current: Epoch,
    },
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Nobody was registered.
    #[error(transparent)]
    Register(#[from] RegisterRefusal),
    /// The operator has stopped it, or it is about to end.
    #[error("the service takes no submissions: {0}")]
    Stopped(&'static str),
    /// More is waiting than may wait.
    #[error("the queue is full")]
    Busy,
    /// The stream's beginning was forgotten.
    #[error("proofs before number {first} are not kept any more")]
    Forgotten {
        /// The first that is there.
        first: u64,
    },
    /// The subscriber is too slow.
    #[error("the subscriber fell behind: resume from number {next}")]
    Behind {
        /// Where to go on.
        next: u64,
    },
    /// The store failed. Ids that were asked for may be burnt.
    #[error("the store is not available")]
    Store,
    /// The store noticed that clocks disagree.
    #[error("the clocks of the instances disagree")]
    Clocks,
    /// A proof that was to be published does not verify.
    #[error("the proof does not verify: {0}")]
    BadProof(String),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // The client cannot do anything with the details; the operator can.
        tracing::error!(%error, "the store failed");
        Self::Store
    }
}

impl Problem {
    /// One word for machines.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Scope(_) => "MISSING_SCOPE",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::UnknownMember => "UNKNOWN_MEMBER",
            Self::Denied { .. } => "DENIED",
            Self::Refused { refusal, .. } => match refusal {
                Refusal::Count { .. } => "MESSAGE_ID_COUNT",
                Refusal::OverQuota { .. } => "OVER_QUOTA",
                Refusal::StaleEpoch { .. } => "STALE_EPOCH",
                Refusal::KeyReused => "KEY_REUSED",
                Refusal::ClockBehind { .. } => "CLOCKS_DISAGREE",
            },
            Self::ClientHeld => "CLIENT_HELD",
            Self::NoCustody => "NO_CUSTODY",
            Self::Invalid { .. } => "INVALID",
            Self::Epoch { .. } => "STALE_EPOCH",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Register(_) => "NOT_REGISTERED",
            Self::Stopped(_) => "STOPPED",
            Self::Busy => "BUSY",
            Self::Forgotten { .. } => "FORGOTTEN",
            Self::Behind { .. } => "BEHIND",
            Self::Store => "STORE_UNAVAILABLE",
            Self::Clocks => "CLOCKS_DISAGREE",
            Self::BadProof(_) => "BAD_PROOF",
        }
    }

    /// When trying again may help.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry } => Some(*retry),
            Self::Refused { refusal: Refusal::OverQuota { .. }, retry, .. } => Some(*retry),
            Self::Stopped(_) | Self::Busy | Self::Store | Self::Clocks => {
                Some(Duration::from_secs(1))
            }
            _ => None,
        }
    }

    /// gRPC's code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Scope(_) | Self::Denied { .. } => Code::PermissionDenied,
            Self::RateLimited { .. } | Self::Busy => Code::ResourceExhausted,
            Self::UnknownMember | Self::NotFound(_) => Code::NotFound,
            Self::Refused { refusal, .. } => match refusal {
                Refusal::OverQuota { .. } => Code::ResourceExhausted,
                Refusal::KeyReused => Code::AlreadyExists,
                Refusal::Count { .. } => Code::InvalidArgument,
                _ => Code::FailedPrecondition,
            },
            Self::ClientHeld | Self::NoCustody | Self::Epoch { .. } => Code::FailedPrecondition,
            Self::Invalid { .. } | Self::BadProof(_) => Code::InvalidArgument,
            Self::Register(RegisterRefusal::NameTaken | RegisterRefusal::IdentityTaken) => {
                Code::AlreadyExists
            }
            Self::Register(RegisterRefusal::Full) => Code::ResourceExhausted,
            Self::Register(RegisterRefusal::ReadOnly) => Code::FailedPrecondition,
            Self::Register(_) => Code::InvalidArgument,
            Self::Forgotten { .. } | Self::Behind { .. } => Code::OutOfRange,
            Self::Stopped(_) | Self::Store | Self::Clocks => Code::Unavailable,
        }
    }

    /// HTTP's code.
    #[must_use]
    pub const fn http(&self) -> u16 {
        match self.code() {
            Code::Unauthenticated => 401,
            Code::PermissionDenied => 403,
            Code::NotFound => 404,
            Code::AlreadyExists | Code::FailedPrecondition => 409,
            Code::OutOfRange => 410,
            Code::ResourceExhausted => 429,
            Code::Unavailable => 503,
            _ => 400,
        }
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let mut details = ErrorDetails::new();
        details.set_error_info(problem.reason(), DOMAIN, std::collections::HashMap::new());
        if let Some(retry) = problem.retry() {
            details.set_retry_info(Some(retry));
        }
        if let Problem::Refused { refusal: refusal @ Refusal::OverQuota { .. }, subject, .. } =
            &problem
        {
            details.add_quota_failure_violation(subject.clone(), refusal.to_string());
        }
        if let Problem::Invalid { field, reason } = &problem {
            details.add_bad_request_violation(*field, *reason);
        }
        Self::with_error_details(problem.code(), problem.to_string(), details)
    }
}
