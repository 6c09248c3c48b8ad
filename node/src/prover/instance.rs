//! One running service: its tasks, its port, its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::rustls::ServerConfig;

use super::compat::Compat;
use super::epoch::{Epoch, Millis};
use super::listener;
use super::service::Service;
use super::workers::Workers;
use super::workshop::{HotPolicy, Makers, Workshop};

/// How often what is old is forgotten.
const TIDY: Duration = Duration::from_secs(10);
/// How long the last traces may take to leave.
const LAST_TRACES: Duration = Duration::from_secs(5);
/// Entries forgotten at once.
const TIDY_PAGE: usize = 1000;

/// How a service runs.
#[derive(Clone, Debug)]
pub struct Running {
    /// Cores that prove; 0: this instance proves nothing.
    pub workers: usize,
    /// What is kept of members.
    pub hot: HotPolicy,
    /// TLS, with or without client certificates.
    pub tls: Option<Arc<ServerConfig>>,
    /// Gas that one message id pays for, in the compatible interface.
    pub gas_per_id: u64,
    /// Milliseconds for which jobs and proofs are kept after their end.
    pub retention: u64,
    /// Epochs for which nullifiers are kept.
    pub nullifier_epochs: u64,
    /// Who passes proofs on.
    #[cfg(feature = "nats")]
    pub fan_out: Option<Arc<super::nats::FanOut>>,
}

impl Default for Running {
    /// All cores, no TLS, a day of proofs.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            workers: cores,
            hot: HotPolicy::default(),
            tls: None,
            gas_per_id: Compat::GAS_PER_ID,
            retention: 24 * 3_600_000,
            nullifier_epochs: 2,
            #[cfg(feature = "nats")]
            fan_out: None,
        }
    }
}

/// A service that runs until it is stopped.
#[derive(Debug)]
pub struct Instance {
    service: Arc<Service>,
    address: Option<SocketAddr>,
    tasks: JoinSet<()>,
    makers: Option<Makers>,
}

impl Instance {
    /// Starts everything: the port, if there is a listener, the workers, and what keeps the
    /// instance up to date.
    ///
    /// # Errors
    ///
    /// What the listener says.
    pub fn start(
        service: Service,
        listener: Option<TcpListener>,
        running: &Running,
    ) -> io::Result<Self> {
        let service = Arc::new(service);
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&service).follow());
        tasks.spawn(tidy(Arc::clone(&service), running.clone()));
        let source = Arc::clone(&service.parts().source);
        let stop = service.stopped();
        tasks.spawn(async move { source.run(stop).await });
        #[cfg(feature = "nats")]
        if let Some(fan_out) = running.fan_out.clone() {
            let (store, stop) = (Arc::clone(&service.parts().store), service.stopped());
            tasks.spawn(async move { fan_out.follow(store, stop).await });
        }
        let mut makers = None;
        if running.workers > 0 {
            let workers = workers_of(&service, running.hot);
            if listener.is_some() {
                // Whoever is asked by nobody would burn ids ahead for nothing.
                makers = Some(makers_of(&service, &workers.workshop, running.workers));
                tasks.spawn(Arc::clone(&service).stock_up(Arc::clone(&workers.workshop)));
            }
            tasks.spawn(workers.run(running.workers, service.stopped()));
        }
        if let Some(listener) = listener {
            let (service, tls, gas) =
                (Arc::clone(&service), running.tls.clone(), running.gas_per_id);
            tasks.spawn(async move {
                if let Err(error) = listener::serve(listener, Arc::clone(&service), tls, gas).await
                {
                    tracing::error!(%error, "the port is lost");
                    service.stop();
                }
            });
        }
        Ok(Self { service, address, tasks, makers })
    }

    /// The service.
    #[must_use]
    pub const fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Waits until somebody stops the service.
    pub async fn stopped(&self) {
        let mut stop = self.service.stopped();
        stop.wait_for(|stopped| *stopped).await.ok();
    }

    /// Takes no more submissions, waits until those taken in are proved, at most `patience`, and
    /// ends everything. Jobs that are left stay in the store.
    pub async fn drain_and_stop(mut self, patience: Duration) {
        self.service.drain();
        let (store, until) = (Arc::clone(&self.service.parts().store), Instant::now() + patience);
        let mut changes = store.changes();
        loop {
            changes.mark_unchanged();
            let left = until.saturating_duration_since(Instant::now());
            let empty = store.depths().await.map_or(true, |depths| depths.open == 0);
            if empty || left.is_zero() {
                break;
            }
            tokio::time::timeout(left, changes.changed()).await.ok();
        }
        self.service.all_recorded(until.saturating_duration_since(Instant::now())).await;
        self.service.stop();
        while self.tasks.join_next().await.is_some() {}
        if let Some(makers) = self.makers {
            tokio::task::spawn_blocking(|| makers.join()).await.ok();
        }
        let metrics = Arc::clone(&self.service.parts().metrics);
        tokio::task::spawn_blocking(move || metrics.traces.close(LAST_TRACES)).await.ok();
    }
}

fn makers_of(service: &Service, workshop: &Arc<Workshop>, cores: usize) -> Makers {
    let parts = service.parts();
    Makers::start(cores, workshop, &parts.clock, &parts.schedule, &service.stopped())
}

fn workers_of(service: &Service, hot: HotPolicy) -> Workers {
    let parts = service.parts();
    let workshop = Workshop::new(
        Arc::clone(&parts.circuits),
        Arc::clone(&parts.group),
        parts.schedule.clone(),
        parts.custody.clone(),
        Arc::clone(&parts.metrics),
        hot,
    );
    Workers {
        store: Arc::clone(&parts.store),
        workshop: Arc::new(workshop),
        clock: Arc::clone(&parts.clock),
        group: Arc::clone(&parts.group),
        metrics: Arc::clone(&parts.metrics),
    }
}

/// Forgets what is old, until the service stops.
async fn tidy(service: Arc<Service>, running: Running) {
    let mut stop: watch::Receiver<bool> = service.stopped();
    while !*stop.borrow() {
        let parts = service.parts();
        let now = parts.clock.now();
        let before = Millis(now.since(Millis(running.retention)));
        let epoch = parts.schedule.at(now).0.saturating_sub(running.nullifier_epochs);
        let forgotten = async {
            parts.store.forget_marks(Epoch(epoch)).await?;
            while parts.store.prune(before, TIDY_PAGE).await? >= TIDY_PAGE {}
            Ok::<(), super::StoreError>(())
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "nothing could be forgotten");
        }
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(TIDY) => {}
        }
    }
}
