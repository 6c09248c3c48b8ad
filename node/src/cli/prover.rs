//! `logos prover`: the service, what watches it, and load on it.

mod load;
mod serve;
mod watch;

use clap::Subcommand;

use super::Answer;
use super::console::Console;

/// What `logos prover` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum ProverCommand {
    /// Runs the service until SIGTERM or SIGINT; then finishes what is queued
    Serve(Box<serve::Arguments>),
    /// Follows provers and tells of members who used a message id twice
    Slash(watch::SlashArguments),
    /// Makes one stream out of those of several provers
    Aggregate(watch::AggregateArguments),
    /// Asks for many proofs and prints what the service bears
    Load(Box<load::Arguments>),
}

impl ProverCommand {
    pub(super) fn run(self, console: &Console) -> anyhow::Result<Answer> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            match self {
                Self::Serve(arguments) => arguments.run(console).await,
                Self::Slash(arguments) => arguments.run(console).await,
                Self::Aggregate(arguments) => arguments.run(console).await,
                Self::Load(arguments) => arguments.run(console).await,
            }
        })
    }
}

/// Writes logs to standard error, as text or, for programs, as JSON.
fn start_logs(json: bool) {
    let logs = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false);
    // Somebody may have set logs up before; theirs stay.
    if json {
        logs.json().try_init().ok();
    } else {
        logs.try_init().ok();
    }
}

/// Ends with the first of SIGTERM and SIGINT.
async fn told_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
