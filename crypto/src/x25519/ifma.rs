//! Montgomery ladders with AVX-512 IFMA: eight side by side, or one in four lanes.
//!
//! A field element modulo `p = 2^255 - 19` is five vectors: vector `i` holds limb `i` (weight
//! `2^(51 i)`) of each of the eight lanes. The multiplier takes the low 52 bits of its operands
//! and gives the low or the high 52 bits of the product, so:
//!
//! - [`Narrow`] elements have limbs below `2^52` and may be multiplied;
//! - [`Wide`] elements, the results, have limbs below `2^61`: they may be added, or subtracted
//!   over a multiple of `p`, and are carried once before they are multiplied again.
//!
//! The high half of a product weighs `2^52`, one bit more than a limb, so sums of high halves are
//! doubled. `2^255 = 19`, so what stands above limb 4 is folded down times 19.
//!
//! Every lane does the same operations whatever its bits: the swap of the ladder is a blend.

#![expect(unsafe_code, reason = "processor intrinsics and the check that they exist")]
#![expect(clippy::indexing_slicing, reason = "limb indices are constants below the array length")]

use core::arch::x86_64::{
    __m512i, __mmask8, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_slli_epi64, _mm512_srli_epi64, _mm512_sub_epi64, _mm512_test_epi64_mask,
};

use zeroize::Zeroize;

use super::{BASE, Job, LANES, Scalar, Shared, inverse};

mod single;

cpufeatures::new!(features, "avx512f", "avx512ifma");

const LIMBS: usize = 5;
const LIMB_BITS: u32 = 51;
const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;
/// `(A - 2) / 4` of the curve.
const A24: u64 = 121_665;

/// A number of lanes by limbs: `[limb][lane]`.
type Transposed<const ROWS: usize> = [[u64; LANES]; ROWS];

pub(super) fn is_available() -> bool {
    features::get()
}

