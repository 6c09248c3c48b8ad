use core::num::NonZeroU16;

use proptest::prelude::*;

use super::*;
use crate::hex;

const PAYLOAD: &[u8] = b"\x01\x02\x03\x04TEST\x05\x06\x07\x08";
const TOPIC: &str = "/waku/2/default-content/proto";

fn sent(payload: &[u8], meta: &[u8]) -> WakuMessage {
    WakuMessage {
        meta: meta.to_vec(),
        timestamp: UnixNanos::new(0x1757_89bf_a23f_8400),
        ..WakuMessage::new(TOPIC, payload.to_vec())
    }
}

/// LIP 14, test vectors of the deterministic hash.
#[test]
fn messages_have_the_published_names() {
    let counting: Vec<u8> = (0..64).collect();
    let vectors: [(&[u8], &[u8], &str); 4] = [
        (
            PAYLOAD,
            b"super-secret",
            "64cce733fed134e83da02b02c6f689814872b1a0ac97ea56b76095c3c72bfe05",
        ),
        (PAYLOAD, &counting, "7158b6498753313368b9af8f6e0a0a05104f68f972981da42a43bc53fb0c1b27"),
        (PAYLOAD, b"", "a2554498b31f5bcdfcbf7fa58ad1c2d45f0254f3f8110a85588ec3cf10720fd8"),
        (b"", b"super-secret", "483ea950cb63f9b9d6926b262bb36194d3f40a0463ce8446228350bd44e96de4"),
    ];
    for (payload, meta, name) in vectors {
        let hash = sent(payload, meta).hash("/waku/2/default-waku/proto");
        assert_eq!(hash.to_string(), name);
    }
}

/// LIP 51's examples, as the deployed nodes shard them.
#[test]
fn content_topics_have_the_published_shards() {
    let network = Sharding::new(1, NonZeroU16::new(8).unwrap());
    let vectors = [
        ("myapp", "1", 0),
        ("waku", "2", 1),
        ("app", "22", 2),
        ("toychat", "2", 3),
        ("statusim", "1", 4),
        ("app", "27", 5),
        ("app", "29", 6),
        ("app", "20", 7),
    ];
    for (application, version, shard) in vectors {
        let short = format!("/{application}/{version}/anything/proto").parse().unwrap();
        let long = format!("/0/{application}/{version}/other/rfc26").parse().unwrap();
        assert_eq!(network.shard(&short), shard);
        assert_eq!(network.shard(&long), shard);
    }
}

#[test]
fn where_the_specification_and_the_network_differ_the_network_is_followed() {
    let of_seven = Sharding::new(1, NonZeroU16::new(7).unwrap());
    assert_eq!(of_seven.shard(&"/myapp/1/a/b".parse().unwrap()), 1);
}

#[test]
fn an_empty_message_is_written_with_all_its_fields() {
    let bytes = WakuMessage::default().encode();
    assert_eq!(hex::encode(&bytes), "0a001200180050005a00aa0100f80100");
    assert_eq!(WakuMessage::decode(&bytes), Ok(WakuMessage::default()));
}

#[test]
fn a_full_message_is_written_field_after_field() {
    let message = WakuMessage {
        version: 300,
        timestamp: UnixNanos::new(-2),
        meta: vec![0xee],
        rate_limit_proof: vec![1, 2, 3],
        ephemeral: true,
        ..WakuMessage::new("/a/1/b/c", vec![0xff])
    };
    assert_eq!(
        hex::encode(&message.encode()),
        "0a01ff12082f612f312f622f6318ac0250035a01eeaa0103010203f80101"
    );
}

#[test]
fn a_message_without_payload_or_topic_is_refused() {
    assert_eq!(WakuMessage::decode(&[0x12, 0]), Err(WireError::Missing { field: 1 }));
    assert_eq!(WakuMessage::decode(&[0x0a, 0]), Err(WireError::Missing { field: 2 }));
}

