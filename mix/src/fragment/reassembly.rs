//! Putting messages together again, with bounded memory.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use logos_crypto::tick::Tick;
use reed_solomon_simd::ReedSolomonDecoder;
use thiserror::Error;

use super::{Fragment, MessageId, Shape};

/// What a [`Reassembler`] may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages that wait for fragments.
    pub messages: usize,
    /// Bytes of the fragments that wait, headers not counted.
    pub bytes: usize,
    /// How long a message waits after its first fragment.
    pub timeout: Duration,
    /// Messages remembered as done, so that late fragments do not start them anew.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { messages: 256, bytes: 16 << 20, timeout: Duration::from_secs(120), remembered: 4096 }
    }
}

/// Why a fragment was not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReassemblyError {
    /// The fragment is of another shape than the first of its message.
    #[error("fragment does not fit the others of its message")]
    Mismatch,
    /// [`Limits::messages`] or [`Limits::bytes`] is reached.
    #[error("too many messages wait for fragments")]
    Full,
    /// The erasure code did not give a message from enough shards.
    #[error("internal: {0}")]
    Internal(&'static str),
}

/// Collects fragments until a message can be read.
///
/// Nothing is reserved for what a fragment announces: memory grows with the bytes that came. When
/// a limit is reached new messages are refused, and those that wait are kept until they time out.
#[derive(Debug)]
pub struct Reassembler {
    limits: Limits,
    partial: BTreeMap<MessageId, Partial>,
    bytes: usize,
    done: BTreeSet<MessageId>,
    // Invariant: the members of `done`, oldest first.
    order: VecDeque<MessageId>,
}

#[derive(Debug)]
struct Partial {
    shape: Shape,
    deadline: Tick,
    shards: BTreeMap<u8, Vec<u8>>,
}

impl Reassembler {
    /// An empty one.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            partial: BTreeMap::new(),
            bytes: 0,
            done: BTreeSet::new(),
            order: VecDeque::new(),
        }
    }

    /// Takes a fragment, and gives the message if it was the last one needed.
    ///
    /// Repeated fragments and those of a finished message are ignored.
    ///
    /// # Errors
    ///
    /// [`ReassemblyError`]; unless that is a bug of ours, nothing changes.
    pub fn handle_fragment(
        &mut self,
        now: Tick,
        fragment: Fragment,
    ) -> Result<Option<Vec<u8>>, ReassemblyError> {
        let Fragment { id, shape, index, shard } = fragment;
        if self.done.contains(&id) {
            return Ok(None);
        }
        self.admit(id, shape, shard.len())?;
        let deadline = now + self.limits.timeout;
        let partial = self.partial.entry(id).or_insert_with(|| Partial {
            shape,
            deadline,
            shards: BTreeMap::new(),
        });
        let bytes = shard.len();
        if partial.shards.insert(index, shard).is_none() {
            self.bytes = self.bytes.saturating_add(bytes);
        }
        if partial.shards.len() < usize::from(shape.data) {
            return Ok(None);
        }
        self.finish(id)
    }

    /// Forgets the messages that waited too long; gives how many.
    pub fn handle_timeout(&mut self, now: Tick) -> usize {
        let before = self.partial.len();
        self.partial.retain(|_, partial| partial.deadline > now);
        self.bytes = self.partial.values().map(Partial::bytes).sum();
        before.saturating_sub(self.partial.len())
    }

    /// When [`Reassembler::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        self.partial.values().map(|partial| partial.deadline).min()
    }

    /// Messages that wait for fragments.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.partial.len()
    }

    fn admit(&self, id: MessageId, shape: Shape, bytes: usize) -> Result<(), ReassemblyError> {
        match self.partial.get(&id) {
            Some(partial) if partial.shape != shape => return Err(ReassemblyError::Mismatch),
            None if self.partial.len() >= self.limits.messages => {
                return Err(ReassemblyError::Full);
            }
            _ => {}
        }
        if self.bytes.saturating_add(bytes) > self.limits.bytes {
            return Err(ReassemblyError::Full);
        }
        Ok(())
    }

    fn finish(&mut self, id: MessageId) -> Result<Option<Vec<u8>>, ReassemblyError> {
        let Some(partial) = self.partial.remove(&id) else { return Ok(None) };
        self.bytes = self.bytes.saturating_sub(partial.bytes());
        self.remember(id);
        partial.decode().map(Some)
    }
}

impl Reassembler {
    fn remember(&mut self, id: MessageId) {
        self.done.insert(id);
        self.order.push_back(id);
        if self.order.len() > self.limits.remembered
            && let Some(oldest) = self.order.pop_front()
        {
            self.done.remove(&oldest);
        }
    }
}

impl Partial {
    fn bytes(&self) -> usize {
        self.shards.values().map(Vec::len).sum()
    }

    fn decode(self) -> Result<Vec<u8>, ReassemblyError> {
        let shape = self.shape;
        let shards = self
            .restored()
            .map_err(|_| ReassemblyError::Internal("the erasure code refused its input"))?;
        let mut message: Vec<u8> = shards.into_values().flatten().collect();
        message.truncate(shape.length as usize);
        Ok(message)
    }

    /// All data shards, in order.
    fn restored(mut self) -> Result<BTreeMap<u8, Vec<u8>>, reed_solomon_simd::Error> {
        let parity = self.shards.split_off(&self.shape.data);
        if parity.is_empty() {
            return Ok(self.shards);
        }
        let (data, all) = (usize::from(self.shape.data), usize::from(self.shape.parity));
        let mut decoder = ReedSolomonDecoder::new(data, all, self.shape.shard_bytes())?;
        for (index, shard) in &self.shards {
            decoder.add_original_shard(usize::from(*index), shard)?;
        }
        for (index, shard) in &parity {
            decoder.add_recovery_shard(usize::from(*index).saturating_sub(data), shard)?;
        }
        let result = decoder.decode()?;
        let restored = result.restored_original_iter();
        let restored =
            restored.filter_map(|(i, shard)| Some((u8::try_from(i).ok()?, shard.to_vec())));
        self.shards.extend(restored);
        Ok(self.shards)
    }
}
