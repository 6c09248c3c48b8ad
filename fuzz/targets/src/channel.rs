//! Targets for `logos-node`: the machines and codecs of reliable channels and chat.

use std::collections::BTreeSet;
use std::time::Duration;

use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use logos_node::channel::{
    Author, Channel, ChannelConfig, ChannelEvent, ChannelId, ChannelKey, ChannelOutput,
    ChannelStore, Dialect, FrameError, MAX_SEGMENTS, MemoryChannel, NameHash, ParticipantId,
    Protection, Reassembler, ReassemblerLimits, RecordChange, RecordKey, SEAL_BYTES, Sds,
    SdsConfig, SdsOutput, Segment,
};
use logos_node::chat::ContentFrame;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Reads the bytes as a segment of either schema: one segment has one form.
///
/// # Panics
///
/// If that does not hold.
pub fn segment(data: &[u8]) {
    if let Ok((schema, segment)) = Segment::decode(data) {
        assert_eq!(segment.encode(schema), data);
        assert!(usize::from(segment.data_count) <= MAX_SEGMENTS);
    }
}

/// Reads the bytes as segments, each behind a sender and its length, and puts them together: what
/// waits stays in its bounds, and goes in time.
///
/// # Panics
///
/// If that does not hold.
pub fn reassembly(data: &[u8]) {
    let limits = ReassemblerLimits {
        sets: 4,
        sets_per_sender: 2,
        bytes: 2048,
        bytes_per_sender: 1024,
        ..ReassemblerLimits::default()
    };
    let mut reassembler = Reassembler::new(limits);
    for (sender, bytes) in pieces(data) {
        let sender = name(sender % 3);
        if let Ok((_, segment)) = Segment::decode(bytes) {
            let _ = reassembler.handle_segment(Tick::ORIGIN, &sender, segment, 0);
        }
        while reassembler.poll_output().is_some() {}
        assert!(reassembler.waiting() <= limits.sets);
        assert!(reassembler.buffered_bytes() <= limits.bytes);
    }
    if let Some(deadline) = reassembler.next_deadline() {
        reassembler.handle_timeout(deadline);
        assert_eq!((reassembler.waiting(), reassembler.buffered_bytes()), (0, 0));
    }
}

/// Reads the bytes as a message in both dialects: what is read is written and read again, and its
/// filter can be asked.
///
/// # Panics
///
/// If that does not hold.
pub fn sds_message(data: &[u8]) {
    for dialect in [Dialect::Lip, Dialect::Nim] {
        let Ok(message) = dialect.decode(data) else { continue };
        assert_eq!(dialect.decode(&dialect.encode(&message)).as_ref(), Ok(&message));
        if let Some(bloom) = &message.bloom {
            let _ = bloom.contains(NameHash::new(message.id.as_str()));
        }
    }
}

/// Takes the bytes as what happens to two members: they speak, hear each other's frames in any
/// order and as often as it likes, or changed, and time passes. Nothing is delivered twice, and a
/// member that is taken to its records and back has lost nothing.
///
/// # Panics
///
/// If that does not hold.
pub fn sds(data: &[u8]) {
    let mut pair = [Member::new(0), Member::new(1)];
    let mut now = Tick::new(Duration::from_secs(1_800_000_000));
    for (command, bytes) in pieces(data).take(64) {
        let who = usize::from(command & 1);
        let [one, other] = &mut pair;
        let (member, peer) = if who == 0 { (one, other) } else { (other, one) };
        match command >> 1 & 7 {
            0 | 1 => drop(member.sds.send(now, bytes.to_vec())),
            2 => member.sds.send_ephemeral(now, bytes.to_vec()),
            3 | 4 => member.hear(now, peer, bytes),
            5 => drop(member.sds.handle_frame(now, bytes, None)),
            6 => {
                now = now + Duration::from_secs(bytes.len() as u64 * 7);
                member.sds.handle_timeout(now);
            }
            _ => member.restart(now),
        }
        member.settle();
    }
}

struct Member {
    number: u8,
    sds: Sds,
    store: MemoryChannel,
    frames: Vec<Vec<u8>>,
    delivered: BTreeSet<String>,
}

impl Member {
    fn new(number: u8) -> Self {
        let author = Author::Named(name(number));
        let sds = Sds::new(SdsConfig::default(), channel(), author);
        let (store, frames, delivered) = Default::default();
        Self { number, sds, store, frames, delivered }
    }

    /// Hears a frame of the peer: which one, what is changed of it, and where, the bytes say.
    fn hear(&mut self, now: Tick, peer: &Self, bytes: &[u8]) {
        let [which, change, place, ..] = bytes else { return };
        let Some(frame) = peer.frames.get(usize::from(*which) % peer.frames.len().max(1)) else {
            return;
        };
        let mut frame = frame.clone();
        let place = usize::from(*place) % frame.len().max(1);
        if let Some(byte) = frame.get_mut(place) {
            *byte ^= change;
        }
        let _ = self.sds.handle_frame(now, &frame, None);
    }

    fn settle(&mut self) {
        self.store.commit(self.sds.take_changes()).expect("memory does not fail");
        while let Some(output) = self.sds.poll_output() {
            match output {
                SdsOutput::Transmit { frame, .. } => self.frames.push(frame.to_vec()),
                SdsOutput::Deliver { id, .. } => {
                    assert!(self.delivered.insert(id.as_str().to_owned()), "delivered twice");
                }
                _ => {}
            }
        }
    }

    fn restart(&mut self, now: Tick) {
        self.settle();
        let records = self.store.records().expect("memory does not fail");
        let author = Author::Named(name(self.number));
        let state = |sds: &Sds| (sds.remembered(), sds.waiting(), sds.unconfirmed());
        let before = state(&self.sds);
        self.sds = Sds::restore(SdsConfig::default(), channel(), author, &records, now)
            .expect("it wrote them");
        assert_eq!(state(&self.sds), before);
    }
}

