//! A proof made by two workers that share no memory.
//!
//! The first worker seals the statement to the second, which does some of the sums and seals them
//! back: what passes through JavaScript between them is ciphertext.
//!
//! | offset | bytes | field of a request |
//! |---|---|---|
//! | 0 | 32 | ephemeral X25519 key |
//! | 32 | n | sealed: one byte of wanted parts, then zerokit's witness |
//! | 32 + n | 16 | tag |
//!
//! Request and answer are sealed under two keys of one agreement, each used once.

use logos_crypto::aead::{self, NONCE_BYTES};
use logos_crypto::kdf::{Label, Prk};
use logos_crypto::keys::{PublicKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_rln::hazmat::{Part, PartialWork, ProofParts};
use logos_rln::wire::{ByteOrder, read_witness, write_witness};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::arguments::{array, bytes};
use crate::error::{Code, Error};
use crate::prover::{Prover, Statement};
use crate::random::generator;

const REQUEST: Label = Label::new("logos-wasm/1/request");
const ANSWER: Label = Label::new("logos-wasm/1/answer");
/// Longer than any request or answer.
const MAX_SEALED: usize = 1 << 16;

/// The keys of one request and its answer.
struct Keys {
    request: Secret<32>,
    answer: Secret<32>,
}

impl Keys {
    fn agree(
        own: &StaticSecret,
        their: &PublicKey,
        request_key: &PublicKey,
    ) -> Result<Self, Error> {
        let shared = own.agree(their)?;
        let prk = Prk::extract(request_key.as_bytes(), &[shared.expose()]);
        Ok(Self { request: prk.expand(REQUEST, &[]), answer: prk.expand(ANSWER, &[]) })
    }
}

/// The second worker of a proof.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Helper {
    prover: Prover,
    secret: StaticSecret,
}

#[wasm_bindgen]
impl Helper {
    /// Reads a prepared key, as `Prover` does.
    ///
    /// # Errors
    ///
    /// As `Prover`, or `randomness`.
    #[wasm_bindgen(js_name = create)]
    pub fn new(key: &JsValue, tables: &str) -> Result<Self, Error> {
        let secret = StaticSecret::random(&mut generator()?);
        Ok(Self { prover: Prover::new(key, tables)?, secret })
    }

    /// What requests are sealed to, 32 bytes.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    #[wasm_bindgen(js_name = publicKey)]
    pub fn public_key(&self) -> Result<Vec<u8>, Error> {
        Ok(self.secret.public_key().as_bytes().to_vec())
    }

    /// Does what a request asks for.
    ///
    /// # Errors
    ///
    /// `argument`, `sealed` or `encoding`.
    pub fn work(&self, request: &JsValue) -> Result<Vec<u8>, Error> {
        self.answer(&bytes(request, "request", MAX_SEALED)?)
    }
}

impl Helper {
    fn answer(&self, request: &[u8]) -> Result<Vec<u8>, Error> {
        let (theirs, sealed) = request.split_first_chunk::<32>().ok_or(aead::OpenError)?;
        let theirs = PublicKey::from_bytes(*theirs);
        let keys = Keys::agree(&self.secret, &theirs, &theirs)?;
        let mut opened = Zeroizing::new(sealed.to_vec());
        aead::open(&keys.request, &[0; NONCE_BYTES], &[], &mut opened)?;
        let (wanted, witness) = opened.split_first().ok_or(aead::OpenError)?;
        let (member, message) = read_witness(witness, ByteOrder::Little)?;
        let prover = &self.prover.0;
        let work = PartialWork::new(prover, &member, &message)?;
        let parts = work.parts(prover, &parts_of(u32::from(*wanted))).to_bytes();
        Ok(seal(&keys.answer, parts.expose()))
    }
}

/// A proof under way, of which a `Helper` does a part.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Task {
    work: PartialWork,
    ours: Vec<Part>,
    request: Vec<u8>,
    answer: Secret<32>,
    own: Option<ProofParts>,
}

#[wasm_bindgen]
impl Task {
    /// What the helper is to be handed.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    pub fn request(&self) -> Result<Vec<u8>, Error> {
        Ok(self.request.clone())
    }

    /// Does this side's sums, while the helper does its own.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    pub fn work(&mut self, prover: &Prover) -> Result<(), Error> {
        self.own = Some(self.work.parts(&prover.0, &self.ours));
        Ok(())
    }

    /// Joins the helper's answer to the proof.
    ///
    /// # Errors
    ///
    /// `argument`, `sealed` for an answer to something else, `encoding` or `proof`.
    pub fn finish(&self, prover: &Prover, answer: &JsValue) -> Result<Vec<u8>, Error> {
        self.join(&prover.0, bytes(answer, "answer", MAX_SEALED)?)
    }
}

