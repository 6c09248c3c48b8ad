//! Messages kept for others, in a redb database.

use core::time::Duration;
use std::io;
use std::path::Path;
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use thiserror::Error;

use super::config::StoreConfig;
use crate::store::from_redb;
use crate::wire::{
    MessageHash, PubsubTopic, StoreEntry, StoreRequest, StoreResponse, UnixNanos, WakuMessage,
    Wire, status,
};

/// Timestamp and hash, and the message with its pubsub topic.
const MESSAGES: TableDefinition<'_, Key, (u16, u16, &[u8])> = TableDefinition::new("messages");
/// The timestamp of each hash.
const TIMES: TableDefinition<'_, [u8; 32], i64> = TableDefinition::new("times");

type Key = (i64, [u8; 32]);

/// Why the archive failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Another process has the database open.
    #[error("the database is open in another process")]
    Locked,
    /// The database holds something that no archive wrote, or is of another version.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The system failed to read or write.
    #[error("the database cannot be read or written: {0}")]
    Io(io::ErrorKind),
}

impl From<redb::Error> for ArchiveError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::Locked,
            redb::Error::Io(error) => Self::Io(error.kind()),
            redb::Error::PreviousIo => Self::Io(io::ErrorKind::Other),
            error => Self::Damaged(error.to_string()),
        }
    }
}

from_redb!(ArchiveError);

/// Messages that a node keeps for others, by time and by name.
///
/// Writing is one transaction for a batch; reading goes on meanwhile. All methods block.
#[derive(Clone, Debug)]
pub struct Archive {
    database: Arc<Database>,
    retention: Duration,
    capacity: u64,
}

impl Archive {
    /// How far a message's timestamp may be from the clock for the message to be kept.
    pub const MAX_DRIFT: Duration = Duration::from_secs(20);

    /// Opens the archive, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`]; a file that is no database stays as it is.
    pub fn open(config: &StoreConfig) -> Result<Self, ArchiveError> {
        let database = match config.path.as_deref() {
            Some(path) => Self::file(path)?,
            None => Database::builder().create_with_backend(InMemoryBackend::new())?,
        };
        let transaction = database.begin_write()?;
        transaction.open_table(MESSAGES)?;
        transaction.open_table(TIMES)?;
        transaction.commit()?;
        let (retention, capacity) = (config.retention, config.capacity);
        Ok(Self { database: Arc::new(database), retention, capacity })
    }

    fn file(path: &Path) -> Result<Database, ArchiveError> {
        Ok(Database::create(path)?)
    }

