//! What stands in the 3968 bytes of a message: padding, codec, reply blocks, application bytes.

use alloc::string::String;
use alloc::vec::Vec;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::layout::{MESSAGE_BYTES, SURB_BYTES};
use crate::surb::Surb;

/// The longest codec: its length has to fit one byte of LEB128, which is all that deployed
/// parsers read.
pub const MAX_CODEC_BYTES: usize = 127;
/// The most reply blocks a message has room for.
pub const MAX_SURBS: usize = (MESSAGE_BYTES - 2) / SURB_BYTES;

const LENGTH_BYTES: usize = 2;
const SEQUENCE_BYTES: usize = 4;

/// How a body is padded to [`MESSAGE_BYTES`]. A packet does not say: a deployment agrees.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 2 | `n`, big endian |
/// | 2 | `n` | zeros |
/// | `2 + n` | | body |
/// | 3964 | 4 | sequence number, [`Framing::Legacy`] only |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// Padding and body.
    #[default]
    Current,
    /// Padding, body and a sequence number, as deployed before.
    ///
    /// # Security
    ///
    /// Old senders computed the number from their peer id, by which an exit could find them. Here
    /// it is drawn at random.
    Legacy,
}

impl Framing {
    /// The longest body.
    #[must_use]
    pub const fn capacity(self) -> usize {
        match self {
            Self::Current => MESSAGE_BYTES - LENGTH_BYTES,
            Self::Legacy => MESSAGE_BYTES - LENGTH_BYTES - SEQUENCE_BYTES,
        }
    }

    /// Pads `body`. The random source is used by [`Framing::Legacy`] alone.
    ///
    /// # Errors
    ///
    /// [`MessageTooLong`] over [`Framing::capacity`].
    pub fn pad(
        self,
        body: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<[u8; MESSAGE_BYTES], MessageTooLong> {
        let capacity = self.capacity();
        let room = capacity
            .checked_sub(body.len())
            .and_then(|room| u16::try_from(room).ok())
            .ok_or(MessageTooLong { length: body.len(), capacity })?;
        let mut message = [0; MESSAGE_BYTES];
        message[..LENGTH_BYTES].copy_from_slice(&room.to_be_bytes());
        let start = LENGTH_BYTES + usize::from(room);
        for (to, from) in message.iter_mut().skip(start).zip(body) {
            *to = *from;
        }
        if self == Self::Legacy {
            rng.fill_bytes(&mut message[MESSAGE_BYTES - SEQUENCE_BYTES..]);
        }
        Ok(message)
    }

    /// The body of a padded message.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the message is not [`MESSAGE_BYTES`] long, the padding is longer than
    /// it, or is not zero.
    pub fn unpad(self, message: &[u8]) -> Result<&[u8], DecodeError> {
        let mut reader = Reader::new(message);
        let room = usize::from(reader.u16_be()?);
        let body = reader.take(self.capacity())?;
        if self == Self::Legacy {
            reader.take(SEQUENCE_BYTES)?;
        }
        reader.finish()?;
        let bound = DecodeError::TooLong { length: room as u64, bound: body.len() as u64 };
        let (padding, body) = body.split_at_checked(room).ok_or(bound)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(DecodeError::NotCanonical);
        }
        Ok(body)
    }
}

/// The message does not fit one packet.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{length} bytes where a packet has room for {capacity}")]
pub struct MessageTooLong {
    /// Bytes there are.
    pub length: usize,
    /// Bytes there is room for.
    pub capacity: usize,
}

/// Why an application message cannot be framed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// It does not fit one packet beside its codec and reply blocks.
    #[error(transparent)]
    TooLong(MessageTooLong),
    /// The codec is over [`MAX_CODEC_BYTES`].
    #[error("codec of {0} bytes is too long")]
    CodecTooLong(usize),
    /// There are more than [`MAX_SURBS`] reply blocks.
    #[error("{0} reply blocks are too many")]
    TooManySurbs(usize),
}

