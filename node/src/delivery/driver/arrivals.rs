//! Messages from the network: decoded, judged, delivered.

use std::sync::Arc;

use libp2p::PeerId;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId};
use tokio::sync::{mpsc, oneshot};

use super::Driver;
use crate::delivery::admission::Judgement;
use crate::delivery::inbox::Received;
use crate::delivery::judging::{Candidate, Judged, Origin};
use crate::delivery::network::GRAYLIST;
use crate::delivery::send::RelayFailure;
use crate::delivery::service;
use crate::delivery::shared::lock;
use crate::wire::{
    ContentTopic, LightPushRequest, LightPushResponse, MessageHash, MessagePush, PubsubTopic,
    WakuMessage, Wire, status,
};

/// Messages that wait for one filter subscriber; further ones it misses.
const MAX_PUSHES: usize = 256;

impl Driver {
    pub(super) fn on_gossip(&mut self, from: PeerId, id: MessageId, message: &gossipsub::Message) {
        self.shared.counters.messages_received.add();
        let topic = message.topic.as_str().parse().ok();
        let topic = topic.filter(|topic| self.config.sharding.has(*topic));
        let decoded = WakuMessage::decode(&message.data);
        let (Some(topic), Ok(message)) = (topic, decoded) else {
            self.shared.counters.messages_malformed.add();
            return self.settle(Origin::Gossip { id, from }, Judgement::Reject);
        };
        self.judge(message, topic, Origin::Gossip { id, from });
    }

    pub(super) fn on_pushed(&mut self, from: PeerId, push: MessagePush) {
        let topic = push.pubsub_topic.parse().ok();
        let topic = topic.filter(|topic| self.config.sharding.has(*topic));
        // Only those we asked may push.
        if let Some(topic) = topic.filter(|_| self.machines.filter.is_serving(&from)) {
            self.shared.counters.messages_received.add();
            self.judge(push.message, topic, Origin::Filter { from });
        }
    }

    pub(super) fn on_to_relay(
        &mut self,
        request: LightPushRequest,
        reply: oneshot::Sender<LightPushResponse>,
    ) {
        let LightPushRequest { request_id, pubsub_topic, message } = request;
        let topic = match pubsub_topic {
            Some(topic) => topic.parse().ok(),
            None => self.shard_of(&message),
        };
        let topic = topic.filter(|topic| self.machines.joined.contains(topic));
        let Some(topic) = topic else {
            let refused = refusal(request_id, status::UNSUPPORTED_TOPIC);
            reply.send(refused).ok();
            return;
        };
        self.judge(message, topic, Origin::Push { request_id, reply });
    }

    fn shard_of(&self, message: &WakuMessage) -> Option<PubsubTopic> {
        let topic: ContentTopic = message.content_topic.parse().ok()?;
        Some(self.config.sharding.pubsub_topic(&topic))
    }

    fn judge(&mut self, message: WakuMessage, topic: PubsubTopic, origin: Origin) {
        let hash = message.hash(&topic.to_string());
        // What was accepted under this name has gone on already; a light client is told how far.
        if self.machines.seen.contains(&hash) && !matches!(origin, Origin::Push { .. }) {
            return self.settle(origin, Judgement::Ignore);
        }
        let candidate = Candidate { origin, topic, hash };
        if let Some(candidate) = self.machines.judging.push(message, candidate) {
            self.shared.counters.messages_overflowed.add();
            self.settle(candidate.origin, Judgement::Ignore);
        }
    }

    pub(super) fn on_judged(&mut self, judged: Vec<Judged>) {
        self.machines.judging.done();
        for Judged { message, candidate, judgement } in judged {
            if judgement == Judgement::Accept {
                self.accept(message, candidate);
            } else {
                self.settle(candidate.origin, judgement);
            }
        }
    }

    fn accept(&mut self, message: WakuMessage, candidate: Candidate) {
        let Candidate { origin, topic, hash } = candidate;
        match origin {
            Origin::Push { request_id, reply } => {
                let published = self.publish(topic, message.encode());
                if published.is_ok() {
                    self.shared.counters.lightpush_served.add();
                    self.deliver(message, topic, hash, None);
                }
                reply.send(relayed(request_id, published)).ok();
            }
            origin => {
                self.settle(origin, Judgement::Accept);
                self.deliver(message, topic, hash, None);
            }
        }
    }

