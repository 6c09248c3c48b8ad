//! The sums of points a proof consists of, over tables of the key's points.

use alloc::vec::Vec;

use ark_bn254::{G1Projective, G2Projective};
use logos_crypto::Fr;
use logos_crypto::backend::Backend;
use logos_crypto::msm::Digits;

use crate::circuit::{Assignment, Layout};
use crate::hazmat::Part;
use crate::key::ProvingKey;
use crate::proof::ProofPoints;
use crate::tables::Tables;

/// Sums over a key's tables.
///
/// A proof's scalars are laid out as the points of `C` are, wires before rows, so the digits of
/// its wires serve `A` and `B` too, which have no further points.
pub(crate) struct Sums {
    pub(crate) tables: Tables,
    n_wires: usize,
    /// Wires a message changes, in order.
    changing: Vec<u32>,
}

impl Sums {
    pub(crate) fn new(key: &ProvingKey, tables: Tables) -> Self {
        let layout = &key.layout;
        Self { tables, n_wires: layout.n_wires, changing: changing_wires(layout) }
    }

    pub(crate) fn backend(&self) -> Backend {
        self.tables.backend()
    }

    /// All wires and, behind them, the rows.
    pub(crate) fn full(&self, assignment: &Assignment, rows: &[Fr]) -> ProofPoints {
        let mut scalars = Vec::with_capacity(self.n_wires + rows.len());
        scalars.extend_from_slice(assignment.as_slice());
        scalars.extend_from_slice(rows);
        self.points(&Digits::new(self.tables.window(), &scalars))
    }

    /// All wires, no rows.
    pub(crate) fn wires(&self, assignment: &Assignment) -> ProofPoints {
        self.points(&Digits::new(self.tables.window(), assignment.as_slice()))
    }

    /// The wires a message changes, and all rows.
    pub(crate) fn changes(&self, assignment: &Assignment, rows: &[Fr]) -> ProofPoints {
        let wires = self.changing.iter().map(|wire| (*wire, assignment.wire(*wire as usize)));
        let rows = rows.iter().enumerate().map(|(row, scalar)| (self.row_position(row), *scalar));
        let scalars: Vec<(u32, Fr)> = wires.chain(rows).collect();
        self.points(&Digits::sparse(self.tables.window(), &scalars))
    }

    /// What all wires that differ between two assignments add on the way from one to the other.
    pub(crate) fn difference(&self, from: &Assignment, to: &Assignment) -> ProofPoints {
        let wires = from.as_slice().iter().zip(to.as_slice()).zip(0u32..);
        let scalars: Vec<(u32, Fr)> = wires
            .filter(|((from, to), _)| from != to)
            .map(|((from, to), wire)| (wire, *to - *from))
            .collect();
        self.points(&Digits::sparse(self.tables.window(), &scalars))
    }

    /// Some rows of `C`.
    pub(crate) fn rows(&self, rows: impl Iterator<Item = (usize, Fr)>) -> G1Projective {
        self.wires_and_rows(&[], rows)
    }

    /// Some wires and some rows of `C`.
    pub(crate) fn wires_and_rows(
        &self,
        wires: &[(usize, Fr)],
        rows: impl Iterator<Item = (usize, Fr)>,
    ) -> G1Projective {
        let wires =
            wires.iter().map(|(wire, scalar)| (u32::try_from(*wire).unwrap_or(u32::MAX), *scalar));
        let rows = rows.map(|(row, scalar)| (self.row_position(row), scalar));
        let scalars: Vec<(u32, Fr)> = wires.chain(rows).collect();
        let digits = Digits::sparse(self.tables.window(), &scalars);
        self.tables.c.vartime_msm(&digits).unwrap_or_default()
    }

    /// One of the four sums that a proof consists of, see [`Part`].
    pub(crate) fn part(&self, part: Part, assignment: &Assignment, rows: &[Fr]) -> ProofPoints {
        let wires = || Digits::new(self.tables.window(), assignment.as_slice());
        let mut points = ProofPoints::default();
        // The digits are of the tables' own window, so every sum exists.
        match part {
            Part::A => points.a = self.tables.a.vartime_msm(&wires()).unwrap_or_default(),
            Part::B => points.b = self.tables.b.vartime_msm(&wires()).unwrap_or_default(),
            Part::Wires => points.c = self.tables.c.vartime_msm(&wires()).unwrap_or_default(),
            Part::Rows => points.c = self.rows(rows.iter().copied().enumerate()),
        }
        points
    }

    fn row_position(&self, row: usize) -> u32 {
        u32::try_from(self.n_wires + row).unwrap_or(u32::MAX)
    }

    fn points(&self, digits: &Digits) -> ProofPoints {
        // The digits are of the tables' own window, so every sum exists.
        let in_a = || self.tables.a.vartime_msm(digits).unwrap_or_default();
        let in_b = || self.tables.b.vartime_msm(digits).unwrap_or_default();
        let in_c = || self.tables.c.vartime_msm(digits).unwrap_or_default();
        let (a, b, c): (G1Projective, G2Projective, G1Projective) = in_parallel(in_a, in_b, in_c);
        ProofPoints { a, b, c }
    }
}

fn changing_wires(layout: &Layout) -> Vec<u32> {
    let wires = 0..u32::try_from(layout.n_wires).unwrap_or(u32::MAX);
    wires.filter(|wire| !layout.is_fixed(*wire as usize)).collect()
}

#[cfg(feature = "parallel")]
fn in_parallel<A: Send, B: Send, C: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
    c: impl FnOnce() -> C + Send,
) -> (A, B, C) {
    let ((a, b), c) = rayon::join(|| (a(), b()), c);
    (a, b, c)
}

#[cfg(not(feature = "parallel"))]
fn in_parallel<A, B, C>(
    a: impl FnOnce() -> A,
    b: impl FnOnce() -> B,
    c: impl FnOnce() -> C,
) -> (A, B, C) {
    (a(), b(), c())
}

impl core::fmt::Debug for Sums {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sums").field("backend", &self.backend()).finish_non_exhaustive()
    }
}
