//! The keys of mix nodes.

use core::fmt;

use logos_crypto::secret::Secret;
use logos_crypto::x25519::{NotPrimeOrder, PrimeOrderPoint, Scalar};
use rand_core::CryptoRng;
use zeroize::ZeroizeOnDrop;

/// The public key of a mix node, checked to be of prime order.
///
/// The check is what lets a sender multiply scalars instead of points. It costs about two
/// multiplications and is done once, when the key is learnt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MixKey(PrimeOrderPoint);

impl MixKey {
    /// Checks 32 bytes from a directory.
    ///
    /// # Errors
    ///
    /// [`NotPrimeOrder`] if an honest node cannot have this key: the bytes are of low order, of
    /// mixed order, on the twist, or not reduced.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, NotPrimeOrder> {
        PrimeOrderPoint::from_bytes(bytes).map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for MixKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The secret key of a mix node for one key epoch.
pub struct MixSecret {
    scalar: Scalar,
    public: MixKey,
}

impl MixSecret {
    /// Draws a key from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_scalar(Scalar::random(rng))
    }

    /// Takes 32 secret bytes as a key.
    #[must_use]
    pub fn from_secret(secret: &Secret<32>) -> Self {
        Self::from_scalar(Scalar::clamp(*secret.expose()))
    }

    fn from_scalar(scalar: Scalar) -> Self {
        let public = MixKey(PrimeOrderPoint::of(&scalar));
        Self { scalar, public }
    }

    /// The public half, as published in the directory.
    #[must_use]
    pub const fn public_key(&self) -> MixKey {
        self.public
    }

    /// Shows the 32 bytes of the key, for an encrypted snapshot.
    #[must_use]
    pub fn expose_secret(&self) -> Secret<32> {
        Secret::new(*self.scalar.expose())
    }

    pub(crate) const fn scalar(&self) -> &Scalar {
        &self.scalar
    }
}

impl fmt::Debug for MixSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scalar: _, public } = self;
        f.debug_struct("MixSecret").field("public", public).finish_non_exhaustive()
    }
}

impl ZeroizeOnDrop for MixSecret {}
