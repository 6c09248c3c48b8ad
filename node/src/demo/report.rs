//! What a demonstration found.

use std::time::Duration;

use serde::Serialize;

use crate::timing::Samples;

/// One thing that was claimed and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// What was claimed.
    pub claim: String,
    /// Was it so?
    pub holds: bool,
}

/// How long one kind of work took, on one thread.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// The work.
    pub work: &'static str,
    /// How often it was done.
    pub count: usize,
    /// Half of the times took at most so many milliseconds.
    pub p50_ms: f64,
    /// Of a hundred times, 99 took at most so many milliseconds.
    pub p99_ms: f64,
    /// How often one thread does it in a second.
    pub per_second: f64,
}

/// What a demonstration found: the claims it checked, and what the work cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Members of the group, before any was removed.
    pub members: usize,
    /// Messages sent within the limit.
    pub messages: usize,
    /// Epochs they fell into.
    pub epochs: usize,
    /// Bytes of each proof as it was sent.
    pub proof_bytes: usize,
    /// What was claimed, in the order it was checked.
    pub claims: Vec<Claim>,
    /// What the work cost.
    pub timings: Vec<Timing>,
}

impl Report {
    /// Does every claim hold? Of no claims, no.
    #[must_use]
    pub fn all_hold(&self) -> bool {
        !self.claims.is_empty() && self.claims.iter().all(|claim| claim.holds)
    }

    pub(super) fn claim(&mut self, holds: bool, claim: impl Into<String>) {
        self.claims.push(Claim { claim: claim.into(), holds });
    }

    pub(super) fn timing(&mut self, work: &'static str, samples: &Samples) {
        self.timings.push(Timing::new(work, samples));
    }
}

impl Timing {
    /// Sums samples up.
    #[must_use]
    pub fn new(work: &'static str, samples: &Samples) -> Self {
        Self {
            work,
            count: samples.len(),
            p50_ms: milliseconds(samples.percentile(50)),
            p99_ms: milliseconds(samples.percentile(99)),
            per_second: samples.per_second(),
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
