//! The stream of proofs, passed on to NATS JetStream.
//!
//! The store's stream is the truth; JetStream has a copy for many readers. How far the copy has come
//! is kept in the store, moves forward only, and moves after JetStream has said that it holds a
//! proof. So a proof may be sent twice, by one instance after a crash or by several at once, and has
//! the same `Nats-Msg-Id` each time, by which JetStream drops the second.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, stream};
use async_nats::{ConnectOptions, ServerAddr};
use prost::Message;
use rand_core::Rng;
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::{Mutex, watch};

use super::config::ConfigError;
use super::grpc::proof_out;
use super::job::ProofRecord;
use super::outbound::trusting;
use super::store::{Store, StoreError};
use crate::random::os_seeded;

/// Proofs that are sent before the first of them is acknowledged.
const PAGE: usize = 256;
/// How long the server may take to connect and to acknowledge.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to look away at most when nothing is announced.
const POLL: Duration = Duration::from_millis(500);
/// How long to wait after the server failed, or somebody else was faster.
const PAUSE: Duration = Duration::from_secs(1);
/// The setting that names the store's stream, for whoever copies it.
const STREAM_ID: &str = "nats/stream";
/// The setting that says how far the copy has come.
const CURSOR: &str = "nats/cursor";

/// `[nats]` in the settings.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsConfig {
    /// Servers, `nats://host:4222` or `tls://..`, with `,` between them; none: nothing is passed on.
    pub url: Option<String>,
    /// The JetStream stream; made if it does not exist.
    pub stream: String,
    /// What subjects begin with: `<prefix>.proofs.<member>`.
    pub prefix: String,
    /// A file with the token that the servers want.
    pub token: Option<PathBuf>,
    /// Seconds for which a stream that is made here knows what it has.
    pub duplicate_seconds: u64,
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        let Self { stream, prefix, .. } = self;
        let mut shown = f.debug_struct("NatsConfig");
        shown.field("stream", stream).field("prefix", prefix).finish_non_exhaustive()
    }
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            url: None,
            stream: "RLN_PROOFS".to_owned(),
            prefix: "rln".to_owned(),
            token: None,
            duplicate_seconds: 600,
        }
    }
}

/// Why a proof was not passed on.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum FanOutError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The servers cannot be reached, or refuse.
    #[error("{0}")]
    Nats(String),
}

/// Passes proofs on to JetStream. Several may do so for one store.
pub struct FanOut {
    config: NatsConfig,
    servers: Vec<ServerAddr>,
    options: ConnectOptions,
    connected: Mutex<Option<jetstream::Context>>,
}

impl fmt::Debug for FanOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses and options may hold passwords.
        let Self { config, servers: _, options: _, connected: _ } = self;
        f.debug_struct("FanOut").field("stream", &config.stream).finish_non_exhaustive()
    }
}

/// What one look at the store led to.
enum Passed {
    /// There may be more.
    Some,
    /// Everything is there.
    All,
    /// Somebody else passed them on at the same time.
    Overtaken,
}

impl NatsConfig {
    /// What passes proofs on, if anything is set. Whether the servers are there is seen later.
    ///
    /// # Errors
    ///
    /// One [`ConfigError`] a reason.
    pub fn fan_out(&self) -> Result<Option<Arc<FanOut>>, ConfigError> {
        let Some(url) = self.url.as_deref().filter(|url| !url.is_empty()) else { return Ok(None) };
        // An address may hold a password, so no message repeats it.
        let servers: Result<Vec<ServerAddr>, _> =
            url.split(',').map(|one| one.trim().parse()).collect();
        let servers = servers.map_err(|_| setting("nats.url", "nats://host:port is wanted"))?;
        check("nats.stream", &self.stream)?;
        for part in self.prefix.split('.') {
            check("nats.prefix", part)?;
        }
        let tls = trusting(&[]).map_err(|error| setting("nats.url", &error.to_string()))?;
        let mut options = ConnectOptions::new()
            .name("logos prover")
            .connection_timeout(PATIENCE)
            .tls_client_config((*tls).clone());
        if let Some(path) = &self.token {
            options = options.token(token(path)?);
        }
        let connected = Mutex::default();
        Ok(Some(Arc::new(FanOut { config: self.clone(), servers, options, connected })))
    }
}

/// A name that NATS takes as one word.
fn check(name: &'static str, value: &str) -> Result<(), ConfigError> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !value.is_empty() && value.bytes().all(is_word) {
        Ok(())
    } else {
        Err(setting(name, "letters, digits, _ and - make a name"))
    }
}

fn setting(setting: &'static str, reason: &str) -> ConfigError {
    ConfigError::Setting { setting, reason: reason.to_owned() }
}

fn token(path: &Path) -> Result<String, ConfigError> {
    let failed =
        |error: std::io::Error| ConfigError::File { path: path.to_path_buf(), kind: error.kind() };
    Ok(std::fs::read_to_string(path).map_err(failed)?.trim().to_owned())
}

