//! `logos prover slash` and `logos prover aggregate`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use logos_node::prover::{
    Aggregator, Circuits, Config, Instance, Listener, Outbound, Running, Service, Sink, Slasher,
    Store, Upstream, Webhook, bind,
};
use tokio::sync::watch;
use tonic::transport::Endpoint;

use super::super::Answer;
use super::super::console::Console;
use super::{start_logs, told_to_end};

/// Whom to follow, and where to keep what was seen.
#[derive(Debug, Args)]
struct Followed {
    /// A prover or an aggregator, http://host:port; several times for several
    #[arg(long = "from", required = true)]
    from: Vec<Endpoint>,
    /// The token they want to see
    #[arg(long, env = "LOGOS_PROVER_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// memory, a file, or postgres://..
    #[arg(long)]
    store: String,
    /// The application of the epochs
    #[arg(long, default_value = "logos")]
    application: String,
    /// Seconds of an epoch
    #[arg(long, default_value_t = 600)]
    epoch_seconds: u64,
}

impl Followed {
    fn config(&self) -> Config {
        Config {
            store: self.store.clone(),
            application: self.application.clone(),
            epoch_seconds: self.epoch_seconds,
            workers: Some(0),
            ..Config::default()
        }
    }

    fn start(
        &self,
        store: &Arc<dyn Store>,
        sink: &Arc<dyn Sink>,
        stop: &watch::Sender<bool>,
    ) -> Vec<tokio::task::JoinHandle<()>> {
        let follow = |endpoint: &Endpoint| {
            let (name, token) = (endpoint.uri().to_string(), self.token.clone());
            let upstream = Upstream { name, endpoint: endpoint.clone(), token };
            tokio::spawn(upstream.follow(Arc::clone(store), Arc::clone(sink), stop.subscribe()))
        };
        self.from.iter().map(follow).collect()
    }
}

/// Follows provers and tells of double signals.
#[derive(Debug, Args)]
pub(crate) struct SlashArguments {
    #[command(flatten)]
    followed: Followed,
    /// Where to post evidence, http://host:port/path or https://..
    #[arg(long, required_unless_present = "dry_run")]
    webhook: Option<http::Uri>,
    /// Print evidence and post nothing
    #[arg(long)]
    dry_run: bool,
}

/// Prints evidence.
struct Printer(Console);

#[tonic::async_trait]
impl Listener for Printer {
    async fn hear(&self, report: &str) -> Result<(), String> {
        self.0.text(report).map_err(|error| error.to_string())
    }
}

impl SlashArguments {
    pub(super) async fn run(&self, console: &Console) -> anyhow::Result<Answer> {
        start_logs(console.json());
        let parts = self.followed.config().parts().await?;
        let slasher = Slasher {
            store: Arc::clone(&parts.store),
            clock: parts.clock,
            schedule: parts.schedule,
            circuits: Arc::new(Circuits::deployed()),
        };
        let (stop, stopped) = watch::channel(false);
        let sink: Arc<dyn Sink> = Arc::new(slasher.clone());
        let followers = self.followed.start(&parts.store, &sink, &stop);
        let listener: Box<dyn Listener> = match (&self.webhook, self.dry_run) {
            (Some(uri), false) => Box::new(Webhook(Outbound::new(uri.clone(), &[])?)),
            _ => Box::new(Printer(*console)),
        };
        tokio::select! {
            told = told_to_end() => told?,
            () = slasher.tell(&*listener, stopped) => {}
        }
        stop.send_replace(true);
        for follower in followers {
            follower.await?;
        }
        Ok(Answer::Yes)
    }
}

/// Makes one stream out of several.
#[derive(Debug, Args)]
pub(crate) struct AggregateArguments {
    #[command(flatten)]
    followed: Followed,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:50061")]
    listen: SocketAddr,
}

impl AggregateArguments {
    pub(super) async fn run(&self, console: &Console) -> anyhow::Result<Answer> {
        start_logs(console.json());
        let parts = self.followed.config().parts().await?;
        let (store, clock) = (Arc::clone(&parts.store), Arc::clone(&parts.clock));
        let (listener, address) = bind(self.listen).await?;
        let running = Running { workers: 0, ..Running::default() };
        let instance = Instance::start(Service::new(parts).await?, Some(listener), &running)?;
        let (stop, _) = watch::channel(false);
        let sink: Arc<dyn Sink> = Arc::new(Aggregator { store: Arc::clone(&store), clock });
        let followers = self.followed.start(&store, &sink, &stop);
        tracing::info!(%address, "serving");
        tokio::select! {
            told = told_to_end() => told?,
            () = instance.stopped() => {}
        }
        stop.send_replace(true);
        for follower in followers {
            follower.await?;
        }
        instance.drain_and_stop(Duration::from_secs(10)).await;
        Ok(Answer::Yes)
    }
}
