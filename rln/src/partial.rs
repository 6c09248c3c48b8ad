//! The part of a proof that depends on the membership alone.

use logos_crypto::Fr;

use crate::circuit::{Assignment, Circuit};
use crate::identity::IdentitySecret;
use crate::limit::MessageLimit;
use crate::membership::{Membership, MerklePath};
use crate::proof::ProofPoints;
use crate::prover::Prover;
use crate::quotient::Rows;

/// A proof without its message: valid while the member's root is.
///
/// Holds the identity secret and sums of it; it is wiped on drop and never leaves this process in
/// clear.
pub struct PartialProof {
    circuit: Circuit,
    limit: MessageLimit,
    assignment: Assignment,
    pub(crate) points: ProofPoints,
    /// Rows of the fixed wires alone.
    pub(crate) rows: Rows,
}

impl PartialProof {
    pub(crate) fn new(prover: &Prover, limit: MessageLimit, assignment: Assignment) -> Self {
        let points = prover.constants().plus(&prover.sums.wires(&assignment));
        let rows = Rows::evaluate(&prover.key, &assignment);
        Self { circuit: prover.circuit(), limit, assignment, points, rows }
    }

    /// The same member under another path; the points move by `change`.
    pub(crate) fn moved(
        &self,
        prover: &Prover,
        assignment: Assignment,
        change: &ProofPoints,
    ) -> Self {
        Self {
            circuit: self.circuit,
            limit: self.limit,
            points: self.points.plus(change),
            rows: Rows::evaluate(&prover.key, &assignment),
            assignment,
        }
    }

    /// The member, at another place.
    pub(crate) fn membership(&self, path: MerklePath) -> Membership {
        let secret = self.assignment.wire(crate::circuit::Layout::new(self.circuit).secret);
        Membership::new(IdentitySecret::trusted(secret), self.limit, path)
    }

    /// The circuit it was made for.
    #[must_use]
    pub const fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// The member's limit.
    #[must_use]
    pub const fn limit(&self) -> MessageLimit {
        self.limit
    }

    /// The root it was made under.
    #[must_use]
    pub fn root(&self) -> Fr {
        self.assignment.wire(crate::circuit::Layout::new(self.circuit).root)
    }

    pub(crate) const fn assignment(&self) -> &Assignment {
        &self.assignment
    }
}

impl core::fmt::Debug for PartialProof {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { circuit, limit, assignment: _, points: _, rows: _ } = self;
        f.debug_struct("PartialProof")
            .field("circuit", circuit)
            .field("limit", limit)
            .finish_non_exhaustive()
    }
}
