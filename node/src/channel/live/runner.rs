//! The thread of a channel: between its machine, its store and the network.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use logos_crypto::tick::Tick;
use rand_chacha::ChaCha20Rng;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::warn;

use super::outcomes::{Asker, Outcomes};
use super::{ChannelNews, ChannelReader, NodeChannelError};
use crate::channel::carrier::Arrival;
use crate::channel::event::{ChannelEvent, ChannelRequestId, EventNumber};
use crate::channel::id::MessageId;
use crate::channel::machine::ChannelOutput;
use crate::channel::reliable::{ChannelError, ReliableChannel};
use crate::channel::store::ChannelStore;
use crate::channel::uplink::Uplink;
use crate::wire::{ContentTopic, UnixNanos};

/// How long the thread sleeps where nothing is due.
const IDLE: Duration = Duration::from_secs(60);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Input {
    /// Something came from the network.
    Arrival(Arrival),
    /// The application sends.
    Send { payload: Vec<u8>, reply: oneshot::Sender<Sent> },
    /// The application sends outside the order of the channel.
    SendEphemeral { payload: Vec<u8>, reply: oneshot::Sender<Result<(), NodeChannelError>> },
    /// The application asks how a message ended.
    Outcome { request: ChannelRequestId, reply: Asker },
    /// The application asks how many have not.
    Pending(oneshot::Sender<usize>),
    /// The application is done with an event.
    Consumed(EventNumber),
    /// Look whether there is something else to do.
    Wake,
}

type Sent = Result<ChannelRequestId, NodeChannelError>;

impl From<Arrival> for Input {
    fn from(arrival: Arrival) -> Self {
        Self::Arrival(arrival)
    }
}

/// Where news go.
pub(super) type Teller = mpsc::UnboundedSender<(Option<EventNumber>, ChannelNews)>;

/// What connects the thread with the handles.
pub(super) struct Wires {
    pub(super) inputs: Receiver<Input>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) teller: Teller,
    pub(super) alive: watch::Sender<()>,
}

/// The thread's state. The store goes before `alive`, which tells that it is free.
pub(super) struct Runner<S> {
    channel: ReliableChannel<S>,
    topic: ContentTopic,
    uplink: Uplink<Input>,
    inputs: Receiver<Input>,
    stop: Arc<AtomicBool>,
    teller: Teller,
    outcomes: Outcomes,
    /// Events that were told and not read, with their bytes.
    held: BTreeMap<EventNumber, usize>,
    held_bytes: usize,
    /// Messages whose transport hash is not known yet. As many as wait in the node.
    leaving: BTreeMap<u64, MessageId>,
    next_receipt: u64,
    rng: ChaCha20Rng,
    _alive: watch::Sender<()>,
}

impl<S: ChannelStore<Error: fmt::Display>> Runner<S> {
    pub(super) fn new(
        channel: ReliableChannel<S>,
        topic: ContentTopic,
        uplink: Uplink<Input>,
        rng: ChaCha20Rng,
        wires: Wires,
    ) -> Self {
        let Wires { inputs, stop, teller, alive } = wires;
        Self {
            channel,
            topic,
            uplink,
            inputs,
            stop,
            teller,
            outcomes: Outcomes::default(),
            held: BTreeMap::new(),
            held_bytes: 0,
            leaving: BTreeMap::new(),
            next_receipt: 0,
            rng,
            _alive: alive,
        }
    }

