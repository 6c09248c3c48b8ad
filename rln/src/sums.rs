//! The sums of points a proof consists of, over tables of the key's points.

use alloc::vec::Vec;

use ark_bn254::{G1Projective, G2Projective};
use logos_crypto::Fr;
use logos_crypto::backend::Backend;
use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::msm::{Digits, G1Table, G2Table, TableError, Window};
use thiserror::Error;

use crate::circuit::{Assignment, Layout};
use crate::key::{KeyHash, ProvingKey};
use crate::proof::ProofPoints;

/// Width of the digits all tables share, so that a witness is cut once.
const WINDOW: Window = Window::new(13);

/// Distinguishes prover tables from other files.
const MAGIC: &[u8; 8] = b"rln-tb\0\x01";
/// Bytes before the first table.
const HEADER: usize = 64;

/// Why bytes are not the tables of a key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TablesError {
    /// The bytes end early or go on too long.
    #[error("table bytes are damaged: {0}")]
    Decode(#[from] DecodeError),
    /// The bytes are of another format or version.
    #[error("not tables of this format")]
    Format,
    /// One of the tables cannot be used.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The tables are of another key or circuit.
    #[error("the tables are of another key")]
    OtherKey,
}

/// The key's points with their shifts.
///
/// `C` is one table: first the wires' points, then the rows'. A proof's scalars are laid out the
/// same way, so the digits of its wires serve `A` and `B` too, which have no further points.
pub(crate) struct Sums {
    a: G1Table<'static>,
    b: G2Table<'static>,
    c: G1Table<'static>,
    n_wires: usize,
    /// Wires a message changes, in order.
    changing: Vec<u32>,
}

impl Sums {
    /// Shifts every point of the key: about a third of a second in lanes.
    pub(crate) fn build(key: &ProvingKey, backend: Backend, progress: &mut dyn FnMut(f32)) -> Self {
        let points = &key.points;
        let c: Vec<_> = points.wires.iter().chain(&points.rows).copied().collect();
        let part = |from: f32, share: f32| {
            move |done: usize, all: usize| from + share * done as f32 / all.max(1) as f32
        };
        let (in_a, in_b, in_c) = (part(0.0, 0.2), part(0.2, 0.4), part(0.6, 0.4));
        let layout = &key.layout;
        Self {
            a: G1Table::build(backend, WINDOW, &points.a, &mut |d, n| progress(in_a(d, n))),
            b: G2Table::build(backend, WINDOW, &points.b, &mut |d, n| progress(in_b(d, n))),
            c: G1Table::build(backend, WINDOW, &c, &mut |d, n| progress(in_c(d, n))),
            n_wires: layout.n_wires,
            changing: changing_wires(layout),
        }
    }

    pub(crate) fn to_bytes(&self, source: &KeyHash) -> Vec<u8> {
        let tables =
            [self.a.to_bytes(&source.0), self.b.to_bytes(&source.0), self.c.to_bytes(&source.0)];
        let mut writer = Writer::with_capacity(HEADER + tables.iter().map(Vec::len).sum::<usize>());
        writer.put(MAGIC);
        tables.iter().for_each(|table| {
            writer.u64_le(table.len() as u64);
        });
        writer.put(&[0; HEADER - 32]);
        tables.iter().for_each(|table| {
            writer.put(table);
        });
        writer.into_bytes()
    }

    pub(crate) fn from_bytes(
        key: &ProvingKey,
        bytes: &'static [u8],
        source: &KeyHash,
    ) -> Result<Self, TablesError> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != MAGIC {
            return Err(TablesError::Format);
        }
        let lengths = [reader.u64_le()?, reader.u64_le()?, reader.u64_le()?];
        reader.take(HEADER - 32)?;
        let mut table = |length: u64| {
            let length = reader.checked_count(length, usize::MAX, 1)?;
            reader.take(length)
        };
        let [a, b, c] = lengths;
        let (a, b, c) = (table(a)?, table(b)?, table(c)?);
        reader.finish()?;
        let layout = &key.layout;
        let sums = Self {
            a: G1Table::from_bytes(a, &source.0)?,
            b: G2Table::from_bytes(b, &source.0)?,
            c: G1Table::from_bytes(c, &source.0)?,
            n_wires: layout.n_wires,
            changing: changing_wires(layout),
        };
        let sizes = [sums.a.len(), sums.b.len(), sums.c.len()];
        let n_rows = key.points.rows.len();
        let windows = [sums.a.window(), sums.b.window(), sums.c.window()];
        if sizes != [layout.n_wires, layout.n_wires, layout.n_wires + n_rows]
            || windows != [WINDOW; 3]
        {
            return Err(TablesError::OtherKey);
        }
        Ok(sums)
    }

    pub(crate) fn backend(&self) -> Backend {
        self.a.backend()
    }

    /// All wires and, behind them, the rows.
    pub(crate) fn full(&self, assignment: &Assignment, rows: &[Fr]) -> ProofPoints {
        let mut scalars = Vec::with_capacity(self.n_wires + rows.len());
        scalars.extend_from_slice(assignment.as_slice());
        scalars.extend_from_slice(rows);
        self.points(&Digits::new(WINDOW, &scalars))
    }

    /// All wires, no rows.
    pub(crate) fn wires(&self, assignment: &Assignment) -> ProofPoints {
        self.points(&Digits::new(WINDOW, assignment.as_slice()))
    }

    /// The wires a message changes, and all rows.
    pub(crate) fn changes(&self, assignment: &Assignment, rows: &[Fr]) -> ProofPoints {
        let wires = self.changing.iter().map(|wire| (*wire, assignment.wire(*wire as usize)));
        let rows = rows.iter().enumerate().map(|(row, scalar)| (self.row_position(row), *scalar));
        let scalars: Vec<(u32, Fr)> = wires.chain(rows).collect();
        self.points(&Digits::sparse(WINDOW, &scalars))
    }

    /// What all wires that differ between two assignments add on the way from one to the other.
    pub(crate) fn difference(&self, from: &Assignment, to: &Assignment) -> ProofPoints {
        let wires = from.as_slice().iter().zip(to.as_slice()).zip(0u32..);
        let scalars: Vec<(u32, Fr)> = wires
            .filter(|((from, to), _)| from != to)
            .map(|((from, to), wire)| (wire, *to - *from))
            .collect();
        self.points(&Digits::sparse(WINDOW, &scalars))
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
        self.c.vartime_msm(&Digits::sparse(WINDOW, &scalars)).unwrap_or_default()
    }

    fn row_position(&self, row: usize) -> u32 {
        u32::try_from(self.n_wires + row).unwrap_or(u32::MAX)
    }

    fn points(&self, digits: &Digits) -> ProofPoints {
        // The digits are of the tables' own window, so every sum exists.
        let in_a = || self.a.vartime_msm(digits).unwrap_or_default();
        let in_b = || self.b.vartime_msm(digits).unwrap_or_default();
        let in_c = || self.c.vartime_msm(digits).unwrap_or_default();
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
