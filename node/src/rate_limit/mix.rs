//! Rate limiting of mix packets: every hop proves anew that it may send (LIP-144, LIP-157).

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use logos_crypto::tick::Tick;
use logos_mix::spam::{BadProof, Exhausted, SpamEpoch, SpamProtection};

use crate::rate_limit::wire::complete;
use crate::rate_limit::{
    Admitted, Counted, Guard, Incoming, RateLimitProof, Signal, UnixNanos, Verdict,
};

/// A guard as a mix node's spam protection, as the deployed mix network has it.
///
/// What follows a packet is a [`RateLimitProof`] about its bytes, without the last field: 301
/// bytes.
///
/// # Examples
///
/// ```
/// # use std::sync::Arc;
/// # use logos_node::rate_limit::{Guard, MixGuard, UnixNanos};
/// use logos_mix::spam::SpamProtection;
///
/// # fn example(guard: Arc<Guard>) {
/// // The mix counts its time from here. The guard's rules are `Rules::of_packets`.
/// let origin = UnixNanos::from_secs(1_763_701_200);
/// if let Some(spam) = MixGuard::new(guard, origin) {
///     assert_eq!(spam.proof_bytes(), 301);
/// }
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
    /// Protects with `guard` a mix whose time began at `origin`, or `None` if the guard counts
    /// messages: their proofs are bound to other things.
    ///
    /// The mix waits for its verdicts, so a guard without threads costs least.
    #[must_use]
    pub fn new(guard: Arc<Guard>, origin: UnixNanos) -> Option<Self> {
        (guard.rules().epochs.counted() == Counted::Packets).then_some(Self { guard, origin })
    }

    fn time(&self, now: Tick) -> UnixNanos {
        self.origin + now.since_origin()
    }

    /// The proof behind a packet, in the form of messages.
    fn complete(&self, proof: &[u8]) -> Option<Vec<u8>> {
        let proof: &[u8; RateLimitProof::PACKET_BYTES] = proof.try_into().ok()?;
        Some(complete(proof, self.guard.rules().epochs.application()))
    }
}

/// Packets have neither topic nor time stamp.
const fn signal(packet: &[u8], now: UnixNanos) -> Signal<'_> {
    Signal { payload: packet, content_topic: "", timestamp: now }
}

impl SpamProtection for MixGuard {
    type Token = MixToken;

    fn proof_bytes(&self) -> usize {
        RateLimitProof::PACKET_BYTES
    }

    /// As [`Guard::admit`]; whatever the reason, a node that cannot prove has no allowance.
    fn prove(&mut self, now: Tick, packet: &[u8]) -> Result<(Vec<u8>, MixToken), Exhausted> {
        let now = self.time(now);
        let admitted = self.guard.admit(signal(packet, now), now).map_err(|_| Exhausted)?;
        let (proof, _) = admitted.proof.split_at(RateLimitProof::PACKET_BYTES);
        Ok((proof.to_vec(), MixToken(admitted)))
    }

    fn verify(&mut self, now: Tick, packet: &[u8], proof: &[u8]) -> Result<(), BadProof> {
        let (now, proof) = (self.time(now), self.complete(proof).ok_or(BadProof)?);
        let incoming = Incoming { signal: signal(packet, now), proof: &proof };
        match self.guard.judge(&[incoming], now).first() {
            Some(Verdict::Accept) => Ok(()),
            _ => Err(BadProof),
        }
    }

    /// Is the epoch not far from the clock's, and the root one that counts?
    fn is_current(&self, now: Tick, proof: &[u8]) -> bool {
        let Some(proof) = self.complete(proof) else { return false };
        let Ok(proof) = RateLimitProof::from_bytes(&proof) else { return false };
        self.guard.rules().epochs.is_near(proof.epoch(), self.time(now))
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
