//! Sums of pairs of affine points with one inversion for all of them.

#![expect(clippy::indexing_slicing, reason = "arrays of constant length, scratch made to fit")]

use alloc::vec::Vec;
use core::array::from_fn;

use super::super::segments::{Collision, MINUS, Pair, Rows};
use super::coordinate::Coordinate;
use crate::backend::ifma::register::LaneMask;
use crate::backend::ifma::{Ifma, Kernel};
use crate::backend::prefetch::prefetch;

/// How many groups ahead rows are asked for.
const AHEAD: usize = 4;

/// Adds `pairs` of rows whose coordinates are below `K * p`.
///
/// Two passes. The first multiplies up the differences of first coordinates, lane by lane, and
/// keeps every partial product; the second goes backwards with the inverse of the whole product
/// and finds the inverse of each difference on the way (Montgomery's trick). `N` vectors go side
/// by side, because one chain of multiplications would wait for its own results.
pub(crate) struct AddPairs<'a, C: Coordinate, R, const K: u32, const N: usize> {
    pub(crate) rows: R,
    pub(crate) pairs: &'a [Pair],
    pub(crate) scratch: &'a mut Vec<C::Of<2>>,
}

impl<C: Coordinate, R: Rows<C::Row>, const K: u32, const N: usize> Kernel
    for AddPairs<'_, C, R, K, N>
{
    type Output = Result<(), Collision>;

    #[inline(always)]
    fn run(mut self, ifma: Ifma) -> Self::Output {
        let mut products = [C::one(ifma); N];
        self.scratch.clear();
        let groups = self.pairs.len().div_ceil(8 * N);
        for group in 0..groups {
            self.prefetch(group + AHEAD);
            for (vector, product) in products.iter_mut().enumerate() {
                self.scratch.push(*product);
                let pairs = self.vector(group, vector);
                *product = C::mul(*product, self.difference(ifma, pairs));
            }
        }
        let mut inverses = invert::<C, N>(products)?;
        for group in (0..groups).rev() {
            self.add_group(ifma, group, &mut inverses);
        }
        Ok(())
    }
}

impl<C: Coordinate, R: Rows<C::Row>, const K: u32, const N: usize> AddPairs<'_, C, R, K, N> {
    /// Adds the pairs of a group and takes their differences out of the inverses.
    #[inline(always)]
    fn add_group(&mut self, ifma: Ifma, group: usize, inverses: &mut [C::Of<2>; N]) {
        let mut pairs = [[Pair::default(); 8]; N];
        let mut left = [(C::claim(inverses[0]), C::claim(inverses[0])); N];
        let mut right = left;
        let mut slopes = [inverses[0]; N];
        for i in 0..N {
            pairs[i] = self.vector(group, i);
            left[i] = self.points(ifma, pairs[i].map(|pair| pair.left));
            right[i] = self.points(ifma, pairs[i].map(|pair| pair.right));
        }
        for i in 0..N {
            slopes[i] = C::mul(inverses[i], self.scratch[group * N + i]);
        }
        for i in 0..N {
            let run: C::Of<8> = C::sub::<K, K, 8>(right[i].0, left[i].0);
            inverses[i] = C::mul(inverses[i], run);
        }
        for i in 0..N {
            slopes[i] = C::mul::<10, 2>(C::sub::<5, 5, 10>(right[i].1, left[i].1), slopes[i]);
        }
        let mut x = [C::claim(slopes[0]); N];
        for i in 0..N {
            x[i] = third_x::<C, K>(slopes[i], left[i].0, right[i].0);
        }
        let mut y = x;
        for i in 0..N {
            y[i] = third_y::<C, K>(slopes[i], left[i], x[i]);
        }
        for i in 0..N {
            for (pair, row) in pairs[i].iter().zip(C::store(x[i], y[i])) {
                self.rows.set(pair.sum, row);
            }
        }
    }

    /// Eight pairs. The last vectors repeat the last pair, which does no harm: all rows of a
    /// group are read before any is written.
    #[inline(always)]
    fn vector(&self, group: usize, vector: usize) -> [Pair; 8] {
        let first = (group * N + vector) * 8;
        if let Some(pairs) = self.pairs.get(first..).and_then(<[Pair]>::first_chunk) {
            *pairs
        } else {
            let last = self.pairs.len() - 1;
            from_fn(|lane| self.pairs[(first + lane).min(last)])
        }
    }

    #[inline(always)]
    fn difference(&self, ifma: Ifma, pairs: [Pair; 8]) -> C::Of<8> {
        let left: C::Of<K> = C::load_x(ifma, pairs.map(|pair| self.row(pair.left)));
        let right: C::Of<K> = C::load_x(ifma, pairs.map(|pair| self.row(pair.right)));
        C::sub(right, left)
    }

    /// The points of eight entries, with their signs.
    #[inline(always)]
    fn points(&self, ifma: Ifma, entries: [u32; 8]) -> (C::Of<K>, C::Of<5>) {
        let (x, y) = C::load::<K>(ifma, entries.map(|entry| self.row(entry)));
        let minus = if K == 1 { signs(entries) } else { 0 };
        (x, if K == 1 { C::negate(y, minus) } else { C::claim(y) })
    }

    #[inline(always)]
    fn row(&self, entry: u32) -> &C::Row {
        self.rows.get(if K == 1 { entry & !MINUS } else { entry })
    }

    #[inline(always)]
    fn prefetch(&self, group: usize) {
        for pair in self.pairs.iter().skip(group * 8 * N).take(8 * N) {
            prefetch(self.row(pair.left));
            prefetch(self.row(pair.right));
        }
    }
}

