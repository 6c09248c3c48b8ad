//! The adder that works on eight points at a time.

pub(crate) mod coordinate;
mod pairs;
mod shifts;

use alloc::vec::Vec;

use ark_bn254::Fq;
use ark_ff::MontFp;

use self::coordinate::Coordinate;
use self::shifts::Double;
use super::group::{Layout, Point};
use super::segments::{Adder, Apart, Collision, Pair, Within};
use crate::backend::ifma::Ifma;

/// Rows are in Montgomery form with `R = 2^260`. Rows of a table are canonical, sums are below
/// four times the modulus.
pub(crate) struct LaneAdder<G: Layout> {
    ifma: Ifma,
    scratch: Vec<Scratch<G>>,
}

/// What the first pass leaves for the second.
type Scratch<G> = <<G as Layout>::Lanes as Coordinate>::Of<2>;

impl<G: Layout> LaneAdder<G> {
    pub(crate) fn new(ifma: Ifma) -> Self {
        Self { ifma, scratch: Vec::new() }
    }
}

impl<G: Layout> Adder<G> for LaneAdder<G> {
    fn import(&self, point: &Point<G>) -> G::Row {
        G::row(&G::scaled(point, &Fq::from(16u64)))
    }

    fn export(&self, row: &G::Row) -> Point<G> {
        G::scaled(&G::point(&G::Lanes::canonical_row(self.ifma, row)), &SIXTEENTH)
    }

    fn negative(&self, row: &G::Row) -> G::Row {
        G::negative(row)
    }

    fn add_table(&mut self, rows: Apart<'_, G::Row>, pairs: &[Pair]) -> Result<(), Collision> {
        G::Lanes::add_pairs::<_, 1>(self.ifma, rows, pairs, &mut self.scratch)
    }

    fn add_sums(&mut self, rows: Apart<'_, G::Row>, pairs: &[Pair]) -> Result<(), Collision> {
        G::Lanes::add_pairs::<_, 4>(self.ifma, rows, pairs, &mut self.scratch)
    }

    fn add_within(&mut self, rows: Within<'_, G::Row>, pairs: &[Pair]) -> Result<(), Collision> {
        G::Lanes::add_pairs::<_, 4>(self.ifma, rows, pairs, &mut self.scratch)
    }

    fn double(&mut self, rows: &mut [G::Row]) -> Result<(), Collision> {
        self.ifma.launch(Double::<G::Lanes> { rows, scratch: &mut self.scratch })
    }

    fn canonical(&mut self, rows: &mut [G::Row]) {
        for row in rows {
            *row = G::Lanes::canonical_row(self.ifma, row);
        }
    }
}

/// `1/16` in arkworks' form takes a row from `R = 2^260` to `R = 2^256`.
const SIXTEENTH: Fq =
    MontFp!("12312136615409592312513603231707217237391675025980025810262583815737939742328");
