//! Messages on streams: each after its length, as an unsigned varint.

use core::time::Duration;

use libp2p::futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{PeerId, StreamProtocol};
use thiserror::Error;
use tokio::time::timeout;

use super::streams::{OpenError, Opener};
use crate::wire::{FrameError, FrameReader, Wire, WireError, write_frame};

/// Why an exchange with a peer failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub(super) enum ExchangeError {
    /// No stream was opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The stream broke, or ended before the answer.
    #[error("the stream broke")]
    Broken,
    /// What the peer sent is no message behind its length.
    #[error(transparent)]
    Frame(#[from] FrameError),
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

/// Tells a peer what is not answered.
#[cfg(feature = "rendezvous")]
pub(super) async fn tell<Q: Wire>(
    opener: &Opener,
    peer: PeerId,
    protocol: StreamProtocol,
    message: &Q,
) -> Result<(), ExchangeError> {
    let telling = async {
        let mut stream = opener.open(peer, protocol).await?;
        write(&mut stream, message).await?;
        stream.close().await.map_err(|_| ExchangeError::Broken)
    };
    timeout(EXCHANGE_TIME, telling).await.unwrap_or(Err(ExchangeError::TimedOut))
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
    stream.write_all(&write_frame(encoded)).await.map_err(|_| ExchangeError::Broken)?;
    stream.flush().await.map_err(|_| ExchangeError::Broken)
}

/// Reads one message; `None` where the stream ends before it begins.
///
/// # Security
///
/// A peer controls the bytes and their speed: callers set a time limit. See [`FrameReader`] for
/// what bounds memory.
pub(super) async fn read<T: Wire>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, ExchangeError> {
    let mut reader = FrameReader::new(T::MAX_BYTES);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        if let Some(message) = reader.poll_output() {
            return Ok(Some(T::decode(&message)?));
        }
        // Not a byte more: what follows is the next reader's.
        let wanted = reader.wanted().min(CHUNK_BYTES);
        let space = chunk.get_mut(..wanted).unwrap_or_default();
        let n = stream.read(space).await.map_err(|_| ExchangeError::Broken)?;
        if n == 0 {
            reader.handle_end()?;
            return Ok(None);
        }
        reader.handle_bytes(chunk.get(..n).unwrap_or_default())?;
    }
}

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 16 * 1024;

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
    fn a_stream_that_ends_inside_a_message_is_refused() {
        let mut bytes = Vec::new();
        block_on(write(&mut bytes, &message())).unwrap();
        for end in 1..bytes.len() {
            let read = block_on(read::<MetadataMessage>(&mut &bytes[..end]));
            assert_eq!(read, Err(FrameError::Truncated.into()));
        }
    }

    #[test]
    fn an_announced_length_over_the_bound_is_refused_unread() {
        let bytes = [0xff, 0xff, 0xff, 0x7f, 1, 2, 3];
        let read = block_on(read::<FilterResponse>(&mut &bytes[..]));
        let limit = FilterResponse::MAX_BYTES;
        assert_eq!(read, Err(FrameError::TooLong { bytes: 0x0fff_ffff, limit }.into()));
    }
}
