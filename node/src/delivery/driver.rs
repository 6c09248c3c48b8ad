//! The task that owns the swarm and the node's machines.
//!
//! Everything that happens comes to this task as an event: from the swarm, from the application
//! ([`Command`]), from workers and servers ([`Report`]), from the clock. It never waits for anything
//! else; what takes time is spawned and reports back.

mod arrivals;
mod connections;
mod discovering;
#[cfg(feature = "rendezvous")]
mod meeting;
#[cfg(feature = "nat")]
mod reaching;
mod sending;
#[cfg(feature = "rendezvous")]
mod visiting;

use discovering::Announcing;

pub(super) use connections::metadata;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use libp2p::futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};
use logos_crypto::tick::Tick;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::admission::{Admission, AdmissionError};
use super::clock::Clock;
use super::config::NodeConfig;
use super::exchange::Exchange;
use super::filter::{FilterClient, FilterFailure};
use super::inbox::{Ended, Inbox, Subscription};
use super::judging::{Judged, Judging};
use super::network::Swarm;
use super::peers::{Dialer, Peers};
use super::protocols::Capability;
use super::request::{Progress, RequestId};
use super::seen::Seen;
use super::send::{PushFailure, SendMachine, TooManySends};
use super::service;
use super::shared::Shared;
use super::status::NodeStatus;
use super::streams::Opener;
use crate::discovery::{Directory, Enr, Sighting};
#[cfg(feature = "rendezvous")]
use crate::discovery::{RendezvousVisitor, Visited};
use crate::wire::{
    ContentTopic, LightPushRequest, LightPushResponse, MessageHash, MessagePush, MetadataMessage,
    PeerExchange, PubsubTopic, StoreRequest, StoreResponse, WakuMessage,
};

/// What the application asks for.
#[derive(Debug)]
pub(super) enum Command {
    Send {
        message: WakuMessage,
        topic: PubsubTopic,
        left: oneshot::Sender<MessageHash>,
        reply: oneshot::Sender<Result<RequestId, TooManySends>>,
    },
    Subscribe {
        topic: ContentTopic,
        reply: oneshot::Sender<Subscription>,
    },
    Query {
        request: StoreRequest,
        reply: oneshot::Sender<Option<StoreResponse>>,
    },
    Dial(Multiaddr),
    WhoOffers {
        capability: Capability,
        reply: oneshot::Sender<Vec<Multiaddr>>,
    },
    HeardOf {
        capability: Capability,
        reply: oneshot::Sender<Vec<Sighting>>,
    },
    Inspect(oneshot::Sender<NodeStatus>),
    Stop(oneshot::Sender<()>),
}

/// What workers and servers say.
#[derive(Debug)]
pub(super) enum Report {
    /// A message of ours is admissible, or not.
    Prepared { id: RequestId, message: WakuMessage, result: Result<(), AdmissionError> },
    /// A service published a message of ours, or not.
    Published { id: RequestId, result: Result<usize, PushFailure>, tried: service::Tried },
    /// A store has these of our messages.
    Found { hashes: Vec<MessageHash>, tried: service::Tried },
    /// A worker is done.
    Judged(Vec<Judged>),
    /// A peer told its cluster.
    Metadata { peer: PeerId, metadata: MetadataMessage },
    /// A peer filters for us, or not.
    Filtering { peer: PeerId, result: Result<(), FilterFailure> },
    /// A peer that filters for us has a message.
    Pushed { from: PeerId, push: MessagePush },
    /// A peer wants us to publish.
    ToRelay { request: LightPushRequest, reply: oneshot::Sender<LightPushResponse> },
    /// A peer wants records of others.
    ToExchange { peer: PeerId, wanted: u64, reply: oneshot::Sender<PeerExchange> },
    /// A peer gave records of others.
    Exchanged { given: service::Given, tried: service::Tried },
    /// A point of rendezvous was visited.
    #[cfg(feature = "rendezvous")]
    Visited { visited: Visited, found: service::Found },
    /// A list in the domain name system was read.
    Listed(Vec<Enr>),
    /// Peers were asked.
    Tried(service::Tried),
}

