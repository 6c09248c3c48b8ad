//! The channel's counters and cursor.

use std::time::Duration;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::tick::Tick;

use crate::channel::store::{Batch, Change, Key};

/// Bytes of a store's cursor, at most.
pub(super) const MAX_CURSOR_BYTES: usize = 1024;

/// One record of all that is counted.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 8 | next request |
/// | 8 | 8 | next place in the queue |
/// | 16 | 8 | next tag of a segment |
/// | 24 | 8 | next event |
/// | 32 | 8 | up to when everything was fetched, nanoseconds since 1970 |
/// | 40 | 8 | when the fetch under way began; zero for none |
/// | 48 | n | its cursor |
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    request: u64,
    queued: u64,
    tag: u64,
    event: u64,
    pub(super) fetched_until: Tick,
    pub(super) round_began: Option<Tick>,
    pub(super) cursor: Option<Vec<u8>>,
    is_changed: bool,
}

impl State {
    /// The state among `records`, or that of a new member.
    pub(super) fn find(
        records: &[(Key, Vec<u8>)],
        now: Tick,
        lookback: Duration,
    ) -> Result<Self, DecodeError> {
        let record = records.iter().find(|(key, _)| *key == Key::State);
        record.map_or_else(|| Ok(Self::new(now, lookback)), |(_, value)| Self::decode(value))
    }

    const fn new(now: Tick, lookback: Duration) -> Self {
        let fetched_until = Tick::new(now.since_origin().saturating_sub(lookback));
        Self {
            request: 0,
            queued: 0,
            tag: 0,
            event: 0,
            fetched_until,
            round_began: None,
            cursor: None,
            is_changed: true,
        }
    }

    pub(super) const fn next_request(&self) -> u64 {
        self.request
    }

    pub(super) const fn take_request(&mut self) -> u64 {
        self.is_changed = true;
        take(&mut self.request)
    }

    pub(super) const fn take_queued(&mut self) -> u64 {
        self.is_changed = true;
        take(&mut self.queued)
    }

    pub(super) const fn take_tag(&mut self) -> u64 {
        self.is_changed = true;
        take(&mut self.tag)
    }

    pub(super) const fn take_event(&mut self) -> u64 {
        self.is_changed = true;
        take(&mut self.event)
    }

    pub(super) fn set_round(&mut self, began: Option<Tick>, cursor: Option<Vec<u8>>) {
        (self.round_began, self.cursor, self.is_changed) = (began, cursor, true);
    }

    pub(super) fn write_if_changed(&mut self, changes: &mut Batch) {
        if std::mem::take(&mut self.is_changed) {
            changes.push(Change::Put(Key::State, self.encode()));
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(64);
        out.u64_be(self.request).u64_be(self.queued).u64_be(self.tag).u64_be(self.event);
        out.u64_be(nanos(self.fetched_until)).u64_be(self.round_began.map_or(0, nanos));
        out.put(self.cursor.as_deref().unwrap_or_default());
        out.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let tick = |nanos| Tick::new(Duration::from_nanos(nanos));
        let state = Self {
            request: reader.u64_be()?,
            queued: reader.u64_be()?,
            tag: reader.u64_be()?,
            event: reader.u64_be()?,
            fetched_until: tick(reader.u64_be()?),
            round_began: Some(reader.u64_be()?).filter(|began| *began != 0).map(tick),
            cursor: Some(reader.take(reader.remaining().min(MAX_CURSOR_BYTES))?.to_vec())
                .filter(|cursor| !cursor.is_empty()),
            is_changed: false,
        };
        reader.finish()?;
        Ok(state)
    }
}

const fn take(counter: &mut u64) -> u64 {
    let number = *counter;
    *counter = number.saturating_add(1);
    number
}

fn nanos(tick: Tick) -> u64 {
    u64::try_from(tick.since_origin().as_nanos()).unwrap_or(u64::MAX)
}
