//! `logos rln bench`

use anyhow::Result;
use clap::Args;
use logos_node::bench::{Figures, measure};
use logos_node::demo::Timing;
use logos_node::{backend, os_seeded};
use logos_rln::Verifier;

use super::Answer;
use super::console::Console;
use super::input::{KeyArgument, TablesArgument};
use super::progress::SharedBar;

/// Measures proving and verifying on one thread of this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos rln bench
  logos rln bench --rounds 100 --json
  logos rln bench --tables large

Built with the feature `zerokit`, it measures zerokit 3.0 on the same statements in the same run:
  cargo run --release --features zerokit -- rln bench

To compare with other implementations: cargo bench -p logos-benches --bench vs -- rln")]
pub(super) struct Arguments {
    /// How often each kind of work is done
    #[arg(long, value_name = "N", default_value_t = 20)]
    rounds: u16,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    tables: TablesArgument,
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        let key = self.key.proving(console)?;
        let verifier = Verifier::with_backend(key.verifying_key().clone(), backend()?);
        let bar = SharedBar::new();
        let rounds = usize::from(self.rounds);
        let step = |step| bar.step(step);
        let prover = self.tables.prover(key, console)?;
        let figures = measure(&prover, &verifier, rounds, &mut os_seeded()?, &step)?;
        drop(bar);
        console.answer(&for_people(&figures), &figures)?;
        Ok(Answer::Yes)
    }
}

fn for_people(figures: &Figures) -> String {
    let memory = figures.peak_memory_bytes.map_or_else(String::new, |bytes| {
        format!("peak memory {:.1} MB\n", bytes as f64 / 1_000_000.0)
    });
    let tables =
        format!("tables {}, {:.1} MB\n", figures.tables, figures.table_bytes as f64 / 1_000_000.0);
    format!("{}{tables}{memory}{}", table(&figures.timings), beside_zerokit(figures))
}

/// What zerokit took, and how many times as long as ours.
fn beside_zerokit(Figures { timings, zerokit, .. }: &Figures) -> String {
    if zerokit.is_empty() {
        return String::new();
    }
    let median = |work| timings.iter().find(|row| row.work == work).map(|row| row.p50_ms);
    let mut text = format!("\nzerokit 3.0.0, on the same key and statements\n{}\n", table(zerokit));
    let pairs = [("full proof", "full proof"), ("finish", "finish"), ("verify", "verify")];
    for (theirs, ours) in pairs.into_iter().chain([("finish", "online proof, slot ready")]) {
        let peer = zerokit.iter().find(|row| row.work == theirs);
        if let Some((peer, ours_ms)) = peer.zip(median(ours)) {
            let ratio = peer.p50_ms / ours_ms;
            text.push_str(&format!("{ours:<40} {ratio:>6.1} times as fast as its {theirs}\n"));
        }
    }
    text
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
