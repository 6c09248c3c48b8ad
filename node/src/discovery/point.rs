//! A point of rendezvous: who registered with it, and where.

use core::time::Duration;
use std::collections::{BTreeMap, HashMap};

use libp2p::PeerId;
use logos_crypto::tick::Tick;

use super::WakuPeerRecord;
use crate::wire::{
    Registration, RendezvousCookie, RendezvousRequest, RendezvousResponse, RendezvousStatus, Wire,
};

/// Keeps records that peers register, and gives them to who asks: a machine without clock or network.
///
/// The messages are those of libp2p's rendezvous protocol, the records those of LIP 179. A peer
/// registers for itself alone. What was registered is forgotten after the time that was asked for,
/// and registering again begins that time anew.
///
/// # Examples
///
/// ```
/// use logos_crypto::tick::Tick;
/// use logos_node::delivery::Keypair;
/// use logos_node::discovery::{RendezvousPoint, WakuPeerRecord};
/// use logos_node::wire::{Registration, RendezvousRequest};
///
/// let key = Keypair::generate_secp256k1();
/// let peer = key.public().to_peer_id();
/// let record = WakuPeerRecord::new(peer, 1, vec!["/ip4/1.2.3.4/tcp/5".parse()?], None);
/// let registration = Registration::new("rs/1/store".to_owned(), record.seal(&key)?, Some(60));
/// let mut point = RendezvousPoint::default();
/// point.handle_request(Tick::ORIGIN, peer, RendezvousRequest::Register(registration));
/// assert_eq!(point.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct RendezvousPoint {
    /// By number, which grows with every registration.
    entries: BTreeMap<u64, Entry>,
    /// The number of each registration.
    // Invariant: names every entry, and nothing else.
    places: HashMap<(PeerId, String), u64>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    peer: PeerId,
    namespace: String,
    record: Vec<u8>,
    expires: Tick,
}

impl RendezvousPoint {
    /// Registrations of all peers.
    pub const MAX_REGISTRATIONS: usize = 4096;
    /// Registrations under one name.
    pub const MAX_IN_NAMESPACE: usize = 1024;
    /// Registrations of one peer.
    pub const MAX_OF_PEER: usize = 8;
    /// The longest name, in bytes.
    pub const MAX_NAMESPACE_BYTES: usize = 255;
    /// The shortest time that is registered for; also that of who does not say.
    pub const MIN_TTL: Duration = Duration::from_secs(60);
    /// The longest time that is registered for.
    pub const MAX_TTL: Duration = Duration::from_secs(2 * 3600);

    /// Does what a peer asks. Gives what to answer, if there is an answer. Costs at most one
    /// verification, and time linear in the registrations.
    ///
    /// # Security
    ///
    /// `peer` is who is at the other end of the connection; everything else is what it says.
    pub fn handle_request(
        &mut self,
        now: Tick,
        peer: PeerId,
        request: RendezvousRequest,
    ) -> Option<RendezvousResponse> {
        self.expire(now);
        match request {
            RendezvousRequest::Register(registration) => {
                Some(registered(self.register(now, peer, registration)))
            }
            RendezvousRequest::Unregister { namespace } => {
                self.forget(peer, namespace);
                None
            }
            RendezvousRequest::Discover { namespace, limit, cookie } => {
                Some(self.discover(now, namespace, limit, cookie.as_deref()))
            }
        }
    }

