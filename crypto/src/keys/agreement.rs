//! X25519 key agreement.

use core::fmt;

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::ZeroizeOnDrop;

use crate::secret::Secret;
use crate::x25519::{Engine, Job, Scalar, Shared};

/// The other side's public key is of low order: the agreement would give a secret that does not
/// depend on our key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("public key of low order: the agreement is not contributory")]
pub struct NonContributory;

/// A public X25519 key: 32 bytes, a u-coordinate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Takes any 32 bytes: every one of them is a u-coordinate to X25519. Low-order values are
    /// refused where they would do harm, at the agreement.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("X25519(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A secret X25519 key for one agreement, which consumes it.
///
/// # Examples
///
/// ```
/// use logos_crypto::keys::{EphemeralSecret, StaticSecret};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let mut rng = ChaCha20Rng::seed_from_u64(1);
///
/// let ours = EphemeralSecret::random(&mut rng);
/// let theirs = StaticSecret::random(&mut rng);
/// let our_public = ours.public_key();
/// assert_eq!(ours.agree(&theirs.public_key())?, theirs.agree(&our_public)?);
/// # Ok::<(), logos_crypto::keys::NonContributory>(())
/// ```
///
/// A second use does not compile:
///
/// ```compile_fail,E0382
/// # use logos_crypto::keys::{EphemeralSecret, PublicKey};
/// fn twice(key: EphemeralSecret, peer: &PublicKey) {
///     let _ = key.agree(peer);
///     let _ = key.agree(peer);
/// }
/// ```
pub struct EphemeralSecret(StaticSecret);

impl EphemeralSecret {
    /// Draws a key from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(StaticSecret::random(rng))
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    /// Agrees with `theirs` and forgets the secret key.
    ///
    /// # Errors
    ///
    /// [`NonContributory`] if `theirs` is of low order.
    pub fn agree(self, theirs: &PublicKey) -> Result<Secret<32>, NonContributory> {
        self.0.agree(theirs)
    }
}

impl fmt::Debug for EphemeralSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EphemeralSecret")
            .field("public", &self.public_key())
            .finish_non_exhaustive()
    }
}

/// A secret X25519 key that lives on: an identity or a prekey.
///
/// The public half is computed once, when the key is made.
#[derive(PartialEq, Eq)]
pub struct StaticSecret {
    scalar: Secret<32>,
    public: PublicKey,
}

impl StaticSecret {
    /// Draws a key from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_secret(Secret::random(rng))
    }

    /// Takes 32 secret bytes as a key; clamping happens at use, as RFC 7748 says.
    #[must_use]
    pub fn from_secret(scalar: Secret<32>) -> Self {
        let public = PublicKey(Engine::detect().multiply_base(&clamped(&scalar)));
        Self { scalar, public }
    }

    /// Puts a key back together from what [`Self::expose_secret`] and [`Self::public_key`] gave,
    /// without the scalar multiplication of [`Self::from_secret`].
    ///
    /// # Security
    ///
    /// `public` must be the public half of `scalar`, so take both from one authenticated snapshot.
    #[must_use]
    pub const fn from_snapshot(scalar: Secret<32>, public: PublicKey) -> Self {
        Self { scalar, public }
    }

    /// The public half.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Agrees with `theirs`: one scalar multiplication in constant time.
    ///
    /// # Errors
    ///
    /// [`NonContributory`] if `theirs` is of low order.
    pub fn agree(&self, theirs: &PublicKey) -> Result<Secret<32>, NonContributory> {
        let shared = Engine::detect().multiply(&clamped(&self.scalar), &theirs.0);
        if shared.is_contributory() { Ok(take(&shared)) } else { Err(NonContributory) }
    }

    /// Makes several agreements at once, in the order given, which takes the time of one where
    /// the processor has lanes for it ([`Engine::Ifma`]).
    ///
    /// # Errors
    ///
    /// [`NonContributory`] if one of the public keys is of low order.
    ///
    /// # Examples
    ///
    /// ```
    /// use logos_crypto::keys::StaticSecret;
    /// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    /// # let mut rng = ChaCha20Rng::seed_from_u64(1);
    ///
    /// let [a, b, c] = [(); 3].map(|()| StaticSecret::random(&mut rng));
    /// let [with_b, with_c] =
    ///     StaticSecret::agree_all([(&a, &b.public_key()), (&a, &c.public_key())])?;
    /// assert_eq!(with_b, b.agree(&a.public_key())?);
    /// assert_eq!(with_c, c.agree(&a.public_key())?);
    /// # Ok::<(), logos_crypto::keys::NonContributory>(())
    /// ```
    pub fn agree_all<const N: usize>(
        pairs: [(&Self, &PublicKey); N],
    ) -> Result<[Secret<32>; N], NonContributory> {
        let pairs = pairs.map(|(ours, theirs)| (clamped(&ours.scalar), &theirs.0));
        let mut jobs = pairs.each_ref().map(|(scalar, point)| Job::new(scalar, point));
        Engine::detect().multiply_batch(&mut jobs);
        if jobs.iter().all(|job| job.shared.is_contributory()) {
            Ok(jobs.map(|job| take(&job.shared)))
        } else {
            Err(NonContributory)
        }
    }

    /// Shows the 32 bytes of the key, for an encrypted snapshot.
    #[must_use]
    pub const fn expose_secret(&self) -> &Secret<32> {
        &self.scalar
    }
}

