//! Tables of a key's points, built once and kept.

mod checksum;

use alloc::vec::Vec;

use logos_crypto::backend::Backend;
use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::msm::{Density, G1Table, G2Table, TableError, Window};
use thiserror::Error;

use self::checksum::checksum;
use crate::key::{KeyHash, ProvingKey};

/// Distinguishes prover tables from other files.
const MAGIC: &[u8; 8] = b"rln-tb\0\x02";
/// Bytes before the first table.
const HEADER: usize = 64;
/// Bytes of the header that say something: magic, three lengths, a checksum.
const USED: usize = 40;

/// How much memory the tables of a [`Prover`](crate::Prover) take.
///
/// | size | rows of a point | bytes for a deployed key |
/// |---|---|---|
/// | [`None`](Self::None) | the point | 1.6 MiB |
/// | [`Small`](Self::Small) | its 20 shifts | 31 MiB |
/// | [`Large`](Self::Large) | 17 shifts, 8 multiples of each | 209 MiB |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TableSize {
    /// No tables: for a single proof, or where memory is dear.
    None,
    /// For everything else.
    #[default]
    Small,
    /// A tenth fewer additions, over memory that no cache holds. Measure before you choose it.
    Large,
}

impl TableSize {
    /// Every size, the smallest first.
    pub const ALL: [Self; 3] = [Self::None, Self::Small, Self::Large];

    /// The size in a word: `none`, `small` or `large`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Small => "small",
            Self::Large => "large",
        }
    }

    /// Digits and rows; digits of all tables are the same, so that a witness is cut once.
    const fn shape(self) -> (Window, Density) {
        match self {
            // All 26 digits of a scalar share the one shift there is.
            Self::None => (Window::new(10), Density::spaced(26)),
            Self::Small => (Window::new(13), Density::SHIFTS),
            Self::Large => (Window::new(15), Density::multiplied(8)),
        }
    }
}

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
    /// The stored checksum is not that of the bytes.
    #[error("table bytes are damaged: checksum mismatch")]
    Checksum,
    /// One of the tables cannot be used.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The tables are of another key or circuit.
    #[error("the tables are of another key")]
    OtherKey,
}

/// The points of a [`ProvingKey`] with their shifts, for one kind of arithmetic.
///
/// `C` is one table: first the wires' points, then the rows'.
pub struct Tables {
    pub(crate) a: G1Table<'static>,
    pub(crate) b: G2Table<'static>,
    pub(crate) c: G1Table<'static>,
    size: TableSize,
    source: KeyHash,
}

impl Tables {
    /// Shifts every point of the key: for [`TableSize::Small`] about a third of a second in lanes.
    /// `progress` is told the part done, from 0 to 1.
    #[must_use]
    pub fn build(
        key: &ProvingKey,
        backend: Backend,
        size: TableSize,
        progress: &mut dyn FnMut(f32),
    ) -> Self {
        let (points, shape) = (&key.points, size.shape());
        let c: Vec<_> = points.wires.iter().chain(&points.rows).copied().collect();
        let part = |from: f32, share: f32| {
            move |done: usize, all: usize| from + share * done as f32 / all.max(1) as f32
        };
        let (in_a, in_b, in_c) = (part(0.0, 0.2), part(0.2, 0.4), part(0.6, 0.4));
        Self {
            a: G1Table::build(backend, shape, &points.a, &mut |d, n| progress(in_a(d, n))),
            b: G2Table::build(backend, shape, &points.b, &mut |d, n| progress(in_b(d, n))),
            c: G1Table::build(backend, shape, &c, &mut |d, n| progress(in_c(d, n))),
            size,
            source: Self::source(key),
        }
    }

    /// The hash of a key's verifying half, which names the tables of that key.
    #[must_use]
    pub fn source(key: &ProvingKey) -> KeyHash {
        KeyHash::of(&key.verifying.to_bytes())
    }

