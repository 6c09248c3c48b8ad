//! Messages on a stream: each after its length, an unsigned varint.

use thiserror::Error;

use super::proto::write_varint;

/// Why a stream gives no further message. The stream is of no use after it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// A length is not a number of 35 bits at most, in as few bytes as it takes.
    #[error("a length is malformed")]
    Length,
    /// A message is longer than it may be.
    #[error("{bytes} bytes of at most {limit}")]
    TooLong {
        /// What was announced.
        bytes: u64,
        /// The bound.
        limit: usize,
    },
    /// The stream ends inside of a message or of its length.
    #[error("the stream ends inside of a message")]
    Truncated,
}

/// Takes a stream apart: a machine without the stream.
///
/// Feed it what was read with [`FrameReader::handle_bytes`], and take each message out with
/// [`FrameReader::poll_output`] before the next.
///
/// # Security
///
/// A peer controls every byte. A length over the bound is refused before a byte of the message is
/// read, and memory grows with what has come, not with what was announced: it is at most twice
/// that, and at most the bound.
///
/// # Examples
///
/// ```
/// use logos_node::wire::{FrameReader, write_frame};
///
/// let stream = [write_frame(b"one"), write_frame(b"two")].concat();
/// let mut reader = FrameReader::new(16);
/// let taken = reader.handle_bytes(&stream)?;
/// assert_eq!((taken, reader.poll_output()), (4, Some(b"one".to_vec())));
/// reader.handle_bytes(&stream[taken..])?;
/// assert_eq!(reader.poll_output(), Some(b"two".to_vec()));
/// assert_eq!(reader.handle_end(), Ok(()));
/// # Ok::<(), logos_node::wire::FrameError>(())
/// ```
#[derive(Debug)]
pub struct FrameReader {
    limit: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Bits of a length, and how many bytes they came in.
    Length { bits: u64, bytes: u32 },
    /// A message of `length` bytes, of which some are here.
    Message { length: usize, here: Vec<u8> },
}

impl State {
    const START: Self = Self::Length { bits: 0, bytes: 0 };
}

impl FrameReader {
    /// Bytes of a length at most: of one below 2^35, which is over every bound.
    pub const MAX_LENGTH_BYTES: u32 = 5;

    /// A reader of messages of `limit` bytes at most.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, state: State::START }
    }

    /// Bytes that it can take without reading past the end of a message; none while a message waits
    /// to be taken out.
    #[must_use]
    pub fn wanted(&self) -> usize {
        match &self.state {
            State::Length { .. } => 1,
            State::Message { length, here } => length.saturating_sub(here.len()),
        }
    }

    /// Takes bytes of the stream up to the end of a message, and gives how many it took.
    ///
    /// # Errors
    ///
    /// [`FrameError::Length`] and [`FrameError::TooLong`]; nothing was taken.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<usize, FrameError> {
        let mut taken = 0;
        if let State::Length { bits, bytes: before } = self.state {
            (self.state, taken) = read_length(bits, before, bytes, self.limit)?;
        }
        if let State::Message { length, here } = &mut self.state {
            let rest = bytes.get(taken..).unwrap_or_default();
            taken = taken.saturating_add(append(here, *length, rest));
        }
        Ok(taken)
    }

    /// The message that is complete, if there is one.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        match &mut self.state {
            State::Message { length, here } if here.len() == *length => {
                let message = core::mem::take(here);
                self.state = State::START;
                Some(message)
            }
            _ => None,
        }
    }

    /// Notes that the stream has ended.
    ///
    /// # Errors
    ///
    /// [`FrameError::Truncated`] if a message has begun and was not taken out.
    pub const fn handle_end(&self) -> Result<(), FrameError> {
        match self.state {
            State::Length { bytes: 0, .. } => Ok(()),
            _ => Err(FrameError::Truncated),
        }
    }

    /// Bytes of memory that it holds.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &self.state {
            State::Length { .. } => 0,
            State::Message { here, .. } => here.capacity(),
        }
    }
}

