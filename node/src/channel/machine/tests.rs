use std::collections::BTreeSet;
use std::time::Duration;

use logos_crypto::secret::Secret;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::channel::{
    ChannelKey, ChannelStore, MemoryChannel, Outcome, ReliableChannel, Segmentation,
};

mod network;
mod stores;

fn at(seconds: u64) -> Tick {
    Tick::new(Duration::from_secs(1_800_000_000 + seconds))
}

fn minute_before(moment: Tick) -> Tick {
    Tick::new(moment.since_origin() - Duration::from_secs(60))
}

fn open(name: &str, config: ChannelConfig, records: &[(Key, Vec<u8>)], now: Tick) -> Channel {
    let id = ChannelId::new("plans").unwrap();
    let author = Author::Named(ParticipantId::new(name).unwrap());
    let key = Protection::Sealed(ChannelKey::new(&Secret::new([7; 32]), &id));
    Channel::open(config, id, author, key, records, now).unwrap()
}

fn join(name: &str) -> ReliableChannel<MemoryChannel> {
    let channel = open(name, ChannelConfig::default(), &[], at(0));
    ReliableChannel::new(channel, MemoryChannel::default())
}

fn poll(channel: &mut ReliableChannel<MemoryChannel>) -> Vec<ChannelOutput> {
    let mut rng = ChaCha20Rng::seed_from_u64(channel.channel().sds().remembered() as u64);
    std::iter::from_fn(|| channel.poll_output(&mut rng)).collect()
}

fn payloads(outputs: &[ChannelOutput]) -> Vec<Vec<u8>> {
    let payload = |output: &ChannelOutput| match output {
        ChannelOutput::Publish { payload, .. } => Some(payload.clone()),
        _ => None,
    };
    outputs.iter().filter_map(payload).collect()
}

fn events(outputs: &[ChannelOutput]) -> Vec<(EventNumber, ChannelEvent)> {
    let event = |output: &ChannelOutput| match output {
        ChannelOutput::Event { number, event } => Some((*number, event.clone())),
        _ => None,
    };
    outputs.iter().filter_map(event).collect()
}

fn messages(outputs: &[ChannelOutput]) -> Vec<Vec<u8>> {
    let message = |(_, event)| match event {
        ChannelEvent::Message { payload, .. } => Some(payload),
        _ => None,
    };
    events(outputs).into_iter().filter_map(message).collect()
}

#[test]
fn twenty_mebibytes_arrive_and_are_confirmed() {
    let (mut saro, mut raya) = (join("saro"), join("raya"));
    let message: Vec<u8> = (0..20 << 20).map(|i: u32| i.to_le_bytes()[i as usize % 3]).collect();
    let request = saro.send(at(0), &message).unwrap();
    let (mut heard, mut outcomes, mut now) = (Vec::new(), Vec::new(), at(0));
    while outcomes.is_empty() {
        let out = poll(&mut saro);
        outcomes.extend(events(&out));
        for payload in payloads(&out) {
            raya.handle_frame(now, &payload, None).unwrap().ok();
        }
        let back = poll(&mut raya);
        heard.extend(messages(&back));
        for payload in payloads(&back) {
            saro.handle_frame(now, &payload, None).unwrap().unwrap();
        }
        now = now + Duration::from_secs(1);
        raya.handle_timeout(now).unwrap();
    }
    assert!(heard == [message]);
    let by = raya.channel().me().clone();
    let outcome = Outcome::Acked { by };
    assert_eq!(outcomes[0].1, ChannelEvent::Outcome { request, outcome });
    let segments = raya.into_store().records().unwrap();
    assert!(!segments.iter().any(|(key, _)| matches!(key, Key::Segment(_))), "none is left");
}

#[test]
fn a_message_that_cannot_be_sent_is_refused_at_once() {
    let mut saro = join("saro");
    let long = vec![0; MAX_MESSAGE_BYTES + 1];
    let error = SendError::TooLong { bytes: long.len(), bound: MAX_MESSAGE_BYTES };
    assert_eq!(saro.send(at(0), &long).unwrap_err(), error.into());

    let config = ChannelConfig { window: 1, max_queued_bytes: 300_000, ..ChannelConfig::default() };
    let mut saro = open("saro", config, &[], at(0));
    let accepted = std::iter::from_fn(|| saro.send(at(0), &[7; 200_000]).ok()).count();
    let full = saro.send(at(0), &[7; 200_000]);
    assert!(matches!(full, Err(SendError::Full { queued }) if queued <= 300_000));
    assert_eq!((accepted, saro.pending()), (2, 2));
}

#[test]
fn an_unconfirmed_message_fails_and_is_not_called_sent() {
    let mut config = ChannelConfig::default();
    config.sds.give_up = Duration::from_secs(60);
    config.segmentation.segment_bytes = 1000;
    config.window = 2;
    let channel = open("saro", config, &[], at(0));
    let mut saro = ReliableChannel::new(channel, MemoryChannel::default());
    let request = saro.send(at(0), &[7; 5000]).unwrap();
    let mut told = Vec::new();
    while let Some(deadline) = saro.next_deadline() {
        saro.handle_timeout(deadline).unwrap();
        told.extend(events(&poll(&mut saro)));
    }
    let outcome = Outcome::Unacknowledged;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, ChannelEvent::Outcome { request, outcome });
    assert_eq!((saro.channel().pending(), saro.channel().queued_bytes), (0, 0));
}

