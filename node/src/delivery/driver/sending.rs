//! Our own messages on their way out.

use core::time::Duration;
use std::sync::Arc;

use libp2p::PeerId;
use libp2p::gossipsub::{IdentTopic, PublishError};
use tokio::sync::{oneshot, watch};

use super::{Driver, Outgoing, Report};
use crate::delivery::admission::AdmissionError;
use crate::delivery::config::Mode;
use crate::delivery::protocols::Capability;
use crate::delivery::request::{Outcome, Progress, RequestId, SendFailure};
use crate::delivery::send::{
    PrepareFailure, PushFailure, RelayFailure, Route, SendOutput, TooManySends,
};
use crate::delivery::service;
use crate::delivery::shared::lock;
use crate::delivery::streams::Opener;
use crate::wire::{
    LightPushRequest, MessageHash, PubsubTopic, StoreRequest, StoreResponse, UnixNanos,
    WakuMessage, Wire,
};

/// How a node of this mode publishes.
pub(super) const fn route(mode: Mode) -> Route {
    match mode {
        Mode::Core => Route::Relay,
        Mode::Edge => Route::Service,
    }
}

impl Driver {
    pub(super) fn on_send(
        &mut self,
        message: WakuMessage,
        topic: PubsubTopic,
        left: oneshot::Sender<MessageHash>,
    ) -> Result<RequestId, TooManySends> {
        let id = RequestId::new(self.machines.next_request);
        self.machines.sends.handle_send(self.clock.now(), id, message.ephemeral)?;
        self.machines.next_request += 1;
        let (progress, receiver) = watch::channel(Progress::Accepted);
        lock(&self.shared.requests).insert(id, receiver);
        let outgoing = Outgoing { message, topic, progress, left: Some(left) };
        self.machines.outgoing.insert(id, outgoing);
        self.shared.counters.sends_accepted.add();
        Ok(id)
    }

    pub(super) fn drain_sends(&mut self) {
        let has_store = self.machines.peers.count(Capability::Store) > 0;
        self.machines.sends.handle_store_known(has_store);
        while let Some(output) = self.machines.sends.poll_output(self.clock.now()) {
            match output {
                SendOutput::Prepare(id) => self.prepare(id),
                SendOutput::Relay(id) => self.relay(id),
                SendOutput::Push(id) => self.push(id),
                SendOutput::Check(hashes) => {
                    let (opener, peers) = self.asking(Capability::Store);
                    self.spawn(async move {
                        let (hashes, tried) = service::check(opener, peers, hashes).await;
                        Report::Found { hashes, tried }
                    });
                }
                SendOutput::Progress(id, progress) => self.tell(id, progress),
                SendOutput::Finished(id, outcome) => self.finish(id, outcome),
            }
        }
    }

    fn prepare(&mut self, id: RequestId) {
        let Some(outgoing) = self.machines.outgoing.get(&id) else { return };
        let (mut message, admission) = (outgoing.message.clone(), Arc::clone(&self.admission));
        self.spawn_blocking(move || {
            let result = admission.admit(&mut message, UnixNanos::now());
            Report::Prepared { id, message, result }
        });
    }

    pub(super) fn on_prepared(
        &mut self,
        id: RequestId,
        message: WakuMessage,
        result: Result<(), AdmissionError>,
    ) {
        let now = self.clock.now();
        let Some(outgoing) = self.machines.outgoing.get_mut(&id) else { return };
        let result = match result {
            Ok(()) => {
                let hash = message.hash(&outgoing.topic.to_string());
                outgoing.message = message;
                Ok(hash)
            }
            Err(AdmissionError::Exhausted { next }) => {
                let wait = UnixNanos::now();
                let wait = if next > wait { next.distance(wait) } else { Duration::ZERO };
                Err(PrepareFailure::RateLimited { until: now + wait, next })
            }
            Err(AdmissionError::NotMember) => Err(PrepareFailure::Never(SendFailure::NotMember)),
            Err(AdmissionError::Unproved) => Err(PrepareFailure::Again),
        };
        self.machines.sends.handle_prepared(now, id, result);
    }

