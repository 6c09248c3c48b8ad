use std::vec;

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::layout::SURB_BYTES;

/// Two ends over a channel that loses and reorders.
struct Pair {
    now: Tick,
    rng: ChaCha20Rng,
    ends: [Session; 2],
    channel: alloc::collections::BTreeMap<(Tick, u64), (usize, Vec<u8>, usize)>,
    sent: u64,
    loss_percent: u64,
}

impl Pair {
    fn new(config: SessionConfig, loss_percent: u64, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let id = SessionId::random(&mut rng);
        Self {
            now: Tick::ORIGIN,
            ends: [Session::initiate(id, config), Session::respond(id, config)],
            rng,
            channel: alloc::collections::BTreeMap::new(),
            sent: 0,
            loss_percent,
        }
    }

    fn drain(&mut self, from: usize) {
        while let Some(output) = self.ends[from].poll_output(self.now) {
            let (data, surbs) = match output {
                SessionOutput::Message { data, replies } => (data, replies),
                SessionOutput::Reply { data, .. } => (data, 0),
            };
            self.sent += 1;
            assert!(self.sent < 20_000, "the session does not come to rest");
            if self.rng.next_u64() % 100 >= self.loss_percent {
                let latency = Duration::from_millis(self.rng.next_u64() % 4000);
                self.channel.insert((self.now + latency, self.sent), (1 - from, data, surbs));
            }
        }
    }

    /// Runs until nothing happens any more; gives what each end read.
    fn run(&mut self) -> [Vec<u8>; 2] {
        let mut read = [Vec::new(), Vec::new()];
        loop {
            self.drain(0);
            self.drain(1);
            let arrival = self.channel.keys().next().map(|(at, _)| *at);
            let deadlines = self.ends.iter().filter(|end| !end.is_broken());
            // What is due and was not sent waits for reply blocks.
            let deadlines = deadlines.filter_map(Session::next_deadline);
            let deadline = deadlines.filter(|deadline| *deadline > self.now).min();
            let Some(next) = arrival.into_iter().chain(deadline).min() else { return read };
            self.now = self.now.max(next);
            while let Some(entry) = self.channel.first_entry().filter(|e| e.key().0 <= self.now) {
                let (to, data, surbs) = entry.remove();
                let surbs = (0..surbs).map(|_| Surb::from_bytes(&[1; SURB_BYTES])).collect();
                self.ends[to].handle_frame(&data, surbs).unwrap();
                read[to].extend(self.ends[to].read());
            }
        }
    }
}

#[test]
fn a_stream_arrives_whole_in_both_directions_over_a_lossy_mix() {
    for (loss, copies) in [(0, 1), (5, 1), (20, 2)] {
        let config = SessionConfig { copies, ..SessionConfig::default() };
        let mut pair = Pair::new(config, loss, 7);
        let (there, back) = (vec![1; 100_000], vec![2; 60_000]);
        assert_eq!(pair.ends[0].write(&there), there.len());
        assert_eq!(pair.ends[1].write(&back), back.len());
        pair.ends[0].finish();
        pair.ends[1].finish();
        let read = pair.run();
        assert!(read[1] == there, "{loss}: {}", read[1].len());
        assert!(read[0] == back, "{loss}: {}", read[0].len());
        assert!(pair.ends.iter().all(|end| end.is_finished() && end.is_flushed()), "{loss}");
    }
}

#[test]
fn an_end_without_reply_blocks_says_nothing_and_loses_nothing() {
    let mut pair = Pair::new(SessionConfig::default(), 0, 1);
    pair.ends[1].write(b"hello");
    assert_eq!(pair.ends[1].poll_output(Tick::ORIGIN), None);
    pair.ends[0].write(b"?");
    let read = pair.run();
    assert_eq!(read, [b"hello".to_vec(), b"?".to_vec()]);
}

#[test]
fn a_session_whose_other_end_is_gone_breaks_after_its_tries() {
    let mut pair = Pair::new(SessionConfig::default(), 100, 1);
    pair.ends[0].write(b"hello");
    pair.run();
    assert!(pair.ends[0].is_broken());
}

#[test]
fn foreign_frames_and_chunks_far_ahead_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let config = SessionConfig::default();
    let id = SessionId::random(&mut rng);
    let mut session = Session::respond(id, config);
    let mut other = Session::initiate(SessionId::random(&mut rng), config);
    other.write(b"x");
    let Some(SessionOutput::Message { data, .. }) = other.poll_output(Tick::ORIGIN) else {
        panic!("nothing to send")
    };
    assert_eq!(session.handle_frame(&data, Vec::new()), Err(SessionError::Foreign));
    let ack = stream::Ack { next: 0, bitmap: [0; 32] };
    let chunk = Some((300, false, vec![1]));
    let far = Frame { session: id, wanted: 0, ack, chunk }.to_bytes();
    assert_eq!(session.handle_frame(&far, Vec::new()), Err(SessionError::BeyondWindow(300)));
    assert!(matches!(session.handle_frame(&far[..10], Vec::new()), Err(SessionError::Decode(_))));
    let surbs = (0..50).map(|_| Surb::from_bytes(&[1; SURB_BYTES])).collect();
    let none = Frame { session: id, wanted: 0, ack, chunk: None }.to_bytes();
    session.handle_frame(&none, surbs).unwrap();
    assert_eq!(session.surbs(), 20);
}

#[test]
fn a_sender_faster_than_the_reader_is_refused_until_bytes_are_read() {
    let id = SessionId::random(&mut ChaCha20Rng::seed_from_u64(1));
    let config = SessionConfig { unread: 100, ..SessionConfig::default() };
    let mut session = Session::respond(id, config);
    let ack = stream::Ack { next: 0, bitmap: [0; 32] };
    let chunk =
        |number| Frame { session: id, wanted: 0, ack, chunk: Some((number, false, vec![1; 60])) };
    session.handle_frame(&chunk(0).to_bytes(), Vec::new()).unwrap();
    session.handle_frame(&chunk(1).to_bytes(), Vec::new()).unwrap();
    let third = chunk(2).to_bytes();
    assert_eq!(session.handle_frame(&third, Vec::new()), Err(SessionError::Unread));
    assert_eq!(session.read().len(), 120);
    session.handle_frame(&third, Vec::new()).unwrap();
    assert_eq!(session.read().len(), 60);
}

proptest! {
    #[test]
    fn any_bytes_are_a_frame_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..90)) {
        if let Ok(frame) = Frame::from_bytes(&bytes) {
            prop_assert_eq!(frame.to_bytes(), bytes);
        }
    }
}
