//! Making proofs.

use logos_crypto::backend::Backend;
use logos_rln::wire::ByteOrder;
use logos_rln::{Membership, MerklePath, Message, ProvingKey, Signal, TableSize};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::arguments::{MAX_BYTES, bytes, integer};
use crate::error::{Code, Error};
use crate::helper::Task;
use crate::identity::{Identity, limit};
use crate::names::epoch;
use crate::random::generator;

/// Makes proofs with one key.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Prover(pub(crate) logos_rln::Prover);

#[wasm_bindgen]
impl Prover {
    /// Reads a prepared key. `tables` is `none` or `small`: how much is computed ahead.
    ///
    /// # Errors
    ///
    /// `argument`, or `key` for damaged bytes.
    #[wasm_bindgen(js_name = create)]
    pub fn new(key: &JsValue, tables: &str) -> Result<Self, Error> {
        let size = match tables {
            "none" => TableSize::None,
            "small" => TableSize::Small,
            _ => return Err(Error::new(Code::Argument, "tables is not none or small")),
        };
        let key = ProvingKey::from_bytes(&bytes(key, "key", MAX_BYTES)?)?;
        let backend = Backend::detect();
        Ok(Self(logos_rln::Prover::with_table_size(key, size, backend, &mut |_| ())))
    }

    /// The verifying half of the key.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    #[wasm_bindgen(js_name = verifyingKey)]
    pub fn verifying_key(&self) -> Result<Vec<u8>, Error> {
        Ok(self.0.key().verifying_key().to_bytes())
    }

    /// Makes a proof from nothing, with message id `id`. Nothing here remembers the id: a second
    /// message under it gives the secret away. `Member` keeps account.
    ///
    /// # Errors
    ///
    /// `argument`, `encoding`, `limit`, `tree` or `proof`.
    pub fn prove(&self, statement: &Statement) -> Result<Vec<u8>, Error> {
        let proof = self.0.prove(&statement.member, &statement.message, &mut generator()?)?;
        Ok(proof.to_bytes())
    }

    /// Begins a proof of which a `Helper` with `public_key` does the sums named by `theirs`, a
    /// sum of 1 for `A`, 2 for `B`, 4 for the wires of `C` and 8 for its rows.
    ///
    /// # Errors
    ///
    /// As [`Prover::prove`].
    pub fn divide(
        &self,
        statement: &Statement,
        public_key: &JsValue,
        theirs: &JsValue,
    ) -> Result<Task, Error> {
        let theirs = integer(theirs, "theirs", 15)?;
        Task::new(&self.0, statement, public_key, theirs)
    }
}

/// What a proof is to say: who, and which message.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Statement {
    pub(crate) member: Membership,
    pub(crate) message: Message,
}

#[wasm_bindgen]
impl Statement {
    /// Puts a statement together.
    ///
    /// # Errors
    ///
    /// `argument`, `encoding`, `limit` or `tree`.
    #[wasm_bindgen(js_name = create)]
    pub fn new(
        identity: &Identity,
        limit: &JsValue,
        path: &JsValue,
        external_nullifier: &JsValue,
        message: &JsValue,
        id: &JsValue,
    ) -> Result<Self, Error> {
        let member = membership(identity, limit, path)?;
        let id = member.limit().id(integer(id, "messageId", u32::MAX)?)?;
        let signal = Signal::from_message(&bytes(message, "message", MAX_BYTES)?);
        let message = Message::new(epoch(external_nullifier)?, signal, id);
        Ok(Self { member, message })
    }
}

/// A member at its place in the tree.
pub(crate) fn membership(
    identity: &Identity,
    limit: &JsValue,
    path: &JsValue,
) -> Result<Membership, Error> {
    let path = MerklePath::from_bytes(&bytes(path, "path", MAX_BYTES)?, ByteOrder::Little)?;
    Ok(Membership::new(identity.0.secret().duplicate(), self::limit(limit)?, path))
}
