//! One message, as far as it is here.

use std::collections::{BTreeMap, BTreeSet};

use logos_crypto::tick::Tick;
use sha3::{Digest, Keccak256};

use super::DropReason;
use crate::channel::segment::erasure::{self, SHARD_ALIGNMENT};
use crate::channel::segment::{Place, hash};

type Shards = BTreeMap<u16, Vec<u8>>;

/// Segments of one message. Parity segments stand under the count they claim, so that one with a
/// false count spoils nothing.
#[derive(Debug, Default)]
pub(super) struct Partial {
    pub(super) deadline: Tick,
    data: Shards,
    parity: BTreeMap<u16, Shards>,
    tags: Vec<u64>,
    /// Every place that was taken; kept when the message is whole and the bytes are gone.
    seen: BTreeSet<(bool, u16, u16)>,
    /// Parity segments that the message has, as far as its segments say.
    parity_count: u16,
    is_whole: bool,
}

impl Partial {
    pub(super) fn insert(&mut self, place: Place, payload: Vec<u8>, tag: u64) {
        self.note(place);
        self.tags.push(tag);
        let shards = match place {
            Place::Data { .. } => &mut self.data,
            Place::Parity { count, .. } => self.parity.entry(count).or_default(),
        };
        let (_, _, index) = position(place);
        shards.insert(index, payload);
    }

    /// Remembers that the segment came.
    pub(super) fn note(&mut self, place: Place) {
        let (Place::Data { parity_count: count, .. } | Place::Parity { count, .. }) = place;
        self.parity_count = self.parity_count.max(count);
        self.seen.insert(position(place));
    }

    pub(super) fn holds(&self, place: Place) -> bool {
        self.seen.contains(&position(place))
    }

    /// Is the message whole?
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Can the message be whole?
    pub(super) fn is_enough(&self, data_count: u16) -> bool {
        let missing = usize::from(data_count).saturating_sub(self.data.len());
        missing == 0 || self.parity.values().any(|shards| shards.len() >= missing)
    }

    /// Are there segments of the message that did not come?
    pub(super) fn expects_more(&self, data_count: u16) -> bool {
        let all = usize::from(data_count).saturating_add(self.parity_count.into());
        self.seen.len() < all
    }

    pub(super) fn bytes(&self) -> usize {
        let parity = self.parity.values().flat_map(BTreeMap::values);
        self.data.values().chain(parity).map(Vec::len).sum()
    }

    pub(super) fn tags(&self) -> Vec<u64> {
        self.tags.clone()
    }

    /// The message, if its segments make it. The bytes are gone afterwards either way.
    pub(super) fn take_payload(
        &mut self,
        data_count: u16,
        len: Option<u64>,
        expected: &[u8; 32],
    ) -> Result<Vec<u8>, DropReason> {
        let data = std::mem::take(&mut self.data);
        let parity = std::mem::take(&mut self.parity);
        self.is_whole = true;
        let shards = if data.len() == usize::from(data_count) {
            data.into_values().collect()
        } else {
            restore(data, parity, data_count.into()).ok_or(DropReason::Undecodable)?
        };
        cut_to_hash(shards.concat(), len, expected).ok_or(DropReason::HashMismatch)
    }
}

const fn position(place: Place) -> (bool, u16, u16) {
    match place {
        Place::Data { index, .. } => (false, 0, index),
        Place::Parity { index, count } => (true, count, index),
    }
}

/// All data shards, the missing ones from parity.
fn restore(data: Shards, parity: BTreeMap<u16, Shards>, n: usize) -> Option<Vec<Vec<u8>>> {
    let missing = n.saturating_sub(data.len());
    let (count, parity) = parity.into_iter().find(|(_, shards)| shards.len() >= missing)?;
    let shard = parity.values().next()?.len();
    let fits = |bytes: &Vec<u8>| bytes.len() <= shard;
    if shard == 0 || shard % SHARD_ALIGNMENT != 0 || !data.values().all(fits) {
        return None;
    }
    let mut shards = vec![Vec::new(); n.saturating_add(count.into())];
    for (index, mut bytes) in data {
        bytes.resize(shard, 0);
        *shards.get_mut(usize::from(index))? = bytes;
    }
    for (index, bytes) in parity {
        if bytes.len() != shard {
            return None;
        }
        *shards.get_mut(n.saturating_add(index.into()))? = bytes;
    }
    erasure::restore(&mut shards, n).ok()?;
    shards.truncate(n);
    Some(shards)
}

/// The message without the padding of its last shard.
///
/// Where the schema does not say how long the message is, the hash does: every length that ends in
/// the padding is tried, one permutation each.
fn cut_to_hash(mut bytes: Vec<u8>, len: Option<u64>, expected: &[u8; 32]) -> Option<Vec<u8>> {
    if let Some(len) = len {
        let len = usize::try_from(len).ok().filter(|len| *len <= bytes.len())?;
        bytes.truncate(len);
        return (hash(&bytes) == *expected).then_some(bytes);
    }
    if hash(&bytes) == *expected {
        return Some(bytes);
    }
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).take(MAX_PADDING).count();
    let shortest = bytes.len().saturating_sub(zeros);
    let mut hasher = Keccak256::new_with_prefix(bytes.get(..shortest)?);
    for length in shortest..bytes.len() {
        if hasher.clone().finalize().as_slice() == expected {
            bytes.truncate(length);
            return Some(bytes);
        }
        hasher.update([0]);
    }
    None
}

/// Padding that is looked for, at most: a segment of the network's largest message.
const MAX_PADDING: usize = 153_600;
