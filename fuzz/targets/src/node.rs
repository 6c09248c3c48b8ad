//! Targets for `logos-node`.

use core::fmt::Debug;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logos_crypto::tick::Tick;
use logos_node::delivery::{
    PrepareFailure, PushFailure, RelayFailure, RequestId, Route, SendMachine, SendOutput, SendTimes,
};
use logos_node::wire::{
    ContentTopic, FilterRequest, FilterResponse, FrameError, FrameReader, LightPushRequest,
    LightPushResponse, MessageHash, MessagePush, MetadataMessage, PeerExchange, PeerRecordMessage,
    PubsubTopic, RendezvousCookie, RendezvousRequest, RendezvousResponse, StoreRequest,
    StoreResponse, WakuMessage, WakuPeerRecordMessage, Wire, write_frame,
};

/// Decodes the bytes after the first as the message that the first names: what decodes comes back
/// from its encoding, which is within the bound that was kept when it was read.
///
/// # Panics
///
/// If that does not hold.
pub fn wire(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 15 {
        0 => round_trip::<WakuMessage>(bytes),
        1 => round_trip::<LightPushRequest>(bytes),
        2 => round_trip::<LightPushResponse>(bytes),
        3 => round_trip::<FilterRequest>(bytes),
        4 => round_trip::<FilterResponse>(bytes),
        5 => round_trip::<MessagePush>(bytes),
        6 => round_trip::<StoreRequest>(bytes),
        7 => round_trip::<StoreResponse>(bytes),
        8 => round_trip::<MetadataMessage>(bytes),
        9 => round_trip::<PeerExchange>(bytes),
        10 => round_trip::<PeerRecordMessage>(bytes),
        11 => round_trip::<RendezvousRequest>(bytes),
        12 => round_trip::<RendezvousResponse>(bytes),
        13 => round_trip::<RendezvousCookie>(bytes),
        _ => round_trip::<WakuPeerRecordMessage>(bytes),
    }
}

fn round_trip<T: Wire + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::decode(bytes) {
        assert_eq!(T::decode(&value.encode()).as_ref(), Ok(&value));
    }
}

/// Parses topics: what parses is written as it was read.
///
/// # Panics
///
/// If that does not hold.
pub fn topic(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(topic) = text.parse::<ContentTopic>() {
        assert_eq!(topic.to_string(), text);
        assert!(!topic.application().is_empty() && !topic.version().is_empty());
    }
    if let Ok(topic) = text.parse::<PubsubTopic>() {
        assert_eq!(topic.to_string(), text);
    }
}

/// Takes the bytes after the second as a stream of messages, behind a bound and the size of the
/// pieces that it comes in. However it is cut, the messages are the same and end in the same error;
/// they are written as they were read; and memory stays below the bound and twice what has come.
///
/// # Panics
///
/// If that does not hold.
pub fn frame(data: &[u8]) {
    let [bound, piece, stream @ ..] = data else { return };
    let (limit, piece) = (usize::from(*bound) * 4, usize::from(*piece).max(1));
    let (messages, end) = read_all(stream, limit, stream.len().max(1));
    assert_eq!((messages.clone(), end), read_all(stream, limit, piece));
    let written: Vec<u8> = messages.iter().flat_map(|message| write_frame(message)).collect();
    assert!(stream.starts_with(&written), "a message has one form");
    assert_eq!(end.is_ok(), stream.len() == written.len());
}

/// The messages of a stream that comes in pieces, and how it ends.
fn read_all(stream: &[u8], limit: usize, piece: usize) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
    let (mut reader, mut messages, mut come) = (FrameReader::new(limit), Vec::new(), 0);
    for mut piece in stream.chunks(piece) {
        while !piece.is_empty() {
            match reader.handle_bytes(piece) {
                Ok(taken) => {
                    (come, piece) = (come + taken, &piece[taken..]);
                    assert!(reader.held_bytes() <= limit.min(2 * come));
                }
                Err(error) => {
                    assert_eq!(reader.handle_bytes(piece), Err(error), "it stays refused");
                    assert_eq!(reader.poll_output(), None);
                    return (messages, Err(error));
                }
            }
            messages.extend(reader.poll_output());
        }
    }
    assert!(messages.iter().all(|message| message.len() <= limit));
    (messages, reader.handle_end())
}

/// Takes the bytes as what an application, services and stores do to sends: every send that is
/// accepted ends once, and nothing is said of it after.
///
/// # Panics
///
/// If that does not hold.
pub fn send(data: &[u8]) {
    let route = if data.len().is_multiple_of(2) { Route::Relay } else { Route::Service };
    let mut machine = SendMachine::new(route, SendTimes::default());
    let mut sends = Sends::default();
    let mut now = Tick::ORIGIN;
    for step in data.chunks_exact(3) {
        let (choice, number, word) = (step[0] % 8, u64::from(step[1] % 16), step[2]);
        let id = RequestId::new(number);
        match choice {
            0 if !sends.ended.contains_key(&number) => {
                machine.handle_send(now, id, word.is_multiple_of(2)).expect("there are few");
                sends.ended.insert(number, false);
            }
            1 => machine.handle_prepared(now, id, Ok(MessageHash::from_bytes([word; 32]))),
            2 => machine.handle_prepared(now, id, Err(PrepareFailure::Again)),
            3 if word < 128 => machine.handle_relayed(now, id, Ok(usize::from(word))),
            3 => machine.handle_relayed(now, id, Err(RelayFailure::NoPeers)),
            4 if word < 128 => machine.handle_pushed(now, id, Ok(usize::from(word))),
            4 => {
                let status = 300 + 2 * u32::from(word);
                machine.handle_pushed(now, id, Err(PushFailure::Status(status)));
            }
            5 => machine.handle_checked(now, &[MessageHash::from_bytes([word; 32])]),
            6 => machine.handle_store_known(word.is_multiple_of(2)),
            _ => now = now + Duration::from_millis(u64::from(word) * 50),
        }
        sends.drain(&mut machine, now);
    }
    machine.handle_shutdown();
    sends.drain(&mut machine, now);
    assert!(sends.ended.values().all(|ended| *ended), "every send ends");
    assert_eq!((machine.under_way(), machine.next_deadline()), (0, None));
}

/// Sends by number: has each ended?
#[derive(Default)]
struct Sends {
    ended: BTreeMap<u64, bool>,
}

impl Sends {
    fn drain(&mut self, machine: &mut SendMachine, now: Tick) {
        while let Some(output) = machine.poll_output(now) {
            let id = match output {
                SendOutput::Prepare(id)
                | SendOutput::Relay(id)
                | SendOutput::Push(id)
                | SendOutput::Progress(id, _)
                | SendOutput::Finished(id, _) => id,
                SendOutput::Check(names) => {
                    let distinct: BTreeSet<_> = names.iter().map(MessageHash::as_bytes).collect();
                    assert!(distinct.len() <= self.ended.len() * SendMachine::MAX_NAMES);
                    continue;
                }
                other => panic!("a new kind of output: {other:?}"),
            };
            let ended = self.ended.get_mut(&id.get()).expect("nobody else is spoken of");
            assert!(!*ended, "nothing follows the end");
            *ended = matches!(output, SendOutput::Finished(..));
        }
    }
}
