//! The ML-KEM steps of the root: post-compromise security against a quantum adversary.
//!
//! The initiator *offers* a fresh ML-KEM-768 key, the responder *answers* with a ciphertext, and
//! the initiator *mixes* the secret into the Diffie-Hellman step of its next chain, saying so in
//! the header of every message of that chain. Offer and answer travel inside message bodies, so
//! no key ever depends on a particular one of them arriving: they ride on messages 0, 1, 3, 7, ..
//! of each chain until the other side has them.
//!
//! ```text
//!  initiator                              responder
//!  Resting --- COOLDOWN chains --->
//!  Offering  -- OFFER epoch, key -->      Asked
//!            <- ANSWER epoch, ct ---      Answering
//!  Ready     -- chain with MIXED -->
//!  Resting                                Resting
//! ```

use alloc::vec::Vec;
use core::fmt;

use logos_crypto::codec::Reader;
use logos_crypto::secret::Secret;
use rand_core::CryptoRng;

use super::DecryptError;
use crate::kem::{CIPHERTEXT_BYTES, Ciphertext, KemPublicKey, KemSecretKey, PUBLIC_KEY_BYTES};

/// Chains the initiator starts between one KEM step and the next offer.
pub const KEM_COOLDOWN: u32 = 8;

/// The body starts with an offer.
pub(crate) const OFFER: u8 = 1;
/// The body starts with an answer.
pub(crate) const ANSWER: u8 = 2;
/// The root step of this chain mixed in a KEM secret.
pub(crate) const MIXED: u8 = 4;

/// What a message's body carried for the KEM ratchet.
#[derive(Debug)]
pub enum KemSignal {
    /// A key to encapsulate to.
    Offer {
        /// Which KEM step, counted from 1.
        epoch: u32,
        /// The fresh key.
        key: KemPublicKey,
    },
    /// A ciphertext for the key offered.
    Answer {
        /// Which KEM step, counted from 1.
        epoch: u32,
        /// The ciphertext.
        ciphertext: Ciphertext,
    },
}

/// One side of the KEM ratchet.
#[derive(Debug)]
pub(crate) enum KemRatchet {
    /// The suite has none.
    Off,
    /// The initiator's side; `epoch` counts the steps done.
    Initiator { epoch: u32, state: Offer },
    /// The responder's side.
    Responder { epoch: u32, state: Answer },
}

pub(crate) enum Offer {
    Resting { chains: u32 },
    Offering { secret: KemSecretKey, key: KemPublicKey },
    Ready { secret: Secret<32> },
}

pub(crate) enum Answer {
    Resting,
    Asked { key: KemPublicKey },
    Answering { ciphertext: Ciphertext, secret: Secret<32> },
}

impl KemRatchet {
    pub(crate) const fn initiator() -> Self {
        Self::Initiator { epoch: 0, state: Offer::Resting { chains: 0 } }
    }

    pub(crate) const fn responder() -> Self {
        Self::Responder { epoch: 0, state: Answer::Resting }
    }

    /// Starts a chain of ours: its flags, and the secret to mix if a step is ready.
    pub(crate) fn begin_chain(&mut self, rng: &mut dyn CryptoRng) -> (u8, Option<Secret<32>>) {
        let Self::Initiator { epoch, state } = self else { return (0, None) };
        match core::mem::replace(state, Offer::Resting { chains: 0 }) {
            Offer::Ready { secret } => {
                *epoch = epoch.saturating_add(1);
                return (MIXED, Some(secret));
            }
            Offer::Resting { chains } if chains + 1 < KEM_COOLDOWN => {
                *state = Offer::Resting { chains: chains + 1 };
            }
            Offer::Resting { .. } => {
                let secret = KemSecretKey::random(rng);
                let key = secret.public_key();
                *state = Offer::Offering { secret, key };
            }
            offering @ Offer::Offering { .. } => *state = offering,
        }
        (0, None)
    }

    /// What message `n` of our chain carries: a flag and the bytes before the content.
    pub(crate) fn attach(&mut self, n: u32, rng: &mut dyn CryptoRng) -> (u8, Vec<u8>) {
        match self {
            Self::Initiator { epoch, state: Offer::Offering { key, .. } } if is_carrier(n) => {
                (OFFER, signal(epoch.saturating_add(1), key.as_bytes()))
            }
            Self::Responder { epoch, state } => {
                let fresh = state.encapsulate(rng);
                match state {
                    Answer::Answering { ciphertext, .. } if fresh || is_carrier(n) => {
                        (ANSWER, signal(epoch.saturating_add(1), ciphertext.as_bytes()))
                    }
                    _ => (0, Vec::new()),
                }
            }
            _ => (0, Vec::new()),
        }
    }

