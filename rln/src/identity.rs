//! Who a member is: a secret field element and what is published of it.

use alloc::boxed::Box;
use core::fmt;

use logos_crypto::field::NotCanonical;
use logos_crypto::hash_to_field::keccak256;
use logos_crypto::{Fr, poseidon};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, Rng, SeedableRng};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::limit::MessageLimit;

/// Why bytes are not an identity.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// The secret is not a canonical field element.
    #[error("identity secret is not a canonical field element")]
    NotCanonical,
    /// The secret is zero, which anybody would guess.
    #[error("identity secret is zero")]
    Zero,
    /// A stored commitment is not that of the stored secret.
    #[error("commitment does not belong to the secret")]
    CommitmentMismatch,
}

impl From<NotCanonical> for IdentityError {
    fn from(_: NotCanonical) -> Self {
        Self::NotCanonical
    }
}

/// A secret field element, on the heap, wiped on drop, never printed.
#[derive(ZeroizeOnDrop)]
pub(crate) struct SecretFr(Box<Fr>);

impl SecretFr {
    pub(crate) fn new(value: Fr) -> Self {
        Self(Box::new(value))
    }

    pub(crate) fn expose(&self) -> &Fr {
        &self.0
    }

    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

impl PartialEq for SecretFr {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The identity secret `a0` of a member.
///
/// Whoever holds it can use up and slash the membership. It leaves only through
/// [`IdentitySecret::expose_secret`].
///
/// # Examples
///
/// ```
/// use logos_rln::IdentitySecret;
///
/// let secret = IdentitySecret::from_bytes(&[7; 32])?;
/// assert_eq!(format!("{secret:?}"), "IdentitySecret(..)");
/// # Ok::<(), logos_rln::IdentityError>(())
/// ```
#[derive(PartialEq)]
pub struct IdentitySecret(SecretFr);

impl IdentitySecret {
    /// Draws a secret from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(SecretFr::new(Fr::random(rng)))
    }

    /// Decodes 32 bytes, least significant first.
    ///
    /// # Errors
    ///
    /// [`IdentityError::NotCanonical`] or [`IdentityError::Zero`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, IdentityError> {
        Self::from_field(Fr::from_bytes(bytes)?)
    }

    /// Takes a field element as the secret.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Zero`].
    pub fn from_field(value: Fr) -> Result<Self, IdentityError> {
        if value.is_zero() {
            return Err(IdentityError::Zero);
        }
        Ok(Self(SecretFr::new(value)))
    }

    /// Takes a value that came out of an identity secret.
    pub(crate) fn trusted(value: Fr) -> Self {
        Self(SecretFr::new(value))
    }

    /// Shows the secret. The caller answers for every copy made of it.
    #[must_use]
    pub fn expose_secret(&self) -> &Fr {
        self.0.expose()
    }

    /// `Poseidon(secret)`: one hash.
    #[must_use]
    pub fn commitment(&self) -> IdentityCommitment {
        IdentityCommitment(poseidon::hash(&[*self.expose_secret()]))
    }

    /// A second owner of the same secret, spelled out where a prover needs one.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.duplicate())
    }
}

impl fmt::Debug for IdentitySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_) = self;
        f.write_str("IdentitySecret(..)")
    }
}

impl ZeroizeOnDrop for IdentitySecret {}

/// The public name of a member: `Poseidon(secret)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdentityCommitment(Fr);

impl IdentityCommitment {
    /// Takes a published commitment.
    #[must_use]
    pub const fn from_field(value: Fr) -> Self {
        Self(value)
    }

    /// The field element.
    #[must_use]
    pub const fn to_field(self) -> Fr {
        self.0
    }

    /// The leaf of the membership tree: `Poseidon(commitment, limit)`.
    #[must_use]
    pub fn rate_commitment(self, limit: MessageLimit) -> RateCommitment {
        RateCommitment(poseidon::hash(&[self.0, Fr::from(limit.get())]))
    }
}

/// A leaf of the membership tree: a member and its message limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateCommitment(Fr);

impl RateCommitment {
    /// Takes a published leaf.
    #[must_use]
    pub const fn from_field(value: Fr) -> Self {
        Self(value)
    }

    /// The field element.
    #[must_use]
    pub const fn to_field(self) -> Fr {
        self.0
    }
}

/// A secret with its commitment.
///
/// # Examples
///
/// The seeded form gives the same identity as zerokit for the same seed:
///
/// ```
/// use logos_rln::Identity;
///
/// let identity = Identity::seeded(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
/// assert_eq!(identity.commitment().to_field().to_bytes()[..4], [0x1f, 0xf5, 0xce, 0x74]);
/// ```
#[derive(Debug, PartialEq)]
pub struct Identity {
    secret: IdentitySecret,
    commitment: IdentityCommitment,
}

impl Identity {
    /// Draws an identity from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_secret(IdentitySecret::random(rng))
    }

    /// Derives an identity from a seed exactly as zerokit does: ChaCha20 keyed with
    /// `Keccak-256(seed)`.
    ///
    /// # Security
    ///
    /// The identity is as guessable as the seed.
    #[must_use]
    pub fn seeded(seed: &[u8]) -> Self {
        let mut rng = seeded_rng(seed);
        Self::from_secret(IdentitySecret(sample(&mut rng)))
    }

    /// Computes the commitment of a secret.
    #[must_use]
    pub fn from_secret(secret: IdentitySecret) -> Self {
        let commitment = secret.commitment();
        Self { secret, commitment }
    }

    /// Takes a stored pair.
    ///
    /// # Errors
    ///
    /// [`IdentityError::CommitmentMismatch`] if the two do not belong together.
    pub fn from_parts(
        secret: IdentitySecret,
        commitment: IdentityCommitment,
    ) -> Result<Self, IdentityError> {
        let identity = Self::from_secret(secret);
        if identity.commitment == commitment {
            Ok(identity)
        } else {
            Err(IdentityError::CommitmentMismatch)
        }
    }

    /// The secret.
    #[must_use]
    pub const fn secret(&self) -> &IdentitySecret {
        &self.secret
    }

    /// What is published.
    #[must_use]
    pub const fn commitment(&self) -> IdentityCommitment {
        self.commitment
    }

    /// The leaf for this identity under `limit`.
    #[must_use]
    pub fn rate_commitment(&self, limit: MessageLimit) -> RateCommitment {
        self.commitment.rate_commitment(limit)
    }
}

