//! Holding packets for a random time.

use alloc::collections::BTreeMap;
use core::time::Duration;

use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::route::Hold;

/// Longest delay in multiples of the mean: `-ln(1e-6)`. One packet in a million is cut.
const TAIL: f64 = 13.815_510_557_964_274;

/// How a node turns what a header says into a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayPolicy {
    /// Added to every delay. It hides nothing and gives the spam proof time to be made.
    pub floor: Duration,
    /// No packet is held longer.
    pub longest: Duration,
}

impl Default for DelayPolicy {
    fn default() -> Self {
        Self { floor: Duration::ZERO, longest: Duration::from_secs(60) }
    }
}

impl DelayPolicy {
    /// Draws how long to hold a packet: for a mean, the floor and an exponential time.
    pub fn draw(&self, hold: Hold, rng: &mut (impl CryptoRng + ?Sized)) -> Duration {
        let time = match hold {
            Hold::Mean(mean) => exponential(mean.duration(), rng),
            Hold::Exactly(time) => time,
        };
        self.floor.saturating_add(time).min(self.longest)
    }
}

/// An exponential time of this mean, cut at 13.8 times the mean.
///
/// Exponential because it has no memory: how long a packet has waited says nothing about how
/// long it will.
pub fn exponential(mean: Duration, rng: &mut (impl CryptoRng + ?Sized)) -> Duration {
    // 53 uniform bits, in (0, 1].
    let uniform = ((rng.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
    mean.mul_f64((-libm::log(uniform)).clamp(0.0, TAIL))
}

/// The queue has no room.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("delay queue is full")]
pub struct QueueFull;

/// Packets in the order of their departure.
///
/// When it is full, what comes is refused and what is held stays: a flood cannot push out the
/// packets that the flooder wants to see alone.
#[derive(Debug)]
pub struct DelayQueue<T> {
    // The number keeps packets that leave at the same moment apart.
    held: BTreeMap<(Tick, u64), T>,
    next: u64,
    capacity: usize,
}

impl<T> DelayQueue<T> {
    /// An empty queue for `capacity` packets.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { held: BTreeMap::new(), next: 0, capacity }
    }

    /// Whether there is no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.held.len() >= self.capacity
    }

    /// Holds `item` until `departure`.
    ///
    /// # Errors
    ///
    /// [`QueueFull`] if there is no room.
    pub fn push(&mut self, departure: Tick, item: T) -> Result<(), QueueFull> {
        if self.is_full() {
            return Err(QueueFull);
        }
        self.held.insert((departure, self.next), item);
        self.next = self.next.wrapping_add(1);
        Ok(())
    }

    /// The next item whose time has come and that `is_ready`.
    pub fn pop(&mut self, now: Tick, mut is_ready: impl FnMut(&T) -> bool) -> Option<T> {
        let due = self.held.range(..=(now, u64::MAX)).find(|(_, item)| is_ready(item));
        let key = due.map(|(key, _)| *key)?;
        self.held.remove(&key)
    }

    /// When the next item leaves.
    #[must_use]
    pub fn next_departure(&self) -> Option<Tick> {
        self.held.keys().next().map(|(departure, _)| *departure)
    }

    /// Items held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::route::MeanDelay;

    #[test]
    fn delays_are_exponential_over_the_floor() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let policy = DelayPolicy { floor: Duration::from_millis(100), ..DelayPolicy::default() };
        let mean = Hold::Mean(MeanDelay::from_millis(200).unwrap());
        let n = 100_000;
        let over: std::vec::Vec<f64> = (0..n)
            .map(|_| (policy.draw(mean, &mut rng) - policy.floor).as_secs_f64() / 0.2)
            .collect();
        let average = over.iter().sum::<f64>() / f64::from(n);
        let above = |x: f64| over.iter().filter(|y| **y > x).count() as f64 / f64::from(n);
        assert!((average - 1.0).abs() < 0.02, "{average}");
        // The distribution function at three points, within five standard deviations.
        for x in [0.2, 1.0, 3.0] {
            assert!((above(x) - libm::exp(-x)).abs() < 0.008, "{x}");
        }
    }

    #[test]
    fn a_full_queue_keeps_what_it_holds() {
        let mut queue = DelayQueue::new(2);
        let at = |ms| Tick::ORIGIN + Duration::from_millis(ms);
        queue.push(at(20), 'b').unwrap();
        queue.push(at(10), 'a').unwrap();
        assert_eq!(queue.push(at(5), 'c'), Err(QueueFull));
        assert_eq!(queue.next_departure(), Some(at(10)));
        assert_eq!(queue.pop(at(9), |_| true), None);
        assert_eq!(queue.pop(at(30), |_| true), Some('a'));
        assert_eq!(queue.pop(at(30), |_| false), None);
        assert_eq!(queue.pop(at(30), |_| true), Some('b'));
        assert!(queue.is_empty());
    }
}
