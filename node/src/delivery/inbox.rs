//! Messages on their way to the application.

use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll};
use std::collections::HashMap;
use std::sync::Arc;

use libp2p::futures::Stream;
use tokio::sync::mpsc;

use crate::wire::{ContentTopic, MessageHash, PubsubTopic, WakuMessage};

/// A message that arrived, or that this node sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The message.
    pub message: WakuMessage,
    /// Its name.
    pub hash: MessageHash,
    /// The shard that carried it.
    pub pubsub_topic: PubsubTopic,
    /// Did this node send it?
    pub own: bool,
}

/// The messages of one content topic, as a stream. Dropping it ends the subscription.
///
/// At most [`Subscription::MAX_WAITING`] messages wait for a slow reader; further ones are counted
/// in [`missed`](Self::missed) and not delivered.
#[derive(Debug)]
pub struct Subscription {
    topic: ContentTopic,
    id: SubscriptionId,
    messages: mpsc::Receiver<Arc<Received>>,
    missed: Arc<AtomicU64>,
    ended: mpsc::UnboundedSender<(String, SubscriptionId)>,
}

impl Subscription {
    /// Messages that wait for a slow reader.
    pub const MAX_WAITING: usize = 4096;

    /// The next message; `None` when the node has stopped.
    pub async fn next(&mut self) -> Option<Arc<Received>> {
        self.messages.recv().await
    }

    /// The next message if it is there already.
    pub fn try_next(&mut self) -> Option<Arc<Received>> {
        self.messages.try_recv().ok()
    }

    /// What these messages are about.
    #[must_use]
    pub const fn topic(&self) -> &ContentTopic {
        &self.topic
    }

    /// How many messages were not delivered because too many waited.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl Stream for Subscription {
    type Item = Arc<Received>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(context)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // A node that has stopped does not mind.
        self.ended.send((self.topic.as_str().to_owned(), self.id)).ok();
    }
}

/// Names a subscription of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SubscriptionId(u64);

/// Who gets which messages.
#[derive(Debug)]
pub(super) struct Inbox {
    readers: HashMap<String, Vec<Reader>>,
    next: u64,
    ended: mpsc::UnboundedSender<(String, SubscriptionId)>,
}

#[derive(Debug)]
struct Reader {
    id: SubscriptionId,
    messages: mpsc::Sender<Arc<Received>>,
    missed: Arc<AtomicU64>,
}

/// Subscriptions that were dropped. As many as there were subscriptions, so not bounded by itself.
pub(super) type Ended = mpsc::UnboundedReceiver<(String, SubscriptionId)>;

impl Inbox {
    pub(super) fn new() -> (Self, Ended) {
        let (ended, receiver) = mpsc::unbounded_channel();
        (Self { readers: HashMap::new(), next: 0, ended }, receiver)
    }

    pub(super) fn subscribe(&mut self, topic: ContentTopic) -> Subscription {
        let (sender, messages) = mpsc::channel(Subscription::MAX_WAITING);
        let missed = Arc::new(AtomicU64::new(0));
        let id = SubscriptionId(self.next);
        self.next += 1;
        let reader = Reader { id, messages: sender, missed: Arc::clone(&missed) };
        self.readers.entry(topic.as_str().to_owned()).or_default().push(reader);
        Subscription { topic, id, messages, missed, ended: self.ended.clone() }
    }

    /// Ends a subscription. Was it the last of its topic?
    pub(super) fn unsubscribe(&mut self, topic: &str, id: SubscriptionId) -> bool {
        let Some(readers) = self.readers.get_mut(topic) else { return false };
        readers.retain(|reader| reader.id != id);
        let last = readers.is_empty();
        if last {
            self.readers.remove(topic);
        }
        last
    }

    pub(super) fn deliver(&self, received: &Arc<Received>) {
        let readers = self.readers.get(&received.message.content_topic);
        for reader in readers.into_iter().flatten() {
            if reader.messages.try_send(Arc::clone(received)).is_err() {
                reader.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = &str> {
        self.readers.keys().map(String::as_str)
    }
}
