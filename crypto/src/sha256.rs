//! SHA-256 (FIPS 180-4) of two messages side by side.
//!
//! For one message the `sha2` crate is as fast as the processor allows. A relay that hashes many
//! payloads of one length gets two for little more than the price of one.

use sha2::{Digest, Sha256};

#[cfg(target_arch = "x86_64")]
use crate::backend::sha256;

/// `SHA-256(prefix || data)` for each of two messages.
///
/// Costs little more than one of them if both are equally long and the processor has
/// instructions for SHA-256, else as much as both. Time depends on the lengths alone.
///
/// # Examples
///
/// ```
/// use logos_crypto::sha256::digest_pair;
/// use sha2::{Digest, Sha256};
///
/// let [first, second] = digest_pair([&[1; 32], &[2; 32]], [&[3; 100], &[4; 100]]);
/// let alone = Sha256::new().chain_update([1; 32]).chain_update([3; 100]).finalize();
/// assert_eq!(first[..], alone[..]);
/// assert_ne!(first, second);
/// ```
#[must_use]
pub fn digest_pair(prefixes: [&[u8; 32]; 2], data: [&[u8]; 2]) -> [[u8; 32]; 2] {
    #[cfg(target_arch = "x86_64")]
    if let Some(digests) = side_by_side(prefixes, data) {
        return digests;
    }
    let ([first, second], [a, b]) = (prefixes, data);
    [digest(first, a), digest(second, b)]
}

fn digest(prefix: &[u8; 32], data: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(prefix).chain_update(data).finalize().into()
}

/// None if the messages are not equally long, too short, or the processor cannot.
#[cfg(target_arch = "x86_64")]
fn side_by_side(prefixes: [&[u8; 32]; 2], data: [&[u8]; 2]) -> Option<[[u8; 32]; 2]> {
    let [a, b] = data;
    if a.len() != b.len() || !sha256::is_available() {
        return None;
    }
    let ([p, q], (head_a, a), (head_b, b)) =
        (prefixes, a.split_first_chunk()?, b.split_first_chunk()?);
    let (blocks_a, left_a) = a.as_chunks();
    let (blocks_b, left_b) = b.as_chunks();
    let bytes = 64u64.checked_add(u64::try_from(a.len()).ok()?)?;
    let (last_a, n) = padded(left_a, bytes);
    let (last_b, _) = padded(left_b, bytes);
    let mut states = [INITIAL; 2];
    sha256::compress(&mut states, [&[joined(p, head_a)], &[joined(q, head_b)]]);
    sha256::compress(&mut states, [blocks_a, blocks_b]);
    sha256::compress(&mut states, [last_a.get(..n)?, last_b.get(..n)?]);
    Some(states.map(to_bytes))
}

#[cfg(target_arch = "x86_64")]
fn joined(prefix: &[u8; 32], head: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(prefix.iter().chain(head)) {
        *to = *from;
    }
    block
}

/// What is left of a message of so many bytes, with its padding: one block or two.
#[cfg(target_arch = "x86_64")]
fn padded(left: &[u8], bytes: u64) -> ([[u8; 64]; 2], usize) {
    let mut blocks = [[0; 64]; 2];
    let n = if left.len() < 56 { 1 } else { 2 };
    let content = left.iter().chain(&[0x80]);
    for (to, from) in blocks.as_flattened_mut().iter_mut().zip(content) {
        *to = *from;
    }
    let length = bytes.wrapping_mul(8).to_be_bytes();
    if let Some(end) = blocks.get_mut(n - 1).and_then(|block| block.last_chunk_mut()) {
        *end = length;
    }
    (blocks, n)
}

#[cfg(target_arch = "x86_64")]
fn to_bytes(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(state) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// FIPS 180-4 section 5.3.3.
#[cfg(target_arch = "x86_64")]
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn two_at_once_are_two_alone_at_every_length() {
        for n in (0..300).chain([3952, 3953]) {
            let bytes = |step: u8| -> vec::Vec<u8> {
                (0..n).map(|i: usize| i.to_le_bytes()[0].wrapping_mul(step)).collect()
            };
            let (a, b) = (bytes(3), bytes(7));
            let pair = digest_pair([&[1; 32], &[2; 32]], [&a, &b]);
            assert_eq!(pair, [digest(&[1; 32], &a), digest(&[2; 32], &b)], "{n}");
        }
    }

    #[test]
    fn messages_of_two_lengths_are_hashed_too() {
        let pair = digest_pair([&[1; 32], &[2; 32]], [&[5; 200], &[6; 100]]);
        assert_eq!(pair, [digest(&[1; 32], &[5; 200]), digest(&[2; 32], &[6; 100])]);
    }
}