impl FanOut {
    /// Passes on what the store has and gets, until `stop` turns true. Nobody waits for this.
    pub async fn follow(&self, store: Arc<dyn Store>, mut stop: watch::Receiver<bool>) {
        let (mut changes, mut is_lost) = (store.changes(), false);
        while !*stop.borrow() {
            changes.mark_unchanged();
            let passed = tokio::select! {
                passed = self.pass_on(&*store) => passed,
                _ = stop.changed() => return,
            };
            is_lost = told(&passed, is_lost);
            let pause = match passed {
                Ok(Passed::Some) => continue,
                Ok(Passed::All) => tokio::select! {
                    _ = changes.changed() => continue,
                    _ = stop.changed() => return,
                    () = tokio::time::sleep(POLL) => continue,
                },
                Ok(Passed::Overtaken) => PAUSE,
                Err(_) => {
                    // The next look connects anew.
                    self.connected.lock().await.take();
                    PAUSE
                }
            };
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Passes the next page on.
    async fn pass_on(&self, store: &dyn Store) -> Result<Passed, FanOutError> {
        let kept = store.setting(CURSOR).await?;
        let reached = place(kept.as_deref())?;
        let page = store.proofs(reached + 1, PAGE).await?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else {
            return Ok(Passed::All);
        };
        if first.seq > reached + 1 {
            let missed = first.seq - reached - 1;
            tracing::warn!(missed, "proofs were forgotten before they were passed on to NATS");
        }
        let (sent, failed) = self.send(store, &page).await;
        let is_first = match sent {
            None => true,
            Some(seq) => store.replace(CURSOR, kept.as_deref(), &seq.to_string()).await?,
        };
        match failed {
            Some(error) => Err(error),
            None if !is_first => Ok(Passed::Overtaken),
            None if sent == Some(last.seq) => Ok(Passed::Some),
            None => Ok(Passed::All),
        }
    }

    /// Sends proofs; returns the last one up to which all are acknowledged.
    async fn send(
        &self,
        store: &dyn Store,
        page: &[ProofRecord],
    ) -> (Option<u64>, Option<FanOutError>) {
        let mut under_way: Vec<(u64, PublishAckFuture)> = Vec::with_capacity(page.len());
        let mut failed = self.begin(store, page, &mut under_way).await.err();
        let mut sent = None;
        for (seq, acknowledged) in under_way {
            match acknowledged.await {
                Ok(_) => sent = Some(seq),
                Err(error) => {
                    failed = Some(nats(&error));
                    break;
                }
            }
        }
        (sent, failed)
    }

    async fn begin(
        &self,
        store: &dyn Store,
        page: &[ProofRecord],
        under_way: &mut Vec<(u64, PublishAckFuture)>,
    ) -> Result<(), FanOutError> {
        let (id, context) = (stream_id(store).await?, self.context().await?);
        for proof in page {
            let NatsConfig { stream, prefix, .. } = &self.config;
            let subject = format!("{prefix}.proofs.{}", crate::hex::encode(&proof.sender));
            let message = PublishMessage::build()
                .payload(proof_out(proof).encode_to_vec().into())
                .message_id(format!("{id}:{}", proof.seq))
                .expected_stream(stream);
            let sending = tokio::time::timeout(PATIENCE, context.send_publish(subject, message));
            let sending = sending.await.map_err(|error| nats(&error))?;
            under_way.push((proof.seq, sending.map_err(|error| nats(&error))?));
        }
        Ok(())
    }

    /// The connection, and a stream behind it.
    async fn context(&self) -> Result<jetstream::Context, FanOutError> {
        let mut connected = self.connected.lock().await;
        if let Some(context) = &*connected {
            return Ok(context.clone());
        }
        let client = self.options.clone().connect(self.servers.as_slice()).await;
        let mut context = jetstream::new(client.map_err(|error| nats(&error))?);
        context.set_timeout(PATIENCE);
        let NatsConfig { stream, prefix, duplicate_seconds, .. } = &self.config;
        let wanted = stream::Config {
            name: stream.clone(),
            subjects: vec![format!("{prefix}.proofs.*")],
            duplicate_window: Duration::from_secs(*duplicate_seconds),
            ..stream::Config::default()
        };
        context.get_or_create_stream(wanted).await.map_err(|error| nats(&error))?;
        *connected = Some(context.clone());
        Ok(context)
    }
}

/// Says once that NATS is lost, and once that it is back; returns whether it is lost now.
fn told(passed: &Result<Passed, FanOutError>, was_lost: bool) -> bool {
    match passed {
        Err(error) if !was_lost => tracing::warn!(%error, "proofs wait to be passed on to NATS"),
        Ok(_) if was_lost => tracing::info!("proofs are passed on to NATS again"),
        _ => {}
    }
    passed.is_err()
}

fn nats(error: &impl ToString) -> FanOutError {
    FanOutError::Nats(error.to_string())
}

fn place(kept: Option<&str>) -> Result<u64, StoreError> {
    let damaged = |_| StoreError::Damaged("the place in NATS is no number".to_owned());
    kept.map_or(Ok(0), |kept| kept.parse().map_err(damaged))
}

/// The name of the store's stream: drawn once, and the same for all instances from then on.
async fn stream_id(store: &dyn Store) -> Result<String, StoreError> {
    loop {
        if let Some(id) = store.setting(STREAM_ID).await? {
            return Ok(id);
        }
        let mut id = [0; 16];
        let unavailable = |_| StoreError::Unavailable("no randomness".to_owned());
        os_seeded().map_err(unavailable)?.fill_bytes(&mut id);
        store.replace(STREAM_ID, None, &crate::hex::encode(&id)).await?;
    }
}
