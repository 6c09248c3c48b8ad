//! Cover traffic (LIP-161): when to send, how many packets an epoch allows, and what comes back.

mod monitor;

use core::time::Duration;

use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::delay::exponential;

pub use monitor::{Health, LoopId, LoopMonitor, MonitorConfig};

/// The codec of packets that a node sends to itself.
pub const COVER_CODEC: &str = "/mix/cover/1.0.0";

/// When a node sends packets of its own making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// Never on a schedule: messages leave when they come. Hides nothing about volume.
    Off,
    /// At equal intervals (LIP-161 section 7.1). Hides how much is sent; who watches long enough
    /// tells scheduled packets from forwarded ones.
    Constant,
    /// At exponential intervals of the same mean (LIP-161 section 11.5), as packets leave that
    /// were held for exponential times.
    Poisson,
}

/// A cover schedule as a deployment agrees on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoverConfig {
    /// When packets are sent.
    pub strategy: Strategy,
    /// `R`: packets a node may send in an epoch, whatever they are.
    pub slots: u32,
    /// `P`: the length of an epoch.
    pub epoch: Duration,
    /// `L`: hops of a path.
    pub hops: u32,
    /// `f`: the part of the highest safe rate that is used.
    pub fraction: f64,
    /// Whether messages of this node take the place of the cover packet that is due, so that the
    /// schedule is the same with and without them.
    pub data_replaces_cover: bool,
}

impl Default for CoverConfig {
    /// Poisson, 100 packets in 10 s, three hops, `f = 0.7`, data replaces cover.
    fn default() -> Self {
        Self {
            strategy: Strategy::Poisson,
            slots: 100,
            epoch: Duration::from_secs(10),
            hops: 3,
            fraction: 0.7,
            data_replaces_cover: true,
        }
    }
}

impl CoverConfig {
    /// The mean time between packets of the schedule: `(1 + L) * P / max(1, floor(f * R))`.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let rate = libm::floor(self.fraction.clamp(0.0, 1.0) * f64::from(self.slots)).max(1.0);
        self.epoch.mul_f64(f64::from(self.hops.saturating_add(1)) / rate)
    }
}

/// Decides when the next scheduled packet leaves.
#[derive(Clone, Debug)]
pub struct CoverSchedule {
    strategy: Strategy,
    interval: Duration,
    next: Option<Tick>,
}

impl CoverSchedule {
    /// A schedule that starts within one interval after `now`.
    pub fn new(config: &CoverConfig, now: Tick, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut schedule =
            Self { strategy: config.strategy, interval: config.interval(), next: None };
        schedule.next = match config.strategy {
            Strategy::Off => None,
            // A random phase, so that nodes that start together do not send together.
            Strategy::Constant => {
                let phase = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
                Some(now + schedule.interval.mul_f64(phase))
            }
            Strategy::Poisson => Some(now + exponential(schedule.interval, rng)),
        };
        schedule
    }

    /// Whether a packet is due; the next one is planned from when this one was.
    ///
    /// After a pause longer than an interval the missed packets are left out: a burst would tell
    /// that there was a pause.
    pub fn poll(&mut self, now: Tick, rng: &mut (impl CryptoRng + ?Sized)) -> bool {
        let Some(due) = self.next.filter(|due| *due <= now) else { return false };
        let gap = match self.strategy {
            Strategy::Poisson => exponential(self.interval, rng),
            Strategy::Constant | Strategy::Off => self.interval,
        };
        let planned = due + gap;
        self.next = Some(if planned > now { planned } else { now + gap });
        true
    }

    /// When the next packet is due.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Tick> {
        self.next
    }
}

/// No slot is left in this epoch.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no slot left in this epoch")]
pub struct NoSlot;

/// The packets a node may still send in this epoch: own ones, cover and forwarded ones draw from
/// the same pool (LIP-161 section 4).
///
/// # Security
///
/// What is left tells how much was forwarded: it stays in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotBudget {
    limit: u32,
    left: u32,
}

impl SlotBudget {
    /// A full budget.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { limit, left: limit }
    }

    /// Takes one slot.
    ///
    /// # Errors
    ///
    /// [`NoSlot`] if none is left.
    pub const fn claim(&mut self) -> Result<(), NoSlot> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(NoSlot),
        }
    }

    /// Starts an epoch: what was left is gone.
    pub const fn reset(&mut self) {
        self.left = self.limit;
    }

    /// Slots left.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.left
    }
}

#[cfg(test)]
mod tests;
