//! The little of protobuf that the deployed formats use: varints and length-delimited fields,
//! read canonically, so that one value has one encoding.
//!
//! # Examples
//!
//! ```
//! use logos_crypto::protobuf::{fields, put_bytes, put_u64};
//!
//! let mut message = Vec::new();
//! put_u64(&mut message, 1, 300);
//! put_bytes(&mut message, 2, b"hello");
//! let mut text = None;
//! fields(&message, &[], |number, value| {
//!     if number == 2 {
//!         text = Some(value.bytes()?);
//!     }
//!     Ok(())
//! })?;
//! assert_eq!(text, Some(&b"hello"[..]));
//! # Ok::<(), logos_crypto::codec::DecodeError>(())
//! ```

use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader};

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// An integer, wire type 0.
    Varint(u64),
    /// Bytes, a string or a message, wire type 2.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The bytes of a length-delimited field.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NotCanonical`] if it is an integer.
    pub fn bytes(self) -> Result<&'a [u8], DecodeError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Varint(_) => Err(DecodeError::NotCanonical),
        }
    }

    /// As [`Value::bytes`], of exactly `N` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NotCanonical`] if it is anything else.
    pub fn array<const N: usize>(self) -> Result<&'a [u8; N], DecodeError> {
        self.bytes()?.try_into().map_err(|_| DecodeError::NotCanonical)
    }

    /// The UTF-8 text of a length-delimited field.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NotCanonical`] if it is anything else.
    pub fn text(self) -> Result<&'a str, DecodeError> {
        core::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::NotCanonical)
    }

    /// The integer.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NotCanonical`] if the field is not one.
    pub fn u64(self) -> Result<u64, DecodeError> {
        match self {
            Self::Varint(value) => Ok(value),
            Self::Bytes(_) => Err(DecodeError::NotCanonical),
        }
    }

    /// The integer, if it fits.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NotCanonical`] if it does not, or is none.
    pub fn u32(self) -> Result<u32, DecodeError> {
        u32::try_from(self.u64()?).map_err(|_| DecodeError::NotCanonical)
    }
}

/// Hands every field of a message to `each`, in the order they stand. Numbers must rise, as every
/// encoder writes them; only those in `repeated` may stand several times. Whether a number is
/// known, and that a default value is absent, is for `each` to check.
///
/// # Errors
///
/// [`DecodeError`] for a malformed message, and what `each` says.
pub fn fields<'a>(
    bytes: &'a [u8],
    repeated: &[u64],
    mut each: impl FnMut(u64, Value<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut last = 0;
    while reader.remaining() > 0 {
        let tag = varint(&mut reader)?;
        let number = tag >> 3;
        if number < last || number == last && !repeated.contains(&number) {
            return Err(DecodeError::NotCanonical);
        }
        last = number;
        each(number, value(tag, &mut reader)?)?;
    }
    Ok(())
}

fn value<'a>(tag: u64, reader: &mut Reader<'a>) -> Result<Value<'a>, DecodeError> {
    match tag & 7 {
        0 => Ok(Value::Varint(varint(reader)?)),
        2 => {
            let length = varint(reader)?;
            let length = reader.checked_count(length, reader.remaining(), 1)?;
            Ok(Value::Bytes(reader.take(length)?))
        }
        _ => Err(DecodeError::UnknownTag { tag: u8::try_from(tag & 7).unwrap_or(7) }),
    }
}

/// A base-128 varint, shortest form only.
///
/// # Errors
///
/// [`DecodeError::NotCanonical`] for a longer form or a value over 64 bits,
/// [`DecodeError::Truncated`] at the end of the input.
pub fn varint(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = reader.u8()?;
        let part = u64::from(byte & 0x7f);
        value |= part << shift;
        if byte & 0x80 == 0 {
            let overlong = byte == 0 && shift > 0;
            let lost = shift == 63 && part > 1;
            return if overlong || lost { Err(DecodeError::NotCanonical) } else { Ok(value) };
        }
    }
    Err(DecodeError::NotCanonical)
}

/// Appends a varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0x7f);
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Appends an integer field; zero is the default and is left out.
pub fn put_u64(out: &mut Vec<u8>, number: u64, value: u64) {
    if value != 0 {
        put_varint(out, number << 3);
        put_varint(out, value);
    }
}

/// Appends a bytes, string or message field, present even when empty.
pub fn put_message(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a bytes or string field; empty is the default and is left out.
pub fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_message(out, number, bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_overlong_varint_is_refused() {
        assert_eq!(varint(&mut Reader::new(&[0x80, 0])), Err(DecodeError::NotCanonical));
        assert_eq!(varint(&mut Reader::new(&[0xff; 10])), Err(DecodeError::NotCanonical));
    }

    #[test]
    fn a_length_beyond_the_input_is_refused() {
        let huge = [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(fields(&huge, &[], |_, _| Ok(())).is_err());
    }

    #[test]
    fn only_a_repeated_field_may_stand_twice() {
        let twice = [0x08, 1, 0x08, 2];
        let mut seen = Vec::new();
        let each = |number, _| {
            seen.push(number);
            Ok(())
        };
        assert_eq!(fields(&twice, &[1], each), Ok(()));
        assert_eq!(seen, [1, 1]);
        assert_eq!(fields(&twice, &[2], |_, _| Ok(())), Err(DecodeError::NotCanonical));
        assert_eq!(fields(&[0x00, 1], &[], |_, _| Ok(())), Err(DecodeError::NotCanonical));
    }

    proptest! {
        #[test]
        fn a_varint_is_read_as_it_was_written(value: u64) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(varint(&mut reader), Ok(value));
            prop_assert_eq!(reader.finish(), Ok(()));
        }
    }
}
