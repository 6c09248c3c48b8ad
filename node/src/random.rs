//! Randomness for those below who take it as an argument.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use thiserror::Error;
use zeroize::Zeroizing;

/// The operating system gave no randomness.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the operating system gave no randomness")]
pub struct RandomError;

/// A generator with a fresh seed of the operating system: one system call, then ChaCha20.
///
/// # Errors
///
/// [`RandomError`], on systems that are not set up.
///
/// # Security
///
/// Fit for secrets. Make one for each thread; never copy one.
pub fn os_seeded() -> Result<ChaCha20Rng, RandomError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|_| RandomError)?;
    Ok(ChaCha20Rng::from_seed(*seed))
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;

    #[test]
    fn two_generators_differ() {
        let [mut one, mut other] = [os_seeded().unwrap(), os_seeded().unwrap()];
        assert_ne!(one.next_u64(), other.next_u64());
    }
}
