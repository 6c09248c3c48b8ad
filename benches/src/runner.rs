//! Runs areas and collects their figures.

mod child;
mod clock;
mod rounds;
mod side;
mod stats;

use anyhow::Result;

pub use self::child::{Alone, Child, FLAG as CHILD_FLAG, Lap, run as run_child, spawn};
pub use self::clock::Clock;
pub use self::rounds::{Effort, Outcome, play};
pub use self::side::Side;
pub use self::stats::{median, nanoseconds, quantile};
use crate::report::{Figure, Info, Report, Unit};

/// A set of figures about one part of the stack.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// The word before the dot in a figure's name.
    pub name: &'static str,
    /// One line for `--list`.
    pub about: &'static str,
    /// Measures the figures.
    pub figures: fn(&mut Runner) -> Result<()>,
    /// Sides that run in a process of their own, named `<figure>.<side>`.
    pub children: &'static [Child],
}

/// Collects the figures of areas.
#[derive(Debug)]
pub struct Runner {
    area: &'static str,
    peer: String,
    clock: Clock,
    quick: bool,
    only: Vec<String>,
    report: Report,
}

impl Runner {
    /// A runner that measures whatever matches one of `only` (`<area>` or `<area>.<figure>`), or
    /// everything if `only` is empty. `quick` checks that it runs and takes no care of precision.
    #[must_use]
    pub fn new(quick: bool, only: Vec<String>) -> Self {
        Self {
            area: "",
            peer: String::new(),
            clock: Clock::Cpu,
            quick,
            only,
            report: Report::default(),
        }
    }

    /// Is this a check that everything runs? Then an area may take smaller inputs.
    #[must_use]
    pub const fn quick(&self) -> bool {
        self.quick
    }

    /// Runs an area if it is wanted.
    pub fn run(&mut self, area: &Area) -> Result<()> {
        self.area = area.name;
        self.peer.clear();
        self.clock = Clock::Cpu;
        let prefix = format!("{}.", area.name);
        let wanted = self.only.is_empty()
            || self.only.iter().any(|only| only == area.name || only.starts_with(&prefix));
        if wanted { (area.figures)(self) } else { Ok(()) }
    }

    /// Is the figure `name` of this area wanted? For areas to skip what prepares it.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let full = self.full(name);
        self.only.is_empty() || self.only.iter().any(|only| only == self.area || *only == full)
    }

    /// Names the peer of the figures that follow, with its version.
    pub fn against(&mut self, peer: impl Into<String>) -> &mut Self {
        self.peer = peer.into();
        self
    }

    /// Measures the figures that follow with `clock`. An area starts with [`Clock::Cpu`].
    pub const fn clock(&mut self, clock: Clock) -> &mut Self {
        self.clock = clock;
        self
    }

    /// Compares work that can be repeated on the same input.
    pub fn compare<A, B>(
        &mut self,
        name: &str,
        ours: impl FnMut() -> A,
        theirs: impl FnMut() -> B,
    ) {
        self.compare_sides(name, Side::new(ours), Side::new(theirs));
    }

    /// Compares two [`Side`]s, for batches and for work that consumes its input.
    pub fn compare_sides(&mut self, name: &str, mut ours: Side<'_>, mut theirs: Side<'_>) {
        if !self.wants(name) {
            return;
        }
        let effort = if self.quick { Effort::QUICK } else { Effort::FULL };
        let outcome = play(&effort, self.clock, &mut ours, &mut theirs);
        self.figure(name, Unit::Nanoseconds, outcome);
    }

    /// Compares what two children cost that start from nothing, `<name>.ours` and `<name>.theirs`
    /// in [`Area::children`], and tells both sides' peak memory.
    pub fn compare_alone(&mut self, name: &str) -> Result<()> {
        if !self.wants(name) {
            return Ok(());
        }
        let rounds = if self.quick { 1 } else { 9 };
        let mut costs = Vec::with_capacity(rounds);
        let mut peaks = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let ours = spawn(&format!("{}.ours", self.full(name)))?;
            let theirs = spawn(&format!("{}.theirs", self.full(name)))?;
            costs.push((nanoseconds(ours.spent), nanoseconds(theirs.spent)));
            peaks.push((bytes(ours.peak_bytes), bytes(theirs.peak_bytes)));
        }
        self.figure(name, Unit::Nanoseconds, Outcome::of(&costs));
        self.figure(&format!("{name}_memory"), Unit::Bytes, Outcome::of(&peaks));
        Ok(())
    }

    /// Compares the peak memory of two children, `<name>.ours` and `<name>.theirs`.
    pub fn compare_memory(&mut self, name: &str) -> Result<()> {
        if !self.wants(name) {
            return Ok(());
        }
        let ours = spawn(&format!("{}.ours", self.full(name)))?.peak_bytes;
        let theirs = spawn(&format!("{}.theirs", self.full(name)))?.peak_bytes;
        self.figure(name, Unit::Bytes, Outcome::of(&[(bytes(ours), bytes(theirs))]));
        Ok(())
    }

    /// Tells a value that has no peer.
    pub fn info(&mut self, name: &str, value: f64, unit: Unit) {
        if self.wants(name) {
            let info = Info { name: self.full(name), value, unit };
            println!("  {info}");
            self.report.infos.push(info);
        }
    }

    /// Tells the median and the 99th percentile of `samples`, as `<name>_p50` and `<name>_p99`.
    pub fn percentiles(&mut self, name: &str, samples: &[f64], unit: Unit) {
        self.info(&format!("{name}_p50"), quantile(samples, 0.5), unit);
        self.info(&format!("{name}_p99"), quantile(samples, 0.99), unit);
    }

    /// Everything that was measured.
    #[must_use]
    pub fn into_report(self) -> Report {
        self.report
    }

    fn full(&self, name: &str) -> String {
        format!("{}.{name}", self.area)
    }

    fn figure(&mut self, name: &str, unit: Unit, outcome: Outcome) {
        let clock = match unit {
            Unit::Bytes => "peak".to_owned(),
            _ => self.clock.to_string(),
        };
        let figure =
            Figure { name: self.full(name), peer: self.peer.clone(), unit, clock, outcome };
        println!("  {figure}");
        self.report.figures.push(figure);
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory is below 2^53 bytes")]
const fn bytes(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area() -> Area {
        fn figures(runner: &mut Runner) -> Result<()> {
            runner.against("nobody 1.0").compare("one", || 1, || 1);
            runner.compare("two", || 2, || 2);
            runner.info("three", 3.0, Unit::Bytes);
            Ok(())
        }
        Area { name: "toy", about: "", figures, children: &[] }
    }

    fn names(only: &[&str]) -> Vec<String> {
        let mut runner = Runner::new(true, only.iter().map(ToString::to_string).collect());
        runner.run(&area()).unwrap();
        let report = runner.into_report();
        let figures = report.figures.into_iter().map(|figure| figure.name);
        figures.chain(report.infos.into_iter().map(|info| info.name)).collect()
    }

    #[test]
    fn a_name_selects_an_area_or_one_figure() {
        assert_eq!(names(&[]), ["toy.one", "toy.two", "toy.three"]);
        assert_eq!(names(&["toy"]).len(), 3);
        assert_eq!(names(&["toy.two"]), ["toy.two"]);
        assert_eq!(names(&["other", "toyota"]), Vec::<String>::new());
    }
}
