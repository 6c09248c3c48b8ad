//! When points of rendezvous are told of this node, and asked for others.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};

use libp2p::PeerId;
use logos_crypto::tick::Tick;

use super::namespace::{SERVICES, namespace};
use crate::delivery::Capability;
use crate::wire::{Registration, RendezvousCookie, RendezvousRequest, Wire};

/// What one point is told and asked at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visit {
    /// Which point.
    pub point: PeerId,
    /// To be told first, each on a stream of its own.
    pub told: Vec<RendezvousRequest>,
    /// To be asked then, each for a service.
    pub asked: Vec<(Capability, RendezvousRequest)>,
}

/// What came of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visited {
    /// Which point.
    pub point: PeerId,
    /// Did it take all it was told?
    pub took_all: bool,
    /// How many registrations it gave for a service, and with which cookie.
    pub answers: Vec<(Capability, usize, Option<Vec<u8>>)>,
}

/// Keeps this node registered at some points, for each service it offers, and asks them page by page
/// for peers: a machine without clock or network.
///
/// # Examples
///
/// ```
/// use logos_crypto::tick::Tick;
/// use logos_node::delivery::{Capability, PeerId};
/// use logos_node::discovery::RendezvousVisitor;
///
/// let (point, record) = (PeerId::random(), vec![1, 2, 3]);
/// let mut visitor = RendezvousVisitor::new(1);
/// visitor.handle_own(Some(record), &[Capability::Store]);
/// visitor.handle_look(Tick::ORIGIN, &[point], &[Capability::Relay]);
/// let visit = visitor.poll_output().expect("a point to visit");
/// assert_eq!((visit.point, visit.told.len(), visit.asked.len()), (point, 1, 1));
/// ```
#[derive(Debug)]
pub struct RendezvousVisitor {
    cluster: u16,
    /// What is registered: a sealed record, if others reach us, and services.
    own: Option<(Vec<u8>, Vec<Capability>)>,
    /// Grows when that changes.
    revision: u64,
    /// Points that may have a registration of ours, and until when it need not be renewed.
    registered: HashMap<PeerId, Tick>,
    /// Points that are being visited.
    visiting: HashMap<PeerId, Telling>,
    cookies: HashMap<(PeerId, Capability), Vec<u8>>,
    outputs: VecDeque<Visit>,
}

/// What a point is being told.
#[derive(Clone, Copy, Debug)]
struct Telling {
    /// Of this revision.
    revision: u64,
    /// Anything at all?
    is_told: bool,
}

impl RendezvousVisitor {
    /// Points that are visited at one time.
    pub const MAX_POINTS: usize = 3;
    /// For how long this node is registered.
    pub const TTL: Duration = Duration::from_secs(120);
    /// How often that is renewed.
    pub const RENEW: Duration = Duration::from_secs(60);
    /// Peers that are asked for at once (LIP 179).
    pub const WANTED: usize = 12;

    /// One of a cluster's nodes, which is not registered yet.
    #[must_use]
    pub fn new(cluster: u16) -> Self {
        Self {
            cluster,
            own: None,
            revision: 0,
            registered: HashMap::new(),
            visiting: HashMap::new(),
            cookies: HashMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Notes what is to be registered from now on: nothing, while others cannot reach this node.
    pub fn handle_own(&mut self, record: Option<Vec<u8>>, offers: &[Capability]) {
        self.own = record.map(|record| (record, offers.to_vec()));
        self.revision = self.revision.wrapping_add(1);
        self.registered.values_mut().for_each(|until| *until = Tick::ORIGIN);
    }

    /// Plans visits to the first points that are connected and not being visited: registers what is
    /// due, and asks who offers what is wanted.
    pub fn handle_look(&mut self, now: Tick, points: &[PeerId], wanted: &[Capability]) {
        self.registered.retain(|point, _| points.contains(point));
        self.cookies.retain(|(point, _), _| points.contains(point));
        for point in points.iter().take(Self::MAX_POINTS) {
            if self.visiting.contains_key(point) {
                continue;
            }
            let visit = Visit {
                point: *point,
                told: self.due(now, point),
                asked: wanted.iter().filter_map(|each| self.question(point, *each)).collect(),
            };
            if !visit.told.is_empty() || !visit.asked.is_empty() {
                let is_told = !visit.told.is_empty();
                self.visiting.insert(*point, Telling { revision: self.revision, is_told });
                self.outputs.push_back(visit);
            }
        }
    }

    /// The next visit to make, until `None`. Each is to be followed by
    /// [`RendezvousVisitor::handle_visited`], whatever comes of it.
    pub fn poll_output(&mut self) -> Option<Visit> {
        self.outputs.pop_front()
    }

    /// Notes what came of a visit.
    pub fn handle_visited(&mut self, now: Tick, visited: Visited) {
        let Visited { point, took_all, answers } = visited;
        let Some(Telling { revision, is_told }) = self.visiting.remove(&point) else { return };
        if is_told && took_all && revision == self.revision {
            match self.own {
                Some(_) => self.registered.insert(point, now + Self::RENEW),
                None => self.registered.remove(&point),
            };
        } else if is_told {
            // It may have some of it, or what we do not say any more.
            self.registered.insert(point, Tick::ORIGIN);
        }
        for (capability, given, cookie) in answers {
            // What ends before the page does is the end; the next question begins anew.
            let cookie = cookie.filter(|_| given >= Self::WANTED);
            match cookie.filter(|cookie| cookie.len() <= RendezvousCookie::MAX_BYTES) {
                Some(cookie) => self.cookies.insert((point, capability), cookie),
                None => self.cookies.remove(&(point, capability)),
            };
        }
    }

    /// What a point has to be told.
    fn due(&self, now: Tick, point: &PeerId) -> Vec<RendezvousRequest> {
        let until = self.registered.get(point);
        match &self.own {
            Some((record, offers)) if until.is_none_or(|until| *until <= now) => {
                let names = offers.iter().filter_map(|each| namespace(self.cluster, *each));
                let ttl = Some(Self::TTL.as_secs());
                let registration = |name| Registration::new(name, record.clone(), ttl);
                names.map(registration).map(RendezvousRequest::Register).collect()
            }
            None if until.is_some() => {
                let names = SERVICES.iter().filter_map(|(each, _)| namespace(self.cluster, *each));
                names.map(|namespace| RendezvousRequest::Unregister { namespace }).collect()
            }
            _ => Vec::new(),
        }
    }

    fn question(
        &self,
        point: &PeerId,
        capability: Capability,
    ) -> Option<(Capability, RendezvousRequest)> {
        let namespace = namespace(self.cluster, capability)?;
        let cookie = self.cookies.get(&(*point, capability)).cloned();
        let limit = Some(Self::WANTED as u64);
        let namespace = Some(namespace);
        Some((capability, RendezvousRequest::Discover { namespace, limit, cookie }))
    }
}

#[cfg(test)]
mod tests;
