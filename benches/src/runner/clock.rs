//! The two clocks a figure can be measured with.

use std::fmt;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What a figure's cost is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Processor time of the whole process: steady on a busy machine. For work on one thread.
    #[default]
    Cpu,
    /// Time that passed. For work on several threads, and for latency.
    Wall,
}

impl Clock {
    /// Reads the clock. Only differences mean anything.
    #[must_use]
    pub fn now(self) -> Duration {
        let id = match self {
            Self::Cpu => ClockId::ProcessCPUTime,
            Self::Wall => ClockId::Monotonic,
        };
        let time = clock_gettime(id);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
        Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
    }

    /// The cost of `run` on this clock.
    pub fn time<T>(self, run: impl FnOnce() -> T) -> (Duration, T) {
        let start = self.now();
        let output = std::hint::black_box(run());
        (self.now().saturating_sub(start), output)
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Wall => "wall",
        })
    }
}
