//! A node, as an application sees it.

use std::io;
use std::sync::Arc;

use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId, TransportError};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::admission::{Admission, OpenAdmission};
use super::archive::{Archive, ArchiveError};
use super::clock::Clock;
use super::config::{Mode, NodeConfig, Preset};
use super::driver::{Command, Driver, Inputs, Machines, metadata};
use super::inbox::{Inbox, Received, Subscription};
use super::network::{self, BuildError};
use super::protocols::Capability;
use super::request::{Outcome, Progress, RequestId};
use super::send::TooManySends;
use super::service::Servers;
use super::shared::{Health, Shared, lock};
use super::status::NodeStatus;
use super::{keeper, lists, streams};
use crate::discovery::Sighting;
use crate::wire::{
    ContentTopic, MessageHash, Sharding, StoreRequest, StoreResponse, WakuMessage, Wire,
};

/// A node of the delivery network: connect, send, subscribe.
///
/// A handle; clones are the same node, which stops when the last one is dropped. The node runs on
/// the tokio runtime that it was started on.
///
/// # Examples
///
/// ```
/// use logos_node::delivery::{Mode, Node, Preset};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let node = Node::connect(Preset::Local, Mode::Core).await?;
/// let other = Node::connect(Preset::Local, Mode::Core).await?;
/// other.dial(node.address().await?).await?;
///
/// let topic = "/toychat/2/huilong/proto".parse()?;
/// let mut messages = other.subscribe(&topic).await?;
/// let request = node.send(&topic, b"hello".to_vec()).await?;
/// assert!(node.outcome(request).await?.is_sent());
/// assert_eq!(messages.next().await.unwrap().message.payload, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Node {
    peer: PeerId,
    config: Arc<NodeConfig>,
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

/// A message to send, where topic and payload do not say all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What it is about.
    pub topic: ContentTopic,
    /// What is sent.
    pub payload: Vec<u8>,
    /// An attribute of at most [`WakuMessage::MAX_META_BYTES`].
    pub meta: Vec<u8>,
    /// Should no one store it?
    pub ephemeral: bool,
}

/// Under which name a message leaves: known when it is stamped and has a peer to go to.
#[derive(Debug)]
pub struct Departure(oneshot::Receiver<MessageHash>);

impl Departure {
    /// The name the message left under first; none if it did not leave. Waits until that is known.
    pub async fn hash(self) -> Option<MessageHash> {
        self.0.await.ok()
    }
}

/// Why a node was not started.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The node could not be put together.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// Why: in use, not allowed, not of this machine.
        reason: String,
    },
    /// The archive cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::ErrorKind),
}

