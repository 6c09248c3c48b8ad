//! Asking peers.

use libp2p::PeerId;

use crate::delivery::filter::{FilterAsk, FilterFailure};
use crate::delivery::framed::{self, ExchangeError};
#[cfg(feature = "rendezvous")]
use crate::delivery::protocols::{Capability, WAKU_RENDEZVOUS};
use crate::delivery::protocols::{FILTER, LIGHTPUSH, PEER_EXCHANGE, STORE};
use crate::delivery::send::PushFailure;
use crate::delivery::streams::Opener;
use crate::discovery::{Enr, EnrError};
#[cfg(feature = "rendezvous")]
use crate::discovery::{RecordError, RendezvousVisitor, Visit, Visited, WakuPeerRecord};
use crate::wire::{
    FilterRequest, FilterResponse, LightPushRequest, LightPushResponse, MessageHash, PeerExchange,
    StoreRequest, StoreResponse, status,
};
#[cfg(feature = "rendezvous")]
use crate::wire::{RendezvousRequest, RendezvousResponse, RendezvousStatus};

/// Peers that are tried for one request.
const MAX_TRIES: usize = 3;

/// Peers with what came of asking them: did it work?
pub(in crate::delivery) type Tried = Vec<(PeerId, bool)>;

/// Publishes through the first peer that will.
pub(in crate::delivery) async fn push(
    opener: Opener,
    peers: Vec<PeerId>,
    request: LightPushRequest,
) -> (Result<usize, PushFailure>, Tried) {
    let mut tried = Tried::new();
    let mut failure = PushFailure::Unreachable;
    for peer in peers.into_iter().take(MAX_TRIES) {
        let asked = framed::ask(&opener, peer, LIGHTPUSH, &request).await;
        let accepted = asked.map(|response: LightPushResponse| response.accepted_by());
        tried.push((peer, matches!(accepted, Ok(Ok(_)))));
        match accepted {
            Ok(Ok(peers)) => return (Ok(usize::try_from(peers).unwrap_or(usize::MAX)), tried),
            // A verdict on the message is the same everywhere.
            Ok(Err(code)) => {
                failure = PushFailure::Status(code);
                if matches!(code, status::INVALID_MESSAGE | status::TOO_LARGE) {
                    break;
                }
            }
            Err(_) => {}
        }
    }
    (Err(failure), tried)
}

/// Asks a peer to filter for us.
pub(in crate::delivery) async fn subscribe(
    opener: Opener,
    ask: FilterAsk,
) -> Result<(), FilterFailure> {
    let request = FilterRequest {
        request_id: "filter".to_owned(),
        verb: ask.verb,
        pubsub_topic: ask.pubsub_topic.map(|topic| topic.to_string()),
        content_topics: ask.content_topics,
    };
    let asked = framed::ask(&opener, ask.peer, FILTER, &request).await;
    match asked.map(|response: FilterResponse| response.status) {
        Ok(status::OK) => Ok(()),
        Ok(code) => Err(FilterFailure::Status(code)),
        Err(_) => Err(FilterFailure::Unreachable),
    }
}

/// Asks the first store that answers which of the messages it has.
pub(in crate::delivery) async fn check(
    opener: Opener,
    peers: Vec<PeerId>,
    hashes: Vec<MessageHash>,
) -> (Vec<MessageHash>, Tried) {
    let request = StoreRequest { request_id: "check".to_owned(), ..StoreRequest::which(hashes) };
    let (response, tried) = query(opener, peers, request).await;
    let entries = response.map(|response| response.messages).unwrap_or_default();
    (entries.into_iter().map(|entry| entry.hash).collect(), tried)
}

/// Asks the first store that answers.
pub(in crate::delivery) async fn query(
    opener: Opener,
    peers: Vec<PeerId>,
    request: StoreRequest,
) -> (Result<StoreResponse, ExchangeError>, Tried) {
    let mut tried = Tried::new();
    let mut failure = ExchangeError::Broken;
    for peer in peers.into_iter().take(MAX_TRIES) {
        match framed::ask(&opener, peer, STORE, &request).await {
            Ok(response) => {
                let response: StoreResponse = response;
                let answered = matches!(response.status, status::OK | status::BAD_REQUEST);
                tried.push((peer, answered));
                if answered {
                    return (Ok(response), tried);
                }
            }
            Err(error) => {
                tried.push((peer, false));
                failure = error;
            }
        }
    }
    (Err(failure), tried)
}

/// Records that a peer gave, each checked; those that do not count are `Err`.
pub(in crate::delivery) type Given = Vec<Result<Enr, EnrError>>;

/// Asks a peer for records of others.
pub(in crate::delivery) async fn exchange(
    opener: Opener,
    peer: PeerId,
    wanted: u64,
) -> (Given, Tried) {
    let query = PeerExchange::Query { peers: wanted };
    match framed::ask(&opener, peer, PEER_EXCHANGE, &query).await {
        Ok(PeerExchange::Response { records, .. }) => {
            let given = records.iter().take(PeerExchange::MAX_RECORDS);
            (given.map(|record| Enr::decode(record)).collect(), vec![(peer, true)])
        }
        // A question is no answer.
        Ok(PeerExchange::Query { .. }) | Err(_) => (Given::new(), vec![(peer, false)]),
    }
}

/// Records that a point of rendezvous gave, each with the service it is registered for and checked.
#[cfg(feature = "rendezvous")]
pub(in crate::delivery) type Found = Vec<(Capability, Result<WakuPeerRecord, RecordError>)>;

/// Goes to a point of rendezvous; what it does not answer it did not take or give.
#[cfg(feature = "rendezvous")]
pub(in crate::delivery) async fn visit(opener: Opener, visit: Visit) -> (Visited, Found) {
    let (point, mut took_all) = (visit.point, true);
    for request in &visit.told {
        took_all &= tell(&opener, point, request).await;
    }
    let (mut answers, mut found) = (Vec::new(), Found::new());
    for (service, question) in visit.asked {
        let asked = framed::ask(&opener, point, WAKU_RENDEZVOUS, &question).await;
        if let Ok(RendezvousResponse::Discovered { registrations, cookie, .. }) = asked {
            answers.push((service, registrations.len(), cookie));
            let wanted = registrations.iter().take(RendezvousVisitor::WANTED);
            found.extend(wanted.map(|each| (service, WakuPeerRecord::open(&each.record))));
        }
    }
    (Visited { point, took_all, answers }, found)
}

/// Was it taken?
#[cfg(feature = "rendezvous")]
async fn tell(opener: &Opener, point: PeerId, request: &RendezvousRequest) -> bool {
    if matches!(request, RendezvousRequest::Unregister { .. }) {
        return framed::tell(opener, point, WAKU_RENDEZVOUS, request).await.is_ok();
    }
    let told = framed::ask(opener, point, WAKU_RENDEZVOUS, request).await;
    matches!(told, Ok(RendezvousResponse::Registered { status: RendezvousStatus::Ok, .. }))
}
