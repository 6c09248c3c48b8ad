//! The reader in virtual time.

use std::collections::HashMap;
use std::time::Duration;

use logos_crypto::tick::Tick;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::*;

/// What is durable.
#[derive(Default)]
struct Kept {
    leaves: BTreeMap<u64, Option<Registration>>,
    cursor: Option<String>,
    commits: usize,
}

struct Bench {
    world: World,
    kept: Kept,
    reader: Reader,
    now: Tick,
    /// The first blocks of the stretches whose logs were asked for.
    asked: Vec<u64>,
}

impl Bench {
    fn new(contract: Contract) -> Self {
        let (reader, now) = (Reader::new(reading(contract)), Tick::ORIGIN);
        let world = World::new(contract);
        Self { world, kept: Kept::default(), reader, now, asked: Vec::new() }
    }

    /// The same store, a new process.
    fn restart(&mut self) {
        self.reader = Reader::new(reading(self.world.contract));
        self.asked.clear();
    }

    fn answer(&mut self, request: Request) -> Reply {
        let world = &self.world;
        match request {
            Request::Chain => Reply::Number(59_144),
            Request::Cursor => Reply::Cursor(self.kept.cursor.clone()),
            Request::Head => Reply::Number(world.head()),
            Request::Hash(number) => {
                let block = world.blocks.get(usize::try_from(number).unwrap());
                Reply::Hash(block.map(|block| block.hash))
            }
            Request::Logs { from, to } => {
                self.asked.push(from);
                Reply::Logs(world.logs(from, to))
            }
            Request::Empty { leaves, block } => {
                Reply::Empty(world.empty(&leaves, block.unwrap_or(world.head())))
            }
            Request::Holders(keys) => {
                let who = |key: &MemberKey| u64::from_le_bytes(*key.0.first_chunk().unwrap());
                let named = |key: MemberKey| (key, holder(who(&key)).to_vec());
                Reply::Holders(keys.into_iter().map(named).collect::<HashMap<_, _>>())
            }
            Request::Occupants(leaves) => {
                let kept = |leaf| (leaf, self.kept.leaves.get(&leaf).cloned().flatten());
                Reply::Occupants(leaves.into_iter().map(kept).collect())
            }
        }
    }

    /// Lets the reader read until it rests.
    fn settle(&mut self) -> Result<(), ReadError> {
        if let Some(deadline) = self.reader.next_deadline() {
            self.now = self.now.max(deadline);
        }
        while let Some(output) = self.reader.poll_output(self.now) {
            match output {
                Output::Ask(request) => {
                    let reply = self.answer(request);
                    self.reader.handle_reply(self.now, reply)?;
                }
                Output::Commit(Commit { leaves, before, after }) => {
                    assert_eq!(before, self.kept.cursor);
                    self.kept.leaves.extend(leaves);
                    self.kept.cursor = Some(after);
                    self.kept.commits += 1;
                    self.reader.handle_committed(true);
                }
            }
        }
        assert!(self.reader.next_deadline().is_some_and(|deadline| deadline > self.now));
        Ok(())
    }

    /// Members by leaf, as they are known here.
    fn members(&self) -> BTreeMap<u64, Registration> {
        let leaves = self.kept.leaves.iter();
        leaves.filter_map(|(leaf, who)| Some((*leaf, who.clone()?))).collect()
    }

    /// Members by leaf, as they are on the chain in the last block that was read, which is no older
    /// than the last one that counts.
    fn expected(&self) -> BTreeMap<u64, Registration> {
        let counts = self.world.head().checked_sub(2);
        assert!(self.reader.last() >= counts);
        let leaves = self.reader.last().map(|last| self.world.leaves(last)).unwrap_or_default();
        leaves.into_iter().filter_map(|(leaf, who)| Some((leaf, who?))).collect()
    }
}

fn join(leaf: u64, who: u64) -> Act {
    Act::Join { leaf, who, rate: 20 }
}

#[test]
fn a_long_chain_is_read_in_stretches_and_a_block_counts_once_others_follow_it() {
    let mut bench = Bench::new(Contract::WakuRlnV2);
    for number in 0..1000 {
        let acts = if number % 10 == 0 { vec![join(number / 10, number + 1)] } else { vec![] };
        bench.world.mine(acts);
    }
    bench.settle().unwrap();
    assert_eq!((bench.members().len(), bench.reader.last()), (100, Some(998)));
    assert_eq!(bench.members(), bench.expected());
    // 745 blocks by 50, the rest by 8.
    assert!((45..60).contains(&bench.asked.len()), "{}", bench.asked.len());

    bench.world.mine(vec![join(100, 5000)]);
    bench.settle().unwrap();
    assert_eq!(bench.members().len(), 100, "not yet");
    bench.world.mine(vec![]);
    bench.world.mine(vec![]);
    bench.settle().unwrap();
    assert_eq!(bench.members().len(), 101);
}

#[test]
fn a_new_process_goes_on_where_the_last_one_was() {
    let mut bench = Bench::new(Contract::Status { limit: 100 });
    for number in 0..300 {
        bench.world.mine(vec![join(number, number + 1)]);
    }
    bench.settle().unwrap();
    let commits = bench.kept.commits;
    bench.restart();
    bench.settle().unwrap();
    assert_eq!((bench.asked.len(), bench.kept.commits), (0, commits), "nothing is new");
    bench.world.mine(vec![join(300, 301)]);
    bench.settle().unwrap();
    assert_eq!(bench.asked, [299]);
    assert_eq!(bench.members(), bench.expected());
    assert_eq!(bench.members()[&5].name, holder(6));
}

