//! The choice between implementations, made when the program runs.

use curve25519_dalek::{EdwardsPoint, MontgomeryPoint};

use super::{Job, LANES, Scalar, Shared};

/// An implementation of the Montgomery ladder. All give the same bytes on every input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// Rust for every target.
    Portable,
    /// The assembly of s2n-bignum through graviola: feature `asm`, on x86-64 with ADX and BMI2
    /// or on AArch64. The fastest without AVX-512.
    Assembly,
    /// [`LANES`] multiplications side by side with AVX-512 IFMA, and a single one with its products
    /// side by side.
    Ifma,
}

impl Engine {
    /// Every engine, slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Assembly, Self::Ifma];

    /// Whether this program on this processor can run the engine.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            Self::Assembly => assembly::is_available(),
            Self::Ifma => ifma::is_available(),
        }
    }

    /// The fastest engine here.
    #[must_use]
    pub fn detect() -> Self {
        let [.., assembly, ifma] = Self::ALL;
        if ifma.is_available() {
            ifma
        } else if assembly.is_available() {
            assembly
        } else {
            Self::Portable
        }
    }

    /// `scalar * point`.
    #[must_use]
    pub fn multiply(self, scalar: &Scalar, point: &[u8; 32]) -> Shared {
        match self {
            Self::Ifma if ifma::is_available() => ifma::multiply_one(scalar, point),
            Self::Assembly | Self::Ifma if assembly::is_available() => {
                assembly::multiply(scalar, point)
            }
            _ => portable(scalar, point),
        }
    }

    /// `scalar * base`, the public half of `scalar`, from tables.
    #[must_use]
    pub fn multiply_base(self, scalar: &Scalar) -> [u8; 32] {
        match self {
            Self::Assembly | Self::Ifma if assembly::is_available() => {
                assembly::multiply_base(scalar)
            }
            _ => EdwardsPoint::mul_base_clamped(scalar.bytes).to_montgomery().0,
        }
    }

    /// Does every job of a batch of any length.
    ///
    /// [`Engine::Ifma`] takes [`LANES`] at a time and fills up a last group of
    /// [`FILL_FROM`] or more with repetitions; smaller remainders go one by one.
    pub fn multiply_batch(self, jobs: &mut [Job<'_>]) {
        let (groups, rest) = jobs.as_chunks_mut::<LANES>();
        for group in groups {
            self.multiply_group(group);
        }
        self.multiply_rest(rest);
    }

    fn multiply_group(self, jobs: &mut [Job<'_>]) {
        if self == Self::Ifma && ifma::is_available() {
            ifma::multiply(jobs);
        } else {
            self.one_by_one(jobs);
        }
    }

    fn multiply_rest(self, jobs: &mut [Job<'_>]) {
        if jobs.len() >= FILL_FROM {
            self.multiply_group(jobs);
        } else {
            self.one_by_one(jobs);
        }
    }

    fn one_by_one(self, jobs: &mut [Job<'_>]) {
        for job in jobs {
            job.shared = self.multiply(job.scalar, job.point);
        }
    }
}

/// A group this large is worth a pass of all lanes.
pub const FILL_FROM: usize = 3;

fn portable(scalar: &Scalar, point: &[u8; 32]) -> Shared {
    Shared { bytes: MontgomeryPoint(*point).mul_clamped(scalar.bytes).0 }
}

#[cfg(target_arch = "x86_64")]
use super::ifma;

#[cfg(not(target_arch = "x86_64"))]
mod ifma {
    use super::{Job, Scalar, Shared};

    pub(super) const fn is_available() -> bool {
        false
    }

    pub(super) const fn multiply(_: &mut [Job<'_>]) {}

    pub(super) fn multiply_one(_: &Scalar, _: &[u8; 32]) -> Shared {
        Shared::default()
    }
}

#[cfg(all(feature = "asm", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod assembly {
    use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};

    use super::{Scalar, Shared};

    #[cfg(target_arch = "x86_64")]
    cpufeatures::new!(required, "aes", "pclmulqdq", "ssse3", "bmi1", "bmi2", "adx", "avx", "avx2");
    #[cfg(target_arch = "aarch64")]
    cpufeatures::new!(required, "aes", "sha2");

    pub(super) fn is_available() -> bool {
        required::get()
    }

    pub(super) fn multiply(scalar: &Scalar, point: &[u8; 32]) -> Shared {
        let point = PublicKey::from_array(point);
        // The one error is a product of zero, which `Shared` shows.
        StaticPrivateKey::from_array(scalar.expose())
            .diffie_hellman(&point)
            .map_or_else(|_| Shared::default(), |product| Shared { bytes: product.0 })
    }

    pub(super) fn multiply_base(scalar: &Scalar) -> [u8; 32] {
        StaticPrivateKey::from_array(scalar.expose()).public_key().as_bytes()
    }
}

#[cfg(not(all(feature = "asm", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod assembly {
    use super::{Scalar, Shared};

    pub(super) const fn is_available() -> bool {
        false
    }

    pub(super) fn multiply(_: &Scalar, _: &[u8; 32]) -> Shared {
        Shared::default()
    }

    pub(super) const fn multiply_base(_: &Scalar) -> [u8; 32] {
        [0; 32]
    }
}
