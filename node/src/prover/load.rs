//! Load on a service, and what it bears.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::Status;

use super::upstream::Client;
use super::wire::v1;
use crate::timing::Samples;

/// How to load a service.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The number of the first message: a message that was there before is not proved again.
    pub first: u64,
    /// Proofs to ask for.
    pub proofs: u64,
    /// Requests under way at once.
    pub clients: usize,
    /// Members they are for, in turn.
    pub members: u64,
    /// Messages an epoch of each.
    pub limit: u32,
    /// Proofs a second to ask for; `None`: as fast as they are answered.
    pub pace: Option<f64>,
    /// Ask for answers before proofs are recorded.
    pub early: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Loaded {
    /// From request to proof, each.
    pub latencies: Samples,
    /// All of it.
    pub took: Duration,
    /// Requests that did not end in a proof.
    pub failed: u64,
}

impl Loaded {
    /// Proofs a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

/// The name of a member of the load.
fn name(run: u64, number: u64) -> Vec<u8> {
    format!("load-{run:016x}-{number}").into_bytes()
}

/// What a service bears, and how fast it is when it bears half of that.
#[derive(Debug)]
pub struct Bearing {
    /// As fast as it goes, with members nobody has seen.
    pub full: Loaded,
    /// At half that rate, with members who are hot by then: each proof is recorded first.
    pub recorded: Loaded,
    /// The same, answered as soon as the proof is made.
    pub early: Loaded,
    /// Proofs a second that were asked for at half load.
    pub pace: f64,
}

/// How long half load goes on before it is measured.
const SETTLING: f64 = 3.0;

/// Asks for `load.proofs` proofs as fast as they are answered, and then twice for `steady` proofs
/// at half the rate that came of it, by the same [registered](register) members.
///
/// # Errors
///
/// As [`load`].
pub async fn bear(client: &Client, run: u64, load: Load, steady: u64) -> Result<Bearing, Status> {
    let full = self::load(client, run, Load { pace: None, early: false, ..load }).await?;
    let pace = (full.rate() / 2.0).max(0.1);
    // Rounded down: what is left of a proof does not matter here.
    let settling = Duration::from_secs_f64(pace * SETTLING).as_secs().max(1);
    let next = load.first.saturating_add(load.proofs);
    let half = |first, proofs, early| Load { first, proofs, pace: Some(pace), early, ..load };
    self::load(client, run, half(next, settling, false)).await?;
    let next = next.saturating_add(settling);
    let recorded = self::load(client, run, half(next, steady, false)).await?;
    let early = self::load(client, run, half(next.saturating_add(steady), steady, true)).await?;
    Ok(Bearing { full, recorded, early, pace })
}

/// Asks for proofs of members that were [registered](register), and waits for each.
///
/// # Errors
///
/// [`tonic::Code::Internal`] if a client task ends before its time.
pub async fn load(client: &Client, run: u64, load: Load) -> Result<Loaded, Status> {
    let next = Arc::new(AtomicU64::new(load.first));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..load.clients.max(1) {
        let (client, next) = (client.clone(), Arc::clone(&next));
        tasks.spawn(async move { ask(client, run, load, &next, started).await });
    }
    let (mut latencies, mut failed) = (Vec::new(), 0);
    while let Some(asked) = tasks.join_next().await {
        let (mine, lost) = asked.map_err(|error| Status::internal(error.to_string()))?;
        latencies.extend(mine);
        failed += lost;
    }
    Ok(Loaded { latencies: latencies.into_iter().collect(), took: started.elapsed(), failed })
}

/// Registers the members of a load, whose secrets the service then holds. `run` tells members of
/// one run from those of another.
///
/// # Errors
///
/// What registering says.
pub async fn register(client: &Client, run: u64, load: Load) -> Result<(), Status> {
    let mut client = client.clone();
    for number in 0..load.members.max(1) {
        let request = v1::RegisterRequest {
            member: name(run, number),
            limit: load.limit,
            ..v1::RegisterRequest::default()
        };
        client.register(request).await?;
    }
    Ok(())
}

async fn ask(
    mut client: Client,
    run: u64,
    load: Load,
    next: &AtomicU64,
    started: Instant,
) -> (Vec<Duration>, u64) {
    let (mut latencies, mut failed) = (Vec::new(), 0);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let place = number.saturating_sub(load.first);
        if place >= load.proofs {
            return (latencies, failed);
        }
        if let Some(pace) = load.pace {
            let due = started + Duration::from_secs_f64(place as f64 / pace);
            tokio::time::sleep_until(due.into()).await;
        }
        let asked = Instant::now();
        let member = name(run, number % load.members.max(1));
        match prove(&mut client, member, number, load.early).await {
            Ok(true) => latencies.push(asked.elapsed()),
            Ok(false) => failed += 1,
            Err(status) => {
                tracing::warn!(%status, "a request failed");
                failed += 1;
            }
        }
    }
}

async fn prove(
    client: &mut Client,
    member: Vec<u8>,
    number: u64,
    early: bool,
) -> Result<bool, Status> {
    let message = number.to_le_bytes().to_vec();
    let request = v1::SubmitRequest { member, message, early, ..v1::SubmitRequest::default() };
    let job = client.submit(request).await?.into_inner();
    if job.proof.is_some() {
        return Ok(true);
    }
    let wait = v1::WaitJobRequest { id: job.id, timeout_ms: 60_000 };
    let job = client.wait_job(wait).await?.into_inner();
    Ok(job.proof.is_some())
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const MARGIN: f64 = 48.0;

/// The latencies as a curve in SVG: share of the proofs against the time they took, log scale.
#[must_use]
pub fn plot(loaded: &Loaded) -> String {
    let milliseconds =
        |percent: usize| (loaded.latencies.percentile(percent).as_secs_f64() * 1000.0).max(0.01);
    let (low, high) =
        (milliseconds(1).ln(), milliseconds(100).ln().max(milliseconds(1).ln() + 0.1));
    let x = |value: f64| MARGIN + (WIDTH - 2.0 * MARGIN) * (value.ln() - low) / (high - low);
    let y = |percent: usize| HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * percent as f64 / 100.0;
    let mut line = String::new();
    for percent in 1..=100 {
        write!(line, "{:.1},{:.1} ", x(milliseconds(percent)), y(percent)).ok();
    }
    let mut marks = String::new();
    for percent in [50, 90, 99] {
        let (at, value) = (milliseconds(percent), y(percent));
        writeln!(
            marks,
            "<circle cx=\"{:.1}\" cy=\"{value:.1}\" r=\"4\" fill=\"#b5523b\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">p{percent} {at:.1} ms</text>",
            x(at),
            x(at) - 96.0,
            value - 6.0,
        )
        .ok();
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"16\">{} proofs, {:.1} a second: share against \
         milliseconds (log scale)</text>\n\
         <polyline points=\"{line}\" fill=\"none\" stroke=\"#2a7f62\" stroke-width=\"2\"/>\n\
         {marks}</svg>\n",
        loaded.latencies.len(),
        loaded.rate(),
    )
}
