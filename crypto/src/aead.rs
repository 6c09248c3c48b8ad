//! Authenticated encryption: ChaCha20-Poly1305 (RFC 8439) with one opaque error.

use alloc::vec::Vec;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, Tag};
use thiserror::Error;

use crate::secret::Secret;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;
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
    let cipher = ChaCha20Poly1305::new(key.expose().into());
    let sealed = cipher.encrypt_inout_detached(
        &Nonce::from(*nonce),
        associated_data,
        buffer.as_mut_slice().into(),
    );
    // The one failure is a message over 256 GiB, more than a buffer can hold in memory here.
    debug_assert!(sealed.is_ok(), "message length is within RFC 8439");
    if let Ok(tag) = sealed {
        buffer.extend_from_slice(&tag);
    }
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
    let tag = Tag::try_from(&*tag).map_err(|_| OpenError)?;
    ChaCha20Poly1305::new(key.expose().into())
        .decrypt_inout_detached(&Nonce::from(*nonce), associated_data, body.into(), &tag)
        .map_err(|_| OpenError)?;
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
    ChaCha20Poly1305::new(key.expose().into())
        .decrypt_inout_detached(
            &Nonce::from(*nonce),
            associated_data,
            body.into(),
            &Tag::from(*tag),
        )
        .map_err(|_| OpenError)
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
