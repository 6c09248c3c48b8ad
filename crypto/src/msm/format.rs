//! Tables as bytes.
//!
//! Little-endian, and laid out so that a table is used where it lies:
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 8 | `LOGOSMSM` |
//! | 8 | 4 | version of this format, 2 |
//! | 12 | 4 | group: 1 or 2 |
//! | 16 | 4 | form of the coordinates: 1 with `R = 2^260`, 2 with `R = 2^256` |
//! | 20 | 4 | bits in a window |
//! | 24 | 8 | number of points `n` |
//! | 32 | 8 | number of rows `m` |
//! | 40 | 32 | SHA-256 of what the points were taken from |
//! | 72 | 4 | digits that share a shift |
//! | 76 | 4 | multiples of a shift |
//! | 80 | 48 | zero |
//! | 128 | `4 n` | slot of every point, `2^32 - 1` for infinity; zeros up to a multiple of 64 |
//! | then | `64 m` or `128 m` | rows |

use alloc::borrow::Cow;
use alloc::vec::Vec;

use thiserror::Error;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::buckets::NO_SLOT;
use super::digits::{Density, Window};
use super::factors::Factors;
use super::group::Layout;
use super::table::Table;
use crate::backend::Backend;

const MAGIC: [u8; 8] = *b"LOGOSMSM";
const VERSION: u32 = 2;
const HEADER: usize = 128;
/// Rows that a table can have: entries carry a sign in the top bit.
pub(crate) const MAX_ROWS: usize = 1 << 31;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    version: U32,
    group: U32,
    form: U32,
    bits: U32,
    points: U64,
    rows: U64,
    source: [u8; 32],
    density: [U32; 2],
    reserved: [u8; 48],
}

/// Why bytes are not a usable table.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableError {
    /// The bytes do not begin like a table of this group and version.
    #[error("not a table of this group and version")]
    NotATable,
    /// The table was made from something else.
    #[error("the table was made from another key")]
    OtherSource,
    /// The table is for a backend that this processor does not have.
    #[error("the table is for another backend")]
    OtherBackend,
    /// There are too few or too many bytes.
    #[error("a table of {expected} bytes in {actual} bytes")]
    Length {
        /// Bytes that the header announces.
        expected: u64,
        /// Bytes that there are.
        actual: u64,
    },
    /// The bytes do not start at a multiple of 64.
    #[error("the bytes of a table are not aligned to 64")]
    Misaligned,
    /// The contents contradict themselves.
    #[error("the table is damaged")]
    Damaged,
}

#[allow(private_bounds, reason = "implemented for the two groups that there are")]
impl<G: Layout> Table<'_, G> {
    /// The table as bytes; `source` is the SHA-256 of what its points were taken from.
    #[must_use]
    pub fn to_bytes(&self, source: &[u8; 32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.byte_len());
        self.append_to(&mut bytes, source);
        bytes
    }

    /// Appends the table as bytes to `bytes`, whose length is brought to a multiple of 64 first.
    pub fn append_to(&self, bytes: &mut Vec<u8>, source: &[u8; 32]) {
        let header = Header {
            magic: MAGIC,
            version: U32::new(VERSION),
            group: U32::new(G::TAG),
            form: U32::new(form(self.backend)),
            bits: U32::new(self.window.bits()),
            points: U64::new(self.slots.len() as u64),
            rows: U64::new(self.rows.len() as u64),
            source: *source,
            density: self.density.numbers(self.window).map(U32::new),
            reserved: [0; 48],
        };
        bytes.resize(bytes.len().next_multiple_of(64), 0);
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(self.slots.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(64), 0);
        bytes.extend_from_slice(self.rows.as_bytes());
    }

    /// Length of [`Table::to_bytes`], a multiple of 64.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        HEADER + (self.slots.len() * 4).next_multiple_of(64) + self.memory()
    }

    /// Bytes of the rows.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of_val(self.rows.as_ref())
    }
}

