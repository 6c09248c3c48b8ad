//! Proofs as bytes, alone and with their values.

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G2Affine};
use logos_crypto::codec::{DecodeError, Reader, Writer};

use super::fields::{FieldReader, FieldWriter};
use super::points::WirePoint;
use super::values::TAG_SINGLE;
use super::{ByteOrder, ProofPoint, WireError};
use crate::proof::{Proof, RlnProof};
use crate::values::{ProofValues, SingleValues};

impl Proof {
    /// Bytes of the compressed form.
    pub const BYTES: usize = 128;
    /// Bytes of the uncompressed form.
    pub const UNCOMPRESSED_BYTES: usize = 256;

    /// Encodes the proof in its compressed form, which goes on the wire.
    ///
    /// | offset | bytes | content |
    /// |---|---|---|
    /// | 0 | 32 | `A.x` |
    /// | 32 | 64 | `B.x`: first coefficient, then that of the square root of -1 |
    /// | 96 | 32 | `C.x` |
    ///
    /// Least significant byte first; the top bit of each point's last byte says which root `y` is.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut writer = Writer::with_capacity(Self::BYTES);
        self.a.write(&mut writer);
        self.b.write(&mut writer);
        self.c.write(&mut writer);
        fixed(&writer.into_bytes())
    }

    /// Decodes the compressed form: three square roots and a subgroup check, about a tenth of a
    /// verification.
    ///
    /// # Errors
    ///
    /// [`WireError::Decode`] for another length, and one [`WireError`] for each way in which a
    /// point is none. A point at infinity is refused here, at no cost: no honest proof has one
    /// (the chance is 2^-253), and no proof with one verifies.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let proof = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(proof)
    }

    /// Encodes the proof with both coordinates of every point: `A`, `B`, `C`.
    #[must_use]
    pub fn to_uncompressed(&self) -> [u8; Self::UNCOMPRESSED_BYTES] {
        let mut writer = Writer::with_capacity(Self::UNCOMPRESSED_BYTES);
        self.a.write_uncompressed(&mut writer);
        self.b.write_uncompressed(&mut writer);
        self.c.write_uncompressed(&mut writer);
        fixed(&writer.into_bytes())
    }

    /// Decodes the uncompressed form.
    ///
    /// # Errors
    ///
    /// As [`Proof::from_bytes`].
    pub fn from_uncompressed(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let proof = Self {
            a: G1Affine::read_uncompressed(&mut reader, ProofPoint::A)?,
            b: G2Affine::read_uncompressed(&mut reader, ProofPoint::B)?,
            c: G1Affine::read_uncompressed(&mut reader, ProofPoint::C)?,
        };
        reader.finish()?;
        Ok(proof)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            a: G1Affine::read(reader, ProofPoint::A)?,
            b: G2Affine::read(reader, ProofPoint::B)?,
            c: G1Affine::read(reader, ProofPoint::C)?,
        })
    }
}

/// How a proof and its values are put together.
///
/// | frame | layout | bytes |
/// |---|---|---|
/// | [`Frame::V3`] | proof, values | 289 single, 509 with four slots |
/// | [`Frame::V3Mixed`] | proof, values most significant byte first | the same |
/// | [`Frame::V2`] | `00`, proof, `00`, root, external nullifier, x, y, nullifier | 290 |
/// | [`Frame::V0_9`] | proof, root, external nullifier, x, y, nullifier | 288 |
///
/// The three of least significant byte first tell themselves apart by their length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Frame {
    /// zerokit 3.0.
    V3,
    /// zerokit 3.0, "mixed": values most significant byte first.
    V3Mixed,
    /// zerokit 2.0, as logos-delivery sends it; one message id only.
    V2,
    /// zerokit 0.9, as the Status prover sends it; one message id only.
    V0_9,
}

impl Frame {
    /// The frame that a proof of this length stands in, of those that are told by length.
    #[must_use]
    pub const fn of_length(length: usize) -> Self {
        match length {
            V2_BYTES => Self::V2,
            V0_9_BYTES => Self::V0_9,
            _ => Self::V3,
        }
    }
}

