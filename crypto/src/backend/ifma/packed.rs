//! Lanes from and to memory.
//!
//! In memory an element is a row of four 64-bit words, the least significant first, in
//! Montgomery form with `R = 2^260`. A point of G1 is a row of eight words: one cache line.

#![expect(clippy::indexing_slicing, reason = "arrays of constant length")]

use super::Ifma;
use super::lanes::Lanes;
use super::prime::{Limbs, MASK, Prime, split};
use super::register::Wide;

/// An element in memory.
pub(crate) type Row = [u64; 4];

/// The limbs of one element in Montgomery form with `R = 2^260`, below the modulus.
pub(crate) fn limbs<P: Prime>(element: &P::Ark) -> Limbs {
    split(row::<P>(element))
}

/// The row of one element. One multiplication in arkworks: `x 2^260` is the word form of `16 x`.
pub(crate) fn row<P: Prime>(element: &P::Ark) -> Row {
    P::to_words(&(*element * P::Ark::from(16u64)))
}

impl<P: Prime> Lanes<P, 2> {
    /// Eight elements of arkworks. One multiplication.
    #[inline(always)]
    pub(crate) fn from_ark(ifma: Ifma, elements: &[P::Ark; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = elements;
        let rows = [a, b, c, d, e, f, g, h].map(P::to_words);
        Lanes::<P, 1>::load(ifma, &rows).mul(Lanes::<P, 1>::splat(ifma, &P::FROM_ARK))
    }

    /// Eight elements of arkworks. One multiplication and a reduction.
    #[inline(always)]
    pub(crate) fn to_ark(self) -> [P::Ark; 8] {
        let words = self.mul(Lanes::<P, 1>::splat(self.ifma(), &P::INTO_ARK)).canonical();
        words.store().map(P::from_words)
    }
}

impl<P: Prime, const K: u32> Lanes<P, K> {
    /// Reads eight adjacent rows. Each must be below `K * p`.
    #[inline(always)]
    pub(crate) fn load(ifma: Ifma, rows: &[Row; 8]) -> Self {
        Self::from_quarters(quarters(rows).map(|words| ifma.load(words)))
    }

    /// The limbs as they are, lane by lane.
    #[inline(always)]
    pub(crate) fn limbs(self) -> [[u64; 8]; 5] {
        // Not `map`, which is too seldom inlined.
        let [a, b, c, d, e] = self.0;
        [a.to_array(), b.to_array(), c.to_array(), d.to_array(), e.to_array()]
    }

    /// Reads limbs of two times four lanes. Each lane must be below `K * p`.
    #[inline(always)]
    pub(crate) fn from_halves(ifma: Ifma, low: &[[u64; 4]; 5], high: &[[u64; 4]; 5]) -> Self {
        let limb = |i: usize| ifma.load_halves(&low[i], &high[i]);
        Self::wrap([limb(0), limb(1), limb(2), limb(3), limb(4)])
    }

    /// Reads eight rows, wherever they lie. Each must be below `K * p`.
    #[inline(always)]
    pub(crate) fn gather(ifma: Ifma, [a, b, c, d, e, f, g, h]: [&Row; 8]) -> Self {
        Self::from_quarters([
            ifma.load_halves(a, b),
            ifma.load_halves(c, d),
            ifma.load_halves(e, f),
            ifma.load_halves(g, h),
        ])
    }

    #[inline(always)]
    fn from_quarters([ab, cd, ef, gh]: [Wide; 4]) -> Self {
        let ifma = ab.ifma();
        let low = ifma.load(&[0, 4, 8, 12, 1, 5, 9, 13]);
        let high = ifma.load(&[2, 6, 10, 14, 3, 7, 11, 15]);
        let (first, second) = (ab.permute(low, cd), ef.permute(low, gh));
        let (third, fourth) = (ab.permute(high, cd), ef.permute(high, gh));
        let (front, back) = (lower_halves(ifma), upper_halves(ifma));
        Self::from_words([
            first.permute(front, second),
            first.permute(back, second),
            third.permute(front, fourth),
            third.permute(back, fourth),
        ])
    }

    /// Writes eight adjacent rows, which are below `K * p`. `K` is at most 4, so that they fit.
    #[inline(always)]
    pub(crate) fn store(self) -> [Row; 8] {
        let ifma = self.ifma();
        let [a, b, c, d] = self.to_words();
        let (low, high) = (ifma.load(&[0, 8, 1, 9, 2, 10, 3, 11]), ifma.load(&UPPER_PAIRS));
        let (ab, ab_high) = (a.permute(low, b), a.permute(high, b));
        let (cd, cd_high) = (c.permute(low, d), c.permute(high, d));
        let (front, back) = (ifma.load(&[0, 1, 8, 9, 2, 3, 10, 11]), ifma.load(&UPPER_QUADS));
        let mut rows = [[0; 4]; 8];
        let quarters = quarters_mut(&mut rows);
        ab.permute(front, cd).store(&mut quarters[0]);
        ab.permute(back, cd).store(&mut quarters[1]);
        ab_high.permute(front, cd_high).store(&mut quarters[2]);
        ab_high.permute(back, cd_high).store(&mut quarters[3]);
        rows
    }

