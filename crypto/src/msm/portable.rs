//! The adder for any processor: one point at a time, in 64-bit words.

pub(crate) mod coordinate;

use alloc::vec::Vec;

use self::coordinate::Coordinate;
use super::group::{Layout, Point};
use super::segments::{Adder, Apart, Collision, MINUS, Pair, Rows, Within};
use crate::backend::prefetch::prefetch;

/// How many pairs ahead rows are asked for: in the first pass, which is short, and in the second.
const AHEAD: [usize; 2] = [16, 2];

/// Rows are in arkworks' form. Rows of a table are canonical, sums are below twice the modulus.
pub(crate) struct PortableAdder<G: Layout> {
    /// What is to be inverted, and the product of all that came before it.
    scratch: Vec<(G::Words, G::Words)>,
}

impl<G: Layout> PortableAdder<G> {
    pub(crate) fn new() -> Self {
        Self { scratch: Vec::new() }
    }

    /// Montgomery's trick: a first pass multiplies the differences of first coordinates, a
    /// second goes backwards with the inverse of the product.
    fn add(
        &mut self,
        mut rows: impl Rows<G::Row>,
        pairs: &[Pair],
        signs: u32,
    ) -> Result<(), Collision> {
        self.scratch.clear();
        // Apart from the products, so that the processor has many rows under way at once.
        let mut ahead = pairs.iter().skip(AHEAD[0]);
        self.scratch.extend(pairs.iter().map(|pair| {
            ask(&rows, ahead.next(), signs);
            let (left, right) = (rows.get(pair.left & !signs), rows.get(pair.right & !signs));
            (G::Words::load_x(right).sub(G::Words::load_x(left)), G::Words::ONE)
        }));
        let mut inverse = self.invert_product()?;
        let mut ahead = pairs.iter().rev().skip(AHEAD[1]);
        for (pair, &(run, before)) in pairs.iter().zip(&self.scratch).rev() {
            ask(&rows, ahead.next(), signs);
            let (left, right) = (rows.get(pair.left & !signs), rows.get(pair.right & !signs));
            let (x1, x2) = (G::Words::load_x(left), G::Words::load_x(right));
            let y1 = G::Words::load_y(left).negate_if(pair.left & signs != 0);
            let y2 = G::Words::load_y(right).negate_if(pair.right & signs != 0);
            let slope = y2.sub(y1).mul(inverse.mul(before));
            inverse = inverse.mul(run);
            let x = slope.square().sub(x1).sub(x2);
            let y = slope.mul(x1.sub(x)).sub(y1);
            rows.set(pair.sum, G::Words::store(x, y));
        }
        Ok(())
    }

    /// Fills in the products before each element and inverts the product of all.
    fn invert_product(&mut self) -> Result<G::Words, Collision> {
        let mut product = G::Words::ONE;
        for (element, before) in &mut self.scratch {
            *before = product;
            product = product.mul(*element);
        }
        product.vartime_invert().ok_or(Collision)
    }
}

impl<G: Layout> Adder<G> for PortableAdder<G> {
    fn import(&self, point: &Point<G>) -> G::Row {
        G::row(point)
    }

    fn negative(&self, row: &G::Row) -> G::Row {
        G::negative(row)
    }

    fn export(&self, row: &G::Row) -> Point<G> {
        G::point(&canonical::<G>(row))
    }

    fn add_table(&mut self, rows: Apart<'_, G::Row>, pairs: &[Pair]) -> Result<(), Collision> {
        self.add(rows, pairs, MINUS)
    }

    fn add_sums(&mut self, rows: Apart<'_, G::Row>, pairs: &[Pair]) -> Result<(), Collision> {
        self.add(rows, pairs, 0)
    }

    fn add_within(&mut self, rows: Within<'_, G::Row>, pairs: &[Pair]) -> Result<(), Collision> {
        self.add(rows, pairs, 0)
    }

    fn double(&mut self, rows: &mut [G::Row]) -> Result<(), Collision> {
        self.scratch.clear();
        self.scratch.extend(rows.iter().map(|row| {
            let y = G::Words::load_y(row);
            (y.add(y), G::Words::ONE)
        }));
        let mut inverse = self.invert_product()?;
        for (row, &(twice, before)) in rows.iter_mut().zip(&self.scratch).rev() {
            let (x1, y1) = (G::Words::load_x(row), G::Words::load_y(row));
            let square = x1.square();
            let slope = square.add(square).add(square).mul(inverse.mul(before));
            inverse = inverse.mul(twice);
            let x = slope.square().sub(x1).sub(x1);
            let y = slope.mul(x1.sub(x)).sub(y1);
            *row = G::Words::store(x, y);
        }
        Ok(())
    }

    fn canonical(&mut self, rows: &mut [G::Row]) {
        for row in rows {
            *row = canonical::<G>(row);
        }
    }
}

/// Asks for the rows of a pair.
#[inline(always)]
fn ask<R>(rows: &impl Rows<R>, pair: Option<&Pair>, signs: u32) {
    if let Some(pair) = pair {
        prefetch(rows.get(pair.left & !signs));
        prefetch(rows.get(pair.right & !signs));
    }
}

fn canonical<G: Layout>(row: &G::Row) -> G::Row {
    G::Words::store(G::Words::load_x(row).canonical(), G::Words::load_y(row).canonical())
}
