//! Points and their shifts.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use ark_ec::AffineRepr;
use ark_ff::AdditiveGroup;

use super::buckets::{NO_SLOT, weighted_sum};
use super::digits::{Digits, Spacing, Window};
use super::format::MAX_ROWS;
use super::group::{Group, Layout, Point, Sum};
use super::portable::PortableAdder;
use super::segments::Adder;
use crate::backend::Backend;

/// Fixed points `P_i` with their shifts `2^(c k j) P_i`, in the representation of one backend.
///
/// A point of G1 takes 64 bytes a shift, one of G2 128; [`Window::digits`] over the [`Spacing`] `k`
/// is the number of shifts. Points at infinity take none.
#[derive(Clone, Debug)]
pub struct Table<'a, G: Group> {
    pub(crate) backend: Backend,
    pub(crate) window: Window,
    pub(crate) spacing: Spacing,
    /// Position to slot; [`NO_SLOT`] for a point at infinity.
    pub(crate) slots: Cow<'a, [u32]>,
    /// The shifts of slot `s` from `s * spacing.shifts(window)` on.
    pub(crate) rows: Cow<'a, [G::Row]>,
}

#[allow(private_bounds, reason = "implemented for the two groups that there are")]
impl<G: Layout> Table<'static, G> {
    /// Computes all shifts of `points`, which must lie on the curve and in the group.
    ///
    /// Costs 254 affine doublings a point (14 000 points of G1: about 0.1 s in lanes, 0.5 s
    /// portable). `progress` is told after each shift of all points how many of how many are
    /// done.
    ///
    /// # Panics
    ///
    /// If there are more than `2^31` rows, which would take 128 GiB.
    #[must_use]
    pub fn build(
        backend: Backend,
        window: Window,
        points: &[Point<G>],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Self {
        Self::build_spaced(backend, window, Spacing::DENSE, points, progress)
    }

    /// As [`Table::build`] with fewer shifts: about `254 / k` affine doublings a point less than
    /// all 254, and none with [`Spacing::BARE`].
    ///
    /// # Panics
    ///
    /// As [`Table::build`].
    #[must_use]
    pub fn build_spaced(
        backend: Backend,
        window: Window,
        spacing: Spacing,
        points: &[Point<G>],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(ifma) = backend.ifma() {
            let mut adder = super::lanes::LaneAdder::<G>::new(ifma);
            return Self::build_with(
                Backend::Ifma,
                &mut adder,
                (window, spacing),
                points,
                progress,
            );
        }
        let _ = backend;
        let mut adder = PortableAdder::<G>::new();
        Self::build_with(Backend::Portable, &mut adder, (window, spacing), points, progress)
    }

    fn build_with(
        backend: Backend,
        adder: &mut impl Adder<G>,
        (window, spacing): (Window, Spacing),
        points: &[Point<G>],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Self {
        let slots = assign_slots::<G>(points);
        let mut shift: Vec<G::Row> = points
            .iter()
            .filter(|point| !point.is_zero())
            .map(|point| adder.import(point))
            .collect();
        let shifts = spacing.shifts(window);
        assert!(shift.len() <= MAX_ROWS / shifts, "too many points for one table");
        let doublings = spacing.sets(window) * window.bits() as usize;
        let mut rows = alloc::vec![G::EMPTY; shift.len() * shifts];
        for number in 0..shifts {
            adder.canonical(&mut shift);
            for (row, shifted) in rows.iter_mut().skip(number).step_by(shifts).zip(&shift) {
                *row = *shifted;
            }
            if number + 1 < shifts {
                (0..doublings).for_each(|_| double(adder, &mut shift));
            }
            progress(number + 1, shifts);
        }
        Self { backend, window, spacing, slots: Cow::Owned(slots), rows: Cow::Owned(rows) }
    }
}

#[allow(private_bounds, reason = "implemented for the two groups that there are")]
impl<G: Layout> Table<'_, G> {
    /// The width of digits that this table is for.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// How many digits share a shift.
    #[must_use]
    pub fn spacing(&self) -> Spacing {
        self.spacing
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
    /// bucket in use, of which a spaced table has more. Digits of another window are a mistake of the caller: the result is
    /// `None`.
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
            return Some(weighted_sum(&mut adder, &self.rows, &self.slots, digits, self.spacing));
        }
        let mut adder = PortableAdder::<G>::new();
        Some(weighted_sum(&mut adder, &self.rows, &self.slots, digits, self.spacing))
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
