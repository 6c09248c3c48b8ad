//! Many sums of points at once.
//!
//! The points of a segment are added in pairs, the results again in pairs, and so on. All pairs
//! of one level share one inversion. Segments are worked on in blocks whose points stay in the
//! second-level cache.

use alloc::vec::Vec;

use ark_ec::AffineRepr;
use ark_ec::CurveGroup;
use ark_ff::AdditiveGroup;

use super::group::{Layout, Point, Sum};

/// The sign of an entry: set if the point is to be subtracted.
pub(crate) const MINUS: u32 = 1 << 31;

/// Two rows to add, and the row that takes the sum. `left` and `right` may carry [`MINUS`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pair {
    pub(crate) left: u32,
    pub(crate) right: u32,
    pub(crate) sum: u32,
}

/// Two points of one batch had the same first coordinate: their sum is a double or infinity,
/// which the addition formula of the batch does not give. Nothing useful was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Collision;

/// Rows that pairs are taken from and sums written to.
pub(crate) trait Rows<R> {
    fn get(&self, index: u32) -> &R;
    fn set(&mut self, index: u32, row: R);
}

/// Sums go elsewhere.
#[derive(Debug)]
pub(crate) struct Apart<'a, R> {
    pub(crate) source: &'a [R],
    pub(crate) sums: &'a mut [R],
}

/// Sums go where pairs come from. A pair's sum may replace its own left or right, but no row of
/// another pair.
#[derive(Debug)]
pub(crate) struct Within<'a, R> {
    pub(crate) rows: &'a mut [R],
}

#[expect(clippy::indexing_slicing, reason = "pairs are made below from the lengths of the rows")]
impl<R> Rows<R> for Apart<'_, R> {
    #[inline(always)]
    fn get(&self, index: u32) -> &R {
        &self.source[index as usize]
    }

    #[inline(always)]
    fn set(&mut self, index: u32, row: R) {
        self.sums[index as usize] = row;
    }
}

#[expect(clippy::indexing_slicing, reason = "pairs are made below from the lengths of the rows")]
impl<R> Rows<R> for Within<'_, R> {
    #[inline(always)]
    fn get(&self, index: u32) -> &R {
        &self.rows[index as usize]
    }

    #[inline(always)]
    fn set(&mut self, index: u32, row: R) {
        self.rows[index as usize] = row;
    }
}

/// Additions of affine points in batches.
pub(crate) trait Adder<G: Layout> {
    /// A point as a row of a table.
    fn import(&self, point: &Point<G>) -> G::Row;
    /// The negative of a row of a table.
    fn negative(&self, row: &G::Row) -> G::Row;
    /// A row, of a table or a sum, as a point.
    fn export(&self, row: &G::Row) -> Point<G>;
    /// Adds pairs of rows of a table. Signs count.
    fn add_table(&mut self, rows: Apart<'_, G::Row>, pairs: &[Pair]) -> Result<(), Collision>;
    /// Adds pairs of sums. There are no signs.
    fn add_sums(&mut self, rows: Apart<'_, G::Row>, pairs: &[Pair]) -> Result<(), Collision>;
    /// Adds pairs of sums in place. There are no signs.
    fn add_within(&mut self, rows: Within<'_, G::Row>, pairs: &[Pair]) -> Result<(), Collision>;
    /// Doubles sums in place.
    fn double(&mut self, rows: &mut [G::Row]) -> Result<(), Collision>;
    /// The rows of sums as rows of a table.
    fn canonical(&mut self, rows: &mut [G::Row]);
}

/// Where the rows of entries lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// In a table; entries carry signs.
    Table,
    /// Among sums; entries carry no signs.
    Sums,
}

/// Lists of entries, one for each segment: `entries[starts[i]..starts[i + 1]]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments {
    pub(crate) entries: Vec<u32>,
    pub(crate) starts: Vec<u32>,
}

impl Segments {
    /// Segments that are filled one after another with [`Segments::close`].
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), starts: alloc::vec![0] }
    }

    /// Ends the segment that entries were pushed to.
    pub(crate) fn close(&mut self) {
        self.starts.push(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
    }

    fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
}

/// The sum of every segment; `None` where it is the point at infinity or the segment empty.
pub(crate) struct Sums<R> {
    pub(crate) rows: Vec<R>,
    pub(crate) finite: Vec<bool>,
}

/// Entries of a block: twice this many cache lines fit in the second-level cache.
const BLOCK: usize = 8192;

/// Sums all segments of entries over `source`.
pub(crate) fn sum_segments<G: Layout, A: Adder<G>>(
    adder: &mut A,
    kind: Source,
    source: &[G::Row],
    segments: &Segments,
) -> Sums<G::Row> {
    let mut sums = Sums {
        rows: alloc::vec![G::EMPTY; segments.len()],
        finite: alloc::vec![false; segments.len()],
    };
    let mut block =
        Block { adder, kind, source, rows: Vec::new(), live: Vec::new(), pairs: Vec::new() };
    let mut first = 0;
    while first < segments.len() {
        let last = block_end(&segments.starts, first);
        block.sum(segments, first..last, &mut sums);
        first = last;
    }
    sums
}