/// Does up to [`LANES`] jobs; lanes without a job multiply the base point by zero.
///
/// Must be called only where [`is_available`] holds.
pub(super) fn multiply(jobs: &mut [Job<'_>]) {
    debug_assert!(jobs.len() <= LANES && is_available(), "checked by the engine");
    let mut scalars = [[0; LANES]; 4];
    let mut points = [[0; LANES]; LIMBS];
    for lane in 0..LANES {
        let job = jobs.get(lane);
        let point = job.map_or(&BASE, |job| job.point);
        write_lane(&mut points, lane, split(point));
        if let Some(job) = job {
            write_lane(&mut scalars, lane, super::words(job.scalar.expose()));
        }
    }
    // SAFETY: the caller checked that the processor has AVX-512F and IFMA.
    let mut products = unsafe { ladder(&scalars, &points) };
    for (lane, job) in jobs.iter_mut().enumerate() {
        job.shared.bytes = join(read_lane(&products, lane));
    }
    scalars.zeroize();
    products.zeroize();
}

/// `scalar * point`.
///
/// Must be called only where [`is_available`] holds.
pub(super) fn multiply_one(scalar: &Scalar, point: &[u8; 32]) -> Shared {
    debug_assert!(is_available(), "checked by the engine");
    let mut words = super::words(scalar.expose());
    // SAFETY: the caller checked that the processor has AVX-512F and IFMA.
    let (mut x, mut z) = unsafe { single::ladder(&words, split(point)) };
    let mut inverse = inverse::invert(super::words(&join(z)));
    // SAFETY: as above.
    let mut product = unsafe { single::product(x, split_words(inverse)) };
    let shared = Shared { bytes: join(product) };
    words.zeroize();
    x.zeroize();
    z.zeroize();
    inverse.zeroize();
    product.zeroize();
    shared
}

fn write_lane<const ROWS: usize>(rows: &mut Transposed<ROWS>, lane: usize, column: [u64; ROWS]) {
    for (row, value) in rows.iter_mut().zip(column) {
        row[lane] = value;
    }
}

fn read_lane<const ROWS: usize>(rows: &Transposed<ROWS>, lane: usize) -> [u64; ROWS] {
    rows.map(|row| row[lane])
}

/// Splits a u-coordinate into limbs; bit 255 is ignored (RFC 7748 section 5).
fn split(bytes: &[u8; 32]) -> [u64; LIMBS] {
    split_words(super::words(bytes))
}

const fn split_words([w0, w1, w2, w3]: [u64; 4]) -> [u64; LIMBS] {
    [
        w0 & LIMB_MASK,
        (w0 >> 51 | w1 << 13) & LIMB_MASK,
        (w1 >> 38 | w2 << 26) & LIMB_MASK,
        (w2 >> 25 | w3 << 39) & LIMB_MASK,
        (w3 >> 12) & LIMB_MASK,
    ]
}

/// Reduces limbs below `2^52` fully and packs them.
fn join(limbs: [u64; LIMBS]) -> [u8; 32] {
    let mut l = carried(carried(limbs));
    // `q` is 1 exactly if the value is at least `p`.
    let mut q = (l[0] + 19) >> LIMB_BITS;
    for limb in &l[1..] {
        q = (limb + q) >> LIMB_BITS;
    }
    l[0] += 19 * q;
    for i in 0..LIMBS - 1 {
        l[i + 1] += l[i] >> LIMB_BITS;
        l[i] &= LIMB_MASK;
    }
    l[4] &= LIMB_MASK;
    let packed = [
        l[0] | l[1] << 51,
        l[1] >> 13 | l[2] << 38,
        l[2] >> 26 | l[3] << 25,
        l[3] >> 39 | l[4] << 12,
    ];
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(packed) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// Carries from limb to limb, and from the top to the bottom times 19.
fn carried(mut l: [u64; LIMBS]) -> [u64; LIMBS] {
    for i in 0..LIMBS - 1 {
        l[i + 1] += l[i] >> LIMB_BITS;
        l[i] &= LIMB_MASK;
    }
    l[0] += 19 * (l[4] >> LIMB_BITS);
    l[4] &= LIMB_MASK;
    l
}

/// An element with limbs below `2^52`: an operand of a multiplication.
#[derive(Clone, Copy)]
struct Narrow([__m512i; LIMBS]);

/// An element with limbs below `2^61`: a product, not carried.
#[derive(Clone, Copy)]
struct Wide([__m512i; LIMBS]);

#[inline]
#[target_feature(enable = "avx512f")]
fn load<const ROWS: usize>(rows: &Transposed<ROWS>) -> [__m512i; ROWS] {
    // SAFETY: a vector is eight words of any value.
    rows.map(|row| unsafe { core::mem::transmute::<[u64; LANES], __m512i>(row) })
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vectors: [__m512i; LIMBS]) -> Transposed<LIMBS> {
    // SAFETY: a vector is eight words of any value.
    vectors.map(|vector| unsafe { core::mem::transmute::<__m512i, [u64; LANES]>(vector) })
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(value: u64) -> __m512i {
    _mm512_set1_epi64(value.cast_signed())
}

impl Narrow {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn mul(self, other: Self) -> Wide {
        let (a, b) = (self.0, other.0);
        // Sums of low and of high halves apart: the chains are half as long.
        let mut low = [_mm512_setzero_si512(); 2 * LIMBS];
        let mut high = low;
        for i in 0..LIMBS {
            for j in 0..LIMBS {
                low[i + j] = _mm512_madd52lo_epu64(low[i + j], a[i], b[j]);
                high[i + j + 1] = _mm512_madd52hi_epu64(high[i + j + 1], a[i], b[j]);
            }
        }
        for k in 0..2 * LIMBS {
            low[k] = _mm512_add_epi64(low[k], _mm512_add_epi64(high[k], high[k]));
        }
        fold(low)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn square(self) -> Wide {
        let a = self.0;
        let mut t = [_mm512_setzero_si512(); 2 * LIMBS];
        for i in 0..LIMBS {
            for j in i + 1..LIMBS {
                t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[i], a[j]);
            }
        }
        for high in &mut t[1..] {
            *high = _mm512_add_epi64(*high, *high);
        }
        for i in 0..LIMBS {
            for j in i + 1..LIMBS {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[i], a[j]);
            }
            t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], a[i], a[i]);
        }
        for sum in &mut t {
            *sum = _mm512_add_epi64(*sum, *sum);
        }
        for i in 0..LIMBS {
            t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], a[i], a[i]);
        }
        fold(t)
    }

    /// `addend + A24 * self`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn mul_a24_add(self, addend: Wide) -> Wide {
        let (small, mut t) = (splat(A24), addend.0);
        for i in 0..LIMBS {
            let high = _mm512_madd52hi_epu64(_mm512_setzero_si512(), self.0[i], small);
            let next = (i + 1) % LIMBS;
            // The top high half wraps around: doubled, times 19.
            let weight = splat(if next == 0 { 38 } else { 2 });
            t[next] = _mm512_madd52lo_epu64(t[next], high, weight);
            t[i] = _mm512_madd52lo_epu64(t[i], self.0[i], small);
        }
        Wide(t)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn swap(mask: __mmask8, a: Self, b: Self) -> (Self, Self) {
        let (mut x, mut y) = (a, b);
        for i in 0..LIMBS {
            x.0[i] = _mm512_mask_blend_epi64(mask, a.0[i], b.0[i]);
            y.0[i] = _mm512_mask_blend_epi64(mask, b.0[i], a.0[i]);
        }
        (x, y)
    }

    /// `self^(2^n)`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn square_times(self, n: usize) -> Self {
        let mut x = self;
        for _ in 0..n {
            x = x.square().carry();
        }
        x
    }
}

