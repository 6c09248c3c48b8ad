//! A chain of the peer's, and the keys of its messages that have not arrived.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use logos_crypto::keys::PublicKey;
use logos_crypto::tick::Tick;

use super::{DecryptError, SKIPPED_LIFETIME, advance};
use crate::keys::{ChainKey, HeaderKey, MessageKey};
use crate::suite::Suite;

/// The key of a message that was passed over.
pub(crate) struct Skipped {
    pub(crate) key: MessageKey,
    /// Seconds since the origin of time when it was passed over.
    pub(crate) since: u32,
}

/// One chain of the peer's.
pub(crate) struct ReceivingChain {
    pub(crate) remote: PublicKey,
    pub(crate) header_key: Option<HeaderKey>,
    /// `None` once the peer has moved on and said how long the chain was.
    pub(crate) chain: Option<ChainKey>,
    /// Number of the next message the chain gives a key for.
    pub(crate) n: u32,
    /// Invariant: every number is below `n`, and `since` never falls as numbers rise.
    pub(crate) skipped: BTreeMap<u32, Skipped>,
}

impl ReceivingChain {
    pub(crate) const fn new(
        remote: PublicKey,
        header_key: Option<HeaderKey>,
        chain: ChainKey,
    ) -> Self {
        Self { remote, header_key, chain: Some(chain), n: 0, skipped: BTreeMap::new() }
    }

    /// A chain of which only skipped keys are left.
    pub(crate) const fn closed(remote: PublicKey) -> Self {
        Self { remote, header_key: None, chain: None, n: 0, skipped: BTreeMap::new() }
    }

    /// Adds keys of messages before `n`; `None` if one of them is not.
    pub(crate) fn insert(&mut self, keys: Vec<(u32, MessageKey)>, now: Tick) -> Option<()> {
        keys.iter().all(|(number, _)| *number < self.n).then(|| self.keep(keys, now))
    }

    /// The key of message `n` if it was passed over and has not expired.
    pub(crate) fn skipped_key(&self, n: u32, now: Tick) -> Option<&MessageKey> {
        let skipped = self.skipped.get(&n)?;
        (!is_expired(skipped.since, now)).then_some(&skipped.key)
    }

    /// Keys from here to the end of the chain, `length` messages in all.
    pub(crate) fn rest<S: Suite>(
        &self,
        length: u32,
    ) -> Result<Vec<(u32, MessageKey)>, DecryptError> {
        let Some(chain) = self.chain.as_ref().filter(|_| length != self.n) else {
            return Ok(Vec::new());
        };
        // One more than is kept: the key of message `length` does not exist for the peer.
        Ok(advance::<S>(chain, self.n, length)?.skipped)
    }

    /// Moves on to after message `n`.
    pub(crate) fn advance_to(
        &mut self,
        n: u32,
        next: ChainKey,
        skipped: Vec<(u32, MessageKey)>,
        now: Tick,
    ) {
        self.keep(skipped, now);
        self.chain = Some(next);
        self.n = n.saturating_add(1);
    }

    /// Ends the chain: what is still missing of it can be read, nothing can be added.
    pub(crate) fn close(&mut self, rest: Vec<(u32, MessageKey)>, now: Tick) {
        self.n = rest.last().map_or(self.n, |(number, _)| number.saturating_add(1));
        self.keep(rest, now);
        self.chain = None;
    }

    fn keep(&mut self, keys: Vec<(u32, MessageKey)>, now: Tick) {
        let since = seconds(now);
        self.skipped.extend(keys.into_iter().map(|(n, key)| (n, Skipped { key, since })));
    }

    pub(crate) fn expire(&mut self, now: Tick) {
        while self.skipped.first_key_value().is_some_and(|(_, key)| is_expired(key.since, now)) {
            self.skipped.pop_first();
        }
    }

    /// Whether no message of this chain can be read any more.
    pub(crate) fn is_spent(&self) -> bool {
        self.chain.is_none() && self.skipped.is_empty()
    }
}

/// Whole seconds since the origin; enough until the year 2106 if the origin is 1970.
fn seconds(now: Tick) -> u32 {
    u32::try_from(now.since_origin().as_secs()).unwrap_or(u32::MAX)
}

fn is_expired(since: u32, now: Tick) -> bool {
    u64::from(seconds(now).saturating_sub(since)) > SKIPPED_LIFETIME.as_secs()
}

impl fmt::Debug for ReceivingChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { remote, header_key: _, chain, n, skipped } = self;
        f.debug_struct("ReceivingChain")
            .field("ratchet", remote)
            .field("open", &chain.is_some())
            .field("n", n)
            .field("skipped", &skipped.len())
            .finish_non_exhaustive()
    }
}
