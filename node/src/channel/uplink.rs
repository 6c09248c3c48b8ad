//! A node as what carries channels and chats.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::carrier::{Arrival, Carrier, CarrierError};
use super::machine::{Page, Query};
use crate::delivery::{Envelope, Health, Node, SendError};
use crate::wire::{ContentTopic, MessageHash, StoreRequest, StoreResponse, UnixNanos, status};

/// Publications that wait for the node; further ones are refused.
const MAX_WAITING: usize = 1024;
/// Arrivals that wait for whoever takes them; then the subscriptions wait.
const MAX_ARRIVALS: usize = 1024;
/// Questions to stores at one time; further ones wait.
const MAX_QUESTIONS: usize = 8;
/// How often a page is asked for where no store answers, and how long after each other: a peer that
/// has just connected has not said yet what it offers.
const TRIES: usize = 3;
const AGAIN: Duration = Duration::from_secs(1);
/// How long to wait where there is no room.
const PAUSE: Duration = Duration::from_millis(20);

/// A node's network for one who cannot wait: everything is asked for at once and arrives later.
///
/// Dropping it ends its subscriptions.
pub(super) struct Uplink<T> {
    node: Node,
    handle: Handle,
    arrivals: SyncSender<T>,
    publications: mpsc::Sender<Publication>,
    questions: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

/// A payload on its way to the node.
#[derive(Debug)]
struct Publication {
    topic: ContentTopic,
    payload: Vec<u8>,
    receipt: u64,
    ephemeral: bool,
}

impl<T: From<Arrival> + Send + 'static> Uplink<T> {
    /// The node's network; what arrives goes to `arrivals`. `handle` is the runtime to work on.
    pub(super) fn new(node: Node, handle: Handle, arrivals: SyncSender<T>) -> Self {
        let (publications, waiting) = mpsc::channel(MAX_WAITING);
        let mut tasks = JoinSet::new();
        tasks.spawn_on(watch_health(node.clone(), arrivals.clone()), &handle);
        tasks.spawn_on(publish_all(node.clone(), waiting, arrivals.clone()), &handle);
        let questions = Arc::new(Semaphore::new(MAX_QUESTIONS));
        Self { node, handle, arrivals, publications, questions, tasks }
    }

    pub(super) fn subscribe(&mut self, topic: &str) -> Result<(), CarrierError> {
        let topic = parse(topic)?;
        let (node, arrivals) = (self.node.clone(), self.arrivals.clone());
        self.spawn(async move {
            let Ok(mut messages) = node.subscribe(&topic).await else { return };
            while let Some(received) = messages.next().await {
                let arrival = Arrival::Message {
                    topic: received.message.content_topic.clone(),
                    payload: received.message.payload.clone(),
                    hash: received.hash.as_bytes().to_vec(),
                };
                tell(&arrivals, arrival).await;
            }
        });
        Ok(())
    }

    pub(super) fn publish(
        &self,
        topic: &str,
        payload: &[u8],
        receipt: u64,
        ephemeral: bool,
    ) -> Result<(), CarrierError> {
        let (topic, payload) = (parse(topic)?, payload.to_vec());
        let publication = Publication { topic, payload, receipt, ephemeral };
        let queued = self.publications.try_send(publication);
        queued.map_err(|_| CarrierError("too much waits to be sent".to_owned()))
    }

    pub(super) fn query(&mut self, topic: &str, query: &Query) -> Result<(), CarrierError> {
        let content = parse(topic)?;
        let since = i64::try_from(query.since.since_origin().as_nanos()).unwrap_or(i64::MAX);
        let cursor = query.cursor.as_deref().and_then(|cursor| cursor.try_into().ok());
        let request = StoreRequest {
            request_id: "channel".to_owned(),
            include_data: true,
            pubsub_topic: Some(self.node.sharding().pubsub_topic(&content).to_string()),
            content_topics: vec![content.to_string()],
            from: Some(UnixNanos::new(since)),
            cursor: cursor.map(MessageHash::from_bytes),
            forward: true,
            limit: Some(query.limit.into()),
            ..StoreRequest::default()
        };
        let (arrivals, topic) = (self.arrivals.clone(), topic.to_owned());
        let (node, questions) = (self.node.clone(), Arc::clone(&self.questions));
        self.spawn(async move {
            let page = insist(&node, &questions, request).await;
            tell(&arrivals, Arrival::Page { topic, page }).await;
        });
        Ok(())
    }

