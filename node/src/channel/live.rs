//! A reliable channel on the network of a node.

mod outcomes;
mod runner;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use logos_crypto::secret::Secret;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use super::carrier::CarrierError;
use super::event::{ChannelEvent, ChannelRequestId, EventNumber, Outcome};
use super::id::{ChannelId, ParticipantId};
use super::machine::{Channel, ChannelConfig, SendError};
use super::protection::{ChannelKey, Protection};
use super::reliable::{ChannelError, ReliableChannel};
use super::sds::Author;
use super::store::ChannelStore;
use super::uplink::{Uplink, hand_over};
use crate::delivery::Node;
use crate::random::{RandomError, os_seeded};
use crate::wire::ContentTopic;
use runner::{Input, Runner, Wires};

/// Which channel, as whom, and how.
#[derive(Debug)]
pub struct ChannelSettings {
    /// The channel.
    pub id: ChannelId,
    /// Where its frames are published.
    pub topic: ContentTopic,
    /// Who we are in it.
    pub author: Author,
    /// How its frames are protected.
    pub protection: Protection,
    /// What its members agree on, and what we may hold.
    pub config: ChannelConfig,
}

impl ChannelSettings {
    /// The usual: frames are sealed under a key from the `secret` that members share, and so is
    /// the name of the topic they are published on.
    #[must_use]
    pub fn new(id: ChannelId, author: Author, secret: &Secret<32>) -> Self {
        let key = ChannelKey::new(secret, &id);
        let topic = key.topic();
        let (protection, config) = (Protection::Sealed(key), ChannelConfig::default());
        Self { id, topic, author, protection, config }
    }
}

/// Why a channel was not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError<E> {
    /// Its store failed, or holds something else.
    #[error(transparent)]
    Channel(#[from] ChannelError<E>),
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The topic is not one that the node carries.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    /// Its thread did not start.
    #[error("cannot start a thread: {0}")]
    Thread(io::ErrorKind),
}

/// Why a message was not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeChannelError {
    /// The channel does not take it.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The store failed; the message was not accepted.
    #[error("the channel's store failed: {0}")]
    Store(String),
    /// The channel was closed.
    #[error("the channel is closed")]
    Closed,
    /// No such message, or one whose outcome was told long ago.
    #[error("no message is known by the number {}", .0.number())]
    Unknown(ChannelRequestId),
}

/// What a channel hears.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelNews {
    /// A message, or why one is not to be had. Never an outcome of ours.
    Event(ChannelEvent),
    /// A message outside the order of the channel, which nobody keeps.
    Ephemeral {
        /// Who sent it.
        sender: ParticipantId,
        /// What it says.
        payload: Vec<u8>,
    },
}

/// A reliable channel at work: segments, order, acknowledgements, repair, encryption and what
/// survives the process, over a [`Node`].
///
/// A handle; clones are the same channel. It ends when the last one is dropped or with
/// [`close`](Self::close), and goes on where it was when it is opened again on the same store. It
/// works on a thread of its own, because every step is on disk before it has an effect.
///
/// # Examples
///
/// ```
/// use logos_crypto::keys::SigningKey;
/// use logos_crypto::secret::Secret;
/// use logos_node::channel::{
///     Author, ChannelEvent, ChannelId, ChannelNews, ChannelSettings, MemoryChannel, NodeChannel,
///     Outcome,
/// };
/// use logos_node::delivery::{Mode, Node, Preset};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let one = Node::connect(Preset::Local, Mode::Core).await?;
/// let other = Node::connect(Preset::Local, Mode::Core).await?;
/// other.dial(one.address().await?).await?;
///
/// let join = |node, seed| {
///     let id = ChannelId::new("plans").expect("short");
///     let author = Author::Signed(SigningKey::from_secret(&Secret::new([seed; 32])));
///     let settings = ChannelSettings::new(id, author, &Secret::new([7; 32]));
///     NodeChannel::open(node, settings, MemoryChannel::default())
/// };
/// let (saro, _) = join(&one, 1)?;
/// let (raya, mut news) = join(&other, 2)?;
///
/// let request = saro.send(vec![5; 1 << 20]).await?;
/// let Some(ChannelNews::Event(ChannelEvent::Message { payload, .. })) = news.next().await else {
///     panic!("a message");
/// };
/// assert_eq!(payload, vec![5; 1 << 20]);
/// assert!(matches!(saro.outcome(request).await?, Outcome::Acked { .. }));
/// # raya.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct NodeChannel {
    shared: Arc<Shared>,
}

/// The way to the thread.
struct Shared {
    id: ChannelId,
    inputs: SyncSender<Input>,
    stop: Arc<AtomicBool>,
    ended: watch::Receiver<()>,
}

/// Messages of a channel, one after the other.
///
/// A message counts as read when the next one is asked for: one that was taken and not read
/// comes again when the channel is opened again. While [`ChannelReader::MAX_HELD`] are not read,
/// or [`ChannelReader::MAX_HELD_BYTES`], the channel takes no others.
pub struct ChannelReader {
    news: mpsc::UnboundedReceiver<(Option<EventNumber>, ChannelNews)>,
    inputs: SyncSender<Input>,
    taken: Option<EventNumber>,
}

/// Inputs that wait for the thread.
const MAX_INPUTS: usize = 1024;