    /// The secret a chain of the peer with these flags mixed in; `None` if it cannot have.
    pub(crate) const fn for_peer_chain(&self, flags: u8) -> Option<Option<&Secret<32>>> {
        match self {
            _ if flags & MIXED == 0 => Some(None),
            Self::Responder { state: Answer::Answering { secret, .. }, .. } => Some(Some(secret)),
            _ => None,
        }
    }

    /// A chain of the peer with these flags has authenticated.
    pub(crate) fn peer_chain_begun(&mut self, flags: u8) {
        if let Self::Responder { epoch, state } = self
            && flags & MIXED != 0
        {
            *epoch = epoch.saturating_add(1);
            *state = Answer::Resting;
        }
    }

    /// Takes in what an authenticated message carried. Repeated and late signals do nothing.
    pub(crate) fn absorb(&mut self, signal: KemSignal) {
        match (self, signal) {
            (
                Self::Responder { epoch, state: state @ Answer::Resting },
                KemSignal::Offer { epoch: offered, key },
            ) if epoch.checked_add(1) == Some(offered) => *state = Answer::Asked { key },
            (
                Self::Initiator { epoch, state },
                KemSignal::Answer { epoch: answered, ciphertext },
            ) if epoch.checked_add(1) == Some(answered) => state.decapsulate(&ciphertext),
            _ => {}
        }
    }
}

impl Offer {
    fn decapsulate(&mut self, ciphertext: &Ciphertext) {
        if let Self::Offering { secret, .. } = self {
            *self = Self::Ready { secret: secret.decapsulate(ciphertext) };
        }
    }
}

impl Answer {
    /// Encapsulates if a key waits for it; whether it did.
    fn encapsulate(&mut self, rng: &mut dyn CryptoRng) -> bool {
        let Self::Asked { key } = self else { return false };
        let (ciphertext, secret) = key.encapsulate(rng);
        *self = Self::Answering { ciphertext, secret };
        true
    }
}

/// Messages 0, 1, 3, 7, .. of a chain: few in a long chain, soon repeated in a lossy one.
const fn is_carrier(n: u32) -> bool {
    n.wrapping_add(1).is_power_of_two()
}

fn signal(epoch: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + bytes.len());
    out.extend_from_slice(&epoch.to_be_bytes());
    out.extend_from_slice(bytes);
    out
}

/// Splits the signal that `flags` announce off the front of `body`.
pub(crate) fn take_signal(
    flags: u8,
    body: &mut Vec<u8>,
) -> Result<Option<KemSignal>, DecryptError> {
    let malformed = |_| DecryptError::Malformed;
    let mut reader = Reader::new(body);
    let signal = match flags & (OFFER | ANSWER) {
        0 => return Ok(None),
        OFFER => {
            let epoch = reader.u32_be().map_err(malformed)?;
            let key = reader.array::<PUBLIC_KEY_BYTES>().map_err(malformed)?;
            let key = KemPublicKey::from_bytes(key).map_err(|_| DecryptError::Malformed)?;
            KemSignal::Offer { epoch, key }
        }
        ANSWER => {
            let epoch = reader.u32_be().map_err(malformed)?;
            let ciphertext = reader.array::<CIPHERTEXT_BYTES>().map_err(malformed)?;
            KemSignal::Answer { epoch, ciphertext: Ciphertext::from_bytes(ciphertext) }
        }
        _ => return Err(DecryptError::Malformed),
    };
    let taken = body.len() - reader.remaining();
    body.drain(..taken);
    Ok(Some(signal))
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resting { chains } => write!(f, "Resting({chains})"),
            Self::Offering { secret: _, key: _ } => f.write_str("Offering(..)"),
            Self::Ready { secret: _ } => f.write_str("Ready(..)"),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resting => f.write_str("Resting"),
            Self::Asked { key: _ } => f.write_str("Asked(..)"),
            Self::Answering { ciphertext: _, secret: _ } => f.write_str("Answering(..)"),
        }
    }
}
