//! Sessions: their frames, and two ends over a link that does what the input says.

use std::time::Duration;

use logos_crypto::tick::Tick;
use logos_mix::Surb;
use logos_mix::layout::SURB_BYTES;
use logos_mix::session::{
    FRAME_OVERHEAD, Session, SessionConfig, SessionError, SessionId, SessionOutput,
};

/// Takes the bytes as a frame of the session that they name: a refused one changes nothing at
/// either end, and a good one gives no more bytes than it has.
///
/// # Panics
///
/// If that does not hold.
pub fn session_frame(data: &[u8]) {
    let Some(id) = SessionId::of_frame(data) else { return };
    for mut end in [Session::initiate(id, config()), Session::respond(id, config())] {
        let before = format!("{end:?}");
        match end.handle_frame(data, Vec::new()) {
            Err(error) => {
                assert_ne!(error, SessionError::Foreign, "the session is the one it names");
                assert_eq!(format!("{end:?}"), before, "{error}");
            }
            Ok(()) => {
                assert!(end.read().len() <= data.len().saturating_sub(FRAME_OVERHEAD));
                assert!(end.is_flushed(), "nothing was written");
            }
        }
    }
}

/// Plays the bytes, two at a time, as what two ends write and what their link does: what is read
/// is what was written so far, and what is acknowledged was read. At the end the link loses
/// nothing, and either everything of the initiator's arrives or it gives up.
///
/// # Panics
///
/// If that does not hold.
pub fn session(data: &[u8]) {
    let mut link = Link::new();
    let (steps, _) = data.as_chunks::<2>();
    for [what, with] in steps.iter().take(MAX_STEPS) {
        link.step(*what, *with);
        link.check();
    }
    link.settle();
}

/// Steps of a run.
const MAX_STEPS: usize = 200;
/// Frames that are in the air at once; the link loses what comes on top.
const MAX_FLYING: usize = 512;

fn config() -> SessionConfig {
    SessionConfig { chunk_bytes: 8, backlog: 64, ..SessionConfig::default() }
}

struct Flying {
    to: usize,
    data: Vec<u8>,
    surbs: usize,
}

struct Link {
    now: Tick,
    ends: [Session; 2],
    flying: Vec<Flying>,
    written: [Vec<u8>; 2],
    read: [Vec<u8>; 2],
}

impl Link {
    fn new() -> Self {
        let id = SessionId::of_frame(&[9; 16]).expect("16 bytes are an identifier");
        Self {
            now: Tick::ORIGIN,
            ends: [Session::initiate(id, config()), Session::respond(id, config())],
            flying: Vec::new(),
            written: [Vec::new(), Vec::new()],
            read: [Vec::new(), Vec::new()],
        }
    }

    fn step(&mut self, what: u8, with: u8) {
        let end = usize::from(with & 1);
        match what % 6 {
            0 => self.write(end, with),
            1 => self.deliver(with, false),
            2 => self.deliver(with, true),
            3 if !self.flying.is_empty() => {
                let lost = usize::from(with) % self.flying.len();
                self.flying.swap_remove(lost);
            }
            4 => self.now = self.now + Duration::from_millis(500 * u64::from(with)),
            5 => self.ends[end].finish(),
            _ => {}
        }
        self.drain();
    }

    fn write(&mut self, end: usize, n: u8) {
        let from = self.written[end].len();
        let bytes: Vec<u8> = (0..usize::from(n)).map(|i| (from + i).to_le_bytes()[0]).collect();
        let taken = self.ends[end].write(&bytes);
        self.written[end].extend_from_slice(&bytes[..taken]);
    }

    /// Delivers one frame of those in the air, any of them, and leaves a copy there if it is to
    /// come again.
    fn deliver(&mut self, which: u8, again: bool) {
        if self.flying.is_empty() {
            return;
        }
        let at = usize::from(which) % self.flying.len();
        let frame = self.flying.remove(at);
        let surbs = (0..frame.surbs).map(|_| Surb::from_bytes(&[1; SURB_BYTES])).collect();
        let taken = self.ends[frame.to].handle_frame(&frame.data, surbs);
        assert!(taken.is_ok(), "an honest frame is taken: {taken:?}");
        self.read[frame.to].extend(self.ends[frame.to].read());
        if again {
            self.flying.push(frame);
        }
    }

    fn drain(&mut self) {
        for from in 0..2 {
            while let Some(output) = self.ends[from].poll_output(self.now) {
                let (data, surbs) = match output {
                    SessionOutput::Message { data, replies } => (data, replies),
                    SessionOutput::Reply { data, .. } => (data, 0),
                    other => panic!("{other:?}"),
                };
                if self.flying.len() < MAX_FLYING {
                    self.flying.push(Flying { to: 1 - from, data, surbs });
                }
            }
        }
    }

    fn check(&self) {
        for (from, to) in [(0, 1), (1, 0)] {
            assert!(self.written[from].starts_with(&self.read[to]), "bytes come as written");
            if self.ends[from].is_flushed() {
                assert_eq!(self.written[from], self.read[to], "acknowledged is read");
            }
        }
        assert!(self.ends[1].surbs() <= 2 * config().surbs);
    }

    /// Delivers everything in order and lets time pass until nothing happens any more.
    fn settle(&mut self) {
        for _ in 0..20_000 {
            self.drain();
            if !self.flying.is_empty() {
                self.deliver(0, false);
                self.check();
                continue;
            }
            let alive = self.ends.iter().filter(|end| !end.is_broken());
            let later = alive.filter_map(Session::next_deadline).filter(|due| *due > self.now);
            let Some(next) = later.min() else {
                let sender = &self.ends[0];
                assert!(sender.is_flushed() || sender.is_broken(), "the link was good");
                return;
            };
            self.now = next;
        }
        panic!("the session does not come to rest");
    }
}
