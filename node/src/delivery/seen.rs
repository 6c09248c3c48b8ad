//! Messages that were here before.

use core::time::Duration;
use std::collections::{HashSet, VecDeque};

use logos_crypto::tick::Tick;

use crate::wire::MessageHash;

/// Names of messages that were delivered, for a while and up to a number.
///
/// When they were delivered counts, by this machine's clock: senders choose timestamps.
#[derive(Debug, Default)]
pub(super) struct Seen {
    names: HashSet<MessageHash>,
    order: VecDeque<(Tick, MessageHash)>,
}

impl Seen {
    /// How long a message is remembered.
    pub(super) const TIME: Duration = Duration::from_secs(7 * 60);
    /// Messages that are remembered; the oldest are forgotten first.
    pub(super) const MAX: usize = 200_000;

    /// Is the message new? From now on it is not.
    pub(super) fn insert(&mut self, now: Tick, name: MessageHash) -> bool {
        self.forget(now);
        if !self.names.insert(name) {
            return false;
        }
        self.order.push_back((now, name));
        true
    }

    pub(super) fn contains(&self, name: &MessageHash) -> bool {
        self.names.contains(name)
    }

    fn forget(&mut self, now: Tick) {
        while let Some((when, name)) = self.order.front().copied() {
            if when + Self::TIME > now && self.order.len() < Self::MAX {
                break;
            }
            self.order.pop_front();
            self.names.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: u32) -> MessageHash {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        MessageHash::from_bytes(bytes)
    }

    #[test]
    fn a_message_is_new_once_and_again_when_it_is_forgotten() {
        let mut seen = Seen::default();
        let later = Tick::ORIGIN + Seen::TIME;
        assert!(seen.insert(Tick::ORIGIN, name(1)));
        assert!(!seen.insert(Tick::ORIGIN, name(1)));
        assert!(seen.contains(&name(1)));
        assert!(seen.insert(later, name(1)));
    }

    #[test]
    fn the_number_of_messages_is_bounded() {
        let mut seen = Seen::default();
        for n in 0..=u32::try_from(Seen::MAX).unwrap() {
            seen.insert(Tick::ORIGIN, name(n));
        }
        assert_eq!(seen.names.len(), Seen::MAX);
        assert!(!seen.contains(&name(0)));
    }
}
