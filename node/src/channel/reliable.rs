//! A channel and the store it lives in.

use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use thiserror::Error;

use super::event::{ChannelRequestId, EventNumber};
use super::id::MessageId;
use super::machine::{Channel, ChannelOutput, FrameError, Page, SendError};
use super::sds::RestoreError;
use super::store::ChannelStore;

/// Why a channel did not do what it was asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelError<E> {
    /// The store failed. Nothing happened; the next call begins with what is on disk.
    #[error("store failed")]
    Store(E),
    /// What is on disk is not a channel's state.
    #[error(transparent)]
    Restore(RestoreError),
    /// The message was not accepted.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// A [`Channel`] whose every step is on disk before it has an effect.
///
/// # Examples
///
/// Two members, and a wire between them:
///
/// ```
/// use std::time::Duration;
///
/// use logos_crypto::secret::Secret;
/// use logos_crypto::tick::Tick;
/// use logos_node::channel::{
///     Author, Channel, ChannelConfig, ChannelEvent, ChannelId, ChannelKey, ChannelOutput,
///     MemoryChannel, ParticipantId, Protection, ReliableChannel,
/// };
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::seed_from_u64(1);
///
/// let now = Tick::new(Duration::from_secs(1_800_000_000));
/// let join = |name| {
///     let id = ChannelId::new("plans").expect("short");
///     let author = Author::Named(ParticipantId::new(name).expect("short"));
///     let key = Protection::Sealed(ChannelKey::new(&Secret::new([7; 32]), &id));
///     let channel = Channel::open(ChannelConfig::default(), id, author, key, &[], now)?;
///     Ok::<_, logos_node::channel::RestoreError>(
///         ReliableChannel::new(channel, MemoryChannel::default()),
///     )
/// };
/// let (mut saro, mut raya) = (join("saro")?, join("raya")?);
///
/// let request = saro.send(now, b"Hi Raya").expect("memory does not fail");
/// while let Some(output) = saro.poll_output(&mut rng) {
///     if let ChannelOutput::Publish { payload, .. } = output {
///         raya.handle_frame(now, &payload, None).expect("memory does not fail")?;
///     }
/// }
/// let mut heard = Vec::new();
/// while let Some(output) = raya.poll_output(&mut rng) {
///     if let ChannelOutput::Event { event: ChannelEvent::Message { payload, .. }, .. } = output {
///         heard.push(payload);
///     }
/// }
/// assert_eq!(heard, [b"Hi Raya"]);
/// # let _ = request;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ReliableChannel<S> {
    channel: Channel,
    pub(super) store: S,
    is_stale: bool,
}

impl<S: ChannelStore> ReliableChannel<S> {
    /// A channel that was opened with the records of `store`.
    #[must_use]
    pub const fn new(channel: Channel, store: S) -> Self {
        Self { channel, store, is_stale: true }
    }

    /// As [`Channel::send`], committed.
    ///
    /// # Errors
    ///
    /// See [`ChannelError`].
    pub fn send(
        &mut self,
        now: Tick,
        payload: &[u8],
    ) -> Result<ChannelRequestId, ChannelError<S::Error>> {
        Ok(self.step(now, |channel| channel.send(now, payload))??)
    }

    /// As [`Channel::send_ephemeral`], committed: what is on disk is the channel's clock.
    ///
    /// # Errors
    ///
    /// See [`ChannelError`].
    pub fn send_ephemeral(
        &mut self,
        now: Tick,
        payload: &[u8],
    ) -> Result<(), ChannelError<S::Error>> {
        Ok(self.step(now, |channel| channel.send_ephemeral(now, payload))??)
    }

    /// As [`Channel::handle_frame`], committed.
    ///
    /// # Errors
    ///
    /// Outside, that the store failed; inside, that the frame was not taken.
    pub fn handle_frame(
        &mut self,
        now: Tick,
        payload: &[u8],
        hint: Option<&[u8]>,
    ) -> Result<Result<(), FrameError>, ChannelError<S::Error>> {
        self.step(now, |channel| channel.handle_frame(now, payload, hint))
    }

    /// As [`Channel::handle_timeout`], committed.
    ///
    /// # Errors
    ///
    /// See [`ChannelError`].
    pub fn handle_timeout(&mut self, now: Tick) -> Result<(), ChannelError<S::Error>> {
        self.step(now, |channel| channel.handle_timeout(now))
    }

    /// As [`Channel::handle_published`], committed.
    ///
    /// # Errors
    ///
    /// See [`ChannelError`].
    pub fn handle_published(
        &mut self,
        now: Tick,
        id: &MessageId,
        hint: &[u8],
    ) -> Result<(), ChannelError<S::Error>> {
        self.step(now, |channel| channel.handle_published(now, id, hint))
    }

    /// As [`Channel::handle_consumed`], committed.
    ///
    /// # Errors
    ///
    /// See [`ChannelError`].
    pub fn handle_consumed(
        &mut self,
        now: Tick,
        number: EventNumber,
    ) -> Result<(), ChannelError<S::Error>> {
        self.step(now, |channel| channel.handle_consumed(number))
    }

    /// As [`Channel::handle_connected`], committed.
    ///
    /// # Errors
    ///
    /// See [`ChannelError`].
    pub fn handle_connected(&mut self, now: Tick) -> Result<(), ChannelError<S::Error>> {
        self.step(now, |channel| channel.handle_connected(now))
    }

    /// As [`Channel::handle_page`], committed.
    ///
    /// # Errors
    ///
    /// See [`ChannelError`].
    pub fn handle_page(&mut self, now: Tick, page: &Page) -> Result<(), ChannelError<S::Error>> {
        self.step(now, |channel| channel.handle_page(now, page))
    }

    /// As [`Channel::handle_query_failed`].
    pub fn handle_query_failed(&mut self, now: Tick) {
        self.channel.handle_query_failed(now);
    }

    /// The next thing to do. Call until it gives nothing.
    pub fn poll_output(&mut self, rng: &mut (impl CryptoRng + ?Sized)) -> Option<ChannelOutput> {
        self.channel.poll_output(rng)
    }

    /// When [`ReliableChannel::handle_timeout`] may have something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        self.channel.next_deadline()
    }

    /// The machine, to look at.
    #[must_use]
    pub const fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Takes the two apart.
    #[must_use]
    pub fn into_store(self) -> S {
        self.store
    }

    fn step<T>(
        &mut self,
        now: Tick,
        act: impl FnOnce(&mut Channel) -> T,
    ) -> Result<T, ChannelError<S::Error>> {
        if self.is_stale {
            let records = self.store.records().map_err(ChannelError::Store)?;
            self.channel = self.channel.reopen(&records, now).map_err(ChannelError::Restore)?;
            self.is_stale = false;
        }
        let result = act(&mut self.channel);
        let changes = self.channel.take_changes();
        if !changes.is_empty() {
            self.is_stale = true;
            self.store.commit(changes).map_err(ChannelError::Store)?;
            self.is_stale = false;
        }
        self.channel.handle_committed();
        Ok(result)
    }
}
