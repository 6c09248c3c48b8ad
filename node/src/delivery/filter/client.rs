//! Which peers forward messages to us: a machine that keeps two of them subscribed to all that is
//! wanted, and changes over when one fails.

use core::time::Duration;
use std::collections::{BTreeSet, HashMap, HashSet};

use libp2p::PeerId;
use logos_crypto::tick::Tick;

use crate::wire::{FilterVerb, MAX_CONTENT_TOPICS, PubsubTopic, status};

/// A content topic and the pubsub topic that carries it.
pub(in crate::delivery) type Wanted = (PubsubTopic, String);

/// A request that a peer is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::delivery) struct FilterAsk {
    pub(in crate::delivery) peer: PeerId,
    pub(in crate::delivery) verb: FilterVerb,
    pub(in crate::delivery) pubsub_topic: Option<PubsubTopic>,
    pub(in crate::delivery) content_topics: Vec<String>,
}

/// Why a peer did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum FilterFailure {
    Unreachable,
    Status(u32),
}

/// The machine.
#[derive(Debug)]
pub(in crate::delivery) struct FilterClient {
    ping: Duration,
    wanted: BTreeSet<Wanted>,
    /// Peers that offer filters, and until when one that failed is left alone.
    offers: HashMap<PeerId, Tick>,
    serving: HashMap<PeerId, Serving>,
}

#[derive(Debug)]
struct Serving {
    confirmed: BTreeSet<Wanted>,
    under_way: Option<FilterAsk>,
    next_ping: Tick,
}

impl FilterClient {
    /// Peers that are subscribed to at once.
    pub(in crate::delivery) const PEERS: usize = 2;
    /// How long a peer that failed is left alone.
    const REST: Duration = Duration::from_secs(30);

    pub(in crate::delivery) fn new(ping: Duration) -> Self {
        Self { ping, wanted: BTreeSet::new(), offers: HashMap::new(), serving: HashMap::new() }
    }

    pub(in crate::delivery) fn handle_wanted(&mut self, wanted: Wanted) {
        self.wanted.insert(wanted);
    }

    pub(in crate::delivery) fn handle_unwanted(&mut self, wanted: &Wanted) {
        self.wanted.remove(wanted);
    }

    pub(in crate::delivery) fn handle_offer(&mut self, peer: PeerId) {
        self.offers.entry(peer).or_insert(Tick::ORIGIN);
    }

    pub(in crate::delivery) fn handle_gone(&mut self, peer: &PeerId) {
        self.offers.remove(peer);
        self.serving.remove(peer);
    }

    /// Did we ask this peer for messages?
    pub(in crate::delivery) fn is_serving(&self, peer: &PeerId) -> bool {
        self.serving.contains_key(peer)
    }

    /// How many peers serve everything that is wanted.
    pub(in crate::delivery) fn complete(&self) -> usize {
        self.serving.values().filter(|serving| serving.confirmed == self.wanted).count()
    }

    pub(in crate::delivery) fn handle_answer(
        &mut self,
        now: Tick,
        peer: PeerId,
        answer: Result<(), FilterFailure>,
    ) {
        let Some(serving) = self.serving.get_mut(&peer) else { return };
        let Some(ask) = serving.under_way.take() else { return };
        match answer {
            Ok(()) => {
                serving.next_ping = now + self.ping;
                serving.settle(ask);
            }
            // It has forgotten us: everything anew.
            Err(FilterFailure::Status(status::NOT_FOUND)) if !serving.confirmed.is_empty() => {
                serving.confirmed.clear();
            }
            Err(_) => {
                self.serving.remove(&peer);
                self.offers.insert(peer, now + Self::REST);
            }
        }
    }

    /// The next request to send, until `None`.
    pub(in crate::delivery) fn poll_output(&mut self, now: Tick) -> Option<FilterAsk> {
        self.choose(now);
        let wanted = &self.wanted;
        for (peer, serving) in &mut self.serving {
            if serving.under_way.is_some() {
                continue;
            }
            if let Some(ask) = serving.next_ask(now, *peer, wanted) {
                serving.under_way = Some(ask.clone());
                return Some(ask);
            }
        }
        None
    }

