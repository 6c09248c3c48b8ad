//! Nullifiers, and what gives a spammer away.

use logos_crypto::Fr;
use logos_rln::{IdentityCommitment, Nullifier, ProofValues, Share};

use super::epoch::{Epoch, Millis};

/// What a proof leaves behind: the nullifier of a message id and one point of the member's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The epoch it counts in.
    pub epoch: Epoch,
    /// The message id's mark.
    pub nullifier: [u8; 32],
    /// Where the line is opened.
    pub x: [u8; 32],
    /// Its value there.
    pub y: [u8; 32],
}

impl Mark {
    /// The marks of a verified proof: one for each message id it burns.
    pub fn of(values: &ProofValues, epoch: Epoch) -> impl Iterator<Item = Self> + '_ {
        values.signals().map(move |signal| Self {
            epoch,
            nullifier: signal.nullifier.to_field().to_bytes(),
            x: signal.share.x.to_bytes(),
            y: signal.share.y.to_bytes(),
        })
    }

    /// Do both open the line at the same point? Then they are one message.
    #[must_use]
    pub fn is_same_point(&self, other: &Self) -> bool {
        (self.x, self.y) == (other.x, other.y)
    }

    fn share(&self) -> Option<Share> {
        Some(Share { x: Fr::from_bytes(&self.x).ok()?, y: Fr::from_bytes(&self.y).ok()? })
    }
}

/// What recording a mark showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recorded {
    /// Nobody used this message id before.
    Fresh,
    /// The same message again: nobody's fault.
    Duplicate,
    /// Another message under the same id; the evidence stands under this number.
    DoubleSignal {
        /// Its place among the double signals.
        seq: u64,
    },
}

/// The evidence of a double signal: two points of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Its place: 1, 2, 3 and so on.
    pub seq: u64,
    /// The mark seen first.
    pub first: Mark,
    /// The point seen then.
    pub second: Mark,
    /// When the second one came.
    pub at: Millis,
}

impl Evidence {
    /// The commitment of whoever signalled twice. `None` if the two points were never proved.
    ///
    /// The secret itself is recovered on the way and wiped.
    #[must_use]
    pub fn commitment(&self) -> Option<IdentityCommitment> {
        let nullifier = Nullifier::from_field(Fr::from_bytes(&self.first.nullifier).ok()?);
        let secret = Share::recover(self.first.share()?, self.second.share()?, nullifier).ok()?;
        Some(secret.commitment())
    }
}

#[cfg(test)]
mod tests {
    use logos_rln::{ExternalNullifier, Identity, Line, MessageLimit, Signal};

    use super::*;

    fn mark(message: &[u8], nullifier: Option<[u8; 32]>) -> Mark {
        let identity = Identity::seeded(b"spammer");
        let id = MessageLimit::new(5).unwrap().id(2).unwrap();
        let line = Line::new(identity.secret(), ExternalNullifier::new(b"e", b"a"), id);
        let share = line.share(Signal::from_message(message));
        let own = line.nullifier().to_field().to_bytes();
        let (x, y) = (share.x.to_bytes(), share.y.to_bytes());
        Mark { epoch: Epoch(1), nullifier: nullifier.unwrap_or(own), x, y }
    }

    #[test]
    fn two_points_name_the_spammer() {
        let [first, second] = [mark(b"one", None), mark(b"two", None)];
        let evidence = Evidence { seq: 1, first, second, at: Millis(0) };
        let spammer = Identity::seeded(b"spammer").commitment();
        assert_eq!(evidence.commitment(), Some(spammer));
    }

    #[test]
    fn points_that_were_never_proved_name_nobody() {
        let first = mark(b"one", Some([3; 32]));
        let evidence = Evidence { seq: 1, first, second: mark(b"two", None), at: Millis(0) };
        assert_eq!(evidence.commitment(), None);
        let same = Evidence { second: first, ..evidence };
        assert_eq!(same.commitment(), None);
    }
}