/// A message of ours that is under way.
#[derive(Debug)]
struct Outgoing {
    message: WakuMessage,
    topic: PubsubTopic,
    progress: watch::Sender<Progress>,
    /// Wants to know the name that it leaves under, until it has left.
    left: Option<oneshot::Sender<MessageHash>>,
}

/// A message for the archive.
pub(super) type Kept = (MessageHash, PubsubTopic, Arc<WakuMessage>);

/// The task's state.
pub(super) struct Driver {
    pub(super) config: NodeConfig,
    pub(super) key: Keypair,
    pub(super) clock: Clock,
    pub(super) swarm: Swarm,
    pub(super) opener: Opener,
    pub(super) admission: Arc<dyn Admission>,
    pub(super) shared: Arc<Shared>,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) archive: Option<mpsc::Sender<Kept>>,
    pub(super) tasks: JoinSet<()>,
    pub(super) machines: Machines,
}

/// The parts of the state that know nothing of sockets.
pub(super) struct Machines {
    sends: SendMachine,
    outgoing: HashMap<RequestId, Outgoing>,
    next_request: u64,
    filter: FilterClient,
    inbox: Inbox,
    seen: Seen,
    judging: Judging,
    peers: Peers,
    dialer: Dialer,
    directory: Directory,
    exchange: Exchange,
    announcing: Announcing,
    #[cfg(feature = "rendezvous")]
    registered: meeting::Registered,
    #[cfg(feature = "rendezvous")]
    visitor: RendezvousVisitor,
    #[cfg(feature = "nat")]
    reserved: reaching::Reserved,
    joined: HashSet<PubsubTopic>,
    pushers: HashMap<PeerId, mpsc::Sender<Arc<Vec<u8>>>>,
    next_look: Tick,
}

impl Machines {
    pub(super) fn new(config: &NodeConfig, inbox: Inbox, workers: usize) -> Self {
        Self {
            sends: SendMachine::new(sending::route(config.mode), config.send_times),
            outgoing: HashMap::new(),
            next_request: 1,
            filter: FilterClient::new(config.filter_ping),
            inbox,
            seen: Seen::default(),
            judging: Judging::new(workers),
            peers: Peers::default(),
            dialer: Dialer::new(&config.bootstrap),
            directory: Directory::default(),
            exchange: Exchange::default(),
            announcing: Announcing::default(),
            #[cfg(feature = "rendezvous")]
            registered: meeting::Registered::new(),
            #[cfg(feature = "rendezvous")]
            visitor: RendezvousVisitor::new(config.sharding.cluster()),
            #[cfg(feature = "nat")]
            reserved: reaching::Reserved::new(),
            joined: HashSet::new(),
            pushers: HashMap::new(),
            next_look: Tick::ORIGIN,
        }
    }
}

/// Where events come from, besides the swarm.
pub(super) struct Inputs {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) reports: mpsc::Receiver<Report>,
    pub(super) ended: Ended,
}

impl Driver {
    /// Runs until the application stops the node or lets go of it.
    pub(super) async fn run(mut self, mut inputs: Inputs) {
        self.join_all();
        let stopped = loop {
            self.drain();
            let deadline = self.clock.instant(self.next_deadline());
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_network(event),
                report = inputs.reports.recv() => {
                    if let Some(report) = report {
                        self.on_report(report);
                    }
                }
                command = inputs.commands.recv() => match command {
                    Some(Command::Stop(reply)) => break Some(reply),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                ended = inputs.ended.recv() => {
                    if let Some((topic, id)) = ended {
                        self.on_unsubscribe(&topic, id);
                    }
                }
                () = sleep_until(deadline) => {}
            }
        };
        self.machines.sends.handle_shutdown();
        self.drain_sends();
        // Close connections and end the tasks before whoever stopped the node goes on.
        drop(self);
        if let Some(reply) = stopped {
            reply.send(()).ok();
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Send { message, topic, left, reply } => {
                // Whoever asked may have gone; the message goes out all the same.
                reply.send(self.on_send(message, topic, left)).ok();
            }
            Command::Subscribe { topic, reply } => {
                self.want(&topic);
                reply.send(self.machines.inbox.subscribe(topic)).ok();
            }
            Command::Query { request, reply } => self.on_query(request, reply),
            Command::Dial(address) => self.machines.dialer.add(address),
            Command::WhoOffers { capability, reply } => {
                reply.send(self.addresses_of(capability)).ok();
            }
            Command::HeardOf { capability, reply } => {
                let heard = self.machines.directory.who_offers(self.clock.now(), capability);
                reply.send(heard.cloned().collect()).ok();
            }
            Command::Inspect(reply) => {
                reply.send(self.status()).ok();
            }
            Command::Stop(_) => {}
        }
    }

