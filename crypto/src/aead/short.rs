//! ChaCha20-Poly1305 on a body of a few blocks, with the key stream drawn at once.
//!
//! The general implementation draws the block of the authentication key and those of the body
//! apart, each time at the price of four blocks, and prepares Poly1305 for a long message. On
//! bodies up to [`SHORT`] this takes less than half the time, which is most of what a message of a
//! session costs.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use subtle::ConstantTimeEq;
use zerocopy::IntoBytes;
use zeroize::Zeroize;

use super::poly1305::Poly1305;
use super::{KEY_BYTES, NONCE_BYTES, OpenError, TAG_BYTES};
use crate::secret::Secret;

/// Bodies up to this many bytes come here; none where a product of words is not an instruction.
pub(super) const SHORT: usize = if cfg!(target_pointer_width = "64") { 448 } else { 0 };

const BLOCK_WORDS: usize = 8;
/// Vector units draw four blocks in the time of one.
const STRIDE_WORDS: usize = 4 * BLOCK_WORDS;
const WORDS: usize = BLOCK_WORDS + 448 / 8;
const _: () = assert!(WORDS.is_multiple_of(STRIDE_WORDS), "whole strides fit");

/// Block 0 of the key stream, then a body under the blocks after it.
struct Text {
    words: [u64; WORDS],
    used: usize,
}

impl Text {
    /// Encrypts or decrypts `body`, which is at most [`SHORT`] bytes.
    fn new(key: &Secret<KEY_BYTES>, nonce: &[u8; NONCE_BYTES], body: &[u8]) -> Self {
        let used = (BLOCK_WORDS + body.len().div_ceil(8)).next_multiple_of(STRIDE_WORDS);
        let mut text = Self { words: [0; WORDS], used };
        copy(text.body_mut(), body);
        let whole = text.words.get_mut(..used).unwrap_or_default();
        ChaCha20::new(key.expose().into(), nonce.into()).apply_keystream(whole.as_mut_bytes());
        text
    }

    /// The key of Poly1305: the first half of block 0.
    fn authenticator(&self) -> Poly1305 {
        let key = self.words.first_chunk::<4>().map(|key| key.map(u64::from_le));
        Poly1305::new(&key.unwrap_or_default())
    }

    fn body(&self) -> &[u8] {
        self.words.as_bytes().get(8 * BLOCK_WORDS..).unwrap_or_default()
    }

    fn body_mut(&mut self) -> &mut [u8] {
        self.words.as_mut_bytes().get_mut(8 * BLOCK_WORDS..).unwrap_or_default()
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if let Some(used) = self.words.get_mut(..self.used) {
            used.zeroize();
        }
    }
}

pub(super) fn seal(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    associated_data: &[u8],
    body: &mut [u8],
) -> [u8; TAG_BYTES] {
    let text = Text::new(key, nonce, body);
    copy(body, text.body());
    tag(text.authenticator(), associated_data, body)
}

/// What was decrypted stands in a [`Text`] only, and is wiped there, unless the tag is right.
pub(super) fn open(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    associated_data: &[u8],
    body: &mut [u8],
    tag_found: &[u8; TAG_BYTES],
) -> Result<(), OpenError> {
    let text = Text::new(key, nonce, body);
    let expected = tag(text.authenticator(), associated_data, body);
    if bool::from(expected.ct_eq(tag_found)) {
        copy(body, text.body());
        Ok(())
    } else {
        Err(OpenError)
    }
}

/// RFC 8439 section 2.8: both parts padded to blocks, then their lengths.
fn tag(mut authenticator: Poly1305, associated_data: &[u8], body: &[u8]) -> [u8; TAG_BYTES] {
    authenticator.update_padded(associated_data);
    authenticator.update_padded(body);
    let lengths = (body.len() as u128) << 64 | associated_data.len() as u128;
    authenticator.update_padded(&lengths.to_le_bytes());
    authenticator.tag()
}

/// Copies as much as both hold.
fn copy(to: &mut [u8], from: &[u8]) {
    let len = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..len), from.get(..len)) {
        to.copy_from_slice(from);
    }
}
