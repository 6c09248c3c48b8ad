//! Counting messages, and what becomes of who sends too many.

use logos_rln::{RlnProof, Verdict, recover_secret};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::arguments::{MAX_BYTES, bytes, integer};
use crate::error::{Code, Error};
use crate::names::epoch;

/// Remembers which message ids were used.
#[wasm_bindgen]
#[derive(Debug)]
pub struct NullifierLog(logos_rln::NullifierLog);

#[wasm_bindgen]
impl NullifierLog {
    /// A log of the last `epochs` epochs with `capacity` messages each.
    ///
    /// # Errors
    ///
    /// `argument`.
    #[wasm_bindgen(js_name = create)]
    pub fn new(epochs: &JsValue, capacity: &JsValue) -> Result<Self, Error> {
        let epochs = integer(epochs, "epochs", 1 << 16)? as usize;
        let capacity = integer(capacity, "capacity", 1 << 24)? as usize;
        Ok(Self(logos_rln::NullifierLog::new(epochs, capacity)))
    }

    /// Starts keeping an epoch; the oldest one is forgotten if there are too many.
    ///
    /// # Errors
    ///
    /// `argument` or `encoding`.
    pub fn open(&mut self, external_nullifier: &JsValue) -> Result<(), Error> {
        self.0.open(epoch(external_nullifier)?);
        Ok(())
    }

    /// Judges a proof that was verified.
    ///
    /// # Errors
    ///
    /// `argument`, `encoding`, or `log` for an epoch that is not kept or is full.
    pub fn record(&mut self, proof: &JsValue) -> Result<Judgement, Error> {
        let proof = read(proof, "proof")?;
        Ok(match self.0.record(&proof.values)? {
            Verdict::Fresh => Judgement { verdict: "fresh", secret: None },
            Verdict::Duplicate => Judgement { verdict: "duplicate", secret: None },
            Verdict::DoubleSignal(double) => {
                let secret = double.secret.map(|secret| secret.expose_secret().to_bytes().to_vec());
                Judgement { verdict: "double-signal", secret }
            }
            _ => return Err(Error::new(Code::Log, "a verdict this package does not know")),
        })
    }
}

/// What a log says of a proof.
#[wasm_bindgen]
pub struct Judgement {
    verdict: &'static str,
    secret: Option<Vec<u8>>,
}

#[wasm_bindgen]
impl Judgement {
    /// `fresh`, `duplicate` or `double-signal`.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn verdict(&self) -> String {
        self.verdict.to_owned()
    }

    /// The secret that a double signal gives away, 32 bytes. It is nobody's secret any more:
    /// whoever saw both messages has it.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn secret(&self) -> Option<Vec<u8>> {
        self.secret.clone()
    }
}

impl core::fmt::Debug for Judgement {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Judgement").field("verdict", &self.verdict).finish_non_exhaustive()
    }
}

/// Recovers the secret, 32 bytes, of a member who used one message id for two messages. Verify
/// both proofs first.
///
/// # Errors
///
/// `argument`, `encoding`, or `recover` if they give nothing away.
#[wasm_bindgen]
pub fn recover(first: &JsValue, second: &JsValue) -> Result<Vec<u8>, Error> {
    let (first, second) = (read(first, "first")?, read(second, "second")?);
    let secret = recover_secret(&first.values, &second.values)?;
    Ok(secret.expose_secret().to_bytes().to_vec())
}

fn read(proof: &JsValue, name: &str) -> Result<RlnProof, Error> {
    Ok(RlnProof::from_bytes(&bytes(proof, name, MAX_BYTES)?)?)
}