/// The first segment that does not fit in a block with the segments from `first` on.
#[expect(clippy::indexing_slicing, reason = "first is below the number of segments")]
fn block_end(starts: &[u32], first: usize) -> usize {
    let limit = starts[first] as usize + BLOCK;
    let fitting = starts[first + 1..].partition_point(|&end| end as usize <= limit);
    first + fitting.max(1)
}

/// A run of segments being summed.
struct Block<'a, G: Layout, A> {
    adder: &'a mut A,
    kind: Source,
    source: &'a [G::Row],
    /// Segment `i` has its points at `live[i].start`, then every `stride`-th.
    rows: Vec<G::Row>,
    live: Vec<Live>,
    pairs: Vec<Pair>,
}

/// What is left of a segment.
#[derive(Clone, Copy, Debug)]
struct Live {
    start: u32,
    count: u32,
}

#[expect(clippy::indexing_slicing, reason = "segments are well formed: starts do not decrease")]
impl<G: Layout, A: Adder<G>> Block<'_, G, A> {
    fn sum(
        &mut self,
        segments: &Segments,
        range: core::ops::Range<usize>,
        sums: &mut Sums<G::Row>,
    ) {
        if self.tree(segments, range.clone()).is_ok() {
            for (index, live) in range.zip(&self.live) {
                if live.count > 0 {
                    sums.rows[index] = self.rows[live.start as usize];
                    sums.finite[index] = true;
                }
            }
        } else {
            self.one_by_one(segments, range, sums);
        }
    }

    /// The first level takes entries from the source, the others work in place.
    fn tree(
        &mut self,
        segments: &Segments,
        range: core::ops::Range<usize>,
    ) -> Result<(), Collision> {
        self.first_level(segments, range)?;
        let mut stride = 1;
        while self.next_level(stride) {
            self.adder.add_within(Within { rows: &mut self.rows }, &self.pairs)?;
            stride *= 2;
        }
        Ok(())
    }

    fn first_level(
        &mut self,
        segments: &Segments,
        range: core::ops::Range<usize>,
    ) -> Result<(), Collision> {
        self.live.clear();
        self.pairs.clear();
        self.rows.clear();
        let mut singles = Vec::new();
        let mut next = 0;
        for segment in range {
            let entries = &segments.entries
                [segments.starts[segment] as usize..segments.starts[segment + 1] as usize];
            let start = next;
            let (pairs, rest) = entries.as_chunks::<2>();
            for &[left, right] in pairs {
                self.pairs.push(Pair { left, right, sum: next });
                next += 1;
            }
            if let [single] = rest {
                singles.push((*single, next));
                next += 1;
            }
            self.live.push(Live { start, count: next - start });
        }
        self.rows.resize(next as usize, G::EMPTY);
        self.copy_singles(&singles);
        let rows = Apart { source: self.source, sums: &mut self.rows };
        match self.kind {
            _ if self.pairs.is_empty() => Ok(()),
            Source::Table => self.adder.add_table(rows, &self.pairs),
            Source::Sums => self.adder.add_sums(rows, &self.pairs),
        }
    }

    fn copy_singles(&mut self, singles: &[(u32, u32)]) {
        for &(entry, place) in singles {
            let row = &self.source[(entry & !MINUS) as usize];
            self.rows[place as usize] =
                if entry & MINUS == 0 { *row } else { self.adder.negative(row) };
        }
    }

    /// Lists the pairs of the next level. Is there one?
    fn next_level(&mut self, stride: u32) -> bool {
        self.pairs.clear();
        for live in &mut self.live {
            let mut left = live.start;
            for _ in 0..live.count / 2 {
                self.pairs.push(Pair { left, right: left + stride, sum: left });
                left += 2 * stride;
            }
            live.count = live.count.div_ceil(2);
        }
        !self.pairs.is_empty()
    }

    /// Sums the segments without assuming anything of the points: for batches in which points
    /// collide, which nobody meets by chance.
    fn one_by_one(
        &self,
        segments: &Segments,
        range: core::ops::Range<usize>,
        sums: &mut Sums<G::Row>,
    ) {
        for segment in range {
            let entries = &segments.entries
                [segments.starts[segment] as usize..segments.starts[segment + 1] as usize];
            let mut sum = Sum::<G>::ZERO;
            for entry in entries {
                let point = self.adder.export(&self.source[(entry & !MINUS) as usize]);
                sum += if entry & MINUS == 0 { point } else { -point };
            }
            let sum = sum.into_affine();
            if !sum.is_zero() {
                sums.rows[segment] = self.adder.import(&sum);
                sums.finite[segment] = true;
            }
        }
    }
}
