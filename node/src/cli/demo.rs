//! `logos demo`

#[cfg(feature = "delivery")]
mod network;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
#[cfg(feature = "delivery")]
use clap::Subcommand;
use logos_node::demo::{Plan, Report, TEXT, available_threads, run};
use logos_node::os_seeded;

use super::Answer;
use super::console::Console;
use super::input::{KeyArgument, TablesArgument, read};
use super::progress::SharedBar;

/// Largest text that is sent.
const MAX_TEXT_BYTES: u64 = 1 << 24;

/// Shows a group sending a text, spammers caught, and every claim checked.
///
/// The members send the text piece by piece, so many messages an epoch and member. Every message
/// carries a proof that its sender is one of them and within the limit. The receiver checks each,
/// alone and in batches. Three members then use a message id twice: their secrets follow from what
/// they sent, and they are removed.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  logos demo
  logos demo network
  logos demo --members 20 --messages 100
  logos demo --text README.md --json | jq '.claims[] | select(.holds | not)'

The exit code is 0 only if every claim was checked and holds."
)]
pub(super) struct Arguments {
    /// Members of the group
    #[arg(long, value_name = "N", default_value_t = Plan::default().members)]
    members: usize,
    /// Messages they send together, at least one each
    #[arg(long, value_name = "N", default_value_t = Plan::default().messages)]
    messages: usize,
    /// Messages a member may send in an epoch
    #[arg(long, value_name = "N", default_value_t = Plan::default().limit)]
    limit: u32,
    /// Threads that make proofs; all of the machine's if it is not given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// The text to send, instead of this program's licence
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    tables: TablesArgument,
    #[cfg(feature = "delivery")]
    #[command(subcommand)]
    part: Option<Part>,
}

#[cfg(feature = "delivery")]
#[derive(Debug, Subcommand)]
enum Part {
    /// Shows nodes of this machine sending each other messages over real sockets
    Network(network::Arguments),
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        #[cfg(feature = "delivery")]
        if let Some(Part::Network(arguments)) = &self.part {
            return arguments.run(console);
        }
        let start = Instant::now();
        let text = self.text()?;
        let threads = self.threads.unwrap_or_else(available_threads);
        let Self { members, messages, limit, .. } = *self;
        let plan = Plan { members, messages, limit, threads };
        let prover = self.tables.prover(self.key.proving(console)?, console)?;
        let bar = SharedBar::new();
        let report = run(&plan, &text, &prover, &mut os_seeded()?, &|step| bar.step(step))?;
        drop(bar);
        let seconds = start.elapsed().as_secs_f64();
        console.answer(&for_people(&report, threads, seconds), &report)?;
        Ok(report.all_hold().into())
    }

    fn text(&self) -> Result<String> {
        let Some(path) = &self.text else { return Ok(TEXT.to_owned()) };
        String::from_utf8(read(path, MAX_TEXT_BYTES)?)
            .with_context(|| format!("{} is not text in UTF-8", path.display()))
    }
}

fn for_people(report: &Report, threads: usize, seconds: f64) -> String {
    let mut lines = vec![
        format!(
            "{} members sent {} messages in {} epochs, each with a proof of {} bytes.",
            report.members, report.messages, report.epochs, report.proof_bytes
        ),
        String::new(),
        super::bench::table(&report.timings),
        format!("Times are of one thread; {threads} worked. {seconds:.1} s in all."),
        String::new(),
    ];
    let tick = |holds| if holds { "✓" } else { "✗" };
    lines.extend(
        report.claims.iter().map(|claim| format!("  {} {}", tick(claim.holds), claim.claim)),
    );
    let broken = report.claims.iter().filter(|claim| !claim.holds).count();
    lines.push(String::new());
    lines.push(match broken {
        0 => format!("All {} claims were checked and hold.", report.claims.len()),
        _ => format!("{broken} of {} claims do not hold.", report.claims.len()),
    });
    lines.join("\n")
}