    /// Tells whoever waits for it what became of a message.
    fn settle(&mut self, origin: Origin, judgement: Judgement) {
        let counters = &self.shared.counters;
        let (counter, acceptance) = match judgement {
            Judgement::Accept => (&counters.messages_accepted, MessageAcceptance::Accept),
            Judgement::Ignore => (&counters.messages_ignored, MessageAcceptance::Ignore),
            Judgement::Reject => (&counters.messages_rejected, MessageAcceptance::Reject),
        };
        counter.add();
        match origin {
            Origin::Gossip { id, from } => {
                if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
                    gossip.report_message_validation_result(&id, &from, acceptance);
                }
                if judgement == Judgement::Reject {
                    self.drop_if_hopeless(from);
                }
            }
            Origin::Filter { from } => {
                if judgement == Judgement::Reject {
                    self.machines.peers.failed(&from);
                }
            }
            Origin::Push { request_id, reply } => {
                let code = match judgement {
                    Judgement::Reject => status::INVALID_MESSAGE,
                    _ => status::UNAVAILABLE,
                };
                reply.send(refusal(request_id, code)).ok();
            }
        }
    }

    fn drop_if_hopeless(&mut self, peer: PeerId) {
        let behaviour = self.swarm.behaviour_mut();
        let score = behaviour.gossip.as_ref().and_then(|gossip| gossip.peer_score(&peer));
        if score.is_some_and(|score| score <= GRAYLIST) {
            self.ban(peer, "its messages are not admissible");
        }
    }

    /// Delivers a message to whoever wants it: here, in the archive, at filter subscribers.
    ///
    /// `own` says of our own messages whether this is the first time they leave.
    pub(super) fn deliver(
        &mut self,
        message: WakuMessage,
        topic: PubsubTopic,
        hash: MessageHash,
        own: Option<bool>,
    ) {
        if !self.machines.seen.insert(self.clock.now(), hash) {
            return;
        }
        let received =
            Arc::new(Received { message, hash, pubsub_topic: topic, own: own.is_some() });
        if own != Some(false) {
            self.machines.inbox.deliver(&received);
        }
        if let Some(archive) = &self.archive {
            // A full queue loses this message to the archive, which a store may.
            archive.try_send((hash, topic, Arc::new(received.message.clone()))).ok();
        }
        self.push_to_subscribers(&received);
    }

    fn push_to_subscribers(&mut self, received: &Received) {
        let topic = received.pubsub_topic.to_string();
        let peers = lock(&self.shared.filter).subscribers(&topic, &received.message.content_topic);
        if peers.is_empty() {
            return;
        }
        let push = MessagePush { message: received.message.clone(), pubsub_topic: topic };
        let push = Arc::new(push.encode());
        self.machines.pushers.retain(|_, pusher| !pusher.is_closed());
        for peer in peers {
            let pusher = match self.machines.pushers.get(&peer) {
                Some(pusher) => pusher.clone(),
                None => self.start_pusher(peer),
            };
            pusher.try_send(Arc::clone(&push)).ok();
        }
    }

    fn start_pusher(&mut self, peer: PeerId) -> mpsc::Sender<Arc<Vec<u8>>> {
        let (pusher, pushes) = mpsc::channel(MAX_PUSHES);
        let (opener, shared) = (self.opener.clone(), Arc::clone(&self.shared));
        self.tasks.spawn(service::push_all(opener, peer, pushes, shared));
        self.machines.pushers.insert(peer, pusher.clone());
        pusher
    }
}

fn refusal(request_id: String, status: u32) -> LightPushResponse {
    LightPushResponse { request_id, status, ..LightPushResponse::default() }
}

fn relayed(request_id: String, published: Result<usize, RelayFailure>) -> LightPushResponse {
    match published {
        Ok(peers) => LightPushResponse {
            request_id,
            status: status::OK,
            description: None,
            relay_peers: Some(u32::try_from(peers).unwrap_or(u32::MAX)),
        },
        Err(RelayFailure::NoPeers) => refusal(request_id, status::NO_PEERS),
        Err(RelayFailure::Busy) => refusal(request_id, status::UNAVAILABLE),
        Err(RelayFailure::Refused) => refusal(request_id, status::INVALID_MESSAGE),
    }
}
