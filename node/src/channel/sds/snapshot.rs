//! A member's state as records, and back.

use std::sync::Arc;
use std::time::Duration;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::tick::Tick;

use super::incoming::Waiting;
use super::log::Entry;
use super::outgoing::Outgoing;
use super::{Author, NameHash, RestoreError, Sds, SdsConfig, Timer};
use crate::channel::id::{ChannelId, MessageId};
use crate::channel::store::Key;

impl Outgoing {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(12);
        let accepted = self.accepted.since_origin().as_nanos();
        out.u64_be(u64::try_from(accepted).unwrap_or(u64::MAX)).u32_be(self.attempts);
        out.into_bytes()
    }

    fn decode(id: &MessageId, bytes: &[u8], now: Tick) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let accepted = Tick::new(Duration::from_nanos(reader.u64_be()?));
        let attempts = reader.u32_be()?;
        reader.finish()?;
        let name = NameHash::new(id.as_str());
        Ok(Self { accepted, attempts, next: now, is_perhaps_there: false, name })
    }
}

impl Sds {
    /// The member that wrote `records`. What was unconfirmed is sent again at once; what is missing
    /// is asked for anew. Records of other tables are left alone.
    ///
    /// # Errors
    ///
    /// See [`RestoreError`].
    pub fn restore(
        config: SdsConfig,
        channel: ChannelId,
        author: impl Into<Arc<Author>>,
        records: &[(Key, Vec<u8>)],
        now: Tick,
    ) -> Result<Self, RestoreError> {
        let mut sds = Self::new(config, channel, author);
        for (key, value) in records {
            sds.restore_log(key, value)?;
        }
        for (key, value) in records {
            sds.restore_rest(key, value, now)?;
        }
        let frames = records.iter().filter_map(|(key, value)| match key {
            Key::Frame(id) => Some((id, value)),
            _ => None,
        });
        for (id, frame) in frames {
            sds.restore_frame(id, frame)?;
        }
        sds.restore_gaps(now)?;
        sds.log.restore_floor(sds.config.log);
        if sds.log.len() > 0 {
            sds.expect_news(now);
        }
        Ok(sds)
    }

    fn restore_log(&mut self, key: &Key, value: &[u8]) -> Result<(), RestoreError> {
        match key {
            Key::Clock => {
                let clock = value.try_into().map_err(|_| DecodeError::NotCanonical)?;
                self.clock = u64::from_be_bytes(clock);
            }
            Key::Log(lamport, id) => {
                let entry = Entry::decode(id, value)?;
                self.log.restore_entry((*lamport, id.clone()), entry);
            }
            _ => {}
        }
        Ok(())
    }

    fn restore_rest(&mut self, key: &Key, value: &[u8], now: Tick) -> Result<(), RestoreError> {
        match key {
            Key::Head(id) => self.log.restore_head(id.clone()),
            Key::Outgoing(id) => {
                let outgoing = Outgoing::decode(id, value, now)?;
                self.timers.insert((outgoing.next, Timer::Retransmit(id.clone())));
                self.outgoing.insert(id.clone(), outgoing);
            }
            Key::Waiting(id) => self.sync.restore_hint(id, value),
            _ => {}
        }
        Ok(())
    }

    fn restore_frame(&mut self, id: &MessageId, frame: &[u8]) -> Result<(), RestoreError> {
        if self.log.restore_frame(id, frame.into()) {
            return Ok(());
        }
        let hint = self.sync.take_hint(id).ok_or(RestoreError::Inconsistent)?;
        let bytes = self.author.message(frame).ok_or(RestoreError::Inconsistent)?;
        let message = self.config.dialect.decode(bytes)?;
        let lamport = message.lamport.ok_or(RestoreError::Inconsistent)?;
        let unmet = self.unmet(&message, lamport);
        let hint = (!hint.is_empty()).then_some(hint);
        let waiting = Waiting { message, lamport, frame: frame.into(), hint, unmet };
        self.enqueue(id.clone(), waiting, std::collections::BTreeSet::new());
        Ok(())
    }

    /// What the waiting messages wait for and is not waiting itself is missing. Lost messages are
    /// waited for once more.
    fn restore_gaps(&mut self, now: Tick) -> Result<(), RestoreError> {
        let waiting: Vec<_> = self.waiting.values().map(|one| one.message.clone()).collect();
        for message in waiting {
            self.note_gaps(now, &message);
            self.untangle(now, &message.id);
        }
        if self.sync.has_hints() { Err(RestoreError::Inconsistent) } else { Ok(()) }
    }
}
