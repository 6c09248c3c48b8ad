//! Fourier transforms over the scalar field: polynomials between coefficients and values.
//!
//! A [`Domain`] is the group of the `2^k`-th roots of unity with its tables. Values and
//! coefficients are in natural order: value `i` is that at the `i`-th power of [`Domain::root`].
//!
//! Inside, stages run from the widest to the narrowest with one factor a block (the residues of a
//! polynomial modulo `x^h - c`), which leaves values in bit-reversed order; storing them undoes it.
//! The inverse is the same transform with its result read backwards.
//!
//! # Security
//!
//! No branch and no address depends on an element. A [`Scratch`] is wiped when dropped.
//!
//! # Examples
//!
//! ```
//! use logos_crypto::Fr;
//! use logos_crypto::backend::Backend;
//! use logos_crypto::fft::{Domain, Scratch};
//!
//! let domain = Domain::new(3)?;
//! let mut scratch = Scratch::default();
//! // The polynomial 1 + 2 x.
//! let mut values = [Fr::ZERO; 8];
//! values[..2].copy_from_slice(&[Fr::ONE, Fr::from(2u64)]);
//!
//! domain.forward(Backend::detect(), &mut values, &mut scratch)?;
//! assert_eq!(values[1], Fr::ONE + Fr::from(2u64) * domain.root());
//!
//! domain.inverse(Backend::detect(), &mut values, &mut scratch)?;
//! assert_eq!(values[1], Fr::from(2u64));
//! assert_eq!(values[7], Fr::ZERO);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod portable;

use alloc::vec::Vec;

use ark_ff::FftField;
#[cfg(target_arch = "x86_64")]
use once_cell::race::OnceBox;
use thiserror::Error;
#[cfg(target_arch = "x86_64")]
use zeroize::Zeroize;

use crate::Fr;
use crate::backend::Backend;
#[cfg(target_arch = "x86_64")]
use crate::backend::ifma::fft as lanes;

/// The size is not one that a domain has.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("there is no domain of 2^{log_size}: at most 2^{max}", max = Domain::MAX_LOG_SIZE)]
#[non_exhaustive]
pub struct DomainError {
    /// Binary logarithm of the size asked for.
    pub log_size: u32,
}

/// The values are not as many as the domain's elements.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{found} values do not belong to a domain of {size}")]
#[non_exhaustive]
pub struct SizeMismatch {
    /// How many values, or of how large a domain the coset is.
    pub found: usize,
    /// How many elements the domain has.
    pub size: usize,
}

/// The group of `2^k`-th roots of unity.
#[derive(Debug)]
pub struct Domain {
    log_size: u32,
    root: Fr,
    size_inverse: Fr,
    /// Powers of the root up to `-1`, in bit-reversed order: entry `b` is the factor of block `b`
    /// in every stage that has so many blocks.
    factors: Vec<Fr>,
    #[cfg(target_arch = "x86_64")]
    lanes: OnceBox<lanes::Factors>,
}

/// A shifted domain: `shift · h` for every `h` of a [`Domain`].
#[derive(Clone, Debug)]
pub struct Coset {
    powers: Vec<Fr>,
    #[cfg(target_arch = "x86_64")]
    lanes: Vec<lanes::Vector>,
}

/// Memory that a transform works in. Keep one and pass it again, for it is made once then; wiped
/// when dropped.
#[derive(Debug, Default)]
pub struct Scratch {
    #[cfg(target_arch = "x86_64")]
    vectors: Vec<lanes::Vector>,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        self.vectors.iter_mut().for_each(|vector| vector.0.zeroize());
    }
}

impl Domain {
    /// The largest domain: 2^26 elements, whose tables take 1 GiB.
    pub const MAX_LOG_SIZE: u32 = 26;

