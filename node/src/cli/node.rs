//! `logos node`

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use logos_node::delivery::{
    Control, Node, NodeConfig, RestartPolicy, StoreConfig, Supervisor, Token,
};
use logos_node::{Hardness, Records, os_seeded};
use serde::Serialize;
use tokio::signal;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use super::Answer;
use super::console::Console;
use super::limit::LimitArguments;
use super::network::NetworkArguments;
use super::passphrase::passphrase;

/// Runs a node of the delivery network until it is told to stop (Ctrl-C, SIGTERM).
///
/// Prints one line of JSON when it listens: its addresses, where its control plane is. Logs go to
/// standard error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos node                                            # alone, on loopback
  logos node --bootstrap /ip4/127.0.0.1/tcp/4001/p2p/16Uiu2...
  logos node --config node.toml --api 127.0.0.1:8645 --token-file token
  logos status --api 127.0.0.1:8645 --token-file token
  logos node --members members.txt --identity id.json --burns burns.redb   # rate-limited

A configuration file has the keys preset, mode, cluster, shards, listen, bootstrap, serves,
discovers, trees, announce, reachable, nat, relays, max_connections, and a table [store] with path,
retention_s, capacity. What is said on the command line counts more.")]
pub(super) struct Arguments {
    #[command(flatten)]
    network: NetworkArguments,
    #[command(flatten)]
    limit: LimitArguments,
    /// Keep messages for others, in this database
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Where the control plane listens, on loopback; nowhere without
    #[arg(long, value_name = "ADDRESS")]
    api: Option<SocketAddr>,
    /// Where the control plane's token is, or is written if it is not there
    #[arg(long, value_name = "FILE", requires = "api")]
    token_file: Option<PathBuf>,
    /// Keep channels that programs open in this database, sealed under a passphrase
    #[arg(long, value_name = "FILE", requires = "api")]
    channels: Option<PathBuf>,
    /// A file whose first line is the passphrase, instead of asking for it
    #[arg(long, value_name = "FILE", requires = "channels")]
    passphrase_file: Option<PathBuf>,
    /// Log as lines of JSON
    #[arg(long)]
    log_json: bool,
    /// How much to log
    #[arg(long, value_enum, default_value = "info")]
    log: LogLevel,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Serialize)]
struct Listening {
    peer_id: String,
    addresses: Vec<String>,
    api: Option<SocketAddr>,
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        self.log();
        let config = self.node_config()?;
        let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
        runtime.block_on(self.serve(config, console))?;
        Ok(Answer::Yes)
    }

    fn log(&self) {
        let level = match self.log {
            LogLevel::Error => tracing::Level::ERROR,
            LogLevel::Warn => tracing::Level::WARN,
            LogLevel::Info => tracing::Level::INFO,
            LogLevel::Debug => tracing::Level::DEBUG,
        };
        // What is below us logs much that is no news to who runs a node.
        let targets = Targets::new().with_target("logos", level);
        let targets = targets.with_default(tracing::Level::ERROR.min(level));
        let layer = if self.log_json {
            fmt::layer().json().with_writer(io::stderr).with_filter(targets).boxed()
        } else {
            let colours = io::stderr().is_terminal();
            fmt::layer().with_ansi(colours).with_writer(io::stderr).with_filter(targets).boxed()
        };
        // Set once, here.
        Registry::default().with(layer).try_init().ok();
    }

    fn node_config(&self) -> Result<NodeConfig> {
        let mut config = self.network.node_config()?;
        if let Some(path) = &self.store {
            let store = config.store.unwrap_or_default();
            config.store = Some(StoreConfig { path: Some(path.clone()), ..store });
        }
        Ok(config)
    }

    async fn serve(&self, config: NodeConfig, console: &Console) -> Result<()> {
        let has_address = !config.listen.is_empty();
        let running = self.limit.start(config, console).await?;
        let node = &running.node;
        let mut supervisor = Supervisor::new(RestartPolicy::default());
        let api = match self.api {
            Some(address) => Some(self.supervise_api(&mut supervisor, address, node).await?),
            None => None,
        };
        if has_address {
            node.address().await?;
        }
        console.json_line(&Listening {
            peer_id: node.peer_id().to_string(),
            addresses: node.status().await?.addresses,
            api,
        })?;
        told_to_stop().await?;
        console.note("stopping");
        drop(supervisor);
        node.stop().await;
        Ok(())
    }

    /// Starts the control plane; it comes back by itself when it breaks down.
    async fn supervise_api(
        &self,
        supervisor: &mut Supervisor,
        address: SocketAddr,
        node: &Node,
    ) -> Result<SocketAddr> {
        let (token, records) = (self.token()?, self.records()?);
        let text = token.to_text();
        // A port that is taken is told now, not retried.
        let first = Control::listen(address).await?;
        let address = first.address();
        let (services, node) = (supervisor.watch(), node.clone());
        let mut first = Some(first);
        supervisor.add("api", move || {
            let (listening, node, services) = (first.take(), node.clone(), services.clone());
            let (token, records) = (Token::from_text(&text), records.clone());
            async move {
                let control = match listening {
                    Some(control) => control,
                    None => Control::listen(address).await.map_err(|error| error.to_string())?,
                };
                let control = match records {
                    Some(records) => control.with_channels(records),
                    None => control,
                };
                let token = token.ok_or_else(|| "the token is lost".to_owned())?;
                control.run(node, services, token).await.map_err(|error| error.to_string())
            }
        });
        Ok(address)
    }

    fn records(&self) -> Result<Option<Records>> {
        let Some(path) = &self.channels else { return Ok(None) };
        let passphrase = passphrase(self.passphrase_file.as_deref(), !path.exists())?;
        let opened = Records::open(path, &passphrase, Hardness::RECOMMENDED, &mut os_seeded()?);
        Ok(Some(opened.with_context(|| format!("open {}", path.display()))?))
    }

    fn token(&self) -> Result<Token> {
        let Some(path) = &self.token_file else {
            let token = Token::random(&mut os_seeded()?);
            let text = token.to_text();
            Console::new(true).note(&format!("token: {}", text.as_str()));
            return Ok(token);
        };
        if path.exists() {
            return Ok(Token::read(path)?);
        }
        let token = Token::random(&mut os_seeded()?);
        token.write(path)?;
        Ok(token)
    }
}

/// Waits for Ctrl-C or, where there is such a thing, SIGTERM.
async fn told_to_stop() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    signal::ctrl_c().await
}