/// An application message as it reaches the exit.
///
/// | bytes | field |
/// |---|---|
/// | 1 | codec length, at most 127 |
/// | | codec, UTF-8 |
/// | 1 | number of reply blocks, at most 5 |
/// | 734 each | reply blocks |
/// | rest | application bytes |
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// The protocol the application bytes are for; not empty.
    pub codec: String,
    /// Blocks to reply with.
    pub surbs: Vec<Surb>,
    /// The application's bytes.
    pub data: Vec<u8>,
}

impl Message {
    /// A message that wants no reply.
    #[must_use]
    pub fn new(codec: impl Into<String>, data: Vec<u8>) -> Self {
        Self { codec: codec.into(), surbs: Vec::new(), data }
    }

    /// Application bytes that fit beside a codec and `surbs` reply blocks.
    #[must_use]
    pub const fn capacity(framing: Framing, codec_bytes: usize, surbs: usize) -> usize {
        let overhead =
            codec_bytes.saturating_add(2).saturating_add(surbs.saturating_mul(SURB_BYTES));
        framing.capacity().saturating_sub(overhead)
    }

    /// Frames and pads the message.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if a part is over its bound or the whole does not fit.
    pub fn encode(
        &self,
        framing: Framing,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<[u8; MESSAGE_BYTES], FrameError> {
        let codec = count(self.codec.len(), MAX_CODEC_BYTES)
            .ok_or(FrameError::CodecTooLong(self.codec.len()))?;
        let surbs =
            count(self.surbs.len(), MAX_SURBS).ok_or(FrameError::TooManySurbs(self.surbs.len()))?;
        let mut writer = Writer::with_capacity(MESSAGE_BYTES);
        writer.u8(codec).put(self.codec.as_bytes()).u8(surbs);
        for surb in &self.surbs {
            writer.put(&surb.to_bytes());
        }
        writer.put(&self.data);
        framing.pad(&writer.into_bytes(), rng).map_err(FrameError::TooLong)
    }

    /// Reads what the exit found.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not a framed message.
    pub fn decode(framing: Framing, message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(framing.unpad(message)?);
        let codec = read_codec(&mut reader)?;
        if codec.is_empty() {
            return Err(DecodeError::UnknownTag { tag: 0 });
        }
        let n = u64::from(reader.u8()?);
        let n = reader.checked_count(n, MAX_SURBS, SURB_BYTES)?;
        let surbs =
            (0..n).map(|_| reader.array().map(Surb::from_bytes)).collect::<Result<_, _>>()?;
        let data = reader.take(reader.remaining())?.to_vec();
        Ok(Self { codec, surbs, data })
    }
}

/// Frames and pads the bytes of a reply: an empty codec and no count of reply blocks.
///
/// # Errors
///
/// [`MessageTooLong`] if they do not fit.
pub fn encode_reply(
    framing: Framing,
    data: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<[u8; MESSAGE_BYTES], MessageTooLong> {
    let mut writer = Writer::with_capacity(data.len().saturating_add(1));
    writer.u8(0).put(data);
    framing.pad(&writer.into_bytes(), rng)
}

/// Reads the bytes of a reply.
///
/// # Errors
///
/// [`DecodeError`] if the bytes are not a framed reply.
pub fn decode_reply(framing: Framing, message: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut reader = Reader::new(framing.unpad(message)?);
    match reader.u8()? {
        0 => Ok(reader.take(reader.remaining())?.to_vec()),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

fn count(n: usize, bound: usize) -> Option<u8> {
    u8::try_from(n).ok().filter(|_| n <= bound)
}

fn read_codec(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let n = u64::from(reader.u8()?);
    let n = reader.checked_count(n, MAX_CODEC_BYTES, 1)?;
    let codec = core::str::from_utf8(reader.take(n)?).map_err(|_| DecodeError::NotCanonical)?;
    Ok(String::from(codec))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(1)
    }

    fn surb(fill: u8) -> Surb {
        Surb::from_bytes(&[fill; SURB_BYTES])
    }

    #[test]
    fn a_message_that_fills_the_packet_fits_and_one_more_byte_does_not() {
        for framing in [Framing::Current, Framing::Legacy] {
            for n in 0..=MAX_SURBS {
                let room = Message::capacity(framing, 4, n);
                let mut message = Message::new("/a/1", std::vec![9; room]);
                message.surbs.extend((0..n).map(|_| surb(3)));
                let bytes = message.encode(framing, &mut rng()).unwrap();
                assert_eq!(Message::decode(framing, &bytes).unwrap(), message);
                message.data.push(9);
                let error = message.encode(framing, &mut rng()).unwrap_err();
                assert!(matches!(error, FrameError::TooLong(_)));
            }
        }
    }

    #[test]
    fn parts_over_their_bounds_are_refused() {
        let long = "x".repeat(128);
        let message = Message::new(long, Vec::new());
        assert_eq!(
            message.encode(Framing::Current, &mut rng()),
            Err(FrameError::CodecTooLong(128))
        );
        let mut message = Message::new("/a/1", Vec::new());
        message.surbs.extend((0..6).map(surb));
        assert_eq!(message.encode(Framing::Current, &mut rng()), Err(FrameError::TooManySurbs(6)));
    }

    #[test]
    fn what_an_exit_sees_does_not_depend_on_the_sender() {
        let message = Message::new("/a/1", std::vec![1, 2, 3]);
        let mut other = ChaCha20Rng::seed_from_u64(2);
        let (a, b) = (
            message.encode(Framing::Current, &mut rng()),
            message.encode(Framing::Current, &mut other),
        );
        assert_eq!(a, b);
    }

    #[test]
    fn malformed_messages_are_refused() {
        let mut bytes =
            Message::new("/a/1", Vec::new()).encode(Framing::Current, &mut rng()).unwrap();
        assert!(Message::decode(Framing::Current, &bytes[1..]).is_err());
        bytes[100] = 1;
        assert_eq!(Message::decode(Framing::Current, &bytes), Err(DecodeError::NotCanonical));
        bytes[..2].copy_from_slice(&[0xff, 0xff]);
        assert!(matches!(
            Message::decode(Framing::Current, &bytes),
            Err(DecodeError::TooLong { .. })
        ));
        let body = Framing::Current.pad(&[4, b'/', b'a', b'/', b'1', 6], &mut rng()).unwrap();
        assert_eq!(
            Message::decode(Framing::Current, &body),
            Err(DecodeError::TooLong { length: 6, bound: 5 })
        );
        let body = Framing::Current.pad(&[4, b'/', b'a', b'/', b'1', 2, 0], &mut rng()).unwrap();
        assert!(matches!(
            Message::decode(Framing::Current, &body),
            Err(DecodeError::Truncated { .. })
        ));
    }

    proptest! {
        #[test]
        fn what_is_framed_is_read(
            codec in "[a-z/]{1,127}", n in 0usize..=4, data in prop::collection::vec(any::<u8>(), 0..900),
        ) {
            let mut message = Message::new(codec, data);
            message.surbs.extend((0..n).map(|i| surb(u8::try_from(i).unwrap())));
            for framing in [Framing::Current, Framing::Legacy] {
                let bytes = message.encode(framing, &mut rng()).unwrap();
                prop_assert_eq!(&Message::decode(framing, &bytes).unwrap(), &message);
                let bytes = encode_reply(framing, &message.data, &mut rng()).unwrap();
                prop_assert_eq!(&decode_reply(framing, &bytes).unwrap(), &message.data);
                prop_assert!(Message::decode(framing, &bytes).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(head in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut bytes = [0; MESSAGE_BYTES];
            bytes[..head.len()].copy_from_slice(&head);
            if let Ok(message) = Message::decode(Framing::Current, &bytes) {
                prop_assert_eq!(message.encode(Framing::Current, &mut rng()).unwrap(), bytes);
            }
        }
    }
}