/// Takes the bytes as the records of a channel: opening it reads them or refuses them.
///
/// # Panics
///
/// If that does not hold.
pub fn channel_records(data: &[u8]) {
    let mut store = MemoryChannel::default();
    let mut halves = pieces(data);
    while let (Some((_, key)), Some((_, value))) = (halves.next(), halves.next()) {
        if let Ok(key) = RecordKey::from_bytes(key) {
            let change = RecordChange::Put(key, value.to_vec());
            store.commit(vec![change]).expect("memory does not fail");
        }
    }
    let records = store.records().expect("memory does not fail");
    let author = Author::Named(name(0));
    let now = Tick::new(Duration::from_secs(1_800_000_000));
    let config = ChannelConfig::default();
    let _ = Channel::open(config, channel(), author, Protection::Clear, &records, now);
}

/// Takes the bytes as what one member of a sealed channel says, and what is done to the frames on
/// their way to another: a changed, cut or lengthened one is refused and changes nothing, as are
/// bytes that nobody sealed; and what was sealed opens to what was said.
///
/// # Panics
///
/// If that does not hold.
pub fn sealed(data: &[u8]) {
    let (mut saro, mut raya) = (Sealed::new(0), Sealed::new(1));
    let mut said = Vec::new();
    for (command, bytes) in pieces(data).take(16) {
        let forged = match command % 4 {
            0 => {
                if saro.channel.send(NOW, bytes).is_ok() {
                    said.push(bytes.to_vec());
                }
                saro.settle();
                continue;
            }
            1 => saro.damaged(bytes),
            2 => saro.cut_or_lengthened(bytes),
            _ => Some(bytes.to_vec()),
        };
        forged.into_iter().for_each(|forged| raya.refuses(&forged));
    }
    // As they were sealed, each answered, until there is nothing more to say.
    for _ in 0..=said.len() {
        saro.speak_to(&mut raya);
        raya.speak_to(&mut saro);
    }
    assert_eq!(raya.heard, said);
}

const NOW: Tick = Tick::new(Duration::from_secs(1_800_000_000));

/// A member of a sealed channel, and what it published and heard.
struct Sealed {
    channel: Channel,
    rng: ChaCha20Rng,
    frames: Vec<Vec<u8>>,
    /// Frames that the other has.
    told: usize,
    heard: Vec<Vec<u8>>,
}

impl Sealed {
    fn new(number: u8) -> Self {
        let key = ChannelKey::new(&Secret::new([7; 32]), &channel());
        let author = Author::Named(name(number));
        let config = ChannelConfig::default();
        let opened = Channel::open(config, channel(), author, Protection::Sealed(key), &[], NOW);
        let rng = ChaCha20Rng::seed_from_u64(number.into());
        let channel = opened.expect("it is new");
        let mut member = Self { channel, rng, frames: Vec::new(), told: 0, heard: Vec::new() };
        member.settle();
        member
    }

    /// Memory holds what is committed; takes what goes out.
    fn settle(&mut self) {
        drop(self.channel.take_changes());
        self.channel.handle_committed();
        while let Some(output) = self.channel.poll_output(&mut self.rng) {
            match output {
                ChannelOutput::Publish { payload, .. } => self.frames.push(payload),
                ChannelOutput::Event { event: ChannelEvent::Message { payload, .. }, .. } => {
                    self.heard.push(payload);
                }
                _ => {}
            }
        }
    }

    /// The frame that the first byte names, with one byte changed.
    fn damaged(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let [which, change, place, ..] = bytes else { return None };
        let mut frame = self.frame(*which)?.clone();
        let place = usize::from(*place) * usize::from(*which).max(1) % frame.len();
        frame[place] ^= (*change).max(1);
        Some(frame)
    }

    /// The frame that the first byte names, without some of its end, or with more.
    fn cut_or_lengthened(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let [which, length, more @ ..] = bytes else { return None };
        let mut frame = self.frame(*which)?.clone();
        match more {
            [] => frame.truncate(usize::from(*length) % frame.len()),
            more => frame.extend_from_slice(more),
        }
        Some(frame)
    }

    fn frame(&self, which: u8) -> Option<&Vec<u8>> {
        self.frames.get(usize::from(which) % self.frames.len().max(1))
    }

    fn refuses(&mut self, forged: &[u8]) {
        let before = format!("{:?}", self.channel);
        let refused = self.channel.handle_frame(NOW, forged, None);
        assert!(matches!(refused, Err(FrameError::Unreadable(_))));
        assert_eq!(format!("{:?}", self.channel), before, "nothing changes");
        assert!(self.channel.take_changes().is_empty());
    }

    fn speak_to(&mut self, other: &mut Self) {
        for frame in &self.frames[self.told..] {
            assert!(frame.len() > SEAL_BYTES);
            other.channel.handle_frame(NOW, frame, None).expect("it was sealed");
            other.settle();
        }
        self.told = self.frames.len();
    }
}

/// Reads the bytes as something said in a chat: one frame has one form.
///
/// # Panics
///
/// If that does not hold.
pub fn content(data: &[u8]) {
    if let Ok(frame) = ContentFrame::decode(data) {
        assert_eq!(frame.encode(), data);
    }
}

/// The bytes cut up: each piece has a byte of its own and a byte of length before it.
fn pieces(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let [first, length, tail @ ..] = rest else { return None };
        let (piece, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        Some((*first, piece))
    })
}

fn name(number: u8) -> ParticipantId {
    ParticipantId::new(&format!("member {number}")).expect("short")
}

fn channel() -> ChannelId {
    ChannelId::new("channel").expect("short")
}
