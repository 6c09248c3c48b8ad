//! Peers that come and go, and the topics we share with them.

use libp2p::core::ConnectedPoint;
use libp2p::gossipsub::{self, IdentTopic};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, identify};
use tracing::{debug, info};

use super::{Driver, Report};
use crate::delivery::config::Mode;
use crate::delivery::framed;
use crate::delivery::inbox::SubscriptionId;
use crate::delivery::network::BehaviourEvent;
use crate::delivery::protocols::{Capability, METADATA};
use crate::delivery::shared::{Health, lock};
use crate::delivery::status::NodeStatus;
use crate::wire::{ContentTopic, MetadataMessage, PubsubTopic};

impl Driver {
    pub(super) fn on_network(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } => {
                let dialled = match endpoint {
                    ConnectedPoint::Dialer { address, .. } => Some(address),
                    ConnectedPoint::Listener { .. } => None,
                };
                self.machines.peers.connected(peer_id, dialled);
                self.tell_health();
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.on_gone(&peer_id);
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                info!(%address, "listening");
                if self.config.reachable {
                    self.swarm.add_external_address(address.clone());
                    self.announce();
                }
                self.shared.addresses.send_modify(|addresses| addresses.push(address));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.swarm.remove_external_address(&address);
                self.announce();
                self.shared.addresses.send_modify(|addresses| addresses.retain(|a| *a != address));
            }
            #[cfg(feature = "nat")]
            SwarmEvent::ListenerClosed { listener_id, .. } => self.on_listener_closed(listener_id),
            SwarmEvent::ExternalAddrConfirmed { .. } | SwarmEvent::ExternalAddrExpired { .. } => {
                self.announce();
            }
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                debug!(?peer_id, %error, "dialling failed");
                if let Some(peer) = peer_id {
                    self.machines.directory.handle_failure(self.clock.now(), &peer);
                }
            }
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            }) => self.on_gossip(propagation_source, message_id, &message),
            BehaviourEvent::Gossip(
                gossipsub::Event::Subscribed { .. } | gossipsub::Event::Unsubscribed { .. },
            ) => self.tell_health(),
            BehaviourEvent::Identify(
                identify::Event::Received { peer_id, info, .. }
                | identify::Event::Pushed { peer_id, info, .. },
            ) => self.on_identified(peer_id, &info),
            BehaviourEvent::Kademlia(event) => self.on_kademlia(event),
            #[cfg(feature = "rendezvous")]
            BehaviourEvent::Rendezvous(event) => self.on_rendezvous(event),
            _ => {}
        }
    }

    fn on_identified(&mut self, peer: PeerId, info: &identify::Info) {
        let speaks = |capability: Capability| info.protocols.contains(&capability.protocol());
        let new = self.machines.peers.offers(peer, speaks);
        if new.contains(&Capability::Metadata) {
            self.ask_metadata(peer);
        }
        if new.contains(&Capability::Filter) && self.config.mode == Mode::Edge {
            self.machines.filter.handle_offer(peer);
        }
        // Routing tables of other networks speak the same protocol.
        if new.contains(&Capability::Relay)
            && let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut()
        {
            for address in &info.listen_addrs {
                kademlia.add_address(&peer, address.clone());
            }
        }
        self.tell_health();
    }

    fn ask_metadata(&mut self, peer: PeerId) {
        let (opener, ours) = (self.opener.clone(), self.metadata());
        self.spawn(async move {
            let asked = framed::ask(&opener, peer, METADATA, &ours).await;
            // Those who do not answer are no worse than those who do not speak the protocol.
            let metadata = asked.unwrap_or_default();
            Report::Metadata { peer, metadata }
        });
    }

    /// What we tell of ourselves.
    pub(in crate::delivery) fn metadata(&self) -> MetadataMessage {
        metadata(&self.config)
    }

    pub(super) fn on_metadata(&mut self, peer: PeerId, metadata: &MetadataMessage) {
        let ours = u32::from(self.config.sharding.cluster());
        if metadata.cluster.is_some_and(|cluster| cluster != ours) {
            self.ban(peer, "it is of another cluster");
        }
    }

    /// Closes the connection to a peer and takes no other.
    pub(super) fn ban(&mut self, peer: PeerId, why: &'static str) {
        info!(%peer, why, "peer dropped");
        self.shared.counters.peers_dropped.add();
        self.swarm.behaviour_mut().blocked.block_peer(peer);
        // It may have gone by itself.
        self.swarm.disconnect_peer_id(peer).ok();
    }

    fn on_gone(&mut self, peer: &PeerId) {
        self.machines.peers.gone(peer);
        self.machines.filter.handle_gone(peer);
        self.machines.pushers.remove(peer);
        self.machines.exchange.handle_gone(peer);
        lock(&self.shared.filter).forget(peer);
        self.tell_health();
    }

    pub(super) fn dial(&mut self, address: Multiaddr) {
        if let Err(error) = self.swarm.dial(address.clone()) {
            debug!(%address, %error, "cannot dial");
        }
    }

    /// Relays every shard of the cluster.
    pub(super) fn join_all(&mut self) {
        if self.config.mode == Mode::Core {
            self.config.sharding.pubsub_topics().for_each(|topic| self.join(topic));
        }
    }

    fn join(&mut self, topic: PubsubTopic) {
        let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() else { return };
        match gossip.subscribe(&IdentTopic::new(topic.to_string())) {
            Ok(_) => {
                self.machines.joined.insert(topic);
            }
            Err(error) => debug!(%topic, %error, "cannot join"),
        }
    }

    /// Asks peers for messages of a content topic, where gossip does not bring them.
    pub(super) fn want(&mut self, topic: &ContentTopic) {
        if self.config.mode == Mode::Edge {
            let pubsub_topic = self.config.sharding.pubsub_topic(topic);
            self.machines.filter.handle_wanted((pubsub_topic, topic.as_str().to_owned()));
        }
    }

    pub(super) fn on_unsubscribe(&mut self, topic: &str, id: SubscriptionId) {
        if !self.machines.inbox.unsubscribe(topic, id) {
            return;
        }
        if let Ok(parsed) = topic.parse() {
            let pubsub_topic = self.config.sharding.pubsub_topic(&parsed);
            self.machines.filter.handle_unwanted(&(pubsub_topic, topic.to_owned()));
        }
    }

    /// Peers that share a topic with us.
    fn relay_peers(&self) -> usize {
        let gossip = self.swarm.behaviour().gossip.as_ref();
        gossip
            .map_or(0, |gossip| gossip.all_peers().filter(|(_, topics)| !topics.is_empty()).count())
    }

    fn tell_health(&self) {
        let peers = &self.machines.peers;
        let relay = self.relay_peers();
        let health =
            Health::of(relay, peers.count(Capability::LightPush), peers.count(Capability::Filter));
        self.shared.health.send_if_modified(|old| core::mem::replace(old, health) != health);
    }
}

