//! Recursive length prefixes, as far as node records need them: a list of strings.

use thiserror::Error;

/// Why bytes are no list of strings.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RlpError {
    /// The bytes end inside an item.
    #[error("the bytes end inside an item")]
    Truncated,
    /// Bytes follow the list.
    #[error("bytes follow the list")]
    Trailing,
    /// There is a string where the list should be.
    #[error("not a list")]
    NotList,
    /// A length or a byte is written longer than it need be.
    #[error("an item is not written in its shortest form")]
    NotShortest,
}

/// An item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// Its bytes with their prefix.
    pub(super) encoded: &'a [u8],
    payload: &'a [u8],
    is_list: bool,
}

impl<'a> Item<'a> {
    /// The bytes of a string; `None` for a list inside the list.
    pub(super) fn string(&self) -> Option<&'a [u8]> {
        (!self.is_list).then_some(self.payload)
    }

    fn take(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RlpError> {
        let first = *bytes.first().ok_or(RlpError::Truncated)?;
        let (prefix, length, is_list) = match first {
            0..0x80 => (0, 1, false),
            0x80..0xb8 => (1, usize::from(first - 0x80), false),
            0xb8..0xc0 => long(bytes, usize::from(first - 0xb7), false)?,
            0xc0..0xf8 => (1, usize::from(first - 0xc0), true),
            0xf8.. => long(bytes, usize::from(first - 0xf7), true)?,
        };
        let end = length.checked_add(prefix).ok_or(RlpError::Truncated)?;
        let (encoded, rest) = bytes.split_at_checked(end).ok_or(RlpError::Truncated)?;
        let payload = encoded.get(prefix..).ok_or(RlpError::Truncated)?;
        if first == 0x81 && payload.first().is_some_and(|byte| *byte < 0x80) {
            return Err(RlpError::NotShortest);
        }
        Ok((Self { encoded, payload, is_list }, rest))
    }
}

/// A length of 56 bytes and more stands behind the first byte, in `width` bytes.
fn long(bytes: &[u8], width: usize, is_list: bool) -> Result<(usize, usize, bool), RlpError> {
    let digits = bytes.get(1..=width).ok_or(RlpError::Truncated)?;
    if digits.first() == Some(&0) {
        return Err(RlpError::NotShortest);
    }
    let mut length = 0_usize;
    for digit in digits {
        length = length.checked_mul(256).ok_or(RlpError::Truncated)? + usize::from(*digit);
    }
    if length < SHORT {
        return Err(RlpError::NotShortest);
    }
    Ok((1 + width, length, is_list))
}

/// Payloads below this length have it in their first byte.
const SHORT: usize = 56;

/// The items of a list that is all of the bytes. Allocates once for each item that is there.
pub(super) fn decode_list(bytes: &[u8]) -> Result<Vec<Item<'_>>, RlpError> {
    let (list, rest) = Item::take(bytes)?;
    if !rest.is_empty() {
        return Err(RlpError::Trailing);
    }
    if !list.is_list {
        return Err(RlpError::NotList);
    }
    let (mut items, mut rest) = (Vec::new(), list.payload);
    while !rest.is_empty() {
        let (item, after) = Item::take(rest)?;
        items.push(item);
        rest = after;
    }
    Ok(items)
}

/// A string with its prefix.
pub(super) fn string(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [byte] if *byte < 0x80 => vec![*byte],
        _ => prefixed(0x80, bytes),
    }
}

/// A number with its prefix: its bytes without leading zeros.
pub(super) fn number(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    string(bytes.get(zeros..).unwrap_or_default())
}

/// Reads a number of at most 64 bits, without leading zeros.
pub(super) fn read_number(bytes: &[u8]) -> Result<u64, RlpError> {
    if bytes.first() == Some(&0) {
        return Err(RlpError::NotShortest);
    }
    if bytes.len() > size_of::<u64>() {
        return Err(RlpError::Truncated);
    }
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A list of items that have their prefixes.
pub(super) fn list(items: &[Vec<u8>]) -> Vec<u8> {
    prefixed(0xc0, &items.concat())
}

fn prefixed(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 9);
    match u8::try_from(payload.len()) {
        Ok(length) if payload.len() < SHORT => bytes.push(kind + length),
        _ => {
            let length = payload.len().to_be_bytes();
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            let digits = length.get(zeros..).unwrap_or_default();
            // At most eight digits, and 0xf7 + 8 is the last byte there is.
            bytes.push(kind + 55 + u8::try_from(digits.len()).unwrap_or_default());
            bytes.extend_from_slice(digits);
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_those_of_the_yellow_paper() {
        let items = [string(b"cat"), string(b"dog")];
        assert_eq!(list(&items), b"\xc8\x83cat\x83dog");
        assert_eq!(list(&[]), [0xc0]);
        assert_eq!(number(0), [0x80]);
        assert_eq!(number(15), [15]);
        assert_eq!(number(1024), [0x82, 4, 0]);
        let long = b"Lorem ipsum dolor sit amet, consectetur adipisicing elit";
        assert_eq!(string(long)[..2], [0xb8, 0x38]);
    }

    #[test]
    fn what_could_be_written_shorter_is_refused() {
        assert_eq!(decode_list(&[0xc2, 0x81, 5]), Err(RlpError::NotShortest));
        assert_eq!(decode_list(&[0xf8, 1, 5]), Err(RlpError::NotShortest));
        assert_eq!(decode_list(&[0xf9, 0, 56]), Err(RlpError::NotShortest));
        assert_eq!(read_number(&[0, 1]), Err(RlpError::NotShortest));
        assert_eq!(decode_list(&[0x83, 1, 2, 3]), Err(RlpError::NotList));
        assert_eq!(decode_list(&[0xc0, 0]), Err(RlpError::Trailing));
        assert_eq!(decode_list(&[0xff; 9]), Err(RlpError::Truncated));
    }

    proptest! {
        #[test]
        fn decoding_inverts_encoding(
            strings in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..6),
            count in any::<u64>(),
        ) {
            let mut items: Vec<_> = strings.iter().map(|bytes| string(bytes)).collect();
            items.push(number(count));
            let encoded = list(&items);
            let decoded = decode_list(&encoded).unwrap();
            let (last, rest) = decoded.split_last().unwrap();
            prop_assert_eq!(read_number(last.string().unwrap()), Ok(count));
            let rest: Vec<_> = rest.iter().map(|item| item.string().unwrap().to_vec()).collect();
            prop_assert_eq!(rest, strings);
        }

        #[test]
        fn what_decodes_is_what_would_have_been_written(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(items) = decode_list(&bytes) {
                let items: Vec<_> = items.iter().map(|item| item.encoded.to_vec()).collect();
                prop_assert_eq!(list(&items), bytes);
            }
        }
    }
}