    /// From four words a lane, which are below `K * p`.
    #[inline(always)]
    pub(crate) fn from_words([a, b, c, d]: [Wide; 4]) -> Self {
        let mask = a.ifma().splat(MASK);
        Self::wrap([
            a.and(mask),
            a.right_from::<52>(b).and(mask),
            b.right_from::<40>(c).and(mask),
            c.right_from::<28>(d).and(mask),
            d.right::<16>(),
        ])
    }

    /// As four words a lane.
    #[inline(always)]
    pub(crate) fn to_words(self) -> [Wide; 4] {
        const { assert!(K <= 4, "five multiples of the modulus do not fit in 256 bits") }
        let [a, b, c, d, e] = self.0;
        [
            a.or(b.left::<52>()),
            b.right::<12>().or(c.left::<40>()),
            c.right::<24>().or(d.left::<28>()),
            d.right::<36>().or(e.left::<16>()),
        ]
    }
}

const UPPER_PAIRS: [u64; 8] = [4, 12, 5, 13, 6, 14, 7, 15];
const UPPER_QUADS: [u64; 8] = [4, 5, 12, 13, 6, 7, 14, 15];

#[inline(always)]
fn lower_halves(ifma: Ifma) -> Wide {
    ifma.load(&[0, 1, 2, 3, 8, 9, 10, 11])
}

#[inline(always)]
fn upper_halves(ifma: Ifma) -> Wide {
    ifma.load(&[4, 5, 6, 7, 12, 13, 14, 15])
}

/// Two adjacent rows are one register.
#[inline(always)]
fn quarters(rows: &[Row; 8]) -> [&[u64; 8]; 4] {
    let (chunks, _) = rows.as_flattened().as_chunks::<8>();
    [&chunks[0], &chunks[1], &chunks[2], &chunks[3]]
}

#[inline(always)]
fn quarters_mut(rows: &mut [Row; 8]) -> &mut [[u64; 8]] {
    rows.as_flattened_mut().as_chunks_mut::<8>().0
}

/// Transposes eight rows of eight words: word `i` of row `j` goes to lane `j` of register `i`.
/// 24 shuffles. The transposition is its own inverse.
#[inline(always)]
pub(crate) fn transpose(rows: [Wide; 8]) -> [Wide; 8] {
    let ifma = rows[0].ifma();
    let [a, b, c, d, e, f, g, h] = rows;
    let (even, odd) =
        (ifma.load(&[0, 8, 2, 10, 4, 12, 6, 14]), ifma.load(&[1, 9, 3, 11, 5, 13, 7, 15]));
    let [a, b] = [a.permute(even, b), a.permute(odd, b)];
    let [c, d] = [c.permute(even, d), c.permute(odd, d)];
    let [e, f] = [e.permute(even, f), e.permute(odd, f)];
    let [g, h] = [g.permute(even, h), g.permute(odd, h)];
    let (low, high) =
        (ifma.load(&[0, 1, 8, 9, 4, 5, 12, 13]), ifma.load(&[2, 3, 10, 11, 6, 7, 14, 15]));
    let [a, c] = [a.permute(low, c), a.permute(high, c)];
    let [b, d] = [b.permute(low, d), b.permute(high, d)];
    let [e, g] = [e.permute(low, g), e.permute(high, g)];
    let [f, h] = [f.permute(low, h), f.permute(high, h)];
    let (front, back) = (lower_halves(ifma), upper_halves(ifma));
    [
        a.permute(front, e),
        b.permute(front, f),
        c.permute(front, g),
        d.permute(front, h),
        a.permute(back, e),
        b.permute(back, f),
        c.permute(back, g),
        d.permute(back, h),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::Kernel;
    use super::*;

    struct Transpose([[u64; 8]; 8]);

    impl Kernel for Transpose {
        type Output = [[u64; 8]; 8];
        #[inline(always)]
        fn run(self, ifma: Ifma) -> Self::Output {
            transpose(self.0.map(|row| ifma.load(&row))).map(Wide::to_array)
        }
    }

    #[test]
    fn a_transposition_swaps_rows_and_columns() {
        let Some(ifma) = Ifma::detect() else { return };
        let rows: [[u64; 8]; 8] =
            core::array::from_fn(|row| core::array::from_fn(|column| (8 * row + column) as u64));
        let columns = ifma.launch(Transpose(rows));
        for (row, words) in rows.iter().enumerate() {
            for (column, word) in words.iter().enumerate() {
                assert_eq!(columns[column][row], *word);
            }
        }
    }
}
