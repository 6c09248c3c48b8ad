//! The introduction of the deployed chat: `logos_chatintro_1_` and base64.

use alloc::string::String;
use alloc::vec::Vec;

use logos_crypto::codec::DecodeError;
use logos_crypto::keys::{PublicKey, StaticSecret};
use logos_crypto::protobuf::{fields, put_bytes};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::base64;
use crate::xeddsa;

/// What every introduction starts with, and what its signature covers before the prekey.
pub const INTRO_PREFIX: &str = "logos_chatintro_1_";

/// Why a text is not an introduction.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IntroError {
    /// It does not start with [`INTRO_PREFIX`].
    #[error("text does not start with {INTRO_PREFIX}")]
    OtherPrefix,
    /// The rest is not unpadded URL-safe base64.
    #[error("text is not base64")]
    NotBase64,
    /// The bytes are not the protobuf of an introduction.
    #[error("introduction does not decode: {0}")]
    Malformed(#[from] DecodeError),
    /// The identity did not sign the prekey.
    #[error("signature does not verify")]
    BadSignature,
}

/// A verified introduction: an identity and a prekey it signed, for one conversation.
///
/// It carries no expiry, no device list and no post-quantum key: see `docs/ratchet.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    identity: PublicKey,
    prekey: PublicKey,
    signature: [u8; 64],
}

impl Introduction {
    /// Signs `prekey` with the identity: XEdDSA over the prefix and the key.
    pub fn sign(identity: &StaticSecret, prekey: PublicKey, rng: &mut impl CryptoRng) -> Self {
        let signature = xeddsa::sign(identity, &signed(&prekey), rng);
        Self { identity: identity.public_key(), prekey, signature }
    }

    /// Reads and verifies an introduction.
    ///
    /// # Errors
    ///
    /// See [`IntroError`].
    pub fn from_text(text: &str) -> Result<Self, IntroError> {
        let rest = text.strip_prefix(INTRO_PREFIX).ok_or(IntroError::OtherPrefix)?;
        let bytes = base64::decode(rest).ok_or(IntroError::NotBase64)?;
        let (mut identity, mut prekey, mut signature) = (None, None, None);
        fields(&bytes, &[], |number, value| {
            match number {
                1 => identity = Some(PublicKey::from_bytes(*value.array()?)),
                2 => prekey = Some(PublicKey::from_bytes(*value.array()?)),
                3 => signature = Some(*value.array()?),
                _ => return Err(DecodeError::NotCanonical),
            }
            Ok(())
        })?;
        let (Some(identity), Some(prekey), Some(signature)) = (identity, prekey, signature) else {
            return Err(IntroError::Malformed(DecodeError::NotCanonical));
        };
        xeddsa::verify(&identity, &signed(&prekey), &signature)
            .map_err(|_| IntroError::BadSignature)?;
        Ok(Self { identity, prekey, signature })
    }

    /// The text form.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::with_capacity(136);
        put_bytes(&mut bytes, 1, self.identity.as_bytes());
        put_bytes(&mut bytes, 2, self.prekey.as_bytes());
        put_bytes(&mut bytes, 3, &self.signature);
        let mut text = String::from(INTRO_PREFIX);
        text.push_str(&base64::encode(&bytes));
        text
    }

    /// The owner's X25519 identity (installation key).
    #[must_use]
    pub const fn identity(&self) -> &PublicKey {
        &self.identity
    }

    /// The prekey.
    #[must_use]
    pub const fn prekey(&self) -> &PublicKey {
        &self.prekey
    }
}

fn signed(prekey: &PublicKey) -> Vec<u8> {
    [INTRO_PREFIX.as_bytes(), prekey.as_bytes()].concat()
}
