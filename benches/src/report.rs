//! What was measured, for people and for machines.

mod chart;
mod json;
mod plot;

use std::fmt;

pub use self::chart::{Bar, Chart, Scale};
pub use self::json::to_json;
pub use self::plot::to_svg;
use crate::runner::Outcome;

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Nanoseconds.
    Nanoseconds,
    /// Things in a second.
    PerSecond,
}

impl Unit {
    /// The unit's word in machine lines and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Nanoseconds => "ns",
            Self::PerSecond => "per_second",
        }
    }

    /// `value` with three digits and a prefix.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        let (value, suffix) = match self {
            Self::Bytes => prefix(value, 1024.0, &["B", "KiB", "MiB", "GiB"]),
            Self::Nanoseconds => prefix(value, 1000.0, &["ns", "us", "ms", "s"]),
            Self::PerSecond => prefix(value, 1000.0, &["/s", "k/s", "M/s", "G/s"]),
        };
        let decimals = if value < 10.0 {
            2
        } else if value < 100.0 {
            1
        } else {
            0
        };
        format!("{value:.decimals$} {suffix}")
    }
}

fn prefix<'a>(value: f64, step: f64, suffixes: &[&'a str]) -> (f64, &'a str) {
    let mut scaled = value;
    let mut suffixes = suffixes.iter().copied().peekable();
    let mut suffix = suffixes.next().unwrap_or_default();
    while scaled >= step && suffixes.peek().is_some() {
        scaled /= step;
        suffix = suffixes.next().unwrap_or_default();
    }
    (scaled, suffix)
}

/// One comparison.
#[derive(Clone, Debug)]
pub struct Figure {
    /// `<area>.<name>`.
    pub name: String,
    /// Who is compared with.
    pub peer: String,
    /// What the costs count.
    pub unit: Unit,
    /// How they were counted.
    pub clock: String,
    /// What was found.
    pub outcome: Outcome,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { ours_ns, theirs_ns, ratio, low, high, rounds } = self.outcome;
        write!(
            f,
            "{:<26} {:>10} {:>10}  x{ratio:<8.2} {low:.2}..{high:.2}, {rounds} rounds, {}; {}",
            self.name,
            self.unit.show(ours_ns),
            self.unit.show(theirs_ns),
            self.clock,
            self.peer,
        )
    }
}

/// One value without a peer.
#[derive(Clone, Debug)]
pub struct Info {
    /// `<area>.<name>`.
    pub name: String,
    /// The value, in `unit`.
    pub value: f64,
    /// What it counts.
    pub unit: Unit,
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<26} {:>10}", self.name, self.unit.show(self.value))
    }
}

/// Everything one run measured.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Comparisons, in the order they were made.
    pub figures: Vec<Figure>,
    /// Values without a peer.
    pub infos: Vec<Info>,
}

impl Report {
    /// One line for each figure: `ratio <area>.<name> <value>`, and one for each other value:
    /// `info <area>.<name> <value> <unit>`.
    #[must_use]
    pub fn machine_lines(&self) -> String {
        let ratios = self
            .figures
            .iter()
            .map(|figure| format!("ratio {} {:.3}\n", figure.name, figure.outcome.ratio));
        let infos = self
            .infos
            .iter()
            .map(|info| format!("info {} {} {}\n", info.name, info.value, info.unit.word()));
        ratios.chain(infos).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> Report {
        Report {
            figures: vec![Figure {
                name: "toy.one".into(),
                peer: "peer <1>".into(),
                unit: Unit::Nanoseconds,
                clock: "cpu".into(),
                outcome: Outcome::of(&[(1500.0, 3000.0)]),
            }],
            infos: vec![Info { name: "toy.size".into(), value: 2048.0, unit: Unit::Bytes }],
        }
    }

    #[test]
    fn machines_get_one_line_a_figure() {
        assert_eq!(sample().machine_lines(), "ratio toy.one 2.000\ninfo toy.size 2048 bytes\n");
    }

    #[test]
    fn people_get_units_they_can_read() {
        assert_eq!(Unit::Nanoseconds.show(1_234_567.0), "1.23 ms");
        assert_eq!(Unit::Nanoseconds.show(272e6), "272 ms");
        assert_eq!(Unit::Bytes.show(67_108_864.0), "64.0 MiB");
        assert_eq!(Unit::PerSecond.show(0.5), "0.50 /s");
    }
}
