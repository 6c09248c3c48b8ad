//! Points and their shifts.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use ark_ec::AffineRepr;
use ark_ff::AdditiveGroup;

use super::buckets::{NO_SLOT, Places, weighted_sum};
use super::digits::{Density, Digits, Window};
use super::factors::Factors;
use super::format::MAX_ROWS;
use super::group::{Group, Layout, Point, Sum};
use super::portable::PortableAdder;
use super::segments::{Adder, Pair, Within};
use crate::backend::Backend;

/// Fixed points `P_i` with their shifts `2^(c k j) P_i` and multiples of those, in the
/// representation of one backend.
///
/// A row of G1 takes 64 bytes, one of G2 128; [`Window`] and [`Density`] say how many there are of
/// each point. Points at infinity have none.
#[derive(Clone, Debug)]
pub struct Table<'a, G: Group> {
    pub(crate) backend: Backend,
    pub(crate) window: Window,
    pub(crate) density: Density,
    pub(crate) factors: Factors,
    /// Position to slot; [`NO_SLOT`] for a point at infinity.
    pub(crate) slots: Cow<'a, [u32]>,
    /// The rows of slot `s` from `s * density.rows(window)` on.
    pub(crate) rows: Cow<'a, [G::Row]>,
}

#[allow(private_bounds, reason = "implemented for the two groups that there are")]
impl<G: Layout> Table<'static, G> {
    /// Computes the rows of `points`, which must lie on the curve and in the group.
    ///
    /// With all shifts 254 affine doublings a point (14 000 points of G1: about 0.1 s in lanes,
    /// 0.5 s portable), and for each shift an addition for every further multiple; nothing with
    /// [`Density::BARE`]. `progress` is told after each shift of all points how many of how many
    /// are done.
    ///
    /// # Panics
    ///
    /// If there are more than `2^31` rows, which would take 128 GiB.
    #[must_use]
    pub fn build(
        backend: Backend,
        shape: (Window, Density),
        points: &[Point<G>],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(ifma) = backend.ifma() {
            let mut adder = super::lanes::LaneAdder::<G>::new(ifma);
            return Self::build_with(Backend::Ifma, &mut adder, shape, points, progress);
        }
        let _ = backend;
        let mut adder = PortableAdder::<G>::new();
        Self::build_with(Backend::Portable, &mut adder, shape, points, progress)
    }

    fn build_with(
        backend: Backend,
        adder: &mut impl Adder<G>,
        (window, density): (Window, Density),
        points: &[Point<G>],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Self {
        let slots = assign_slots::<G>(points);
        let mut shift: Vec<G::Row> = points
            .iter()
            .filter(|point| !point.is_zero())
            .map(|point| adder.import(point))
            .collect();
        let (shifts, all) = (density.shifts(window), density.rows(window));
        assert!(shift.len() <= MAX_ROWS / all, "too many points for one table");
        let doublings = density.sets(window) * window.bits() as usize;
        let mut rows = alloc::vec![G::EMPTY; shift.len() * all];
        for number in 0..shifts {
            adder.canonical(&mut shift);
            let first = rows.get_mut(number * density.multiples()..).unwrap_or_default();
            write_multiples(adder, &shift, density.multiples(), (first, all));
            if number + 1 < shifts {
                (0..doublings).for_each(|_| double(adder, &mut shift));
            }
            progress(number + 1, shifts);
        }
        let (slots, rows) = (Cow::Owned(slots), Cow::Owned(rows));
        Self { backend, window, density, factors: Factors::new(window, density), slots, rows }
    }
}

#[allow(private_bounds, reason = "implemented for the two groups that there are")]
impl<G: Layout> Table<'_, G> {
    /// The width of digits that this table is for.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Which rows there are of a point.
    #[must_use]
    pub fn density(&self) -> Density {
        self.density
    }

    /// The backend that this table is for.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The number of points, those at infinity included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Has this table no points?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The sum of the points, each times its scalar.
    ///
    /// Scalars of positions that this table does not have count for nothing. Costs about one
    /// affine addition (35 ns in lanes) for every digit that is not zero and two for every
    /// bucket in use, of which a spaced table has more. Digits of another window are a mistake of
    /// the caller: the result is `None`.
    ///
    /// # Security
    ///
    /// Variable time in the scalars.
    #[must_use]
    pub fn vartime_msm(&self, digits: &Digits) -> Option<Sum<G>> {
        if digits.window != self.window {
            return None;
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(ifma) = self.backend.ifma() {
            let mut adder = super::lanes::LaneAdder::<G>::new(ifma);
            return Some(weighted_sum(&mut adder, &self.rows, self.places(), digits));
        }
        Some(G::portable_msm(self, digits))
    }

    /// The sum, for any processor. The digits are of this table's window.
    #[inline]
    pub(crate) fn portable_msm(&self, digits: &Digits) -> Sum<G> {
        weighted_sum(&mut PortableAdder::<G>::new(), &self.rows, self.places(), digits)
    }

    #[inline]
    fn places(&self) -> Places<'_> {
        Places { slots: &self.slots, density: self.density, factors: &self.factors }
    }
}

/// Numbers the finite points.
fn assign_slots<G: Layout>(points: &[Point<G>]) -> Vec<u32> {
    let mut next = 0;
    let mut slot = |point: &Point<G>| {
        if point.is_zero() {
            return NO_SLOT;
        }
        next += 1;
        next - 1
    };
    points.iter().map(&mut slot).collect()
}

/// Writes each point's multiples to consecutive rows, the first point's at the start of `rows` and
/// the next ones' `stride` rows on.
fn write_multiples<G: Layout>(
    adder: &mut impl Adder<G>,
    points: &[G::Row],
    multiples: usize,
    (rows, stride): (&mut [G::Row], usize),
) {
    let mut multiple = points.to_vec();
    for number in 0..multiples {
        match number {
            0 => {}
            1 => double(adder, &mut multiple),
            _ => add(adder, &mut multiple, points),
        }
        adder.canonical(&mut multiple);
        for (row, point) in rows.iter_mut().skip(number).step_by(stride).zip(&multiple) {
            *row = *point;
        }
    }
}

/// Adds the points pair by pair; one by one if the batch fails, which takes a point of small order.
fn add<G: Layout>(adder: &mut impl Adder<G>, sums: &mut Vec<G::Row>, points: &[G::Row]) {
    let count = u32::try_from(points.len()).unwrap_or(u32::MAX);
    let pairs: Vec<Pair> =
        (0..count).map(|left| Pair { left, right: left + count, sum: left }).collect();
    let before = sums.clone();
    sums.extend_from_slice(points);
    if adder.add_within(Within { rows: sums }, &pairs).is_err() {
        for ((sum, left), right) in sums.iter_mut().zip(&before).zip(points) {
            let exact = Sum::<G>::from(adder.export(left)) + adder.export(right);
            *sum = adder.import(&exact.into());
        }
    }
    sums.truncate(points.len());
}

/// Doubles all points; one by one if the batch fails, which takes a point of even order.
fn double<G: Layout>(adder: &mut impl Adder<G>, points: &mut [G::Row]) {
    if adder.double(points).is_err() {
        for row in points {
            let double = Sum::<G>::from(adder.export(row)).double();
            *row = adder.import(&double.into());
        }
    }
}

#[cfg(test)]
mod tests;
