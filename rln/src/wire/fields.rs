//! Field elements, counts and lists in either byte order.

use alloc::vec::Vec;

use logos_crypto::Fr;
use logos_crypto::codec::{Reader, Writer};

use super::{ByteOrder, WireError};

/// Reads field elements and lists of them.
pub(super) struct FieldReader<'a> {
    reader: Reader<'a>,
    order: ByteOrder,
}

impl<'a> FieldReader<'a> {
    pub(super) const fn new(bytes: &'a [u8], order: ByteOrder) -> Self {
        Self { reader: Reader::new(bytes), order }
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.reader.u8()?)
    }

    pub(super) fn field(&mut self) -> Result<Fr, WireError> {
        let bytes = self.reader.array()?;
        Ok(match self.order {
            ByteOrder::Little => Fr::from_bytes(bytes),
            ByteOrder::Big => Fr::from_bytes_be(bytes),
        }?)
    }

    /// A number that every circuit's limits and ids are far below.
    pub(super) fn small(&mut self) -> Result<u32, WireError> {
        let value = self.field()?.to_u64().ok_or(WireError::TooLarge)?;
        u32::try_from(value).map_err(|_| WireError::TooLarge)
    }

    /// A list of at most `bound` elements.
    pub(super) fn fields(&mut self, bound: usize) -> Result<Vec<Fr>, WireError> {
        let count = self.count(bound, Fr::BYTES)?;
        (0..count).map(|_| self.field()).collect()
    }

    /// A list of at most `bound` such numbers.
    pub(super) fn smalls(&mut self, bound: usize) -> Result<Vec<u32>, WireError> {
        let count = self.count(bound, Fr::BYTES)?;
        (0..count).map(|_| self.small()).collect()
    }

    /// A list of at most `bound` bytes.
    pub(super) fn bytes(&mut self, bound: usize) -> Result<&'a [u8], WireError> {
        let count = self.count(bound, 1)?;
        Ok(self.reader.take(count)?)
    }

    /// A list of at most `bound` answers, a byte each.
    pub(super) fn bools(&mut self, bound: usize) -> Result<Vec<bool>, WireError> {
        self.bytes(bound)?.iter().copied().map(answer).collect()
    }

    pub(super) fn finish(self) -> Result<(), WireError> {
        Ok(self.reader.finish()?)
    }

    fn count(&mut self, bound: usize, entry_bytes: usize) -> Result<usize, WireError> {
        let count = match self.order {
            ByteOrder::Little => self.reader.u64_le(),
            ByteOrder::Big => self.reader.u64_be(),
        }?;
        Ok(self.reader.checked_count(count, bound, entry_bytes)?)
    }
}

/// A byte that says yes or no.
pub(super) const fn answer(value: u8) -> Result<bool, WireError> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        value => Err(WireError::NotABool { value }),
    }
}

/// Writes what [`FieldReader`] reads. Reserves all its room at once, so that secrets which pass
/// through leave no copy behind in a smaller buffer.
pub(super) struct FieldWriter {
    writer: Writer,
    order: ByteOrder,
}

impl FieldWriter {
    pub(super) fn new(capacity: usize, order: ByteOrder) -> Self {
        Self { writer: Writer::with_capacity(capacity), order }
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.writer.u8(value);
        self
    }

    pub(super) fn field(&mut self, value: Fr) -> &mut Self {
        self.writer.put(&match self.order {
            ByteOrder::Little => value.to_bytes(),
            ByteOrder::Big => value.to_bytes_be(),
        });
        self
    }

    pub(super) fn fields(&mut self, values: &[Fr]) -> &mut Self {
        self.count(values.len());
        for value in values {
            self.field(*value);
        }
        self
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len());
        self.writer.put(bytes);
        self
    }

    pub(super) fn bools(&mut self, answers: &[bool]) -> &mut Self {
        self.count(answers.len());
        for answer in answers {
            self.writer.u8(u8::from(*answer));
        }
        self
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.writer.into_bytes()
    }

    fn count(&mut self, count: usize) {
        match self.order {
            ByteOrder::Little => self.writer.u64_le(count as u64),
            ByteOrder::Big => self.writer.u64_be(count as u64),
        };
    }
}

/// Bytes of a list of `n` entries.
pub(super) const fn list_bytes(n: usize, entry_bytes: usize) -> usize {
    8 + n * entry_bytes
}
