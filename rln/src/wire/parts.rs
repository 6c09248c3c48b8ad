//! Sums of a proof under way from one prover to another.

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::CurveGroup;
use logos_crypto::codec::{DecodeError, Reader, Writer};

use super::points::WirePoint;
use super::{ProofPoint, SecretBytes, WireError};
use crate::hazmat::{Part, ProofParts};
use crate::proof::ProofPoints;

/// Bits of the parts there are.
const ALL: u8 = Part::A.bit() | Part::B.bit() | Part::Wires.bit() | Part::Rows.bit();

impl ProofParts {
    /// Encodes the sums.
    ///
    /// | bytes | content |
    /// |---|---|
    /// | 1 | which sums: 1 for `A`, 2 for `B`, 4 for the wires of `C`, 8 for its rows |
    /// | 64 | `A`, if it is among them |
    /// | 128 | `B`, if it is among them |
    /// | 64 | `C`, if one of its two is among them |
    ///
    /// Points are uncompressed, as in [`Proof::to_uncompressed`](crate::Proof::to_uncompressed).
    #[must_use]
    pub fn to_bytes(&self) -> SecretBytes {
        let mut writer = Writer::with_capacity(257);
        writer.u8(self.done);
        if self.has(Part::A) {
            self.points.a.into_affine().write_uncompressed(&mut writer);
        }
        if self.has(Part::B) {
            self.points.b.into_affine().write_uncompressed(&mut writer);
        }
        if self.in_c() {
            self.points.c.into_affine().write_uncompressed(&mut writer);
        }
        SecretBytes::new(writer.into_bytes())
    }

    /// Decodes what [`ProofParts::to_bytes`] writes.
    ///
    /// # Errors
    ///
    /// [`WireError::Decode`] for a wrong length or unknown parts, or an error of a point: no sum
    /// of an honest proof is at infinity.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let done = reader.u8()?;
        if done & !ALL != 0 {
            return Err(DecodeError::UnknownTag { tag: done }.into());
        }
        let mut parts = Self { done, points: ProofPoints::default() };
        if parts.has(Part::A) {
            parts.points.a = G1Affine::read_uncompressed(&mut reader, ProofPoint::A)?.into();
        }
        if parts.has(Part::B) {
            parts.points.b = G2Affine::read_uncompressed(&mut reader, ProofPoint::B)?.into();
        }
        if parts.in_c() {
            parts.points.c = G1Affine::read_uncompressed(&mut reader, ProofPoint::C)?.into();
        }
        reader.finish()?;
        Ok(parts)
    }

    const fn in_c(&self) -> bool {
        self.has(Part::Wires) || self.has(Part::Rows)
    }
}
