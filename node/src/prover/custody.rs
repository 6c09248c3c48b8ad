//! Secrets of members whose identity the service holds: sealed wherever they are stored.

use std::fmt;

use logos_crypto::aead::{self, NONCE_BYTES, TAG_BYTES};
use logos_crypto::kdf::{Label, Prk};
use logos_crypto::secret::Secret;
use logos_rln::{Identity, IdentitySecret};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroize;

use super::reservation::MemberKey;

const MEMBER_KEY: Label = Label::new("logos/prover/1/sealed-identity");

/// Bytes of a sealed secret: nonce, secret, tag.
pub const SEALED_BYTES: usize = NONCE_BYTES + 32 + TAG_BYTES;

/// A sealed secret does not open: another key, another member, or not sealed here.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the sealed secret does not open")]
pub struct UnsealError;

/// Seals the secrets of members under the operator's key.
///
/// Each member has a key of its own, derived from the operator's; what is sealed is bound to
/// tenant, name and commitment, so a row moved to another member does not open.
///
/// # Examples
///
/// ```
/// use logos_crypto::secret::Secret;
/// use logos_node::prover::{Custody, MemberKey};
/// use logos_rln::Identity;
/// # use rand_core::SeedableRng;
/// # let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
///
/// let custody = Custody::new(&Secret::new([7; 32]), "tenant");
/// let identity = Identity::random(&mut rng);
/// let (member, sealed) = custody.seal(&identity, b"alice", &mut rng);
/// assert_eq!(custody.open(&sealed, member, b"alice")?.commitment(), identity.commitment());
/// assert!(custody.open(&sealed, member, b"bob").is_err());
/// # Ok::<(), logos_node::prover::UnsealError>(())
/// ```
pub struct Custody {
    key: Prk,
    tenant: String,
}

impl Custody {
    /// Takes the operator's key.
    #[must_use]
    pub fn new(key: &Secret<32>, tenant: &str) -> Self {
        Self { key: Prk::extract(&[], &[key.expose()]), tenant: tenant.to_owned() }
    }

    /// Seals an identity's secret; returns whose counter it is and the sealed bytes.
    pub fn seal(
        &self,
        identity: &Identity,
        name: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> (MemberKey, Vec<u8>) {
        let member = MemberKey(identity.commitment().to_field().to_bytes());
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        // Room for the tag, so that the buffer is not moved and its old place left behind.
        let mut buffer = Vec::with_capacity(32 + TAG_BYTES);
        buffer.extend_from_slice(&identity.secret().expose_secret().to_bytes());
        aead::seal(&self.member_key(member), &nonce, &self.bound_to(member, name), &mut buffer);
        let mut sealed = Vec::with_capacity(SEALED_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut buffer);
        (member, sealed)
    }

    /// Opens a sealed secret and checks that it is the member's.
    ///
    /// # Errors
    ///
    /// [`UnsealError`].
    pub fn open(
        &self,
        sealed: &[u8],
        member: MemberKey,
        name: &[u8],
    ) -> Result<Identity, UnsealError> {
        let (nonce, body) = sealed.split_first_chunk().ok_or(UnsealError)?;
        let mut buffer = body.to_vec();
        let key = self.member_key(member);
        aead::open(&key, nonce, &self.bound_to(member, name), &mut buffer)
            .map_err(|_| UnsealError)?;
        let secret = <&[u8; 32]>::try_from(buffer.as_slice())
            .map_err(|_| UnsealError)
            .and_then(|bytes| IdentitySecret::from_bytes(bytes).map_err(|_| UnsealError));
        buffer.zeroize();
        let identity = Identity::from_secret(secret?);
        let same = identity.commitment().to_field().to_bytes() == member.0;
        if same { Ok(identity) } else { Err(UnsealError) }
    }

    fn member_key(&self, member: MemberKey) -> Secret<32> {
        self.key.expand(MEMBER_KEY, &[&member.0])
    }

    /// Tenant, name and commitment, each with its length before it.
    fn bound_to(&self, member: MemberKey, name: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [self.tenant.as_bytes(), name, &member.0] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

impl fmt::Debug for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _, tenant } = self;
        f.debug_struct("Custody").field("tenant", tenant).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    fn sealed() -> (Custody, MemberKey, Vec<u8>) {
        let custody = Custody::new(&Secret::new([7; 32]), "tenant");
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let (member, sealed) = custody.seal(&Identity::seeded(b"alice"), b"alice", &mut rng);
        (custody, member, sealed)
    }

    #[test]
    fn a_sealed_secret_opens_for_its_tenant_name_and_commitment_only() {
        let (custody, member, sealed) = sealed();
        assert_eq!(sealed.len(), SEALED_BYTES);
        assert!(custody.open(&sealed, member, b"alice").is_ok());
        assert!(custody.open(&sealed, member, b"alicf").is_err());
        assert!(custody.open(&sealed, MemberKey([1; 32]), b"alice").is_err());
        let other = Custody::new(&Secret::new([7; 32]), "tenanu");
        assert!(other.open(&sealed, member, b"alice").is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(custody.open(&changed, member, b"alice").is_err());
            assert!(custody.open(&sealed[..at], member, b"alice").is_err());
        }
    }

    #[test]
    fn the_sealed_bytes_and_the_debug_form_show_no_secret() {
        let (custody, _, sealed) = sealed();
        let secret = Identity::seeded(b"alice").secret().expose_secret().to_bytes();
        assert!(!sealed.windows(32).any(|window| window == secret));
        assert_eq!(format!("{custody:?}"), "Custody { tenant: \"tenant\", .. }");
    }
}