#[allow(private_bounds, reason = "implemented for the two groups that there are")]
impl<'a, G: Layout> Table<'a, G> {
    /// Uses a table that lies in `bytes`, which begin at a multiple of 64, as memory pages do.
    ///
    /// Reads the header and the slots, not the rows: a mapped file is touched only where sums
    /// need it.
    ///
    /// # Errors
    ///
    /// [`TableError`], whose variants say what is wrong.
    ///
    /// # Security
    ///
    /// Rows are not checked to be points of the curve. Whoever can write the bytes decides what
    /// sums come out, never more than that; keep them where only the owner can write, or check
    /// their hash.
    pub fn from_bytes(bytes: &'a [u8], source: &[u8; 32]) -> Result<Self, TableError> {
        if cfg!(target_endian = "big") {
            return Err(TableError::OtherBackend);
        }
        let (header, rest) = Header::read_from_prefix(bytes).map_err(|_| TableError::NotATable)?;
        let (backend, window, density) = header.check::<G>(source)?;
        let lengths = header.lengths(size_of::<G::Row>());
        let (slot_bytes, row_bytes) = lengths
            .filter(|(slots, rows)| slots.next_multiple_of(64) + rows == rest.len())
            .ok_or(TableError::Length {
                expected: header.announced(size_of::<G::Row>()),
                actual: bytes.len() as u64,
            })?;
        let (slots, rest) = rest.split_at_checked(slot_bytes).ok_or(TableError::Damaged)?;
        let rows = rest.len().checked_sub(row_bytes).and_then(|padding| rest.get(padding..));
        let slots = <[u32]>::ref_from_bytes(slots).map_err(|_| TableError::Misaligned)?;
        let rows = <[G::Row]>::ref_from_bytes(rows.ok_or(TableError::Damaged)?)
            .map_err(|_| TableError::Misaligned)?;
        let count = rows.len() / density.rows(window);
        if slots.iter().any(|&slot| slot != NO_SLOT && slot as usize >= count) {
            return Err(TableError::Damaged);
        }
        let (slots, rows) = (Cow::Borrowed(slots), Cow::Borrowed(rows));
        let factors = Factors::new(window, density);
        Ok(Self { backend, window, density, factors, slots, rows })
    }
}

impl Header {
    /// What the table is for, if this is a table that can be used here.
    fn check<G: Layout>(
        &self,
        source: &[u8; 32],
    ) -> Result<(Backend, Window, Density), TableError> {
        if self.magic != MAGIC || self.version.get() != VERSION || self.group.get() != G::TAG {
            return Err(TableError::NotATable);
        }
        if self.source != *source {
            return Err(TableError::OtherSource);
        }
        let backend = Backend::available()
            .find(|&backend| form(backend) == self.form.get())
            .ok_or(TableError::OtherBackend)?;
        let window = Window::new(self.bits.get());
        let density =
            Density::from_numbers(window, self.density.map(U32::get)).ok_or(TableError::Damaged)?;
        let whole = self.rows.get().is_multiple_of(density.rows(window) as u64);
        if window.bits() != self.bits.get() || !whole || self.rows.get() > MAX_ROWS as u64 {
            return Err(TableError::Damaged);
        }
        Ok((backend, window, density))
    }

    /// Bytes of the slots and of the rows.
    fn lengths(&self, row: usize) -> Option<(usize, usize)> {
        let points = usize::try_from(self.points.get()).ok()?;
        let rows = usize::try_from(self.rows.get()).ok()?;
        let slots = points.checked_mul(4).filter(|&bytes| bytes <= MAX_ROWS)?;
        Some((slots, rows.checked_mul(row)?))
    }

    fn announced(&self, row: usize) -> u64 {
        let slots = self.points.get().saturating_mul(4).min(u64::MAX - 64).next_multiple_of(64);
        let rows = self.rows.get().saturating_mul(row as u64);
        slots.saturating_add(rows).saturating_add(HEADER as u64)
    }
}

const fn form(backend: Backend) -> u32 {
    match backend {
        Backend::Ifma => 1,
        Backend::Portable => 2,
    }
}

#[cfg(test)]
mod tests {
    use ark_ec::AffineRepr;

    use super::super::{Digits, G1, G1Table, G2, G2Table, Group};
    use super::*;
    use crate::Fr;

    const SOURCE: [u8; 32] = [7; 32];

    /// A copy of bytes that begins at a multiple of 64, and how far in.
    fn aligned(bytes: &[u8]) -> (Vec<u8>, usize) {
        let mut copy = alloc::vec![0; bytes.len() + 64];
        let start = copy.as_ptr().align_offset(64);
        copy[start..start + bytes.len()].copy_from_slice(bytes);
        (copy, start)
    }