#[inline(always)]
fn signs(entries: [u32; 8]) -> LaneMask {
    let mut mask = 0;
    for (lane, entry) in entries.iter().enumerate() {
        mask |= ((entry >> 31) as LaneMask) << lane;
    }
    mask
}

/// `slope^2 - x1 - x2`, below `4 p`.
#[inline(always)]
fn third_x<C: Coordinate, const K: u32>(
    slope: C::Of<2>,
    first: C::Of<K>,
    second: C::Of<K>,
) -> C::Of<4> {
    let rest: C::Of<6> = C::sub::<2, K, 6>(C::square(slope), first);
    let x: C::Of<10> = C::sub::<6, K, 10>(rest, second);
    if K == 1 {
        // 2 p from the square and once p for each difference.
        C::claim(x)
    } else {
        C::fold::<8, 4, 4>(C::fold::<10, 8, 8>(x))
    }
}

/// `slope * (x1 - x3) - y1`, below `4 p`.
#[inline(always)]
fn third_y<C: Coordinate, const K: u32>(
    slope: C::Of<2>,
    (x1, y1): (C::Of<K>, C::Of<5>),
    x3: C::Of<4>,
) -> C::Of<4> {
    let run: C::Of<8> = C::sub::<K, 4, 8>(x1, x3);
    let y = C::mul(slope, run);
    if K == 1 {
        // A row of a table, negated or not, is at most p.
        C::sub::<2, 2, 4>(y, C::claim::<5, 2>(y1))
    } else {
        C::fold::<7, 4, 4>(C::sub::<2, 5, 7>(y, y1))
    }
}

/// The inverses of `N` vectors with one inversion.
#[inline(always)]
fn invert<C: Coordinate, const N: usize>(
    products: [C::Of<2>; N],
) -> Result<[C::Of<2>; N], Collision> {
    let mut before = products;
    let mut product = products[0];
    for i in 1..N {
        before[i] = product;
        product = C::mul(product, products[i]);
    }
    let mut inverse = C::vartime_invert(product).ok_or(Collision)?;
    for i in (1..N).rev() {
        before[i] = C::mul(before[i], inverse);
        inverse = C::mul(inverse, products[i]);
    }
    before[0] = inverse;
    Ok(before)
}
