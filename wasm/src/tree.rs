//! The membership tree.

use logos_crypto::Fr;
use logos_crypto::merkle::{Depth, LeafIndex, MerkleTree, PoseidonHasher, SparseTree};
use logos_rln::MerklePath;
use logos_rln::wire::ByteOrder;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::arguments::{field, fields, integer};
use crate::error::Error;

/// A membership tree in memory.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Tree(SparseTree<PoseidonHasher>);

#[wasm_bindgen]
impl Tree {
    /// An empty tree; the deployed ones have depth 20.
    ///
    /// # Errors
    ///
    /// `argument`.
    #[wasm_bindgen(js_name = create)]
    pub fn new(depth: &JsValue) -> Result<Self, Error> {
        let depth = Depth::new(integer(depth, "depth", 32)?)?;
        Ok(Self(SparseTree::in_memory(PoseidonHasher::default(), depth)))
    }

    /// Appends leaves, 32 bytes each; the index of the first.
    ///
    /// # Errors
    ///
    /// `argument`, `encoding`, or `tree` if they do not fit. Nothing changes on an error.
    pub fn append(&mut self, leaves: &JsValue) -> Result<f64, Error> {
        let first = self.0.used();
        self.0.append(&fields(leaves, "leaves")?)?;
        // An index has at most 32 bits.
        Ok(u32::try_from(first).map_or(f64::NAN, f64::from))
    }

    /// Sets one leaf.
    ///
    /// # Errors
    ///
    /// `argument`, `encoding` or `tree`.
    pub fn set(&mut self, index: &JsValue, leaf: &JsValue) -> Result<(), Error> {
        self.0.set(place(index)?, field(leaf, "leaf")?)?;
        Ok(())
    }

    /// Empties one leaf.
    ///
    /// # Errors
    ///
    /// `argument` or `tree`.
    pub fn remove(&mut self, index: &JsValue) -> Result<(), Error> {
        self.0.delete(place(index)?)?;
        Ok(())
    }

    /// The root, 32 bytes.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    pub fn root(&self) -> Result<Vec<u8>, Error> {
        Ok(self.0.root().to_bytes().to_vec())
    }

    /// Leaves up to the last one ever set.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    pub fn used(&self) -> Result<f64, Error> {
        Ok(u32::try_from(self.0.used()).map_or(f64::from(u32::MAX) + 1.0, f64::from))
    }

    /// A leaf, 32 bytes; zero if it is empty.
    ///
    /// # Errors
    ///
    /// `argument` or `tree`.
    pub fn leaf(&self, index: &JsValue) -> Result<Vec<u8>, Error> {
        let leaf: Fr = self.0.leaf(place(index)?)?;
        Ok(leaf.to_bytes().to_vec())
    }

    /// The path of a leaf, in zerokit's encoding.
    ///
    /// # Errors
    ///
    /// `argument` or `tree`.
    pub fn path(&self, index: &JsValue) -> Result<Vec<u8>, Error> {
        let path = self.0.proof(place(index)?)?;
        Ok(MerklePath::try_from(&path)?.to_bytes(ByteOrder::Little))
    }
}

fn place(index: &JsValue) -> Result<LeafIndex, Error> {
    Ok(LeafIndex::from(integer(index, "index", u32::MAX)?))
}
