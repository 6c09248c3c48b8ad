use hex_literal::hex;
use logos_crypto::tick::Tick;
use proptest::prelude::*;
use sha3::{Digest, Sha3_256};
use std::time::Duration;

use super::*;
use crate::channel::id::ParticipantId;

const HASH: [u8; 32] = hex!("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

fn sender(name: &str) -> ParticipantId {
    ParticipantId::new(name).unwrap()
}

fn nim(place: Place, payload: &[u8]) -> Segment {
    let payload = payload.to_vec();
    Segment { payload_hash: HASH, payload_len: Some(500), data_count: 3, place, payload }
}

/// The three golden vectors of nim-segmentation's `test_wire_vectors.nim`.
#[test]
fn the_vectors_of_nim_segmentation() {
    let head = [&hex!("0a20")[..], &HASH].concat();
    let data = nim(Place::Data { index: 1, parity_count: 0 }, &hex!("aabbcc"));
    let parity = nim(Place::Parity { index: 0, count: 1 }, &hex!("1122"));
    let minimal = Segment {
        payload_len: Some(0),
        data_count: 1,
        ..nim(Place::Data { index: 0, parity_count: 0 }, &[])
    };
    for (segment, tail) in [
        (data, &hex!("10f403180120033a03aabbcc")[..]),
        (parity, &hex!("10f4032003280130013a021122")),
        (minimal, &hex!("2001")),
    ] {
        let bytes = [&head[..], tail].concat();
        assert_eq!(segment.encode(Schema::Nim), bytes);
        assert_eq!(Segment::decode(&bytes), Ok((Schema::Nim, segment)));
    }
}

#[test]
fn one_schema_never_reads_the_other() {
    for payload in [&b""[..], b"text"] {
        let segment = Segment { payload_len: Some(9), ..Segment::single(payload.to_vec()) };
        assert_eq!(Segment::decode(&segment.encode(Schema::Nim)).unwrap().0, Schema::Nim);
        let (schema, read) = Segment::decode(&segment.encode(Schema::Lip)).unwrap();
        assert_eq!((schema, read.payload_len), (Schema::Lip, None));
    }
}

#[test]
fn counts_and_indices_are_checked() {
    let segment = |data_count, place| Segment { data_count, place, ..Segment::single(vec![1]) };
    let refused = |segment: Segment| Segment::decode(&segment.encode(Schema::Lip)).unwrap_err();
    let none = segment(0, Place::Data { index: 0, parity_count: 0 });
    assert_eq!(refused(none), SegmentError::Counts { data: 0, parity: 0 });
    let many = segment(200, Place::Data { index: 0, parity_count: 57 });
    assert_eq!(refused(many), SegmentError::Counts { data: 200, parity: 57 });
    let beyond = segment(2, Place::Data { index: 2, parity_count: 0 });
    assert_eq!(refused(beyond), SegmentError::Index { index: 2, count: 2 });
    let beyond = segment(2, Place::Parity { index: 1, count: 1 });
    assert_eq!(refused(beyond), SegmentError::Index { index: 1, count: 1 });
}

/// The first bytes of SHA3-256 of the parity that catid's Leopard (C++, 6e5725e) makes of the same shards.
#[test]
fn parity_is_leopards() {
    let mut state = 0;
    let mut next = || {
        state = u32::wrapping_mul(state, 1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    for (data, parity, digest) in LEOPARD {
        let shards: Vec<Vec<u8>> = (0..data).map(|_| (0..64).map(|_| next()).collect()).collect();
        let made = erasure::parity(shards, parity, 64).unwrap().concat();
        assert_eq!(Sha3_256::digest(&made)[..8], digest, "{data} + {parity}");
    }
}

const LEOPARD: [(usize, usize, [u8; 8]); 5] = [
    (1, 1, hex!("968d94467e2ebb45")),
    (3, 2, hex!("d1280e8e6e7ff999")),
    (11, 2, hex!("e60ba0d9374b60ed")),
    (206, 26, hex!("016f2600a055780c")),
    (100, 100, hex!("615edb65bd8a5026")),
];

fn feed(
    reassembler: &mut Reassembler,
    sender: &ParticipantId,
    segments: &[Vec<u8>],
) -> Vec<ReassemblyOutput> {
    for bytes in segments {
        let (_, segment) = Segment::decode(bytes).unwrap();
        let _ = reassembler.handle_segment(Tick::ORIGIN, sender, segment, 0);
    }
    std::iter::from_fn(|| reassembler.poll_output()).collect()
}

fn payloads(outputs: Vec<ReassemblyOutput>) -> Vec<Vec<u8>> {
    let whole = |output| match output {
        ReassemblyOutput::Reassembled { payload, .. } => payload,
        ReassemblyOutput::Dropped { reason, .. } => panic!("{reason:?}"),
    };
    outputs.into_iter().map(whole).collect()
}

fn small(schema: Schema, parity_per_million: u32) -> Segmentation {
    Segmentation { schema, segment_bytes: SEGMENT_OVERHEAD_BYTES + 64, parity_per_million }
}

#[test]
fn twenty_mebibytes_survive_the_loss_of_as_many_segments_as_there_is_parity() {
    let cut = Segmentation { parity_per_million: 125_000, ..Segmentation::default() };
    let message: Vec<u8> = (0..20 << 20).map(|i: u32| i.to_le_bytes()[i as usize % 3]).collect();
    let segments = cut.split(&message).unwrap();
    assert!(segments.iter().all(|bytes| bytes.len() <= cut.segment_bytes));
    assert_eq!(segments.len(), 206 + 26);
    let outputs = feed(&mut Reassembler::default(), &sender("a"), &segments[26..]);
    assert!(payloads(outputs) == [message]);
}

#[test]
fn a_message_too_long_is_refused_before_anything_is_sent() {
    let cut = small(Schema::Lip, 0);
    let bound = cut.max_bytes();
    assert_eq!(bound, 255 * 64);
    assert!(cut.split(&vec![0; bound]).is_ok());
    let refused = SplitError::TooLong { bytes: bound + 1, bound };
    assert_eq!(cut.split(&vec![0; bound + 1]), Err(refused));
}

#[test]
fn a_forged_segment_of_another_sender_spoils_nothing() {
    let segments = small(Schema::Lip, 500_000).split(&[5; 300]).unwrap();
    let mut reassembler = Reassembler::default();
    for bytes in &segments {
        let (_, mut forged) = Segment::decode(bytes).unwrap();
        forged.payload.fill(9);
        reassembler.handle_segment(Tick::ORIGIN, &sender("mallory"), forged, 0).ok();
    }
    while reassembler.poll_output().is_some() {}
    assert_eq!(payloads(feed(&mut reassembler, &sender("a"), &segments)), [[5; 300]]);
}

#[test]
fn segments_that_contradict_the_counts_start_a_set_of_their_own() {
    let segments = small(Schema::Lip, 0).split(&[5; 300]).unwrap();
    let mut reassembler = Reassembler::default();
    for bytes in &segments {
        let (_, mut lie) = Segment::decode(bytes).unwrap();
        lie.data_count += 1;
        assert_eq!(reassembler.handle_segment(Tick::ORIGIN, &sender("a"), lie, 0), Ok(()));
    }
    assert_eq!(payloads(feed(&mut reassembler, &sender("a"), &segments)), [[5; 300]]);
}

#[test]
fn a_wrong_hash_is_told() {
    let (_, mut segment) = Segment::decode(&Segment::single(vec![1]).encode(Schema::Lip)).unwrap();
    segment.payload_hash[0] ^= 1;
    let outputs = feed(&mut Reassembler::default(), &sender("a"), &[segment.encode(Schema::Lip)]);
    let reason = DropReason::HashMismatch;
    assert_eq!(outputs, [ReassemblyOutput::Dropped { sender: sender("a"), reason, tags: vec![0] }]);
}

#[test]
fn memory_is_bounded_and_freed_in_time() {
    let limits = ReassemblerLimits { sets: 3, sets_per_sender: 2, ..ReassemblerLimits::default() };
    let mut reassembler = Reassembler::new(limits);
    let begin = |message: u8| small(Schema::Lip, 0).split(&[message; 100]).unwrap()[0].clone();
    assert!(feed(&mut reassembler, &sender("a"), &[begin(1), begin(2)]).is_empty());
    let evicted = feed(&mut reassembler, &sender("a"), &[begin(3)]);
    assert!(matches!(evicted[..], [ReassemblyOutput::Dropped { reason: DropReason::Evicted, .. }]));
    assert!(feed(&mut reassembler, &sender("b"), &[begin(4)]).is_empty());
    let (_, segment) = Segment::decode(&begin(5)).unwrap();
    let full = reassembler.handle_segment(Tick::ORIGIN, &sender("c"), segment, 0);
    assert_eq!((full, reassembler.waiting()), (Err(Discard::Full), 3));
    let deadline = reassembler.next_deadline().unwrap();
    assert_eq!(deadline, Tick::new(Duration::from_secs(300)));
    reassembler.handle_timeout(deadline);
    assert_eq!((reassembler.waiting(), reassembler.buffered_bytes()), (0, 0));
    assert_eq!(std::iter::from_fn(|| reassembler.poll_output()).count(), 3);
}

#[test]
fn equal_messages_are_one_or_several_as_the_caller_says() {
    let segments = small(Schema::Lip, 500_000).split(&[5; 300]).unwrap();
    let thrice = [&segments[..], &segments, &segments].concat();
    let ignoring = &mut Reassembler::default();
    assert_eq!(payloads(feed(ignoring, &sender("a"), &thrice)).len(), 1);
    let limits = ReassemblerLimits { repeats: Repeats::Delivered, ..ReassemblerLimits::default() };
    let delivering = &mut Reassembler::new(limits);
    assert_eq!(payloads(feed(delivering, &sender("a"), &thrice)).len(), 3);
    assert_eq!(delivering.waiting(), 0);
}

proptest! {
    #[test]
    fn decoding_inverts_encoding(
        data_count in 1_u16..=128,
        parity in 0_u16..=128,
        index: u16,
        is_parity: bool,
        len: u64,
        payload: Vec<u8>,
        nim: bool,
    ) {
        let place = if is_parity && parity > 0 {
            Place::Parity { index: index % parity, count: parity }
        } else {
            Place::Data { index: index % data_count, parity_count: parity }
        };
        let (schema, payload_len) = if nim { (Schema::Nim, Some(len)) } else { (Schema::Lip, None) };
        let segment = Segment { payload_hash: HASH, payload_len, data_count, place, payload };
        prop_assert_eq!(Segment::decode(&segment.encode(schema)), Ok((schema, segment)));
    }

    #[test]
    fn any_loss_within_parity_in_any_order_with_duplicates_reassembles(
        message in proptest::collection::vec(0_u8..3, 0..2000),
        rate in 0_u32..=1_000_000,
        nim: bool,
        order in proptest::collection::vec(any::<u32>(), 64),
    ) {
        let schema = if nim { Schema::Nim } else { Schema::Lip };
        let segments = small(schema, rate).split(&message).unwrap();
        let (_, first) = Segment::decode(&segments[0]).unwrap();
        let mut numbered: Vec<_> = segments.iter().zip(order.iter().cycle()).collect();
        numbered.sort_by_key(|(_, number)| **number);
        let mut kept: Vec<_> = numbered.into_iter().map(|(bytes, _)| bytes.clone()).collect();
        kept.truncate(first.data_count.into());
        kept.extend_from_within(..);
        let outputs = feed(&mut Reassembler::default(), &sender("a"), &kept);
        prop_assert_eq!(payloads(outputs), [message]);
    }

    #[test]
    fn whatever_arrives_stays_within_bounds(
        inputs in proptest::collection::vec((0_u8..3, 0_u8..4, 1_u16..5, 0_u16..4, 0_usize..80), 0..60),
    ) {
        let limits = ReassemblerLimits {
            sets: 4, sets_per_sender: 2, bytes: 300, bytes_per_sender: 200,
            ..ReassemblerLimits::default()
        };
        let mut reassembler = Reassembler::new(limits);
        for (from, hash, data_count, index, length) in inputs {
            let place = Place::Data { index: index % data_count, parity_count: 0 };
            let payload = vec![from; length];
            let segment =
                Segment { payload_hash: [hash; 32], payload_len: None, data_count, place, payload };
            let from = sender(&from.to_string());
            let _ = reassembler.handle_segment(Tick::ORIGIN, &from, segment, 0);
            prop_assert!(reassembler.waiting() <= 4 && reassembler.buffered_bytes() <= 300);
        }
    }
}
