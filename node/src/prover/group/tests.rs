use std::collections::HashSet;
use std::num::NonZeroU64;

use logos_rln::Identity;

use super::*;
use crate::prover::epoch::{EpochSchedule, Millis};
use crate::prover::registry::{Amendment, Registration};
use crate::prover::store::EmbeddedStore;

/// Members in memory.
struct Log(EmbeddedStore);

impl Log {
    fn new() -> Self {
        let schedule = EpochSchedule::new(Millis(0), NonZeroU64::new(1000).unwrap(), "test");
        Self(EmbeddedStore::in_memory(&schedule, 0).unwrap())
    }

    async fn of(who: &[&str]) -> Self {
        let log = Self::new();
        for (index, who) in (0..).zip(who) {
            log.put(index, Some(who)).await;
        }
        log
    }

    async fn put(&self, index: u64, who: Option<&str>) {
        let registration = |who: &str| Registration {
            member: MemberKey(Identity::seeded(who.as_bytes()).commitment().to_field().to_bytes()),
            name: who.as_bytes().to_vec(),
            limit: 20,
            tier: String::new(),
            sealed: None,
        };
        let before = self.0.setting("put").await.unwrap();
        let after = format!("{}+", before.as_deref().unwrap_or_default());
        let leaves = vec![(index, who.map(registration))];
        let amendment = Amendment { leaves, cursor: "put", before, after };
        assert!(self.0.amend(amendment).await.unwrap());
    }
}

async fn place_of(group: &Group, log: &Log, who: &str) -> Option<Place> {
    group.place(&group.named(&log.0, who.as_bytes()).await.unwrap()?)
}

#[tokio::test]
async fn a_members_path_leads_from_its_leaf_to_the_root() {
    let log = Log::of(&["alice", "bob"]).await;
    let group = Group::new(Depth::RLN, 1).unwrap();
    group.follow(&log.0).await.unwrap();
    let place = place_of(&group, &log, "bob").await.unwrap();
    assert_eq!((place.member.index, place.member.limit), (1, 20));
    assert_eq!(place.path.root(leaf(&place.member).unwrap()), place.root);
    assert!(group.accepts(&place.root));
    let keyed = group.keyed(&log.0, place.member.member).await.unwrap().unwrap();
    assert_eq!(keyed, place.member);
    assert!(place_of(&group, &log, "carol").await.is_none());
}

#[tokio::test]
async fn a_root_is_accepted_until_five_newer_ones_are_there() {
    let (log, group) = (Log::new(), Group::new(Depth::RLN, 1).unwrap());
    let mut roots = Vec::new();
    for (index, who) in (0..).zip(["a", "b", "c", "d", "e", "f"]) {
        log.put(index, Some(who)).await;
        group.follow(&log.0).await.unwrap();
        roots.push(group.roots()[0]);
    }
    assert!(!group.accepts(&roots[0]));
    assert!(roots[1..].iter().all(|root| group.accepts(root)));
}

#[tokio::test]
async fn a_leaf_that_changes_hands_leads_to_its_new_member_only() {
    let log = Log::of(&["alice", "bob"]).await;
    let group = Group::new(Depth::RLN, 1).unwrap();
    group.follow(&log.0).await.unwrap();
    let alice = group.named(&log.0, b"alice").await.unwrap().unwrap();
    assert!(group.place(&alice).is_some());
    log.put(0, None).await;
    group.follow(&log.0).await.unwrap();
    assert!(group.place(&alice).is_none());
    assert!(group.named(&log.0, b"alice").await.unwrap().is_none(), "she is not remembered either");
    let erased = group.roots()[0];
    log.put(0, Some("carol")).await;
    group.follow(&log.0).await.unwrap();
    assert!(place_of(&group, &log, "carol").await.is_some() && group.place(&alice).is_none());

    // Whoever reads the log from the start comes to the same tree.
    let late = Group::new(Depth::RLN, 1).unwrap();
    late.follow(&log.0).await.unwrap();
    assert_eq!(late.roots()[0], group.roots()[0]);
    assert_ne!(late.roots()[0], erased);
}

#[tokio::test]
async fn a_tree_that_is_full_is_followed_by_another() {
    let who: Vec<String> = (0..9).map(|who| format!("m{who}")).collect();
    let log = Log::of(&who.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let depth = Depth::new(2).unwrap();
    let group = Group::new(depth, 3).unwrap();
    group.follow(&log.0).await.unwrap();
    let mut roots = HashSet::new();
    for (who, tree, index) in [("m0", 0, 0), ("m3", 0, 3), ("m4", 1, 0), ("m8", 2, 0)] {
        let place = place_of(&group, &log, who).await.unwrap();
        assert_eq!((place.tree, place.path.index()), (tree, index));
        assert_eq!(place.path.root(leaf(&place.member).unwrap()), place.root);
        assert!(group.accepts(&place.root) && group.roots().contains(&place.root));
        roots.insert(place.root.to_bytes());
    }
    assert_eq!(roots.len(), 3);
    assert_eq!(group.capacity(), 12);
    let small = Group::new(depth, 2).unwrap();
    assert!(matches!(small.follow(&log.0).await, Err(StoreError::Damaged(_))));
    assert!(Group::new(depth, 0).is_none() && Group::new(depth, MAX_TREES + 1).is_none());
}
