//! The contracts: `WakuRlnV2` of the delivery network, and the RLN registry of the Status network.

use logos_crypto::Fr;
use sha3::{Digest, Keccak256};
use thiserror::Error;

use crate::prover::registry::Registration;
use crate::prover::reservation::MemberKey;

/// Which contract is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contract {
    /// `WakuRlnV2`: members pay for a rate that stands in the leaf; leaves are used again. What
    /// expires or is extended changes no leaf, so neither is read.
    WakuRlnV2,
    /// The registry of the Status network. It has no rates, so all leaves have this one.
    Status {
        /// Messages an epoch.
        limit: u32,
    },
}

/// An entry of a contract's log, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The number of its block.
    pub block: u64,
    /// Its place in the block.
    pub index: u64,
    /// What it is about.
    pub topics: Vec<[u8; 32]>,
    /// The rest.
    pub data: Vec<u8>,
}

/// What a log entry means for the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody has this leaf from now on.
    Joined {
        /// The leaf.
        leaf: u64,
        /// Who.
        member: Registration,
    },
    /// The membership of this leaf ended.
    Left {
        /// The leaf.
        leaf: u64,
        /// Is the leaf empty now for certain? `WakuRlnV2` may leave it as it was until it is used
        /// again, and does not say so.
        is_cleared: bool,
    },
}

/// Why a log entry is none of the contract's.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogError {
    /// It does not have the form of the event it names.
    #[error("a log entry does not have its event's form")]
    Form,
    /// The commitment, the leaf or the rate is out of range.
    #[error("a log entry is about a member that cannot be one")]
    Member,
}

impl Contract {
    /// The first topics of the events that are read: who joined, who left.
    #[must_use]
    pub fn topics(self) -> [[u8; 32]; 2] {
        let [joined, left] = match self {
            Self::WakuRlnV2 => [
                "MembershipRegistered(uint256,uint256,uint32)",
                "MembershipErased(uint256,uint32,uint32)",
            ],
            Self::Status { .. } => {
                ["MemberRegistered(uint256,uint256)", "MemberSlashed(uint256,address)"]
            }
        };
        [Keccak256::digest(joined).into(), Keccak256::digest(left).into()]
    }

    /// Must the contract be asked whose a commitment is?
    #[must_use]
    pub const fn names_holders(self) -> bool {
        matches!(self, Self::Status { .. })
    }

    /// What a log entry means; `None` for events that change no leaf.
    ///
    /// # Errors
    ///
    /// [`LogError`].
    pub fn event(self, log: &Log) -> Result<Option<Event>, LogError> {
        let [joined, left] = self.topics();
        // None of these events has indexed fields: all are words of the data.
        let [topic] = log.topics.as_slice() else {
            let is_read = log.topics.first().is_some_and(|topic| [joined, left].contains(topic));
            return if is_read { Err(LogError::Form) } else { Ok(None) };
        };
        match self {
            Self::WakuRlnV2 if *topic == joined => {
                let [commitment, rate, leaf] = words(&log.data)?;
                joins(commitment, small(rate)?, small(leaf)?.into()).map(Some)
            }
            Self::WakuRlnV2 if *topic == left => {
                let [_, _, leaf] = words(&log.data)?;
                Ok(Some(Event::Left { leaf: small(leaf)?.into(), is_cleared: false }))
            }
            Self::Status { limit } if *topic == joined => {
                let [commitment, leaf] = words(&log.data)?;
                joins(commitment, limit, number(leaf)?).map(Some)
            }
            Self::Status { .. } if *topic == left => {
                let [leaf, _] = words(&log.data)?;
                Ok(Some(Event::Left { leaf: number(leaf)?, is_cleared: true }))
            }
            _ => Ok(None),
        }
    }

    /// The call that asks what a leaf of `WakuRlnV2` holds.
    #[must_use]
    pub fn leaf_call(leaf: u64) -> Vec<u8> {
        let mut word = [0; WORD];
        for (byte, digit) in word.iter_mut().rev().zip(leaf.to_le_bytes()) {
            *byte = digit;
        }
        call("getRateCommitmentsInRangeBoundsInclusive(uint32,uint32)", &[word, word])
    }

    /// Does a leaf hold nothing, by the answer to [`Contract::leaf_call`]?
    ///
    /// # Errors
    ///
    /// [`LogError::Form`].
    pub fn is_empty_leaf(answer: &[u8]) -> Result<bool, LogError> {
        // An array of one: where it begins, how long it is, what is in it.
        let [place, length, leaf] = words(answer)?;
        if (number(place)?, number(length)?) == (WORD as u64, 1) {
            Ok(leaf == [0; WORD])
        } else {
            Err(LogError::Form)
        }
    }

    /// The call that asks whose a commitment of the Status registry is.
    #[must_use]
    pub fn holder_call(commitment: MemberKey) -> Vec<u8> {
        let mut word = commitment.0;
        word.reverse();
        call("members(uint256)", &[word])
    }

    /// Whose a commitment is, by the answer to [`Contract::holder_call`]; `None` for nobody.
    ///
    /// # Errors
    ///
    /// [`LogError::Form`].
    pub fn holder(answer: &[u8]) -> Result<Option<[u8; 20]>, LogError> {
        let [holder, _] = words(answer)?;
        let (zeros, address) = holder.split_at(WORD - 20);
        let address: [u8; 20] = address.try_into().map_err(|_| LogError::Form)?;
        if zeros.iter().any(|byte| *byte != 0) {
            return Err(LogError::Form);
        }
        Ok((address != [0; 20]).then_some(address))
    }
}

/// Bytes of everything the contracts pass.
const WORD: usize = 32;

/// Exactly so many words.
fn words<const N: usize>(data: &[u8]) -> Result<[[u8; WORD]; N], LogError> {
    match data.as_chunks() {
        (words, []) => words.try_into().map_err(|_| LogError::Form),
        _ => Err(LogError::Form),
    }
}

fn number(word: [u8; WORD]) -> Result<u64, LogError> {
    match word.split_last_chunk() {
        Some((zeros, low)) if zeros.iter().all(|byte| *byte == 0) => Ok(u64::from_be_bytes(*low)),
        _ => Err(LogError::Member),
    }
}

fn small(word: [u8; WORD]) -> Result<u32, LogError> {
    u32::try_from(number(word)?).map_err(|_| LogError::Member)
}

/// A call: the head of the hash of its signature, and its arguments.
fn call(signature: &str, arguments: &[[u8; WORD]]) -> Vec<u8> {
    let hash = Keccak256::digest(signature);
    hash.iter().take(4).chain(arguments.as_flattened()).copied().collect()
}

/// Without another name a member is named by its commitment.
fn joins(mut bytes: [u8; WORD], limit: u32, leaf: u64) -> Result<Event, LogError> {
    // The contracts write the most significant byte first, this service the least.
    bytes.reverse();
    Fr::from_bytes(&bytes).map_err(|_| LogError::Member)?;
    let (tier, sealed) = (String::new(), None);
    let (member, name) = (MemberKey(bytes), bytes.to_vec());
    let member = Registration { member, name, limit, tier, sealed };
    member.check().map_err(|_| LogError::Member)?;
    Ok(Event::Joined { leaf, member })
}
