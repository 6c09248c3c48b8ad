//! Counters and histograms in the text format of Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::trace::Traces;

/// Upper bounds of a histogram's buckets, in seconds.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How often, for one meaning.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `by` more.
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many now, for one meaning.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// One more; returns what takes it back when dropped.
    pub fn hold(&self) -> Held<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Held(self)
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One of a [`Gauge`], for as long as it lives.
#[derive(Debug)]
pub struct Held<'a>(&'a Gauge);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long things took.
#[derive(Debug, Default)]
pub struct Histogram {
    /// Entries at or under each bound, and over all of them; not added up.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
}

impl Histogram {
    /// Notes one duration.
    pub fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let place = BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS.len());
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Entries under each bound, and all of them.
    fn cumulative(&self) -> Vec<u64> {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        counts
            .scan(0, |sum, count| {
                *sum += count;
                Some(*sum)
            })
            .collect()
    }

    fn write(&self, text: &mut String, name: &str, help: &str) {
        let counts = self.cumulative();
        let bounds = BUCKETS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        let mut lines = format!("# HELP {name} {help}\n# TYPE {name} histogram\n");
        for (bound, count) in bounds.zip(&counts) {
            writeln!(lines, "{name}_bucket{{le=\"{bound}\"}} {count}").ok();
        }
        let sum = self.micros.load(Ordering::Relaxed) as f64 / 1e6;
        let all = counts.last().copied().unwrap_or_default();
        writeln!(lines, "{name}_sum {sum}\n{name}_count {all}").ok();
        text.push_str(&lines);
    }
}

/// What the service measures about itself.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Jobs taken in.
    pub submitted: Counter,
    /// Submissions that were there before.
    pub repeated: Counter,
    /// Submissions refused, for whatever reason.
    pub refused: Counter,
    /// Proofs made.
    pub proofs: Counter,
    /// Of those, made from a slot.
    pub from_slots: Counter,
    /// Slots made ahead.
    pub slots: Counter,
    /// Jobs that failed.
    pub failed: Counter,
    /// Double signals found.
    pub double_signals: Counter,
    /// Requests without a valid token.
    pub unauthenticated: Counter,
    /// Jobs that wait.
    pub queue: Gauge,
    /// Streams that are open.
    pub subscribers: Gauge,
    /// From submission to the start of the proof.
    pub queue_wait: Histogram,
    /// The proof itself.
    pub proof: Histogram,
    /// From submission until the job and its ids were durable.
    pub reserve: Histogram,
    /// What is done for single submissions, if anybody wants to know.
    pub traces: Traces,
}

impl Metrics {
    /// All of it as text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (name, help, counter) in [
            ("rln_jobs_submitted_total", "Jobs taken in", &self.submitted),
            ("rln_jobs_repeated_total", "Submissions that were there before", &self.repeated),
            ("rln_jobs_refused_total", "Submissions refused", &self.refused),
            ("rln_proofs_total", "Proofs made", &self.proofs),
            ("rln_proofs_from_slots_total", "Proofs made from a slot", &self.from_slots),
            ("rln_slots_total", "Slots made ahead", &self.slots),
            ("rln_jobs_failed_total", "Jobs that failed", &self.failed),
            ("rln_double_signals_total", "Double signals found", &self.double_signals),
            ("rln_unauthenticated_total", "Requests without a valid token", &self.unauthenticated),
        ] {
            let value = counter.get();
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}").ok();
        }
        for (name, help, gauge) in [
            ("rln_queue_depth", "Jobs that wait or are being proved", &self.queue),
            ("rln_subscribers", "Streams that are open", &self.subscribers),
        ] {
            let value = gauge.get();
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}").ok();
        }
        self.queue_wait.write(&mut text, "rln_queue_wait_seconds", "Submission to proof's start");
        self.proof.write(&mut text, "rln_proof_seconds", "Making a proof");
        self.reserve.write(&mut text, "rln_reserve_seconds", "Submission to durable reservation");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_adds_its_buckets_up() {
        let metrics = Metrics::default();
        for milliseconds in [1, 4, 4, 40_000] {
            metrics.proof.observe(Duration::from_millis(milliseconds));
        }
        metrics.proofs.add(4);
        let text = metrics.render();
        for line in [
            "rln_proofs_total 4",
            "rln_proof_seconds_bucket{le=\"0.001\"} 1",
            "rln_proof_seconds_bucket{le=\"0.005\"} 3",
            "rln_proof_seconds_bucket{le=\"30\"} 3",
            "rln_proof_seconds_bucket{le=\"+Inf\"} 4",
            "rln_proof_seconds_sum 40.009",
            "rln_proof_seconds_count 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn a_gauge_counts_who_is_there() {
        let metrics = Metrics::default();
        let held = metrics.subscribers.hold();
        assert_eq!(metrics.subscribers.get(), 1);
        drop(held);
        assert_eq!(metrics.subscribers.get(), 0);
    }
}
