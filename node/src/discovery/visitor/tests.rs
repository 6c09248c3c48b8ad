use libp2p::identity::Keypair;

use super::*;
use crate::discovery::{RendezvousPoint, WakuPeerRecord};
use crate::wire::{RendezvousResponse, RendezvousStatus};

fn at(seconds: u64) -> Tick {
    Tick::new(Duration::from_secs(seconds))
}

fn sealed(key: &Keypair, seq: u64) -> Vec<u8> {
    let address = "/ip4/1.2.3.4/tcp/5".parse().unwrap();
    let peer = key.public().to_peer_id();
    WakuPeerRecord::new(peer, seq, vec![address], None).seal(key).unwrap()
}

/// A node that is registered by a visitor, at a point that answers at once.
struct Visiting {
    key: Keypair,
    visitor: RendezvousVisitor,
    point: (PeerId, RendezvousPoint),
}

impl Visiting {
    fn new(number: u8) -> Self {
        let key = Keypair::ed25519_from_bytes([number; 32]).unwrap();
        let mut visitor = RendezvousVisitor::new(1);
        visitor.handle_own(Some(sealed(&key, 1)), &[Capability::Relay, Capability::Metadata]);
        Self { key, visitor, point: (PeerId::random(), RendezvousPoint::default()) }
    }

    /// Makes the visits of one look. Gives how often the point was told something, and what it gave.
    fn look(&mut self, now: Tick, wanted: &[Capability]) -> (usize, Vec<Registration>) {
        let (mut told, mut found) = (0, Vec::new());
        let me = self.key.public().to_peer_id();
        self.visitor.handle_look(now, &[self.point.0], wanted);
        while let Some(visit) = self.visitor.poll_output() {
            let point = &mut self.point.1;
            told += visit.told.len();
            let mut answers = Vec::new();
            for request in visit.told {
                let refused = matches!(
                    point.handle_request(now, me, request),
                    Some(RendezvousResponse::Registered { status, .. })
                        if status != RendezvousStatus::Ok
                );
                assert!(!refused);
            }
            for (capability, request) in visit.asked {
                let answer = point.handle_request(now, me, request);
                let Some(RendezvousResponse::Discovered { registrations, cookie, .. }) = answer
                else {
                    panic!("{answer:?}")
                };
                answers.push((capability, registrations.len(), cookie));
                found.extend(registrations);
            }
            let visited = Visited { point: visit.point, took_all: true, answers };
            self.visitor.handle_visited(now, visited);
        }
        (told, found)
    }
}

#[test]
fn a_node_stays_registered_for_as_long_as_it_is_reached() {
    let mut node = Visiting::new(1);
    for second in 0..1000 {
        let (told, found) = node.look(at(second), &[Capability::Relay]);
        assert_eq!(told, usize::from(second % 60 == 0));
        assert_eq!(found.len(), 1, "at {second}");
    }
    // A new record goes out at once, and none takes the old one back.
    node.visitor.handle_own(Some(sealed(&node.key, 2)), &[Capability::Relay, Capability::Store]);
    assert_eq!(node.look(at(1001), &[]).0, 2);
    let (told, found) = node.look(at(1002), &[Capability::Store]);
    assert_eq!((told, &found[0].record), (0, &sealed(&node.key, 2)));
    node.visitor.handle_own(None, &[]);
    assert_eq!(node.look(at(1003), &[]).0, SERVICES.len());
    assert!(node.point.1.is_empty());
    assert_eq!(node.look(at(1004), &[]), (0, Vec::new()));
}

#[test]
fn everybody_is_found_page_by_page_and_then_again() {
    let mut node = Visiting::new(1);
    node.visitor.handle_own(None, &[]);
    for number in 2..32 {
        let mut other = Visiting::new(number);
        core::mem::swap(&mut other.point, &mut node.point);
        other.look(at(0), &[]);
        core::mem::swap(&mut other.point, &mut node.point);
    }
    let mut pages = Vec::new();
    for second in 1..6 {
        pages.push(node.look(at(second), &[Capability::Relay]).1);
    }
    let lengths: Vec<_> = pages.iter().map(Vec::len).collect();
    assert_eq!(lengths, [12, 12, 6, 12, 12]);
    assert_eq!(
        pages[0],
        pages[3]
            .iter()
            .map(|each| { Registration { ttl: each.ttl.map(|ttl| ttl + 3), ..each.clone() } })
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_point_is_visited_once_at_a_time_and_a_refusal_is_tried_again() {
    let mut node = Visiting::new(1);
    let point = node.point.0;
    node.visitor.handle_look(at(0), &[point], &[]);
    assert!(node.visitor.poll_output().is_some());
    node.visitor.handle_look(at(1), &[point], &[Capability::Store]);
    assert_eq!(node.visitor.poll_output(), None);
    let refused = Visited { point, took_all: false, answers: Vec::new() };
    node.visitor.handle_visited(at(2), refused);
    node.visitor.handle_look(at(3), &[point], &[]);
    assert_eq!(node.visitor.poll_output().map(|visit| visit.told.len()), Some(1));
    // What changed meanwhile is told next.
    node.visitor.handle_own(Some(vec![1]), &[Capability::Store]);
    let done = Visited { point, took_all: true, answers: Vec::new() };
    node.visitor.handle_visited(at(4), done);
    node.visitor.handle_look(at(5), &[point], &[]);
    let told = node.visitor.poll_output().unwrap().told;
    let expected = Registration::new("rs/1/store".to_owned(), vec![1], Some(120));
    assert_eq!(told, [RendezvousRequest::Register(expected)]);
}

#[test]
fn few_points_are_visited_and_those_that_are_gone_are_forgotten() {
    let mut node = Visiting::new(1);
    let points: Vec<_> = (0..9).map(|_| PeerId::random()).collect();
    node.visitor.handle_look(at(0), &points, &[Capability::Store]);
    let visits: Vec<_> = core::iter::from_fn(|| node.visitor.poll_output()).collect();
    assert_eq!(visits.len(), RendezvousVisitor::MAX_POINTS);
    for visit in visits {
        let cookie = Some(vec![1; RendezvousCookie::MAX_BYTES]);
        let answers = vec![(Capability::Store, RendezvousVisitor::WANTED, cookie)];
        node.visitor.handle_visited(at(0), Visited { point: visit.point, took_all: true, answers });
    }
    assert_eq!((node.visitor.registered.len(), node.visitor.cookies.len()), (3, 3));
    node.visitor.handle_look(at(1), &[], &[]);
    assert!(node.visitor.registered.is_empty() && node.visitor.cookies.is_empty());
    let long = Some(vec![1; RendezvousCookie::MAX_BYTES + 1]);
    let answers = vec![(Capability::Store, RendezvousVisitor::WANTED, long)];
    node.visitor.handle_look(at(2), &points, &[]);
    node.visitor.handle_visited(at(2), Visited { point: points[0], took_all: true, answers });
    assert!(node.visitor.cookies.is_empty());
}