    pub(in crate::delivery) fn next_deadline(&self) -> Option<Tick> {
        if self.wanted.is_empty() {
            return None;
        }
        let idle = self.serving.values().filter(|serving| serving.under_way.is_none());
        let pings = idle.map(|serving| serving.next_ping);
        let spare = self.offers.iter().filter(|(peer, _)| !self.serving.contains_key(*peer));
        let lacks = self.serving.len() < Self::PEERS;
        pings.chain(spare.filter(|_| lacks).map(|(_, until)| *until)).min()
    }

    fn choose(&mut self, now: Tick) {
        if self.wanted.is_empty() {
            // Peers that serve nothing any more are asked to forget us first.
            self.serving
                .retain(|_, serving| serving.under_way.is_some() || !serving.confirmed.is_empty());
            return;
        }
        let spare: HashSet<PeerId> = self
            .offers
            .iter()
            .filter(|(peer, until)| **until <= now && !self.serving.contains_key(*peer))
            .map(|(peer, _)| *peer)
            .collect();
        for peer in spare.into_iter().take(Self::PEERS.saturating_sub(self.serving.len())) {
            self.serving.insert(peer, Serving::new());
        }
    }
}

impl Serving {
    const fn new() -> Self {
        Self { confirmed: BTreeSet::new(), under_way: None, next_ping: Tick::ORIGIN }
    }

    fn next_ask(&self, now: Tick, peer: PeerId, wanted: &BTreeSet<Wanted>) -> Option<FilterAsk> {
        let ask = |verb, (pubsub_topic, content_topics)| FilterAsk {
            peer,
            verb,
            pubsub_topic: Some(pubsub_topic),
            content_topics,
        };
        if let Some(batch) = batch(wanted.difference(&self.confirmed)) {
            return Some(ask(FilterVerb::Subscribe, batch));
        }
        if let Some(batch) = batch(self.confirmed.difference(wanted)) {
            return Some(ask(FilterVerb::Unsubscribe, batch));
        }
        (!wanted.is_empty() && self.next_ping <= now).then(|| FilterAsk {
            peer,
            verb: FilterVerb::Ping,
            pubsub_topic: None,
            content_topics: Vec::new(),
        })
    }

    fn settle(&mut self, ask: FilterAsk) {
        let Some(pubsub_topic) = ask.pubsub_topic else { return };
        for topic in ask.content_topics {
            let wanted = (pubsub_topic, topic);
            if ask.verb == FilterVerb::Subscribe {
                self.confirmed.insert(wanted);
            } else {
                self.confirmed.remove(&wanted);
            }
        }
    }
}

