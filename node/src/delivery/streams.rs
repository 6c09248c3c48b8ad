//! Streams for the services: every protocol that is not gossip opens one, writes, reads, closes.
//!
//! Request-response protocols would be served by libp2p's own behaviour, but a filter pushes many
//! messages down one stream and expects no answer, so all of them use plain streams.

use core::convert::Infallible;
use core::fmt;
use core::future::{Ready, ready};
use core::task::{Context, Poll};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, NotifyHandler, StreamUpgradeError, SubstreamProtocol, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{PeerId, Stream, StreamProtocol};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// Why a stream was not opened.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub(super) enum OpenError {
    /// There is no connection to the peer.
    #[error("not connected")]
    NotConnected,
    /// The peer does not speak the protocol.
    #[error("the peer does not speak the protocol")]
    Unsupported,
    /// The connection broke, or the peer did not answer.
    #[error("the connection broke")]
    Broken,
}

type Opened = Result<Stream, OpenError>;

/// A stream that somebody wants.
#[derive(Debug)]
struct Open {
    peer: PeerId,
    protocol: StreamProtocol,
    reply: oneshot::Sender<Opened>,
}

/// Opens streams, from any task.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    requests: mpsc::Sender<Open>,
}

impl Opener {
    /// Opens a stream to a peer that is connected.
    pub(super) async fn open(&self, peer: PeerId, protocol: StreamProtocol) -> Opened {
        let (reply, opened) = oneshot::channel();
        let request = Open { peer, protocol, reply };
        self.requests.send(request).await.map_err(|_| OpenError::Broken)?;
        opened.await.unwrap_or(Err(OpenError::Broken))
    }
}

/// A stream that a peer opened.
pub(super) type Incoming = (PeerId, Stream);

/// Where the streams of each protocol go that peers open.
type Doors = Arc<HashMap<StreamProtocol, mpsc::Sender<Incoming>>>;

/// Streams that peers opened and nobody took yet, for each protocol; more are closed at once.
const MAX_WAITING: usize = 256;

/// Streams that we asked for and that are not open yet.
const MAX_OPENING: usize = 256;

/// The behaviour: opens streams that an [`Opener`] asks for, hands on those that peers open.
pub(super) struct Behaviour {
    doors: Doors,
    requests: mpsc::Receiver<Open>,
    connected: HashMap<PeerId, HashSet<ConnectionId>>,
}

/// The receiving ends, one for each protocol in the order they were named.
pub(super) type Accepted = Vec<mpsc::Receiver<Incoming>>;

impl Behaviour {
    /// A behaviour that takes streams of these protocols.
    pub(super) fn new(protocols: &[StreamProtocol]) -> (Self, Opener, Accepted) {
        let (sender, requests) = mpsc::channel(MAX_OPENING);
        let mut doors = HashMap::new();
        let mut accepted = Vec::new();
        for protocol in protocols {
            let (door, incoming) = mpsc::channel(MAX_WAITING);
            doors.insert(protocol.clone(), door);
            accepted.push(incoming);
        }
        let behaviour = Self { doors: Arc::new(doors), requests, connected: HashMap::new() };
        (behaviour, Opener { requests: sender }, accepted)
    }

    fn handler(&self, peer: PeerId) -> Handler {
        Handler { peer, doors: Arc::clone(&self.doors), wanted: VecDeque::new() }
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour")
            .field("connected", &self.connected.len())
            .finish_non_exhaustive()
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                ..
            }) => {
                self.connected.entry(peer_id).or_default().insert(connection_id);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                if let Some(connections) = self.connected.get_mut(&peer_id) {
                    connections.remove(&connection_id);
                    if connections.is_empty() {
                        self.connected.remove(&peer_id);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        while let Poll::Ready(Some(open)) = self.requests.poll_recv(context) {
            let Open { peer, protocol, reply } = open;
            let connections = self.connected.get(&peer);
            let Some(connection) = connections.and_then(|all| all.iter().next().copied()) else {
                // Whoever asked may have gone.
                reply.send(Err(OpenError::NotConnected)).ok();
                continue;
            };
            return Poll::Ready(ToSwarm::NotifyHandler {
                peer_id: peer,
                handler: NotifyHandler::One(connection),
                event: Wanted { protocol, reply },
            });
        }
        Poll::Pending
    }
}

/// A stream that a connection is to open.
#[derive(Debug)]
pub(super) struct Wanted {
    protocol: StreamProtocol,
    reply: oneshot::Sender<Opened>,
}

/// The part of the behaviour that one connection runs.
pub(super) struct Handler {
    peer: PeerId,
    doors: Doors,
    wanted: VecDeque<Wanted>,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("wanted", &self.wanted.len()).finish_non_exhaustive()
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Wanted;
    type ToBehaviour = Infallible;
    type InboundProtocol = Protocols;
    type OutboundProtocol = Protocols;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = oneshot::Sender<Opened>;

    fn listen_protocol(&self) -> SubstreamProtocol<Protocols> {
        SubstreamProtocol::new(Protocols(self.doors.keys().cloned().collect()), ())
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Protocols, Self::OutboundOpenInfo, Infallible>> {
        let Some(Wanted { protocol, reply }) = self.wanted.pop_front() else {
            return Poll::Pending;
        };
        let protocol = SubstreamProtocol::new(Protocols(vec![protocol]), reply);
        Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
    }

    fn on_behaviour_event(&mut self, wanted: Wanted) {
        self.wanted.push_back(wanted);
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Protocols, Protocols, (), Self::OutboundOpenInfo>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol),
                ..
            }) => {
                // Where nobody takes streams fast enough the peer sees a closed one.
                if let Some(door) = self.doors.get(&protocol) {
                    door.try_send((self.peer, stream)).ok();
                }
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: (stream, _),
                info: reply,
            }) => {
                reply.send(Ok(stream)).ok();
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, info: reply }) => {
                let error = match error {
                    StreamUpgradeError::NegotiationFailed => OpenError::Unsupported,
                    _ => OpenError::Broken,
                };
                reply.send(Err(error)).ok();
            }
            _ => {}
        }
    }
}

/// Names protocols and takes the stream as it is, with the one agreed on.
#[derive(Clone, Debug)]
pub(super) struct Protocols(Vec<StreamProtocol>);

impl UpgradeInfo for Protocols {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Protocols {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

impl OutboundUpgrade<Stream> for Protocols {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}
