//! A guard on the network of its node: what it finds goes to all others, what they find comes in.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use std::{io, thread};

use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info};

use super::guard::Guard;
use super::{GuardEvent, Heard};
use crate::delivery::{Node, Stopped};
use crate::wire::{ContentTopic, UnixNanos};

/// Why there is no patrol.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatrolError {
    /// The node has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A thread did not start.
    #[error("cannot start a thread: {0}")]
    Thread(io::ErrorKind),
}

/// Keeps a [`Guard`] and its [`Node`] together: tells the guard the time once a second, publishes
/// the evidence it finds, and gives it the evidence and the registry's updates that others publish.
///
/// Ends when it is dropped.
///
/// # Security
///
/// Who publishes on the topic needs a membership, as for every message; evidence and updates show
/// by themselves whether they are good. A node without a membership catches and removes, and
/// leaves it to others to tell.
#[derive(Debug)]
pub struct Patrol {
    task: JoinHandle<()>,
}

/// How often the guard is told the time.
const TICK: Duration = Duration::from_secs(1);

impl Patrol {
    /// Where the nodes of a group tell each other, unless they agree on another topic.
    pub const TOPIC: &str = "/logos-rln/1/group/proto";

    /// Starts it. `events` are the guard's; they come out again behind the patrol, at most
    /// [`Guard::EVENTS`] of them.
    ///
    /// # Errors
    ///
    /// [`PatrolError`].
    pub async fn start(
        node: &Node,
        guard: Arc<Guard>,
        events: Receiver<GuardEvent>,
        topic: ContentTopic,
    ) -> Result<(Self, mpsc::Receiver<GuardEvent>), PatrolError> {
        let messages = node.subscribe(&topic).await?;
        let (found, caught) = mpsc::channel(Guard::EVENTS);
        let named = thread::Builder::new().name("rln-events".to_owned());
        // Ends with the guard, or when nobody listens.
        let pass =
            move || while events.recv().is_ok_and(|event| found.blocking_send(event).is_ok()) {};
        named.spawn(pass).map_err(|error| PatrolError::Thread(error.kind()))?;
        let (teller, told) = mpsc::channel(Guard::EVENTS);
        let beat = Beat { node: node.clone(), guard, topic, teller };
        let task = tokio::spawn(beat.run(messages, caught));
        Ok((Self { task }, told))
    }
}

impl Drop for Patrol {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the task works with.
struct Beat {
    node: Node,
    guard: Arc<Guard>,
    topic: ContentTopic,
    teller: mpsc::Sender<GuardEvent>,
}

impl Beat {
    async fn run(
        self,
        mut messages: crate::delivery::Subscription,
        mut caught: mpsc::Receiver<GuardEvent>,
    ) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.tell_time().await,
                event = caught.recv() => match event {
                    Some(event) => self.on_event(event).await,
                    None => return,
                },
                message = messages.next() => match message {
                    Some(message) if message.own => {}
                    Some(message) => self.on_payload(message.message.payload.clone()).await,
                    None => return,
                },
            }
        }
    }

    async fn tell_time(&self) {
        let guard = Arc::clone(&self.guard);
        // A guard that panics is heard of by whoever asks it.
        spawn_blocking(move || guard.handle_time(UnixNanos::now())).await.ok();
    }

    async fn on_event(&self, event: GuardEvent) {
        if let GuardEvent::Caught(removal) = &event {
            info!(leaf = removal.index, "a member broke the limit and was removed");
            let evidence = removal.evidence.to_bytes();
            // Who else saw it tells as well.
            if let Err(error) = self.node.send(&self.topic, evidence).await {
                debug!(%error, "evidence was not sent");
            }
        }
        // Nobody has to listen.
        self.teller.try_send(event).ok();
    }

    async fn on_payload(&self, payload: Vec<u8>) {
        let guard = Arc::clone(&self.guard);
        let heard = spawn_blocking(move || guard.handle_payload(&payload, UnixNanos::now())).await;
        match heard {
            Ok(Ok(Heard::New)) => info!("the group changed"),
            Ok(Ok(Heard::Early { missing })) => info!(missing, "an update of the group is missing"),
            Ok(Ok(Heard::Known)) | Err(_) => {}
            Ok(Err(error)) => debug!(%error, "a payload of the group is not good"),
        }
    }
}
