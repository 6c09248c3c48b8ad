//! Signed prekey bundles: what a stranger needs to open a session.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | suite: 3 `HybridV1`, 4 `ClassicV1` |
//! | 1 | 32 | Ed25519 key of the device, which signs |
//! | 33 | 32 | X25519 identity of the device |
//! | 65 | 8 | expiry, seconds since the origin of time |
//! | 73 | 36 | signed prekey: id, X25519 key |
//! | 109 | 1 | KEM prekeys `k`: 0 in `ClassicV1`, else 1 to 9; the first is the last resort |
//! | 110 | 1188 k | each: id, ML-KEM-768 key |
//! | .. | 1 | one-time prekeys `m`, 0 to 100 |
//! | .. | 36 m | each: id, X25519 key |
//! | .. | 64 | signature over `logos-ratchet/1/bundle` and all of the above |
//!
//! Integers have their most significant byte first; ids are not zero.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::keys::{PublicKey, Signature, SigningKey, VerifyingKey};
use logos_crypto::tick::Tick;
use thiserror::Error;

use crate::base64;
use crate::kem::{KemPublicKey, PUBLIC_KEY_BYTES};
use crate::logos_v1::LogosV1;
use crate::suite::Suite;

/// One-time X25519 prekeys in one bundle, at most.
pub const MAX_ONE_TIME_PREKEYS: usize = 100;
/// KEM prekeys in one bundle, at most: the last resort and eight for one use each.
pub const MAX_KEM_PREKEYS: usize = 9;
/// What the text form starts with.
pub const BUNDLE_PREFIX: &str = "logos_chatintro_2_";

const SIGNED: &[u8] = b"logos-ratchet/1/bundle";

/// Why bytes are not a usable bundle.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The text does not start with [`BUNDLE_PREFIX`] or is not base64.
    #[error("text is not a bundle")]
    NotText,
    /// The bytes do not decode.
    #[error("bundle does not decode: {0}")]
    Malformed(#[from] DecodeError),
    /// The bundle is of another suite than was asked for.
    #[error("bundle is of suite {0}")]
    OtherSuite(u8),
    /// A public key in it is not one.
    #[error("a key of the bundle is not valid")]
    BadKey,
    /// The device did not sign it.
    #[error("signature does not verify")]
    BadSignature,
    /// Its time is over.
    #[error("bundle has expired")]
    Expired,
}

/// A public prekey and the number its owner knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbered<K> {
    pub(crate) id: u32,
    pub(crate) key: K,
}

/// A bundle whose signature, keys and expiry were checked.
///
/// It says that `device` vouches for the keys; whose device that is, the account's
/// [`DeviceLog`](crate::identity::DeviceLog) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle<const POST_QUANTUM: bool> {
    pub(crate) device: VerifyingKey,
    pub(crate) identity: PublicKey,
    pub(crate) expires: u64,
    pub(crate) signed: Numbered<PublicKey>,
    pub(crate) kem: Vec<Numbered<KemPublicKey>>,
    pub(crate) one_time: Vec<Numbered<PublicKey>>,
    signature: Signature,
}

/// The parts of a bundle before it is signed.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) identity: PublicKey,
    pub(crate) expires: u64,
    pub(crate) signed: Numbered<PublicKey>,
    pub(crate) kem: Vec<Numbered<KemPublicKey>>,
    pub(crate) one_time: Vec<Numbered<PublicKey>>,
}

impl<const POST_QUANTUM: bool> Bundle<POST_QUANTUM> {
    pub(crate) fn sign(device: &SigningKey, parts: Parts) -> Self {
        let Parts { identity, expires, signed, kem, one_time } = parts;
        let signature = Signature::from_bytes([0; 64]);
        let device_key = device.verifying_key();
        let mut bundle =
            Self { device: device_key, identity, expires, signed, kem, one_time, signature };
        bundle.signature = device.sign(&bundle.signed_bytes());
        bundle
    }