    /// How many registrations are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Is nobody registered?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn expire(&mut self, now: Tick) {
        let places = &mut self.places;
        self.entries.retain(|_, entry| {
            let stays = now < entry.expires;
            if !stays {
                places.remove(&(entry.peer, core::mem::take(&mut entry.namespace)));
            }
            stays
        });
    }

    /// Gives for how many seconds it is kept.
    fn register(
        &mut self,
        now: Tick,
        peer: PeerId,
        registration: Registration,
    ) -> Result<u64, RendezvousStatus> {
        let Registration { namespace, record, ttl } = registration;
        if namespace.is_empty() || namespace.len() > Self::MAX_NAMESPACE_BYTES {
            return Err(RendezvousStatus::InvalidNamespace);
        }
        let ttl = ttl.map_or(Self::MIN_TTL, Duration::from_secs);
        if !(Self::MIN_TTL..=Self::MAX_TTL).contains(&ttl) {
            return Err(RendezvousStatus::InvalidTtl);
        }
        self.check_room(peer, &namespace)?;
        let opened = WakuPeerRecord::open(&record).map_err(|_| RendezvousStatus::InvalidRecord)?;
        if opened.peer != peer {
            return Err(RendezvousStatus::InvalidRecord);
        }
        self.forget(peer, namespace.clone());
        self.places.insert((peer, namespace.clone()), self.next);
        let expires = now + ttl;
        self.entries.insert(self.next, Entry { peer, namespace, record, expires });
        self.next = self.next.saturating_add(1);
        Ok(ttl.as_secs())
    }

    /// Is there room for a registration? For one that is renewed there always is.
    fn check_room(&self, peer: PeerId, namespace: &str) -> Result<(), RendezvousStatus> {
        if self.places.contains_key(&(peer, namespace.to_owned())) {
            return Ok(());
        }
        let entries = || self.entries.values();
        if entries().filter(|entry| entry.peer == peer).count() >= Self::MAX_OF_PEER {
            return Err(RendezvousStatus::NotAuthorized);
        }
        let beside = entries().filter(|entry| entry.namespace == namespace).count();
        if self.entries.len() >= Self::MAX_REGISTRATIONS || beside >= Self::MAX_IN_NAMESPACE {
            return Err(RendezvousStatus::Unavailable);
        }
        Ok(())
    }

    fn forget(&mut self, peer: PeerId, namespace: String) {
        if let Some(number) = self.places.remove(&(peer, namespace)) {
            self.entries.remove(&number);
        }
    }

    fn discover(
        &self,
        now: Tick,
        namespace: Option<String>,
        limit: Option<u64>,
        cookie: Option<&[u8]>,
    ) -> RendezvousResponse {
        if namespace.as_ref().is_some_and(|name| name.len() > Self::MAX_NAMESPACE_BYTES) {
            return nothing(RendezvousStatus::InvalidNamespace);
        }
        let Ok(mut offset) = self.offset(namespace.as_deref(), cookie) else {
            return nothing(RendezvousStatus::InvalidCookie);
        };
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.unwrap_or(usize::MAX).min(RendezvousResponse::MAX_REGISTRATIONS);
        let wanted = |entry: &Entry| namespace.as_ref().is_none_or(|name| *name == entry.namespace);
        let later = self.entries.range(offset..).filter(|(_, entry)| wanted(entry));
        let mut registrations = Vec::new();
        for (number, entry) in later.take(limit) {
            registrations.push(entry.registration(now));
            offset = number.saturating_add(1);
        }
        RendezvousResponse::Discovered {
            registrations,
            cookie: Some(RendezvousCookie::new(offset, namespace).encode()),
            status: RendezvousStatus::Ok,
            text: None,
        }
    }

    /// Where to go on. A cookie of something else, or from before this point began, is one of nothing:
    /// then everything is given, as the deployed points do.
    fn offset(&self, namespace: Option<&str>, cookie: Option<&[u8]>) -> Result<u64, ()> {
        let Some(cookie) = cookie else { return Ok(0) };
        let cookie = RendezvousCookie::decode(cookie).map_err(|_| ())?;
        let is_ours = cookie.namespace.as_deref() == namespace && cookie.offset <= self.next;
        Ok(if is_ours { cookie.offset } else { 0 })
    }
}

impl Entry {
    fn registration(&self, now: Tick) -> Registration {
        let left = self.expires.since_origin().saturating_sub(now.since_origin());
        Registration::new(self.namespace.clone(), self.record.clone(), Some(left.as_secs()))
    }
}

fn registered(done: Result<u64, RendezvousStatus>) -> RendezvousResponse {
    match done {
        Ok(ttl) => RendezvousResponse::Registered {
            status: RendezvousStatus::Ok,
            text: None,
            ttl: Some(ttl),
        },
        Err(status) => RendezvousResponse::Registered { status, text: None, ttl: None },
    }
}

const fn nothing(status: RendezvousStatus) -> RendezvousResponse {
    RendezvousResponse::Discovered { registrations: Vec::new(), cookie: None, status, text: None }
}

#[cfg(test)]
mod tests;
