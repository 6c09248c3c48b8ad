//! Points of proofs as bytes: the forms of arkworks.
//!
//! | form | G1 | G2 |
//! |---|---|---|
//! | compressed | `x` | `x.c0`, `x.c1` |
//! | uncompressed | `x`, `y` | `x.c0`, `x.c1`, `y.c0`, `y.c1` |
//!
//! A coordinate is 32 bytes, least significant first. Two bits of the last byte are flags: bit 7
//! says that `y` is the larger of the two roots, bit 6 that the point is at infinity.

use ark_bn254::{Fq, Fq2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{BigInt, BigInteger, PrimeField};
use logos_crypto::codec::{Reader, Writer};
use logos_crypto::pairing;

use super::{ProofPoint, WireError};

/// Set in the last byte of a point at infinity.
const INFINITY: u8 = 0x40;
/// Set in the last byte of a point whose `y` is the larger root.
const LARGER_Y: u8 = 0x80;

/// A curve with a check that a point of it lies in the group of prime order.
trait Subgroup: SWCurveConfig {
    fn contains(point: &Affine<Self>) -> bool;
}

impl Subgroup for ark_bn254::g1::Config {
    /// All of the curve is the group.
    fn contains(_: &Affine<Self>) -> bool {
        true
    }
}

impl Subgroup for ark_bn254::g2::Config {
    fn contains(point: &Affine<Self>) -> bool {
        pairing::is_in_g2(point)
    }
}

/// A point that bytes of a proof can hold.
pub(super) trait WirePoint: Sized {
    /// Reads the compressed form and checks the point.
    fn read(reader: &mut Reader<'_>, name: ProofPoint) -> Result<Self, WireError>;
    /// Reads the uncompressed form and checks the point.
    fn read_uncompressed(reader: &mut Reader<'_>, name: ProofPoint) -> Result<Self, WireError>;
    /// Writes the compressed form.
    fn write(&self, writer: &mut Writer);
    /// Writes the uncompressed form.
    fn write_uncompressed(&self, writer: &mut Writer);
}

impl WirePoint for Affine<ark_bn254::g1::Config> {
    fn read(reader: &mut Reader<'_>, name: ProofPoint) -> Result<Self, WireError> {
        let (x, larger) = last_coordinate(*reader.array()?, name)?;
        with_root(x, larger, name)
    }

    fn read_uncompressed(reader: &mut Reader<'_>, name: ProofPoint) -> Result<Self, WireError> {
        let x = coordinate(reader.array()?)?;
        let (y, larger) = last_coordinate(*reader.array()?, name)?;
        checked(Self::new_unchecked(x, y), larger, name)
    }

    fn write(&self, writer: &mut Writer) {
        put(&[self.x], flags(self), writer);
    }

    fn write_uncompressed(&self, writer: &mut Writer) {
        put(&[self.x, self.y], flags(self), writer);
    }
}

impl WirePoint for Affine<ark_bn254::g2::Config> {
    fn read(reader: &mut Reader<'_>, name: ProofPoint) -> Result<Self, WireError> {
        let x0 = coordinate(reader.array()?)?;
        let (x1, larger) = last_coordinate(*reader.array()?, name)?;
        with_root(Fq2::new(x0, x1), larger, name)
    }

    fn read_uncompressed(reader: &mut Reader<'_>, name: ProofPoint) -> Result<Self, WireError> {
        let x = Fq2::new(coordinate(reader.array()?)?, coordinate(reader.array()?)?);
        let y0 = coordinate(reader.array()?)?;
        let (y1, larger) = last_coordinate(*reader.array()?, name)?;
        checked(Self::new_unchecked(x, Fq2::new(y0, y1)), larger, name)
    }

    fn write(&self, writer: &mut Writer) {
        put(&[self.x.c0, self.x.c1], flags(self), writer);
    }

    fn write_uncompressed(&self, writer: &mut Writer) {
        put(&[self.x.c0, self.x.c1, self.y.c0, self.y.c1], flags(self), writer);
    }
}

/// The point with this `x` and the larger or smaller of the two roots as `y`.
fn with_root<P: Subgroup>(
    x: P::BaseField,
    larger: bool,
    name: ProofPoint,
) -> Result<Affine<P>, WireError> {
    let point = Affine::get_point_from_x_unchecked(x, larger).ok_or(WireError::OffCurve(name))?;
    // Where `y` is its own negative both flags would decode: one of them has no writer.
    checked(point, larger, name)
}

/// The point, if it is on its curve, in its group, and `larger` is what its writer says.
fn checked<P: Subgroup>(
    point: Affine<P>,
    larger: bool,
    name: ProofPoint,
) -> Result<Affine<P>, WireError> {
    if !point.is_on_curve() {
        return Err(WireError::OffCurve(name));
    }
    if larger != (point.y > -point.y) {
        return Err(WireError::PointFlags(name));
    }
    if !P::contains(&point) {
        return Err(WireError::OutsideSubgroup(name));
    }
    Ok(point)
}

fn coordinate(bytes: &[u8; 32]) -> Result<Fq, WireError> {
    let mut limbs = [0; 4];
    let (chunks, _) = bytes.as_chunks::<8>();
    for (limb, chunk) in limbs.iter_mut().zip(chunks) {
        *limb = u64::from_le_bytes(*chunk);
    }
    Fq::from_bigint(BigInt(limbs)).ok_or(WireError::NotCanonical)
}

/// The last coordinate of a point, and whether the point has the larger root.
fn last_coordinate(mut bytes: [u8; 32], name: ProofPoint) -> Result<(Fq, bool), WireError> {
    let [.., last] = &mut bytes;
    let flags = *last & (INFINITY | LARGER_Y);
    *last &= !flags;
    match flags {
        0 => Ok((coordinate(&bytes)?, false)),
        LARGER_Y => Ok((coordinate(&bytes)?, true)),
        INFINITY => Err(WireError::PointAtInfinity(name)),
        _ => Err(WireError::PointFlags(name)),
    }
}

fn flags<P: SWCurveConfig>(point: &Affine<P>) -> u8 {
    if point.is_zero() {
        INFINITY
    } else if point.y > -point.y {
        LARGER_Y
    } else {
        0
    }
}

fn put(coordinates: &[Fq], flags: u8, writer: &mut Writer) {
    for (i, coordinate) in coordinates.iter().enumerate() {
        let mut bytes = coordinate.into_bigint().to_bytes_le();
        if let Some(last) = bytes.last_mut()
            && i + 1 == coordinates.len()
        {
            *last |= flags;
        }
        writer.put(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use ark_bn254::{G1Affine, G2Affine};
    use ark_ec::CurveGroup;
    use proptest::prelude::*;

    use super::*;

    const NAME: ProofPoint = ProofPoint::A;

    fn compressed(point: &impl WirePoint) -> Vec<u8> {
        let mut writer = Writer::default();
        point.write(&mut writer);
        writer.into_bytes()
    }

    fn uncompressed(point: &impl WirePoint) -> Vec<u8> {
        let mut writer = Writer::default();
        point.write_uncompressed(&mut writer);
        writer.into_bytes()
    }

    fn read<P: WirePoint>(bytes: &[u8]) -> Result<P, WireError> {
        P::read(&mut Reader::new(bytes), NAME)
    }

    fn read_uncompressed<P: WirePoint>(bytes: &[u8]) -> Result<P, WireError> {
        P::read_uncompressed(&mut Reader::new(bytes), NAME)
    }

    /// The first point on the curve of G2 that is outside the group, counting `x` up.
    fn outsider() -> G2Affine {
        (1u64..)
            .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), true))
            .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
            .unwrap()
    }

    #[test]
    fn a_point_outside_the_group_is_refused() {
        let outsider = outsider();
        assert!(outsider.is_on_curve());
        let error = Err(WireError::OutsideSubgroup(NAME));
        assert_eq!(read::<G2Affine>(&compressed(&outsider)), error);
        assert_eq!(read_uncompressed::<G2Affine>(&uncompressed(&outsider)), error);
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let off = G1Affine::new_unchecked(Fq::from(4u64), Fq::from(1u64));
        let error = Err(WireError::OffCurve(NAME));
        assert_eq!(read::<G1Affine>(&compressed(&off)), error);
        assert_eq!(read_uncompressed::<G1Affine>(&uncompressed(&off)), error);
    }

    #[test]
    fn infinity_and_unknown_flags_are_refused() {
        let bytes = compressed(&G1Affine::zero());
        assert_eq!(read::<G1Affine>(&bytes), Err(WireError::PointAtInfinity(NAME)));
        let mut bytes = compressed(&G1Affine::generator());
        bytes[31] |= INFINITY | LARGER_Y;
        assert_eq!(read::<G1Affine>(&bytes), Err(WireError::PointFlags(NAME)));
        let mut bytes = uncompressed(&G1Affine::generator());
        bytes[63] ^= LARGER_Y;
        assert_eq!(read_uncompressed::<G1Affine>(&bytes), Err(WireError::PointFlags(NAME)));
    }

    #[test]
    fn a_coordinate_that_is_not_below_the_modulus_is_refused() {
        let mut bytes = Fq::MODULUS.to_bytes_le();
        assert_eq!(read::<G1Affine>(&bytes), Err(WireError::NotCanonical));
        bytes.extend([0; 32]);
        assert_eq!(read::<G2Affine>(&bytes), Err(WireError::NotCanonical));
        assert_eq!(read_uncompressed::<G1Affine>(&bytes), Err(WireError::NotCanonical));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn points_survive_both_forms(factor in 1u64..) {
            let g1 = (G1Affine::generator() * ark_bn254::Fr::from(factor)).into_affine();
            let g2 = (G2Affine::generator() * ark_bn254::Fr::from(factor)).into_affine();
            for (g1, g2) in [(g1, g2), (-g1, -g2)] {
                prop_assert_eq!(read(&compressed(&g1)), Ok(g1));
                prop_assert_eq!(read(&compressed(&g2)), Ok(g2));
                prop_assert_eq!(read_uncompressed(&uncompressed(&g1)), Ok(g1));
                prop_assert_eq!(read_uncompressed(&uncompressed(&g2)), Ok(g2));
            }
        }
    }
}
