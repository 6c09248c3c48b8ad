//! A chain that exists for tests only: blocks, forks, and a contract whose leaves are known.

mod http;
mod reading;

use std::collections::{BTreeMap, BTreeSet};

use sha3::{Digest, Keccak256};

use super::*;
use crate::prover::registry::Registration;
use crate::prover::reservation::MemberKey;

/// What happened in a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Join { leaf: u64, who: u64, rate: u32 },
    Erase { leaf: u64, is_cleared: bool },
}

#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) hash: [u8; 32],
    pub(super) acts: Vec<Act>,
}

/// Blocks from number 0 on.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) contract: Contract,
    pub(super) blocks: Vec<Block>,
    hashes: u64,
}

impl World {
    pub(super) fn new(contract: Contract) -> Self {
        let mut world = Self { contract, blocks: Vec::new(), hashes: 0 };
        world.mine(vec![]);
        world
    }

    pub(super) fn mine(&mut self, acts: Vec<Act>) {
        self.hashes += 1;
        let hash = Keccak256::digest(self.hashes.to_be_bytes()).into();
        self.blocks.push(Block { hash, acts });
    }

    pub(super) fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub(super) fn fork(&mut self, depth: usize) {
        self.blocks.truncate(self.blocks.len() - depth);
    }

    pub(super) fn member(&self, who: u64, rate: u32) -> Registration {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&who.to_le_bytes());
        let (name, limit) = match self.contract {
            Contract::WakuRlnV2 => (key.to_vec(), rate),
            Contract::Status { limit } => (holder(who).to_vec(), limit),
        };
        Registration { member: MemberKey(key), name, limit, tier: String::new(), sealed: None }
    }

    /// What every leaf holds after block `number`; leaves nobody ever had are not there.
    pub(super) fn leaves(&self, number: u64) -> BTreeMap<u64, Option<Registration>> {
        let mut leaves = BTreeMap::new();
        for block in self.blocks.iter().take(usize::try_from(number).unwrap() + 1) {
            for act in &block.acts {
                match *act {
                    Act::Join { leaf, who, rate } => {
                        leaves.insert(leaf, Some(self.member(who, rate)));
                    }
                    Act::Erase { leaf, is_cleared: true } => {
                        leaves.insert(leaf, None);
                    }
                    Act::Erase { .. } => {}
                }
            }
        }
        leaves
    }

    pub(super) fn logs(&self, from: u64, to: u64) -> Vec<Log> {
        let blocks = (0..).zip(&self.blocks).filter(|(number, _)| (from..=to).contains(number));
        let logs = blocks.flat_map(|(number, block)| {
            (0..).zip(&block.acts).map(move |(index, act)| self.log(number, index, *act))
        });
        logs.collect()
    }

    fn log(&self, block: u64, index: u64, act: Act) -> Log {
        let [joined, left] = self.contract.topics();
        let (topic, words) = match (self.contract, act) {
            (Contract::WakuRlnV2, Act::Join { leaf, who, rate }) => {
                (joined, vec![who, rate.into(), leaf])
            }
            (Contract::WakuRlnV2, Act::Erase { leaf, .. }) => (left, vec![1, 20, leaf]),
            (Contract::Status { .. }, Act::Join { leaf, who, .. }) => (joined, vec![who, leaf]),
            (Contract::Status { .. }, Act::Erase { leaf, .. }) => (left, vec![leaf, 7]),
        };
        let data = words.into_iter().flat_map(word).collect();
        Log { block, index, topics: vec![topic], data }
    }

    /// Which of these leaves are empty after block `number`.
    pub(super) fn empty(&self, asked: &[u64], number: u64) -> BTreeSet<u64> {
        let leaves = self.leaves(number);
        let is_empty = |leaf: &u64| leaves.get(leaf).is_none_or(Option::is_none);
        asked.iter().copied().filter(is_empty).collect()
    }
}

/// Whose commitment it is.
pub(super) fn holder(who: u64) -> [u8; 20] {
    let mut holder = [0xaa; 20];
    holder[..8].copy_from_slice(&who.to_be_bytes());
    holder
}

pub(super) fn word(value: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

pub(super) fn reading(contract: Contract) -> Reading {
    Reading {
        contract,
        chain: 59_144,
        start: 0,
        confirmations: 2,
        poll: std::time::Duration::from_secs(12),
        range: 50,
        capacity: 1 << 20,
    }
}

#[test]
fn topics_are_those_of_the_deployed_events() {
    let topic = |signature: &str| <[u8; 32]>::from(Keccak256::digest(signature));
    assert_eq!(
        Contract::WakuRlnV2.topics(),
        [
            topic("MembershipRegistered(uint256,uint256,uint32)"),
            topic("MembershipErased(uint256,uint32,uint32)")
        ]
    );
    assert_eq!(
        Contract::Status { limit: 1 }.topics(),
        [topic("MemberRegistered(uint256,uint256)"), topic("MemberSlashed(uint256,address)")]
    );
    let selector =
        &Keccak256::digest("getRateCommitmentsInRangeBoundsInclusive(uint32,uint32)")[..4];
    let call = Contract::leaf_call(9);
    assert_eq!((&call[..4], &call[4..]), (selector, [word(9), word(9)].concat().as_slice()));
    let call = Contract::holder_call(MemberKey([0; 32]));
    assert_eq!(call[..4], Keccak256::digest("members(uint256)")[..4]);
}

#[test]
fn a_log_entry_that_cannot_be_one_is_refused() {
    let world = World::new(Contract::WakuRlnV2);
    let good = world.log(1, 0, Act::Join { leaf: 3, who: 5, rate: 20 });
    let contract = Contract::WakuRlnV2;
    let joined = Event::Joined { leaf: 3, member: world.member(5, 20) };
    assert_eq!(contract.event(&good), Ok(Some(joined)));
    let cut = Log { data: good.data[..95].to_vec(), ..good.clone() };
    assert_eq!(contract.event(&cut), Err(LogError::Form));
    let no_field_element = [[0xff; 32], word(20), word(3)].concat();
    let over = Log { data: no_field_element, ..good.clone() };
    assert_eq!(contract.event(&over), Err(LogError::Member));
    let no_rate = Log { data: [word(5), word(0), word(3)].concat(), ..good.clone() };
    assert_eq!(contract.event(&no_rate), Err(LogError::Member));
    let other = Log { topics: vec![[9; 32]], ..good };
    assert_eq!(contract.event(&other), Ok(None));
}
