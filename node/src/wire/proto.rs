//! Protocol buffers: the fields of a message, read from bytes and written to them.

use thiserror::Error;

/// Why bytes are not the message they should be.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes end inside a field.
    #[error("the bytes end inside a field")]
    Truncated,
    /// A variable-length number has more than 64 bits.
    #[error("a number has more than 64 bits")]
    Number,
    /// A key names no field, or a type that protocol buffers do not have.
    #[error("a key names no field")]
    Key,
    /// A field has another type than it should.
    #[error("field {field} has another type")]
    Type {
        /// The field's number.
        field: u32,
    },
    /// A required field is not there.
    #[error("field {field} is missing")]
    Missing {
        /// The field's number.
        field: u32,
    },
    /// A field is over its bound.
    #[error("field {field} has {bytes} bytes of at most {limit}")]
    TooLong {
        /// The field's number.
        field: u32,
        /// Its length.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// A repeated field occurs too often.
    #[error("field {field} occurs more than {limit} times")]
    TooMany {
        /// The field's number.
        field: u32,
        /// The bound.
        limit: usize,
    },
    /// A field's value is none it may have.
    #[error("field {field} has a value it must not have")]
    Value {
        /// The field's number.
        field: u32,
    },
    /// The whole is over its bound.
    #[error("{bytes} bytes of at most {limit}")]
    Size {
        /// The length of the whole.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
}

/// Checks the length of a whole message.
pub(super) const fn check_size(bytes: &[u8], limit: usize) -> Result<(), WireError> {
    if bytes.len() <= limit { Ok(()) } else { Err(WireError::Size { bytes: bytes.len(), limit }) }
}

/// The fields of a message in their order on the wire. Ends after the first error.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    value: Value<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// A fixed-width number: of no known field, so only skipped.
    Fixed,
}

impl<'a> Fields<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn next_field(&mut self) -> Result<Field<'a>, WireError> {
        let key = self.number()?;
        let number = u32::try_from(key >> 3).map_err(|_| WireError::Key)?;
        if number == 0 {
            return Err(WireError::Key);
        }
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => self.fixed(8)?,
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| WireError::Truncated)?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.fixed(4)?,
            _ => return Err(WireError::Key),
        };
        Ok(Field { number, value })
    }

    fn fixed(&mut self, bytes: usize) -> Result<Value<'a>, WireError> {
        self.take(bytes).map(|_| Value::Fixed)
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, WireError> {
        let (number, length) = read_varint(self.rest)?;
        self.take(length)?;
        Ok(number)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.next_field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Field<'a> {
    pub(super) const fn u64(&self) -> Result<u64, WireError> {
        match self.value {
            Value::Number(number) => Ok(number),
            _ => Err(WireError::Type { field: self.number }),
        }
    }

    pub(super) fn u32(&self) -> Result<u32, WireError> {
        u32::try_from(self.u64()?).map_err(|_| WireError::Value { field: self.number })
    }

    pub(super) fn bool(&self) -> Result<bool, WireError> {
        Ok(self.u64()? != 0)
    }

    /// A number whose sign is its lowest bit.
    pub(super) fn zigzag(&self) -> Result<i64, WireError> {
        let number = self.u64()?;
        let magnitude = (number >> 1).cast_signed();
        Ok(if number & 1 == 0 { magnitude } else { !magnitude })
    }

    pub(super) const fn bytes(&self) -> Result<&'a [u8], WireError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::Type { field: self.number }),
        }
    }

    pub(super) fn bytes_up_to(&self, limit: usize) -> Result<&'a [u8], WireError> {
        let bytes = self.bytes()?;
        if bytes.len() > limit {
            return Err(WireError::TooLong { field: self.number, bytes: bytes.len(), limit });
        }
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&self) -> Result<[u8; N], WireError> {
        self.bytes()?.try_into().map_err(|_| WireError::Value { field: self.number })
    }

    pub(super) fn text(&self) -> Result<String, WireError> {
        self.text_up_to(usize::MAX)
    }

    pub(super) fn text_up_to(&self, limit: usize) -> Result<String, WireError> {
        let bytes = self.bytes_up_to(limit)?;
        let text = core::str::from_utf8(bytes);
        text.map(str::to_owned).map_err(|_| WireError::Value { field: self.number })
    }

    /// Numbers of a repeated field, packed or one of several.
    pub(super) fn push_numbers(&self, to: &mut Vec<u32>, limit: usize) -> Result<(), WireError> {
        let Value::Bytes(mut packed) = self.value else {
            return push(to, self.u32()?, self.number, limit);
        };
        while !packed.is_empty() {
            let (number, length) = read_varint(packed)?;
            packed = packed.get(length..).unwrap_or_default();
            let number =
                u32::try_from(number).map_err(|_| WireError::Value { field: self.number })?;
            push(to, number, self.number, limit)?;
        }
        Ok(())
    }
}

/// Adds an element of a repeated field.
pub(super) fn push<T>(
    to: &mut Vec<T>,
    element: T,
    field: u32,
    limit: usize,
) -> Result<(), WireError> {
    if to.len() >= limit {
        return Err(WireError::TooMany { field, limit });
    }
    to.push(element);
    Ok(())
}

/// The value of a required field.
pub(super) fn required<T>(value: Option<T>, field: u32) -> Result<T, WireError> {
    value.ok_or(WireError::Missing { field })
}

/// A number of seven bits a byte, and how many bytes it took.
pub(super) fn read_varint(bytes: &[u8]) -> Result<(u64, usize), WireError> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().take(MAX_VARINT_BYTES).enumerate() {
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if index + 1 == MAX_VARINT_BYTES && bits > 1 {
            return Err(WireError::Number);
        }
        number |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((number, index + 1));
        }
    }
    Err(if bytes.len() < MAX_VARINT_BYTES { WireError::Truncated } else { WireError::Number })
}

/// Writes a number of seven bits a byte.
pub(super) fn write_varint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    to.push(number.to_le_bytes()[0]);
}

/// Bytes of a number of 64 bits.
pub(super) const MAX_VARINT_BYTES: usize = 10;

/// Writes fields, empty ones as well.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity) }
    }

    pub(super) fn number(&mut self, field: u32, number: impl Into<u64>) -> &mut Self {
        write_varint(&mut self.bytes, u64::from(field) << 3);
        write_varint(&mut self.bytes, number.into());
        self
    }

    pub(super) fn zigzag(&mut self, field: u32, number: i64) -> &mut Self {
        self.number(field, ((number << 1) ^ (number >> 63)).cast_unsigned())
    }

    pub(super) fn bytes(&mut self, field: u32, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        write_varint(&mut self.bytes, u64::from(field) << 3 | 2);
        // A slice has at most isize::MAX bytes, which 64 bits hold.
        write_varint(&mut self.bytes, bytes.len().try_into().unwrap_or(u64::MAX));
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(super) fn optional(&mut self, field: u32, bytes: Option<impl AsRef<[u8]>>) -> &mut Self {
        if let Some(bytes) = bytes {
            self.bytes(field, bytes);
        }
        self
    }

    pub(super) fn each<T: AsRef<[u8]>>(&mut self, field: u32, items: &[T]) -> &mut Self {
        for item in items {
            self.bytes(field, item);
        }
        self
    }

    pub(super) fn finish(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bytes)
    }
}
