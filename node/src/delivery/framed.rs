//! Messages on streams: each after its length, as an unsigned varint.

use core::time::Duration;

use libp2p::futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{PeerId, StreamProtocol};
use thiserror::Error;
use tokio::time::timeout;

use super::streams::{OpenError, Opener};
use crate::wire::{Wire, WireError, write_varint};

/// Why an exchange with a peer failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub(super) enum ExchangeError {
    /// No stream was opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The stream broke or ended too early.
    #[error("the stream broke")]
    Broken,
    /// The peer sent more than it may.
    #[error("{bytes} bytes of at most {limit}")]
    TooLong {
        /// What it announced.
        bytes: u64,
        /// The bound.
        limit: usize,
    },
    /// What the peer sent is not the message it should be.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The peer took too long.
    #[error("the peer took too long")]
    TimedOut,
}

/// Asks a peer and waits for its answer.
pub(super) async fn ask<Q: Wire, A: Wire>(
    opener: &Opener,
    peer: PeerId,
    protocol: StreamProtocol,
    question: &Q,
) -> Result<A, ExchangeError> {
    let exchange = async {
        let mut stream = opener.open(peer, protocol).await?;
        write(&mut stream, question).await?;
        // The answer comes whether or not the peer saw the end of the question.
        stream.close().await.ok();
        read(&mut stream).await?.ok_or(ExchangeError::Broken)
    };
    timeout(EXCHANGE_TIME, exchange).await.unwrap_or(Err(ExchangeError::TimedOut))
}

/// How long an exchange may take.
pub(super) const EXCHANGE_TIME: Duration = Duration::from_secs(10);

/// Writes one message and flushes it.
pub(super) async fn write<T: Wire>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), ExchangeError> {
    write_encoded(stream, &message.encode()).await
}

/// Writes one message that is encoded, and flushes it.
pub(super) async fn write_encoded(
    stream: &mut (impl AsyncWrite + Unpin),
    encoded: &[u8],
) -> Result<(), ExchangeError> {
    let mut bytes = Vec::with_capacity(encoded.len() + 10);
    write_varint(&mut bytes, encoded.len().try_into().unwrap_or(u64::MAX));
    bytes.extend_from_slice(encoded);
    stream.write_all(&bytes).await.map_err(|_| ExchangeError::Broken)?;
    stream.flush().await.map_err(|_| ExchangeError::Broken)
}

/// Reads one message; `None` where the stream ends before it begins.
///
/// # Security
///
/// A peer controls the bytes and their speed: callers set a time limit. Memory grows with what has
/// come, not with the length that was announced.
pub(super) async fn read<T: Wire>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, ExchangeError> {
    let Some(length) = read_length(stream).await? else { return Ok(None) };
    if length > T::MAX_BYTES as u64 {
        return Err(ExchangeError::TooLong { bytes: length, limit: T::MAX_BYTES });
    }
    let mut bytes = Vec::new();
    let read = stream.take(length).read_to_end(&mut bytes).await;
    match read {
        Ok(n) if n as u64 == length => Ok(Some(T::decode(&bytes)?)),
        _ => Err(ExchangeError::Broken),
    }
}

async fn read_length(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<u64>, ExchangeError> {
    let mut length = 0_u64;
    for index in 0..MAX_LENGTH_BYTES {
        let mut byte = [0];
        let n = stream.read(&mut byte).await.map_err(|_| ExchangeError::Broken)?;
        if n == 0 {
            return if index == 0 { Ok(None) } else { Err(ExchangeError::Broken) };
        }
        length |= u64::from(byte[0] & 0x7f) << (7 * index);
        if byte[0] & 0x80 == 0 {
            return Ok(Some(length));
        }
    }
    Err(ExchangeError::TooLong { bytes: length, limit: usize::MAX })
}

/// Bytes of a length below 2^35, which is over every bound.
const MAX_LENGTH_BYTES: usize = 5;

#[cfg(test)]
mod tests {
    use libp2p::futures::executor::block_on;
    use libp2p::futures::io::Cursor;

    use super::*;
    use crate::wire::{FilterResponse, MetadataMessage};

    fn message() -> MetadataMessage {
        MetadataMessage { cluster: Some(2), shards: vec![1, 5] }
    }

    #[test]
    fn messages_follow_each_other_until_the_stream_ends() {
        let mut bytes = Vec::new();
        block_on(write(&mut bytes, &message())).unwrap();
        block_on(write(&mut bytes, &message())).unwrap();
        let mut stream = Cursor::new(bytes);
        assert_eq!(block_on(read(&mut stream)), Ok(Some(message())));
        assert_eq!(block_on(read(&mut stream)), Ok(Some(message())));
        assert_eq!(block_on(read::<MetadataMessage>(&mut stream)), Ok(None));
    }

    #[test]
    fn a_stream_that_ends_inside_a_message_is_broken() {
        let mut bytes = Vec::new();
        block_on(write(&mut bytes, &message())).unwrap();
        for end in 1..bytes.len() {
            let read = block_on(read::<MetadataMessage>(&mut &bytes[..end]));
            assert_eq!(read, Err(ExchangeError::Broken));
        }
    }

    #[test]
    fn an_announced_length_over_the_bound_is_refused_unread() {
        let bytes = [0xff, 0xff, 0xff, 0x7f, 1, 2, 3];
        let read = block_on(read::<FilterResponse>(&mut &bytes[..]));
        let limit = FilterResponse::MAX_BYTES;
        assert_eq!(read, Err(ExchangeError::TooLong { bytes: 0x0fff_ffff, limit }));
    }
}
