//! Targets for the records and lists that peers are found by.

use std::time::Duration;

use logos_crypto::tick::Tick;
use logos_node::delivery::{Capability, Keypair, PeerId};
use logos_node::discovery::{
    Directory, Enr, PeerRecord, RendezvousPoint, Sighting, Source, TreeLink, TreeWalk,
    WakuPeerRecord,
};
use logos_node::wire::{Registration, RendezvousRequest, RendezvousResponse, Wire};

/// Decodes a node's record, from bytes and from text: what decodes is within its bound, is written as
/// it was read, and its addresses can be computed.
///
/// # Panics
///
/// If that does not hold.
pub fn enr(data: &[u8]) {
    let text = core::str::from_utf8(data).ok().and_then(|text| text.parse::<Enr>().ok());
    for record in Enr::decode(data).ok().into_iter().chain(text) {
        assert!(record.as_bytes().len() <= Enr::MAX_BYTES);
        assert_eq!(record.to_string().parse().as_ref(), Ok(&record));
        assert_eq!(Enr::decode(record.as_bytes()).as_ref(), Ok(&record));
        assert!(record.addresses().len() <= Enr::MAX_BYTES);
    }
}

/// Opens a peer's record in its envelope.
///
/// # Panics
///
/// If the addresses of what opens cannot be computed.
pub fn peer_record(data: &[u8]) {
    if let Ok(record) = PeerRecord::open(data) {
        assert!(data.len() <= PeerRecord::MAX_SEALED_BYTES);
        assert_eq!(record.addresses_with_id().len(), record.addresses.len());
    }
}

/// Opens a record of the deployed network in its envelope: what opens is within its bound, and leads
/// somewhere.
///
/// # Panics
///
/// If that does not hold.
pub fn waku_record(data: &[u8]) {
    if let Ok(record) = WakuPeerRecord::open(data) {
        assert!(data.len() <= WakuPeerRecord::MAX_SEALED_BYTES);
        assert!(!record.addresses.is_empty());
        assert_eq!(record.addresses_with_id().len(), record.addresses.len());
    }
}

