//! Bloom filters over message ids, hashed as the deployed implementations hash.
//!
//! With `h` the absolute value of MurmurHash3 (x86, 32 bits, seed 0) as a signed number, a name
//! sets the bits `(h(name) mod m + i * (h(name + " b") mod m)) mod m` for `i` in `0..k`.

use thiserror::Error;

/// Bytes of a filter that is read, at most: the largest deployed one has 22,504.
pub const MAX_BLOOM_BYTES: usize = 32 * 1024;
/// Bytes of a filter that is written, at most.
pub const COMPACT_BLOOM_BYTES: usize = 2048;
/// Hash functions of a filter, at most.
pub const MAX_BLOOM_HASHES: u8 = 32;

/// Hash functions of our own filters: best for ten bits a name, one false positive in 120.
pub const COMPACT_HASHES: u8 = 7;
const BITS_PER_NAME: usize = 10;

/// The two hashes of a name from which its bits follow, whatever the filter's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameHash {
    a: u32,
    b: u32,
}

impl NameHash {
    /// Hashes a name: twice MurmurHash3 over it.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { a: magnitude(name.as_bytes(), b""), b: magnitude(name.as_bytes(), b" b") }
    }

    fn bits(self, m: u32, hashes: u8) -> impl Iterator<Item = u64> {
        let (a, b, m) = (u64::from(self.a % m), u64::from(self.b % m), u64::from(m));
        (0..u64::from(hashes)).map(move |i| (a + i * b) % m)
    }
}

/// A Bloom filter.
///
/// # Examples
///
/// ```
/// use logos_node::channel::{Bloom, NameHash};
///
/// let names = ["one", "two"].map(NameHash::new);
/// let bloom = Bloom::compact(&names);
/// assert!(bloom.contains(names[1]));
/// assert!(!bloom.contains(NameHash::new("three")));
/// assert_eq!(bloom.words().len() * 8, 8);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bloom {
    words: Vec<u64>,
    // Invariant: 0 < bits <= 64 * words.len().
    bits: u32,
    // Invariant: 0 < hashes <= MAX_BLOOM_HASHES.
    hashes: u8,
}

/// The parameters are not those of a filter.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BloomError {
    /// No bits, or more than the words hold, or more words than [`MAX_BLOOM_BYTES`].
    #[error("a filter of {words} words has no {bits} bits")]
    Bits {
        /// Bits it claims.
        bits: u64,
        /// Words that are there.
        words: usize,
    },
    /// No hash functions, or over [`MAX_BLOOM_HASHES`].
    #[error("a filter has no {0} hash functions")]
    Hashes(u64),
}

impl Bloom {
    /// A filter from its parts.
    ///
    /// # Errors
    ///
    /// See [`BloomError`].
    ///
    /// # Security
    ///
    /// The parameters may be anybody's: what passes here can be asked without a division by zero
    /// or an index out of range, for [`MAX_BLOOM_HASHES`] steps at most.
    pub fn new(words: Vec<u64>, bits: u64, hashes: u64) -> Result<Self, BloomError> {
        let room = words.len() as u64 * 64;
        let error = BloomError::Bits { bits, words: words.len() };
        if bits == 0 || bits > room || words.len() > MAX_BLOOM_BYTES / 8 {
            return Err(error);
        }
        let count = u8::try_from(hashes).ok().filter(|k| (1..=MAX_BLOOM_HASHES).contains(k));
        Ok(Self {
            words,
            bits: u32::try_from(bits).map_err(|_| error)?,
            hashes: count.ok_or(BloomError::Hashes(hashes))?,
        })
    }

    /// A filter as small as `names` allow, at most [`COMPACT_BLOOM_BYTES`].
    #[must_use]
    pub fn compact(names: &[NameHash]) -> Self {
        let wanted = names.len().saturating_mul(BITS_PER_NAME).div_ceil(64);
        let words = wanted.clamp(1, COMPACT_BLOOM_BYTES / 8);
        // Invariant: at most 16,384 bits.
        let bits = u32::try_from(words * 64).unwrap_or(u32::MAX);
        let mut bloom = Self { words: vec![0; words], bits, hashes: COMPACT_HASHES };
        names.iter().for_each(|name| bloom.insert(*name));
        bloom
    }

