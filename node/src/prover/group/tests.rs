use std::collections::HashSet;

use logos_rln::Identity;
use tokio::sync::watch;
use tonic::async_trait;

use super::*;
use crate::prover::registry::{RegisterRefusal, Registration};

/// A log of leaves in memory.
#[derive(Debug, Default)]
struct Log(Mutex<Vec<Leaf>>, std::sync::atomic::AtomicU64);

impl Log {
    fn of(who: &[&str]) -> Self {
        let log = Self::default();
        for (index, who) in (0..).zip(who) {
            log.put(index, Some(who));
        }
        log
    }

    fn put(&self, index: u64, who: Option<&str>) {
        let mut log = self.0.lock().unwrap();
        log.retain(|leaf| leaf.index != index);
        let number = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        let registration = |who: &str| Registration {
            member: MemberKey(Identity::seeded(who.as_bytes()).commitment().to_field().to_bytes()),
            name: who.as_bytes().to_vec(),
            limit: 20,
            tier: String::new(),
            sealed: None,
        };
        log.push(Leaf { number, index, member: who.map(|who| registration(who).at(index)) });
    }

    fn find(&self, is: impl Fn(&MemberRecord) -> bool) -> Option<MemberRecord> {
        let log = self.0.lock().unwrap();
        log.iter().filter_map(|leaf| leaf.member.clone()).find(is)
    }
}

#[async_trait]
impl MembershipSource for Log {
    async fn leaves(&self, after: u64, max: usize) -> Result<Vec<Leaf>, StoreError> {
        let log = self.0.lock().unwrap();
        Ok(log.iter().filter(|leaf| leaf.number > after).take(max).cloned().collect())
    }

    async fn named(&self, name: &[u8]) -> Result<Option<MemberRecord>, StoreError> {
        Ok(self.find(|member| member.name == name))
    }

    async fn keyed(&self, key: MemberKey) -> Result<Option<MemberRecord>, StoreError> {
        Ok(self.find(|member| member.member == key))
    }

    async fn register(
        &self,
        _: Registration,
        _: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError> {
        Ok(Err(RegisterRefusal::ReadOnly))
    }

    async fn run(&self, _: watch::Receiver<bool>) {}
}

async fn place_of(group: &Group, log: &Log, who: &str) -> Option<Place> {
    group.place(&group.named(log, who.as_bytes()).await.unwrap()?)
}

#[tokio::test]
async fn a_members_path_leads_from_its_leaf_to_the_root() {
    let log = Log::of(&["alice", "bob"]);
    let group = Group::new(Depth::RLN, 1).unwrap();
    group.follow(&log).await.unwrap();
    let place = place_of(&group, &log, "bob").await.unwrap();
    assert_eq!((place.member.index, place.member.limit), (1, 20));
    assert_eq!(place.path.root(leaf(&place.member).unwrap()), place.root);
    assert!(group.accepts(&place.root));
    let keyed = group.keyed(&log, place.member.member).await.unwrap().unwrap();
    assert_eq!(keyed, place.member);
    assert!(place_of(&group, &log, "carol").await.is_none());
}

#[tokio::test]
async fn a_root_is_accepted_until_five_newer_ones_are_there() {
    let (log, group) = (Log::default(), Group::new(Depth::RLN, 1).unwrap());
    let mut roots = Vec::new();
    for (index, who) in (0..).zip(["a", "b", "c", "d", "e", "f"]) {
        log.put(index, Some(who));
        group.follow(&log).await.unwrap();
        roots.push(group.roots()[0]);
    }
    assert!(!group.accepts(&roots[0]));
    assert!(roots[1..].iter().all(|root| group.accepts(root)));
}

#[tokio::test]
async fn a_leaf_that_changes_hands_leads_to_its_new_member_only() {
    let log = Log::of(&["alice", "bob"]);
    let group = Group::new(Depth::RLN, 1).unwrap();
    group.follow(&log).await.unwrap();
    let alice = group.named(&log, b"alice").await.unwrap().unwrap();
    assert!(group.place(&alice).is_some());
    log.put(0, None);
    group.follow(&log).await.unwrap();
    assert!(group.place(&alice).is_none());
    assert!(group.named(&log, b"alice").await.unwrap().is_none(), "she is not remembered either");
    let erased = group.roots()[0];
    log.put(0, Some("carol"));
    group.follow(&log).await.unwrap();
    assert!(place_of(&group, &log, "carol").await.is_some() && group.place(&alice).is_none());

    // Whoever reads the log from the start comes to the same tree.
    let late = Group::new(Depth::RLN, 1).unwrap();
    late.follow(&log).await.unwrap();
    assert_eq!(late.roots()[0], group.roots()[0]);
    assert_ne!(late.roots()[0], erased);
}

#[tokio::test]
async fn a_tree_that_is_full_is_followed_by_another() {
    let who: Vec<String> = (0..9).map(|who| format!("m{who}")).collect();
    let log = Log::of(&who.iter().map(String::as_str).collect::<Vec<_>>());
    let depth = Depth::new(2).unwrap();
    let group = Group::new(depth, 3).unwrap();
    group.follow(&log).await.unwrap();
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
    assert!(matches!(small.follow(&log).await, Err(StoreError::Damaged(_))));
    assert!(Group::new(depth, 0).is_none() && Group::new(depth, MAX_TREES + 1).is_none());
}
