//! What proofs are counted against.

use logos_rln::ExternalNullifier;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::arguments::{MAX_BYTES, bytes};
use crate::error::Error;

/// The external nullifier of an epoch and an application: 32 bytes.
///
/// # Errors
///
/// `argument`.
#[wasm_bindgen(js_name = externalNullifier)]
pub fn external_nullifier(epoch: &JsValue, application: &JsValue) -> Result<Vec<u8>, Error> {
    let epoch = bytes(epoch, "epoch", MAX_BYTES)?;
    let application = bytes(application, "application", MAX_BYTES)?;
    Ok(ExternalNullifier::new(&epoch, &application).to_field().to_bytes().to_vec())
}

/// An external nullifier that [`external_nullifier`] gave.
#[cfg(feature = "verify")]
pub(crate) fn epoch(value: &JsValue) -> Result<ExternalNullifier, Error> {
    crate::arguments::field(value, "externalNullifier").map(ExternalNullifier::from_field)
}
