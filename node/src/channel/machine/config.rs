//! What the members of a channel agree on, and what one of them may hold.

use std::time::Duration;

use crate::channel::sds::{Dialect, SdsConfig};
use crate::channel::segment::{ReassemblerLimits, Repeats, Segmentation};

/// Bytes of a message, at most: 20 MiB.
pub const MAX_MESSAGE_BYTES: usize = 20 << 20;

/// How a channel works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// How messages are cut. Parity pays where a segment may be lost for good; any other loss is
    /// repaired below.
    pub segmentation: Segmentation,
    /// How messages are ordered, confirmed and repaired.
    pub sds: SdsConfig,
    /// What may wait for further segments.
    pub reassembly: ReassemblerLimits,
    /// Segments of ours that are under way at one time.
    pub window: usize,
    /// Bytes of ours that wait for their turn, at most.
    pub max_queued_bytes: usize,
    /// How what was missed is fetched.
    pub backfill: BackfillConfig,
}

impl ChannelConfig {
    /// How frames are written: part of their key.
    pub(super) const fn format(&self) -> [u8; 2] {
        let dialect = match self.sds.dialect {
            Dialect::Lip => 1,
            Dialect::Nim => 2,
        };
        [dialect, self.segmentation.schema.version()]
    }
}

impl Default for ChannelConfig {
    fn default() -> Self {
        // Segments come once each and may come slowly: their sender has a budget.
        let reassembly = ReassemblerLimits {
            sets: 1024,
            bytes: 512 << 20,
            timeout: Duration::from_secs(24 * 3600),
            repeats: Repeats::Delivered,
            ..ReassemblerLimits::default()
        };
        Self {
            segmentation: Segmentation::default(),
            sds: SdsConfig::default(),
            reassembly,
            window: 64,
            max_queued_bytes: 128 << 20,
            backfill: BackfillConfig::default(),
        }
    }
}

/// How what was missed is fetched from a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackfillConfig {
    /// Messages of one page.
    pub page: u32,
    /// How far before the last fetch the next one begins, for clocks that differ.
    pub overlap: Duration,
    /// How long after a failed query the next one is made. Doubles each time, up to 64 times that.
    pub retry: Duration,
    /// How far back a new member looks.
    pub lookback: Duration,
}

impl Default for BackfillConfig {
    fn default() -> Self {
        Self {
            page: 100,
            overlap: Duration::from_secs(60),
            retry: Duration::from_secs(5),
            lookback: Duration::ZERO,
        }
    }
}
