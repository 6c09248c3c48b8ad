//! The packets a key has opened.

use alloc::collections::BTreeSet;

use thiserror::Error;

use crate::sphinx::ReplayTag;

/// Why a packet's tag is not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayError {
    /// The tag is there: the packet came before.
    #[error("replayed packet")]
    Replayed,
    /// The log holds as many tags as it may. Taking a packet without remembering it would open
    /// it to replay, so none is taken until the key is rotated.
    #[error("replay log is full")]
    Full,
}

/// The tags of every packet that one key accepted. It is dropped with the key and not before, so
/// there is no time at which a recorded packet is accepted again.
///
/// A tree of 16-byte tags: about 24 bytes a packet, exact, and without a worst case that a sender
/// who picks tags could aim for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayLog {
    tags: BTreeSet<ReplayTag>,
    capacity: usize,
}

impl ReplayLog {
    /// An empty log for at most `capacity` packets.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { tags: BTreeSet::new(), capacity }
    }

    /// Whether [`ReplayLog::insert`] would take the tag.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] if not.
    pub fn check(&self, tag: ReplayTag) -> Result<(), ReplayError> {
        if self.tags.contains(&tag) {
            return Err(ReplayError::Replayed);
        }
        if self.tags.len() >= self.capacity { Err(ReplayError::Full) } else { Ok(()) }
    }

    /// Remembers a tag.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] if it is there already or there is no room.
    pub fn insert(&mut self, tag: ReplayTag) -> Result<(), ReplayError> {
        self.check(tag)?;
        self.tags.insert(tag);
        Ok(())
    }

    /// Remembers a tag read from a snapshot, whatever the capacity.
    pub(crate) fn restore(&mut self, tag: ReplayTag) {
        self.tags.insert(tag);
    }

    /// The tags, in order.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = ReplayTag> {
        self.tags.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_refuses_and_still_knows_its_tags() {
        let mut log = ReplayLog::new(2);
        let tag = |n| ReplayTag::from_bytes([n; 16]);
        assert_eq!(log.insert(tag(1)), Ok(()));
        assert_eq!(log.insert(tag(1)), Err(ReplayError::Replayed));
        assert_eq!(log.insert(tag(2)), Ok(()));
        assert_eq!(log.insert(tag(3)), Err(ReplayError::Full));
        assert_eq!(log.insert(tag(2)), Err(ReplayError::Replayed));
    }
}
