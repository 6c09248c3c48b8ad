//! What each step on the way to the prover gave: the figures and plots of `docs/prover.md`.
//!
//! ```console
//! $ cargo bench -p logos-benches --bench steps -- --plots docs/plots
//! ```
//!
//! Every row of every chart is measured in every round, one after another on one thread, and what
//! counts is the median of the rounds: a slow minute meets all rows alike.

mod proofs;
mod sums;

use anyhow::Result;

use crate::machine::{Machine, backend};
use crate::report::{Bar, Chart, Scale};
use crate::runner::{Clock, median, nanoseconds};

pub use self::proofs::{messages, whole};
pub use self::sums::sums;

/// Rounds whose median counts.
pub const ROUNDS: usize = 9;

/// All charts, in the order of the document.
pub fn charts(rounds: usize) -> Result<Vec<Chart>> {
    Ok(vec![whole(rounds)?, sums(rounds)?, messages(rounds)?])
}

/// The machine, as every chart names it.
#[must_use]
pub fn subtitle() -> String {
    Machine::look().to_string()
}

/// Work that gives one row.
struct Row<'a> {
    label: String,
    theirs: bool,
    work: Box<dyn FnMut() -> Result<()> + 'a>,
}

impl<'a> Row<'a> {
    fn ours<T>(label: impl Into<String>, work: impl FnMut() -> Result<T> + 'a) -> Self {
        Self::new(label, false, work)
    }

    fn theirs<T>(label: impl Into<String>, work: impl FnMut() -> Result<T> + 'a) -> Self {
        Self::new(label, true, work)
    }

    fn new<T>(
        label: impl Into<String>,
        theirs: bool,
        mut work: impl FnMut() -> Result<T> + 'a,
    ) -> Self {
        let work = Box::new(move || work().map(|made| drop(std::hint::black_box(made))));
        Self { label: label.into(), theirs, work }
    }
}

/// Measures rows, round by round; the first round warms up.
fn measure(
    (name, title): (&'static str, &'static str),
    scale: Scale,
    rounds: usize,
    mut rows: Vec<Row<'_>>,
) -> Result<Chart> {
    let mut times = vec![Vec::with_capacity(rounds); rows.len()];
    for round in 0..=rounds {
        for (row, times) in rows.iter_mut().zip(&mut times) {
            let (time, result) = Clock::Cpu.time(&mut row.work);
            result?;
            if round > 0 {
                times.push(nanoseconds(time));
            }
        }
    }
    let bars = rows.into_iter().zip(&times).map(|(row, times)| Bar {
        label: row.label,
        ns: median(times),
        theirs: row.theirs,
    });
    Ok(Chart { name, title, subtitle: subtitle(), scale, bars: bars.collect() })
}

/// The backends to show: the portable one, and lanes where there are any.
fn backends() -> Vec<(logos_crypto::backend::Backend, &'static str)> {
    use logos_crypto::backend::Backend;
    let mut all = vec![(Backend::Portable, "portable")];
    if backend() == Backend::Ifma {
        all.push((Backend::Ifma, "lanes"));
    }
    all
}