#[test]
fn bounds_are_kept() {
    let long_meta = WakuMessage { meta: vec![0; 65], ..WakuMessage::default() };
    assert_eq!(
        WakuMessage::decode(&long_meta.encode()),
        Err(WireError::TooLong { field: 11, bytes: 65, limit: 64 })
    );
    let large = WakuMessage::new("", vec![0; WakuMessage::MAX_ENCODED_BYTES]).encode();
    assert!(matches!(WakuMessage::decode(&large), Err(WireError::Size { .. })));
    let hashes = vec![MessageHash::from_bytes([0; 32]); StoreRequest::MAX_HASHES + 1];
    let request = StoreRequest { message_hashes: hashes, ..StoreRequest::default() };
    assert_eq!(
        StoreRequest::decode(&request.encode()),
        Err(WireError::TooMany { field: 20, limit: StoreRequest::MAX_HASHES })
    );
}

#[test]
fn a_length_past_the_end_reserves_nothing() {
    let endless = [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert_eq!(WakuMessage::decode(&endless), Err(WireError::Truncated));
}

#[test]
fn numbers_over_64_bits_are_refused() {
    let mut number = vec![0x18];
    number.extend([0xff; 9]);
    number.push(2);
    assert_eq!(WakuMessage::decode(&number), Err(WireError::Number));
}

#[test]
fn unknown_fields_are_skipped() {
    let mut bytes = vec![0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x45, 1, 2, 3, 4];
    bytes.extend(sent(PAYLOAD, b"").encode());
    assert_eq!(WakuMessage::decode(&bytes), Ok(sent(PAYLOAD, b"")));
}

#[test]
fn shards_are_read_in_all_three_writings() {
    let shards = Ok(MetadataMessage { cluster: Some(1), shards: vec![0, 300] });
    assert_eq!(MetadataMessage::decode(&[8, 1, 26, 3, 0, 0xac, 2]), shards);
    assert_eq!(MetadataMessage::decode(&[8, 1, 18, 3, 0, 0xac, 2]), shards);
    assert_eq!(MetadataMessage::decode(&[8, 1, 16, 0, 16, 0xac, 2]), shards);
}

#[test]
fn a_light_push_that_reached_nobody_failed() {
    let reply = |status, relay_peers| LightPushResponse {
        status,
        relay_peers,
        ..LightPushResponse::default()
    };
    assert_eq!(reply(200, Some(3)).accepted_by(), Ok(3));
    assert_eq!(reply(200, Some(0)).accepted_by(), Err(status::NO_PEERS));
    assert_eq!(reply(200, None).accepted_by(), Err(status::NO_PEERS));
    assert_eq!(reply(429, Some(3)).accepted_by(), Err(429));
}

#[test]
fn content_topics_are_parsed_or_refused() {
    let parse = str::parse::<ContentTopic>;
    let topic = parse("/0/app/1/name/proto").unwrap();
    assert_eq!((topic.application(), topic.version()), ("app", "1"));
    assert_eq!(parse("app/1/name/proto"), Err(TopicError::NoSlash));
    assert_eq!(parse("/app//name/proto"), Err(TopicError::EmptyPart));
    assert_eq!(parse("/1/app/1/name/proto"), Err(TopicError::Generation));
    assert_eq!(parse("/app/1/name"), Err(TopicError::Parts { parts: 3 }));
    assert!(matches!(parse(&"/a".repeat(400)), Err(TopicError::TooLong { .. })));
}

#[test]
fn a_pubsub_topic_has_one_name() {
    let topic = PubsubTopic { cluster: 16, shard: 1023 };
    assert_eq!("/waku/2/rs/16/1023".parse(), Ok(topic));
    for other in ["/waku/2/rs/16/+1023", "/waku/2/rs/016/1", "/waku/2/rs/16", "/waku/2/rs/65536/0"]
    {
        assert_eq!(other.parse::<PubsubTopic>(), Err(TopicError::NotSharded));
    }
}

#[test]
fn an_absent_direction_is_forward_and_pages_are_bounded() {
    let request = StoreRequest::decode(&[0x0a, 0]).unwrap();
    assert!(request.forward);
    assert_eq!(request.page(), StoreRequest::DEFAULT_PAGE);
    let greedy = StoreRequest { limit: Some(u64::MAX), ..request };
    assert_eq!(greedy.page(), StoreRequest::MAX_PAGE);
}

/// The encoding worked out by hand from the messages of libp2p's rendezvous protocol and the fields
/// that the deployed nodes write.
#[test]
fn messages_of_rendezvous_are_written_field_after_field() {
    let namespace = || "rs/1/mix".to_owned();
    let registration = Registration::new(namespace(), vec![1, 2, 3], Some(60));
    let vectors: [(Vec<u8>, &str); 7] = [
        (
            RendezvousRequest::Register(registration.clone()).encode(),
            "080012110a0872732f312f6d69781203010203183c",
        ),
        (
            RendezvousResponse::Registered {
                status: RendezvousStatus::InvalidTtl,
                text: Some("no".to_owned()),
                ttl: None,
            }
            .encode(),
            "08011a06086612026e6f",
        ),
        (
            RendezvousRequest::Unregister { namespace: namespace() }.encode(),
            "0802220a0a0872732f312f6d6978",
        ),
        (
            RendezvousRequest::Discover {
                namespace: Some(namespace()),
                limit: Some(12),
                cookie: Some(vec![8, 1]),
            }
            .encode(),
            "08032a100a0872732f312f6d6978100c1a020801",
        ),
        (
            RendezvousResponse::Discovered {
                registrations: vec![registration],
                cookie: Some(vec![8, 1]),
                status: RendezvousStatus::Ok,
                text: None,
            }
            .encode(),
            "080432190a110a0872732f312f6d69781203010203183c120208011800",
        ),
        (RendezvousCookie::new(300, Some(namespace())).encode(), "08ac02120872732f312f6d6978"),
        (
            WakuPeerRecordMessage {
                peer: vec![0, 1],
                seq: 5,
                addresses: vec![vec![4, 1, 2, 3, 4], vec![6, 0, 5]],
                mix_key: Vec::new(),
            }
            .encode(),
            "0a02000110051a0504010203041a030600052200",
        ),
    ];
    for (bytes, expected) in vectors {
        assert_eq!(hex::encode(&bytes), expected);
    }
}

#[test]
fn a_request_is_no_answer_and_an_answer_no_request() {
    let asks = RendezvousRequest::Unregister { namespace: "a".to_owned() };
    let refused = Err(WireError::Value { field: 1 });
    assert_eq!(RendezvousResponse::decode(&asks.encode()), refused);
    let (status, text, ttl) = (RendezvousStatus::Ok, None, None);
    let answers = RendezvousResponse::Registered { status, text, ttl };
    let refused = Err(WireError::Value { field: 1 });
    assert_eq!(RendezvousRequest::decode(&answers.encode()), refused);
    // Kind 0 without what is registered, and a status that nobody defined.
    assert_eq!(RendezvousRequest::decode(&[8, 0]), Err(WireError::Missing { field: 2 }));
    let unknown = RendezvousResponse::decode(&[8, 1, 0x1a, 2, 8, 7]);
    assert_eq!(unknown, Err(WireError::Value { field: 1 }));
    let limit = RendezvousResponse::MAX_REGISTRATIONS;
    let registrations = vec![Registration::new(String::new(), Vec::new(), None); limit + 1];
    let (cookie, status, text) = (None, RendezvousStatus::Ok, None);
    let many = RendezvousResponse::Discovered { registrations, cookie, status, text };
    let refused = Err(WireError::TooMany { field: 1, limit });
    assert_eq!(RendezvousResponse::decode(&many.encode()), refused);
}

fn round_trip<T: Wire + PartialEq + core::fmt::Debug>(value: &T) {
    assert_eq!(T::decode(&value.encode()).as_ref(), Ok(value));
}

prop_compose! {
    fn messages()(
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        content_topic in ".{0,20}",
        version in any::<u32>(),
        timestamp in any::<i64>(),
        meta in proptest::collection::vec(any::<u8>(), 0..=64),
        rate_limit_proof in proptest::collection::vec(any::<u8>(), 0..40),
        ephemeral in any::<bool>(),
    ) -> WakuMessage {
        let timestamp = UnixNanos::new(timestamp);
        WakuMessage { payload, content_topic, version, timestamp, meta, rate_limit_proof, ephemeral }
    }
}

proptest! {
    #[test]
    fn messages_come_back_as_they_went(message in messages()) {
        prop_assert!(message.encode().len() <= message.encoded_bound());
        round_trip(&message);
    }

    #[test]
    fn requests_and_responses_come_back_as_they_went(
        message in messages(),
        request_id in "[a-z0-9]{0,8}",
        text in proptest::option::of(".{0,9}"),
        hash in any::<[u8; 32]>(),
        number in any::<u32>(),
    ) {
        let (request_id, hash) = (|| request_id.clone(), MessageHash::from_bytes(hash));
        round_trip(&LightPushRequest {
            request_id: request_id(),
            pubsub_topic: text.clone(),
            message: message.clone(),
        });
        round_trip(&LightPushResponse {
            request_id: request_id(),
            status: number,
            description: text.clone(),
            relay_peers: text.is_some().then_some(number),
        });
        for verb in [
            FilterVerb::Ping,
            FilterVerb::Subscribe,
            FilterVerb::Unsubscribe,
            FilterVerb::UnsubscribeAll,
        ] {
            round_trip(&FilterRequest {
                request_id: request_id(),
                verb,
                pubsub_topic: text.clone(),
                content_topics: vec![message.content_topic.clone(); 3],
            });
        }
        round_trip(&FilterResponse {
            request_id: request_id(),
            status: number,
            description: text.clone(),
        });
        round_trip(&MessagePush { message: message.clone(), pubsub_topic: request_id() });
        round_trip(&StoreRequest {
            request_id: request_id(),
            include_data: message.ephemeral,
            pubsub_topic: text.clone(),
            content_topics: vec![message.content_topic.clone()],
            from: Some(message.timestamp),
            to: None,
            message_hashes: vec![hash; 2],
            cursor: text.is_some().then_some(hash),
            forward: text.is_none(),
            limit: Some(u64::from(number)),
        });
        let whole = StoreEntry { hash, message: Some((message, request_id())) };
        round_trip(&StoreResponse {
            request_id: request_id(),
            status: number,
            description: request_id(),
            messages: vec![whole, StoreEntry { hash, message: None }],
            cursor: Some(hash),
        });
        round_trip(&MetadataMessage { cluster: Some(number), shards: vec![1, number] });
        round_trip(&PeerExchange::Query { peers: u64::from(number) });
        round_trip(&PeerExchange::Response {
            records: vec![hash.as_bytes().to_vec()],
            status: Some(number),
            description: text.clone(),
        });
        let ttl = text.is_some().then_some(u64::from(number));
        let registration = Registration::new(request_id(), hash.as_bytes().to_vec(), ttl);
        round_trip(&RendezvousRequest::Register(registration.clone()));
        round_trip(&RendezvousRequest::Unregister { namespace: request_id() });
        round_trip(&RendezvousRequest::Discover {
            namespace: text.clone(),
            limit: ttl,
            cookie: ttl.map(|_| vec![1, 2]),
        });
        let (status, cookie) = (RendezvousStatus::NotAuthorized, ttl.map(|_| vec![3]));
        round_trip(&RendezvousResponse::Registered { status, text: text.clone(), ttl });
        round_trip(&RendezvousResponse::Discovered {
            registrations: vec![registration; 3],
            cookie,
            status,
            text: text.clone(),
        });
        round_trip(&RendezvousCookie::new(u64::from(number), text));
    }

    #[test]
    fn no_bytes_make_a_decoder_fail_badly(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = WakuMessage::decode(&bytes);
        let _ = LightPushRequest::decode(&bytes);
        let _ = StoreRequest::decode(&bytes);
        let _ = StoreResponse::decode(&bytes);
        let _ = FilterRequest::decode(&bytes);
        let _ = MetadataMessage::decode(&bytes);
        let _ = PeerExchange::decode(&bytes);
        let _ = RendezvousRequest::decode(&bytes);
        let _ = RendezvousResponse::decode(&bytes);
        let _ = WakuPeerRecordMessage::decode(&bytes);
    }
}
