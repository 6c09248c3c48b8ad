//! Checking proofs.

use logos_crypto::Fr;
use logos_rln::{ExternalNullifier, RlnProof, Signal, VerifyError, VerifyingKey};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::arguments::{MAX_BYTES, bytes, fields, list};
use crate::error::{Code, Error};
use crate::names::epoch;
use crate::random::generator;

/// The most proofs of one batch.
const MAX_BATCH: usize = 4096;

/// Checks proofs of one key.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Verifier(logos_rln::Verifier);

#[wasm_bindgen]
impl Verifier {
    /// Prepares a verifying key.
    ///
    /// # Errors
    ///
    /// `argument` or `key`.
    #[wasm_bindgen(js_name = create)]
    pub fn new(key: &JsValue) -> Result<Self, Error> {
        let key = VerifyingKey::from_bytes(&bytes(key, "verifyingKey", MAX_BYTES)?)?;
        Ok(Self(logos_rln::Verifier::new(key)))
    }

    /// Why a proof is not to be accepted for `message`, or nothing if it is: `encoding`,
    /// `root`, `message`, `epoch`, `circuit` or `invalid`.
    ///
    /// `roots` are the roots that are accepted, 32 bytes each. The bytes of `proof` are a
    /// stranger's: whatever they are, that is an answer and no error.
    ///
    /// # Errors
    ///
    /// `argument` or `encoding` for the caller's own arguments.
    pub fn refusal(
        &self,
        proof: &JsValue,
        message: &JsValue,
        roots: &JsValue,
        external_nullifier: &JsValue,
    ) -> Result<Option<String>, Error> {
        let claim = Claim::read(roots, external_nullifier)?;
        let message = bytes(message, "message", MAX_BYTES)?;
        let verdict = match RlnProof::from_bytes(&bytes(proof, "proof", MAX_BYTES)?) {
            Ok(proof) => claim
                .check(&proof, Signal::from_message(&message))
                .and_then(|()| self.0.verify_values(&proof.proof, &proof.values).map_err(refused)),
            Err(_) => Err("encoding"),
        };
        Ok(verdict.err().map(ToOwned::to_owned))
    }

    /// As [`Verifier::refusal`] for many proofs, with one message each: cheaper by far than one
    /// by one. The answers are one word each, empty where the proof is to be accepted.
    ///
    /// # Errors
    ///
    /// As [`Verifier::refusal`], or `randomness`.
    #[wasm_bindgen(js_name = refusals)]
    pub fn refusals(
        &self,
        proofs: &JsValue,
        messages: &JsValue,
        roots: &JsValue,
        external_nullifier: &JsValue,
    ) -> Result<Vec<String>, Error> {
        let claim = Claim::read(roots, external_nullifier)?;
        let proofs = list(proofs, "proofs", MAX_BATCH)?;
        let messages = list(messages, "messages", MAX_BATCH)?;
        if proofs.len() != messages.len() {
            return Err(Error::new(Code::Argument, "proofs and messages are not as many"));
        }
        Ok(self.judge(&claim, &proofs, &messages)?.into_iter().map(ToOwned::to_owned).collect())
    }
}

impl Verifier {
    fn judge(
        &self,
        claim: &Claim,
        proofs: &[Vec<u8>],
        messages: &[Vec<u8>],
    ) -> Result<Vec<&'static str>, Error> {
        let read = proofs.iter().zip(messages).map(|(proof, message)| {
            let proof = RlnProof::from_bytes(proof).map_err(|_| "encoding")?;
            claim.check(&proof, Signal::from_message(message))?;
            Ok(proof)
        });
        let read: Vec<Result<RlnProof, &'static str>> = read.collect();
        let open = read.iter().flatten().map(|proof| (proof.proof, &proof.values));
        let open: Vec<_> = open.collect();
        let mut verdicts = self.0.verify_batch(&open, &mut generator()?).into_iter();
        let mut answer = |claimed: &Result<RlnProof, &'static str>| match claimed {
            Err(reason) => *reason,
            Ok(_) => {
                verdicts.next().map_or("invalid", |verdict| verdict.map_or_else(refused, |()| ""))
            }
        };
        Ok(read.iter().map(&mut answer).collect())
    }
}

/// What a proof has to be about, besides its message.
struct Claim {
    roots: Vec<Fr>,
    epoch: Option<ExternalNullifier>,
}

impl Claim {
    fn read(roots: &JsValue, external_nullifier: &JsValue) -> Result<Self, Error> {
        let roots = fields(roots, "roots")?;
        if roots.is_empty() {
            return Err(Error::new(Code::Argument, "no roots: nothing could be accepted"));
        }
        let absent = external_nullifier.is_undefined() || external_nullifier.is_null();
        let epoch = if absent { None } else { Some(epoch(external_nullifier)?) };
        Ok(Self { roots, epoch })
    }

    fn check(&self, proof: &RlnProof, signal: Signal) -> Result<(), &'static str> {
        if !self.roots.contains(&proof.values.root()) {
            return Err("root");
        }
        if proof.values.x() != signal.to_field() {
            return Err("message");
        }
        if self.epoch.is_some_and(|epoch| epoch != proof.values.external_nullifier()) {
            return Err("epoch");
        }
        Ok(())
    }
}

const fn refused(error: VerifyError) -> &'static str {
    match error {
        VerifyError::OtherCircuit => "circuit",
        _ => "invalid",
    }
}
