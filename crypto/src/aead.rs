//! Authenticated encryption: ChaCha20-Poly1305 (RFC 8439) with one opaque error, and
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) where a key seals many messages under nonces
//! that nobody counts.

use alloc::vec::Vec;

use chacha20::{R20, hchacha};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, Tag};
use thiserror::Error;
use zeroize::Zeroize;

use self::short::SHORT;
use crate::secret::Secret;

mod poly1305;
mod short;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;
/// Bytes of a nonce that is long enough to be drawn at random for every message of a key.
pub const EXTENDED_NONCE_BYTES: usize = 24;
/// Bytes of the tag that ends a sealed message.
pub const TAG_BYTES: usize = 16;

/// The sealed message is not what the key holder sealed. Which part is wrong is not told.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("sealed message does not authenticate")]
pub struct OpenError;

/// Encrypts `buffer` in place and appends the tag: 16 bytes more.
///
/// # Security
///
/// A `(key, nonce)` pair must never seal two different messages.
///
/// # Examples
///
/// ```
/// use logos_crypto::aead;
/// use logos_crypto::secret::Secret;
///
/// let key = Secret::new([1; 32]);
/// let mut buffer = b"hello".to_vec();
/// aead::seal(&key, &[0; 12], b"header", &mut buffer);
/// assert_eq!(buffer.len(), 5 + aead::TAG_BYTES);
/// aead::open(&key, &[0; 12], b"header", &mut buffer)?;
/// assert_eq!(buffer, b"hello");
/// # Ok::<(), aead::OpenError>(())
/// ```
pub fn seal(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    associated_data: &[u8],
    buffer: &mut Vec<u8>,
) {
    let tag = seal_detached(key, nonce, associated_data, buffer);
    buffer.extend_from_slice(&tag);
}

/// Checks and decrypts `buffer` in place and removes the tag.
///
/// On error `buffer` is exactly as it was.
///
/// # Errors
///
/// [`OpenError`] if the message is shorter than a tag or does not authenticate.
pub fn open(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    associated_data: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<(), OpenError> {
    let body_len = buffer.len().checked_sub(TAG_BYTES).ok_or(OpenError)?;
    let (body, tag) = buffer.split_at_mut(body_len);
    let tag = (&*tag).try_into().map_err(|_| OpenError)?;
    open_detached(key, nonce, associated_data, body, tag)?;
    buffer.truncate(body_len);
    Ok(())
}

/// Encrypts `body` in place and returns the tag, for formats that keep the two apart.
///
/// # Security
///
/// As for [`seal`]: a `(key, nonce)` pair must never seal two different messages.
#[must_use]
pub fn seal_detached(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    associated_data: &[u8],
    body: &mut [u8],
) -> [u8; TAG_BYTES] {
    if body.len() <= SHORT {
        return short::seal(key, nonce, associated_data, body);
    }
    let sealed = ChaCha20Poly1305::new(key.expose().into()).encrypt_inout_detached(
        &Nonce::from(*nonce),
        associated_data,
        body.into(),
    );
    // The one failure is a message over 256 GiB, more than a slice can hold in memory here.
    debug_assert!(sealed.is_ok(), "message length is within RFC 8439");
    sealed.map_or([0; TAG_BYTES], Into::into)
}

/// Checks `tag` and decrypts `body` in place; on error `body` is exactly as it was.
///
/// # Errors
///
/// [`OpenError`] if the message does not authenticate.
pub fn open_detached(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    associated_data: &[u8],
    body: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), OpenError> {
    if body.len() <= SHORT {
        return short::open(key, nonce, associated_data, body, tag);
    }
    ChaCha20Poly1305::new(key.expose().into())
        .decrypt_inout_detached(
            &Nonce::from(*nonce),
            associated_data,
            body.into(),
            &Tag::from(*tag),
        )
        .map_err(|_| OpenError)
}

/// As [`seal_detached`], under a nonce of 24 bytes.
///
/// # Security
///
/// As for [`seal`]; among `2^k` random nonces of one key two are equal with a chance of
/// `2^(2k - 193)`.
#[must_use]
pub fn seal_extended(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; EXTENDED_NONCE_BYTES],
    associated_data: &[u8],
    body: &mut [u8],
) -> [u8; TAG_BYTES] {
    let (key, nonce) = subkey(key, nonce);
    seal_detached(&key, &nonce, associated_data, body)
}

/// Undoes [`seal_extended`]; on error `body` is exactly as it was.
///
/// # Errors
///
/// [`OpenError`] if the message does not authenticate.
pub fn open_extended(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; EXTENDED_NONCE_BYTES],
    associated_data: &[u8],
    body: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), OpenError> {
    let (key, nonce) = subkey(key, nonce);
    open_detached(&key, &nonce, associated_data, body, tag)
}

