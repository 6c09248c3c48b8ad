//! Fetching what was published while we were not there, page by page, across restarts.

use std::time::Duration;

use logos_crypto::tick::Tick;

use super::state::MAX_CURSOR_BYTES;
use super::{Channel, ChannelOutput, Staged};

/// A question to a store: what was published on the channel's content topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// Not before this moment, counted from 1970.
    pub since: Tick,
    /// Where the last page ended, as the store said.
    pub cursor: Option<Vec<u8>>,
    /// Messages of the page, at most. They come oldest first.
    pub limit: u32,
}

/// A store's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What was published, oldest first, each with its transport hash.
    pub frames: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the next page begins; none if this was the last.
    pub cursor: Option<Vec<u8>>,
}

/// The fetch that is under way.
#[derive(Debug)]
pub(super) struct Backfill {
    wants_query: bool,
    is_asking: bool,
    retry_at: Option<Tick>,
    failures: u32,
}

impl Backfill {
    /// One that begins, or goes on where the last process was.
    pub(super) const fn new() -> Self {
        Self { wants_query: true, is_asking: false, retry_at: None, failures: 0 }
    }

    pub(super) const fn deadline(&self) -> Option<Tick> {
        self.retry_at
    }
}

impl Channel {
    /// Begins to fetch what was missed, unless that is under way. Call it when a connection comes
    /// back; opening the channel does so too.
    pub fn handle_connected(&mut self, now: Tick) {
        if !self.backfill.is_asking {
            (self.backfill.wants_query, self.backfill.retry_at) = (true, None);
        }
        self.settle(now);
    }

    /// Takes the answer to a [`Query`]. What is not for us, or known, is passed over.
    pub fn handle_page(&mut self, now: Tick, page: &Page) {
        for (payload, hint) in &page.frames {
            let Ok(frame) = self.protection.open(payload, self.config.format()) else { continue };
            // A refusal says nothing about the page.
            self.sds.handle_frame(now, &frame, Some(hint)).ok();
        }
        (self.backfill.is_asking, self.backfill.failures) = (false, 0);
        let cursor = page.cursor.as_ref().filter(|cursor| is_cursor(cursor));
        match cursor {
            Some(cursor) => {
                self.state.set_round(self.state.round_began, Some(cursor.clone()));
                self.backfill.wants_query = true;
            }
            None => {
                self.state.fetched_until = self.state.round_began.unwrap_or(now);
                self.state.set_round(None, None);
            }
        }
        self.settle(now);
    }

    /// Notes that a [`Query`] had no answer: it is made again later, with its cursor.
    pub fn handle_query_failed(&mut self, now: Tick) {
        let doubled = self.config.backfill.retry.saturating_mul(1 << self.backfill.failures.min(6));
        self.backfill.failures = self.backfill.failures.saturating_add(1);
        self.backfill.is_asking = false;
        self.backfill.retry_at = Some(now + doubled.max(Duration::from_millis(1)));
    }

    pub(super) fn backfill_timeout(&mut self, now: Tick) {
        if self.backfill.retry_at.is_some_and(|at| at <= now) {
            (self.backfill.wants_query, self.backfill.retry_at) = (true, None);
        }
    }

    pub(super) fn stage_query(&mut self, now: Tick) {
        if !std::mem::take(&mut self.backfill.wants_query) {
            return;
        }
        self.backfill.is_asking = true;
        if self.state.round_began.is_none() {
            self.state.set_round(Some(now), None);
        }
        let overlap = self.config.backfill.overlap;
        let since = self.state.fetched_until.since_origin().saturating_sub(overlap);
        let query = Query {
            since: Tick::new(since),
            cursor: self.state.cursor.clone(),
            limit: self.config.backfill.page,
        };
        self.staged.push_back(Staged::Ready(ChannelOutput::Query(query)));
    }
}

const fn is_cursor(cursor: &[u8]) -> bool {
    !cursor.is_empty() && cursor.len() <= MAX_CURSOR_BYTES
}
