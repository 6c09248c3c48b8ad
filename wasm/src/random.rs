//! Randomness from the platform.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use zeroize::Zeroizing;

use crate::error::{Code, Error};

/// A generator seeded by WebCrypto: one for each operation, so that no state outlives it.
pub(crate) fn generator() -> Result<ChaCha20Rng, Error> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice())
        .map_err(|_| Error::new(Code::Randomness, "the platform gave no randomness"))?;
    Ok(ChaCha20Rng::from_seed(*seed))
}
