//! Points as bytes.

use alloc::vec::Vec;

use ark_bn254::{Fq, Fq2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInt, BigInteger, PrimeField};
use logos_crypto::codec::{Reader, Writer};
use logos_crypto::pairing;

use super::{KeyError, Query};

/// Bytes of an uncompressed point of G1.
pub(super) const G1_BYTES: usize = 64;
/// Bytes of an uncompressed point of G2.
pub(super) const G2_BYTES: usize = 128;

/// Set in the last byte of a point at infinity.
const INFINITY: u8 = 0x40;
/// Set in the last byte of a point whose `y` is the larger root.
const LARGER_Y: u8 = 0x80;

/// A point that bytes of a key can hold.
pub(super) trait KeyPoint: AffineRepr {
    /// Bytes of the uncompressed form.
    const BYTES: usize;

    /// Reads arkworks' uncompressed form.
    fn read(reader: &mut Reader<'_>) -> Result<Self, KeyError>;
    /// Writes arkworks' uncompressed form.
    fn write(&self, writer: &mut Writer);
    /// Reads plain Montgomery words, all zero for infinity.
    fn read_words(reader: &mut Reader<'_>) -> Result<Self, KeyError>;
    /// Writes plain Montgomery words.
    fn write_words(&self, writer: &mut Writer);
    /// Is the point on its curve?
    fn on_curve(&self) -> bool;
    /// Is it in the prime-order group?
    fn in_subgroup(&self) -> bool;
}

impl KeyPoint for Affine<ark_bn254::g1::Config> {
    const BYTES: usize = G1_BYTES;

    fn read(reader: &mut Reader<'_>) -> Result<Self, KeyError> {
        let x = coordinate(*reader.array()?)?;
        let (y, infinity) = flagged(*reader.array()?)?;
        Ok(if infinity { Self::zero() } else { Self::new_unchecked(x, y) })
    }

    fn write(&self, writer: &mut Writer) {
        let (x, y) = self.xy().unwrap_or_default();
        put_flagged(&[x, y], flags(self), writer);
    }

    fn read_words(reader: &mut Reader<'_>) -> Result<Self, KeyError> {
        let (x, y) = (words(reader)?, words(reader)?);
        let zero = x == Fq::ZERO && y == Fq::ZERO;
        Ok(if zero { Self::zero() } else { Self::new_unchecked(x, y) })
    }

    fn write_words(&self, writer: &mut Writer) {
        let (x, y) = self.xy().unwrap_or_default();
        [x, y].iter().for_each(|coordinate| put_words(coordinate, writer));
    }

    fn on_curve(&self) -> bool {
        self.is_on_curve()
    }

    fn in_subgroup(&self) -> bool {
        true
    }
}

impl KeyPoint for Affine<ark_bn254::g2::Config> {
    const BYTES: usize = G2_BYTES;

    fn read(reader: &mut Reader<'_>) -> Result<Self, KeyError> {
        let x = Fq2::new(coordinate(*reader.array()?)?, coordinate(*reader.array()?)?);
        let y0 = coordinate(*reader.array()?)?;
        let (y1, infinity) = flagged(*reader.array()?)?;
        Ok(if infinity { Self::zero() } else { Self::new_unchecked(x, Fq2::new(y0, y1)) })
    }

    fn write(&self, writer: &mut Writer) {
        let (x, y) = self.xy().unwrap_or_default();
        put_flagged(&[x.c0, x.c1, y.c0, y.c1], flags(self), writer);
    }

    fn read_words(reader: &mut Reader<'_>) -> Result<Self, KeyError> {
        let x = Fq2::new(words(reader)?, words(reader)?);
        let y = Fq2::new(words(reader)?, words(reader)?);
        let zero = x == Fq2::ZERO && y == Fq2::ZERO;
        Ok(if zero { Self::zero() } else { Self::new_unchecked(x, y) })
    }

    fn write_words(&self, writer: &mut Writer) {
        let (x, y) = self.xy().unwrap_or_default();
        [x.c0, x.c1, y.c0, y.c1].iter().for_each(|coordinate| put_words(coordinate, writer));
    }

    fn on_curve(&self) -> bool {
        self.is_on_curve()
    }

    fn in_subgroup(&self) -> bool {
        pairing::is_in_g2(self)
    }
}

/// Refuses points off the curve or outside the group.
pub(super) fn check<P: KeyPoint>(points: &[P], query: Query) -> Result<(), KeyError> {
    for (index, point) in points.iter().enumerate() {
        if !point.on_curve() {
            return Err(KeyError::OffCurve { query, index });
        }
        if !point.in_subgroup() {
            return Err(KeyError::OutsideSubgroup { query, index });
        }
    }
    Ok(())
}

/// A run of points whose number is known.
pub(super) fn read_points<P: KeyPoint>(
    reader: &mut Reader<'_>,
    count: usize,
    read: impl Fn(&mut Reader<'_>) -> Result<P, KeyError>,
) -> Result<Vec<P>, KeyError> {
    let count = reader.checked_count(count as u64, count, P::BYTES)?;
    (0..count).map(|_| read(reader)).collect()
}

fn coordinate(bytes: [u8; 32]) -> Result<Fq, KeyError> {
    Fq::from_bigint(BigInt(le_words(&bytes))).ok_or(KeyError::NotCanonical)
}

fn flagged(mut bytes: [u8; 32]) -> Result<(Fq, bool), KeyError> {
    let [.., last] = &mut bytes;
    let infinity = *last & INFINITY != 0;
    *last &= !(INFINITY | LARGER_Y);
    Ok((coordinate(bytes)?, infinity))
}

fn flags<P: SWCurveConfig>(point: &Affine<P>) -> u8 {
    match point.xy() {
        None => INFINITY,
        Some((_, y)) if y > -y => LARGER_Y,
        Some(_) => 0,
    }
}

fn put_flagged(coordinates: &[Fq], flags: u8, writer: &mut Writer) {
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

fn words(reader: &mut Reader<'_>) -> Result<Fq, KeyError> {
    let limbs = BigInt(le_words(reader.array()?));
    if limbs < Fq::MODULUS { Ok(Fq::new_unchecked(limbs)) } else { Err(KeyError::NotCanonical) }
}

fn put_words(coordinate: &Fq, writer: &mut Writer) {
    coordinate.0.0.iter().for_each(|word| {
        writer.u64_le(*word);
    });
}

pub(super) fn le_words(bytes: &[u8; 32]) -> [u64; 4] {
    let mut limbs = [0; 4];
    let (chunks, _) = bytes.as_chunks::<8>();
    for (limb, chunk) in limbs.iter_mut().zip(chunks) {
        *limb = u64::from_le_bytes(*chunk);
    }
    limbs
}