fn clamped(scalar: &Secret<32>) -> Scalar {
    Scalar::clamp(*scalar.expose())
}

fn take(shared: &Shared) -> Secret<32> {
    Secret::with(|secret| *secret = *shared.expose())
}

impl fmt::Debug for StaticSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scalar: _, public } = self;
        f.debug_struct("StaticSecret").field("public", public).finish_non_exhaustive()
    }
}

impl ZeroizeOnDrop for StaticSecret {}
impl ZeroizeOnDrop for EphemeralSecret {}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use std::format;

    use super::*;

    #[test]
    fn rfc_7748_section_6_1() {
        let alice = StaticSecret::from_secret(Secret::new(hex!(
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
        )));
        let bob = StaticSecret::from_secret(Secret::new(hex!(
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
        )));
        assert_eq!(
            alice.public_key().as_bytes(),
            &hex!("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
        );
        assert_eq!(
            bob.public_key().as_bytes(),
            &hex!("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
        );
        let shared = hex!("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(alice.agree(&bob.public_key()).unwrap().expose(), &shared);
        assert_eq!(bob.agree(&alice.public_key()).unwrap().expose(), &shared);
    }

    #[test]
    fn a_low_order_point_is_refused() {
        let key = StaticSecret::from_secret(Secret::new([5; 32]));
        for low in [[0; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            let (low, good) = (PublicKey::from_bytes(low), key.public_key());
            assert_eq!(key.agree(&low), Err(NonContributory));
            for others in 0..4 {
                let mut theirs = [&good; 4];
                theirs[others] = &low;
                let pairs = theirs.map(|theirs| (&key, theirs));
                assert_eq!(StaticSecret::agree_all(pairs), Err(NonContributory));
            }
        }
    }

    #[test]
    fn agreements_made_at_once_are_those_made_alone() {
        let keys = [3, 4, 5, 6].map(|fill| StaticSecret::from_secret(Secret::new([fill; 32])));
        let theirs = [7, 8, 9, 10].map(|fill| PublicKey::from_bytes([fill; 32]));
        let [a, b, c, d] = &keys;
        let [e, f, g, h] = &theirs;
        let at_once = StaticSecret::agree_all([(a, e), (b, f), (c, g), (d, h)]).unwrap();
        for ((ours, theirs), shared) in keys.iter().zip(&theirs).zip(&at_once) {
            assert_eq!(&ours.agree(theirs).unwrap(), shared);
        }
    }

    #[test]
    fn debug_shows_the_public_half_only() {
        let key = StaticSecret::from_secret(Secret::new([5; 32]));
        let text = format!("{key:?}");
        assert!(text.starts_with("StaticSecret { public: X25519("));
        assert!(!text.contains("0505"));
    }
}
