//! What was said.

use std::time::Duration;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::tick::Tick;

use super::content::{Content, ContentFrame};

/// How far a line of ours has come; one of theirs has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineState {
    /// They said it.
    Arrived,
    /// We said it, and do not know yet whether they have it.
    Sent,
    /// We said it, and they have it.
    Delivered,
    /// We said it, and they did not confirm it for as long as we tried.
    Failed,
}

/// One line of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Its number in the conversation, from 0.
    pub number: u64,
    /// When it was said or arrived, counted from 1970.
    pub when: Tick,
    /// How far it has come.
    pub state: LineState,
    /// What it says.
    pub content: Content,
}

impl Line {
    /// The record: state, milliseconds, request, frame.
    pub(super) fn encode(&self, request: u64) -> Vec<u8> {
        let mut out = Writer::default();
        let when = u64::try_from(self.when.since_origin().as_millis()).unwrap_or(u64::MAX);
        out.u8(code(self.state)).u64_be(when).u64_be(request);
        out.put(&self.content.to_frame().encode());
        out.into_bytes()
    }

    /// The line and its request.
    pub(super) fn decode(number: u64, bytes: &[u8]) -> Result<(Self, u64), DecodeError> {
        let mut reader = Reader::new(bytes);
        let state = state(reader.u8()?)?;
        let when = Tick::new(Duration::from_millis(reader.u64_be()?));
        let request = reader.u64_be()?;
        let frame = ContentFrame::decode(reader.take(reader.remaining())?)?;
        Ok((Self { number, when, state, content: Content::of(frame) }, request))
    }
}

const fn code(state: LineState) -> u8 {
    match state {
        LineState::Arrived => 0,
        LineState::Sent => 1,
        LineState::Delivered => 2,
        LineState::Failed => 3,
    }
}

const fn state(code: u8) -> Result<LineState, DecodeError> {
    match code {
        0 => Ok(LineState::Arrived),
        1 => Ok(LineState::Sent),
        2 => Ok(LineState::Delivered),
        3 => Ok(LineState::Failed),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for state in [LineState::Arrived, LineState::Sent, LineState::Delivered, LineState::Failed]
        {
            let when = Tick::new(Duration::from_millis(1_800_000_000_123));
            let content = Content::Text("hello".to_owned());
            let line = Line { number: 7, when, state, content };
            assert_eq!(Line::decode(7, &line.encode(9)), Ok((line, 9)));
        }
    }
}
