//! Rate limiting of mix packets: every hop proves anew that it may send (LIP-157).

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use logos_crypto::tick::Tick;
use logos_mix::spam::{BadProof, Exhausted, SpamEpoch, SpamProtection};

use crate::rate_limit::{Admitted, Guard, Incoming, RateLimitProof, Signal, UnixNanos, Verdict};

/// A guard as a mix node's spam protection.
///
/// Proofs of packets count apart from those of messages if the guard is of an application of its
/// own. What follows a packet is:
///
/// | offset | bytes | content |
/// |---|---|---|
/// | 0 | 8 | time stamp, least significant byte first |
/// | 8 | 335 | [`RateLimitProof`] about the packet's bytes and the time stamp |
///
/// # Examples
///
/// ```
/// # use std::sync::Arc;
/// # use logos_node::rate_limit::{Guard, MixGuard, UnixNanos};
/// use logos_mix::spam::SpamProtection;
///
/// # fn example(guard: Arc<Guard>) {
/// // The mix counts its time from here.
/// let origin = UnixNanos::from_secs(1_763_701_200);
/// let spam = MixGuard::new(guard, origin);
/// assert_eq!(spam.proof_bytes(), 343);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MixGuard {
    guard: Arc<Guard>,
    origin: UnixNanos,
}

/// A proof that was made and may not have been sent.
#[derive(Debug)]
pub struct MixToken(Admitted);

impl MixGuard {
    /// Bytes after every packet.
    pub const PROOF_BYTES: usize = 8 + RateLimitProof::BYTES;

    /// Protects with `guard` a mix whose time began at `origin`.
    ///
    /// The mix waits for its verdicts, so a guard without threads costs least.
    #[must_use]
    pub const fn new(guard: Arc<Guard>, origin: UnixNanos) -> Self {
        Self { guard, origin }
    }

    fn time(&self, now: Tick) -> UnixNanos {
        self.origin + now.since_origin()
    }
}

/// Packets have no content topic; this keeps their proofs apart from those of messages.
const TOPIC: &str = "/logos/1/mix-packet/bytes";

const fn signal(packet: &[u8], timestamp: UnixNanos) -> Signal<'_> {
    Signal { payload: packet, content_topic: TOPIC, timestamp }
}

/// Time stamp and proof.
fn split(proof: &[u8]) -> Option<(UnixNanos, &[u8])> {
    let (timestamp, proof) = proof.split_first_chunk::<8>()?;
    Some((UnixNanos::new(i64::from_le_bytes(*timestamp)), proof))
}

impl SpamProtection for MixGuard {
    type Token = MixToken;

    fn proof_bytes(&self) -> usize {
        Self::PROOF_BYTES
    }

    /// As [`Guard::admit`]; whatever the reason, a node that cannot prove has no allowance.
    fn prove(&mut self, now: Tick, packet: &[u8]) -> Result<(Vec<u8>, MixToken), Exhausted> {
        let now = self.time(now);
        let admitted = self.guard.admit(signal(packet, now), now).map_err(|_| Exhausted)?;
        let stamp = admitted.timestamp.get().to_le_bytes();
        Ok(([&stamp[..], &admitted.proof].concat(), MixToken(admitted)))
    }

    fn verify(&mut self, now: Tick, packet: &[u8], proof: &[u8]) -> Result<(), BadProof> {
        let (timestamp, proof) = split(proof).ok_or(BadProof)?;
        let incoming = Incoming { signal: signal(packet, timestamp), proof };
        match self.guard.judge(&[incoming], self.time(now)).first() {
            Some(Verdict::Accept) => Ok(()),
            _ => Err(BadProof),
        }
    }

    /// Is the stamp of this epoch, not far from the clock, and the root one that counts?
    fn is_current(&self, now: Tick, proof: &[u8]) -> bool {
        let now = self.time(now);
        let rules = self.guard.rules();
        let Some((timestamp, proof)) = split(proof) else { return false };
        let Ok(proof) = RateLimitProof::from_bytes(proof) else { return false };
        timestamp.distance(now) <= rules.max_clock_gap
            && rules.epochs.at(now) == Some(proof.epoch())
            && self.guard.with_group(|group| group.is_acceptable(&proof.root()))
    }

    fn reclaim(&mut self, token: MixToken) {
        self.guard.give_back(token.0);
    }

    fn epoch(&self, now: Tick) -> SpamEpoch {
        let epoch = self.guard.rules().epochs.at(self.time(now));
        SpamEpoch(epoch.map_or(0, crate::rate_limit::EpochNumber::get))
    }

    fn next_epoch(&self, now: Tick) -> Option<Tick> {
        let start = self.guard.next_epoch(self.time(now))?;
        let since = start.get().checked_sub(self.origin.get())?;
        Some(Tick::new(Duration::from_nanos(u64::try_from(since).ok()?)))
    }
}
