//! `logos demo network`

use anyhow::{Context, Result};
use clap::Args;
use logos_node::delivery::{NetworkPlan, run_network};

use crate::cli::Answer;
use crate::cli::console::Console;

/// Shows a network of nodes: messages through all of them, an edge node, a store, a node that stops
/// and one that takes its place. Every claim is checked as it is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos demo network
  logos demo network --nodes 12 --messages 200

The exit code is 0 only if every claim was checked and holds.")]
pub(super) struct Arguments {
    /// Nodes that relay; an edge node and a store come on top
    #[arg(long, value_name = "N", default_value_t = NetworkPlan::default().nodes,
          value_parser = between::<5, 100>)]
    nodes: usize,
    /// Messages that are sent and timed
    #[arg(long, value_name = "N", default_value_t = NetworkPlan::default().messages,
          value_parser = between::<1, 100_000>)]
    messages: usize,
}

fn between<const LOW: usize, const HIGH: usize>(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (LOW..=HIGH).contains(number));
    number.ok_or_else(|| format!("not a number in {LOW}..={HIGH}"))
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        let plan = NetworkPlan { nodes: self.nodes, messages: self.messages };
        let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
        let shown = *console;
        let mut tell = move |claim: &logos_node::demo::Claim| {
            if !shown.json() {
                let tick = if claim.holds { "✓" } else { "✗" };
                // A reader who has left is told at the end.
                shown.text(&format!("  {tick} {}", claim.claim)).ok();
            }
        };
        let report = runtime.block_on(run_network(plan, &mut tell))?;
        let broken = report.claims.iter().filter(|claim| !claim.holds).count();
        let verdict = match broken {
            0 => format!("All {} claims were checked and hold.", report.claims.len()),
            _ => format!("{broken} of {} claims do not hold.", report.claims.len()),
        };
        let text = format!(
            "\n{} nodes; a message is at every one of those that relay after {:.1} ms in half of \
             the cases, {:.1} ms in 95 of 100.\n\n{verdict}",
            report.nodes, report.p50_ms, report.p95_ms
        );
        console.answer(&text, &report)?;
        Ok(report.all_hold().into())
    }
}
