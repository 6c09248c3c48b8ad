//! `logos prover load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use logos_node::prover::load::{Load, Loaded, bear, load, plot, register};
use logos_node::prover::{Config, Instance, Running, Service, bind, client};
use logos_node::{Access, os_seeded, replace};
use rand_core::Rng;
use tonic::transport::Endpoint;

use super::super::Answer;
use super::super::console::Console;
use super::start_logs;

/// Asks for many proofs and prints proofs a second, for each core, and how long they took.
///
/// First as fast as they are answered, for members nobody has seen; then at half that rate, when
/// the service has proofs of busy members half made: recorded before they are answered, and answered
/// before they are recorded. With --pace at that rate only.
///
/// Without --to, a service of its own is started on a redb file beside the system's temporary
/// files and loaded through its port. The service has to hold members' secrets.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A running service, http://host:port
    #[arg(long)]
    to: Option<Endpoint>,
    /// Its token, with the scopes register and submit
    #[arg(long, env = "LOGOS_PROVER_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Proofs to ask for
    #[arg(long, default_value_t = 500)]
    proofs: u64,
    /// Requests under way at once
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Members they are for, in turn
    #[arg(long, default_value_t = 16)]
    members: u64,
    /// Proofs a second to ask for, and nothing else
    #[arg(long)]
    pace: Option<f64>,
    /// With --pace: ask for answers before proofs are recorded
    #[arg(long, requires = "pace")]
    early: bool,
    /// Cores to count with; those of this machine without it
    #[arg(long)]
    cores: Option<usize>,
    /// Where to write the plot
    #[arg(long)]
    svg: Option<PathBuf>,
}

impl Arguments {
    pub(super) async fn run(&self, console: &Console) -> anyhow::Result<Answer> {
        start_logs(console.json());
        let cores = match self.cores {
            Some(cores) => cores.max(1),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let own = match &self.to {
            Some(_) => None,
            None => Some(Own::start(cores).await?),
        };
        let endpoint = match (&self.to, &own) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(own)) => own.endpoint()?,
            (None, None) => anyhow::bail!("there is no service"),
        };
        let client = client(&endpoint, self.token.as_deref());
        let wanted = Load {
            first: 0,
            proofs: self.proofs,
            clients: self.clients,
            members: self.members,
            limit: 65_536,
            pace: self.pace,
            early: self.early,
        };
        let run = os_seeded()?.next_u64();
        register(&client, run, wanted).await?;
        let told = if self.pace.is_some() {
            let loaded = load(&client, run, wanted).await?;
            self.draw(&loaded)?;
            told_of(&[("", "", &loaded)], cores)
        } else {
            let bearing = bear(&client, run, wanted, self.proofs).await?;
            self.draw(&bearing.recorded)?;
            let loads = [
                ("full load: ", "full_", &bearing.full),
                ("half load, answered when proved: ", "early_", &bearing.early),
                ("half load, answered when recorded: ", "", &bearing.recorded),
            ];
            told_of(&loads, cores)
        };
        console.answer(&told.text, &told.figures)?;
        if let Some(own) = own {
            own.stop().await;
        }
        Ok((told.failed == 0).into())
    }
}

/// What is printed.
struct Told {
    text: String,
    figures: serde_json::Value,
    failed: u64,
}

/// The figures of one load or several: what each is called, and what their names begin with in JSON.
fn told_of(loads: &[(&str, &str, &Loaded)], cores: usize) -> Told {
    let (mut text, mut figures, mut failed) = (Vec::new(), serde_json::Map::new(), 0);
    for (name, prefix, loaded) in loads {
        let milliseconds = |percent| loaded.latencies.percentile(percent).as_secs_f64() * 1000.0;
        let (rate, proofs) = (loaded.rate(), loaded.latencies.len());
        let (p50, p99, per_core) = (milliseconds(50), milliseconds(99), rate / cores as f64);
        text.push(format!(
            "{name}{proofs} proofs in {:.1} s, {} failed\n{rate:.1} proofs/s, {per_core:.1} \
             proofs/s/core on {cores} cores\np50 {p50:.1} ms, p99 {p99:.1} ms",
            loaded.took.as_secs_f64(),
            loaded.failed,
        ));
        for (figure, value) in [
            ("proofs", proofs.into()),
            ("failed", loaded.failed.into()),
            ("proofs_per_second", rate.into()),
            ("proofs_per_second_per_core", per_core.into()),
            ("p50_ms", p50.into()),
            ("p99_ms", p99.into()),
        ] {
            figures.insert(format!("{prefix}{figure}"), value);
        }
        failed += loaded.failed;
    }
    Told { text: text.join("\n"), figures: figures.into(), failed }
}

impl Arguments {
    fn draw(&self, loaded: &Loaded) -> anyhow::Result<()> {
        if let Some(path) = &self.svg {
            replace(path, plot(loaded).as_bytes(), Access::Shared)?;
        }
        Ok(())
    }
}

/// A service for one load, and its files.
struct Own {
    instance: Instance,
    folder: PathBuf,
}

impl Own {
    async fn start(workers: usize) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("logos-load-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut key = [0; 32];
        os_seeded()?.fill_bytes(&mut key);
        let key_file = folder.join("custody.key");
        replace(&key_file, &key, Access::Private)?;
        let config = Config {
            store: folder.join("prover.redb").display().to_string(),
            custody_key: Some(key_file),
            ..Config::default()
        };
        let (listener, _) = bind(([127, 0, 0, 1], 0).into()).await?;
        let running = Running { workers, ..Running::default() };
        let service = Service::new(config.parts().await?).await?;
        let instance = Instance::start(service, Some(listener), &running)?;
        Ok(Self { instance, folder })
    }

    fn endpoint(&self) -> anyhow::Result<Endpoint> {
        let address = self.instance.address();
        let address = address.ok_or_else(|| anyhow::anyhow!("the service has no port"))?;
        Ok(Endpoint::from_shared(format!("http://{address}"))?)
    }

    async fn stop(self) {
        self.instance.drain_and_stop(Duration::from_secs(10)).await;
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