/// Bytes of the frame of zerokit 2.0.
const V2_BYTES: usize = 290;
/// Bytes of the frame of zerokit 0.9.
const V0_9_BYTES: usize = 288;
/// First byte of the frame of zerokit 2.0, and the byte before its values.
const V2_TAG: u8 = 0;

impl RlnProof {
    /// Bytes of a proof of one message id in the frame of zerokit 3.0.
    pub const SINGLE_BYTES: usize = Proof::BYTES + ProofValues::SINGLE_BYTES;

    /// Encodes proof and values in the frame of zerokit 3.0: 289 bytes for one message id.
    ///
    /// | offset | bytes | content |
    /// |---|---|---|
    /// | 0 | 128 | [`Proof::to_bytes`] |
    /// | 128 | 161 or more | [`ProofValues::to_bytes`], least significant byte first |
    ///
    /// # Examples
    ///
    /// ```
    /// use logos_rln::RlnProof;
    /// use logos_rln::wire::WireError;
    ///
    /// fn relay(bytes: &[u8]) -> Result<Vec<u8>, WireError> {
    ///     Ok(RlnProof::from_bytes(bytes)?.to_bytes())
    /// }
    /// assert!(relay(&[0; 289]).is_err());
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.with_values(&self.values.to_bytes(ByteOrder::Little))
    }

    /// Decodes a proof in any frame that is told by its length: 288 bytes of zerokit 0.9, 290 of
    /// 2.0, and every other length as zerokit 3.0.
    ///
    /// # Errors
    ///
    /// As [`Proof::from_bytes`] and [`ProofValues::from_bytes`].
    ///
    /// # Security
    ///
    /// All of `bytes` is the sender's choice. Decoding says that the points can be computed with,
    /// not that anything was proved. A longer proof cut to one of the older lengths may decode, as
    /// a proof of other values, which then fails to verify.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        Self::from_frame(bytes, Frame::of_length(bytes.len()))
    }

    /// Encodes proof and values in a frame.
    ///
    /// # Errors
    ///
    /// [`WireError::SingleOnly`] for several message ids in a frame that has no room for them.
    pub fn to_frame(&self, frame: Frame) -> Result<Vec<u8>, WireError> {
        match frame {
            Frame::V3 => Ok(self.to_bytes()),
            Frame::V3Mixed => Ok(self.with_values(&self.values.to_bytes(ByteOrder::Big))),
            Frame::V2 => {
                let mut bytes = Vec::with_capacity(V2_BYTES);
                bytes.push(V2_TAG);
                bytes.extend(self.proof.to_bytes());
                bytes.push(TAG_SINGLE);
                bytes.extend(self.older_values()?);
                Ok(bytes)
            }
            Frame::V0_9 => Ok(self.with_values(&self.older_values()?)),
        }
    }

    /// Decodes a proof whose frame is known.
    ///
    /// # Errors
    ///
    /// As [`RlnProof::from_bytes`].
    pub fn from_frame(bytes: &[u8], frame: Frame) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        if frame == Frame::V2 {
            expect_tag(&mut reader, V2_TAG)?;
        }
        let proof = reader.take(Proof::BYTES)?;
        if frame == Frame::V2 {
            expect_tag(&mut reader, TAG_SINGLE)?;
        }
        let values = reader.take(reader.remaining())?;
        // The values first: they cost nothing to refuse.
        let values = match frame {
            Frame::V3 => ProofValues::from_bytes(values, ByteOrder::Little)?,
            Frame::V3Mixed => ProofValues::from_bytes(values, ByteOrder::Big)?,
            Frame::V2 | Frame::V0_9 => ProofValues::Single(read_older_values(values)?),
        };
        Ok(Self { proof: Proof::from_bytes(proof)?, values })
    }

    fn with_values(&self, values: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Proof::BYTES + values.len());
        bytes.extend(self.proof.to_bytes());
        bytes.extend(values);
        bytes
    }

    /// The values in the order of the releases before 3.0.
    fn older_values(&self) -> Result<Vec<u8>, WireError> {
        let ProofValues::Single(values) = &self.values else {
            return Err(WireError::SingleOnly);
        };
        let mut writer = FieldWriter::new(ProofValues::SINGLE_BYTES, ByteOrder::Little);
        writer.field(values.root).field(values.external_nullifier).field(values.x);
        writer.field(values.y).field(values.nullifier);
        Ok(writer.into_bytes())
    }
}

