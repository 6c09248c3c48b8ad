//! Which arithmetic unit a heavy operation runs on.
//!
//! Every operation that has more than one implementation takes a [`Backend`] by value, and every
//! backend gives bit-equal results: the choice is one of speed only.

#[cfg(target_arch = "x86_64")]
pub(crate) mod ifma;
pub(crate) mod inverse;
#[cfg(any(test, target_arch = "wasm32"))]
pub(crate) mod limbs29;
pub(crate) mod prefetch;
#[allow(dead_code, reason = "both fields of the curve, whether or not each has a user")]
pub(crate) mod prime;
#[cfg(target_arch = "x86_64")]
pub(crate) mod sha256;
#[allow(dead_code, reason = "a complete field, whether or not each operation has a user")]
pub(crate) mod words;

/// An implementation of the field and curve arithmetic.
///
/// # Examples
///
/// ```
/// use logos_crypto::backend::Backend;
///
/// let fastest = Backend::detect();
/// assert!(Backend::available().any(|backend| backend == fastest));
/// assert!(Backend::available().any(|backend| backend == Backend::Portable));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// Eight field elements at a time in AVX-512 registers, multiplied by the 52-bit fused
    /// multiply-add of AVX-512 IFMA (Intel Ice Lake and later, AMD Zen 4 and later).
    Ifma,
    /// 64-bit integer arithmetic, on any processor.
    Portable,
}

impl Backend {
    /// The fastest backend of this processor. Costs an atomic load after the first call.
    #[must_use]
    pub fn detect() -> Self {
        if Self::Ifma.is_available() { Self::Ifma } else { Self::Portable }
    }

    /// Every backend that this processor can run, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Ifma, Self::Portable].into_iter().filter(|backend| backend.is_available())
    }

    /// Can this processor run the backend? An operation that is given a backend which it cannot
    /// run falls back to [`Backend::Portable`].
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Ifma => ifma::Ifma::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Ifma => false,
            Self::Portable => true,
        }
    }

    /// The token for AVX-512 IFMA, if this is that backend and the processor has it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn ifma(self) -> Option<ifma::Ifma> {
        if self == Self::Ifma { ifma::Ifma::detect() } else { None }
    }
}
