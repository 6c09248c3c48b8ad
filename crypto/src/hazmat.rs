//! Raw access to the arithmetic types behind [`Fr`].
//!
//! For the sibling crates that do curve arithmetic. The types are those of arkworks 0.6 and are
//! no part of the stable interface: nothing outside the workspace should name them through here.

use ark_ff::{BigInt, PrimeField};

use crate::Fr;

/// The arkworks element inside.
#[must_use]
pub const fn to_ark(element: &Fr) -> ark_bn254::Fr {
    element.0
}

/// Wraps an arkworks element.
#[must_use]
pub const fn from_ark(element: ark_bn254::Fr) -> Fr {
    Fr(element)
}

/// The element whose Montgomery form (radix 2^256) has these little-endian words, or `None` if they
/// are not below the modulus. For samplers that must agree with arkworks' own.
#[must_use]
pub fn from_montgomery_words(words: [u64; 4]) -> Option<Fr> {
    let limbs = BigInt(words);
    (limbs < ark_bn254::Fr::MODULUS).then(|| Fr(ark_bn254::Fr::new_unchecked(limbs)))
}

/// Views a slice of elements as arkworks elements, element by element.
pub fn iter_ark(elements: &[Fr]) -> impl ExactSizeIterator<Item = ark_bn254::Fr> + '_ {
    elements.iter().map(to_ark)
}
