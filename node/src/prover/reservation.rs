//! Which message ids a member may use next. Pure: the rule that every store applies.

use thiserror::Error;

use super::epoch::Epoch;

/// The identity whose message ids are counted: the 32 bytes of its commitment.
///
/// Two names of one identity share a counter, because a nullifier depends on the secret alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberKey(pub [u8; 32]);

/// How far a member has come: everything below `next` is burnt in `epoch`, and all of the epochs
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The last epoch anything was reserved in. Never goes back.
    pub epoch: Epoch,
    /// The first message id not handed out.
    pub next: u32,
}

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The epoch by the caller's clock.
    pub epoch: Epoch,
    /// Is only this very epoch good enough?
    pub exact: bool,
    /// How many message ids.
    pub count: u32,
    /// How many the member may use in an epoch: at most its limit in the tree.
    pub quota: u32,
}

/// Message ids `first .. first + count` of one epoch, burnt for one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reservation {
    /// Whose.
    pub member: MemberKey,
    /// In which epoch, whatever the time when they are used.
    pub epoch: Epoch,
    /// The first id.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl Reservation {
    /// The ids.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = u32> + use<> {
        self.first..self.first.saturating_add(self.count)
    }
}

/// Why nothing was reserved. Nothing was consumed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No ids, or more than one proof can burn.
    #[error("{asked} message ids asked, a request takes 1 to {max}")]
    Count {
        /// How many were asked for.
        asked: u32,
        /// How many one request may have.
        max: u32,
    },
    /// The epoch's ids are used up.
    #[error("{used} of {quota} message ids of the epoch are used, {asked} more were asked")]
    OverQuota {
        /// Ids burnt.
        used: u32,
        /// Ids of an epoch.
        quota: u32,
        /// Ids asked for.
        asked: u32,
        /// The epoch.
        epoch: Epoch,
    },
    /// The member has moved on from the epoch asked for.
    #[error("epoch {asked:?} is past, the member is in {current:?}")]
    StaleEpoch {
        /// The epoch asked for.
        asked: Epoch,
        /// The member's epoch.
        current: Epoch,
    },
    /// This clock is further behind than clocks may differ.
    #[error("the clock says {here:?}, the member was served in {current:?}: the clocks disagree")]
    ClockBehind {
        /// The epoch by this clock.
        here: Epoch,
        /// The member's epoch.
        current: Epoch,
    },
    /// The idempotency key was used for something else.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
}

/// Applies the rule: the epoch of a member only moves forward, an id is handed out once.
///
/// A caller whose clock is behind the member's epoch by at most `tolerance` epochs is served in
/// the member's epoch, so instances whose clocks differ share one sequence of ids. Returns the
/// range and the counter that has to be durable before anybody sees it.
///
/// # Errors
///
/// [`Refusal::Count`] for no ids, [`Refusal::StaleEpoch`], [`Refusal::ClockBehind`] or
/// [`Refusal::OverQuota`].
///
/// # Examples
///
/// ```
/// use logos_node::prover::{Counter, Epoch, MemberKey, Wanted, reserve};
///
/// let member = MemberKey([1; 32]);
/// let wanted = Wanted { epoch: Epoch(7), exact: false, count: 2, quota: 3 };
/// let (first, counter) = reserve(member, None, wanted, 0)?;
/// assert_eq!((first.first, counter), (0, Counter { epoch: Epoch(7), next: 2 }));
/// assert!(reserve(member, Some(counter), wanted, 0).is_err());
/// # Ok::<(), logos_node::prover::Refusal>(())
/// ```
pub fn reserve(
    member: MemberKey,
    counter: Option<Counter>,
    wanted: Wanted,
    tolerance: u64,
) -> Result<(Reservation, Counter), Refusal> {
    let Wanted { epoch: asked, exact, count, quota } = wanted;
    let fresh = Counter { epoch: asked, next: 0 };
    let counter = counter.filter(|counter| counter.epoch >= asked).unwrap_or(fresh);
    let current = counter.epoch;
    if current > asked && exact {
        return Err(Refusal::StaleEpoch { asked, current });
    }
    if current.0 - asked.0 > tolerance {
        return Err(Refusal::ClockBehind { here: asked, current });
    }
    if count == 0 {
        return Err(Refusal::Count { asked: 0, max: quota });
    }
    let used = counter.next;
    let next = used.checked_add(count).filter(|next| *next <= quota);
    let Some(next) = next else {
        return Err(Refusal::OverQuota { used, quota, asked: count, epoch: current });
    };
    let reservation = Reservation { member, epoch: current, first: used, count };
    Ok((reservation, Counter { epoch: current, next }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const MEMBER: MemberKey = MemberKey([1; 32]);

    const fn wanted(epoch: u64, count: u32) -> Wanted {
        Wanted { epoch: Epoch(epoch), exact: false, count, quota: 10 }
    }

    #[test]
    fn a_slow_clock_is_served_in_the_members_epoch() {
        let ahead = Counter { epoch: Epoch(9), next: 4 };
        let (reservation, counter) = reserve(MEMBER, Some(ahead), wanted(7, 1), 2).unwrap();
        assert_eq!((reservation.epoch, reservation.first), (Epoch(9), 4));
        assert_eq!(counter, Counter { epoch: Epoch(9), next: 5 });
        let refused = Refusal::ClockBehind { here: Epoch(6), current: Epoch(9) };
        assert_eq!(reserve(MEMBER, Some(ahead), wanted(6, 1), 2), Err(refused));
    }

    #[test]
    fn a_pinned_epoch_that_passed_is_stale() {
        let ahead = Counter { epoch: Epoch(9), next: 4 };
        let pinned = Wanted { exact: true, ..wanted(8, 1) };
        let refused = Refusal::StaleEpoch { asked: Epoch(8), current: Epoch(9) };
        assert_eq!(reserve(MEMBER, Some(ahead), pinned, 5), Err(refused));
    }

    #[test]
    fn over_quota_says_what_is_left() {
        let counter = Counter { epoch: Epoch(1), next: 9 };
        let refused = Refusal::OverQuota { used: 9, quota: 10, asked: 2, epoch: Epoch(1) };
        assert_eq!(reserve(MEMBER, Some(counter), wanted(1, 2), 0), Err(refused));
        assert!(reserve(MEMBER, Some(counter), wanted(1, 1), 0).is_ok());
        assert!(reserve(MEMBER, Some(counter), wanted(1, u32::MAX), 0).is_err());
        assert!(reserve(MEMBER, None, wanted(1, 0), 0).is_err());
    }

    proptest! {
        #[test]
        fn no_epoch_and_id_come_twice_whatever_the_clocks_say(
            calls in proptest::collection::vec((0u64..6, 0u32..5, any::<bool>(), 0u64..4), 1..200),
        ) {
            let mut counter = None;
            let mut seen = HashSet::new();
            let mut last = Epoch(0);
            for (epoch, count, exact, tolerance) in calls {
                let wanted = Wanted { epoch: Epoch(epoch), exact, count, quota: 7 };
                let before = counter;
                match reserve(MEMBER, counter, wanted, tolerance) {
                    Ok((reservation, next)) => {
                        prop_assert!(reservation.epoch >= last);
                        last = reservation.epoch;
                        for id in reservation.ids() {
                            prop_assert!(id < 7 && seen.insert((reservation.epoch, id)));
                        }
                        counter = Some(next);
                    }
                    Err(_) => prop_assert_eq!(counter, before),
                }
            }
        }
    }
}
