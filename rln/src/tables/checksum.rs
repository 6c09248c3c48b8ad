//! Whole bytes told from damaged ones, at the speed of memory.

/// An odd number without a pattern: the golden ratio in 64 bits.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A checksum in eight independent lanes of 64-bit words, least significant byte first; what is
/// left over after blocks of 64 bytes counts byte by byte.
///
/// Each step is a bijection of the word it takes in, so no change within one word goes unseen.
/// Whoever means to deceive finds a second preimage at once.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut lanes = [FACTOR; 8];
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = step(*lane, u64::from_le_bytes(*word));
        }
    }
    let rest = rest.iter().map(|byte| u64::from(*byte));
    lanes.into_iter().chain(rest).fold(bytes.len() as u64, step)
}

#[inline(always)]
const fn step(state: u64, word: u64) -> u64 {
    (state.rotate_left(23) ^ word).wrapping_mul(FACTOR)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn a_changed_bit_changes_it_and_so_does_a_zero_more() {
        let mut bytes: Vec<u8> = (0..200u8).collect();
        let sum = checksum(&bytes);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(checksum(&bytes), sum, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(checksum(&bytes), sum);
        bytes.push(0);
        assert_ne!(checksum(&bytes), sum);
    }

    #[test]
    fn blocks_that_change_places_change_it() {
        let mut bytes = [[1u8; 64], [2; 64]];
        let sum = checksum(bytes.as_flattened());
        bytes.swap(0, 1);
        assert_ne!(checksum(bytes.as_flattened()), sum);
    }
}
