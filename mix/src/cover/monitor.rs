//! Watching one's own loops: lost ones show broken paths, or somebody who drops other people's
//! packets to see one alone.

use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

use logos_crypto::tick::Tick;
use rand_core::CryptoRng;

/// Names a loop packet to the node that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoopId([u8; 16]);

impl LoopId {
    /// Draws an identifier.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The identifier at the front of a loop's bytes.
    #[must_use]
    pub fn from_prefix(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|bytes| Self(*bytes))
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// When loops count as lost, and how many may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonitorConfig {
    /// How long a loop may take.
    pub timeout: Duration,
    /// Loops that a verdict looks back on.
    pub window: usize,
    /// The part of loops that is lost when nothing is wrong.
    pub usual_loss: f64,
}

impl Default for MonitorConfig {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), window: 100, usual_loss: 0.05 }
    }
}

/// What the loops of the last while say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// Too few loops to say anything.
    Unknown,
    /// As many come back as should.
    Good,
    /// More are lost than chance explains: paths are broken, or packets are held back.
    Suspect,
}

/// Counts which loops come back.
#[derive(Clone, Debug)]
pub struct LoopMonitor {
    config: MonitorConfig,
    under_way: BTreeMap<LoopId, Tick>,
    // The newest outcomes, true for a loop that came back.
    recent: VecDeque<bool>,
    returned: u64,
    lost: u64,
}

impl LoopMonitor {
    /// The least loops a verdict needs.
    const ENOUGH: usize = 20;

    /// A monitor that has seen nothing.
    #[must_use]
    pub const fn new(config: MonitorConfig) -> Self {
        Self { config, under_way: BTreeMap::new(), recent: VecDeque::new(), returned: 0, lost: 0 }
    }

    /// A loop was sent.
    pub fn handle_sent(&mut self, now: Tick, id: LoopId) {
        self.under_way.insert(id, now + self.config.timeout);
    }

    /// A loop came back; false if it was not under way: late, repeated, or somebody else's.
    pub fn handle_returned(&mut self, id: LoopId) -> bool {
        let known = self.under_way.remove(&id).is_some();
        if known {
            self.returned = self.returned.saturating_add(1);
            self.record(true);
        }
        known
    }

    /// Counts the loops whose time is over as lost.
    pub fn handle_timeout(&mut self, now: Tick) {
        let before = self.under_way.len();
        self.under_way.retain(|_, deadline| *deadline > now);
        for _ in self.under_way.len()..before {
            self.lost = self.lost.saturating_add(1);
            self.record(false);
        }
    }

    /// When [`LoopMonitor::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        self.under_way.values().min().copied()
    }

    /// Suspect if more loops of the window are lost than the usual loss explains, by four
    /// standard deviations: one false alarm in tens of thousands of windows.
    #[must_use]
    pub fn health(&self) -> Health {
        if self.recent.len() < Self::ENOUGH {
            return Health::Unknown;
        }
        let n = self.recent.len() as f64;
        let lost = self.recent.iter().filter(|back| !**back).count() as f64;
        let usual = self.config.usual_loss;
        let bound = n * usual + 4.0 * libm::sqrt(n * usual * (1.0 - usual)) + 1.0;
        if lost > bound { Health::Suspect } else { Health::Good }
    }

    /// Loops under way, come back, and lost.
    #[must_use]
    pub fn counts(&self) -> (usize, u64, u64) {
        (self.under_way.len(), self.returned, self.lost)
    }

    fn record(&mut self, returned: bool) {
        self.recent.push_back(returned);
        if self.recent.len() > self.config.window {
            self.recent.pop_front();
        }
    }
}