    pub(super) fn fetch(&mut self, topic: &str, hash: &[u8]) -> Result<(), CarrierError> {
        let hash = hash.try_into().map(MessageHash::from_bytes);
        let hash = hash.map_err(|_| CarrierError("a hash has 32 bytes".to_owned()))?;
        let request = StoreRequest {
            request_id: "fetch".to_owned(),
            include_data: true,
            ..StoreRequest::which(vec![hash])
        };
        let (arrivals, topic) = (self.arrivals.clone(), topic.to_owned());
        let (node, questions) = (self.node.clone(), Arc::clone(&self.questions));
        self.spawn(async move {
            let page = ask(&node, &questions, request).await.unwrap_or_default();
            for (payload, hash) in page.frames {
                let topic = topic.clone();
                tell(&arrivals, Arrival::Message { topic, payload, hash }).await;
            }
        });
        Ok(())
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn_on(task, &self.handle);
    }
}

/// A [`Carrier`] over a node, for a program that waits on a thread of its own.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use logos_node::channel::{Arrival, Carrier, NodeCarrier};
/// use logos_node::delivery::{Mode, Node, Preset};
///
/// let runtime = tokio::runtime::Runtime::new()?;
/// let start = async {
///     let one = Node::connect(Preset::Local, Mode::Core).await?;
///     let other = Node::connect(Preset::Local, Mode::Core).await?;
///     other.dial(one.address().await?).await?;
///     Ok::<_, Box<dyn std::error::Error>>((one, other))
/// };
/// let (one, other) = runtime.block_on(start)?;
/// let mut sender = NodeCarrier::new(one, runtime.handle().clone());
/// let mut receiver = NodeCarrier::new(other, runtime.handle().clone());
///
/// let topic = "/toychat/2/huilong/proto";
/// receiver.subscribe(topic)?;
/// while receiver.next_arrival(Duration::from_secs(10)) != Some(Arrival::Connected) {}
/// sender.publish(topic, b"hello", 7)?;
/// let arrival = receiver.next_arrival(Duration::from_secs(60));
/// assert!(matches!(arrival, Some(Arrival::Message { payload, .. }) if payload == b"hello"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NodeCarrier {
    uplink: Uplink<Arrival>,
    arrivals: Receiver<Arrival>,
}

impl NodeCarrier {
    /// The node's network. `handle` is the runtime to work on, which is not the caller's thread.
    #[must_use]
    pub fn new(node: Node, handle: Handle) -> Self {
        let (sender, arrivals) = sync_channel(MAX_ARRIVALS);
        Self { uplink: Uplink::new(node, handle, sender), arrivals }
    }
}

impl Carrier for NodeCarrier {
    fn subscribe(&mut self, topic: &str) -> Result<(), CarrierError> {
        self.uplink.subscribe(topic)
    }

    fn publish(&mut self, topic: &str, payload: &[u8], receipt: u64) -> Result<(), CarrierError> {
        self.uplink.publish(topic, payload, receipt, false)
    }

    fn query(&mut self, topic: &str, query: &Query) -> Result<(), CarrierError> {
        self.uplink.query(topic, query)
    }

    fn fetch(&mut self, topic: &str, hash: &[u8]) -> Result<(), CarrierError> {
        self.uplink.fetch(topic, hash)
    }

    fn next_arrival(&mut self, wait: Duration) -> Option<Arrival> {
        self.arrivals.recv_timeout(wait).ok()
    }
}

