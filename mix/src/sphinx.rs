//! The Logos packet format: Sphinx as LIP-99 and LIP-183 write it.

mod create;
mod process;
#[cfg(test)]
mod tests;

use logos_crypto::x25519::Engine;
use zeroize::Zeroize;

use crate::address::AddressBlock;
use crate::layout::{ADDRESS_BYTES, BLOCK_BYTES, DELAY_BYTES, GAMMA_BYTES, KAPPA};
use crate::payload::PayloadCipher;
use crate::route::MeanDelay;

#[cfg(feature = "nym")]
pub(crate) use process::is_canonical;
#[cfg(feature = "pq")]
pub(crate) use process::truncated_hash;
pub(crate) use process::{GROUP, is_intact};
pub use process::{OpenError, Opened, ProcessError, ReplayTag, Step, StripError};

/// The packet format of the Logos mix, with the choices a deployment and a processor make.
///
/// | operation | who | cost |
/// |---|---|---|
/// | [`Sphinx::create`] | sender | per hop: one base and one point multiplication, one layer |
/// | [`Sphinx::create_surb`] | sender | the same without payload |
/// | [`Sphinx::process`] | mix | two point multiplications, one layer; no allocation |
/// | [`Sphinx::process_batch`] | mix | the same with the multiplications eight at a time |
///
/// # Examples
///
/// A packet over two hops, the second of which is the destination:
///
/// ```
/// use logos_mix::{AddressBlock, Hold, Hop, MeanDelay, MixSecret, Route, Sphinx, Step};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::seed_from_u64(1);
///
/// let nodes = [MixSecret::random(&mut rng), MixSecret::random(&mut rng)];
/// let hop = |i: usize| Hop {
///     key: nodes[i].public_key(),
///     address: AddressBlock::from_bytes([i as u8 + 1; 94]),
///     delay: MeanDelay::MIN,
/// };
/// let route = Route::new(vec![hop(0), hop(1)])?;
/// let sphinx = Sphinx::default();
///
/// let mut packet = sphinx.create(&route, &AddressBlock::NONE, &[42; 3968], &mut rng);
/// let step = sphinx.process(&nodes[0], &mut packet)?;
/// assert_eq!(step, Step::Forward { next: hop(1).address, hold: Hold::Mean(MeanDelay::MIN) });
/// let step = sphinx.process(&nodes[1], &mut packet)?;
/// assert_eq!(step, Step::Deliver { destination: AddressBlock::NONE });
/// assert_eq!(*packet.message(), [42; 3968]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sphinx {
    cipher: PayloadCipher,
    engine: Engine,
}

impl Default for Sphinx {
    fn default() -> Self {
        Self::new(PayloadCipher::default(), Engine::detect())
    }
}

impl Sphinx {
    /// The format with this payload cipher, computed by this engine.
    #[must_use]
    pub const fn new(cipher: PayloadCipher, engine: Engine) -> Self {
        Self { cipher, engine }
    }

    /// The payload cipher.
    #[must_use]
    pub const fn cipher(&self) -> PayloadCipher {
        self.cipher
    }
}

/// What one hop reads in the header.
///
/// | offset | bytes | field | at the last hop |
/// |---|---|---|---|
/// | 0 | 94 | next address | destination, or zeros |
/// | 94 | 2 | mean delay, big endian | 0 |
/// | 96 | 16 | next MAC | reply identifier, or zeros |
pub(crate) struct Block {
    pub(crate) address: AddressBlock,
    pub(crate) delay: u16,
    pub(crate) gamma: [u8; GAMMA_BYTES],
}

impl Block {
    pub(crate) fn to_bytes(&self) -> [u8; BLOCK_BYTES] {
        let mut bytes = [0; BLOCK_BYTES];
        bytes[..ADDRESS_BYTES].copy_from_slice(self.address.as_bytes());
        bytes[ADDRESS_BYTES..ADDRESS_BYTES + DELAY_BYTES]
            .copy_from_slice(&self.delay.to_be_bytes());
        bytes[ADDRESS_BYTES + DELAY_BYTES..].copy_from_slice(&self.gamma);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; BLOCK_BYTES]) -> Self {
        let mut address = [0; ADDRESS_BYTES];
        address.copy_from_slice(&bytes[..ADDRESS_BYTES]);
        let mut gamma = [0; GAMMA_BYTES];
        gamma.copy_from_slice(&bytes[ADDRESS_BYTES + DELAY_BYTES..]);
        let delay = u16::from_be_bytes([bytes[ADDRESS_BYTES], bytes[ADDRESS_BYTES + 1]]);
        Self { address: AddressBlock::from_bytes(address), delay, gamma }
    }

    /// The delay of a hop that passes the packet on; none for the last.
    ///
    /// A header has [`KAPPA`] zero bytes behind its last routing block for every path length, and
    /// pseudorandom ones behind every other: senders who encode no delay at an inner hop are
    /// understood too.
    pub(crate) fn forwarding_delay(&self, behind: &[u8]) -> Option<MeanDelay> {
        let last = self.delay == 0 && behind.iter().take(KAPPA).all(|byte| *byte == 0);
        (!last).then(|| MeanDelay::from_millis(self.delay).unwrap_or(MeanDelay::MIN))
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.gamma.zeroize();
    }
}
