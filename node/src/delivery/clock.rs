//! The node's clock, for machines that are told the time.

use logos_crypto::tick::Tick;
use tokio::time::Instant;

/// Ticks since the node started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub(super) fn now(self) -> Tick {
        Tick::new(self.start.elapsed())
    }

    pub(super) fn instant(self, tick: Tick) -> Instant {
        self.start + tick.since_origin()
    }
}
