//! `logos demo network`

use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use logos_node::delivery::{NetworkPlan, NetworkReport, NetworkStep, run_network};
use logos_rln::Verifier;

use crate::cli::Answer;
use crate::cli::console::Console;
use crate::cli::input::{KeyArgument, TablesArgument};

/// Shows a network of nodes and a rate-limited group: messages through all of them, each with its
/// proof, an edge node, a store, a long message to a node that is killed meanwhile, two people who
/// talk, a node that stops and comes back, and a spammer who is caught and removed everywhere.
/// Every claim is checked as it is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos demo network
  logos demo network --nodes 12 --messages 200

The exit code is 0 only if every claim was checked and holds.")]
pub(super) struct Arguments {
    /// Nodes that relay; an edge node, a store, a guest and a spammer come on top
    #[arg(long, value_name = "N", default_value_t = NetworkPlan::default().nodes,
          value_parser = between::<5, 100>)]
    nodes: usize,
    /// Messages that are sent and timed
    #[arg(long, value_name = "N", default_value_t = NetworkPlan::default().messages,
          value_parser = between::<1, 1000>)]
    messages: usize,
    /// Megabytes of the long message
    #[arg(long, value_name = "MIB", default_value_t = NetworkPlan::default().long_message >> 20,
          value_parser = between::<1, 20>)]
    long_message: usize,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    tables: TablesArgument,
}

fn between<const LOW: usize, const HIGH: usize>(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (LOW..=HIGH).contains(number));
    number.ok_or_else(|| format!("not a number in {LOW}..={HIGH}"))
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        let plan = NetworkPlan {
            nodes: self.nodes,
            messages: self.messages,
            long_message: self.long_message << 20,
        };
        let prover = Arc::new(self.tables.prover(self.key.proving(console)?, console)?);
        let verifier = Arc::new(Verifier::new(self.key.verifying(console)?));
        let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
        let shown = *console;
        let mut tell = move |step: NetworkStep<'_>| {
            if !shown.json() {
                // A reader who has left is told at the end.
                shown.text(&row(&step)).ok();
            }
        };
        let report = runtime.block_on(run_network(plan, prover, verifier, &mut tell))?;
        console.answer(&summary(&report), &report)?;
        Ok(report.all_hold().into())
    }
}

/// A row of the table: whether it holds, when that was seen, what it is about, what is claimed.
fn row(step: &NetworkStep<'_>) -> String {
    let tick = if step.claim.holds { "✓" } else { "✗" };
    let seconds = step.after.as_secs_f64();
    format!("  {tick} {seconds:>5.1} s  {:<9} {}", step.part, step.claim.claim)
}

fn summary(report: &NetworkReport) -> String {
    let broken = report.claims.iter().filter(|claim| !claim.holds).count();
    let verdict = match broken {
        0 => format!("All {} claims were checked and hold.", report.claims.len()),
        _ => format!("{broken} of {} claims do not hold.", report.claims.len()),
    };
    format!(
        "\n{} nodes, {:.1} s, {} proofs verified. A message is proved, sent and at every node that \
         relays after {:.1} ms in half of the cases, {:.1} ms in 95 of 100. The spammer was removed \
         everywhere {:.0} ms after its message over the limit.\n\n{verdict}",
        report.nodes,
        report.seconds,
        report.verified,
        report.p50_ms,
        report.p95_ms,
        report.removed_ms
    )
}
