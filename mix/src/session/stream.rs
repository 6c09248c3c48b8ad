//! A byte stream over packets that are lost and reordered.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use logos_crypto::tick::Tick;

use super::{SessionConfig, SessionError};

/// Bytes of the bitmap of an acknowledgement.
pub(super) const WINDOW_BYTES: usize = 32;
/// Chunks behind the first missing one that are kept.
const WINDOW: u32 = 256;
const _: () = assert!(WINDOW as usize == 8 * WINDOW_BYTES, "a bit for each chunk");

/// What one end has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ack {
    /// The first chunk that is missing.
    pub(super) next: u32,
    /// The chunks behind that one that came.
    pub(super) bitmap: [u8; WINDOW_BYTES],
}

impl Ack {
    fn covers(&self, number: u32) -> bool {
        let Some(behind) = number.checked_sub(self.next) else { return true };
        let Some(bit) = behind.checked_sub(1) else { return false };
        let byte = usize::try_from(bit / 8).ok().and_then(|at| self.bitmap.get(at));
        byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    }
}

/// Chunks to be sent until they are acknowledged.
#[derive(Debug)]
pub(super) struct Outgoing {
    chunk_bytes: usize,
    backlog: usize,
    in_flight: usize,
    timeout: Duration,
    tries: u32,
    waiting: VecDeque<Vec<u8>>,
    flying: BTreeMap<u32, Flying>,
    next: u32,
    finished: bool,
    broken: bool,
}

#[derive(Debug)]
struct Flying {
    bytes: Vec<u8>,
    last: bool,
    tries: u32,
    due: Tick,
}

impl Outgoing {
    pub(super) const fn new(config: &SessionConfig) -> Self {
        Self {
            chunk_bytes: config.chunk_bytes,
            backlog: config.backlog,
            in_flight: config.in_flight,
            timeout: config.timeout,
            tries: config.tries,
            waiting: VecDeque::new(),
            flying: BTreeMap::new(),
            next: 0,
            finished: false,
            broken: false,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0usize;
        if self.finished {
            return 0;
        }
        for chunk in bytes.chunks(self.chunk_bytes.max(1)) {
            if self.waiting.len() >= self.backlog {
                break;
            }
            self.waiting.push_back(chunk.to_vec());
            taken = taken.saturating_add(chunk.len());
        }
        taken
    }

    /// The last chunk is an empty one, so that it can be told when all others were sent.
    pub(super) fn finish(&mut self) {
        if !core::mem::replace(&mut self.finished, true) {
            self.waiting.push_back(Vec::new());
        }
    }

    /// A chunk that is due again, or a new one if there is room under way.
    pub(super) fn next(&mut self, now: Tick) -> Option<(u32, bool, Vec<u8>)> {
        let due = self.flying.iter_mut().find(|(_, flying)| flying.due <= now);
        if let Some((number, flying)) = due {
            if flying.tries >= self.tries {
                self.broken = true;
                return None;
            }
            let wait = self.timeout.saturating_mul(1 << flying.tries.min(6));
            flying.tries = flying.tries.saturating_add(1);
            flying.due = now + wait;
            return Some((*number, flying.last, flying.bytes.clone()));
        }
        if self.flying.len() >= self.in_flight || !self.is_within_window() {
            return None;
        }
        let bytes = self.waiting.pop_front()?;
        let (number, last) = (self.next, self.finished && self.waiting.is_empty());
        self.next = self.next.wrapping_add(1);
        let flying = Flying { bytes: bytes.clone(), last, tries: 1, due: now + self.timeout };
        self.flying.insert(number, flying);
        Some((number, last, bytes))
    }

    fn is_within_window(&self) -> bool {
        let oldest = self.flying.keys().next().copied().unwrap_or(self.next);
        self.next.wrapping_sub(oldest) < WINDOW
    }

    pub(super) fn handle_ack(&mut self, ack: &Ack) {
        self.flying.retain(|number, _| !ack.covers(*number));
    }

    pub(super) fn next_deadline(&self) -> Option<Tick> {
        self.flying.values().map(|flying| flying.due).min()
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.flying.is_empty() && self.waiting.is_empty()
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.broken
    }
}

/// Chunks that came, in order as far as they do.
#[derive(Debug)]
pub(super) struct Incoming {
    unread: usize,
    next: u32,
    ahead: BTreeMap<u32, (bool, Vec<u8>)>,
    ready: Vec<u8>,
    finished: bool,
}

impl Incoming {
    pub(super) const fn new(config: &SessionConfig) -> Self {
        Self {
            unread: config.unread,
            next: 0,
            ahead: BTreeMap::new(),
            ready: Vec::new(),
            finished: false,
        }
    }

    /// Takes a chunk; one that came before is ignored.
    pub(super) fn insert(
        &mut self,
        number: u32,
        last: bool,
        bytes: Vec<u8>,
    ) -> Result<(), SessionError> {
        match number.checked_sub(self.next) {
            None => return Ok(()),
            Some(ahead) if ahead > WINDOW => return Err(SessionError::BeyondWindow(number)),
            Some(_) if self.ready.len() >= self.unread => return Err(SessionError::Unread),
            Some(_) => {}
        }
        self.ahead.entry(number).or_insert((last, bytes));
        while let Some((last, bytes)) = self.ahead.remove(&self.next) {
            self.ready.extend(bytes);
            self.finished |= last;
            self.next = self.next.wrapping_add(1);
        }
        Ok(())
    }

    pub(super) fn read(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.ready)
    }

    pub(super) const fn is_finished(&self) -> bool {
        self.finished && self.ready.is_empty()
    }

    pub(super) fn ack(&self) -> Ack {
        let mut bitmap = [0; WINDOW_BYTES];
        for number in self.ahead.keys() {
            let bit = number.wrapping_sub(self.next).wrapping_sub(1);
            let byte = usize::try_from(bit / 8).ok().and_then(|at| bitmap.get_mut(at));
            if let Some(byte) = byte {
                *byte |= 1 << (bit % 8);
            }
        }
        Ack { next: self.next, bitmap }
    }
}
