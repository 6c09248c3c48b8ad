//! `logos rln bench`

use anyhow::Result;
use clap::Args;
use logos_node::bench::{Figures, measure};
use logos_node::demo::Timing;
use logos_node::os_seeded;
use logos_rln::{Prover, Verifier};

use super::Answer;
use super::console::Console;
use super::input::KeyArgument;
use super::progress::SharedBar;

/// Measures proving and verifying on one thread of this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos rln bench
  logos rln bench --rounds 100 --json

To compare with other implementations: cargo bench -p logos-benches --bench vs -- rln")]
pub(super) struct Arguments {
    /// How often each kind of work is done
    #[arg(long, value_name = "N", default_value_t = 20)]
    rounds: u16,
    #[command(flatten)]
    key: KeyArgument,
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        let key = self.key.proving(console)?;
        let verifier = Verifier::new(key.verifying_key().clone());
        let bar = SharedBar::new();
        let rounds = usize::from(self.rounds);
        let step = |step| bar.step(step);
        let figures = measure(&Prover::new(key), &verifier, rounds, &mut os_seeded()?, &step)?;
        drop(bar);
        console.answer(&for_people(&figures), &figures)?;
        Ok(Answer::Yes)
    }
}

fn for_people(figures: &Figures) -> String {
    let memory = figures.peak_memory_bytes.map_or_else(String::new, |bytes| {
        format!("peak memory {:.1} MB\n", bytes as f64 / 1_000_000.0)
    });
    format!("{}{memory}", table(&figures.timings))
}

/// Timings in columns.
pub(super) fn table(timings: &[Timing]) -> String {
    let mut table =
        format!("{:<40} {:>6} {:>10} {:>10} {:>10}\n", "", "count", "p50 ms", "p99 ms", "per s");
    for Timing { work, count, p50_ms, p99_ms, per_second } in timings {
        let row =
            format!("{work:<40} {count:>6} {p50_ms:>10.3} {p99_ms:>10.3} {per_second:>10.1}\n");
        table.push_str(&row);
    }
    table
}
