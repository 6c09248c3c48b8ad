//! First messages that were published while we were not there.

use std::time::Duration;

use logos_crypto::tick::Tick;

use super::{Chat, ChatError, ChatOutput};
use crate::channel::{Page, Query};
use crate::store::{RecordChange, RecordError, Records};

/// The space of the account's keys holds this too.
const ACCOUNT: u8 = 3;
const UNTIL: &[u8] = b"inbox";
/// How far before the last fetch the next one begins, for clocks that differ.
const OVERLAP: Duration = Duration::from_secs(60);
/// How long after a failed query the next one is made.
const RETRY: Duration = Duration::from_secs(30);
const PAGE: u32 = 100;

/// Up to when the inbox was fetched, and the fetch under way.
#[derive(Debug)]
pub(super) struct Inbox {
    until: Tick,
    began: Tick,
    is_asking: bool,
    retry_at: Option<Tick>,
}

impl Inbox {
    pub(super) fn open(records: &Records, now: Tick) -> Result<Self, RecordError> {
        let until = match records.get(ACCOUNT, UNTIL)? {
            None => now,
            Some(record) => {
                let bytes = record.as_slice().try_into();
                let bytes = bytes.map_err(|_| RecordError::Malformed { space: ACCOUNT })?;
                Tick::new(Duration::from_millis(u64::from_be_bytes(bytes)))
            }
        };
        Ok(Self { until, began: now, is_asking: false, retry_at: None })
    }

    pub(super) const fn deadline(&self) -> Option<Tick> {
        self.retry_at
    }
}

impl Chat {
    /// Asks for what came to the inbox, unless that is under way.
    pub(super) fn query_inbox(&mut self, now: Tick) {
        if !self.inbox.is_asking {
            self.inbox.began = now;
            self.ask_inbox(None);
        }
    }

    fn ask_inbox(&mut self, cursor: Option<Vec<u8>>) {
        (self.inbox.is_asking, self.inbox.retry_at) = (true, None);
        let since = Tick::new(self.inbox.until.since_origin().saturating_sub(OVERLAP));
        let query = Query { since, cursor, limit: PAGE };
        self.outputs.push_back(ChatOutput::Query { topic: self.inbox_topic(), query });
    }

    pub(super) fn handle_inbox_page(
        &mut self,
        now: Tick,
        page: Option<&Page>,
    ) -> Result<(), ChatError> {
        self.inbox.is_asking = false;
        let Some(page) = page else {
            self.inbox.retry_at = Some(now + RETRY);
            return Ok(());
        };
        let topic = self.inbox_topic();
        for (payload, hash) in &page.frames {
            // What nobody here can read was for nobody, or came before.
            self.handle_message(now, &topic, payload, hash)?.ok();
        }
        match &page.cursor {
            Some(cursor) => self.ask_inbox(Some(cursor.clone())),
            None => self.finish_inbox()?,
        }
        Ok(())
    }

    fn finish_inbox(&mut self) -> Result<(), RecordError> {
        self.inbox.until = self.inbox.began;
        let millis = self.inbox.until.since_origin().as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX).to_be_bytes().to_vec();
        let change = RecordChange::Put(UNTIL.to_vec(), millis);
        self.records.commit(ACCOUNT, &[change], &mut self.rng)
    }

    pub(super) fn inbox_timeout(&mut self, now: Tick) {
        if self.inbox.retry_at.is_some_and(|at| at <= now) {
            self.query_inbox(now);
        }
    }
}
