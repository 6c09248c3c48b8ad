//! Arguments as JavaScript passes them: anything at all.

use js_sys::Uint8Array;
use logos_crypto::Fr;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::{Code, Error};

/// The longest message, key or list: far above what a packet carries, and little enough that a
/// copy never exhausts memory.
pub(crate) const MAX_BYTES: usize = 64 << 20;

/// Copies a `Uint8Array` of at most `max` bytes.
pub(crate) fn bytes(value: &JsValue, name: &str, max: usize) -> Result<Vec<u8>, Error> {
    let array = value
        .dyn_ref::<Uint8Array>()
        .ok_or_else(|| Error::new(Code::Argument, format_args!("{name} is not a Uint8Array")))?;
    let length = array.length() as usize;
    if length > max {
        return Err(too_long(name, length, max));
    }
    Ok(array.to_vec())
}

/// Copies a `Uint8Array` of exactly `N` bytes.
pub(crate) fn array<const N: usize>(value: &JsValue, name: &str) -> Result<[u8; N], Error> {
    exactly(&bytes(value, name, MAX_BYTES)?, name)
}

/// As [`array`], of bytes at hand.
pub(crate) fn exactly<const N: usize>(bytes: &[u8], name: &str) -> Result<[u8; N], Error> {
    bytes.try_into().map_err(|_| {
        let length = bytes.len();
        Error::new(Code::Argument, format_args!("{name} has {length} bytes, not {N}"))
    })
}

/// A field element, 32 bytes, least significant first.
pub(crate) fn field(value: &JsValue, name: &str) -> Result<Fr, Error> {
    Ok(Fr::from_bytes(&array(value, name)?)?)
}

/// Field elements one after another.
pub(crate) fn fields(value: &JsValue, name: &str) -> Result<Vec<Fr>, Error> {
    elements(&bytes(value, name, MAX_BYTES)?, name)
}

/// As [`fields`], of bytes at hand.
pub(crate) fn elements(bytes: &[u8], name: &str) -> Result<Vec<Fr>, Error> {
    let (chunks, rest) = bytes.as_chunks::<{ Fr::BYTES }>();
    if !rest.is_empty() {
        return Err(Error::new(
            Code::Argument,
            format_args!("{name} is not a multiple of 32 bytes"),
        ));
    }
    Ok(chunks.iter().map(Fr::from_bytes).collect::<Result<_, _>>()?)
}

/// A whole number from zero to `max`. JavaScript's own conversion would wrap it, and take `null` or
/// a list for zero.
pub(crate) fn integer(value: &JsValue, name: &str, max: u32) -> Result<u32, Error> {
    whole(value.as_f64().unwrap_or(f64::NAN), name, max)
}

fn whole(value: f64, name: &str, max: u32) -> Result<u32, Error> {
    let is_whole = value.fract() == 0.0 && (0.0..=f64::from(max)).contains(&value);
    if !is_whole {
        return Err(Error::new(Code::Argument, format_args!("{name} is not in 0..={max}")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(value as u32)
}

/// A moment in seconds, fractions allowed.
#[cfg(feature = "full")]
pub(crate) fn moment(seconds: &JsValue, name: &str) -> Result<logos_crypto::tick::Tick, Error> {
    core::time::Duration::try_from_secs_f64(seconds.as_f64().unwrap_or(f64::NAN))
        .map(logos_crypto::tick::Tick::new)
        .map_err(|_| Error::new(Code::Argument, format_args!("{name} is not a time in seconds")))
}

/// A list of `Uint8Array`s.
#[cfg(feature = "verify")]
pub(crate) fn list(value: &JsValue, name: &str, max: usize) -> Result<Vec<Vec<u8>>, Error> {
    let list = value
        .dyn_ref::<js_sys::Array>()
        .ok_or_else(|| Error::new(Code::Argument, format_args!("{name} is not an array")))?;
    if list.length() as usize > max {
        return Err(too_long(name, list.length() as usize, max));
    }
    list.iter().map(|entry| bytes(&entry, name, MAX_BYTES)).collect()
}

fn too_long(name: &str, length: usize, max: usize) -> Error {
    Error::new(Code::Argument, format_args!("{name} has {length} entries, over {max}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_count_are_refused() {
        for value in [-1.0, 0.5, f64::NAN, f64::INFINITY, 11.0] {
            assert_eq!(whole(value, "n", 10).map_err(|error| error.code()), Err(Code::Argument));
        }
        assert_eq!(whole(10.0, "n", 10), Ok(10));
    }

    #[test]
    fn bytes_that_are_no_elements_are_refused() {
        let code = |bytes: &[u8]| elements(bytes, "n").map_err(|error| error.code());
        assert_eq!(code(&[0; 33]), Err(Code::Argument));
        assert_eq!(code(&[255; 32]), Err(Code::Encoding));
        assert_eq!(code(&[0; 64]), Ok(vec![Fr::ZERO; 2]));
    }
}