impl Driver {
    pub(super) fn status(&self) -> NodeStatus {
        let machines = &self.machines;
        NodeStatus {
            peer_id: self.swarm.local_peer_id().to_string(),
            mode: self.config.mode,
            cluster: self.config.sharding.cluster(),
            shards: self.config.sharding.shards(),
            health: *self.shared.health.borrow(),
            addresses: self.shared.addresses.borrow().iter().map(Multiaddr::to_string).collect(),
            reached_at: self.swarm.external_addresses().map(Multiaddr::to_string).collect(),
            record: machines.announcing.record().map(ToString::to_string),
            known_peers: machines.directory.len(),
            peers: machines.peers.table(),
            relay_peers: self.relay_peers(),
            sends_under_way: machines.sends.under_way(),
            filter_subscribers: lock(&self.shared.filter).len(),
            filter_peers: machines.filter.complete(),
            content_topics: machines.inbox.topics().map(str::to_owned).collect(),
        }
    }
}

/// What a node tells of itself.
pub(in crate::delivery) fn metadata(
    config: &crate::delivery::config::NodeConfig,
) -> MetadataMessage {
    let shards = 0..u32::from(config.sharding.shards());
    MetadataMessage { cluster: Some(config.sharding.cluster().into()), shards: shards.collect() }
}