fn read_older_values(bytes: &[u8]) -> Result<SingleValues, WireError> {
    let mut reader = FieldReader::new(bytes, ByteOrder::Little);
    let values = SingleValues {
        root: reader.field()?,
        external_nullifier: reader.field()?,
        x: reader.field()?,
        y: reader.field()?,
        nullifier: reader.field()?,
    };
    reader.finish()?;
    Ok(values)
}

fn expect_tag(reader: &mut Reader<'_>, expected: u8) -> Result<(), WireError> {
    match reader.u8()? {
        tag if tag == expected => Ok(()),
        tag => Err(DecodeError::UnknownTag { tag }.into()),
    }
}

/// The bytes as an array of the length they have.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}

#[cfg(test)]
mod tests {
    use std::vec;

    use ark_ec::{AffineRepr, CurveGroup};
    use logos_crypto::Fr;
    use proptest::prelude::*;

    use super::*;
    use crate::values::MultiValues;

    fn proof(seed: u64) -> Proof {
        let factor = |n: u64| ark_bn254::Fr::from(seed) + ark_bn254::Fr::from(n);
        Proof {
            a: (G1Affine::generator() * factor(1)).into_affine(),
            b: (G2Affine::generator() * factor(2)).into_affine(),
            c: (G1Affine::generator() * factor(3)).into_affine(),
        }
    }

    fn single(seed: u64) -> RlnProof {
        let [y, root, nullifier, x, external_nullifier] =
            [1, 2, 3, 4, 5].map(|n| Fr::from(seed) + Fr::from(n as u64));
        let values = SingleValues { y, root, nullifier, x, external_nullifier };
        RlnProof { proof: proof(seed), values: ProofValues::Single(values) }
    }

    fn multi(seed: u64) -> RlnProof {
        let values = MultiValues {
            ys: vec![Fr::from(seed); 4],
            root: Fr::ONE,
            nullifiers: vec![Fr::from(seed); 4],
            x: Fr::ONE,
            external_nullifier: Fr::ONE,
            selector: vec![true, false, true, false],
        };
        RlnProof { proof: proof(seed), values: ProofValues::Multi(values) }
    }

    #[test]
    fn frames_have_their_published_lengths() {
        let length = |frame| single(7).to_frame(frame).map(|bytes| bytes.len());
        assert_eq!(length(Frame::V3), Ok(289));
        assert_eq!(length(Frame::V3Mixed), Ok(289));
        assert_eq!(length(Frame::V2), Ok(290));
        assert_eq!(length(Frame::V0_9), Ok(288));
        assert_eq!(multi(7).to_bytes().len(), 509);
    }

    #[test]
    fn older_frames_carry_one_message_id() {
        for frame in [Frame::V2, Frame::V0_9] {
            assert_eq!(multi(7).to_frame(frame), Err(WireError::SingleOnly));
        }
    }

