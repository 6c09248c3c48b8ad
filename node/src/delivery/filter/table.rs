//! Who is to get which messages from us.

use core::time::Duration;
use std::collections::{HashMap, HashSet};

use libp2p::PeerId;
use logos_crypto::tick::Tick;

use crate::wire::{FilterRequest, FilterResponse, FilterVerb, MAX_CONTENT_TOPICS, status};

/// The subscribers of a node.
#[derive(Debug, Default)]
pub(in crate::delivery) struct FilterTable {
    subscribers: HashMap<PeerId, Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    /// Pubsub topic and content topic.
    criteria: HashSet<(String, String)>,
    alive: Tick,
}

impl FilterTable {
    /// Subscribers at once.
    pub(in crate::delivery) const MAX_PEERS: usize = 1000;
    /// Topics of one subscriber.
    pub(in crate::delivery) const MAX_CRITERIA: usize = 1000;
    /// How long a subscription stands without a word from the subscriber.
    pub(in crate::delivery) const TIME: Duration = Duration::from_secs(5 * 60);

    /// Does what a peer asks.
    pub(in crate::delivery) fn handle(
        &mut self,
        now: Tick,
        peer: PeerId,
        request: FilterRequest,
    ) -> FilterResponse {
        self.expire(now);
        let done = match request.verb {
            FilterVerb::Ping => self.ping(now, &peer),
            FilterVerb::Subscribe => self.subscribe(now, peer, &request),
            FilterVerb::Unsubscribe => self.unsubscribe(&peer, &request),
            FilterVerb::UnsubscribeAll => {
                self.subscribers.remove(&peer).map(|_| ()).ok_or(status::NOT_FOUND)
            }
        };
        FilterResponse {
            request_id: request.request_id,
            status: done.err().unwrap_or(status::OK),
            description: Some(if done.is_ok() { "OK" } else { "refused" }.to_owned()),
        }
    }

    /// The peers that are to get a message.
    pub(in crate::delivery) fn subscribers(
        &self,
        pubsub_topic: &str,
        content_topic: &str,
    ) -> Vec<PeerId> {
        if self.subscribers.is_empty() {
            return Vec::new();
        }
        let wanted = (pubsub_topic.to_owned(), content_topic.to_owned());
        let get = self.subscribers.iter().filter(|(_, each)| each.criteria.contains(&wanted));
        get.map(|(peer, _)| *peer).collect()
    }

    /// Forgets a peer that is gone.
    pub(in crate::delivery) fn forget(&mut self, peer: &PeerId) {
        self.subscribers.remove(peer);
    }

    pub(in crate::delivery) fn len(&self) -> usize {
        self.subscribers.len()
    }

    fn expire(&mut self, now: Tick) {
        self.subscribers.retain(|_, subscriber| now < subscriber.alive + Self::TIME);
    }

    fn ping(&mut self, now: Tick, peer: &PeerId) -> Result<(), u32> {
        let subscriber = self.subscribers.get_mut(peer).ok_or(status::NOT_FOUND)?;
        subscriber.alive = now;
        Ok(())
    }

    fn subscribe(&mut self, now: Tick, peer: PeerId, request: &FilterRequest) -> Result<(), u32> {
        let criteria = criteria(request)?;
        let known = self.subscribers.get(&peer);
        if known.is_none() && self.subscribers.len() >= Self::MAX_PEERS {
            return Err(status::UNAVAILABLE);
        }
        let is_new = |each: &&_| known.is_none_or(|known| !known.criteria.contains(*each));
        let old = known.map_or(0, |known| known.criteria.len());
        if old + criteria.iter().filter(is_new).count() > Self::MAX_CRITERIA {
            return Err(status::UNAVAILABLE);
        }
        let fresh = || Subscriber { criteria: HashSet::new(), alive: now };
        let subscriber = self.subscribers.entry(peer).or_insert_with(fresh);
        subscriber.alive = now;
        subscriber.criteria.extend(criteria);
        Ok(())
    }