    /// The tables as bytes, to keep in a file.
    ///
    /// | bytes | content |
    /// |---|---|
    /// | 8 | magic `rln-tb`, version 2 |
    /// | 3 * 8 | the lengths of the three tables as u64 |
    /// | 8 | checksum of the tables |
    /// | 24 | zero |
    /// | | tables of `A`, `B` and `C`, each padded to 64 bytes |
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let lengths = [self.a.byte_len(), self.b.byte_len(), self.c.byte_len()];
        let mut writer = Writer::with_capacity(HEADER + lengths.iter().sum::<usize>());
        writer.put(MAGIC);
        lengths.iter().for_each(|length| {
            writer.u64_le(*length as u64);
        });
        writer.put(&[0; HEADER - (USED - 8)]);
        let mut bytes = writer.into_bytes();
        self.a.append_to(&mut bytes, &self.source.0);
        self.b.append_to(&mut bytes, &self.source.0);
        self.c.append_to(&mut bytes, &self.source.0);
        let sum = checksum(bytes.get(HEADER..).unwrap_or_default());
        if let Some(place) = bytes.get_mut(USED - 8..USED) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        bytes
    }

    /// Uses tables where they lie, typically in a mapped file that stays mapped: reads the bytes
    /// once, for their checksum, and copies nothing. They begin at a multiple of 64, as pages do.
    ///
    /// # Errors
    ///
    /// [`TablesError`] if the bytes are damaged, not tables of this key, or not for this
    /// processor: build them anew.
    ///
    /// # Security
    ///
    /// The checksum finds accidents, not intent, and the tables' points are not checked. Wrong
    /// ones make proofs that fail, nothing worse.
    pub fn from_bytes(key: &ProvingKey, bytes: &'static [u8]) -> Result<Self, TablesError> {
        let ([a, b, c], body) = read_header(bytes)?;
        let mut reader = Reader::new(body);
        let mut table = |length: u64| {
            let length = reader.checked_count(length, usize::MAX, 1)?;
            reader.take(length)
        };
        let (a, b, c) = (table(a)?, table(b)?, table(c)?);
        reader.finish()?;
        let source = Self::source(key);
        let a = G1Table::from_bytes(a, &source.0)?;
        let b = G2Table::from_bytes(b, &source.0)?;
        let c = G1Table::from_bytes(c, &source.0)?;
        let (n_wires, n_rows) = (key.layout.n_wires, key.points.rows.len());
        if [a.len(), b.len(), c.len()] != [n_wires, n_wires, n_wires + n_rows] {
            return Err(TablesError::OtherKey);
        }
        let shape = (a.window(), a.density());
        let alike = [(b.window(), b.density()), (c.window(), c.density())] == [shape; 2];
        let size = TableSize::ALL.into_iter().find(|size| alike && size.shape() == shape);
        Ok(Self { a, b, c, size: size.ok_or(TablesError::Format)?, source })
    }

    /// Their size.
    #[must_use]
    pub const fn size(&self) -> TableSize {
        self.size
    }

    /// The arithmetic that they are for.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.a.backend()
    }

    /// Bytes in memory, or of the file where they lie.
    #[must_use]
    pub fn memory(&self) -> usize {
        HEADER + self.a.byte_len() + self.b.byte_len() + self.c.byte_len()
    }

    /// The width of digits that they are for.
    pub(crate) fn window(&self) -> Window {
        self.a.window()
    }
}

/// The tables' lengths, and what follows the header, if it is whole.
fn read_header(bytes: &'static [u8]) -> Result<([u64; 3], &'static [u8]), TablesError> {
    let mut reader = Reader::new(bytes);
    if reader.array()? != MAGIC {
        return Err(TablesError::Format);
    }
    let lengths = [reader.u64_le()?, reader.u64_le()?, reader.u64_le()?];
    let sum = reader.u64_le()?;
    let reserved: &[u8; HEADER - USED] = reader.array()?;
    if *reserved != [0; HEADER - USED] {
        return Err(TablesError::Format);
    }
    let body = bytes.get(HEADER..).unwrap_or_default();
    // Lengths first: a file that was cut is told without reading it.
    let announced = lengths.iter().fold(0u64, |sum, length| sum.saturating_add(*length));
    if announced != body.len() as u64 {
        let (expected, actual) = (announced, body.len() as u64);
        return Err(TableError::Length { expected, actual }.into());
    }
    if checksum(body) != sum {
        return Err(TablesError::Checksum);
    }
    Ok((lengths, body))
}

impl core::fmt::Debug for Tables {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tables")
            .field("size", &self.size)
            .field("backend", &self.backend())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