    fn relay(&mut self, id: RequestId) {
        let Some(outgoing) = self.machines.outgoing.get(&id) else { return };
        let (topic, bytes) = (outgoing.topic, outgoing.message.encode());
        let result = self.publish(topic, bytes);
        if result.is_ok() {
            self.deliver_own(id);
        }
        self.machines.sends.handle_relayed(self.clock.now(), id, result);
    }

    /// Hands a message to gossip. Gives how many peers it went to.
    pub(super) fn publish(
        &mut self,
        topic: PubsubTopic,
        bytes: Vec<u8>,
    ) -> Result<usize, RelayFailure> {
        let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() else {
            return Err(RelayFailure::NoPeers);
        };
        let topic = IdentTopic::new(topic.to_string()).hash();
        let published = gossip.publish(topic.clone(), bytes);
        let peers = gossip.all_peers().filter(|(_, topics)| topics.contains(&&topic)).count();
        match published {
            // What is on its way already is on its way.
            Ok(_) | Err(PublishError::Duplicate) => Ok(peers),
            Err(PublishError::NoPeersSubscribedToTopic) => Err(RelayFailure::NoPeers),
            Err(PublishError::AllQueuesFull(_)) => Err(RelayFailure::Busy),
            Err(_) => Err(RelayFailure::Refused),
        }
    }

    fn push(&mut self, id: RequestId) {
        let Some(outgoing) = self.machines.outgoing.get(&id) else { return };
        let request = LightPushRequest {
            request_id: id.to_string(),
            pubsub_topic: Some(outgoing.topic.to_string()),
            message: outgoing.message.clone(),
        };
        let (opener, peers) = self.asking(Capability::LightPush);
        self.spawn(async move {
            let (result, tried) = service::push(opener, peers, request).await;
            Report::Published { id, result, tried }
        });
    }

    pub(super) fn on_published(&mut self, id: RequestId, result: Result<usize, PushFailure>) {
        if result.is_ok() {
            self.deliver_own(id);
        }
        self.machines.sends.handle_pushed(self.clock.now(), id, result);
    }

    /// Delivers a message of ours here, when it leaves first: gossip does not give it back.
    fn deliver_own(&mut self, id: RequestId) {
        let Some(outgoing) = self.machines.outgoing.get_mut(&id) else { return };
        let (message, topic) = (outgoing.message.clone(), outgoing.topic);
        let hash = message.hash(&topic.to_string());
        let left = outgoing.left.take();
        let is_new = left.is_some();
        if let Some(left) = left {
            // Who sent it may not want to know.
            left.send(hash).ok();
        }
        self.deliver(message, topic, hash, Some(is_new));
    }

    fn tell(&self, id: RequestId, progress: Progress) {
        if matches!(progress, Progress::Propagated { .. }) {
            self.shared.counters.sends_propagated.add();
        }
        if let Some(outgoing) = self.machines.outgoing.get(&id) {
            outgoing.progress.send_replace(progress);
        }
    }

    fn finish(&mut self, id: RequestId, outcome: Outcome) {
        if !outcome.is_sent() {
            self.shared.counters.sends_failed.add();
        }
        self.tell(id, Progress::Ended(outcome));
        self.machines.outgoing.remove(&id);
        lock(&self.shared.requests).end(id);
    }

    pub(super) fn on_query(
        &mut self,
        request: StoreRequest,
        reply: oneshot::Sender<Option<StoreResponse>>,
    ) {
        let (opener, peers) = self.asking(Capability::Store);
        self.spawn(async move {
            let (response, tried) = service::query(opener, peers, request).await;
            reply.send(response.ok()).ok();
            Report::Tried(tried)
        });
    }

    /// What it takes to ask peers that offer something.
    fn asking(&self, capability: Capability) -> (Opener, Vec<PeerId>) {
        (self.opener.clone(), self.machines.peers.who_offers(capability))
    }
}