    #[test]
    fn older_frames_order_the_values_in_their_own_way() {
        let bytes = single(0).to_frame(Frame::V0_9).unwrap();
        let firsts: Vec<u8> = bytes[128..].chunks(32).map(|value| value[0]).collect();
        // root, external nullifier, x, y, nullifier
        assert_eq!(firsts, [2, 5, 4, 1, 3]);
        let bytes = single(0).to_bytes();
        let firsts: Vec<u8> = bytes[129..].chunks(32).map(|value| value[0]).collect();
        assert_eq!(firsts, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_137_byte_proof_that_claims_2_to_the_60_slots_is_refused() {
        for claimed in [17u64, 1 << 31, 1 << 60, u64::MAX] {
            let mut bytes = proof(1).to_bytes().to_vec();
            bytes.push(1);
            bytes.extend(claimed.to_le_bytes());
            assert_eq!(bytes.len(), 137);
            let error = DecodeError::TooLong { length: claimed, bound: 16 };
            assert_eq!(RlnProof::from_bytes(&bytes), Err(error.into()));
            bytes[129..].copy_from_slice(&claimed.to_be_bytes());
            assert_eq!(RlnProof::from_frame(&bytes, Frame::V3Mixed), Err(error.into()));
        }
    }

    #[test]
    fn a_proof_with_bytes_behind_it_is_refused() {
        for extra in [1usize, 2, 31, 32, 1000] {
            for proof in [single(3), multi(3)] {
                let mut bytes = proof.to_bytes();
                bytes.extend(vec![0; extra]);
                assert!(RlnProof::from_bytes(&bytes).is_err(), "{extra} bytes behind it");
                assert_eq!(
                    RlnProof::from_frame(&bytes, Frame::V3),
                    Err(DecodeError::Trailing { extra }.into())
                );
            }
        }
        for frame in [Frame::V2, Frame::V0_9, Frame::V3Mixed] {
            let mut bytes = single(3).to_frame(frame).unwrap();
            bytes.push(0);
            let error = DecodeError::Trailing { extra: 1 };
            assert_eq!(RlnProof::from_frame(&bytes, frame), Err(error.into()));
        }
        let mut bytes = proof(3).to_bytes().to_vec();
        bytes.push(0);
        assert_eq!(Proof::from_bytes(&bytes), Err(DecodeError::Trailing { extra: 1 }.into()));
    }

    #[test]
    fn every_truncation_of_a_proof_is_refused() {
        for frame in [Frame::V3, Frame::V3Mixed, Frame::V2, Frame::V0_9] {
            let bytes = single(11).to_frame(frame).unwrap();
            for end in 0..bytes.len() {
                assert!(matches!(
                    RlnProof::from_frame(&bytes[..end], frame),
                    Err(WireError::Decode(DecodeError::Truncated { .. }))
                ));
            }
        }
        let bytes = multi(11).to_bytes();
        for end in 0..bytes.len() {
            assert!(RlnProof::from_frame(&bytes[..end], Frame::V3).is_err());
        }
    }

    #[test]
    fn the_tags_of_the_frame_of_zerokit_2_are_zero() {
        for offset in [0, 129] {
            let mut bytes = single(5).to_frame(Frame::V2).unwrap();
            bytes[offset] = 1;
            let error = DecodeError::UnknownTag { tag: 1 };
            assert_eq!(RlnProof::from_bytes(&bytes), Err(error.into()));
        }
    }

    #[test]
    fn a_point_at_infinity_is_refused() {
        for (offset, point) in [(31, ProofPoint::A), (95, ProofPoint::B), (127, ProofPoint::C)] {
            let mut bytes = proof(9).to_bytes();
            bytes[offset] = 0x40;
            assert_eq!(Proof::from_bytes(&bytes), Err(WireError::PointAtInfinity(point)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn proofs_survive_every_frame(seed in 1u64..u64::MAX / 2) {
            let (single, multi) = (single(seed), multi(seed));
            for frame in [Frame::V3, Frame::V3Mixed, Frame::V2, Frame::V0_9] {
                let bytes = single.to_frame(frame).unwrap();
                prop_assert_eq!(RlnProof::from_frame(&bytes, frame), Ok(single.clone()));
                if frame != Frame::V3Mixed {
                    prop_assert_eq!(RlnProof::from_bytes(&bytes), Ok(single.clone()));
                }
            }
            prop_assert_eq!(RlnProof::from_bytes(&multi.to_bytes()), Ok(multi.clone()));
            let bytes = single.proof.to_uncompressed();
            prop_assert_eq!(Proof::from_uncompressed(&bytes), Ok(single.proof));
        }

        #[test]
        fn a_proof_with_a_bit_turned_is_another_proof_or_none(bit in 0usize..289 * 8) {
            let whole = single(99);
            let mut bytes = whole.to_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = RlnProof::from_bytes(&bytes) {
                prop_assert_ne!(&other, &whole);
                prop_assert_eq!(other.to_bytes(), bytes);
            }
        }
    }
}
