//! Connections that count their bytes and, in memory, take their time.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use libp2p::futures::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::shared::Shared;

/// Bytes that are under way on one connection, at most; then its sender waits.
const MAX_UNDER_WAY: usize = 1 << 20;
/// Bytes that are taken from below at once.
const PIECE: usize = 16 << 10;

/// A stream below the encryption: every byte on it is one on the wire.
pub(super) struct Link<S> {
    stream: S,
    shared: Arc<Shared>,
    delay: Option<Delay>,
}

/// Bytes that were sent and have not arrived.
struct Delay {
    latency: Duration,
    under_way: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    ended: bool,
    timer: Pin<Box<Sleep>>,
}

impl<S> Link<S> {
    /// A stream of a node. What arrives on it arrives `latency` later.
    pub(super) fn new(stream: S, shared: Arc<Shared>, latency: Duration) -> Self {
        let delay = (!latency.is_zero()).then(|| Delay {
            latency,
            under_way: VecDeque::new(),
            bytes: 0,
            ended: false,
            timer: Box::pin(sleep_until(Instant::now())),
        });
        Self { stream, shared, delay }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Link<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, shared, delay } = &mut *self;
        let read = match delay {
            None => ready!(Pin::new(stream).poll_read(context, buffer)),
            Some(delay) => ready!(delay.poll_read(stream, context, buffer)),
        };
        if let Ok(bytes) = &read {
            shared.counters.bytes_received.add_many(*bytes);
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Link<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        if let Ok(bytes) = &written {
            self.shared.counters.bytes_sent.add_many(*bytes);
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}

impl Delay {
    fn poll_read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.take_in(stream, context)?;
        loop {
            let Some((arrives, piece)) = self.under_way.front_mut() else {
                return if self.ended { Poll::Ready(Ok(0)) } else { Poll::Pending };
            };
            if *arrives <= Instant::now() {
                let count = piece.len().min(buffer.len());
                for (to, from) in buffer.iter_mut().zip(piece.drain(..count)) {
                    *to = from;
                }
                if piece.is_empty() {
                    self.under_way.pop_front();
                }
                self.bytes = self.bytes.saturating_sub(count);
                return Poll::Ready(Ok(count));
            }
            self.timer.as_mut().reset(*arrives);
            ready!(self.timer.as_mut().poll(context));
        }
    }

    /// Takes what was sent, and notes when it will have arrived.
    fn take_in(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        context: &mut Context<'_>,
    ) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        while !self.ended && self.bytes < MAX_UNDER_WAY {
            match Pin::new(&mut *stream).poll_read(context, &mut piece) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(count)) => {
                    let bytes = piece.get(..count).unwrap_or_default().to_vec();
                    self.under_way.push_back((Instant::now() + self.latency, bytes));
                    self.bytes = self.bytes.saturating_add(count);
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use libp2p::futures::io::{AsyncReadExt, Cursor};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_arrives_whole_after_its_time_and_is_counted() {
        let (shared, latency) = (Arc::new(Shared::new()), Duration::from_millis(100));
        let sent: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let start = Instant::now();
        let mut link = Link::new(Cursor::new(sent.clone()), Arc::clone(&shared), latency);
        let mut came = Vec::new();
        link.read_to_end(&mut came).await.unwrap();
        assert!(came == sent);
        assert_eq!(start.elapsed().as_millis() / 10, 10);
        assert_eq!(shared.counters.bytes_received.get(), 100_000);
        let mut link = Link::new(Cursor::new(sent), shared, Duration::ZERO);
        let at_once = Instant::now();
        link.read_to_end(&mut came).await.unwrap();
        assert_eq!(at_once.elapsed(), Duration::ZERO);
    }
}
