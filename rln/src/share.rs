//! The line a member's messages lie on, and what two points of it give away.

use logos_crypto::{Fr, poseidon};
use thiserror::Error;
use zeroize::Zeroize;

use crate::epoch::{ExternalNullifier, Signal};
use crate::identity::{IdentityError, IdentitySecret, SecretFr};
use crate::limit::MessageId;
use crate::values::{ProofValues, SignalSlot};

/// Why two proofs do not give a secret away.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecoverError {
    /// The proofs count against different epochs or applications.
    #[error("the proofs have different external nullifiers")]
    ExternalNullifierMismatch,
    /// No message id was used in both.
    #[error("the proofs share no nullifier: no message id was used twice")]
    NoMatchingNullifier,
    /// Both open the line at the same point: the same message, sent twice.
    #[error("both shares are the same point")]
    SamePoint,
    /// The shares claim to be of one line but are not: at least one of them was never proved.
    #[error("the shares do not lie on the line their nullifier names")]
    Inconsistent,
}

/// The line `y = a0 + a1 x` of one member, epoch and message id (RLN-V2, "Signaling").
///
/// `a0` is the identity secret and `a1 = Poseidon(a0, external nullifier, message id)`.
#[derive(PartialEq)]
pub struct Line {
    a0: SecretFr,
    a1: SecretFr,
}

impl Line {
    /// One hash of three.
    #[must_use]
    pub fn new(secret: &IdentitySecret, epoch: ExternalNullifier, id: MessageId) -> Self {
        let a0 = *secret.expose_secret();
        let a1 = poseidon::hash(&[a0, epoch.to_field(), Fr::from(id.get())]);
        Self { a0: SecretFr::new(a0), a1: SecretFr::new(a1) }
    }

    /// The share a message opens: `y` at its `x`.
    ///
    /// # Security
    ///
    /// Two shares of one line give the secret away: that is the penalty RLN is built on.
    #[must_use]
    pub fn share(&self, signal: Signal) -> Share {
        let x = signal.to_field();
        Share { x, y: *self.a0.expose() + *self.a1.expose() * x }
    }

    /// `Poseidon(a1)`: the same for every message of this id, and for no other.
    #[must_use]
    pub fn nullifier(&self) -> Nullifier {
        Nullifier(poseidon::hash(&[*self.a1.expose()]))
    }
}

impl core::fmt::Debug for Line {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { a0: _, a1: _ } = self;
        f.write_str("Line(..)")
    }
}

/// The mark a message id leaves: seeing it under two different messages is a double signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nullifier(Fr);

impl Nullifier {
    /// Takes a published nullifier.
    #[must_use]
    pub const fn from_field(value: Fr) -> Self {
        Self(value)
    }

    /// The field element.
    #[must_use]
    pub const fn to_field(self) -> Fr {
        self.0
    }
}

/// A point of a member's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Share {
    /// Where the line is opened: the message.
    pub x: Fr,
    /// The value there.
    pub y: Fr,
}

impl Share {
    /// The secret of the line through two points, and its slope checked against `nullifier`.
    ///
    /// # Errors
    ///
    /// [`RecoverError::SamePoint`] if both open the line at one `x`;
    /// [`RecoverError::Inconsistent`] if the line through them has another nullifier.
    pub fn recover(
        first: Self,
        second: Self,
        nullifier: Nullifier,
    ) -> Result<IdentitySecret, RecoverError> {
        let run = (first.x - second.x).vartime_inverse().ok_or(RecoverError::SamePoint)?;
        let mut slope = (first.y - second.y) * run;
        let named = poseidon::hash(&[slope]) == nullifier.to_field();
        let secret = first.y - first.x * slope;
        slope.zeroize();
        if !named {
            return Err(RecoverError::Inconsistent);
        }
        IdentitySecret::from_field(secret).map_err(|_: IdentityError| RecoverError::Inconsistent)
    }
}

/// Recovers the secret of a member who used one message id for two messages.
///
/// Works across the two circuits: a single-id and a multi-id proof of the same id count alike.
///
/// # Errors
///
/// One [`RecoverError`] a reason; an honest member's proofs always give
/// [`RecoverError::NoMatchingNullifier`] or, for one message seen twice,
/// [`RecoverError::SamePoint`].
///
/// # Security
///
/// Verify both proofs first: values that were never proved can name any nullifier. A line that
/// does not have the nullifier it claims is refused as [`RecoverError::Inconsistent`].
pub fn recover_secret(
    first: &ProofValues,
    second: &ProofValues,
) -> Result<IdentitySecret, RecoverError> {
    if first.external_nullifier() != second.external_nullifier() {
        return Err(RecoverError::ExternalNullifierMismatch);
    }
    let pairs = first.signals().flat_map(|ours| {
        second
            .signals()
            .filter(move |theirs| theirs.nullifier == ours.nullifier)
            .map(move |theirs| (ours, theirs))
    });
    let mut last = RecoverError::NoMatchingNullifier;
    for (SignalSlot { share, nullifier }, theirs) in pairs {
        match Share::recover(share, theirs.share, nullifier) {
            Ok(secret) => return Ok(secret),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::MessageLimit;

    fn line(id: u32) -> (IdentitySecret, Line) {
        let secret = IdentitySecret::from_field(Fr::from(42u64)).unwrap();
        let id = MessageLimit::new(10).unwrap().id(id).unwrap();
        let line = Line::new(&secret, ExternalNullifier::new(b"epoch", b"app"), id);
        (secret, line)
    }

    #[test]
    fn two_points_of_a_line_give_the_secret() {
        let (secret, line) = line(3);
        let one = line.share(Signal::from_message(b"one"));
        let two = line.share(Signal::from_message(b"two"));
        assert_eq!(Share::recover(one, two, line.nullifier()), Ok(secret));
        assert_eq!(Share::recover(one, one, line.nullifier()), Err(RecoverError::SamePoint));
    }

    #[test]
    fn points_of_two_lines_give_nothing() {
        let (_, third) = line(3);
        let (_, fourth) = line(4);
        let one = third.share(Signal::from_message(b"one"));
        let two = fourth.share(Signal::from_message(b"two"));
        assert_eq!(Share::recover(one, two, third.nullifier()), Err(RecoverError::Inconsistent));
    }

    #[test]
    fn a_line_never_prints() {
        assert_eq!(std::format!("{:?}", line(0).1), "Line(..)");
    }
}