    fn comes_back<G: Layout>(point: ark_ec::short_weierstrass::Affine<<G as Group>::Config>) {
        let points = [point, -point, ark_ec::short_weierstrass::Affine::zero(), point];
        let scalars = [5u64, 3, 1, 9].map(Fr::from);
        let densities =
            [Density::BARE, Density::spaced(5), Density::SHIFTS, Density::multiplied(3)];
        for (backend, density) in
            Backend::available().flat_map(|backend| densities.map(|density| (backend, density)))
        {
            let shape = (Window::new(7), density);
            let table = Table::<G>::build(backend, shape, &points, &mut |_, _| {});
            let bytes = table.to_bytes(&SOURCE);
            assert_eq!(bytes.len(), table.byte_len());
            let (copy, start) = aligned(&bytes);
            let lent: Table<'_, G> =
                Table::from_bytes(&copy[start..start + bytes.len()], &SOURCE).unwrap();
            let digits = Digits::new(Window::new(7), &scalars);
            assert_eq!(lent.vartime_msm(&digits), Some(point * Fr::from(11u64).0));
            assert_eq!(lent.vartime_msm(&digits), table.vartime_msm(&digits));
            assert_eq!(lent.to_bytes(&SOURCE), bytes);
        }
    }

    #[test]
    fn a_table_works_from_the_bytes_it_was_written_to() {
        comes_back::<G1>(AffineRepr::generator());
        comes_back::<G2>(AffineRepr::generator());
    }

    #[test]
    fn bytes_that_are_no_usable_table_are_refused() {
        let point = ark_bn254::G1Affine::generator();
        let shape = (Window::new(8), Density::SHIFTS);
        let table = G1Table::build(Backend::Portable, shape, &[point; 3], &mut |_, _| {});
        let bytes = table.to_bytes(&SOURCE);
        let load = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut changed = bytes.clone();
            change(&mut changed);
            let (copy, start) = aligned(&changed);
            G1Table::from_bytes(&copy[start..start + changed.len()], &SOURCE).err()
        };
        assert_eq!(load(&|_| ()), None);
        assert_eq!(load(&|bytes| bytes.truncate(100)), Some(TableError::NotATable));
        assert_eq!(load(&|bytes| bytes[0] ^= 1), Some(TableError::NotATable));
        assert_eq!(load(&|bytes| bytes[8] ^= 1), Some(TableError::NotATable));
        assert_eq!(load(&|bytes| bytes[16] = 9), Some(TableError::OtherBackend));
        assert_eq!(load(&|bytes| bytes[20] = 77), Some(TableError::Damaged));
        assert_eq!(load(&|bytes| bytes[72] = 0), Some(TableError::Damaged));
        assert_eq!(load(&|bytes| bytes[72] = 200), Some(TableError::Damaged));
        assert_eq!(load(&|bytes| bytes[76] = 0), Some(TableError::Damaged));
        assert_eq!(load(&|bytes| bytes[76] = 17), Some(TableError::Damaged));
        assert_eq!(load(&|bytes| bytes[32] ^= 1), Some(TableError::Damaged));
        assert_eq!(load(&|bytes| bytes[40] ^= 1), Some(TableError::OtherSource));
        assert_eq!(load(&|bytes| bytes[129] = 1), Some(TableError::Damaged));
        let expected = bytes.len() as u64;
        assert_eq!(
            load(&|bytes| bytes.push(0)),
            Some(TableError::Length { expected, actual: expected + 1 })
        );
        assert!(matches!(load(&|bytes| bytes[31] = 255), Some(TableError::Length { .. })));
        assert_eq!(G2Table::from_bytes(&bytes, &SOURCE).err(), Some(TableError::NotATable));
        let (copy, start) = aligned(&bytes);
        let mut shifted = alloc::vec![0; 8];
        shifted.extend_from_slice(&copy[start..start + bytes.len()]);
        let (copy, start) = aligned(&shifted);
        assert_eq!(
            G1Table::from_bytes(&copy[start + 8..start + shifted.len()], &SOURCE).err(),
            Some(TableError::Misaligned)
        );
    }
}
