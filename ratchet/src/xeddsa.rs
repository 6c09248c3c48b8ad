//! XEdDSA (Signal, revision 1, 2016): Ed25519-shaped signatures by X25519 keys.
//!
//! Only the deployed introduction uses it; new formats sign with Ed25519 keys.

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use logos_crypto::keys::{PublicKey, StaticSecret};
use rand_core::CryptoRng;
use sha2::{Digest, Sha512};
use thiserror::Error;
use zeroize::Zeroize;

/// The signature is not this key's over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("signature does not verify")]
pub(crate) struct BadSignature;

/// Signs `message` with `key` and 64 random bytes.
pub(crate) fn sign(key: &StaticSecret, message: &[u8], rng: &mut impl CryptoRng) -> [u8; 64] {
    let (public, mut secret) = key_pair(key);
    let mut nonce = [0; 64];
    rng.fill_bytes(&mut nonce);
    // hash_1 of the specification: 2^256 - 2, least significant byte first, goes before.
    let mut prefix = [0xff; 32];
    if let Some(first) = prefix.first_mut() {
        *first = 0xfe;
    }
    let mut r = scalar(
        Sha512::new()
            .chain_update(prefix)
            .chain_update(secret.as_bytes())
            .chain_update(message)
            .chain_update(nonce),
    );
    let commitment = EdwardsPoint::mul_base(&r).compress();
    let s = r + challenge(&commitment, &public, message) * secret;
    secret.zeroize();
    r.zeroize();
    nonce.zeroize();
    let mut signature = [0; 64];
    let (front, back) = signature.split_at_mut(32);
    front.copy_from_slice(commitment.as_bytes());
    back.copy_from_slice(s.as_bytes());
    signature
}

/// Verifies by strict rules: canonical scalar and key, no point of low order.
pub(crate) fn verify(
    key: &PublicKey,
    message: &[u8],
    signature: &[u8; 64],
) -> Result<(), BadSignature> {
    let point = MontgomeryPoint(*key.as_bytes()).to_edwards(0).ok_or(BadSignature)?;
    if point.is_small_order() || point.to_montgomery().as_bytes() != key.as_bytes() {
        return Err(BadSignature);
    }
    let (front, back) = signature.split_at(32);
    let commitment = CompressedEdwardsY::from_slice(front).map_err(|_| BadSignature)?;
    let s = back.try_into().map_err(|_| BadSignature)?;
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)).ok_or(BadSignature)?;
    let h = challenge(&commitment, &point.compress(), message);
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&-h, &point, &s);
    if expected.compress() == commitment && !expected.is_small_order() {
        Ok(())
    } else {
        Err(BadSignature)
    }
}

/// The Edwards key pair of a Montgomery key: the sign of the public point is made zero.
fn key_pair(key: &StaticSecret) -> (CompressedEdwardsY, Scalar) {
    let mut clamped = clamp_integer(*key.expose_secret().expose());
    let scalar = Scalar::from_bytes_mod_order(clamped);
    clamped.zeroize();
    let point = EdwardsPoint::mul_base(&scalar);
    let negative = subtle::Choice::from(point.compress().as_bytes().last().map_or(0, |b| b >> 7));
    let secret = <Scalar as subtle::ConditionallySelectable>::conditional_select(
        &scalar, &-scalar, negative,
    );
    (EdwardsPoint::mul_base(&secret).compress(), secret)
}

fn challenge(
    commitment: &CompressedEdwardsY,
    public: &CompressedEdwardsY,
    message: &[u8],
) -> Scalar {
    scalar(
        Sha512::new()
            .chain_update(commitment.as_bytes())
            .chain_update(public.as_bytes())
            .chain_update(message),
    )
}

fn scalar(hash: Sha512) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn only_the_signed_message_verifies(seed: u64, message: Vec<u8>, bit in 0..512_usize) {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let key = StaticSecret::random(&mut rng);
            let mut signature = sign(&key, &message, &mut rng);
            prop_assert_eq!(verify(&key.public_key(), &message, &signature), Ok(()));
            signature[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(verify(&key.public_key(), &message, &signature), Err(BadSignature));
        }
    }

    #[test]
    fn a_key_of_low_order_verifies_nothing() {
        let mut signature = [0; 64];
        signature[0] = 1;
        for key in [[0; 32], [1; 32]] {
            assert_eq!(verify(&PublicKey::from_bytes(key), b"m", &signature), Err(BadSignature));
        }
    }
}