#[test]
fn an_event_comes_again_until_it_is_consumed() {
    let (mut saro, mut raya) = (join("saro"), join("raya"));
    for text in [&b"one"[..], b"two"] {
        saro.send(at(0), text).unwrap();
    }
    for payload in payloads(&poll(&mut saro)) {
        raya.handle_frame(at(1), &payload, None).unwrap().unwrap();
    }
    let told = events(&poll(&mut raya));
    assert_eq!(told.len(), 2);
    raya.handle_consumed(at(1), told[0].0).unwrap();
    let store = raya.into_store();
    let channel = open("raya", ChannelConfig::default(), &store.records().unwrap(), at(2));
    let mut raya = ReliableChannel::new(channel, store);
    raya.handle_timeout(at(2)).unwrap();
    assert_eq!(events(&poll(&mut raya)), told[1..], "the same event under the same number");
    assert_eq!(raya.channel().unconsumed(), 1);
}

#[test]
fn a_message_of_many_segments_survives_a_restart_in_its_middle() {
    let segmentation = Segmentation { segment_bytes: 500, ..Segmentation::default() };
    let config = ChannelConfig { segmentation, ..ChannelConfig::default() };
    let open = |name, store: MemoryChannel, now| {
        let channel = open(name, config, &store.records().unwrap(), now);
        ReliableChannel::new(channel, store)
    };
    let mut saro = open("saro", MemoryChannel::default(), at(0));
    let mut raya = open("raya", MemoryChannel::default(), at(0));
    saro.send(at(0), &[7; 3000]).unwrap();
    let frames = payloads(&poll(&mut saro));
    for frame in &frames[..4] {
        raya.handle_frame(at(1), frame, None).unwrap().unwrap();
    }
    let mut raya = open("raya", raya.into_store(), at(2));
    for frame in &frames {
        raya.handle_frame(at(3), frame, None).unwrap().ok();
    }
    assert_eq!(messages(&poll(&mut raya)), [[7; 3000]]);
}

#[test]
fn what_was_missed_is_fetched_page_by_page_across_a_restart() {
    let (mut saro, mut raya) = (join("saro"), join("raya"));
    for n in 0..5_u8 {
        saro.send(at(0), &[n]).unwrap();
    }
    let published: Vec<_> =
        payloads(&poll(&mut saro)).into_iter().map(|payload| (payload, vec![1])).collect();
    let query = |outputs: Vec<ChannelOutput>| {
        outputs.into_iter().find_map(|output| match output {
            ChannelOutput::Query(query) => Some(query),
            _ => None,
        })
    };
    raya.handle_timeout(at(0)).unwrap();
    let first = query(poll(&mut raya)).unwrap();
    assert_eq!((first.since, &first.cursor), (minute_before(at(0)), &None));
    let page = Page { frames: published[..2].to_vec(), cursor: Some(vec![9]) };
    raya.handle_page(at(11), &page).unwrap();
    assert_eq!(query(poll(&mut raya)).unwrap().cursor, Some(vec![9]));

    let store = raya.into_store();
    let channel = open("raya", ChannelConfig::default(), &store.records().unwrap(), at(500));
    let mut raya = ReliableChannel::new(channel, store);
    raya.handle_timeout(at(500)).unwrap();
    let again = query(poll(&mut raya)).unwrap();
    assert_eq!((again.since, again.cursor), (first.since, Some(vec![9])), "where it was");
    raya.handle_query_failed(at(500));
    raya.handle_timeout(at(505)).unwrap();
    assert_eq!(query(poll(&mut raya)).unwrap().cursor, Some(vec![9]));
    let page = Page { frames: published[2..].to_vec(), cursor: None };
    raya.handle_page(at(506), &page).unwrap();
    let heard: BTreeSet<_> = messages(&poll(&mut raya)).into_iter().collect();
    assert!(heard.contains(&vec![4]));
    raya.handle_connected(at(900)).unwrap();
    assert_eq!(query(poll(&mut raya)).unwrap().cursor, None);
    raya.handle_page(at(901), &Page::default()).unwrap();
    raya.handle_connected(at(1000)).unwrap();
    let next = query(poll(&mut raya)).unwrap();
    assert_eq!((next.since, next.cursor), (minute_before(at(900)), None), "only what is new");
}

#[test]
fn a_frame_of_nobody_changes_nothing() {
    let (mut saro, mut raya) = (join("saro"), join("raya"));
    saro.send(at(0), b"hello").unwrap();
    let [mut frame] = payloads(&poll(&mut saro)).try_into().unwrap();
    frame[40] ^= 1;
    raya.handle_timeout(at(1)).unwrap();
    poll(&mut raya);
    let before = raya.store.clone();
    let refused = raya.handle_frame(at(1), &frame, None).unwrap();
    assert_eq!(refused, Err(FrameError::Unreadable(Unreadable)));
    assert!(poll(&mut raya).is_empty() && raya.store == before);
}
