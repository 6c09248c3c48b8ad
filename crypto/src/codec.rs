//! Bounded, canonical reading and writing of bytes.
//!
//! A [`Reader`] never allocates from a length it was told: a count is checked against the bytes
//! that are really there before anything is reserved. [`Reader::finish`] refuses trailing bytes,
//! so one value has one encoding.

use alloc::vec::Vec;

use thiserror::Error;

/// Why bytes are not an encoding.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends where `needed` more bytes should stand.
    #[error("input ends early: {needed} more bytes needed")]
    Truncated {
        /// Bytes that are missing.
        needed: usize,
    },
    /// The input goes on after the value.
    #[error("{extra} bytes after the end of the value")]
    Trailing {
        /// Bytes left over.
        extra: usize,
    },
    /// A tag, flag or version has no meaning here.
    #[error("unknown tag {tag:#04x}")]
    UnknownTag {
        /// The byte that was read.
        tag: u8,
    },
    /// A count or length is over the bound of its format.
    #[error("length {length} is over the bound {bound}")]
    TooLong {
        /// What the input claims.
        length: u64,
        /// What the format allows.
        bound: u64,
    },
    /// The bytes encode a value in a form other than its canonical one.
    #[error("value is not in canonical form")]
    NotCanonical,
}

/// Reads values off the front of a byte slice.
///
/// # Examples
///
/// ```
/// use logos_crypto::codec::{DecodeError, Reader};
///
/// let mut reader = Reader::new(&[1, 0, 0, 0, 9]);
/// assert_eq!(reader.u32_le()?, 1);
/// assert_eq!(reader.finish(), Err(DecodeError::Trailing { extra: 1 }));
/// # Ok::<(), DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not read yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self
            .rest
            .split_at_checked(n)
            .ok_or(DecodeError::Truncated { needed: n.saturating_sub(self.rest.len()) })?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(DecodeError::Truncated { needed: N.saturating_sub(self.rest.len()) })?;
        self.rest = rest;
        Ok(head)
    }

    /// One byte.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] at the end of the input.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| *byte)
    }

    /// Two bytes, most significant first.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn u16_be(&mut self) -> Result<u16, DecodeError> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// Four bytes, least significant first.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn u32_le(&mut self) -> Result<u32, DecodeError> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Four bytes, most significant first.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn u32_be(&mut self) -> Result<u32, DecodeError> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// Eight bytes, least significant first.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn u64_le(&mut self) -> Result<u64, DecodeError> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Eight bytes, most significant first.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn u64_be(&mut self) -> Result<u64, DecodeError> {
        self.array().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// Turns a count read from the input into one that is safe to reserve: at most `bound`
    /// entries, and no more than the remaining bytes can hold at `entry_bytes` each.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLong`] over `bound`, [`DecodeError::Truncated`] over what is there.
    pub fn checked_count(
        &self,
        count: u64,
        bound: usize,
        entry_bytes: usize,
    ) -> Result<usize, DecodeError> {
        let count = usize::try_from(count)
            .ok()
            .filter(|count| *count <= bound)
            .ok_or(DecodeError::TooLong { length: count, bound: bound as u64 })?;
        let needed = count.saturating_mul(entry_bytes);
        if needed > self.rest.len() {
            return Err(DecodeError::Truncated { needed: needed - self.rest.len() });
        }
        Ok(count)
    }

    /// Ends the value.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Trailing`] if bytes are left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(DecodeError::Trailing { extra }),
        }
    }
}

/// Appends values to a byte vector; the counterpart of [`Reader`].
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty writer with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity) }
    }

    /// Appends `bytes` as they are.
    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }

    /// Appends two bytes, most significant first.
    pub fn u16_be(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    /// Appends four bytes, most significant first.
    pub fn u32_be(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    /// Appends four bytes, least significant first.
    pub fn u32_le(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Appends eight bytes, least significant first.
    pub fn u64_le(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Appends eight bytes, most significant first.
    pub fn u64_be(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    /// The bytes written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_huge_count_is_refused_before_anything_is_reserved() {
        let reader = Reader::new(&[0; 40]);
        assert_eq!(
            reader.checked_count(1 << 60, 64, 32),
            Err(DecodeError::TooLong { length: 1 << 60, bound: 64 })
        );
        assert_eq!(reader.checked_count(2, 64, 32), Err(DecodeError::Truncated { needed: 24 }));
        assert_eq!(reader.checked_count(1, 64, 32), Ok(1));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(a: u8, b: u16, c: u32, d: u64, tail: Vec<u8>) {
            let mut writer = Writer::default();
            writer.u8(a).u16_be(b).u32_be(c).u32_le(c).u64_be(d).u64_le(d).put(&tail);
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.u8(), Ok(a));
            prop_assert_eq!(reader.u16_be(), Ok(b));
            prop_assert_eq!(reader.u32_be(), Ok(c));
            prop_assert_eq!(reader.u32_le(), Ok(c));
            prop_assert_eq!(reader.u64_be(), Ok(d));
            prop_assert_eq!(reader.u64_le(), Ok(d));
            prop_assert_eq!(reader.take(tail.len()), Ok(&tail[..]));
            prop_assert_eq!(reader.finish(), Ok(()));
        }
    }
}
