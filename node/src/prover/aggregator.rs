//! One stream out of several: what different provers made of one message appears once.

use std::sync::Arc;

use logos_rln::RlnProof;
use sha2::{Digest, Sha256};
use tonic::async_trait;

use super::clock::Clock;
use super::epoch::Epoch;
use super::job::{JobId, LABEL_BYTES};
use super::store::{Publication, Store, StoreError};
use super::upstream::Sink;
use super::wire::v1;

/// Publishes what it takes in a stream of its own.
#[derive(Clone, Debug)]
pub struct Aggregator {
    /// Where the stream is kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Sink for Aggregator {
    async fn take(&self, proof: &v1::Proof) -> Result<(), StoreError> {
        let Some(id) = name_of(&proof.proof) else {
            tracing::warn!(seq = proof.seq, "a proof that is none was left out");
            return Ok(());
        };
        let publication = Publication {
            id,
            sender: bounded(&proof.member),
            subject: bounded(&proof.subject),
            epoch: Epoch(proof.epoch),
            proof: proof.proof.clone(),
        };
        self.store.publish(self.clock.now(), publication).await.map(|_| ())
    }
}

/// Names a proof by what it says: its nullifiers and its message. Two provers blind the same proof
/// differently, and anybody can do so again, so the bytes name nothing.
fn name_of(proof: &[u8]) -> Option<JobId> {
    let values = RlnProof::from_bytes(proof).ok()?.values;
    let mut hash = Sha256::new().chain_update(values.x().to_bytes());
    for signal in values.signals() {
        hash.update(signal.nullifier.to_field().to_bytes());
    }
    Some(JobId(hash.finalize().into()))
}

fn bounded(label: &[u8]) -> Vec<u8> {
    label.iter().take(LABEL_BYTES).copied().collect()
}
