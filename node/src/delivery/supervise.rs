//! Keeps services running: a service that ends or panics is started again, with growing pauses,
//! until it has failed too often; the others go on meanwhile.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use logos_crypto::tick::Tick;
use serde::Serialize;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::clock::Clock;
use super::shared::lock;

/// When a service is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// The pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long a service must run for its failures to be forgotten.
    pub stable_after: Duration,
    /// Failures within [`window`](Self::window) after which it is not started again.
    pub max_failures: usize,
    /// See [`max_failures`](Self::max_failures).
    pub window: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
            stable_after: Duration::from_secs(120),
            max_failures: 10,
            window: Duration::from_secs(600),
        }
    }
}

/// The failures of one service: a machine without a clock.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use logos_crypto::tick::Tick;
/// use logos_node::delivery::{RestartPolicy, Restarts};
///
/// let mut restarts = Restarts::new(RestartPolicy { max_failures: 2, ..Default::default() });
/// assert_eq!(restarts.handle_failure(Tick::ORIGIN), Some(Duration::from_millis(500)));
/// assert_eq!(restarts.handle_failure(Tick::ORIGIN), Some(Duration::from_secs(1)));
/// assert_eq!(restarts.handle_failure(Tick::ORIGIN), None);
/// ```
#[derive(Clone, Debug)]
pub struct Restarts {
    policy: RestartPolicy,
    started: Tick,
    in_a_row: u32,
    failures: VecDeque<Tick>,
}

impl Restarts {
    /// No failures yet.
    #[must_use]
    pub const fn new(policy: RestartPolicy) -> Self {
        Self { policy, started: Tick::ORIGIN, in_a_row: 0, failures: VecDeque::new() }
    }

    /// The service was started.
    pub const fn handle_start(&mut self, now: Tick) {
        self.started = now;
    }

    /// The service failed. Gives how long to wait before it is started again; never if `None`.
    pub fn handle_failure(&mut self, now: Tick) -> Option<Duration> {
        let policy = self.policy;
        if now >= self.started + policy.stable_after {
            self.in_a_row = 0;
        }
        self.failures.retain(|when| now < *when + policy.window);
        if self.failures.len() >= policy.max_failures {
            return None;
        }
        self.failures.push_back(now);
        let pause = policy.first_pause.saturating_mul(1 << self.in_a_row.min(16));
        self.in_a_row += 1;
        Some(pause.min(policy.longest_pause))
    }
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServiceState {
    /// It runs.
    Running,
    /// It failed and will be started again.
    Waiting,
    /// It failed too often.
    Broken,
    /// It ended as it should.
    Ended,
}

/// What is known of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// How it is.
    pub state: ServiceState,
    /// How often it was started again.
    pub restarts: u64,
    /// Why it failed last.
    pub last_failure: Option<String>,
}

/// Starts services and keeps them running. Dropping it stops them.
#[derive(Debug)]
pub struct Supervisor {
    clock: Clock,
    policy: RestartPolicy,
    statuses: Arc<Mutex<BTreeMap<&'static str, ServiceStatus>>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What a service returns: done, or failed for a reason.
pub type ServiceResult = Result<(), String>;

impl Supervisor {
    /// A supervisor without services.
    #[must_use]
    pub fn new(policy: RestartPolicy) -> Self {
        Self { clock: Clock::start(), policy, statuses: Arc::default(), tasks: Vec::new() }
    }

