//! Doubles of affine points with one inversion for all of them.

#![expect(clippy::indexing_slicing, reason = "chunks are not empty")]

use alloc::vec::Vec;
use core::array::from_fn;

use super::super::segments::Collision;
use super::coordinate::Coordinate;
use crate::backend::ifma::{Ifma, Kernel};

/// Doubles rows in place. Coordinates are below `4 p`. The two passes are those of `AddPairs`.
pub(crate) struct Double<'a, C: Coordinate> {
    pub(crate) rows: &'a mut [C::Row],
    pub(crate) scratch: &'a mut Vec<C::Of<2>>,
}

impl<C: Coordinate> Kernel for Double<'_, C> {
    type Output = Result<(), Collision>;

    #[inline(always)]
    fn run(self, ifma: Ifma) -> Self::Output {
        let mut product = C::one(ifma);
        self.scratch.clear();
        for rows in self.rows.chunks(8) {
            let (_, y) = load::<C>(ifma, rows);
            self.scratch.push(product);
            product = C::mul(product, C::add::<4, 4, 8>(y, y));
        }
        let mut inverse = C::vartime_invert(product).ok_or(Collision)?;
        for (rows, product) in self.rows.chunks_mut(8).zip(self.scratch.iter()).rev() {
            let (x, y) = load::<C>(ifma, rows);
            let doubles = double::<C>((x, y), C::mul(inverse, *product));
            inverse = C::mul(inverse, C::add::<4, 4, 8>(y, y));
            for (row, double) in rows.iter_mut().zip(doubles) {
                *row = double;
            }
        }
        Ok(())
    }
}

/// The rows of a chunk; missing ones repeat the last.
#[inline(always)]
fn load<C: Coordinate>(ifma: Ifma, rows: &[C::Row]) -> (C::Of<4>, C::Of<4>) {
    let last = rows.len() - 1;
    C::load(ifma, from_fn(|lane| &rows[lane.min(last)]))
}

/// The doubles, given `1 / 2 y`.
#[inline(always)]
fn double<C: Coordinate>((x, y): (C::Of<4>, C::Of<4>), inverse: C::Of<2>) -> [C::Row; 8] {
    let square = C::square(x);
    let slope =
        C::mul::<6, 2>(C::add::<4, 2, 6>(C::add::<2, 2, 4>(square, square), square), inverse);
    let twice: C::Of<8> = C::add(x, x);
    let x3: C::Of<10> = C::sub::<2, 8, 10>(C::square(slope), twice);
    let x3: C::Of<4> = C::fold::<8, 4, 4>(C::fold::<10, 8, 8>(x3));
    let y3: C::Of<6> = C::sub::<2, 4, 6>(C::mul(slope, C::sub::<4, 4, 8>(x, x3)), y);
    C::store::<4>(x3, C::fold::<6, 4, 4>(y3))
}
