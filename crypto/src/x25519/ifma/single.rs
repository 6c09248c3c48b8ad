//! One Montgomery ladder whose products go side by side.
//!
//! A step of the ladder has nine products; with the multiplication by `x1` moved before a square
//! they stand in three layers, and those of a layer do not wait for each other: four lanes of the
//! registers of [`super`] take a layer at once. The lanes above repeat them or hold nothing.

#![expect(clippy::indexing_slicing, reason = "indices are constants below the array length")]

use core::arch::x86_64::{
    __m512i, __mmask8, _mm512_add_epi64, _mm512_mask_add_epi64, _mm512_mask_sub_epi64,
    _mm512_maskz_permutex_epi64, _mm512_permutexvar_epi64, _mm512_set_epi64, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::{
    A24, LIMBS, Narrow, Transposed, Wide, bias, load, read_lane, splat, store, write_lane,
};

/// The ladder of RFC 7748 section 5, with a projective result, `X` and `Z`.
///
/// In the names of that section, the state is `[x3, z3, x2, z2]`.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn ladder(scalar: &[u64; 4], x1: [u64; LIMBS]) -> ([u64; LIMBS], [u64; LIMBS]) {
    let (one, zero) = ([1, 0, 0, 0, 0], [0; LIMBS]);
    let factors = lanes([one, x1, zero, [A24, 0, 0, 0, 0]]);
    let in_order = _mm512_set_epi64(3, 2, 1, 0, 3, 2, 1, 0);
    let upper = _mm512_set_epi64(3, 2, 3, 2, 3, 2, 3, 2);
    let mut state = Wide(lanes([x1, one, one, zero]).0);
    let mut swapped = 0;
    for t in (0..255).rev() {
        let bit = scalar[t / 64] >> (t % 64) & 1;
        // Reversed, the sums and differences of one point stand where the other's stood.
        let swap = splat(3 * (swapped ^ bit));
        swapped = bit;

        // [D, C, A, B] times [A, B, A, B].
        let sums = state.pairwise::<0b0110, 0b1001>();
        let left = sums.reordered(_mm512_xor_si512(in_order, swap));
        let right = sums.reordered(_mm512_xor_si512(upper, swap));
        let products = left.mul(right);
        // [DA + CB, DA - CB, AA, E] times [1, x1, 0, a24], plus [0, 0, BB, AA].
        let left = products.pairwise::<0b0001, 0b1010>();
        let right = left.mul(factors).plus(products.upper_swapped()).carry();
        // [x3, z3, x2, z2].
        state = left.mul(right);
    }
    // Bit 0 of a clamped scalar is 0, so the last swap was undone already.
    let rows = store(state.carry().0);
    (read_lane(&rows, 2), read_lane(&rows, 3))
}

/// The product of two elements.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn product(a: [u64; LIMBS], b: [u64; LIMBS]) -> [u64; LIMBS] {
    let zero = [0; LIMBS];
    let product = lanes([a, zero, zero, zero]).mul(lanes([b, zero, zero, zero]));
    read_lane(&store(product.carry().0), 0)
}

/// An element in each of the four lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn lanes(elements: [[u64; LIMBS]; 4]) -> Narrow {
    let mut rows: Transposed<LIMBS> = [[0; super::LANES]; LIMBS];
    for (lane, element) in elements.into_iter().enumerate() {
        write_lane(&mut rows, lane, element);
    }
    Narrow(load(&rows))
}

impl Narrow {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn reordered(self, order: __m512i) -> Self {
        Self(self.0.map(|limb| _mm512_permutexvar_epi64(order, limb)))
    }
}

impl Wide {
    /// For each pair `[a, b]` of lanes `a` in both, plus `b` in the lanes `PLUS`, minus `b` in the
    /// lanes `MINUS`, over the multiple of `p` that [`Wide::sub`] takes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn pairwise<const PLUS: __mmask8, const MINUS: __mmask8>(self) -> Narrow {
        let mut out = self;
        for i in 0..LIMBS {
            let a = _mm512_unpacklo_epi64(self.0[i], self.0[i]);
            let b = _mm512_unpackhi_epi64(self.0[i], self.0[i]);
            let sum = _mm512_mask_add_epi64(a, PLUS, a, b);
            out.0[i] = _mm512_mask_sub_epi64(sum, MINUS, _mm512_add_epi64(a, bias(i)), b);
        }
        out.carry()
    }

    /// The sum, which is to be carried.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn plus(self, other: Self) -> Self {
        let mut sum = self;
        for i in 0..LIMBS {
            sum.0[i] = _mm512_add_epi64(self.0[i], other.0[i]);
        }
        sum
    }

    /// Lanes 2 and 3 changed over, zeros in the others.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn upper_swapped(self) -> Self {
        Self(self.0.map(|limb| _mm512_maskz_permutex_epi64::<0b10_11_01_00>(0b1100, limb)))
    }
}