impl NodeChannel {
    /// Opens a channel on the runtime that this is called on: a new one, or one that was closed or
    /// whose process was killed, as `store` has it.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn open<S>(
        node: &Node,
        settings: ChannelSettings,
        store: S,
    ) -> Result<(Self, ChannelReader), OpenError<S::Error>>
    where
        S: ChannelStore + Send + 'static,
        S::Error: fmt::Display,
    {
        let ChannelSettings { id, topic, author, protection, config } = settings;
        let now = runner::now();
        // What the store holds is read at the first step.
        let channel = Channel::open(config, id.clone(), author, protection, &[], now);
        let mut channel =
            ReliableChannel::new(channel.map_err(ChannelError::<S::Error>::Restore)?, store);
        channel.handle_timeout(now)?;

        let (inputs, waiting) = sync_channel(MAX_INPUTS);
        let mut uplink = Uplink::new(node.clone(), Handle::current(), inputs.clone());
        uplink.subscribe(topic.as_str())?;
        let (teller, news) = mpsc::unbounded_channel();
        let (alive, ended) = watch::channel(());
        let stop = Arc::new(AtomicBool::new(false));
        let wires = Wires { inputs: waiting, stop: Arc::clone(&stop), teller, alive };
        let runner = Runner::new(channel, topic, uplink, os_seeded()?, wires);
        let thread = thread::Builder::new().name("channel".to_owned());
        thread.spawn(move || runner.run()).map_err(|error| OpenError::Thread(error.kind()))?;
        let reader = ChannelReader { news, inputs: inputs.clone(), taken: None };
        Ok((Self { shared: Arc::new(Shared { id, inputs, stop, ended }) }, reader))
    }

    /// The channel's name.
    #[must_use]
    pub fn id(&self) -> &ChannelId {
        &self.shared.id
    }

    /// Accepts a message: when this returns, it is on disk, and it will be sent until a member has
    /// it, whatever happens to this process meanwhile.
    ///
    /// # Errors
    ///
    /// See [`NodeChannelError`]; then it was not accepted.
    pub async fn send(
        &self,
        payload: impl Into<Vec<u8>> + Send,
    ) -> Result<ChannelRequestId, NodeChannelError> {
        let payload = payload.into();
        self.ask(|reply| Input::Send { payload, reply }).await?
    }

    /// Sends a message outside the order of the channel, once, to whoever hears it now, such as that
    /// somebody is typing. It is not sent again, nobody confirms it, no store keeps it; whoever gets
    /// it is told [`ChannelNews::Ephemeral`].
    ///
    /// # Errors
    ///
    /// [`NodeChannelError::Send`] if it does not fit one segment, [`NodeChannelError::Store`] if the
    /// channel's clock was not kept, [`NodeChannelError::Closed`].
    pub async fn send_ephemeral(
        &self,
        payload: impl Into<Vec<u8>> + Send,
    ) -> Result<(), NodeChannelError> {
        let payload = payload.into();
        self.ask(|reply| Input::SendEphemeral { payload, reply }).await?
    }

    /// How a message of ours ended. Waits until it has. An outcome is kept, on disk, until it is
    /// asked for or [`NodeChannel::MAX_OUTCOMES`] others have come.
    ///
    /// # Errors
    ///
    /// [`NodeChannelError::Unknown`], [`NodeChannelError::Closed`].
    pub async fn outcome(&self, request: ChannelRequestId) -> Result<Outcome, NodeChannelError> {
        let outcome = self.ask(|reply| Input::Outcome { request, reply }).await?;
        outcome.ok_or(NodeChannelError::Unknown(request))
    }

    /// Messages of ours without outcome.
    ///
    /// # Errors
    ///
    /// [`NodeChannelError::Closed`].
    pub async fn pending(&self) -> Result<usize, NodeChannelError> {
        self.ask(Input::Pending).await
    }

    /// Ends the channel and waits until its store is free. What was accepted and is not delivered
    /// is sent when the channel is opened again.
    pub async fn close(self) {
        self.shared.stop();
        let mut ended = self.shared.ended.clone();
        // The thread says nothing and goes.
        while ended.changed().await.is_ok() {}
    }

    async fn ask<T>(
        &self,
        input: impl FnOnce(oneshot::Sender<T>) -> Input,
    ) -> Result<T, NodeChannelError> {
        let (reply, answer) = oneshot::channel();
        hand_over(&self.shared.inputs, input(reply)).await;
        answer.await.map_err(|_| NodeChannelError::Closed)
    }
}

impl NodeChannel {
    /// Outcomes that are kept for whoever asks.
    pub const MAX_OUTCOMES: usize = 8192;
}

impl ChannelReader {
    /// Messages that wait to be read, at most.
    pub const MAX_HELD: usize = 1024;
    /// Bytes of messages that wait to be read: beyond these no others are taken.
    pub const MAX_HELD_BYTES: usize = 64 << 20;

    /// The next news; none when the channel is closed. What was taken before is read now.
    pub async fn next(&mut self) -> Option<ChannelNews> {
        if let Some(number) = self.taken.take() {
            hand_over(&self.inputs, Input::Consumed(number)).await;
        }
        let (number, news) = self.news.recv().await?;
        self.taken = number;
        Some(news)
    }
}

impl Shared {
    fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        // A thread that has inputs is awake already.
        self.inputs.try_send(Input::Wake).ok();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for NodeChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeChannel").field("id", &self.shared.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for ChannelReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelReader").field("taken", &self.taken).finish_non_exhaustive()
    }
}
