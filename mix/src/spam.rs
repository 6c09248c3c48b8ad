//! What a packet has to show before a node spends a slot on it (LIP-157).

use alloc::vec::Vec;

use logos_crypto::tick::Tick;
use thiserror::Error;

/// The proof is not one for these bytes at this time.
///
/// One value for every reason, so that a prober learns nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("spam proof does not verify")]
pub struct BadProof;

/// The node may send nothing more in this epoch.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no allowance left in this epoch")]
pub struct Exhausted;

/// An epoch of the mechanism, in which a node may send a fixed number of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpamEpoch(pub u64);

/// Spam protection generated anew at each hop: the packet is followed by a proof of fixed size
/// that is bound to all its bytes.
///
/// Rate-limiting nullifiers implement this outside of this crate; [`Unprotected`] is for closed
/// networks and tests.
pub trait SpamProtection {
    /// An allowance that a proof used, for [`SpamProtection::reclaim`].
    type Token;

    /// Bytes of every proof.
    fn proof_bytes(&self) -> usize;

    /// Makes the proof for `packet`, the bytes that will be sent.
    ///
    /// # Errors
    ///
    /// [`Exhausted`] if the allowance of the epoch is used up.
    fn prove(&mut self, now: Tick, packet: &[u8]) -> Result<(Vec<u8>, Self::Token), Exhausted>;

    /// Checks a proof against the bytes it came with, and remembers it where the mechanism has
    /// to: a proof that verifies here counts against its maker.
    ///
    /// # Errors
    ///
    /// [`BadProof`], whatever the reason; nothing changes then.
    fn verify(&mut self, now: Tick, packet: &[u8], proof: &[u8]) -> Result<(), BadProof>;

    /// Whether a proof made earlier could still be sent now. A proof that could not is made anew
    /// or thrown away, never sent.
    fn is_current(&self, now: Tick, proof: &[u8]) -> bool;

    /// Gives back the allowance of a proof that was never sent and never will be.
    fn reclaim(&mut self, token: Self::Token);

    /// The epoch at `now`.
    fn epoch(&self, now: Tick) -> SpamEpoch;

    /// When the next epoch begins, if there are epochs.
    fn next_epoch(&self, now: Tick) -> Option<Tick>;
}

/// No protection: proofs of no bytes, always right, without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unprotected;

impl SpamProtection for Unprotected {
    type Token = ();

    fn proof_bytes(&self) -> usize {
        0
    }

    fn prove(&mut self, _: Tick, _: &[u8]) -> Result<(Vec<u8>, ()), Exhausted> {
        Ok((Vec::new(), ()))
    }

    fn verify(&mut self, _: Tick, _: &[u8], proof: &[u8]) -> Result<(), BadProof> {
        if proof.is_empty() { Ok(()) } else { Err(BadProof) }
    }

    fn is_current(&self, _: Tick, _: &[u8]) -> bool {
        true
    }

    fn reclaim(&mut self, (): ()) {}

    fn epoch(&self, _: Tick) -> SpamEpoch {
        SpamEpoch(0)
    }

    fn next_epoch(&self, _: Tick) -> Option<Tick> {
        None
    }
}
