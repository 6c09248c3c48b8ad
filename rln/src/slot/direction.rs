//! How the assignment, the rows and the points move when the message does.

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::AffineRepr;
use logos_crypto::Fr;
use logos_crypto::hazmat::to_ark;

use crate::circuit::{Assignment, Layout, SparseMatrix};
use crate::fixed_base::FixedBase;
use crate::key::ProvingKey;

/// A row in which a wire of the direction stands, and its coefficient.
struct Entry {
    row: usize,
    /// Place of the wire in the direction.
    place: usize,
    coefficient: Fr,
}

/// The wires that follow the message, where they stand, and tables of their points.
pub(crate) struct Online {
    /// `x`, then each circuit slot's `y` wires.
    wires: Vec<usize>,
    a_entries: Vec<Entry>,
    b_entries: Vec<Entry>,
    a_tables: Vec<Option<FixedBase<G1Affine>>>,
    b_tables: Vec<Option<FixedBase<G2Affine>>>,
}

impl Online {
    pub(crate) fn new(key: &ProvingKey) -> Self {
        let layout = &key.layout;
        let wires = direction_wires(layout);
        let mut a_entries = entries(&key.a_matrix, &wires);
        let n_rows = key.a_matrix.n_rows();
        for (place, wire) in wires.iter().enumerate() {
            if *wire <= key.circuit.n_public() {
                a_entries.push(Entry { row: n_rows + wire, place, coefficient: Fr::ONE });
            }
        }
        let points = &key.points;
        Self {
            a_entries,
            b_entries: entries(&key.b_matrix, &wires),
            a_tables: wires.iter().map(|wire| table(points.a.get(*wire))).collect(),
            b_tables: wires.iter().map(|wire| table(points.b.get(*wire))).collect(),
            wires,
        }
    }

    /// By how much each wire of the direction changes for one step of `x`.
    pub(super) fn direction(&self, layout: &Layout, assignment: &Assignment) -> Vec<(usize, Fr)> {
        let slopes = (0..layout.slots()).map(|slot| assignment.wire(layout.slopes + slot));
        let mut steps = Vec::from([Fr::ONE]);
        if layout.is_multi() {
            steps.extend(slopes.clone());
            let used = (0..layout.slots()).map(|slot| assignment.wire(layout.selector + slot));
            steps.extend(slopes.zip(used).map(|(slope, used)| slope * used));
        } else {
            steps.extend(slopes);
        }
        self.wires.iter().copied().zip(steps).collect()
    }

    /// The rows of `A` that move, and how.
    pub(super) fn a_rows(&self, direction: &[(usize, Fr)]) -> Vec<(usize, Fr)> {
        moved(&self.a_entries, direction)
    }

    /// The rows of `B` that move, and how.
    pub(super) fn b_rows(&self, direction: &[(usize, Fr)]) -> Vec<(usize, Fr)> {
        moved(&self.b_entries, direction)
    }

    /// Rows of `A` and of `B` that ever move.
    pub(super) fn moving_rows(&self) -> (Vec<usize>, Vec<usize>) {
        let rows = |entries: &[Entry]| {
            let mut rows: Vec<usize> = entries.iter().map(|entry| entry.row).collect();
            rows.sort_unstable();
            rows.dedup();
            rows
        };
        (rows(&self.a_entries), rows(&self.b_entries))
    }

    /// What `A` and `B` gain at `x`.
    pub(super) fn steps(&self, a: &[Fr], b: &[Fr], x: Fr) -> (G1Projective, G2Projective) {
        let scaled = |step: &Fr| to_ark(&(*step * x));
        let in_a = self.a_tables.iter().zip(a).filter_map(|(table, step)| {
            table.as_ref().map(|table| table.vartime_multiply(scaled(step)))
        });
        let in_b = self.b_tables.iter().zip(b).filter_map(|(table, step)| {
            table.as_ref().map(|table| table.vartime_multiply(scaled(step)))
        });
        (in_a.sum(), in_b.sum())
    }
}

impl core::fmt::Debug for Online {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Online").field("wires", &self.wires).finish_non_exhaustive()
    }
}

fn direction_wires(layout: &Layout) -> Vec<usize> {
    let slots = 0..layout.slots();
    let mut wires = Vec::from([layout.x]);
    if layout.is_multi() {
        wires.extend(slots.clone().map(|slot| layout.raw_ys + slot));
    }
    wires.extend(slots.map(|slot| layout.ys + slot));
    wires
}

fn entries(matrix: &SparseMatrix, wires: &[usize]) -> Vec<Entry> {
    let mut found = Vec::new();
    for (row, terms) in matrix.rows().enumerate() {
        for (wire, coefficient) in terms {
            if let Some(place) = wires.iter().position(|moving| *moving == *wire as usize) {
                found.push(Entry { row, place, coefficient: *coefficient });
            }
        }
    }
    found
}

fn moved(entries: &[Entry], direction: &[(usize, Fr)]) -> Vec<(usize, Fr)> {
    entries
        .iter()
        .filter_map(|entry| {
            let (_, step) = direction.get(entry.place)?;
            Some((entry.row, entry.coefficient * *step))
        })
        .collect()
}

fn table<P: AffineRepr<ScalarField = ark_bn254::Fr>>(point: Option<&P>) -> Option<FixedBase<P>> {
    point.filter(|point| !point.is_zero()).map(FixedBase::new)
}