impl<T> fmt::Debug for Uplink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uplink").field("node", &self.node.peer_id()).finish_non_exhaustive()
    }
}

impl fmt::Debug for NodeCarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeCarrier").field("uplink", &self.uplink).finish_non_exhaustive()
    }
}

fn parse(topic: &str) -> Result<ContentTopic, CarrierError> {
    topic.parse().map_err(|_| CarrierError(format!("{topic} is no content topic")))
}

async fn tell<T: From<Arrival>>(arrivals: &SyncSender<T>, arrival: Arrival) {
    hand_over(arrivals, T::from(arrival)).await;
}

/// Hands something to a thread when there is room; to nobody if it has ended.
pub(super) async fn hand_over<T>(to: &SyncSender<T>, mut what: T) {
    while let Err(TrySendError::Full(back)) = to.try_send(what) {
        what = back;
        sleep(PAUSE).await;
    }
}

/// Says when there is a connection after there was none.
async fn watch_health<T: From<Arrival>>(node: Node, arrivals: SyncSender<T>) {
    let mut health = node.health();
    loop {
        let connected = health.wait_for(|health| *health != Health::Disconnected).await.is_ok();
        if !connected {
            return;
        }
        tell(&arrivals, Arrival::Connected).await;
        if health.wait_for(|health| *health == Health::Disconnected).await.is_err() {
            return;
        }
    }
}

/// Hands publications to the node, one after the other, so that they leave in order.
async fn publish_all<T: From<Arrival> + Send + 'static>(
    node: Node,
    mut waiting: mpsc::Receiver<Publication>,
    arrivals: SyncSender<T>,
) {
    let mut departures = JoinSet::new();
    while let Some(Publication { topic, payload, receipt, ephemeral }) = waiting.recv().await {
        while departures.try_join_next().is_some() {}
        let envelope = Envelope { topic, payload, meta: Vec::new(), ephemeral };
        let sent = loop {
            match node.send_traced(envelope.clone()).await {
                // It repeats sends for a minute; there is room when some have ended.
                Err(SendError::TooMany(_)) => sleep(PAUSE).await,
                sent => break sent,
            }
        };
        let arrivals = arrivals.clone();
        departures.spawn(async move {
            let hash = match sent {
                Ok((_, departure)) => departure.hash().await,
                Err(_) => None,
            };
            let hash = hash.map(|hash| hash.as_bytes().to_vec());
            tell(&arrivals, Arrival::Published { receipt, hash }).await;
        });
    }
}

/// A page of a store, asked for several times.
async fn insist(node: &Node, questions: &Semaphore, request: StoreRequest) -> Option<Page> {
    for _ in 1..TRIES {
        if let Some(page) = ask(node, questions, request.clone()).await {
            return Some(page);
        }
        sleep(AGAIN).await;
    }
    ask(node, questions, request).await
}

/// A page of a store. A cursor that the store has forgotten is left out: what is known by then is
/// passed over by whoever takes the page.
async fn ask(node: &Node, questions: &Semaphore, request: StoreRequest) -> Option<Page> {
    let _permit = questions.acquire().await.ok()?;
    let again = StoreRequest { cursor: None, ..request.clone() };
    let had_cursor = request.cursor.is_some();
    let response = node.query(request).await.ok()??;
    let response = match response.status {
        status::BAD_REQUEST if had_cursor => node.query(again).await.ok()??,
        _ => response,
    };
    (response.status == status::OK).then(|| page(response))
}

fn page(response: StoreResponse) -> Page {
    let frames = response.messages.into_iter().filter_map(|entry| {
        let (message, _) = entry.message?;
        Some((message.payload, entry.hash.as_bytes().to_vec()))
    });
    Page {
        frames: frames.collect(),
        cursor: response.cursor.map(|cursor| cursor.as_bytes().to_vec()),
    }
}