    /// The domain of `2^log_size` elements. Costs one multiplication for two elements.
    ///
    /// # Errors
    ///
    /// [`DomainError`] above [`Domain::MAX_LOG_SIZE`].
    pub fn new(log_size: u32) -> Result<Self, DomainError> {
        let error = DomainError { log_size };
        if log_size > Self::MAX_LOG_SIZE {
            return Err(error);
        }
        let size = 1u64 << log_size;
        let root = Fr(ark_bn254::Fr::get_root_of_unity(size).ok_or(error)?);
        let size_inverse = Fr::from(size).vartime_inverse().ok_or(error)?;
        let mut factors: Vec<Fr> = powers(root).take(1 << log_size >> 1).collect();
        reverse_bits(&mut factors);
        Ok(Self {
            log_size,
            root,
            size_inverse,
            factors,
            #[cfg(target_arch = "x86_64")]
            lanes: OnceBox::new(),
        })
    }

    /// How many elements there are.
    #[must_use]
    pub const fn size(&self) -> usize {
        1 << self.log_size
    }

    /// The element whose powers are the others.
    #[must_use]
    pub const fn root(&self) -> Fr {
        self.root
    }

    /// One divided by the size.
    #[must_use]
    pub const fn size_inverse(&self) -> Fr {
        self.size_inverse
    }

    /// The elements in order.
    pub fn elements(&self) -> impl Iterator<Item = Fr> {
        powers(self.root).take(self.size())
    }

    /// The same shifted by `shift`. Keep it: the table costs a multiplication an element.
    #[must_use]
    pub fn coset(&self, shift: Fr) -> Coset {
        let powers: Vec<Fr> = powers(shift).take(self.size()).collect();
        Coset {
            #[cfg(target_arch = "x86_64")]
            lanes: lanes::vectors(&powers),
            powers,
        }
    }

    /// Coefficients to values on the domain.
    ///
    /// # Errors
    ///
    /// [`SizeMismatch`] unless there are as many as elements; nothing is changed.
    pub fn forward(
        &self,
        backend: Backend,
        values: &mut [Fr],
        scratch: &mut Scratch,
    ) -> Result<(), SizeMismatch> {
        self.transform(backend, values, scratch, None, Direction::Forward)
    }

    /// Coefficients to values on a coset. No dearer than on the domain itself in lanes.
    ///
    /// # Errors
    ///
    /// [`SizeMismatch`] unless values and coset are those of this domain; nothing is changed.
    pub fn forward_on(
        &self,
        coset: &Coset,
        backend: Backend,
        values: &mut [Fr],
        scratch: &mut Scratch,
    ) -> Result<(), SizeMismatch> {
        self.transform(backend, values, scratch, Some(coset), Direction::Forward)
    }

    /// Values on the domain to coefficients.
    ///
    /// # Errors
    ///
    /// [`SizeMismatch`] unless there are as many as elements; nothing is changed.
    pub fn inverse(
        &self,
        backend: Backend,
        values: &mut [Fr],
        scratch: &mut Scratch,
    ) -> Result<(), SizeMismatch> {
        self.transform(backend, values, scratch, None, Direction::Inverse)
    }

    fn transform(
        &self,
        backend: Backend,
        values: &mut [Fr],
        scratch: &mut Scratch,
        coset: Option<&Coset>,
        direction: Direction,
    ) -> Result<(), SizeMismatch> {
        let size = self.size();
        let wrong = coset.map(|coset| coset.powers.len()).filter(|found| *found != size);
        if let Some(found) = wrong.or((values.len() != size).then_some(values.len())) {
            return Err(SizeMismatch { found, size });
        }
        #[cfg(target_arch = "x86_64")]
        if let (Some(ifma), true) = (backend.ifma(), size >= lanes::MIN_SIZE) {
            let factors = self.lanes.get_or_init(|| lanes::Factors::new(&self.factors).into());
            let coset = coset.map(|coset| coset.lanes.as_slice());
            let scale = (direction == Direction::Inverse).then_some(self.size_inverse);
            let vectors = &mut scratch.vectors;
            ifma.launch(lanes::Transform { factors, coset, scale, values, vectors });
            return Ok(());
        }
        let _ = (backend, scratch);
        if let Some(coset) = coset {
            values.iter_mut().zip(&coset.powers).for_each(|(value, power)| *value *= power);
        }
        portable::transform(values, &self.factors);
        self.restore_order(values, direction);
        Ok(())
    }