/// Why a message was not accepted. It will not be sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The message is over the network's limit.
    #[error("the message has {bytes} bytes encoded, of at most {limit}")]
    TooLarge {
        /// Its encoded length with a proof.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// The attribute is over its limit.
    #[error("the attribute has {bytes} bytes of at most {limit}")]
    MetaTooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// Too many sends have not ended.
    #[error(transparent)]
    TooMany(#[from] TooManySends),
    /// The node has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The node has stopped.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the node has stopped")]
pub struct Stopped;

/// No such send, or one that ended long ago.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no send is known by the name {0}")]
pub struct UnknownRequest(pub RequestId);

impl Node {
    /// Starts a node on a preset network, without a rate limit.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; nothing is left running.
    pub async fn connect(preset: Preset, mode: Mode) -> Result<Self, ConnectError> {
        Self::start(NodeConfig::new(preset, mode), Arc::new(OpenAdmission)).await
    }

    /// Starts a node.
    ///
    /// It dials the bootstrap peers for as long as it runs; [`health`](Self::health) tells whether
    /// it has reached any.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; nothing is left running.
    pub async fn start(
        config: NodeConfig,
        admission: Arc<dyn Admission>,
    ) -> Result<Self, ConnectError> {
        let key = config.key.clone().unwrap_or_else(Keypair::generate_secp256k1);
        let protocols = Servers::protocols(&config);
        let (behaviour, opener, accepted) = streams::Behaviour::new(&protocols);
        let (shared, clock) = (Arc::new(Shared::new()), Clock::start());
        let mut swarm = network::swarm(&config, &key, behaviour, &shared)?;
        for address in &config.listen {
            swarm.listen_on(address.clone()).map_err(|error| refused(address, error))?;
        }
        config.announce.iter().for_each(|address| swarm.add_external_address(address.clone()));
        let archive = config.store.as_ref().map(Archive::open).transpose()?;
        let keeper = archive.clone().map(keeper::start).transpose();
        let keeper = keeper.map_err(|error| ConnectError::Thread(error.kind()))?;
        let (commands, command_inputs) = mpsc::channel(MAX_COMMANDS);
        let (reports, report_inputs) = mpsc::channel(MAX_REPORTS);
        let (inbox, ended) = Inbox::new();
        let mut tasks = JoinSet::new();
        let servers = Servers {
            clock,
            shared: Arc::clone(&shared),
            reports: reports.clone(),
            archive,
            metadata: metadata(&config),
        };
        servers.start(&protocols, accepted, &mut tasks);
        lists::start(&config, &reports, &mut tasks);
        let peer = *swarm.local_peer_id();
        let driver = Driver {
            machines: Machines::new(&config, inbox, workers()),
            config: config.clone(),
            key,
            clock,
            swarm,
            opener,
            admission,
            shared: Arc::clone(&shared),
            reports,
            archive: keeper,
            tasks,
        };
        let inputs = Inputs { commands: command_inputs, reports: report_inputs, ended };
        tokio::spawn(driver.run(inputs));
        Ok(Self { peer, config: Arc::new(config), commands, shared })
    }

    /// Its id.
    #[must_use]
    pub const fn peer_id(&self) -> PeerId {
        self.peer
    }

    /// Which network it is on.
    #[must_use]
    pub fn sharding(&self) -> Sharding {
        self.config.sharding
    }

    /// The first address that others can dial, with the node's id. Waits until it listens; an edge
    /// node may never do.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn address(&self) -> Result<Multiaddr, Stopped> {
        let mut addresses = self.shared.addresses.subscribe();
        let addresses = tokio::select! {
            listening = addresses.wait_for(|addresses| !addresses.is_empty()) => listening,
            () = self.commands.closed() => return Err(Stopped),
        };
        let first = addresses.ok().and_then(|addresses| addresses.first().cloned());
        // That of a relay ends with the id already.
        let whole = first.map(|address| address.with_p2p(self.peer).unwrap_or_else(|it| it));
        whole.ok_or(Stopped)
    }

    /// Connects to a node, and keeps trying for as long as this one runs.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn dial(&self, address: Multiaddr) -> Result<(), Stopped> {
        self.command(Command::Dial(address)).await
    }

    /// Where peers are that are said to offer something, each address with its peer's id: from the
    /// lists in the domain name system, peer exchange, the routing table, rendezvous points and the
    /// [`Lookup`](super::Lookup) of the configuration. Gives what is known and does not go looking.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn who_offers(&self, capability: Capability) -> Result<Vec<Multiaddr>, Stopped> {
        self.ask(|reply| Command::WhoOffers { capability, reply }).await
    }

    /// What was heard of peers that are said to offer something, the one heard of last first: with
    /// the keys of mixes. As [`who_offers`](Self::who_offers), without the
    /// [`Lookup`](super::Lookup).
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn heard_of(&self, capability: Capability) -> Result<Vec<Sighting>, Stopped> {
        self.ask(|reply| Command::HeardOf { capability, reply }).await
    }

    /// Sends a payload to everyone who reads `topic`.
    ///
    /// # Errors
    ///
    /// [`SendError`]; whatever is accepted ends in exactly one [`outcome`](Self::outcome).
    pub async fn send(
        &self,
        topic: &ContentTopic,
        payload: impl Into<Vec<u8>> + Send,
    ) -> Result<RequestId, SendError> {
        let (topic, payload) = (topic.clone(), payload.into());
        self.send_envelope(Envelope { topic, payload, meta: Vec::new(), ephemeral: false }).await
    }

    /// Sends a message with all that can be said of it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_envelope(&self, envelope: Envelope) -> Result<RequestId, SendError> {
        self.send_traced(envelope).await.map(|(request, _)| request)
    }

    /// Sends a message, and gives besides its request what will tell the name it leaves under.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_traced(
        &self,
        envelope: Envelope,
    ) -> Result<(RequestId, Departure), SendError> {
        let topic = self.config.sharding.pubsub_topic(&envelope.topic);
        let message = envelope.into_message()?;
        let (left, departure) = oneshot::channel();
        let answer = self.ask(|reply| Command::Send { message, topic, left, reply }).await?;
        Ok((answer?, Departure(departure)))
    }

    /// How a send ended. Waits until it has.
    ///
    /// # Errors
    ///
    /// [`UnknownRequest`] also for a send that ended long ago.
    pub async fn outcome(&self, id: RequestId) -> Result<Outcome, UnknownRequest> {
        let mut progress = self.progress(id)?;
        let ended = progress.wait_for(|progress| matches!(progress, Progress::Ended(_))).await;
        match ended.map(|progress| *progress) {
            Ok(Progress::Ended(outcome)) => Ok(outcome),
            _ => Err(UnknownRequest(id)),
        }
    }

    /// How far a send is, to be watched. A watcher sees the newest state, not every one.
    ///
    /// # Errors
    ///
    /// [`UnknownRequest`] also for a send that ended long ago.
    pub fn progress(&self, id: RequestId) -> Result<watch::Receiver<Progress>, UnknownRequest> {
        lock(&self.shared.requests).get(id).cloned().ok_or(UnknownRequest(id))
    }

    /// The messages of a topic from now on, this node's own as well.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn subscribe(&self, topic: &ContentTopic) -> Result<Subscription, Stopped> {
        let topic = topic.clone();
        self.ask(|reply| Command::Subscribe { topic, reply }).await
    }

    /// Calls `handler` with each message of a topic, until the handle is dropped.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn subscribe_with(
        &self,
        topic: &ContentTopic,
        mut handler: impl FnMut(Arc<Received>) + Send + 'static,
    ) -> Result<Handler, Stopped> {
        let mut messages = self.subscribe(topic).await?;
        let task = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                handler(message);
            }
        });
        Ok(Handler(task.abort_handle()))
    }

    /// Asks a store for messages of the past; `None` where no store answers.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn query(&self, request: StoreRequest) -> Result<Option<StoreResponse>, Stopped> {
        self.ask(|reply| Command::Query { request, reply }).await
    }

    /// How well the node is connected, to be watched.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    /// What the node says of itself now.
    ///
    /// # Errors
    ///
    /// [`Stopped`].
    pub async fn status(&self) -> Result<NodeStatus, Stopped> {
        self.ask(Command::Inspect).await
    }

    /// Name, meaning and value of each counter.
    #[must_use]
    pub fn counters(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.shared.counters.all()
    }

    /// Stops the node: sends end, connections close. Waits until it has.
    pub async fn stop(&self) {
        // A node that has stopped already is what was asked for.
        self.ask(Command::Stop).await.ok();
    }

    async fn command(&self, command: Command) -> Result<(), Stopped> {
        self.commands.send(command).await.map_err(|_| Stopped)
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.command(command(reply)).await?;
        answer.await.map_err(|_| Stopped)
    }
}

