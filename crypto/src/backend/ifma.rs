//! Field arithmetic in eight lanes with AVX-512 IFMA.
//!
//! | module | what it holds |
//! |---|---|
//! | [`register`] | one 512-bit register as eight 64-bit integers: all the `unsafe` there is |
//! | [`lanes`] | eight field elements in Montgomery form with `R = 2^260` |
//! | [`fft`] | the Fourier transform of the scalar field |
//! | [`packed`] | lanes from and to rows of four 64-bit words, and arkworks' representation |
//!
//! # How safety is argued
//!
//! [`Ifma`] is a token: it can only be had from [`Ifma::detect`], which asks the processor. A
//! register [`Wide`](register::Wide) can only be made with the token or from another register,
//! so whoever holds a register runs on a processor that has the instructions. The methods of
//! registers are therefore safe to call anywhere.
//!
//! They are only *fast* when inlined into a function compiled for the feature. [`Ifma::launch`]
//! is that function: write a kernel as a [`Kernel`], mark it and everything that it calls on
//! lanes `#[inline(always)]`, and launch it. A nested launch makes a real function call; use it
//! to keep code size in check.

#![allow(unsafe_code, reason = "the one module that issues vector instructions")]
#![allow(dead_code, reason = "a complete set of lane operations, whether or not each has a user")]

pub(crate) mod fft;
pub(crate) mod lanes;
pub(crate) mod packed;
pub(crate) mod register;

pub(crate) use super::prime;

cpufeatures::new!(
    cpu,
    "avx512f",
    "avx512dq",
    "avx512bw",
    "avx512vl",
    "avx512ifma",
    "avx512vbmi2",
    "bmi1",
    "bmi2"
);

/// Proof that this processor has AVX-512 IFMA and the other features that lanes use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ifma(());

impl Ifma {
    /// Asks the processor; cached after the first call.
    pub(crate) fn detect() -> Option<Self> {
        cpu::get().then_some(Self(()))
    }

    /// Runs a kernel in a function that is compiled for the vector features.
    pub(crate) fn launch<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token was made by `detect`, which found the enabled features.
        unsafe { launch(self, kernel) }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2,bmi1,bmi2")]
fn launch<K: Kernel>(ifma: Ifma, kernel: K) -> K::Output {
    kernel.run(ifma)
}

/// A computation over lanes: its arguments are its fields.
///
/// Implementations mark `run` with `#[inline(always)]`, or it does not become vector code.
pub(crate) trait Kernel {
    /// What the kernel returns.
    type Output;
    /// The computation.
    fn run(self, ifma: Ifma) -> Self::Output;
}
