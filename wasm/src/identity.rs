//! Members.

use logos_crypto::secret::Secret;
use logos_rln::MessageLimit;
use logos_rln::wire::ByteOrder;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::arguments::{MAX_BYTES, array, bytes, integer};
use crate::error::Error;
use crate::random::generator;
use crate::sealed::{self, Kind};

/// A member's identity. The secret stays here.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Identity(pub(crate) logos_rln::Identity);

#[wasm_bindgen]
impl Identity {
    /// Draws an identity.
    ///
    /// # Errors
    ///
    /// `randomness`.
    pub fn random() -> Result<Self, Error> {
        Ok(Self(logos_rln::Identity::random(&mut generator()?)))
    }

    /// Derives an identity from a seed, as zerokit does.
    ///
    /// # Errors
    ///
    /// `argument`.
    pub fn seeded(seed: &JsValue) -> Result<Self, Error> {
        Ok(Self(logos_rln::Identity::seeded(&bytes(seed, "seed", MAX_BYTES)?)))
    }

    /// Takes over an identity kept elsewhere: zerokit's 64 bytes, secret and commitment.
    ///
    /// # Errors
    ///
    /// `argument` or `encoding`.
    pub fn import(identity: &JsValue) -> Result<Self, Error> {
        let identity = zeroize::Zeroizing::new(bytes(identity, "identity", 64)?);
        Ok(Self(logos_rln::Identity::from_bytes(&identity, ByteOrder::Little)?))
    }

    /// The public name, 32 bytes.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    pub fn commitment(&self) -> Result<Vec<u8>, Error> {
        Ok(self.0.commitment().to_field().to_bytes().to_vec())
    }

    /// The leaf of the membership tree for a message limit, 32 bytes.
    ///
    /// # Errors
    ///
    /// `argument` or `limit`.
    pub fn leaf(&self, limit: &JsValue) -> Result<Vec<u8>, Error> {
        let limit = self::limit(limit)?;
        Ok(self.0.rate_commitment(limit).to_field().to_bytes().to_vec())
    }

    /// Seals the identity under a 32-byte key, to be stored.
    ///
    /// # Errors
    ///
    /// `argument` or `randomness`.
    pub fn seal(&self, key: &JsValue) -> Result<Vec<u8>, Error> {
        let secret = self.0.to_bytes(ByteOrder::Little);
        sealed::seal(&Secret::new(array(key, "key")?), Kind::Identity, secret.expose())
    }

    /// Opens a sealed identity.
    ///
    /// # Errors
    ///
    /// `argument`, or `sealed` for another key or damaged bytes.
    pub fn open(key: &JsValue, sealed: &JsValue) -> Result<Self, Error> {
        let key = Secret::new(array(key, "key")?);
        let secret = sealed::open(&key, Kind::Identity, &bytes(sealed, "sealed", 256)?)?;
        Ok(Self(logos_rln::Identity::from_bytes(&secret, ByteOrder::Little)?))
    }
}

/// A message limit.
pub(crate) fn limit(limit: &JsValue) -> Result<MessageLimit, Error> {
    Ok(MessageLimit::new(integer(limit, "limit", u32::MAX)?)?)
}
