//! The sessions and prekeys of a device.

use logos_crypto::keys::PublicKey;
use logos_ratchet::store::{Batch, Change, CommitError, Key, Store};
use rand_chacha::ChaCha20Rng;

use super::{RecordChange, RecordError, Records};

/// The space of sessions and prekeys.
const SESSIONS: u8 = 2;

/// The records of one device in a sealed database.
#[derive(Debug)]
pub struct RedbSessions {
    records: Records,
    rng: ChaCha20Rng,
}

impl RedbSessions {
    /// The device of `records`; `rng` gives nonces.
    #[must_use]
    pub const fn new(records: Records, rng: ChaCha20Rng) -> Self {
        Self { records, rng }
    }
}

impl Store for RedbSessions {
    type Error = RecordError;

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, RecordError> {
        self.records.get(SESSIONS, &key.to_bytes())
    }

    fn prekeys_and_handshakes(&self, limit: usize) -> Result<Vec<(Key, Vec<u8>)>, RecordError> {
        let mut found = Vec::new();
        for table in [0x10, 0x11, 0x12, 0x13] {
            let rest = limit.saturating_sub(found.len());
            for (place, value) in self.records.scan(SESSIONS, &[table], rest)? {
                let key = key(&place).ok_or_else(malformed)?;
                found.push((key, value));
            }
        }
        Ok(found)
    }

    fn commit(&mut self, batch: Batch) -> Result<(), CommitError<RecordError>> {
        let mut expected = Vec::new();
        let mut changes = Vec::with_capacity(batch.len());
        for change in batch {
            let (change, expectation) = match change {
                Change::Put(key, value) => (RecordChange::Put(key.to_bytes(), value), None),
                Change::Insert(key, value) => {
                    (RecordChange::Put(key.to_bytes(), value), Some((key, false)))
                }
                Change::Take(key) => (RecordChange::Delete(key.to_bytes()), Some((key, true))),
                Change::Delete(key) => (RecordChange::Delete(key.to_bytes()), None),
                _ => return Err(CommitError::Store(malformed())),
            };
            changes.push(change);
            expected.extend(expectation);
        }
        let check = |is_there: &dyn Fn(&[u8]) -> Result<bool, RecordError>| {
            for (key, presence) in &expected {
                if is_there(&key.to_bytes()).map_err(CommitError::Store)? != *presence {
                    return Err(CommitError::Conflict(*key));
                }
            }
            Ok(())
        };
        let result: Result<(), Failure> =
            self.records.check_and_commit(SESSIONS, &changes, |is| Ok(check(is)?), &mut self.rng);
        result.map_err(|Failure(error)| error)
    }
}

/// What `check_and_commit` can fail with here.
struct Failure(CommitError<RecordError>);

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        Self(CommitError::Store(error))
    }
}

impl From<CommitError<RecordError>> for Failure {
    fn from(error: CommitError<RecordError>) -> Self {
        Self(error)
    }
}

const fn malformed() -> RecordError {
    RecordError::Malformed { space: SESSIONS }
}

/// Reads what [`Key::to_bytes`] wrote.
fn key(bytes: &[u8]) -> Option<Key> {
    let (table, rest) = bytes.split_first()?;
    let id = || Some(u32::from_be_bytes(rest.try_into().ok()?));
    let public = || Some(PublicKey::from_bytes(rest.try_into().ok()?));
    match table {
        0x10 => id().map(Key::SignedPrekey),
        0x11 => id().map(Key::OneTimePrekey),
        0x12 => id().map(Key::KemPrekey),
        0x13 => public().map(Key::Handshake),
        0x14 => public().map(Key::Sessions),
        _ => None,
    }
}
