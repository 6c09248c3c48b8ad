use std::collections::HashSet;

use libp2p::identity::Keypair;
use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Tick {
    Tick::new(Duration::from_secs(seconds))
}

fn keypair(number: u8) -> Keypair {
    Keypair::ed25519_from_bytes([number; 32]).unwrap()
}

fn peer(number: u8) -> PeerId {
    keypair(number).public().to_peer_id()
}

fn record(number: u8) -> Vec<u8> {
    let address = "/ip4/1.2.3.4/tcp/5".parse().unwrap();
    let record = WakuPeerRecord::new(peer(number), 1, vec![address], None);
    record.seal(&keypair(number)).unwrap()
}

fn register(
    point: &mut RendezvousPoint,
    now: Tick,
    number: u8,
    namespace: &str,
    ttl: Option<u64>,
) -> RendezvousStatus {
    let registration = Registration::new(namespace.to_owned(), record(number), ttl);
    let request = RendezvousRequest::Register(registration);
    match point.handle_request(now, peer(number), request) {
        Some(RendezvousResponse::Registered { status, .. }) => status,
        other => panic!("{other:?}"),
    }
}

type Page = (Vec<Registration>, Option<Vec<u8>>);

fn discover(
    point: &mut RendezvousPoint,
    now: Tick,
    namespace: Option<&str>,
    limit: u64,
    cookie: Option<Vec<u8>>,
) -> Result<Page, RendezvousStatus> {
    let namespace = namespace.map(str::to_owned);
    let request = RendezvousRequest::Discover { namespace, limit: Some(limit), cookie };
    match point.handle_request(now, peer(0), request) {
        Some(RendezvousResponse::Discovered {
            registrations,
            cookie,
            status: RendezvousStatus::Ok,
            ..
        }) => Ok((registrations, cookie)),
        Some(RendezvousResponse::Discovered { status, .. }) => Err(status),
        other => panic!("{other:?}"),
    }
}

fn count(point: &mut RendezvousPoint, now: Tick, namespace: &str) -> usize {
    discover(point, now, Some(namespace), 64, None).unwrap().0.len()
}

#[test]
fn a_registration_is_given_until_its_time_is_up() {
    let mut point = RendezvousPoint::default();
    assert_eq!(register(&mut point, at(0), 1, "rs/1/mix", Some(90)), RendezvousStatus::Ok);
    let (found, _) = discover(&mut point, at(30), Some("rs/1/mix"), 9, None).unwrap();
    assert_eq!(found, [Registration::new("rs/1/mix".to_owned(), record(1), Some(60))]);
    assert_eq!(count(&mut point, at(30), "rs/2/mix"), 0);
    assert_eq!((count(&mut point, at(89), "rs/1/mix"), point.len()), (1, 1));
    assert_eq!((count(&mut point, at(90), "rs/1/mix"), point.len()), (0, 0));
    assert_eq!(point.places.len(), 0);
}

#[test]
fn registering_again_begins_the_time_anew_and_takes_no_room() {
    let mut point = RendezvousPoint::default();
    for second in [0, 50, 100] {
        assert_eq!(register(&mut point, at(second), 1, "a", None), RendezvousStatus::Ok);
    }
    assert_eq!((count(&mut point, at(159), "a"), point.len()), (1, 1));
    let forget = RendezvousRequest::Unregister { namespace: "a".to_owned() };
    // Nobody else's word counts.
    assert_eq!(point.handle_request(at(159), peer(2), forget.clone()), None);
    assert_eq!(count(&mut point, at(159), "a"), 1);
    assert_eq!(point.handle_request(at(159), peer(1), forget), None);
    assert_eq!((count(&mut point, at(159), "a"), point.is_empty()), (0, true));
}

#[test]
fn what_is_wrong_is_refused_and_changes_nothing() {
    let mut point = RendezvousPoint::default();
    let long = "n".repeat(RendezvousPoint::MAX_NAMESPACE_BYTES + 1);
    for (namespace, ttl, status) in [
        ("", Some(60), RendezvousStatus::InvalidNamespace),
        (&*long, Some(60), RendezvousStatus::InvalidNamespace),
        ("a", Some(59), RendezvousStatus::InvalidTtl),
        ("a", Some(7201), RendezvousStatus::InvalidTtl),
        ("a", Some(u64::MAX), RendezvousStatus::InvalidTtl),
    ] {
        assert_eq!(register(&mut point, at(0), 1, namespace, ttl), status);
    }
    for bytes in [record(2), vec![1, 2, 3]] {
        let registration = Registration::new("a".to_owned(), bytes, Some(60));
        let request = RendezvousRequest::Register(registration);
        let refused = registered(Err(RendezvousStatus::InvalidRecord));
        assert_eq!(point.handle_request(at(0), peer(1), request), Some(refused));
    }
    let discovered = discover(&mut point, at(0), Some(&long), 1, None);
    assert_eq!(discovered, Err(RendezvousStatus::InvalidNamespace));
    let discovered = discover(&mut point, at(0), None, 1, Some(vec![0xff]));
    assert_eq!(discovered, Err(RendezvousStatus::InvalidCookie));
    assert!(point.is_empty());
}