    /// Runs a service: `start` makes a new run of it each time.
    pub fn add<F>(&mut self, name: &'static str, mut start: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ServiceResult> + Send + 'static,
    {
        let (clock, statuses) = (self.clock, Arc::clone(&self.statuses));
        let mut restarts = Restarts::new(self.policy);
        self.tasks.push(tokio::spawn(async move {
            loop {
                restarts.handle_start(clock.now());
                note(&statuses, name, ServiceState::Running, None);
                let Err(failure) = run(start()).await else {
                    info!(service = name, "ended");
                    return note(&statuses, name, ServiceState::Ended, None);
                };
                let Some(pause) = restarts.handle_failure(clock.now()) else {
                    error!(service = name, failure, "failed too often");
                    return note(&statuses, name, ServiceState::Broken, Some(failure));
                };
                warn!(service = name, failure, ?pause, "failed; to be started again");
                note(&statuses, name, ServiceState::Waiting, Some(failure));
                tokio::time::sleep(pause).await;
            }
        }));
    }

    /// How the services are, to be asked for at any time.
    #[must_use]
    pub fn watch(&self) -> Services {
        Services(Arc::clone(&self.statuses))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// How the services of a supervisor are.
#[derive(Clone, Debug)]
pub struct Services(Arc<Mutex<BTreeMap<&'static str, ServiceStatus>>>);

impl Services {
    /// Name and status of each service.
    #[must_use]
    pub fn all(&self) -> BTreeMap<&'static str, ServiceStatus> {
        lock(&self.0).clone()
    }
}

/// Runs a service in a task of its own, so that its panic is its own.
async fn run(service: impl Future<Output = ServiceResult> + Send + 'static) -> ServiceResult {
    let task = AbortOnDrop(tokio::spawn(service));
    let mut task = task;
    match (&mut task.0).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err("it panicked".to_owned()),
        Err(_) => Err("it was cancelled".to_owned()),
    }
}

struct AbortOnDrop(JoinHandle<ServiceResult>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn note(
    statuses: &Mutex<BTreeMap<&'static str, ServiceStatus>>,
    name: &'static str,
    state: ServiceState,
    failure: Option<String>,
) {
    let mut statuses = lock(statuses);
    let status =
        statuses.entry(name).or_insert(ServiceStatus { state, restarts: 0, last_failure: None });
    if status.state == ServiceState::Waiting && state == ServiceState::Running {
        status.restarts += 1;
    }
    status.state = state;
    if failure.is_some() {
        status.last_failure = failure;
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick::new(Duration::from_secs(seconds))
    }

    #[test]
    fn pauses_grow_and_a_stable_run_forgets_failures() {
        let mut restarts = Restarts::new(RestartPolicy::default());
        let mut pauses = Vec::new();
        for _ in 0..3 {
            pauses.push(restarts.handle_failure(at(0)).unwrap());
        }
        assert_eq!(pauses, [500, 1000, 2000].map(Duration::from_millis));
        restarts.handle_start(at(10));
        assert_eq!(restarts.handle_failure(at(130)), Some(Duration::from_millis(500)));
    }

    #[test]
    fn the_breaker_opens_within_the_window_only() {
        let policy = RestartPolicy { max_failures: 3, ..RestartPolicy::default() };
        let mut restarts = Restarts::new(policy);
        for second in 0..3 {
            assert!(restarts.handle_failure(at(second)).is_some());
        }
        assert_eq!(restarts.clone().handle_failure(at(3)), None);
        assert!(restarts.handle_failure(at(601)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_service_comes_back_while_others_run() {
        let runs = Arc::new(AtomicUsize::new(0));
        let mut supervisor = Supervisor::new(RestartPolicy::default());
        let counted = Arc::clone(&runs);
        supervisor.add("fragile", move || {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move { if run < 2 { panic!("run {run}") } else { Ok(()) } }
        });
        supervisor.add("steady", || async {
            core::future::pending::<()>().await;
            Ok(())
        });
        let services = supervisor.watch();
        tokio::time::sleep(Duration::from_secs(10)).await;
        let all = services.all();
        assert_eq!(all["fragile"].state, ServiceState::Ended);
        assert_eq!(all["fragile"].restarts, 2);
        assert_eq!(all["fragile"].last_failure.as_deref(), Some("it panicked"));
        assert_eq!((all["steady"].state, all["steady"].restarts), (ServiceState::Running, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_always_fails_is_given_up() {
        let mut supervisor = Supervisor::new(RestartPolicy::default());
        supervisor.add("hopeless", || async { Err("no disk".to_owned()) });
        let services = supervisor.watch();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let status = services.all()["hopeless"].clone();
        assert_eq!(status.last_failure.as_deref(), Some("no disk"));
        assert_eq!((status.state, status.restarts), (ServiceState::Broken, 10));
    }
}
