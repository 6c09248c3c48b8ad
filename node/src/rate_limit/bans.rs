//! Members who were caught, told from everybody else while their roots still count.
//!
//! A proof does not say whose it is. But once a member's secret is known, so are the nullifiers of
//! all its message ids, and a message that bears one of them can be dropped unread. This takes
//! effect at once and needs no agreement about roots, which the removal from the tree does.

use std::collections::{BTreeSet, VecDeque};

use logos_crypto::{Fr, poseidon};
use logos_rln::{ExternalNullifier, IdentitySecret, MessageLimit, Nullifier};

use crate::backend::backend_or_portable;
use crate::rate_limit::{Group, UnixNanos};

/// The members who are banned, until no root that counts has them.
#[derive(Debug, Default)]
pub(super) struct Bans {
    // Oldest first, at most MAX.
    caught: VecDeque<Ban>,
}

#[derive(Debug)]
struct Ban {
    secret: IdentitySecret,
    ids: u32,
    lifted: UnixNanos,
}

impl Bans {
    /// The most members banned at once; one more lifts the oldest ban.
    pub(super) const MAX: usize = 256;
    /// The most message ids of an epoch that are told from others'. A member with more of them is
    /// caught again at its next double signal.
    pub(super) const MAX_IDS: u32 = 1024;

    /// Is a member banned?
    pub(super) fn contains(&self, secret: &IdentitySecret) -> bool {
        self.caught.iter().any(|ban| ban.secret == *secret)
    }

    /// Bans a member, whose limit may be unknown. Says whether it was not banned before.
    pub(super) fn add(
        &mut self,
        secret: IdentitySecret,
        limit: Option<MessageLimit>,
        now: UnixNanos,
    ) -> bool {
        if self.contains(&secret) {
            return false;
        }
        if self.caught.len() == Self::MAX {
            self.caught.pop_front();
        }
        let ids = limit.map_or(Self::MAX_IDS, |limit| limit.get().min(Self::MAX_IDS));
        self.caught.push_back(Ban { secret, ids, lifted: now + Group::GRACE });
        true
    }

    /// Lifts the bans whose time is over.
    pub(super) fn lift(&mut self, now: UnixNanos) {
        self.caught.retain(|ban| ban.lifted > now);
    }

    /// The nullifiers of all that are banned in an epoch: two hashes each.
    pub(super) fn nullifiers(&self, epoch: ExternalNullifier) -> BTreeSet<Nullifier> {
        self.caught.iter().flat_map(|ban| ban.nullifiers(epoch)).collect()
    }

    /// The nullifiers of the member banned last.
    pub(super) fn newest(&self, epoch: ExternalNullifier) -> Vec<Nullifier> {
        self.caught.back().map(|ban| ban.nullifiers(epoch)).unwrap_or_default()
    }
}

impl Ban {
    /// `Poseidon(Poseidon(secret, epoch, id))` for every id, as the circuit computes it.
    fn nullifiers(&self, epoch: ExternalNullifier) -> Vec<Nullifier> {
        let secret = *self.secret.expose_secret();
        let rows: Vec<[Fr; 3]> =
            (0..self.ids).map(|id| [secret, epoch.to_field(), Fr::from(id)]).collect();
        let mut slopes = vec![Fr::ZERO; rows.len()];
        let mut marks = slopes.clone();
        let backend = backend_or_portable();
        // Rows and places are equally many, so neither call refuses.
        let hashed = poseidon::hash_many(backend, &rows, &mut slopes).and_then(|()| {
            let slopes: Vec<[Fr; 1]> = slopes.iter().map(|slope| [*slope]).collect();
            poseidon::hash_many(backend, &slopes, &mut marks)
        });
        hashed.map(|()| marks.into_iter().map(Nullifier::from_field).collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use logos_rln::Line;

    use super::*;

    const NOW: UnixNanos = UnixNanos::from_secs(1);

    fn secret(value: u64) -> IdentitySecret {
        IdentitySecret::from_field(Fr::from(value)).unwrap()
    }

    #[test]
    fn the_nullifiers_of_a_banned_member_are_those_of_its_lines() {
        let epoch = ExternalNullifier::new(b"1", b"app");
        let limit = MessageLimit::new(10).unwrap();
        let mut bans = Bans::default();
        assert!(bans.add(secret(7), Some(limit), NOW));
        assert!(!bans.add(secret(7), Some(limit), NOW));
        let nullifiers = bans.nullifiers(epoch);
        assert_eq!(nullifiers.len(), 10);
        for id in 0..10 {
            let line = Line::new(&secret(7), epoch, limit.id(id).unwrap());
            assert!(nullifiers.contains(&line.nullifier()));
        }
    }

    #[test]
    fn bans_end_and_are_bounded() {
        let limit = MessageLimit::new(1).unwrap();
        let epoch = ExternalNullifier::new(b"1", b"app");
        let mut bans = Bans::default();
        for value in 1..=300 {
            bans.add(secret(value), Some(limit), NOW);
        }
        assert_eq!(bans.nullifiers(epoch).len(), Bans::MAX);
        bans.lift(NOW + Group::GRACE);
        assert!(bans.nullifiers(epoch).is_empty());
    }
}
