//! Where every packet went.

use super::Rejection;
use crate::replay::ReplayError;

/// What became of every packet since the relay started.
///
/// `received` is the sum of all reasons to drop, `queued`, `delivered` and `replies`; `queued` and
/// `own` together are `departed` and what is still held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that came in.
    pub received: u64,
    /// Dropped for their length.
    pub wrong_length: u64,
    /// Dropped for their header.
    pub bad_header: u64,
    /// Dropped as replays.
    pub replayed: u64,
    /// Dropped because there was no room to remember them.
    pub log_full: u64,
    /// Dropped for their spam proof.
    pub spam: u64,
    /// Dropped for their payload.
    pub tampered: u64,
    /// Dropped because no slot was left.
    pub no_slot: u64,
    /// Dropped because there was no room to hold them.
    pub full: u64,
    /// Accepted and to be sent on.
    pub queued: u64,
    /// Put in by this node.
    pub own: u64,
    /// Sent on, own ones included.
    pub departed: u64,
    /// Ended here with a message.
    pub delivered: u64,
    /// Ended here with a reply.
    pub replies: u64,
}

impl Counters {
    /// Packets dropped, for any reason.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.wrong_length
            + self.bad_header
            + self.replayed
            + self.log_full
            + self.spam
            + self.tampered
            + self.no_slot
            + self.full
    }

    pub(super) fn count(&mut self, outcomes: &[Result<(), Rejection>]) {
        for outcome in outcomes {
            self.received += 1;
            if let Err(rejection) = outcome {
                *self.reason(rejection) += 1;
            }
        }
    }

    const fn reason(&mut self, rejection: &Rejection) -> &mut u64 {
        match rejection {
            Rejection::Length(_) => &mut self.wrong_length,
            Rejection::Header(_) => &mut self.bad_header,
            Rejection::Replay(ReplayError::Replayed) => &mut self.replayed,
            Rejection::Replay(ReplayError::Full) => &mut self.log_full,
            Rejection::Spam => &mut self.spam,
            Rejection::Payload(_) => &mut self.tampered,
            Rejection::Slot(_) => &mut self.no_slot,
            Rejection::Full => &mut self.full,
        }
    }
}