    fn unsubscribe(&mut self, peer: &PeerId, request: &FilterRequest) -> Result<(), u32> {
        let criteria = criteria(request)?;
        let subscriber = self.subscribers.get_mut(peer).ok_or(status::NOT_FOUND)?;
        subscriber.criteria.retain(|each| !criteria.contains(each));
        if subscriber.criteria.is_empty() {
            self.subscribers.remove(peer);
        }
        Ok(())
    }
}

fn criteria(request: &FilterRequest) -> Result<HashSet<(String, String)>, u32> {
    let topics = &request.content_topics;
    let pubsub_topic = request.pubsub_topic.as_ref().ok_or(status::BAD_REQUEST)?;
    if topics.is_empty() || topics.len() > MAX_CONTENT_TOPICS {
        return Err(status::BAD_REQUEST);
    }
    Ok(topics.iter().map(|topic| (pubsub_topic.clone(), topic.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(verb: FilterVerb, topics: &[&str]) -> FilterRequest {
        FilterRequest {
            request_id: "1".to_owned(),
            verb,
            pubsub_topic: Some("p".to_owned()),
            content_topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        }
    }

    fn ask(table: &mut FilterTable, at: Tick, peer: PeerId, request: FilterRequest) -> u32 {
        let response = table.handle(at, peer, request);
        assert_eq!(response.request_id, "1");
        response.status
    }

    #[test]
    fn subscribers_get_what_they_asked_for() {
        let (mut table, peer) = (FilterTable::default(), PeerId::random());
        let now = Tick::ORIGIN;
        assert_eq!(ask(&mut table, now, peer, request(FilterVerb::Subscribe, &["a", "b"])), 200);
        assert_eq!(table.subscribers("p", "a"), [peer]);
        assert_eq!(table.subscribers("q", "a"), []);
        assert_eq!(ask(&mut table, now, peer, request(FilterVerb::Unsubscribe, &["a"])), 200);
        assert_eq!(table.subscribers("p", "a"), []);
        assert_eq!(table.subscribers("p", "b"), [peer]);
        assert_eq!(ask(&mut table, now, peer, request(FilterVerb::UnsubscribeAll, &[])), 200);
        assert_eq!(ask(&mut table, now, peer, request(FilterVerb::Ping, &[])), 404);
    }

    #[test]
    fn silence_ends_a_subscription_and_a_ping_keeps_it() {
        let (mut table, peer) = (FilterTable::default(), PeerId::random());
        let nearly = FilterTable::TIME - Duration::from_secs(1);
        let at = |times| Tick::ORIGIN + nearly * times;
        ask(&mut table, at(0), peer, request(FilterVerb::Subscribe, &["a"]));
        assert_eq!(ask(&mut table, at(1), peer, request(FilterVerb::Ping, &[])), 200);
        assert_eq!(ask(&mut table, at(2), peer, request(FilterVerb::Ping, &[])), 200);
        assert_eq!(ask(&mut table, at(4), peer, request(FilterVerb::Ping, &[])), 404);
    }

    #[test]
    fn bounds_are_kept_and_a_refused_request_changes_nothing() {
        let (mut table, peer) = (FilterTable::default(), PeerId::random());
        let now = Tick::ORIGIN;
        assert_eq!(ask(&mut table, now, peer, request(FilterVerb::Subscribe, &[])), 400);
        for n in 0..FilterTable::MAX_CRITERIA {
            let topic = n.to_string();
            ask(&mut table, now, peer, request(FilterVerb::Subscribe, &[&topic]));
        }
        assert_eq!(ask(&mut table, now, peer, request(FilterVerb::Subscribe, &["5", "x"])), 503);
        assert_eq!(table.subscribers("p", "x"), []);
        assert_eq!(ask(&mut table, now, peer, request(FilterVerb::Subscribe, &["5"])), 200);
        for _ in 1..FilterTable::MAX_PEERS {
            ask(&mut table, now, PeerId::random(), request(FilterVerb::Subscribe, &["a"]));
        }
        let late = PeerId::random();
        assert_eq!(ask(&mut table, now, late, request(FilterVerb::Subscribe, &["a"])), 503);
        assert_eq!(table.len(), FilterTable::MAX_PEERS);
    }
}
