//! The compression function of SHA-256 on two messages at once, with the processor's own
//! instructions.
//!
//! Each of those waits for the one before it in the same message; two messages fill the gaps.

#![expect(unsafe_code, reason = "processor intrinsics and the check that they exist")]
#![expect(clippy::indexing_slicing, reason = "indices are constants below the array length")]

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_set_epi64x, _mm_sha256msg1_epu32,
    _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
};
use core::mem::transmute;

cpufeatures::new!(features, "sha", "sse4.1", "ssse3", "sse2");

/// Messages that are worked on at once.
const LANES: usize = 2;
/// Four words of the message schedule.
type Words = [__m128i; 4];

pub(crate) fn is_available() -> bool {
    features::get()
}

/// Takes the blocks of each message into its state; both have as many.
///
/// Must be called only where [`is_available`] holds.
pub(crate) fn compress(states: &mut [[u32; 8]; LANES], blocks: [&[[u8; 64]]; LANES]) {
    debug_assert!(is_available() && blocks[0].len() == blocks[1].len(), "checked by the caller");
    // SAFETY: the caller checked that the processor has these instructions.
    unsafe { compress_lanes(states, blocks) }
}

#[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
fn compress_lanes(states: &mut [[u32; 8]; LANES], blocks: [&[[u8; 64]]; LANES]) {
    let mut pairs = [Pair::load(&states[0]), Pair::load(&states[1])];
    for (a, b) in blocks[0].iter().zip(blocks[1]) {
        let before = pairs;
        let mut words = [load(a), load(b)];
        for quarter in 0..3 {
            sixteen::<true>(&mut pairs, &mut words, quarter);
        }
        sixteen::<false>(&mut pairs, &mut words, 3);
        for (pair, before) in pairs.iter_mut().zip(before) {
            pair.abef = _mm_add_epi32(pair.abef, before.abef);
            pair.cdgh = _mm_add_epi32(pair.cdgh, before.cdgh);
        }
    }
    *states = [pairs[0].store(), pairs[1].store()];
}

/// Sixteen rounds; the words of the next sixteen take the place of theirs.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,sse2")]
fn sixteen<const MORE: bool>(
    pairs: &mut [Pair; LANES],
    words: &mut [Words; LANES],
    quarter: usize,
) {
    for i in 0..4 {
        let constants = vector(ROUND_CONSTANTS[4 * quarter + i]);
        for (pair, words) in pairs.iter_mut().zip(&mut *words) {
            pair.four(_mm_add_epi32(words[i], constants));
            if MORE {
                words[i] =
                    next(words[i], words[(i + 1) % 4], words[(i + 2) % 4], words[(i + 3) % 4]);
            }
        }
    }
}

/// Words `t + 16` to `t + 19` from the sixteen before.
#[inline]
#[target_feature(enable = "sha,ssse3,sse2")]
fn next(w0: __m128i, w4: __m128i, w8: __m128i, w12: __m128i) -> __m128i {
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8::<4>(w12, w8));
    _mm_sha256msg2_epu32(sum, w12)
}

/// The eight words of a state in the order that the instructions take.
#[derive(Clone, Copy)]
struct Pair {
    abef: __m128i,
    cdgh: __m128i,
}

impl Pair {
    #[inline]
    #[target_feature(enable = "sse4.1,ssse3,sse2")]
    fn load(state: &[u32; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = *state;
        let cdab = _mm_shuffle_epi32::<0xb1>(vector([a, b, c, d]));
        let efgh = _mm_shuffle_epi32::<0x1b>(vector([e, f, g, h]));
        Self { abef: _mm_alignr_epi8::<8>(cdab, efgh), cdgh: _mm_blend_epi16::<0xf0>(efgh, cdab) }
    }

    #[inline]
    #[target_feature(enable = "sse4.1,ssse3,sse2")]
    fn store(self) -> [u32; 8] {
        let feba = _mm_shuffle_epi32::<0x1b>(self.abef);
        let dchg = _mm_shuffle_epi32::<0xb1>(self.cdgh);
        let [a, b, c, d] = numbers(_mm_blend_epi16::<0xf0>(feba, dchg));
        let [e, f, g, h] = numbers(_mm_alignr_epi8::<8>(dchg, feba));
        [a, b, c, d, e, f, g, h]
    }

    /// Four rounds, with the words added to their constants.
    #[inline]
    #[target_feature(enable = "sha,sse2")]
    fn four(&mut self, words: __m128i) {
        self.cdgh = _mm_sha256rnds2_epu32(self.cdgh, self.abef, words);
        let upper = _mm_shuffle_epi32::<0x0e>(words);
        self.abef = _mm_sha256rnds2_epu32(self.abef, self.cdgh, upper);
    }
}

/// The sixteen words of a block, which are big endian.
#[inline]
#[target_feature(enable = "ssse3,sse2")]
fn load(block: &[u8; 64]) -> Words {
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let mut words = [swap; 4];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<16>().0) {
        // SAFETY: a vector is sixteen bytes of any value.
        let bytes = unsafe { transmute::<[u8; 16], __m128i>(*bytes) };
        *word = _mm_shuffle_epi8(bytes, swap);
    }
    words
}

#[inline]
const fn vector(words: [u32; 4]) -> __m128i {
    // SAFETY: a vector is four words of any value.
    unsafe { transmute::<[u32; 4], __m128i>(words) }
}

#[inline]
const fn numbers(vector: __m128i) -> [u32; 4] {
    // SAFETY: a vector is four words of any value.
    unsafe { transmute::<__m128i, [u32; 4]>(vector) }
}

/// FIPS 180-4 section 4.2.2.
const ROUND_CONSTANTS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];