/// Folds ten columns to five: column `k + 5` weighs 19 times column `k`.
///
/// Columns are below `15 * 2^52`, so the sums are below `2^61`.
#[inline]
#[target_feature(enable = "avx512f")]
fn fold(t: [__m512i; 2 * LIMBS]) -> Wide {
    let mut out = [_mm512_setzero_si512(); LIMBS];
    for k in 0..LIMBS {
        let high = t[k + LIMBS];
        let times_3 = _mm512_add_epi64(high, _mm512_add_epi64(high, high));
        let times_16 = _mm512_slli_epi64::<4>(high);
        out[k] = _mm512_add_epi64(_mm512_add_epi64(t[k], times_3), times_16);
    }
    Wide(out)
}

/// Limb `i` of `2^10 * p`.
#[inline]
#[target_feature(enable = "avx512f")]
fn bias(i: usize) -> __m512i {
    splat((if i == 0 { LIMB_MASK - 18 } else { LIMB_MASK }) << 10)
}

impl Wide {
    /// One carry out of every limb at once: limbs below `2^51 + 2^17`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn carry(self) -> Narrow {
        let mask = splat(LIMB_MASK);
        let high = self.0.map(|limb| _mm512_srli_epi64::<LIMB_BITS>(limb));
        let mut out = self.0.map(|limb| _mm512_and_si512(limb, mask));
        out[0] = _mm512_madd52lo_epu64(out[0], high[LIMBS - 1], splat(19));
        for i in 1..LIMBS {
            out[i] = _mm512_add_epi64(out[i], high[i - 1]);
        }
        Narrow(out)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn add(self, other: Self) -> Narrow {
        let mut out = self;
        for i in 0..LIMBS {
            out.0[i] = _mm512_add_epi64(self.0[i], other.0[i]);
        }
        out.carry()
    }

    /// `self - other`, over `2^10 * p`, each limb of which is at least a product's.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn sub(self, other: Self) -> Narrow {
        let mut out = self;
        for i in 0..LIMBS {
            out.0[i] = _mm512_sub_epi64(_mm512_add_epi64(self.0[i], bias(i)), other.0[i]);
        }
        out.carry()
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn constant(value: u64) -> Self {
        let mut limbs = [_mm512_setzero_si512(); LIMBS];
        limbs[0] = splat(value);
        Self(limbs)
    }
}

/// The ladder of RFC 7748 section 5 on every lane, with affine results.
///
/// The swap acts on sums and differences, which are carried already, and not on coordinates.
#[target_feature(enable = "avx512f,avx512ifma")]
fn ladder(scalars: &Transposed<4>, points: &Transposed<LIMBS>) -> Transposed<LIMBS> {
    let k = load(scalars);
    let x1 = Narrow(load(points));
    let (mut x2, mut z2) = (Wide::constant(1), Wide::constant(0));
    let (mut x3, mut z3) = (Wide(x1.0), Wide::constant(1));
    let mut swapped: __mmask8 = 0;
    for t in (0..255).rev() {
        let bit = _mm512_test_epi64_mask(k[t / 64], splat(1 << (t % 64)));
        let (a, c) = Narrow::swap(swapped ^ bit, x2.add(z2), x3.add(z3));
        let (b, d) = Narrow::swap(swapped ^ bit, x2.sub(z2), x3.sub(z3));
        swapped = bit;

        let (da, cb) = (d.mul(a), c.mul(b));
        x3 = da.add(cb).square();
        z3 = da.sub(cb).square().carry().mul(x1);

        let (aa, bb) = (a.square(), b.square());
        let e = aa.sub(bb);
        x2 = aa.carry().mul(bb.carry());
        z2 = e.mul_a24_add(aa).carry().mul(e);
    }
    // Bit 0 of a clamped scalar is 0, so the last swap was undone already.
    store(invert(z2.carry()).mul(x2.carry()).carry().0)
}

/// `z^(p - 2)`; zero for zero.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn invert(z: Narrow) -> Narrow {
    let z2 = z.square_times(1);
    let z9 = z2.square_times(2).mul(z).carry();
    let z11 = z9.mul(z2).carry();
    let e5 = z11.square_times(1).mul(z9).carry();
    let e10 = e5.square_times(5).mul(e5).carry();
    let e20 = e10.square_times(10).mul(e10).carry();
    let e40 = e20.square_times(20).mul(e20).carry();
    let e50 = e40.square_times(10).mul(e10).carry();
    let e100 = e50.square_times(50).mul(e50).carry();
    let e200 = e100.square_times(100).mul(e100).carry();
    let e250 = e200.square_times(50).mul(e50).carry();
    e250.square_times(5).mul(z11).carry()
}
