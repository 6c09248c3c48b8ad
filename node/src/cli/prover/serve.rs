//! `logos prover serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use logos_node::prover::{Config, Instance, Running, Service, bind};

use super::super::Answer;
use super::super::console::Console;
use super::{start_logs, told_to_end};

/// Runs the service.
///
/// Settings come from the flags, then from variables of the environment, then from the file, then
/// from the defaults. Without any, it listens on 127.0.0.1:50051 and keeps everything in
/// prover.redb.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A settings file, TOML
    #[arg(long, env = "LOGOS_PROVER_CONFIG")]
    config: Option<PathBuf>,
    /// Where to listen
    #[arg(long, env = "LOGOS_PROVER_LISTEN")]
    listen: Option<SocketAddr>,
    /// memory, a file, or postgres://user@host/database
    #[arg(long, env = "LOGOS_PROVER_STORE", hide_env_values = true)]
    store: Option<String>,
    /// Cores that prove; 0 serves without proving
    #[arg(long, env = "LOGOS_PROVER_WORKERS")]
    workers: Option<usize>,
    /// Proves for other instances on the same PostgreSQL, without a port
    #[arg(long)]
    worker_only: bool,
    /// A file of members, "name commitment limit [tier]" a line
    #[arg(long, env = "LOGOS_PROVER_MEMBERS")]
    members: Option<PathBuf>,
    /// The file of the key under which members' secrets are sealed
    #[arg(long, env = "LOGOS_PROVER_CUSTODY_KEY")]
    custody_key: Option<PathBuf>,
    /// The application the epochs belong to
    #[arg(long, env = "LOGOS_PROVER_APPLICATION")]
    application: Option<String>,
    /// Seconds of an epoch
    #[arg(long, env = "LOGOS_PROVER_EPOCH_SECONDS")]
    epoch_seconds: Option<u64>,
    /// Seconds to finish what is queued when told to end
    #[arg(long, default_value_t = 30)]
    drain_seconds: u64,
}

impl Arguments {
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            None => Config::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Config::from_toml(&text)?
            }
        };
        let Self { listen, store, members, custody_key, application, epoch_seconds, .. } = self;
        config.listen = listen.unwrap_or(config.listen);
        config.store = store.clone().unwrap_or(config.store);
        config.workers = self.workers.or(config.workers);
        config.members = members.clone().or(config.members);
        config.custody_key = custody_key.clone().or(config.custody_key);
        config.application = application.clone().unwrap_or(config.application);
        config.epoch_seconds = epoch_seconds.unwrap_or(config.epoch_seconds);
        Ok(config)
    }

    pub(super) async fn run(&self, console: &Console) -> anyhow::Result<Answer> {
        start_logs(console.json());
        let config = self.config()?;
        if config.tokens.is_empty() && !config.listen.ip().is_loopback() && !self.worker_only {
            anyhow::bail!("without tokens the service listens on this machine only");
        }
        let mut running = Running {
            tls: config.tls()?,
            gas_per_id: config.gas_per_id,
            retention: config.retention_seconds.saturating_mul(1000),
            #[cfg(feature = "nats")]
            fan_out: config.nats.fan_out()?,
            ..Running::default()
        };
        running.workers = config.workers.unwrap_or(running.workers);
        let listener = if self.worker_only {
            None
        } else {
            Some(bind(config.listen).await.context("cannot listen")?.0)
        };
        tracing::info!(store = kind_of(&config.store), "opening the store, reading members");
        let service = Service::new(config.parts().await?).await?;
        let members = service.parts().store.depths().await?.members;
        let instance = Instance::start(service, listener, &running)?;
        let address = instance.address().map(|address| address.to_string());
        tracing::info!(address, workers = running.workers, members, "serving");
        tokio::select! {
            told = told_to_end() => told?,
            () = instance.stopped() => {}
        }
        tracing::info!("finishing what is queued");
        instance.drain_and_stop(Duration::from_secs(self.drain_seconds)).await;
        tracing::info!("ended");
        Ok(Answer::Yes)
    }
}

/// What a store is, without the password its address may hold.
fn kind_of(store: &str) -> &str {
    if store.starts_with("postgres") { "postgres" } else { store }
}
