//! Targets for `logos-crypto`.

use logos_crypto::Fr;
use logos_crypto::codec::{DecodeError, Reader, Writer};

/// Entries that one list may have.
const BOUND: usize = 64;

/// Reads the bytes as a script of reads and writes what was read back.
///
/// A canonical reader and its writer are inverse to each other: what was consumed is what is
/// written, byte for byte, and a count never promises more than is there.
///
/// # Panics
///
/// If that does not hold.
pub fn codec(data: &[u8]) {
    let mut reader = Reader::new(data);
    let mut writer = Writer::default();
    while let Ok(choice) = reader.u8() {
        writer.u8(choice);
        if step(choice, &mut reader, &mut writer).is_err() {
            break;
        }
    }
    let written = writer.into_bytes();
    assert!(data.starts_with(&written), "what is written is what was read");
}

fn step(choice: u8, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<(), DecodeError> {
    match choice % 7 {
        0 => writer.u8(reader.u8()?),
        1 => writer.u16_be(reader.u16_be()?),
        2 => writer.u32_le(reader.u32_le()?),
        3 => writer.u32_be(reader.u32_be()?),
        4 => writer.u64_be(reader.u64_be()?),
        5 => return list(reader, writer),
        _ => writer.put(reader.array::<12>()?),
    };
    Ok(())
}

/// A counted list of 32-byte entries.
fn list(reader: &mut Reader<'_>, writer: &mut Writer) -> Result<(), DecodeError> {
    let mut ahead = reader.clone();
    let claimed = ahead.u64_le()?;
    let count = ahead.checked_count(claimed, BOUND, 32)?;
    assert!(count <= BOUND, "a count keeps its bound");
    let body = ahead.take(count * 32)?;
    writer.u64_le(claimed).put(body);
    *reader = ahead;
    Ok(())
}

/// Decodes a field element from both byte orders and by reduction: one element, one encoding.
///
/// # Panics
///
/// If that does not hold.
pub fn field(data: &[u8]) {
    let reduced = Fr::from_bytes_reduced(data);
    assert_eq!(Fr::from_bytes(&reduced.to_bytes()), Ok(reduced), "an encoding decodes");
    let Some(bytes) = data.first_chunk::<32>() else { return };
    if let Ok(element) = Fr::from_bytes(bytes) {
        assert_eq!(&element.to_bytes(), bytes, "one element has one encoding");
        assert_eq!(element, Fr::from_bytes_reduced(bytes), "canonical bytes need no reduction");
    }
    if let Ok(element) = Fr::from_bytes_be(bytes) {
        assert_eq!(&element.to_bytes_be(), bytes, "one element has one encoding");
    }
}
