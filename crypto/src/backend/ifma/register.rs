//! One 512-bit register as eight unsigned 64-bit integers.

use core::arch::x86_64::{
    __m512i, _mm256_loadu_si256, _mm512_add_epi64, _mm512_and_si512, _mm512_castsi256_si512,
    _mm512_cmpeq_epu64_mask, _mm512_inserti64x4, _mm512_loadu_si512, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_or_si512, _mm512_permutex2var_epi64,
    _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shrdi_epi64, _mm512_slli_epi64,
    _mm512_srai_epi64, _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi64,
};

use super::Ifma;

/// Eight 64-bit integers, one in each lane.
// Invariant: a value exists only on a processor for which an `Ifma` token exists, because every
// constructor takes the token. That is what the SAFETY lines below call "a register exists".
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Wide(__m512i);

impl Ifma {
    /// All lanes zero.
    #[inline(always)]
    pub(crate) fn zero(self) -> Wide {
        // SAFETY: the token proves the feature.
        Wide(unsafe { _mm512_setzero_si512() })
    }

    /// The same integer in all lanes.
    #[inline(always)]
    pub(crate) fn splat(self, value: u64) -> Wide {
        // SAFETY: the token proves the feature.
        Wide(unsafe { _mm512_set1_epi64(value.cast_signed()) })
    }

    /// Lane `i` from word `i`.
    #[inline(always)]
    pub(crate) fn load(self, words: &[u64; 8]) -> Wide {
        // SAFETY: the token proves the feature; the reference is valid for 64 bytes and the
        // instruction asks for no alignment.
        Wide(unsafe { _mm512_loadu_si512(words.as_ptr().cast()) })
    }

    /// Lanes 0 to 3 from one array, 4 to 7 from another.
    #[inline(always)]
    pub(crate) fn load_halves(self, low: &[u64; 4], high: &[u64; 4]) -> Wide {
        // SAFETY: the token proves the feature; each reference is valid for 32 bytes and the
        // instructions ask for no alignment.
        Wide(unsafe {
            let low = _mm512_castsi256_si512(_mm256_loadu_si256(low.as_ptr().cast()));
            _mm512_inserti64x4::<1>(low, _mm256_loadu_si256(high.as_ptr().cast()))
        })
    }
}

/// A choice for each lane: bit `i` belongs to lane `i`.
pub(crate) type LaneMask = u8;

impl Wide {
    /// The token that made this register.
    #[inline(always)]
    pub(crate) fn ifma(self) -> Ifma {
        Ifma(())
    }

    /// Word `i` from lane `i`.
    #[inline(always)]
    pub(crate) fn store(self, words: &mut [u64; 8]) {
        // SAFETY: a register exists; the reference is valid for 64 bytes and the instruction
        // asks for no alignment.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) }
    }

    /// The lanes as an array.
    #[inline(always)]
    pub(crate) fn to_array(self) -> [u64; 8] {
        let mut words = [0; 8];
        self.store(&mut words);
        words
    }

    /// `self + (a * b mod 2^52)` over the low 52 bits of `a` and `b`.
    #[inline(always)]
    pub(crate) fn add_product_low(self, a: Self, b: Self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_madd52lo_epu64(self.0, a.0, b.0) })
    }

    /// `self + (a * b div 2^52)` over the low 52 bits of `a` and `b`.
    #[inline(always)]
    pub(crate) fn add_product_high(self, a: Self, b: Self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_madd52hi_epu64(self.0, a.0, b.0) })
    }

    /// Sum modulo 2^64.
    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_add_epi64(self.0, other.0) })
    }

    /// Difference modulo 2^64.
    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_sub_epi64(self.0, other.0) })
    }

    /// Bitwise and.
    #[inline(always)]
    pub(crate) fn and(self, other: Self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }

    /// Bitwise or.
    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_or_si512(self.0, other.0) })
    }

    /// Shift to the left, zeros in.
    #[inline(always)]
    pub(crate) fn left<const BITS: u32>(self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_slli_epi64::<BITS>(self.0) })
    }

    /// Shift to the right, zeros in.
    #[inline(always)]
    pub(crate) fn right<const BITS: u32>(self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_srli_epi64::<BITS>(self.0) })
    }

    /// Shift to the right, copies of the top bit in.
    #[inline(always)]
    pub(crate) fn right_signed<const BITS: u32>(self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_srai_epi64::<BITS>(self.0) })
    }

    /// The low 64 bits of the 128-bit number `high:self` shifted to the right.
    #[inline(always)]
    pub(crate) fn right_from<const BITS: i32>(self, high: Self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_shrdi_epi64::<BITS>(self.0, high.0) })
    }

    /// Lane `i` of the result is lane `index[i] mod 8` of `self`, or of `other` from 8 on.
    #[inline(always)]
    pub(crate) fn permute(self, index: Self, other: Self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_permutex2var_epi64(self.0, index.0, other.0) })
    }

    /// The lanes of `other` where the mask is set, of `self` elsewhere.
    #[inline(always)]
    pub(crate) fn blend(self, mask: LaneMask, other: Self) -> Self {
        // SAFETY: a register exists.
        Self(unsafe { _mm512_mask_blend_epi64(mask, self.0, other.0) })
    }

    /// Which lanes are equal?
    #[inline(always)]
    pub(crate) fn equal(self, other: Self) -> LaneMask {
        // SAFETY: a register exists.
        unsafe { _mm512_cmpeq_epu64_mask(self.0, other.0) }
    }

    /// Which lanes have their top bit set?
    #[inline(always)]
    pub(crate) fn negative(self) -> LaneMask {
        // SAFETY: a register exists.
        unsafe { core::arch::x86_64::_mm512_movepi64_mask(self.0) }
    }
}
