//! The records of a channel.

use rand_chacha::ChaCha20Rng;

use super::{RecordChange, RecordError, Records};
use crate::channel::{
    ChannelId, ChannelStore, RecordBatch as Batch, RecordChange as Change, RecordKey as Key,
};

/// The space of channels. A key is the channel's name behind its length, then the record's.
const CHANNELS: u8 = 1;

/// One channel in a sealed database.
#[derive(Debug)]
pub struct RedbChannel {
    records: Records,
    prefix: Vec<u8>,
    rng: ChaCha20Rng,
}

impl RedbChannel {
    /// The channel `id` of `records`; `rng` gives nonces.
    #[must_use]
    pub fn new(records: Records, id: &ChannelId, rng: ChaCha20Rng) -> Self {
        let name = id.as_str().as_bytes();
        // Invariant: a name has at most 128 bytes.
        let mut prefix = vec![u8::try_from(name.len()).unwrap_or(u8::MAX)];
        prefix.extend_from_slice(name);
        Self { records, prefix, rng }
    }

    fn place(&self, key: &Key) -> Vec<u8> {
        [&self.prefix[..], &key.to_bytes()].concat()
    }
}

impl ChannelStore for RedbChannel {
    type Error = RecordError;

    fn records(&self) -> Result<Vec<(Key, Vec<u8>)>, RecordError> {
        let malformed = RecordError::Malformed { space: CHANNELS };
        let found = self.records.scan(CHANNELS, &self.prefix, usize::MAX)?;
        let read = |(place, value): (Vec<u8>, Vec<u8>)| {
            let key = place.get(self.prefix.len()..).map(Key::from_bytes);
            key.and_then(Result::ok).map(|key| (key, value)).ok_or_else(|| malformed.clone())
        };
        found.into_iter().map(read).collect()
    }

    fn commit(&mut self, batch: Batch) -> Result<(), RecordError> {
        let changes: Vec<_> = batch
            .into_iter()
            .map(|change| match change {
                Change::Put(key, value) => RecordChange::Put(self.place(&key), value),
                Change::Delete(key) => RecordChange::Delete(self.place(&key)),
            })
            .collect();
        self.records.commit(CHANNELS, &changes, &mut self.rng)
    }
}