#[test]
fn an_erased_leaf_stays_until_it_is_cleared_or_used_again() {
    let mut bench = Bench::new(Contract::WakuRlnV2);
    bench.world.mine(vec![join(0, 1), join(1, 2), join(2, 3)]);
    let erase = |leaf, is_cleared| Act::Erase { leaf, is_cleared };
    bench.world.mine(vec![erase(0, false), erase(1, true), erase(2, false), join(2, 4)]);
    for _ in 0..3 {
        bench.world.mine(vec![]);
    }
    bench.settle().unwrap();
    let who = |leaf| bench.kept.leaves[&leaf].clone().map(|member| member.member.0[0]);
    assert_eq!([who(0), who(1), who(2)], [Some(1), None, Some(4)]);
    assert_eq!(bench.members(), bench.expected());
}

/// Whatever is mined and forked, the reader comes to what the chain says.
#[test]
fn after_any_reorganisation_the_members_are_those_of_the_chain() {
    for seed in 0..40 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut draw = |below: u64| rng.next_u64() % below;
        let mut bench = Bench::new(Contract::WakuRlnV2);
        let mut next = 1;
        for _ in 0..60 {
            let depth = usize::try_from(draw(30)).unwrap();
            if draw(3) == 0 && depth < bench.world.blocks.len() {
                bench.world.fork(depth);
            }
            for _ in 0..draw(12) + 1 {
                let mut acts = Vec::new();
                for _ in 0..draw(3) {
                    let leaf = draw(12);
                    next += 1;
                    acts.push(match draw(3) {
                        0 => Act::Erase { leaf, is_cleared: true },
                        _ => join(leaf, next),
                    });
                }
                bench.world.mine(acts);
            }
            if draw(8) == 0 {
                bench.restart();
            }
            bench.settle().unwrap();
            assert_eq!(bench.members(), bench.expected(), "seed {seed}");
        }
    }
}

#[test]
fn what_lies_too_deep_to_be_undone_is_said_and_changes_nothing() {
    let mut bench = Bench::new(Contract::WakuRlnV2);
    for number in 0..600 {
        bench.world.mine(vec![join(number, number + 1)]);
    }
    bench.settle().unwrap();
    let (known, cursor) = (bench.members(), bench.kept.cursor.clone());
    bench.world.fork(400);
    for _ in 0..450 {
        bench.world.mine(vec![]);
    }
    assert!(matches!(bench.settle(), Err(ReadError::TooDeep(_))));
    assert_eq!((bench.members(), bench.kept.cursor), (known, cursor));
}

#[test]
fn a_node_that_changes_its_mind_or_lies_is_not_believed() {
    let at = |stage: fn(&Request) -> bool| {
        let mut bench = Bench::new(Contract::WakuRlnV2);
        for number in 0..20 {
            bench.world.mine(vec![join(number, number + 1)]);
        }
        loop {
            let Some(Output::Ask(request)) = bench.reader.poll_output(bench.now) else { panic!() };
            if stage(&request) {
                return bench;
            }
            let reply = bench.answer(request);
            bench.reader.handle_reply(bench.now, reply).unwrap();
        }
    };
    let mut other = at(|request| *request == Request::Chain);
    let error = other.reader.handle_reply(other.now, Reply::Number(1)).unwrap_err();
    assert_eq!(error, ReadError::OtherChain { found: 1, wanted: 59_144 });
    assert_eq!(other.reader.handle_reply(other.now, Reply::Hash(None)), Err(ReadError::Unasked));

    let mut stray = at(|request| matches!(request, Request::Logs { .. }));
    let logs = stray.world.logs(9, 9);
    let error = stray.reader.handle_reply(stray.now, Reply::Logs(logs)).unwrap_err();
    assert_eq!(error, ReadError::Misplaced(9), "only blocks up to 7 were asked for");
    let logs = stray.world.logs(3, 3).into_iter().cycle().take(2).collect();
    assert!(stray.reader.handle_reply(stray.now, Reply::Logs(logs)).is_err(), "one twice");

    // The chain is another one when the hash is asked for again.
    let mut changed = at(|request| matches!(request, Request::Logs { .. }));
    let logs = changed.world.logs(0, 7);
    changed.reader.handle_reply(changed.now, Reply::Logs(logs)).unwrap();
    let again = changed.reader.poll_output(changed.now);
    assert_eq!(again, Some(Output::Ask(Request::Hash(7))));
    let error = changed.reader.handle_reply(changed.now, Reply::Hash(Some([1; 32])));
    assert_eq!(error, Err(ReadError::Changed));
    changed.reader.handle_failure(changed.now);
    assert_eq!(changed.reader.poll_output(changed.now), None, "it pauses");
    changed.now = changed.now + Duration::from_secs(2);
    changed.settle().unwrap();
    assert_eq!(changed.members(), changed.expected());
}

#[test]
fn another_instance_that_has_read_further_is_followed() {
    let mut bench = Bench::new(Contract::WakuRlnV2);
    for number in 0..20 {
        bench.world.mine(vec![join(number, number + 1)]);
    }
    let mut late = bench.reader.clone();
    bench.settle().unwrap();
    let mut fresh = true;
    while let Some(output) = late.poll_output(bench.now) {
        match output {
            Output::Ask(Request::Cursor) if fresh => {
                fresh = false;
                late.handle_reply(bench.now, Reply::Cursor(None)).unwrap();
            }
            Output::Ask(request) => {
                let reply = bench.answer(request);
                late.handle_reply(bench.now, reply).unwrap();
            }
            Output::Commit(commit) => {
                assert_ne!(commit.before, bench.kept.cursor);
                late.handle_committed(false);
            }
        }
    }
    assert_eq!(late.last(), bench.reader.last());
}