/// Takes the bytes as what three peers ask of a point of rendezvous, each request behind a byte that
/// says who asks and one of length; an empty one registers its peer. The point stays in its bounds,
/// gives nothing but what a peer registered for itself, and forgets it in time.
///
/// # Panics
///
/// If that does not hold.
pub fn rendezvous_point(data: &[u8]) {
    let keys = [1, 2, 3].map(|byte| Keypair::ed25519_from_bytes([byte; 32]).expect("32 bytes"));
    let (mut point, mut now, mut rest) = (RendezvousPoint::default(), Tick::ORIGIN, data);
    for _ in 0..12 {
        let [who, length, tail @ ..] = rest else { break };
        let (bytes, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        now = now + Duration::from_secs(u64::from(who / 3));
        let key = &keys[usize::from(who % 3)];
        let request = match bytes {
            [] => Ok(registering(key, *who)),
            bytes => RendezvousRequest::decode(bytes),
        };
        let Ok(request) = request else { continue };
        let answer = point.handle_request(now, key.public().to_peer_id(), request);
        if let Some(answer) = answer {
            assert_eq!(RendezvousResponse::decode(&answer.encode()).as_ref(), Ok(&answer));
        }
        assert!(point.len() <= keys.len() * RendezvousPoint::MAX_OF_PEER);
    }
    let everything = || RendezvousRequest::Discover { namespace: None, limit: None, cookie: None };
    let nobody = peer(0, 0);
    let given = point.handle_request(now, nobody, everything());
    let Some(RendezvousResponse::Discovered { registrations, .. }) = given else {
        panic!("{given:?}")
    };
    assert_eq!(registrations.len(), point.len());
    for registration in registrations {
        let record = WakuPeerRecord::open(&registration.record).expect("it was looked at");
        assert!(keys.iter().any(|key| key.public().to_peer_id() == record.peer));
        let left = registration.ttl.map(Duration::from_secs);
        assert!(left.is_some_and(|left| left <= RendezvousPoint::MAX_TTL));
    }
    let late = now + RendezvousPoint::MAX_TTL;
    assert!(point.handle_request(late, nobody, everything()).is_some());
    assert!(point.is_empty());
}

fn registering(key: &Keypair, name: u8) -> RendezvousRequest {
    let address = "/ip4/1.2.3.4/tcp/5".parse().expect("an address");
    let record = WakuPeerRecord::new(key.public().to_peer_id(), 1, vec![address], None);
    let sealed = record.seal(key).expect("it is short");
    RendezvousRequest::Register(Registration::new(name.to_string(), sealed, None))
}

/// The key of EIP-1459's example.
const LINK: &str =
    "enrtree://AKPYQIUQIL7PSIACI32J7FGZW56E5FKHEFCCOFHILBIMW3M6LWXS2@nodes.example.org";

/// Walks a tree whose name system answers every question with the lines of the text: it ends, and
/// within its bounds.
///
/// # Panics
///
/// If it does not.
pub fn tree(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let texts: Vec<String> = text.lines().map(str::to_owned).collect();
    let link: TreeLink = LINK.parse().expect("the example is one");
    let mut walk = TreeWalk::new(link, 0);
    let mut asked = 0;
    while let Some(question) = walk.poll_output() {
        asked += 1;
        assert!(question.name().len() <= 253);
        // What is wrong is told, and the walk goes on.
        walk.handle_answer(question, &texts).ok();
    }
    assert!(asked <= TreeWalk::MAX_QUESTIONS);
    assert!(walk.into_records().len() <= asked);
    if let Some(Ok(link)) = texts.first().map(|text| text.parse::<TreeLink>()) {
        assert_eq!(link.to_string().parse(), Ok(link));
    }
}

/// Takes the bytes as what is heard of peers, from where, and who is not reached: a directory stays
/// in its bounds, names no peer twice from one place, and nobody who is to be left alone.
///
/// # Panics
///
/// If that does not hold.
pub fn directory(data: &[u8]) {
    const SOURCES: [Source; 2] = [Source::Kademlia, Source::Rendezvous];
    let (mut directory, mut now) = (Directory::default(), Tick::ORIGIN);
    for step in data.chunks_exact(4).take(64) {
        let [choice, number, seq, count] = [step[0], step[1], step[2], step[3]];
        match choice % 4 {
            0 | 1 => {
                let source = SOURCES[usize::from(choice % 2)];
                for number in (0..=count).map(|each| number.wrapping_add(each)) {
                    directory.handle_sighting(now, sighting(number, choice, seq, source));
                }
            }
            2 => {
                directory.handle_failure(now, &peer(number, choice));
                let left = directory.who_offers(now, Capability::Store);
                assert!(left.into_iter().all(|each| each.peer != peer(number, choice)));
            }
            _ => now = now + Duration::from_secs(u64::from(seq) * u64::from(count)),
        }
        assert!(directory.len() <= SOURCES.len() * Directory::MAX_PEERS);
        let offering: Vec<_> = directory.who_offers(now, Capability::Store).collect();
        let mut named: Vec<_> = offering.iter().map(|each| (each.peer, each.source)).collect();
        named.sort_unstable_by_key(|(peer, source)| (*peer, *source == SOURCES[0]));
        named.dedup();
        assert_eq!(named.len(), offering.len());
        assert!(offering.iter().all(|each| each.addresses.len() <= Directory::MAX_ADDRESSES));
    }
}

fn sighting(number: u8, folder: u8, seq: u8, source: Source) -> Sighting {
    let address = "/ip4/1.2.3.4/tcp/5".parse().expect("an address");
    let addresses = vec![address; usize::from(number % 16)];
    let offers = [Capability::Store].into_iter().filter(|_| !number.is_multiple_of(5));
    let record = PeerRecord::new(peer(number, folder), seq.into(), addresses, offers);
    Sighting::of_record(&record, source)
}

/// One of 2^14 peers.
fn peer(number: u8, folder: u8) -> PeerId {
    // The multihash of a key that is its own digest.
    let key = [&[0, 36, 8, 1, 18, 32][..], &[number; 31], &[folder / 4]].concat();
    PeerId::from_bytes(&key).expect("a multihash")
}