    fn insert(&mut self, name: NameHash) {
        for bit in name.bits(self.bits, self.hashes) {
            if let Some(word) = usize::try_from(bit / 64).ok().and_then(|i| self.words.get_mut(i)) {
                *word |= 1 << (bit % 64);
            }
        }
    }

    /// Is the name perhaps in it? False is certain.
    #[must_use]
    pub fn contains(&self, name: NameHash) -> bool {
        let word = |bit: u64| usize::try_from(bit / 64).ok().and_then(|i| self.words.get(i));
        name.bits(self.bits, self.hashes)
            .all(|bit| word(bit).is_some_and(|word| word >> (bit % 64) & 1 == 1))
    }

    /// The words; bit `n` is bit `n mod 64` of word `n / 64`.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Bits in use.
    #[must_use]
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// Hash functions.
    #[must_use]
    pub const fn hashes(&self) -> u8 {
        self.hashes
    }
}

/// The absolute value of MurmurHash3 as a signed number.
fn magnitude(name: &[u8], suffix: &[u8]) -> u32 {
    murmur3(name, suffix).cast_signed().unsigned_abs()
}

/// MurmurHash3, x86, 32 bits, seed 0, of two parts.
fn murmur3(name: &[u8], suffix: &[u8]) -> u32 {
    let length = name.len() + suffix.len();
    let mut bytes = name.iter().chain(suffix).copied();
    let mut h = 0_u32;
    for _ in 0..length / 4 {
        let block = std::array::from_fn(|_| bytes.next().unwrap_or(0));
        h = (h ^ scramble(u32::from_le_bytes(block))).rotate_left(13);
        h = h.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    h ^= scramble(u32::from_le_bytes(std::array::from_fn(|_| bytes.next().unwrap_or(0))));
    // Invariant: names are short.
    finish(h ^ u32::try_from(length).unwrap_or(u32::MAX))
}

const fn scramble(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

const fn finish(mut h: u32) -> u32 {
    h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// MurmurHash3 as its author's reference gives it.
    #[test]
    fn the_hash_is_murmur3() {
        for (text, expected) in [
            ("", 0),
            ("a", 0x3c25_69b2),
            ("hello", 0x248b_fa47),
            ("hello, world", 0x149b_bb7f),
            ("The quick brown fox jumps over the lazy dog", 0x2e4f_f723),
        ] {
            assert_eq!(murmur3(text.as_bytes(), b""), expected, "{text}");
        }
        assert_eq!(murmur3(b"hello,", b" world"), 0x149b_bb7f);
    }

    #[test]
    fn unusable_parameters_are_refused() {
        for (words, bits, hashes) in
            [(1, 0, 7), (1, 65, 7), (0, 1, 7), (1, 64, 0), (1, 64, 33), (1, 64, 263), (5000, 64, 7)]
        {
            assert!(Bloom::new(vec![0; words], bits, hashes).is_err(), "{words} {bits} {hashes}");
        }
        assert!(Bloom::new(vec![0; 2344], 150_000, 10).is_ok());
    }

    #[test]
    fn a_thousand_names_fit_two_kilobytes_with_few_false_positives() {
        let names: Vec<_> = (0..1000).map(|i| NameHash::new(&format!("name {i}"))).collect();
        let bloom = Bloom::compact(&names);
        assert!(bloom.words().len() * 8 <= COMPACT_BLOOM_BYTES);
        let strangers = (1000..11_000).map(|i| NameHash::new(&format!("name {i}")));
        let wrong = strangers.filter(|name| bloom.contains(*name)).count();
        assert!(wrong < 200, "{wrong} of 10,000");
    }

    proptest! {
        #[test]
        fn what_was_put_in_is_in(names: Vec<String>) {
            let hashes: Vec<_> = names.iter().map(|name| NameHash::new(name)).collect();
            let bloom = Bloom::compact(&hashes);
            prop_assert!(hashes.iter().all(|hash| bloom.contains(*hash)));
        }
    }
}