/// The key and nonce of ChaCha20 that XChaCha20 derives (draft-irtf-cfrg-xchacha-03 §2.3).
fn subkey(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; EXTENDED_NONCE_BYTES],
) -> (Secret<KEY_BYTES>, [u8; NONCE_BYTES]) {
    let (salt, rest) = nonce.split_at(16);
    let mut salted = [0; 16];
    salted.copy_from_slice(salt);
    let mut derived = hchacha::<R20>(key.expose().into(), &salted.into());
    let key = Secret::with(|key| key.copy_from_slice(&derived));
    derived.zeroize();
    let mut inner = [0; NONCE_BYTES];
    inner.iter_mut().skip(4).zip(rest).for_each(|(byte, value)| *byte = *value);
    (key, inner)
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn rfc_8439_section_2_8_2() {
        let key = Secret::with(|k| {
            for (byte, value) in k.iter_mut().zip(0x80..) {
                *byte = value;
            }
        });
        let nonce = hex!("070000004041424344454647");
        let aad = hex!("50515253c0c1c2c3c4c5c6c7");
        let text = b"Ladies and Gentlemen of the class of '99: If I could offer you \
only one tip for the future, sunscreen would be it.";
        let mut buffer = text.to_vec();
        seal(&key, &nonce, &aad, &mut buffer);
        assert_eq!(buffer[..16], hex!("d31a8d34648e60db7b86afbc53ef7ec2"));
        assert_eq!(buffer[text.len()..], hex!("1ae10b594f09e26a7e902ecbd0600691"));
        open(&key, &nonce, &aad, &mut buffer).unwrap();
        assert_eq!(buffer, text);
    }

    /// Ours on short bodies beside the crate, at every length around every block and the bound.
    #[test]
    fn every_length_is_sealed_as_by_the_other_implementation() {
        for len in (0..=2 * SHORT + 1).filter(|len| (len + 2) % 16 < 5) {
            let fill = u8::try_from(len % 251).unwrap();
            let (key, nonce) = (Secret::new([fill; 32]), [fill ^ 0xff; 12]);
            for aad in [&[][..], &[fill; 16], &[0xff; 33]] {
                let body = alloc::vec![fill.wrapping_mul(7) | 1; len];
                let (mut ours, mut theirs) = (body.clone(), body.clone());
                let tag = seal_detached(&key, &nonce, aad, &mut ours);
                let cipher = ChaCha20Poly1305::new(key.expose().into());
                let sealed =
                    cipher.encrypt_inout_detached(&nonce.into(), aad, theirs.as_mut_slice().into());
                assert_eq!((&ours, &tag[..]), (&theirs, &sealed.unwrap()[..]), "{len}");
                for byte in 0..TAG_BYTES {
                    let mut wrong = tag;
                    wrong[byte] ^= 0x10;
                    assert!(open_detached(&key, &nonce, aad, &mut ours, &wrong).is_err());
                    assert_eq!(ours, theirs, "a refused body stays as it is");
                }
                open_detached(&key, &nonce, aad, &mut ours, &tag).unwrap();
                assert_eq!(ours, body);
            }
        }
    }

    #[test]
    fn xchacha_draft_03_appendix_a_3_1() {
        let key = Secret::with(|k| {
            for (byte, value) in k.iter_mut().zip(0x80..) {
                *byte = value;
            }
        });
        let nonce = core::array::from_fn(|i| 0x40 + u8::try_from(i).unwrap());
        let aad = hex!("50515253c0c1c2c3c4c5c6c7");
        let text = b"Ladies and Gentlemen of the class of '99: If I could offer you \
only one tip for the future, sunscreen would be it.";
        let mut body = text.to_vec();
        let tag = seal_extended(&key, &nonce, &aad, &mut body);
        assert_eq!(body[..16], hex!("bd6d179d3e83d43b9576579493c0e939"));
        assert_eq!(tag, hex!("c0875924c1c7987947deafd8780acf49"));
        let before = body.clone();
        assert_eq!(open_extended(&key, &nonce, b"", &mut body, &tag), Err(OpenError));
        assert_eq!(body, before);
        open_extended(&key, &nonce, &aad, &mut body, &tag).unwrap();
        assert_eq!(body, text);
    }

    #[test]
    fn the_detached_form_is_the_same_bytes() {
        let key = Secret::new([3; 32]);
        let mut whole = b"body".to_vec();
        seal(&key, &[1; 12], b"head", &mut whole);
        let mut body = *b"body";
        let tag = seal_detached(&key, &[1; 12], b"head", &mut body);
        assert_eq!((&whole[..4], &whole[4..]), (&body[..], &tag[..]));
        assert_eq!(open_detached(&key, &[1; 12], b"tail", &mut body, &tag), Err(OpenError));
        open_detached(&key, &[1; 12], b"head", &mut body, &tag).unwrap();
        assert_eq!(&body, b"body");
    }

    #[test]
    fn a_failed_open_leaves_the_buffer_alone() {
        let key = Secret::new([3; 32]);
        let mut sealed = b"payload".to_vec();
        seal(&key, &[0; 12], b"", &mut sealed);
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let before = bad.clone();
            assert_eq!(open(&key, &[0; 12], b"", &mut bad), Err(OpenError));
            assert_eq!(bad, before);
        }
        assert_eq!(open(&key, &[0; 12], b"", &mut alloc::vec![0; 15]), Err(OpenError));
    }
}
