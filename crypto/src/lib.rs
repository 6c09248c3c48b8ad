//! The primitives every other Logos crate stands on.
//!
//! | module | what it holds |
//! |---|---|
//! | [`field`] | the BN254 scalar field as a newtype with canonical decoding |
//! | [`fft`] | Fourier transforms between coefficients and values |
//! | [`hash_to_field`] | bytes to a field element by Keccak-256 |
//! | [`merkle`] | Merkle trees, paths, deltas and root windows over any hash of two nodes |
//! | [`poseidon`] | Poseidon with the parameters of circomlib |
//! | [`poseidon2`] | Poseidon2 of the blockchain and of storage |
//! | [`secret`] | fixed-size secrets: boxed, wiped on drop, redacted, compared in constant time |
//! | [`kdf`] | HKDF-SHA-256 under labels, so that two uses never share a key |
//! | [`aead`] | ChaCha20-Poly1305 with one opaque error |
//! | [`keys`] | X25519 and Ed25519, one type for each key life |
//! | [`sha256`] | SHA-256 of two messages side by side |
//! | [`x25519`] | raw X25519 for hot paths, one or eight at a time |
//! | [`codec`] | bounded, canonical reading and writing of bytes |
//! | [`protobuf`] | the little of protobuf that deployed formats use, canonically |
//! | [`tick`] | time as a number somebody else measured |
//! | [`backend`] | which arithmetic unit heavy operations run on |
//! | [`curve`] | multiplication of single points in constant time |
//! | [`pairing`] | products of pairings, of fixed points or of new ones |
//! | [`msm`] | sums of multiples of the fixed points of a key, from precomputed tables |
//! | [`hazmat`] | raw access to the arithmetic types behind [`field`] |
//!
//! Nothing here reads a clock, a socket, a file or the operating system's random source: bytes,
//! time and randomness are arguments and output is a return value.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod aead;
pub mod backend;
pub mod codec;
pub mod curve;
pub mod fft;
pub mod field;
pub mod hash_to_field;
pub mod hazmat;
pub mod kdf;
pub mod keys;
pub mod merkle;
pub mod msm;
pub mod pairing;
pub mod poseidon;
pub mod poseidon2;
pub mod protobuf;
pub mod secret;
pub mod sha256;
pub mod tick;
pub mod x25519;

pub use field::Fr;