impl Task {
    pub(crate) fn new(
        prover: &logos_rln::Prover,
        statement: &Statement,
        public_key: &JsValue,
        theirs: u32,
    ) -> Result<Self, Error> {
        Self::seal(
            prover,
            statement,
            &PublicKey::from_bytes(array(public_key, "publicKey")?),
            theirs,
        )
    }

    fn seal(
        prover: &logos_rln::Prover,
        statement: &Statement,
        helper: &PublicKey,
        theirs: u32,
    ) -> Result<Self, Error> {
        let Statement { member, message } = statement;
        let work = PartialWork::new(prover, member, message)?;
        let ephemeral = StaticSecret::random(&mut generator()?);
        let keys = Keys::agree(&ephemeral, helper, &ephemeral.public_key())?;
        let witness = write_witness(member, message, ByteOrder::Little);
        // Only the four low bits name a part.
        let wanted = u8::try_from(theirs).unwrap_or_default();
        let content = Zeroizing::new([&[wanted], witness.expose()].concat());
        let mut request = ephemeral.public_key().as_bytes().to_vec();
        request.extend(seal(&keys.request, &content));
        let ours = parts_of(!theirs);
        Ok(Self { work, ours, request, answer: keys.answer, own: None })
    }

    fn join(&self, prover: &logos_rln::Prover, answer: Vec<u8>) -> Result<Vec<u8>, Error> {
        let own = self.own.ok_or_else(|| Error::new(Code::Proof, "the own sums were not done"))?;
        let mut opened = Zeroizing::new(answer);
        aead::open(&self.answer, &[0; NONCE_BYTES], &[], &mut opened)?;
        let theirs = ProofParts::from_bytes(&opened)?;
        Ok(self.work.join(prover, &[own, theirs], &mut generator()?)?.to_bytes())
    }
}

fn seal(key: &Secret<32>, content: &[u8]) -> Vec<u8> {
    // Room for the tag: a vector that grows leaves its old bytes behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(content.len() + aead::TAG_BYTES));
    buffer.extend_from_slice(content);
    aead::seal(key, &[0; NONCE_BYTES], &[], &mut buffer);
    buffer.to_vec()
}

fn parts_of(mask: u32) -> Vec<Part> {
    let parts = [(1, Part::A), (2, Part::B), (4, Part::Wires), (8, Part::Rows)];
    parts.into_iter().filter(|(bit, _)| mask & bit != 0).map(|(_, part)| part).collect()
}

#[cfg(test)]
mod tests {
    use logos_crypto::Fr;
    use logos_crypto::backend::Backend;
    use logos_rln::{
        ExternalNullifier, Membership, MerklePath, Message, MessageLimit, RlnProof, Signal,
        TableSize, Verifier,
    };

    use super::*;

    #[test]
    fn a_helper_does_its_part_and_answers_nobody_else() {
        let prover = || {
            let key = logos_rln_keys::single();
            let (size, backend) = (TableSize::None, Backend::detect());
            logos_rln::Prover::with_table_size(key, size, backend, &mut |_| ())
        };
        let mut rng = generator().unwrap();
        let helper = Helper { prover: Prover(prover()), secret: StaticSecret::random(&mut rng) };
        let limit = MessageLimit::new(10).unwrap();
        let path = MerklePath::new(vec![Fr::ZERO; 20], 3).unwrap();
        let secret = logos_rln::IdentitySecret::random(&mut rng);
        let member = Membership::new(secret, limit, path);
        let root = member.root();
        let signal = Signal::from_message(b"hello");
        let epoch = ExternalNullifier::new(b"1", b"app");
        let message = Message::new(epoch, signal, limit.id(4).unwrap());
        let statement = Statement { member, message };

        let here = prover();
        let mut task = Task::seal(&here, &statement, &helper.secret.public_key(), 3).unwrap();
        let answer = helper.answer(&task.request).unwrap();
        task.own = Some(task.work.parts(&here, &task.ours));
        let proof = RlnProof::from_bytes(&task.join(&here, answer.clone()).unwrap()).unwrap();
        let verifier = Verifier::new(logos_rln_keys::single_verifying_key());
        assert_eq!(verifier.verify(&proof, signal, &[root]), Ok(()));

        let mut tampered = task.request.clone();
        tampered[40] ^= 1;
        assert_eq!(helper.answer(&tampered).map_err(|error| error.code()), Err(Code::Sealed));
        assert_eq!(helper.answer(&[0; 10]).map_err(|error| error.code()), Err(Code::Sealed));
        let other = Task::seal(&here, &statement, &helper.secret.public_key(), 3).unwrap();
        let other = Task { own: task.own, ..other };
        assert_eq!(other.join(&here, answer).map_err(|error| error.code()), Err(Code::Sealed));
    }
}
