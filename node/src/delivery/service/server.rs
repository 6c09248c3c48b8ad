//! Serving peers.

use core::future::Future;
use std::sync::Arc;

use libp2p::futures::AsyncWriteExt;
use libp2p::{PeerId, Stream, StreamProtocol};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::delivery::archive::Archive;
use crate::delivery::clock::Clock;
#[cfg(feature = "rendezvous")]
use crate::delivery::config::is_point;
use crate::delivery::config::{Mode, NodeConfig};
use crate::delivery::driver::Report;
use crate::delivery::exchange;
use crate::delivery::framed::{self, EXCHANGE_TIME, ExchangeError};
#[cfg(feature = "rendezvous")]
use crate::delivery::protocols::WAKU_RENDEZVOUS;
use crate::delivery::protocols::{FILTER, FILTER_PUSH, LIGHTPUSH, METADATA, PEER_EXCHANGE, STORE};
use crate::delivery::shared::{Shared, lock};
use crate::delivery::streams::{Accepted, Incoming, Opener};
use crate::wire::{
    FilterRequest, LightPushRequest, LightPushResponse, MessagePush, MetadataMessage, PeerExchange,
    StoreRequest, StoreResponse, Wire, status,
};

/// Streams of one protocol that are served at once; further ones wait.
const MAX_SERVED: usize = 256;

/// What the servers of a node need.
#[derive(Clone, Debug)]
pub(in crate::delivery) struct Servers {
    pub(in crate::delivery) clock: Clock,
    pub(in crate::delivery) shared: Arc<Shared>,
    pub(in crate::delivery) reports: mpsc::Sender<Report>,
    pub(in crate::delivery) archive: Option<Archive>,
    pub(in crate::delivery) metadata: MetadataMessage,
}

impl Servers {
    /// The protocols that a node serves.
    pub(in crate::delivery) fn protocols(config: &NodeConfig) -> Vec<StreamProtocol> {
        let mut protocols = vec![METADATA];
        if config.mode == Mode::Edge {
            protocols.push(FILTER_PUSH);
        } else if config.serves {
            protocols.extend([LIGHTPUSH, FILTER, PEER_EXCHANGE]);
        }
        if config.store.is_some() {
            protocols.push(STORE);
        }
        #[cfg(feature = "rendezvous")]
        if is_point(config) {
            protocols.push(WAKU_RENDEZVOUS);
        }
        protocols
    }

    /// Serves the protocols for as long as the tasks live.
    pub(in crate::delivery) fn start(
        self,
        protocols: &[StreamProtocol],
        accepted: Accepted,
        tasks: &mut JoinSet<()>,
    ) {
        for (protocol, incoming) in protocols.iter().zip(accepted) {
            let server = self.clone();
            let protocol = protocol.clone();
            tasks.spawn(server.accept(protocol, incoming));
        }
    }

    async fn accept(self, protocol: StreamProtocol, mut incoming: mpsc::Receiver<Incoming>) {
        let permits = Arc::new(Semaphore::new(MAX_SERVED));
        let mut tasks = JoinSet::new();
        while let Some((peer, stream)) = incoming.recv().await {
            // Never closed, so there always comes a permit.
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let (server, protocol) = (self.clone(), protocol.clone());
            tasks.spawn(async move {
                // A peer that breaks off is its own loss.
                let _: Result<(), ExchangeError> = server.serve(&protocol, peer, stream).await;
                drop(permit);
            });
            while tasks.try_join_next().is_some() {}
        }
    }

    async fn serve(
        &self,
        protocol: &StreamProtocol,
        peer: PeerId,
        stream: Stream,
    ) -> Result<(), ExchangeError> {
        if *protocol == FILTER_PUSH {
            return self.take_pushes(peer, stream).await;
        }
        let served = async {
            match protocol {
                each if *each == METADATA => self.metadata(stream).await,
                each if *each == FILTER => self.filter(peer, stream).await,
                each if *each == LIGHTPUSH => self.lightpush(stream).await,
                each if *each == PEER_EXCHANGE => self.exchange(peer, stream).await,
                #[cfg(feature = "rendezvous")]
                each if *each == WAKU_RENDEZVOUS => self.rendezvous(peer, stream).await,
                _ => self.store(stream).await,
            }
        };
        timeout(EXCHANGE_TIME, served).await.unwrap_or(Err(ExchangeError::TimedOut))
    }

    async fn metadata(&self, stream: Stream) -> Result<(), ExchangeError> {
        answer(stream, |_: MetadataMessage| async { self.metadata.clone() }).await
    }

    async fn filter(&self, peer: PeerId, stream: Stream) -> Result<(), ExchangeError> {
        self.shared.counters.filter_served.add();
        answer(stream, |request: FilterRequest| async {
            lock(&self.shared.filter).handle(self.clock.now(), peer, request)
        })
        .await
    }

