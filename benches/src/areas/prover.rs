//! `prover`: the service, end to end through gRPC on redb, beside a loop of zerokit's
//! `generate_proof` on the same cores.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use logos_node::prover::load::{Bearing, Load, Loaded, bear, load, register};
use logos_node::prover::{Client, Config, Instance, Running, Service, bind, client};
use logos_rln::{ExternalNullifier, Identity, MerklePath, MessageLimit, Signal};
use tokio::runtime::Runtime;
use tonic::transport::Endpoint;

use crate::peers::zerokit;
use crate::report::Unit;
use crate::runner::{Area, Clock, Runner, Side};

/// The area.
pub(super) const AREA: Area = Area {
    name: "prover",
    about: "the prover service through gRPC on redb beside a loop of zerokit's generate_proof",
    figures,
    children: &[],
};

/// Members that are cold when a round begins, and proofs of each.
const MEMBERS: u64 = 8;
const EACH: u64 = 16;

fn figures(runner: &mut Runner) -> Result<()> {
    let names = [
        "grpc_throughput",
        "full_rate",
        "hot_rate",
        "hot_p50",
        "hot_p99",
        "recorded_p50",
        "recorded_p99",
    ];
    if !names.iter().any(|name| runner.wants(name)) {
        return Ok(());
    }
    let cores = std::thread::available_parallelism()?.get();
    let served = Served::start(cores)?;
    let (members, each) = if runner.quick() { (2, 1) } else { (MEMBERS, EACH) };
    throughput(runner, &served, cores, members, each)?;
    hot(runner, &served, members, each)?;
    served.stop()
}

/// Cold members, partial proofs, slots, commits and gRPC all in.
fn throughput(
    runner: &mut Runner,
    served: &Served,
    cores: usize,
    members: u64,
    each: u64,
) -> Result<()> {
    let peer = zerokit::Peer::single();
    let witness = zerokit::witness(&statement()?)?;
    let proofs = members * each;
    let wanted =
        Load { first: 0, proofs, clients: 32, members, limit: 1000, pace: None, early: false };
    let ours = Side::prepared(
        || served.register(wanted).expect("members register"),
        |run| {
            let loaded = served.load(run, wanted).expect("the service answers");
            assert_eq!(loaded.failed, 0, "every proof is made");
        },
    )
    .items(proofs);
    let theirs = Side::new(|| {
        std::thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| peer.generate_proof(&witness).expect("proves"));
            }
        });
    })
    .items(cores as u64);
    runner.against(zerokit::NAME).clock(Clock::Wall);
    runner.compare_sides("grpc_throughput", ours, theirs);
    runner.clock(Clock::Cpu);
    Ok(())
}

/// Members who ask often, at half of what the service bears: from request to proof.
fn hot(runner: &mut Runner, served: &Served, members: u64, each: u64) -> Result<()> {
    let proofs = 4 * members * each;
    let wanted =
        Load { first: 0, proofs, clients: 32, members, limit: 65_536, pace: None, early: false };
    let run = served.register(wanted)?;
    let bearing = served.bear(run, wanted)?;
    let Bearing { full, recorded, early, pace } = &bearing;
    ensure!(full.failed + recorded.failed + early.failed == 0, "every proof is made");
    runner.info("full_rate", full.rate(), Unit::PerSecond);
    runner.info("hot_rate", *pace, Unit::PerSecond);
    for (name, loaded, percent) in [
        ("hot_p50", early, 50),
        ("hot_p99", early, 99),
        ("recorded_p50", recorded, 50),
        ("recorded_p99", recorded, 99),
    ] {
        let took = loaded.latencies.percentile(percent).as_secs_f64() * 1e9;
        runner.info(name, took, Unit::Nanoseconds);
    }
    Ok(())
}

/// A service on a redb file, and a client of its port.
struct Served {
    runtime: Runtime,
    instance: Instance,
    client: Client,
    folder: PathBuf,
    runs: AtomicU64,
}

impl Served {
    fn start(workers: usize) -> Result<Self> {
        let runtime = Runtime::new()?;
        let folder = std::env::temp_dir().join(format!("logos-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let key = folder.join("custody.key");
        std::fs::write(&key, [7; 32])?;
        let store = folder.join("prover.redb").display().to_string();
        let config = Config { store, custody_key: Some(key), ..Config::default() };
        let (instance, client) = runtime.block_on(async {
            let (listener, address) = bind(([127, 0, 0, 1], 0).into()).await?;
            let service = Service::new(config.parts().await?).await?;
            let running = Running { workers, ..Running::default() };
            let instance = Instance::start(service, Some(listener), &running)?;
            let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
            anyhow::Ok((instance, client(&endpoint, None)))
        })?;
        Ok(Self { runtime, instance, client, folder, runs: AtomicU64::new(0) })
    }

    /// Registers members nobody has seen; returns the name of their run.
    fn register(&self, wanted: Load) -> Result<u64> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        self.runtime.block_on(register(&self.client, run, wanted)).context("register")?;
        Ok(run)
    }

    fn load(&self, run: u64, wanted: Load) -> Result<Loaded> {
        self.runtime.block_on(load(&self.client, run, wanted)).context("load")
    }

    fn bear(&self, run: u64, wanted: Load) -> Result<Bearing> {
        let steady = wanted.proofs.max(100);
        self.runtime.block_on(bear(&self.client, run, wanted, steady)).context("load")
    }

    fn stop(self) -> Result<()> {
        self.runtime.block_on(self.instance.drain_and_stop(Duration::from_secs(10)));
        std::fs::remove_dir_all(&self.folder).context("remove the service's files")
    }
}

/// A statement for the peer, of a member of a tree as deep as the service's.
fn statement() -> Result<zerokit::Statement> {
    let path = MerklePath::new(vec![logos_crypto::Fr::ONE; zerokit::DEPTH], 5)?;
    let external = ExternalNullifier::new(b"epoch", b"bench");
    Ok(zerokit::Statement {
        secret: Identity::seeded(b"bench").secret().expose_secret().to_bytes(),
        limit: u64::from(MessageLimit::new(1000)?.get()),
        message_id: 0,
        path: path.siblings().iter().map(logos_crypto::Fr::to_bytes).collect(),
        index: 5,
        x: Signal::from_message(b"message").to_field().to_bytes(),
        external_nullifier: external.to_field().to_bytes(),
    })
}