    /// Keeps messages, once each, and drops those that are too old or too many. What is ephemeral,
    /// or too far from `now`, is not kept.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`]; none of the batch was kept.
    pub fn keep(
        &self,
        batch: &[(MessageHash, PubsubTopic, Arc<WakuMessage>)],
        now: UnixNanos,
    ) -> Result<(), ArchiveError> {
        let transaction = self.database.begin_write()?;
        {
            let mut messages = transaction.open_table(MESSAGES)?;
            let mut times = transaction.open_table(TIMES)?;
            for (hash, topic, message) in batch {
                let drift = message.timestamp.distance(now);
                if message.ephemeral || drift > Self::MAX_DRIFT {
                    continue;
                }
                let time = message.timestamp.get();
                if times.insert(hash.as_bytes(), time)?.is_none() {
                    let bytes = message.encode();
                    let value = (topic.cluster, topic.shard, bytes.as_slice());
                    messages.insert((time, *hash.as_bytes()), value)?;
                }
            }
            let oldest = now.minus(self.retention).get();
            let surplus = messages.len()?.saturating_sub(self.capacity);
            let mut dropped = Vec::new();
            for (index, entry) in messages.iter()?.enumerate() {
                let (time, hash) = entry?.0.value();
                if time >= oldest && index as u64 >= surplus {
                    break;
                }
                dropped.push((time, hash));
            }
            for key in dropped {
                messages.remove(key)?;
                times.remove(key.1)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// How many messages are kept.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`].
    pub fn len(&self) -> Result<u64, ArchiveError> {
        Ok(self.database.begin_read()?.open_table(MESSAGES)?.len()?)
    }

    /// Is nothing kept?
    ///
    /// # Errors
    ///
    /// [`ArchiveError`].
    pub fn is_empty(&self) -> Result<bool, ArchiveError> {
        Ok(self.len()? == 0)
    }

    /// Answers a query with one page. Costs at most [`Archive::MAX_SCANNED`] messages read.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`]. A query that makes no sense is answered with a status.
    ///
    /// # Security
    ///
    /// A peer controls the request.
    pub fn answer(&self, request: &StoreRequest) -> Result<StoreResponse, ArchiveError> {
        let by_topic = request.pubsub_topic.is_some() || !request.content_topics.is_empty();
        let half = request.pubsub_topic.is_some() == request.content_topics.is_empty();
        if half || (by_topic && !request.message_hashes.is_empty()) {
            return Ok(refuse(request, "topics come in pairs, and not with hashes"));
        }
        if request.message_hashes.is_empty() {
            self.answer_range(request)
        } else {
            self.answer_hashes(request)
        }
    }

    /// Messages that one query reads at most; the page then ends early, with a cursor.
    pub const MAX_SCANNED: usize = 10_000;

    fn answer_hashes(&self, request: &StoreRequest) -> Result<StoreResponse, ArchiveError> {
        let transaction = self.database.begin_read()?;
        let (times, messages) = (transaction.open_table(TIMES)?, transaction.open_table(MESSAGES)?);
        let mut found = Vec::new();
        for hash in &request.message_hashes {
            let Some(time) = times.get(hash.as_bytes())? else { continue };
            if let Some(value) = messages.get((time.value(), *hash.as_bytes()))? {
                found.push(entry(request, *hash, value.value())?);
            }
        }
        Ok(page(request, found, None))
    }

    fn answer_range(&self, request: &StoreRequest) -> Result<StoreResponse, ArchiveError> {
        let transaction = self.database.begin_read()?;
        let messages = transaction.open_table(MESSAGES)?;
        let mut from = (request.from.map_or(i64::MIN, UnixNanos::get), [0; 32]);
        let mut to = (request.to.map_or(i64::MAX, UnixNanos::get), [0xff; 32]);
        let mut excluded = None;
        if let Some(cursor) = &request.cursor {
            let Some(time) = transaction.open_table(TIMES)?.get(cursor.as_bytes())? else {
                return Ok(refuse(request, "the cursor is unknown"));
            };
            let key = (time.value(), *cursor.as_bytes());
            excluded = Some(key);
            if request.forward {
                from = from.max(key);
            } else {
                to = to.min(key);
            }
        }
        if from > to {
            return Ok(page(request, Vec::new(), None));
        }
        let mut range = messages.range(from..=to)?;
        let mut step = || if request.forward { range.next() } else { range.next_back() };
        let (mut found, mut scanned, mut last) = (Vec::new(), 0, None);
        while let Some(next) = step() {
            let (key, value) = next?;
            let key = key.value();
            if excluded == Some(key) {
                continue;
            }
            if found.len() >= request.page() || scanned >= Self::MAX_SCANNED {
                return Ok(page(request, found, last));
            }
            scanned += 1;
            last = Some(MessageHash::from_bytes(key.1));
            if let Some(entry) = matching(request, key.1, value.value())? {
                found.push(entry);
            }
        }
        Ok(page(request, found, None))
    }
}

type Stored<'a> = (u16, u16, &'a [u8]);

fn matching(
    request: &StoreRequest,
    hash: [u8; 32],
    stored: Stored<'_>,
) -> Result<Option<StoreEntry>, ArchiveError> {
    let hash = MessageHash::from_bytes(hash);
    if let Some(topic) = &request.pubsub_topic {
        if *topic != pubsub_topic(stored) {
            return Ok(None);
        }
        let message = decode(stored)?;
        if !request.content_topics.contains(&message.content_topic) {
            return Ok(None);
        }
    }
    entry(request, hash, stored).map(Some)
}

fn entry(
    request: &StoreRequest,
    hash: MessageHash,
    stored: Stored<'_>,
) -> Result<StoreEntry, ArchiveError> {
    let message = match request.include_data {
        true => Some((decode(stored)?, pubsub_topic(stored))),
        false => None,
    };
    Ok(StoreEntry { hash, message })
}

fn decode(stored: Stored<'_>) -> Result<WakuMessage, ArchiveError> {
    WakuMessage::decode(stored.2).map_err(|error| ArchiveError::Damaged(error.to_string()))
}

fn pubsub_topic((cluster, shard, _): Stored<'_>) -> String {
    PubsubTopic { cluster, shard }.to_string()
}

/// A page, oldest first whichever way the pages go.
fn page(
    request: &StoreRequest,
    mut messages: Vec<StoreEntry>,
    cursor: Option<MessageHash>,
) -> StoreResponse {
    if !request.forward && request.message_hashes.is_empty() {
        messages.reverse();
    }
    StoreResponse {
        request_id: request.request_id.clone(),
        status: status::OK,
        description: "OK".to_owned(),
        messages,
        cursor,
    }
}

fn refuse(request: &StoreRequest, why: &str) -> StoreResponse {
    StoreResponse {
        request_id: request.request_id.clone(),
        status: status::BAD_REQUEST,
        description: why.to_owned(),
        ..StoreResponse::default()
    }
}

#[cfg(test)]
mod tests;
