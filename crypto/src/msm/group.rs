//! The two groups that a key has points in.

use core::fmt::Debug;

use ark_bn254::{Fq, Fq2};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::{Field, MontFp};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Digits, Table};
use crate::backend::prime::Base;
use crate::backend::words::Words;

/// A point of G1 in a table: `x`, then `y`, four words each. One cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct G1Row(pub(crate) [u64; 8]);

/// A point of G2 in a table: `x`, then `y`, each as `c0`, `c1`. Two cache lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct G2Row(pub(crate) [[u64; 8]; 2]);

impl G1Row {
    /// The words of `x`.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn x(&self) -> &[u64; 4] {
        self.0.first_chunk().unwrap_or(&[0; 4])
    }
}

/// The first group: points over the base field.
#[derive(Clone, Copy, Debug)]
pub struct G1;

/// The second group: points over the quadratic extension of the base field.
#[derive(Clone, Copy, Debug)]
pub struct G2;

/// A group of the pairing: [`G1`] or [`G2`].
pub trait Group: Copy + Debug + 'static {
    /// The curve in arkworks.
    type Config: SWCurveConfig<ScalarField = ark_bn254::Fr>;
    /// A point in a table.
    type Row: Copy + Debug + Send + Sync + FromBytes + IntoBytes + Immutable + KnownLayout;
}

impl Group for G1 {
    type Config = ark_bn254::g1::Config;
    type Row = G1Row;
}

impl Group for G2 {
    type Config = ark_bn254::g2::Config;
    type Row = G2Row;
}

/// What the engine knows of a group.
pub(crate) trait Layout: Group<Config: SWCurveConfig<BaseField = Self::Field>> {
    /// Tells the tables of the groups apart in bytes.
    const TAG: u32;
    /// The field of the coordinates.
    type Field: Invert;
    /// The coordinates in words.
    type Words: super::portable::coordinate::Coordinate<Row = Self::Row, Ark = Self::Field>;
    /// The coordinates in lanes.
    #[cfg(target_arch = "x86_64")]
    type Lanes: super::lanes::coordinate::Coordinate<Row = Self::Row, Ark = Self::Field>;
    /// All words zero: no point, and a place to write one.
    const EMPTY: Self::Row;

    /// A point from words in arkworks' form.
    fn point(row: &Self::Row) -> Affine<Self::Config>;
    /// Words in arkworks' form. The point at infinity has no row.
    fn row(point: &Affine<Self::Config>) -> Self::Row;
    /// The cube root of one in the base field by which `x` is multiplied to multiply the point
    /// by `lambda`, see the halves of scalars.
    const BETA: Fq;
    /// The negative of a point whose words are canonical, in either Montgomery form.
    fn negative(row: &Self::Row) -> Self::Row {
        Self::row(&-Self::point(row))
    }
    /// [`Table::portable_msm`] of this group, compiled with this crate, which is compiled for speed
    /// also where those who call it are compiled for size.
    fn portable_msm(table: &Table<'_, Self>, digits: &Digits) -> Sum<Self>;
    /// A field element times a small factor in both coordinates of a point.
    fn scaled(point: &Affine<Self::Config>, factor: &Fq) -> Affine<Self::Config>;
}

/// A point of a group in affine coordinates.
pub(crate) type Point<G> = Affine<<G as Group>::Config>;
/// A point of a group in projective coordinates.
pub(crate) type Sum<G> = Projective<<G as Group>::Config>;

impl Layout for G1 {
    const TAG: u32 = 1;
    type Field = Fq;
    type Words = Words<Base>;
    #[cfg(target_arch = "x86_64")]
    type Lanes = Base;
    const EMPTY: G1Row = G1Row([0; 8]);
    const BETA: Fq =
        MontFp!("21888242871839275220042445260109153167277707414472061641714758635765020556616");

    fn point(row: &G1Row) -> Affine<Self::Config> {
        let [a, b, c, d, e, f, g, h] = row.0;
        Affine::new_unchecked(element([a, b, c, d]), element([e, f, g, h]))
    }

    fn row(point: &Affine<Self::Config>) -> G1Row {
        let ([a, b, c, d], [e, f, g, h]) = (point.x.0.0, point.y.0.0);
        G1Row([a, b, c, d, e, f, g, h])
    }

    fn portable_msm(table: &Table<'_, Self>, digits: &Digits) -> Sum<Self> {
        table.portable_msm(digits)
    }

    fn scaled(point: &Affine<Self::Config>, factor: &Fq) -> Affine<Self::Config> {
        let factor = Words::<Base>::from_ark(factor);
        let scaled = |element: &Fq| Words::<Base>::from_ark(element).mul(factor).to_ark();
        Affine::new_unchecked(scaled(&point.x), scaled(&point.y))
    }
}

impl Layout for G2 {
    const TAG: u32 = 2;
    type Field = Fq2;
    type Words = super::portable::coordinate::Pair;
    #[cfg(target_arch = "x86_64")]
    type Lanes = super::lanes::coordinate::Extension;
    const EMPTY: G2Row = G2Row([[0; 8]; 2]);
    const BETA: Fq = MontFp!("2203960485148121921418603742825762020974279258880205651966");

    fn point(row: &G2Row) -> Affine<Self::Config> {
        let [x, y] = row
            .0
            .map(|[a, b, c, d, e, f, g, h]| Fq2::new(element([a, b, c, d]), element([e, f, g, h])));
        Affine::new_unchecked(x, y)
    }

    fn row(point: &Affine<Self::Config>) -> G2Row {
        G2Row([point.x, point.y].map(|coordinate| {
            let ([a, b, c, d], [e, f, g, h]) = (coordinate.c0.0.0, coordinate.c1.0.0);
            [a, b, c, d, e, f, g, h]
        }))
    }

    fn portable_msm(table: &Table<'_, Self>, digits: &Digits) -> Sum<Self> {
        table.portable_msm(digits)
    }

    fn scaled(point: &Affine<Self::Config>, factor: &Fq) -> Affine<Self::Config> {
        let (mut x, mut y) = (point.x, point.y);
        x.mul_assign_by_fp(factor);
        y.mul_assign_by_fp(factor);
        Affine::new_unchecked(x, y)
    }
}

fn element(words: [u64; 4]) -> Fq {
    Fq::new_unchecked(ark_ff::BigInt(words))
}

/// Inversion of several elements at the price of one.
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only the lanes invert"))]
pub(crate) trait Invert: Field {
    /// The inverse of every element, or `None` if one of them is zero. Variable time.
    fn vartime_invert_all<const N: usize>(elements: [Self; N]) -> Option<[Self; N]> {
        let mut product = Self::ONE;
        let before = elements.map(|element| {
            let earlier = product;
            product *= element;
            earlier
        });
        let mut inverse = product.vartime_invert()?;
        let mut inverses = before;
        for (result, element) in inverses.iter_mut().zip(&elements).rev() {
            *result *= inverse;
            inverse *= element;
        }
        Some(inverses)
    }

    /// The inverse, or `None` for zero. Variable time.
    fn vartime_invert(&self) -> Option<Self>;
}

impl Invert for Fq {
    fn vartime_invert(&self) -> Option<Self> {
        let element = Words::<Base>::from_ark(self);
        (!element.is_zero()).then(|| element.vartime_invert().to_ark())
    }
}

impl Invert for Fq2 {
    fn vartime_invert(&self) -> Option<Self> {
        let norm = self.c0.square() + self.c1.square();
        let inverse = norm.vartime_invert()?;
        Some(Self::new(self.c0 * inverse, -(self.c1 * inverse)))
    }
}