    fn restore_order(&self, values: &mut [Fr], direction: Direction) {
        reverse_bits(values);
        if direction == Direction::Inverse {
            if let Some((_, rest)) = values.split_first_mut() {
                rest.reverse();
            }
            values.iter_mut().for_each(|value| *value *= self.size_inverse);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Inverse,
}

/// One, `base`, its square and so on.
fn powers(base: Fr) -> impl Iterator<Item = Fr> {
    core::iter::successors(Some(Fr::ONE), move |power| Some(*power * base))
}

/// Exchanges each item with the one whose index has the same bits backwards.
fn reverse_bits<T>(items: &mut [T]) {
    let Some(shift) = items.len().checked_ilog2().map(|bits| usize::BITS - bits) else { return };
    for i in 0..items.len() {
        let j = i.reverse_bits().checked_shr(shift).unwrap_or(0);
        if i < j {
            items.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::Field;
    use proptest::prelude::*;
    use std::vec;

    use super::*;

    /// The value of a polynomial by Horner's rule.
    fn evaluate(coefficients: &[Fr], x: Fr) -> Fr {
        coefficients.iter().rev().fold(Fr::ZERO, |value, coefficient| value * x + coefficient)
    }

    fn coefficients(size: usize, seed: u64) -> Vec<Fr> {
        let element = |i: u64| Fr(ark_bn254::Fr::from(seed | 1).pow([i + 3]));
        (0..size as u64).map(element).collect()
    }

    #[test]
    fn the_root_has_the_order_of_the_domain() {
        for log_size in 0..10 {
            let domain = Domain::new(log_size).unwrap();
            let half = domain.root().0.pow([1 << log_size >> 1]);
            assert_eq!(half * half, Fr::ONE.0);
            assert_eq!(domain.elements().count(), domain.size());
            assert!(log_size == 0 || Fr(half) == -Fr::ONE);
        }
        assert_eq!(Domain::new(27).unwrap_err(), DomainError { log_size: 27 });
    }

    #[test]
    fn a_wrong_number_of_values_changes_nothing() {
        let domain = Domain::new(4).unwrap();
        let mut values = vec![Fr::ONE; 15];
        let error = SizeMismatch { found: 15, size: 16 };
        let (backend, mut scratch) = (Backend::detect(), Scratch::default());
        assert_eq!(domain.forward(backend, &mut values, &mut scratch), Err(error));
        assert_eq!(values, [Fr::ONE; 15]);
        let coset = Domain::new(3).unwrap().coset(Fr::ONE);
        let mut values = vec![Fr::ONE; 16];
        let error = SizeMismatch { found: 8, size: 16 };
        assert_eq!(domain.forward_on(&coset, backend, &mut values, &mut scratch), Err(error));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_backend_evaluates_and_interpolates(
            log_size in 0..11u32,
            seed: u64,
            shift in 1..u64::MAX,
            place: prop::sample::Index,
        ) {
            let domain = Domain::new(log_size).unwrap();
            let polynomial = coefficients(domain.size(), seed);
            let place = place.index(domain.size());
            let x = domain.elements().nth(place).unwrap();
            let coset = domain.coset(Fr::from(shift));
            let mut scratch = Scratch::default();
            for backend in Backend::available() {
                let mut values = polynomial.clone();
                domain.forward(backend, &mut values, &mut scratch).unwrap();
                prop_assert_eq!(values[place], evaluate(&polynomial, x));
                domain.inverse(backend, &mut values, &mut scratch).unwrap();
                prop_assert_eq!(&values, &polynomial);
                domain.forward_on(&coset, backend, &mut values, &mut scratch).unwrap();
                prop_assert_eq!(values[place], evaluate(&polynomial, x * Fr::from(shift)));
            }
        }
    }

    #[test]
    fn every_backend_gives_the_same_values_of_a_large_polynomial() {
        let domain = Domain::new(13).unwrap();
        let polynomial = coefficients(domain.size(), 7);
        let mut scratch = Scratch::default();
        let transformed: Vec<Vec<Fr>> = Backend::available()
            .map(|backend| {
                let mut values = polynomial.clone();
                domain.forward(backend, &mut values, &mut scratch).unwrap();
                values
            })
            .collect();
        assert!(transformed.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(transformed[0][5], evaluate(&polynomial, domain.elements().nth(5).unwrap()));
    }
}
