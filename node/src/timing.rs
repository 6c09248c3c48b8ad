//! How long things took, and how much memory.

use std::time::{Duration, Instant};

/// Durations of one kind of work.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use logos_node::Samples;
///
/// let samples: Samples = (1..=100).map(Duration::from_millis).collect();
/// assert_eq!(samples.percentile(50), Duration::from_millis(50));
/// assert_eq!(samples.percentile(99), Duration::from_millis(99));
/// assert_eq!(samples.total(), Duration::from_millis(5050));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    // Invariant: sorted.
    sorted: Vec<Duration>,
}

impl FromIterator<Duration> for Samples {
    fn from_iter<T: IntoIterator<Item = Duration>>(samples: T) -> Self {
        let mut sorted: Vec<Duration> = samples.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

impl Samples {
    /// Does `work` and says how long it took.
    pub fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
        let start = Instant::now();
        let result = work();
        (result, start.elapsed())
    }

    /// The smallest duration that at least `percent` in a hundred do not exceed; zero of none.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.sorted.len() * percent).div_ceil(100);
        self.sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.sorted.iter().sum()
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Are there none?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// How many of these one thread does in a second; zero if they took no time.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        let seconds = self.total().as_secs_f64();
        let count = u32::try_from(self.len()).map_or(f64::INFINITY, f64::from);
        if seconds > 0.0 { count / seconds } else { 0.0 }
    }
}

/// The most memory this process ever had resident, where the system tells (Linux).
#[must_use]
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_few_samples_are_samples() {
        let none = Samples::default();
        assert_eq!((none.percentile(50), none.per_second()), (Duration::ZERO, 0.0));
        let one: Samples = [Duration::from_secs(2)].into_iter().collect();
        assert_eq!(one.percentile(1), one.percentile(99));
        assert!((one.per_second() - 0.5).abs() < 1e-9);
    }
}