/// As many topics of one pubsub topic as a request takes.
fn batch<'a>(wanted: impl Iterator<Item = &'a Wanted>) -> Option<(PubsubTopic, Vec<String>)> {
    let mut wanted = wanted.peekable();
    let pubsub_topic = wanted.peek()?.0;
    let same = wanted.take_while(|(topic, _)| *topic == pubsub_topic);
    Some((pubsub_topic, same.take(MAX_CONTENT_TOPICS).map(|(_, topic)| topic.clone()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: PubsubTopic = PubsubTopic { cluster: 1, shard: 0 };

    fn at(seconds: u64) -> Tick {
        Tick::new(Duration::from_secs(seconds))
    }

    fn client(peers: &[PeerId]) -> FilterClient {
        let mut client = FilterClient::new(Duration::from_secs(30));
        peers.iter().for_each(|peer| client.handle_offer(*peer));
        client
    }

    fn wanted(name: &str) -> Wanted {
        (TOPIC, name.to_owned())
    }

    fn peers<const N: usize>() -> [PeerId; N] {
        core::array::from_fn(|_| PeerId::random())
    }

    fn drain(client: &mut FilterClient, now: Tick) -> Vec<FilterAsk> {
        core::iter::from_fn(|| client.poll_output(now)).collect()
    }

    fn settle(client: &mut FilterClient, now: Tick) {
        loop {
            let asks = drain(client, now);
            if asks.is_empty() {
                return;
            }
            asks.iter().for_each(|ask| client.handle_answer(now, ask.peer, Ok(())));
        }
    }

    #[test]
    fn two_of_the_peers_are_subscribed() {
        let mut client = client(&peers::<5>());
        assert_eq!(drain(&mut client, at(0)), []);
        client.handle_wanted(wanted("/a/1/b/c"));
        let asks = drain(&mut client, at(0));
        assert_eq!(asks.len(), 2);
        assert!(asks.iter().all(|ask| ask.verb == FilterVerb::Subscribe));
        assert_ne!(asks[0].peer, asks[1].peer);
        asks.iter().for_each(|ask| client.handle_answer(at(1), ask.peer, Ok(())));
        assert_eq!(client.complete(), 2);
        assert_eq!(client.next_deadline(), Some(at(31)));
    }

    #[test]
    fn a_peer_that_fails_is_replaced_and_left_alone() {
        let mut client = client(&peers::<3>());
        client.handle_wanted(wanted("/a/1/b/c"));
        let [first, second] = drain(&mut client, at(0)).try_into().unwrap();
        client.handle_answer(at(0), first.peer, Err(FilterFailure::Unreachable));
        client.handle_answer(at(0), second.peer, Ok(()));
        let [third] = drain(&mut client, at(0)).try_into().unwrap();
        assert!(![first.peer, second.peer].contains(&third.peer));
        client.handle_gone(&third.peer);
        assert_eq!(drain(&mut client, at(29)), []);
        let asks = drain(&mut client, at(30));
        assert!(asks.iter().any(|ask| ask.peer == first.peer), "{asks:?}");
    }

    #[test]
    fn a_peer_that_forgot_us_is_subscribed_anew() {
        let mut client = client(&peers::<1>());
        client.handle_wanted(wanted("/a/1/b/c"));
        settle(&mut client, at(0));
        let [ping] = drain(&mut client, at(30)).try_into().unwrap();
        assert_eq!(ping.verb, FilterVerb::Ping);
        client.handle_answer(at(30), ping.peer, Err(FilterFailure::Status(404)));
        assert_eq!(client.complete(), 0);
        let [again] = drain(&mut client, at(30)).try_into().unwrap();
        assert_eq!(again.verb, FilterVerb::Subscribe);
    }

    #[test]
    fn topics_go_in_batches_of_one_pubsub_topic() {
        let mut client = client(&peers::<1>());
        for n in 0..150 {
            client.handle_wanted(wanted(&format!("/a/1/{n}/c")));
        }
        let other = PubsubTopic { cluster: 1, shard: 5 };
        client.handle_wanted((other, "/a/1/b/c".to_owned()));
        let mut sizes = Vec::new();
        while let Some(ask) = client.poll_output(at(0)) {
            sizes.push(ask.content_topics.len());
            client.handle_answer(at(0), ask.peer, Ok(()));
            if client.complete() == 1 {
                break;
            }
        }
        assert_eq!(sizes, [100, 50, 1]);
    }

    #[test]
    fn what_is_no_longer_wanted_is_unsubscribed() {
        let mut client = client(&peers::<1>());
        client.handle_wanted(wanted("/a/1/b/c"));
        settle(&mut client, at(0));
        client.handle_unwanted(&wanted("/a/1/b/c"));
        let [ask] = drain(&mut client, at(1)).try_into().unwrap();
        assert_eq!(ask.verb, FilterVerb::Unsubscribe);
        client.handle_answer(at(1), ask.peer, Ok(()));
        assert_eq!(drain(&mut client, at(100)), []);
        assert!(!client.is_serving(&ask.peer));
    }
}
