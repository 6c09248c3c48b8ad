//! Events in the order of their times.

use std::collections::VecDeque;
use std::time::Duration;

use logos_crypto::tick::Tick;

/// A calendar queue: a ring of buckets, each a short span of time, of which only the present one
/// is sorted. Adding and taking cost the same however many events wait.
pub struct Calendar<E> {
    width: u64,
    ring: Vec<Vec<(u64, E)>>,
    /// The number of the present bucket, from the origin.
    present: u64,
    due: VecDeque<(u64, E)>,
    len: usize,
}

/// Buckets of the ring. What lies more than a lap ahead waits in its bucket for its lap.
const BUCKETS: u64 = 1 << 16;

impl<E: Copy + Ord> Calendar<E> {
    pub fn new(width: Duration) -> Self {
        let ring = (0..BUCKETS).map(|_| Vec::new()).collect();
        let width = (width.as_nanos() as u64).max(1);
        Self { width, ring, present: 0, due: VecDeque::new(), len: 0 }
    }

    /// Adds an event, which must not lie before the last one taken.
    pub fn push(&mut self, at: Tick, event: E) {
        let entry = (at.since_origin().as_nanos() as u64, event);
        let bucket = entry.0 / self.width;
        self.len += 1;
        if bucket > self.present {
            self.ring[(bucket % BUCKETS) as usize].push(entry);
        } else {
            let place = self.due.partition_point(|due| *due < entry);
            self.due.insert(place, entry);
        }
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(Tick, E)> {
        if self.len == 0 {
            return None;
        }
        while self.due.is_empty() {
            self.turn();
        }
        self.len -= 1;
        let (at, event) = self.due.pop_front()?;
        Some((Tick::new(Duration::from_nanos(at)), event))
    }

    /// Goes on to the next bucket.
    fn turn(&mut self) {
        self.present += 1;
        let (width, present) = (self.width, self.present);
        let bucket = &mut self.ring[(present % BUCKETS) as usize];
        let this_lap = bucket.extract_if(.., |(at, _)| *at / width == present);
        self.due.extend(this_lap);
        self.due.make_contiguous().sort_unstable();
    }
}