/// An identity in Semaphore's extended form: `secret = Poseidon(trapdoor, nullifier)`.
#[derive(PartialEq)]
pub struct ExtendedIdentity {
    trapdoor: SecretFr,
    nullifier: SecretFr,
    identity: Identity,
}

impl ExtendedIdentity {
    /// Draws trapdoor and nullifier from the caller's random source.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from_parts(SecretFr::new(Fr::random(rng)), SecretFr::new(Fr::random(rng)))
    }

    /// Derives both from a seed exactly as zerokit does.
    #[must_use]
    pub fn seeded(seed: &[u8]) -> Self {
        let mut rng = seeded_rng(seed);
        let trapdoor = sample(&mut rng);
        Self::from_parts(trapdoor, sample(&mut rng))
    }

    pub(crate) fn from_parts(trapdoor: SecretFr, nullifier: SecretFr) -> Self {
        let secret = poseidon::hash(&[*trapdoor.expose(), *nullifier.expose()]);
        let identity = Identity::from_secret(IdentitySecret(SecretFr::new(secret)));
        Self { trapdoor, nullifier, identity }
    }

    /// The plain identity inside.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Gives up the extended parts.
    #[must_use]
    pub fn into_identity(self) -> Identity {
        self.identity
    }

    /// Shows the trapdoor.
    #[must_use]
    pub fn expose_trapdoor(&self) -> &Fr {
        self.trapdoor.expose()
    }

    /// Shows the identity nullifier (not a message's nullifier).
    #[must_use]
    pub fn expose_nullifier(&self) -> &Fr {
        self.nullifier.expose()
    }
}

impl fmt::Debug for ExtendedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trapdoor: _, nullifier: _, identity } = self;
        f.debug_struct("ExtendedIdentity").field("identity", identity).finish_non_exhaustive()
    }
}

fn seeded_rng(seed: &[u8]) -> ChaCha20Rng {
    let mut key = keccak256(seed);
    let rng = ChaCha20Rng::from_seed(key);
    key.zeroize();
    rng
}

/// The sampler of arkworks, which the deployed keys came from: four little-endian words, the top
/// two bits cleared, tried again when not below the modulus, and the accepted words taken as the
/// element's Montgomery form.
fn sample(rng: &mut ChaCha20Rng) -> SecretFr {
    loop {
        let mut words = [0u64; 4];
        words.fill_with(|| rng.next_u64());
        let [.., top] = &mut words;
        *top &= u64::MAX >> 2;
        if let Some(element) = logos_crypto::hazmat::from_montgomery_words(words) {
            words.zeroize();
            return SecretFr::new(element);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use hex_literal::hex;

    use super::*;

    const SEED: [u8; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

    #[test]
    fn a_seeded_identity_is_zerokits() {
        let identity = Identity::seeded(&SEED);
        assert_eq!(
            identity.secret().expose_secret().to_bytes(),
            hex!("16677e8197c559280f4823fa4609c31839606f6157f2b3f5bd017a7e6cce6607")
        );
        assert_eq!(
            identity.commitment().to_field().to_bytes(),
            hex!("1ff5ce748c0d36ae8f5063b03b874b1ba816cabf051e569d9d6f0d5c2b6df10b")
        );
    }

    #[test]
    fn a_seeded_extended_identity_is_zerokits() {
        let extended = ExtendedIdentity::seeded(&SEED);
        assert_eq!(
            extended.expose_nullifier().to_bytes(),
            hex!("b4508f292b7e2b74538bedf7c0c45b582f6fcf04d4899eca5b3bc87b4c71181f")
        );
        assert_eq!(
            extended.identity().secret().expose_secret().to_bytes(),
            hex!("21e5f871e69439cf4b5d5bdb12dc6294ab550ff0caf2ff8636afaba7aa62ca2a")
        );
        assert_eq!(
            extended.identity().commitment().to_field().to_bytes(),
            hex!("5c4c73f1b498d1ac179b8fc41487189353285315584268e5d220830aaa668b06")
        );
    }

    #[test]
    fn secrets_are_redacted() {
        let extended = ExtendedIdentity::seeded(&SEED);
        let commitment = extended.identity().commitment();
        assert_eq!(
            format!("{extended:?}"),
            format!(
                "ExtendedIdentity {{ identity: Identity {{ secret: IdentitySecret(..), \
                 commitment: {commitment:?} }}, .. }}"
            )
        );
    }

    #[test]
    fn a_stored_pair_must_belong_together() {
        let identity = Identity::seeded(&SEED);
        let other = Identity::seeded(b"other").commitment();
        assert_eq!(
            Identity::from_parts(identity.secret().duplicate(), other),
            Err(IdentityError::CommitmentMismatch)
        );
        assert_eq!(IdentitySecret::from_bytes(&[0; 32]), Err(IdentityError::Zero));
        assert_eq!(IdentitySecret::from_bytes(&[0xff; 32]), Err(IdentityError::NotCanonical));
    }
}
