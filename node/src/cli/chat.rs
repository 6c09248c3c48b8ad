//! `logos chat`

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use logos_crypto::tick::Tick;
use logos_node::channel::NodeCarrier;
use logos_node::chat::{Chat, run_terminal};
use logos_node::wire::UnixNanos;
use logos_node::{Hardness, Records, os_seeded};

use super::Answer;
use super::console::Console;
use super::limit::LimitArguments;
use super::network::NetworkArguments;
use super::passphrase::passphrase;

/// Talks to somebody, encrypted from end to end, in the terminal.
///
/// Account, conversations and history are in one database, sealed under a passphrase. What was said
/// and is not delivered is sent when the program runs again. `/help` lists the commands.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos chat --data raya.redb
  logos chat --data saro.redb --bootstrap /ip4/127.0.0.1/tcp/4001/p2p/16Uiu2...

A session: Raya types /introduce and gives Saro what it prints, by any way. Saro types
/start INTRODUCTION hello. From then on both just type. An introduction is good for one person.")]
pub(super) struct Arguments {
    /// The database; made if it is not there
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// A file whose first line is the passphrase, instead of asking for it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    network: NetworkArguments,
    #[command(flatten)]
    limit: LimitArguments,
}

/// Lines that were typed and not taken yet.
const MAX_LINES: usize = 64;

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        let config = self.network.node_config()?;
        let has_address = !config.listen.is_empty();
        let mut chat = self.open()?;
        let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
        let running = runtime.block_on(self.limit.start(config, console))?;
        let node = &running.node;
        if has_address {
            let address = runtime.block_on(node.address())?;
            console.note(&format!("others reach this node by --bootstrap {address}"));
        }
        let mut carrier = NodeCarrier::new(node.clone(), runtime.handle().clone());
        let lines = typed()?;
        let ended = run_terminal(&mut chat, &mut carrier, &lines, &mut io::stdout(), now);
        runtime.block_on(node.stop());
        ended?;
        Ok(Answer::Yes)
    }

    fn open(&self) -> Result<Chat> {
        let is_new = !self.data.exists();
        let passphrase = passphrase(self.passphrase_file.as_deref(), is_new)?;
        let mut rng = os_seeded()?;
        let records = Records::open(&self.data, &passphrase, Hardness::RECOMMENDED, &mut rng)
            .with_context(|| format!("open {}", self.data.display()))?;
        Ok(Chat::open(records, now(), rng)?)
    }
}

/// The lines of standard input, read on a thread of their own.
fn typed() -> Result<Receiver<String>> {
    let (sender, lines) = sync_channel(MAX_LINES);
    let read = move || {
        for line in io::stdin().lock().lines() {
            // What is not text ends the input, as its end does.
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("typed".to_owned()).spawn(read).context("start a thread")?;
    Ok(lines)
}

/// The time, as a chat counts it.
fn now() -> Tick {
    let nanos = u64::try_from(UnixNanos::now().get()).unwrap_or_default();
    Tick::new(Duration::from_nanos(nanos))
}
