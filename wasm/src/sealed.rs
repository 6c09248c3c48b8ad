//! Secrets on their way to storage.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 1 | what is inside, a [`Kind`] |
//! | 2 | 32 | salt, random |
//! | 34 | n | ciphertext |
//! | 34 + n | 16 | tag |
//!
//! The key is HKDF-SHA-256 of the caller's key under the salt, so it seals one message and the
//! nonce is zero. Version, kind and salt are associated data.

use logos_crypto::aead;
use logos_crypto::kdf::{Label, Prk};
use logos_crypto::secret::Secret;
use rand_core::Rng;
use zeroize::Zeroizing;

use crate::error::{Code, Error};
use crate::random::generator;

const VERSION: u8 = 1;
const SALT_BYTES: usize = 32;
const HEAD_BYTES: usize = 2 + SALT_BYTES;
const KEY: Label = Label::new("logos-wasm/1/sealed");

/// What is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An RLN identity: secret and commitment.
    Identity = 1,
    /// The keys of a device of one-to-one sessions.
    #[cfg(feature = "full")]
    Device = 2,
    /// The key of a mix node.
    #[cfg(feature = "full")]
    MixNode = 3,
}

/// Seals `secret` under the caller's key.
pub(crate) fn seal(key: &Secret<32>, kind: Kind, secret: &[u8]) -> Result<Vec<u8>, Error> {
    let mut head = [0; HEAD_BYTES];
    let [version, tag, salt @ ..] = &mut head;
    (*version, *tag) = (VERSION, kind as u8);
    generator()?.fill_bytes(salt);
    // Room for the tag: a vector that grows leaves its old bytes behind.
    let mut body = Zeroizing::new(Vec::with_capacity(secret.len() + aead::TAG_BYTES));
    body.extend_from_slice(secret);
    aead::seal(&derived(key, &head), &[0; aead::NONCE_BYTES], &head, &mut body);
    Ok([head.as_slice(), &body].concat())
}

/// Opens what [`seal`] sealed.
pub(crate) fn open(
    key: &Secret<32>,
    kind: Kind,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (head, body) = sealed.split_first_chunk::<HEAD_BYTES>().ok_or(aead::OpenError)?;
    if !head.starts_with(&[VERSION, kind as u8]) {
        return Err(Error::new(Code::Sealed, "sealed bytes of another kind or version"));
    }
    let mut body = Zeroizing::new(body.to_vec());
    aead::open(&derived(key, head), &[0; aead::NONCE_BYTES], head, &mut body)?;
    Ok(body)
}

fn derived(key: &Secret<32>, head: &[u8; HEAD_BYTES]) -> Secret<32> {
    let [_, _, salt @ ..] = head;
    Prk::extract(salt, &[key.expose()]).expand(KEY, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_opens_and_only_what_was_sealed() {
        let key = Secret::new([7; 32]);
        let sealed = seal(&key, Kind::Identity, b"secret").unwrap();
        assert_eq!(open(&key, Kind::Identity, &sealed).unwrap().as_slice(), b"secret");
        assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
        assert_ne!(seal(&key, Kind::Identity, b"secret").unwrap(), sealed);

        let code = |key: &Secret<32>, kind, bytes: &[u8]| {
            open(key, kind, bytes).map(|_| ()).map_err(|error| error.code())
        };
        let refused = Err(Code::Sealed);
        assert_eq!(code(&Secret::new([8; 32]), Kind::Identity, &sealed), refused);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(code(&key, Kind::Identity, &changed), refused);
            assert_eq!(code(&key, Kind::Identity, &sealed[..at]), refused);
        }
    }

    #[cfg(feature = "full")]
    #[test]
    fn a_sealed_identity_is_no_device() {
        let key = Secret::new([7; 32]);
        let sealed = seal(&key, Kind::Identity, b"secret").unwrap();
        assert!(open(&key, Kind::Device, &sealed).is_err());
    }
}
