//! Bytes as hexadecimal digits.

use std::fmt::Write as _;

use logos_crypto::Fr;
use logos_rln::IdentitySecret;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why text is not the bytes that were asked for.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HexError {
    /// There are too few or too many digits.
    #[error("{found} characters where {wanted} hexadecimal digits belong")]
    Length {
        /// Characters found.
        found: usize,
        /// Digits wanted.
        wanted: usize,
    },
    /// An odd number of digits makes no bytes.
    #[error("{found} hexadecimal digits, which is an odd number")]
    Odd {
        /// Digits found.
        found: usize,
    },
    /// A character is not a digit.
    #[error("character {position} is not a hexadecimal digit")]
    Digit {
        /// Its place, from 1.
        position: usize,
    },
}

/// Lower-case digits, two a byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// As [`encode`], in a string that is wiped.
fn encode_secret(bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(64));
    for byte in bytes {
        write!(text, "{byte:02x}").ok();
    }
    text
}

/// A field element as 64 digits: 32 bytes, least significant first.
#[must_use]
pub fn encode_field(element: Fr) -> String {
    encode(&element.to_bytes())
}

/// An identity secret as 64 digits, in a string that is wiped.
#[must_use]
pub fn encode_identity_secret(secret: &IdentitySecret) -> Zeroizing<String> {
    encode_secret(&secret.expose_secret().to_bytes())
}

/// Bytes of digits in either case, wiped on drop because they may be secret.
///
/// # Errors
///
/// [`HexError::Odd`] or [`HexError::Digit`].
pub fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, HexError> {
    let digits = text.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(HexError::Odd { found: digits.len() });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for (number, [high, low]) in pairs.iter().enumerate() {
        let position = 2 * number + 1;
        bytes.push(digit(*high, position)? << 4 | digit(*low, position + 1)?);
    }
    Ok(bytes)
}

/// Exactly 32 bytes.
pub(crate) fn decode_32(text: &str) -> Result<Zeroizing<[u8; 32]>, HexError> {
    let length = HexError::Length { found: text.chars().count(), wanted: 64 };
    if text.len() != 64 {
        return Err(length);
    }
    let bytes = decode(text)?;
    let array = bytes.as_slice().try_into().map_err(|_| length)?;
    Ok(Zeroizing::new(array))
}

fn digit(character: u8, position: usize) -> Result<u8, HexError> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        b'A'..=b'F' => Ok(character - b'A' + 10),
        _ => Err(HexError::Digit { position }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_in_either_case_and_written_in_lower() {
        assert_eq!(decode("00fFA5").unwrap().as_slice(), [0, 255, 165]);
        assert_eq!(encode(&[0, 255, 165]), "00ffa5");
        assert_eq!(encode_secret(&[0xab; 32]).as_str(), "ab".repeat(32));
    }

    #[test]
    fn other_text_is_refused_with_its_place() {
        assert_eq!(decode("abc"), Err(HexError::Odd { found: 3 }));
        assert_eq!(decode("ab0x"), Err(HexError::Digit { position: 4 }));
        assert_eq!(decode_32("ab"), Err(HexError::Length { found: 2, wanted: 64 }));
        assert_eq!(decode_32(&"é".repeat(32)), Err(HexError::Digit { position: 1 }));
    }
}
