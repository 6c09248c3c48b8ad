//! The part of a message that its rate-limit proof is about.

use crate::rate_limit::UnixNanos;

/// What a message's proof is bound to: the payload, the content topic and the time stamp.
///
/// # Examples
///
/// ```
/// use logos_node::rate_limit::{Signal, UnixNanos};
///
/// let timestamp = UnixNanos::from_secs(1_763_701_200);
/// let signal = Signal { payload: b"hello", content_topic: "/app/1/chat/proto", timestamp };
/// let later = Signal { timestamp: UnixNanos::from_secs(1_763_701_201), ..signal };
/// assert_ne!(signal.hash(), later.hash());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the wire protocol fixes what is signalled")]
pub struct Signal<'a> {
    /// The message's bytes.
    pub payload: &'a [u8],
    /// Its content topic.
    pub content_topic: &'a str,
    /// When it was sent.
    pub timestamp: UnixNanos,
}

impl Signal<'_> {
    /// Hash of `payload || content_topic || timestamp`, the last as eight bytes, least significant
    /// first, as the deployed network computes it; LIP-17 leaves the time stamp out. One Keccak
    /// over the whole message.
    #[must_use]
    pub fn hash(&self) -> logos_rln::Signal {
        let timestamp = self.timestamp.get().to_le_bytes();
        logos_rln::Signal::from_message(
            &[self.payload, self.content_topic.as_bytes(), &timestamp].concat(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_stand_one_after_another() {
        let signal = Signal {
            payload: &[1, 2],
            content_topic: "ab",
            timestamp: UnixNanos::new(0x0102_0304_0506_0708),
        };
        let bytes = [1, 2, b'a', b'b', 8, 7, 6, 5, 4, 3, 2, 1];
        assert_eq!(signal.hash(), logos_rln::Signal::from_message(&bytes));
    }
}
