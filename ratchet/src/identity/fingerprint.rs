//! Numbers and words that two people compare.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use logos_crypto::keys::VerifyingKey;
use sha2::{Digest, Sha512};
use thiserror::Error;

use crate::base64;

/// Hashes over each key: what a forger has to repeat for every try.
const ITERATIONS: usize = 5200;
const HALF_BYTES: usize = 30;
const VERSION: u8 = 1;

/// What two accounts compare, in person or over a line they trust: the same on both sides, and
/// different if anybody stands between.
///
/// For each account `h_0 = SHA-512(1 || "logos-ratchet/1/fingerprint" || key)`,
/// `h_{i+1} = SHA-512(h_i || key)`, 5200 times; the first 30 bytes are the account's half. The
/// smaller half goes first.
///
/// # Examples
///
/// ```
/// use logos_crypto::{keys::SigningKey, secret::Secret};
/// use logos_ratchet::identity::Fingerprint;
///
/// let saro = SigningKey::from_secret(&Secret::new([1; 32])).verifying_key();
/// let raya = SigningKey::from_secret(&Secret::new([2; 32])).verifying_key();
/// let on_his_screen = Fingerprint::of(&saro, &raya);
/// let on_hers = Fingerprint::of(&raya, &saro);
/// assert_eq!(on_his_screen.digits(), on_hers.digits());
/// assert_eq!(on_his_screen.words(), on_hers.words());
/// on_hers.check_qr(&on_his_screen.qr())?;
/// # Ok::<(), logos_ratchet::identity::FingerprintError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    halves: [[u8; HALF_BYTES]; 2],
}

/// A scanned code does not match.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// It is no fingerprint, or of another version.
    #[error("code is not a fingerprint")]
    Malformed,
    /// It is of other keys: somebody may stand between.
    #[error("fingerprints differ")]
    Differ,
}

impl Fingerprint {
    /// The fingerprint of two accounts, in either order. Costs 10,400 hashes.
    #[must_use]
    pub fn of(a: &VerifyingKey, b: &VerifyingKey) -> Self {
        let mut halves = [half(a), half(b)];
        halves.sort_unstable();
        Self { halves }
    }

    /// Sixty digits in twelve groups of five: 99 bits of each account.
    #[must_use]
    pub fn digits(&self) -> String {
        let mut text = String::with_capacity(71);
        for (at, group) in self.halves.iter().flat_map(|half| half.chunks_exact(5)).enumerate() {
            let value = group.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
            let gap = if at == 0 { "" } else { " " };
            let written = write!(text, "{gap}{:05}", value % 100_000);
            debug_assert!(written.is_ok(), "a string takes what is written to it");
        }
        text
    }

    /// Sixteen spoken syllable words, eight of each account: 64 bits of each.
    ///
    /// Each byte is a word of consonant, vowel, consonant, vowel, so that no list has to be
    /// learnt, shipped or translated.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let bytes = self.halves.iter().flat_map(|half| half.iter().take(8));
        bytes.map(|byte| word(*byte)).collect()
    }

    /// The text of a QR code: a version and both halves, in base64.
    #[must_use]
    pub fn qr(&self) -> String {
        let mut bytes = Vec::with_capacity(1 + 2 * HALF_BYTES);
        bytes.push(VERSION);
        self.halves.iter().for_each(|half| bytes.extend_from_slice(half));
        base64::encode(&bytes)
    }

    /// Compares a scanned code with this one.
    ///
    /// # Errors
    ///
    /// See [`FingerprintError`].
    pub fn check_qr(&self, scanned: &str) -> Result<(), FingerprintError> {
        let bytes = base64::decode(scanned).ok_or(FingerprintError::Malformed)?;
        let (version, halves) = bytes.split_first().ok_or(FingerprintError::Malformed)?;
        if *version != VERSION || halves.len() != 2 * HALF_BYTES {
            return Err(FingerprintError::Malformed);
        }
        if halves == self.halves.concat() { Ok(()) } else { Err(FingerprintError::Differ) }
    }
}

fn half(key: &VerifyingKey) -> [u8; HALF_BYTES] {
    let mut hash = Sha512::new()
        .chain_update([VERSION])
        .chain_update(b"logos-ratchet/1/fingerprint")
        .chain_update(key.as_bytes())
        .finalize();
    for _ in 0..ITERATIONS {
        hash = Sha512::new().chain_update(hash).chain_update(key.as_bytes()).finalize();
    }
    let mut half = [0; HALF_BYTES];
    half.iter_mut().zip(hash).for_each(|(byte, value)| *byte = value);
    half
}

/// Four letters for eight bits: 8 consonants, 4 vowels, 4 consonants, 2 vowels.
pub(super) fn word(byte: u8) -> String {
    let pick =
        |letters: &[u8], at: u8| letters.get(usize::from(at)).copied().map_or('?', char::from);
    [
        pick(b"bdfgklmn", byte >> 5),
        pick(b"aeio", byte >> 3 & 3),
        pick(b"prst", byte >> 1 & 3),
        pick(b"au", byte & 1),
    ]
    .into_iter()
    .collect()
}