    fn on_report(&mut self, report: Report) {
        match report {
            Report::Prepared { id, message, result } => self.on_prepared(id, message, result),
            Report::Published { id, result, tried } => {
                self.on_tried(tried);
                self.on_published(id, result);
            }
            Report::Found { hashes, tried } => {
                self.on_tried(tried);
                self.machines.sends.handle_checked(self.clock.now(), &hashes);
            }
            Report::Judged(judged) => self.on_judged(judged),
            Report::Metadata { peer, metadata } => self.on_metadata(peer, &metadata),
            Report::Filtering { peer, result } => {
                self.machines.filter.handle_answer(self.clock.now(), peer, result);
            }
            Report::Pushed { from, push } => self.on_pushed(from, push),
            Report::ToRelay { request, reply } => self.on_to_relay(request, reply),
            Report::ToExchange { peer, wanted, reply } => {
                reply.send(self.exchanged(peer, wanted)).ok();
            }
            Report::Exchanged { given, tried } => {
                self.on_tried(tried);
                self.on_given(given);
            }
            #[cfg(feature = "rendezvous")]
            Report::Visited { visited, found } => self.on_visited(visited, found),
            Report::Listed(records) => self.on_listed(&records),
            Report::Tried(tried) => self.on_tried(tried),
        }
    }

    fn on_tried(&mut self, tried: service::Tried) {
        for (peer, worked) in tried {
            if worked {
                self.machines.peers.worked(&peer);
            } else {
                self.machines.peers.failed(&peer);
            }
        }
    }

    /// Does what the machines want done.
    fn drain(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        self.drain_sends();
        let now = self.clock.now();
        while let Some(ask) = self.machines.filter.poll_output(now) {
            let (opener, peer) = (self.opener.clone(), ask.peer);
            self.spawn(async move {
                Report::Filtering { peer, result: service::subscribe(opener, ask).await }
            });
        }
        while let Some(address) = self.machines.dialer.poll_output(now, &self.machines.peers) {
            self.dial(address);
        }
        while let Some(batch) = self.machines.judging.next_batch() {
            let admission = Arc::clone(&self.admission);
            self.spawn_blocking(move || {
                Report::Judged(batch.judge(&admission, crate::wire::UnixNanos::now()))
            });
        }
        if self.machines.next_look <= now {
            self.machines.next_look = now + self.config.look;
            self.look_around();
        }
    }

    fn next_deadline(&self) -> Tick {
        let machines = &self.machines;
        let deadlines = [
            machines.sends.next_deadline(),
            machines.filter.next_deadline(),
            machines.dialer.next_deadline(&machines.peers),
        ];
        deadlines.into_iter().flatten().fold(machines.next_look, Tick::min)
    }

    /// Starts a task that reports what came of it.
    fn spawn(&mut self, task: impl Future<Output = Report> + Send + 'static) {
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            let report = task.await;
            // A driver that has ended does not mind.
            reports.send(report).await.ok();
        });
    }

    /// Starts work on a worker thread that reports what came of it.
    fn spawn_blocking(&mut self, work: impl FnOnce() -> Report + Send + 'static) {
        let reports = self.reports.clone();
        self.tasks.spawn_blocking(move || {
            reports.blocking_send(work()).ok();
        });
    }
}