/// Commands that wait for the driver.
const MAX_COMMANDS: usize = 256;
/// Reports that wait for the driver.
const MAX_REPORTS: usize = 1024;

/// Threads that judge at once.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn refused(address: &Multiaddr, error: TransportError<io::Error>) -> ConnectError {
    let reason = match error {
        TransportError::MultiaddrNotSupported(_) => "no transport takes it".to_owned(),
        TransportError::Other(error) => error.to_string(),
    };
    ConnectError::Listen { address: address.clone(), reason }
}

impl Envelope {
    /// Room for a rate-limit proof in a message, in bytes.
    const PROOF_BYTES: usize = 340;

    fn into_message(self) -> Result<WakuMessage, SendError> {
        let limit = WakuMessage::MAX_META_BYTES;
        if self.meta.len() > limit {
            return Err(SendError::MetaTooLong { bytes: self.meta.len(), limit });
        }
        let mut message = WakuMessage::new(self.topic.as_str(), self.payload);
        (message.meta, message.ephemeral) = (self.meta, self.ephemeral);
        let limit = WakuMessage::MAX_BYTES;
        let bytes = message.encoded_bound().saturating_add(Self::PROOF_BYTES);
        if bytes > limit {
            return Err(SendError::TooLarge { bytes, limit });
        }
        Ok(message)
    }
}

/// A handler of messages. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Handler(AbortHandle);

impl Drop for Handler {
    fn drop(&mut self) {
        self.0.abort();
    }
}