#[test]
fn a_cookie_goes_on_where_the_last_answer_ended() {
    let mut point = RendezvousPoint::default();
    for number in 1..=5 {
        register(&mut point, at(0), number, "a", None);
    }
    register(&mut point, at(0), 1, "b", None);
    let (mut cookie, mut seen) = (None, Vec::new());
    for expected in [2, 2, 1, 0] {
        let (found, next) = discover(&mut point, at(1), Some("a"), 2, cookie).unwrap();
        assert_eq!(found.len(), expected);
        seen.extend(found.into_iter().map(|each| each.record));
        cookie = next;
    }
    assert_eq!(seen, (1..=5).map(record).collect::<Vec<_>>());
    // What came since is given; with the cookie of something else everything is.
    register(&mut point, at(1), 3, "a", None);
    let (found, _) = discover(&mut point, at(1), Some("a"), 9, cookie.clone()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(discover(&mut point, at(1), Some("b"), 9, cookie.clone()).unwrap().0.len(), 1);
    assert_eq!(discover(&mut point, at(1), None, 9, cookie).unwrap().0.len(), 6);
    // That of an earlier life of the point.
    let stale = RendezvousCookie::new(u64::MAX, Some("a".to_owned())).encode();
    assert_eq!(discover(&mut point, at(1), Some("a"), 9, Some(stale)).unwrap().0.len(), 5);
}

#[test]
fn a_peer_has_so_many_registrations_and_can_renew_them() {
    let mut point = RendezvousPoint::default();
    for index in 0..RendezvousPoint::MAX_OF_PEER {
        assert_eq!(register(&mut point, at(0), 1, &index.to_string(), None), RendezvousStatus::Ok);
    }
    assert_eq!(register(&mut point, at(0), 1, "more", None), RendezvousStatus::NotAuthorized);
    assert_eq!(register(&mut point, at(0), 1, "3", None), RendezvousStatus::Ok);
    assert_eq!(register(&mut point, at(0), 2, "more", None), RendezvousStatus::Ok);
}

/// Entries of peers that do not exist, as making thousands of signatures would take long.
fn fill(point: &mut RendezvousPoint, namespace: &str, count: usize) {
    for _ in 0..count {
        let (peer, namespace) = (PeerId::random(), namespace.to_owned());
        point.places.insert((peer, namespace.clone()), point.next);
        let entry = Entry { peer, namespace, record: Vec::new(), expires: at(60) };
        point.entries.insert(point.next, entry);
        point.next += 1;
    }
}

#[test]
fn there_is_so_much_room_under_a_name_and_in_all() {
    let mut point = RendezvousPoint::default();
    fill(&mut point, "a", RendezvousPoint::MAX_IN_NAMESPACE);
    assert_eq!(register(&mut point, at(0), 1, "a", None), RendezvousStatus::Unavailable);
    assert_eq!(register(&mut point, at(0), 1, "b", None), RendezvousStatus::Ok);
    for index in 0.. {
        let room = RendezvousPoint::MAX_REGISTRATIONS - point.len();
        if room == 0 {
            break;
        }
        let count = room.min(RendezvousPoint::MAX_IN_NAMESPACE);
        fill(&mut point, &format!("filler {index}"), count);
    }
    assert_eq!(register(&mut point, at(0), 2, "c", None), RendezvousStatus::Unavailable);
    // Renewing needs no room, and time makes some.
    assert_eq!(register(&mut point, at(0), 1, "b", Some(120)), RendezvousStatus::Ok);
    assert_eq!(register(&mut point, at(60), 2, "c", None), RendezvousStatus::Ok);
    assert_eq!(point.len(), 2);
}

#[test]
fn an_answer_has_so_many_registrations_and_fits_what_is_read() {
    let mut point = RendezvousPoint::default();
    let namespace = "n".repeat(RendezvousPoint::MAX_NAMESPACE_BYTES);
    fill(&mut point, &namespace, 100);
    for entry in point.entries.values_mut() {
        entry.record = vec![0; WakuPeerRecord::MAX_SEALED_BYTES];
    }
    let request = RendezvousRequest::Discover { namespace: None, limit: None, cookie: None };
    let response = point.handle_request(at(0), peer(0), request).unwrap();
    assert_eq!(RendezvousResponse::decode(&response.encode()), Ok(response.clone()));
    let RendezvousResponse::Discovered { registrations, .. } = response else { panic!() };
    assert_eq!(registrations.len(), RendezvousResponse::MAX_REGISTRATIONS);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Beside a list of who registered where, and until when.
    #[test]
    fn what_is_given_is_what_was_registered(
        steps in proptest::collection::vec((0_u8..3, 1_u8..6, 0_u8..3, 0_u64..90), 1..40),
    ) {
        let names = ["a", "b", "c"];
        let (mut point, mut now) = (RendezvousPoint::default(), 0);
        let mut model: HashMap<(u8, &str), u64> = HashMap::new();
        for (kind, number, name, seconds) in steps {
            let name = names[usize::from(name)];
            now += seconds / 3;
            model.retain(|_, expires| *expires > now);
            match kind {
                0 => {
                    let forget = RendezvousRequest::Unregister { namespace: name.to_owned() };
                    point.handle_request(at(now), peer(number), forget);
                    model.remove(&(number, name));
                }
                _ => {
                    register(&mut point, at(now), number, name, Some(60 + seconds));
                    model.insert((number, name), now + 60 + seconds);
                }
            }
            for name in names {
                let (found, _) = discover(&mut point, at(now), Some(name), 64, None).unwrap();
                let found: HashSet<_> =
                    found.into_iter().map(|each| (each.record, each.ttl)).collect();
                let expected = model.iter().filter(|((_, each), _)| *each == name);
                let expected: HashSet<_> = expected
                    .map(|((number, _), expires)| (record(*number), Some(expires - now)))
                    .collect();
                prop_assert_eq!(found, expected);
            }
            prop_assert_eq!((point.entries.len(), point.places.len()), (model.len(), model.len()));
        }
    }
}