    async fn lightpush(&self, stream: Stream) -> Result<(), ExchangeError> {
        answer(stream, |request: LightPushRequest| async {
            let request_id = request.request_id.clone();
            let (reply, response) = oneshot::channel();
            let report = Report::ToRelay { request, reply };
            let sent = self.reports.send(report).await;
            let answered = if sent.is_ok() { response.await.ok() } else { None };
            answered.unwrap_or_else(|| LightPushResponse {
                request_id,
                status: status::UNAVAILABLE,
                ..LightPushResponse::default()
            })
        })
        .await
    }

    async fn exchange(&self, peer: PeerId, stream: Stream) -> Result<(), ExchangeError> {
        self.shared.counters.exchange_served.add();
        answer(stream, |request: PeerExchange| async move {
            let PeerExchange::Query { peers } = request else {
                return exchange::refusal(status::BAD_REQUEST);
            };
            let (reply, response) = oneshot::channel();
            let sent = self.reports.send(Report::ToExchange { peer, wanted: peers, reply }).await;
            let answered = if sent.is_ok() { response.await.ok() } else { None };
            answered.unwrap_or_else(|| exchange::refusal(status::UNAVAILABLE))
        })
        .await
    }

    #[cfg(feature = "rendezvous")]
    async fn rendezvous(&self, peer: PeerId, mut stream: Stream) -> Result<(), ExchangeError> {
        self.shared.counters.rendezvous_served.add();
        let request = framed::read(&mut stream).await?.ok_or(ExchangeError::Broken)?;
        let now = self.clock.now();
        let answer = lock(&self.shared.point).handle_request(now, peer, request);
        if let Some(answer) = answer {
            framed::write(&mut stream, &answer).await?;
        }
        stream.close().await.map_err(|_| ExchangeError::Broken)
    }

    async fn store(&self, stream: Stream) -> Result<(), ExchangeError> {
        self.shared.counters.store_served.add();
        let archive = self.archive.clone();
        answer(stream, |request: StoreRequest| async {
            let request_id = request.request_id.clone();
            let answered = match archive {
                Some(archive) => spawn_blocking(move || archive.answer(&request).ok()).await.ok(),
                None => None,
            };
            answered.flatten().unwrap_or_else(|| StoreResponse {
                request_id,
                status: status::INTERNAL,
                ..StoreResponse::default()
            })
        })
        .await
    }

    async fn take_pushes(&self, from: PeerId, mut stream: Stream) -> Result<(), ExchangeError> {
        // Pushes come whenever there is something to push.
        while let Some(push) = framed::read::<MessagePush>(&mut stream).await? {
            let report = Report::Pushed { from, push };
            self.reports.send(report).await.map_err(|_| ExchangeError::Broken)?;
        }
        Ok(())
    }
}

/// Reads a question, writes the answer, closes.
async fn answer<Q: Wire, A: Wire, F: Future<Output = A>>(
    mut stream: Stream,
    answer: impl FnOnce(Q) -> F,
) -> Result<(), ExchangeError> {
    let question = framed::read(&mut stream).await?.ok_or(ExchangeError::Broken)?;
    framed::write(&mut stream, &answer(question).await).await?;
    stream.close().await.map_err(|_| ExchangeError::Broken)
}

/// Pushes messages to a subscriber over one stream, for as long as there are any; a subscriber who
/// cannot be reached is forgotten.
pub(in crate::delivery) async fn push_all(
    opener: Opener,
    peer: PeerId,
    mut pushes: mpsc::Receiver<Arc<Vec<u8>>>,
    shared: Arc<Shared>,
) {
    let mut stream = None;
    while let Some(push) = pushes.recv().await {
        let pushed = match push_one(&opener, peer, stream.take(), &push).await {
            // The stream may have been an old one that the peer closed.
            Err(_) => push_one(&opener, peer, None, &push).await,
            pushed => pushed,
        };
        match pushed {
            Ok(open) => stream = Some(open),
            Err(_) => return lock(&shared.filter).forget(&peer),
        }
        shared.counters.filter_pushed.add();
    }
}

async fn push_one(
    opener: &Opener,
    peer: PeerId,
    stream: Option<Stream>,
    push: &[u8],
) -> Result<Stream, ExchangeError> {
    let pushed = async {
        let mut stream = match stream {
            Some(stream) => stream,
            None => opener.open(peer, FILTER_PUSH).await?,
        };
        framed::write_encoded(&mut stream, push).await?;
        Ok(stream)
    };
    timeout(EXCHANGE_TIME, pushed).await.unwrap_or(Err(ExchangeError::TimedOut))
}