/// Reads on in a length of which some bytes came before. Gives how many it took, too.
fn read_length(
    mut bits: u64,
    mut before: u32,
    bytes: &[u8],
    limit: usize,
) -> Result<(State, usize), FrameError> {
    for (index, byte) in bytes.iter().enumerate() {
        bits |= u64::from(byte & 0x7f) << (7 * before);
        before = before.saturating_add(1);
        let is_last = byte & 0x80 == 0;
        if !is_last && before >= FrameReader::MAX_LENGTH_BYTES || *byte == 0 && before > 1 {
            return Err(FrameError::Length);
        }
        if is_last {
            let length = usize::try_from(bits).ok().filter(|length| *length <= limit);
            let length = length.ok_or(FrameError::TooLong { bytes: bits, limit })?;
            return Ok((State::Message { length, here: Vec::new() }, index.saturating_add(1)));
        }
    }
    Ok((State::Length { bits, bytes: before }, bytes.len()))
}

/// Adds what `here` lacks of `length` bytes, and gives how many that were.
fn append(here: &mut Vec<u8>, length: usize, bytes: &[u8]) -> usize {
    let lacking = length.saturating_sub(here.len());
    let bytes = bytes.get(..lacking).unwrap_or(bytes);
    if here.capacity().saturating_sub(here.len()) < bytes.len() {
        // Twice as much, as long as that is not more than will come.
        here.reserve_exact(bytes.len().max(here.len()).min(lacking));
    }
    here.extend_from_slice(bytes);
    bytes.len()
}

/// A message behind its length.
#[must_use]
pub fn write_frame(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len().saturating_add(MAX_PREFIX_BYTES));
    // A slice has at most isize::MAX bytes, which 64 bits hold.
    write_varint(&mut bytes, message.len().try_into().unwrap_or(u64::MAX));
    bytes.extend_from_slice(message);
    bytes
}

/// Room for the length of any slice.
const MAX_PREFIX_BYTES: usize = super::proto::MAX_VARINT_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 300;

    fn read(bytes: &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
        let mut reader = FrameReader::new(LIMIT);
        let taken = reader.handle_bytes(bytes)?;
        let message = reader.poll_output();
        if message.is_none() {
            assert_eq!(taken, bytes.len());
            reader.handle_end()?;
        }
        Ok(message)
    }

    #[test]
    fn every_length_up_to_the_bound_is_read_as_it_was_written() {
        for length in 0..=LIMIT {
            let message = vec![7; length];
            assert_eq!(read(&write_frame(&message)), Ok(Some(message)));
        }
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn a_length_over_the_bound_is_refused_before_the_message() {
        let too_long = |bytes| Err(FrameError::TooLong { bytes, limit: LIMIT });
        assert_eq!(read(&write_frame(&[0; LIMIT + 1])), too_long(301));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x7f]), too_long((1 << 35) - 1));
    }

    #[test]
    fn a_length_in_more_bytes_than_it_takes_is_refused() {
        assert_eq!(read(&[0x80, 0]), Err(FrameError::Length));
        assert_eq!(read(&[0x85, 0x80, 0]), Err(FrameError::Length));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff]), Err(FrameError::Length));
        assert_eq!(read(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01]), Err(FrameError::Length));
    }

    #[test]
    fn a_stream_that_ends_inside_of_a_message_says_so() {
        let bytes = write_frame(&[1; 200]);
        for end in 1..bytes.len() {
            assert_eq!(read(&bytes[..end]), Err(FrameError::Truncated));
        }
    }

    #[test]
    fn memory_grows_with_what_has_come() {
        let limit = 1 << 20;
        let mut reader = FrameReader::new(limit);
        let stream = write_frame(&vec![0; limit]);
        let mut fed = 0;
        for piece in stream.chunks(1000) {
            fed += reader.handle_bytes(piece).unwrap();
            assert!(reader.held_bytes() <= (2 * fed).min(limit), "{fed}");
        }
        assert_eq!((reader.wanted(), reader.handle_end()), (0, Err(FrameError::Truncated)));
        assert_eq!(reader.poll_output().map(|message| message.len()), Some(limit));
        assert_eq!((reader.wanted(), reader.handle_end()), (1, Ok(())));
    }
}
