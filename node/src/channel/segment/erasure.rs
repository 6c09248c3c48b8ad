//! Leopard's Reed-Solomon code over GF(2^8), with the shapes it accepts.
//!
//! `leopard-codec` gives the same bytes as catid's Leopard, which nim-leopard wraps; the code of
//! the mix fragments (`reed-solomon-simd`) works in GF(2^16) and does not. The network decides.

use thiserror::Error;

/// Shards are a multiple of this long.
pub(super) const SHARD_ALIGNMENT: usize = 64;

/// Elements of the field: what `data` and the next power of two of `parity` may add up to.
const FIELD: usize = 256;

/// The shards are of a shape the code has no words for.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the erasure code does not cover these shards")]
pub(super) struct ShapeError;

/// Can `parity` shards be made of `data` ones?
pub(super) const fn covers(data: usize, parity: usize) -> bool {
    parity > 0 && parity <= data && parity.next_power_of_two().saturating_add(data) <= FIELD
}

/// The parity of `data`, all of one aligned length.
pub(super) fn parity(
    mut data: Vec<Vec<u8>>,
    parity: usize,
    shard_bytes: usize,
) -> Result<Vec<Vec<u8>>, ShapeError> {
    let n_data = data.len();
    if !covers(n_data, parity) {
        return Err(ShapeError);
    }
    data.resize_with(n_data.saturating_add(parity), || vec![0; shard_bytes]);
    leopard_codec::encode(&mut data, n_data).map_err(|_| ShapeError)?;
    Ok(data.split_off(n_data))
}

/// Fills the empty ones of the first `n_data` shards; the others are parity, empty where missing.
pub(super) fn restore(shards: &mut [Vec<u8>], n_data: usize) -> Result<(), ShapeError> {
    if !covers(n_data, shards.len().saturating_sub(n_data)) {
        return Err(ShapeError);
    }
    leopard_codec::reconstruct(shards, n_data).map_err(|_| ShapeError)
}