    /// Reads and checks a bundle: form, keys, signature, expiry. One signature verification and a
    /// modulus check for each KEM prekey.
    ///
    /// # Errors
    ///
    /// See [`BundleError`].
    ///
    /// # Security
    ///
    /// `bytes` come from whoever serves bundles. That the device belongs to the person meant is
    /// not checked here.
    pub fn decode(bytes: &[u8], now: Tick) -> Result<Self, BundleError> {
        let mut reader = Reader::new(bytes);
        let suite = reader.u8()?;
        if suite != LogosV1::<POST_QUANTUM>::ID as u8 {
            return Err(BundleError::OtherSuite(suite));
        }
        let device = VerifyingKey::from_bytes(reader.array()?).map_err(|_| BundleError::BadKey)?;
        let identity = PublicKey::from_bytes(*reader.array()?);
        let expires = reader.u64_be()?;
        let signed = take_x25519(&mut reader)?;
        let kem = take_kem::<POST_QUANTUM>(&mut reader)?;
        let count = reader.u8()?.into();
        let count = reader.checked_count(count, MAX_ONE_TIME_PREKEYS, 36)?;
        let one_time =
            (0..count).map(|_| take_x25519(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        let signature = Signature::from_bytes(*reader.array()?);
        reader.finish()?;
        let bundle = Self { device, identity, expires, signed, kem, one_time, signature };
        device.verify(&bundle.signed_bytes(), &signature).map_err(|_| BundleError::BadSignature)?;
        if bundle.has_expired(now) { Err(BundleError::Expired) } else { Ok(bundle) }
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.signed_bytes();
        bytes.drain(..SIGNED.len());
        bytes.extend_from_slice(self.signature.as_bytes());
        bytes
    }

    /// Reads and checks the text form.
    ///
    /// # Errors
    ///
    /// See [`BundleError`].
    pub fn from_text(text: &str, now: Tick) -> Result<Self, BundleError> {
        let rest = text.strip_prefix(BUNDLE_PREFIX).ok_or(BundleError::NotText)?;
        Self::decode(&base64::decode(rest).ok_or(BundleError::NotText)?, now)
    }

    /// The text form: [`BUNDLE_PREFIX`] and base64.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::from(BUNDLE_PREFIX);
        text.push_str(&base64::encode(&self.encode()));
        text
    }

    /// The Ed25519 key of the device that signed.
    #[must_use]
    pub const fn device(&self) -> &VerifyingKey {
        &self.device
    }

    /// The X25519 identity sessions will be authenticated for.
    #[must_use]
    pub const fn identity(&self) -> &PublicKey {
        &self.identity
    }

    /// One-time prekeys in it.
    #[must_use]
    pub const fn one_time_prekeys(&self) -> usize {
        self.one_time.len()
    }

    /// Whether it may no longer be used at `now`.
    #[must_use]
    pub fn has_expired(&self, now: Tick) -> bool {
        now.since_origin() >= Duration::from_secs(self.expires)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(
            256 + self.kem.len() * (4 + PUBLIC_KEY_BYTES) + self.one_time.len() * 36,
        );
        out.put(SIGNED).u8(LogosV1::<POST_QUANTUM>::ID as u8);
        out.put(self.device.as_bytes()).put(self.identity.as_bytes()).u64_be(self.expires);
        out.u32_be(self.signed.id).put(self.signed.key.as_bytes());
        // Invariant: both counts are within their bounds, which fit a byte.
        out.u8(u8::try_from(self.kem.len()).unwrap_or(u8::MAX));
        for prekey in &self.kem {
            out.u32_be(prekey.id).put(prekey.key.as_bytes());
        }
        out.u8(u8::try_from(self.one_time.len()).unwrap_or(u8::MAX));
        for prekey in &self.one_time {
            out.u32_be(prekey.id).put(prekey.key.as_bytes());
        }
        out.into_bytes()
    }
}

fn take_kem<const POST_QUANTUM: bool>(
    reader: &mut Reader<'_>,
) -> Result<Vec<Numbered<KemPublicKey>>, BundleError> {
    let count = reader.u8()?.into();
    let bound = if POST_QUANTUM { MAX_KEM_PREKEYS } else { 0 };
    let count = reader.checked_count(count, bound, 4 + PUBLIC_KEY_BYTES)?;
    if POST_QUANTUM && count == 0 {
        return Err(BundleError::Malformed(DecodeError::NotCanonical));
    }
    (0..count)
        .map(|_| {
            let id = take_id(reader)?;
            let key = KemPublicKey::from_bytes(reader.array()?).map_err(|_| BundleError::BadKey)?;
            Ok(Numbered { id, key })
        })
        .collect()
}

fn take_x25519(reader: &mut Reader<'_>) -> Result<Numbered<PublicKey>, BundleError> {
    Ok(Numbered { id: take_id(reader)?, key: PublicKey::from_bytes(*reader.array()?) })
}

fn take_id(reader: &mut Reader<'_>) -> Result<u32, BundleError> {
    match reader.u32_be()? {
        0 => Err(BundleError::Malformed(DecodeError::NotCanonical)),
        id => Ok(id),
    }
}
