//! Finding double signals in a stream, and telling somebody who can punish them.

use std::sync::Arc;
use std::time::Duration;

use logos_rln::{ProofValues, RlnProof};
use tokio::sync::watch;
use tonic::async_trait;

use super::clock::Clock;
use super::epoch::{Epoch, EpochSchedule};
use super::mark::{Evidence, Mark};
use super::outbound::Outbound;
use super::store::{Store, StoreError};
use super::upstream::Sink;
use super::wire::v1;
use super::workshop::Circuits;
use crate::hex;

/// The setting in which the last evidence that was told is kept.
const TOLD: &str = "slasher/told";

/// Compares the nullifiers of verified proofs.
#[derive(Clone, Debug)]
pub struct Slasher {
    /// Where nullifiers and evidence are kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The epochs of the stream.
    pub schedule: EpochSchedule,
    /// Who verifies.
    pub circuits: Arc<Circuits>,
}

#[async_trait]
impl Sink for Slasher {
    async fn take(&self, proof: &v1::Proof) -> Result<(), StoreError> {
        let (slasher, given) = (self.clone(), proof.clone());
        let marks = tokio::task::spawn_blocking(move || slasher.marks(&given)).await;
        // Values that were never proved would stand in the way of those that were.
        let Ok(Some(marks)) = marks else {
            tracing::warn!(seq = proof.seq, "a proof that does not verify was left out");
            return Ok(());
        };
        self.store.record(self.clock.now(), marks).await.map(|_| ())
    }
}

impl Slasher {
    fn marks(&self, given: &v1::Proof) -> Option<Vec<Mark>> {
        let epoch = Epoch(given.epoch);
        let proof = RlnProof::from_bytes(&given.proof).ok()?;
        if proof.values.external_nullifier() != self.schedule.external_nullifier(epoch) {
            return None;
        }
        let single = matches!(proof.values, ProofValues::Single(_));
        let verifier = self.circuits.verifier(single);
        verifier.verify_values(&proof.proof, &proof.values).ok()?;
        Some(Mark::of(&proof.values, epoch).collect())
    }

    /// Tells of every double signal once the listener has taken it, from where it was left, until
    /// `stop` turns true. The same one may be told twice after a crash.
    pub async fn tell(&self, listener: &dyn Listener, mut stop: watch::Receiver<bool>) {
        let mut changes = self.store.changes();
        while !*stop.borrow() {
            changes.mark_unchanged();
            match self.tell_next(listener).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "evidence waits to be told"),
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    /// Tells of the next double signal; returns whether there was one.
    ///
    /// # Errors
    ///
    /// What the store or the listener says; the evidence is told again.
    pub async fn tell_next(&self, listener: &dyn Listener) -> Result<bool, String> {
        let failed = |error: StoreError| error.to_string();
        let told = self.store.setting(TOLD).await.map_err(failed)?;
        let told: u64 = told.and_then(|told| told.parse().ok()).unwrap_or_default();
        let evidence = self.store.double_signals(told + 1, 1).await.map_err(failed)?;
        let Some(evidence) = evidence.first() else { return Ok(false) };
        listener.hear(&report(evidence)).await?;
        self.store.set(TOLD, &evidence.seq.to_string()).await.map_err(failed)?;
        Ok(true)
    }
}

/// Evidence as one line of JSON: the recovered commitment and both points, no secret. Who holds
/// both points can compute the secret; whoever reads this can punish.
#[must_use]
pub fn report(evidence: &Evidence) -> String {
    let Evidence { seq, first, second, at } = evidence;
    let point =
        |mark: &Mark| serde_json::json!({ "x": hex::encode(&mark.x), "y": hex::encode(&mark.y) });
    let commitment = evidence.commitment().map(|found| hex::encode_field(found.to_field()));
    serde_json::json!({
        "seq": seq,
        "epoch": first.epoch.0,
        "nullifier": hex::encode(&first.nullifier),
        "commitment": commitment,
        "first": point(first),
        "second": point(second),
        "at_ms": at.0,
    })
    .to_string()
}

/// Somebody who is told of double signals.
#[async_trait]
pub trait Listener: Send + Sync {
    /// Takes one line of JSON. An error has it told again.
    async fn hear(&self, report: &str) -> Result<(), String>;
}

/// An address to which evidence is posted.
#[derive(Clone, Debug)]
pub struct Webhook(pub Outbound);

/// What a webhook may answer; nobody reads it.
const MAX_ANSWER: usize = 65_536;

#[async_trait]
impl Listener for Webhook {
    async fn hear(&self, report: &str) -> Result<(), String> {
        let posted = self.0.post(report.to_owned(), MAX_ANSWER).await;
        let (status, _) = posted.map_err(|error| format!("the webhook: {error}"))?;
        if status.is_success() { Ok(()) } else { Err(format!("the webhook answered {status}")) }
    }
}