    pub(super) fn run(mut self) {
        while !self.stop.load(Ordering::Acquire) {
            self.settle();
            match self.inputs.recv_timeout(self.wait()) {
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = now();
            if self.channel.next_deadline().is_some_and(|deadline| deadline <= now) {
                let done = self.channel.handle_timeout(now);
                note(done);
            }
        }
    }

    fn wait(&self) -> Duration {
        let deadline = self.channel.next_deadline();
        deadline.map_or(IDLE, |deadline| deadline - now()).min(IDLE)
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Arrival(arrival) => self.arrive(arrival),
            Input::Send { payload, reply } => {
                // It goes out all the same.
                reply.send(self.channel.send(now(), &payload).map_err(refused)).ok();
            }
            Input::SendEphemeral { payload, reply } => {
                reply.send(self.channel.send_ephemeral(now(), &payload).map_err(refused)).ok();
            }
            Input::Outcome { request, reply } => {
                let is_open = self.channel.channel().is_open(request);
                let done = self.outcomes.ask(request, is_open, reply);
                done.into_iter().for_each(|number| self.consume(number));
            }
            Input::Pending(reply) => {
                reply.send(self.channel.channel().pending()).ok();
            }
            Input::Consumed(number) => self.consume(number),
            Input::Wake => {}
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        let now = now();
        match arrival {
            // It is sent again until we confirm it.
            Arrival::Message { .. } if self.is_full() => {}
            Arrival::Message { payload, hash, .. } => {
                // A frame that is refused is nothing to us.
                note(self.channel.handle_frame(now, &payload, Some(&hash)).map(Result::ok));
            }
            Arrival::Published { receipt, hash } => {
                if let Some((id, hash)) = self.leaving.remove(&receipt).zip(hash) {
                    note(self.channel.handle_published(now, &id, &hash));
                }
            }
            Arrival::Page { page: Some(page), .. } if !self.is_full() => {
                note(self.channel.handle_page(now, &page));
            }
            Arrival::Page { .. } => self.channel.handle_query_failed(now),
            Arrival::Connected => note(self.channel.handle_connected(now)),
        }
    }

    fn is_full(&self) -> bool {
        self.held.len() >= ChannelReader::MAX_HELD
            || self.held_bytes >= ChannelReader::MAX_HELD_BYTES
    }

    /// Does what the channel wants done.
    fn settle(&mut self) {
        while let Some(output) = self.channel.poll_output(&mut self.rng) {
            match output {
                ChannelOutput::Publish { id, payload, ephemeral, .. } => {
                    self.publish(id, &payload, ephemeral);
                }
                ChannelOutput::Event { number, event } => self.tell(number, event),
                ChannelOutput::Ephemeral { sender, payload } => {
                    // Nobody reads: nobody keeps it either.
                    self.teller.send((None, ChannelNews::Ephemeral { sender, payload })).ok();
                }
                ChannelOutput::Fetch { hint } => {
                    // A hint that is none is another member's mistake.
                    self.uplink.fetch(self.topic.as_str(), &hint).ok();
                }
                ChannelOutput::Query(query) => {
                    if self.uplink.query(self.topic.as_str(), &query).is_err() {
                        self.channel.handle_query_failed(now());
                    }
                }
            }
        }
    }

    fn publish(&mut self, id: Option<MessageId>, payload: &[u8], ephemeral: bool) {
        let receipt = self.next_receipt;
        self.next_receipt = receipt.wrapping_add(1);
        let published = self.uplink.publish(self.topic.as_str(), payload, receipt, ephemeral);
        // What was not taken comes again.
        if let (Ok(()), Some(id)) = (published, id) {
            self.leaving.insert(receipt, id);
        }
    }

    /// Events that were not consumed come again when the store has failed.
    fn tell(&mut self, number: EventNumber, event: ChannelEvent) {
        if let ChannelEvent::Outcome { request, outcome } = event {
            let done = self.outcomes.settle(request, number, outcome);
            return done.into_iter().for_each(|number| self.consume(number));
        }
        if self.held.contains_key(&number) {
            return;
        }
        let bytes = match &event {
            ChannelEvent::Message { payload, .. } => payload.len(),
            _ => 0,
        };
        self.held.insert(number, bytes);
        self.held_bytes = self.held_bytes.saturating_add(bytes);
        // Without a reader it stays on disk.
        self.teller.send((Some(number), ChannelNews::Event(event))).ok();
    }

    fn consume(&mut self, number: EventNumber) {
        let bytes = self.held.remove(&number).unwrap_or_default();
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
        note(self.channel.handle_consumed(now(), number));
    }
}

/// Why a message was not accepted.
fn refused<E: fmt::Display>(error: ChannelError<E>) -> NodeChannelError {
    match error {
        ChannelError::Send(error) => error.into(),
        ChannelError::Store(error) => NodeChannelError::Store(error.to_string()),
        ChannelError::Restore(error) => NodeChannelError::Store(error.to_string()),
    }
}

/// A step that failed did not happen: its cause comes again, from the network or after a time.
fn note<T, E: fmt::Display>(done: Result<T, ChannelError<E>>) {
    match done {
        Ok(_) => {}
        Err(ChannelError::Store(error)) => warn!(%error, "a channel's store failed"),
        Err(ChannelError::Restore(error)) => warn!(%error, "a channel's store is damaged"),
        Err(ChannelError::Send(error)) => warn!(%error, "a channel did not send"),
    }
}

/// The time, as channels count it.
pub(super) fn now() -> Tick {
    let nanos = u64::try_from(UnixNanos::now().get()).unwrap_or_default();
    Tick::new(Duration::from_nanos(nanos))
}
