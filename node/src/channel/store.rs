//! What a channel keeps: records that change together or not at all.

use std::collections::BTreeMap;
use std::convert::Infallible;

use logos_crypto::codec::{DecodeError, Reader, Writer};

use super::id::MessageId;

/// Where a record is kept, within its channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Key {
    /// The logical clock.
    Clock,
    /// A message of the log, by its clock and name.
    Log(u64, MessageId),
    /// A message of the log that no other refers to yet.
    Head(MessageId),
    /// The bytes of a message.
    Frame(MessageId),
    /// A message of ours that nobody confirmed.
    Outgoing(MessageId),
    /// A message that waits for others.
    Waiting(MessageId),
    /// Counters and cursors of the channel.
    State,
    /// A segment of ours that was not sent yet.
    Queued(u64),
    /// A message of ours that has no outcome yet.
    Request(u64),
    /// A segment of a message that is not whole.
    Segment(u64),
    /// Something that the application was not told yet.
    Event(u64),
    /// Which message of ours a message of the log is a segment of.
    Owner(MessageId),
}

impl Key {
    /// A table's number and the key within it: unique, and in the order of the keys.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Clock => out.u8(0),
            Self::Log(lamport, id) => out.u8(1).u64_be(*lamport).put(id.as_str().as_bytes()),
            Self::Head(id) => out.u8(2).put(id.as_str().as_bytes()),
            Self::Frame(id) => out.u8(3).put(id.as_str().as_bytes()),
            Self::Outgoing(id) => out.u8(4).put(id.as_str().as_bytes()),
            Self::Waiting(id) => out.u8(5).put(id.as_str().as_bytes()),
            Self::State => out.u8(6),
            Self::Queued(number) => out.u8(7).u64_be(*number),
            Self::Request(number) => out.u8(8).u64_be(*number),
            Self::Segment(number) => out.u8(9).u64_be(*number),
            Self::Event(number) => out.u8(10).u64_be(*number),
            Self::Owner(id) => out.u8(11).put(id.as_str().as_bytes()),
        };
        out.into_bytes()
    }

    /// Reads what [`Key::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let table = reader.u8()?;
        let key = match table {
            0 => Self::Clock,
            1 => Self::Log(reader.u64_be()?, name(&mut reader)?),
            2 => Self::Head(name(&mut reader)?),
            3 => Self::Frame(name(&mut reader)?),
            4 => Self::Outgoing(name(&mut reader)?),
            5 => Self::Waiting(name(&mut reader)?),
            6 => Self::State,
            7 => Self::Queued(reader.u64_be()?),
            8 => Self::Request(reader.u64_be()?),
            9 => Self::Segment(reader.u64_be()?),
            10 => Self::Event(reader.u64_be()?),
            11 => Self::Owner(name(&mut reader)?),
            tag => return Err(DecodeError::UnknownTag { tag }),
        };
        reader.finish()?;
        Ok(key)
    }
}

fn name(reader: &mut Reader<'_>) -> Result<MessageId, DecodeError> {
    let bytes = reader.take(reader.remaining())?;
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::NotCanonical)?;
    MessageId::new(text).ok_or(DecodeError::NotCanonical)
}

/// One change of a [`Batch`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Writes a record, over an older one if there is one.
    Put(Key, Vec<u8>),
    /// Removes a record if it is there.
    Delete(Key),
}

/// Changes that happen together or not at all, in their order.
pub type Batch = Vec<Change>;

/// Where the records of one channel are kept.
///
/// # Security
///
/// A commit must be on disk when it returns. An old state that comes back (a restored backup)
/// delivers again what was delivered after it, and sends again what was sent.
pub trait ChannelStore {
    /// What can go wrong below.
    type Error;

    /// Every record, in any order.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn records(&self) -> Result<Vec<(Key, Vec<u8>)>, Self::Error>;

    /// Makes all changes of `batch`, or none.
    ///
    /// # Errors
    ///
    /// The store's own; then nothing changed.
    fn commit(&mut self, batch: Batch) -> Result<(), Self::Error>;
}

/// A store in memory, for tests and for channels that end with the process.
///
/// # Examples
///
/// ```
/// use logos_node::channel::{ChannelStore, MemoryChannel, RecordChange, RecordKey};
///
/// let mut store = MemoryChannel::default();
/// store.commit(vec![RecordChange::Put(RecordKey::Event(7), vec![1])])?;
/// assert_eq!(store.records()?, [(RecordKey::Event(7), vec![1])]);
/// # Ok::<(), std::convert::Infallible>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryChannel {
    records: BTreeMap<Key, Vec<u8>>,
}

impl ChannelStore for MemoryChannel {
    type Error = Infallible;

    fn records(&self) -> Result<Vec<(Key, Vec<u8>)>, Infallible> {
        Ok(self.records.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn commit(&mut self, batch: Batch) -> Result<(), Infallible> {
        for change in batch {
            match change {
                Change::Put(key, value) => drop(self.records.insert(key, value)),
                Change::Delete(key) => drop(self.records.remove(&key)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_in_order() {
        let id = MessageId::new("abc").unwrap();
        let keys = [
            Key::Clock,
            Key::Log(7, id.clone()),
            Key::Log(256, id.clone()),
            Key::Head(id.clone()),
            Key::Frame(id.clone()),
            Key::Outgoing(id.clone()),
            Key::Waiting(id.clone()),
            Key::State,
            Key::Queued(1),
            Key::Request(2),
            Key::Segment(3),
            Key::Event(4),
            Key::Owner(id),
        ];
        let bytes = keys.each_ref().map(Key::to_bytes);
        assert!(bytes.is_sorted());
        for (key, bytes) in keys.iter().zip(&bytes) {
            assert_eq!(Key::from_bytes(bytes).as_ref(), Ok(key));
        }
        assert!(Key::from_bytes(&[12]).is_err() && Key::from_bytes(&[0, 0]).is_err());
    }
}
