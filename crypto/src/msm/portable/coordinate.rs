//! The coordinates of one point in words: elements of the base field or of its extension.
//!
//! On wasm32 the operations are function calls: a module for browsers would be half as large again,
//! and a call is a small part of the work.

use ark_bn254::{Fq, Fq2};

use super::super::group::{G1Row, G2Row};
use crate::backend::prime::Base;
use crate::backend::words::Words;

/// A field of coordinates.
pub(crate) trait Coordinate: Copy {
    /// A point in memory.
    type Row;
    /// The same field in arkworks.
    type Ark;
    /// One.
    const ONE: Self;
    /// Zero.
    const ZERO: Self;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn square(self) -> Self;
    fn negate_if(self, negate: bool) -> Self;
    /// `other` if chosen, without a branch.
    fn select(self, choice: bool, other: Self) -> Self;
    /// `3 b x`, where `y^2 = x^3 + b` is the curve.
    fn times_3b(self) -> Self;
    /// From arkworks.
    fn from_ark(element: &Self::Ark) -> Self;
    /// To arkworks.
    fn to_ark(self) -> Self::Ark;
    fn canonical(self) -> Self;
    /// The inverse, or `None` for zero. Variable time.
    fn vartime_invert(self) -> Option<Self>;
    /// The first coordinate of a point.
    fn load_x(row: &Self::Row) -> Self;
    /// The second coordinate of a point.
    fn load_y(row: &Self::Row) -> Self;
    /// A point as a row.
    fn store(x: Self, y: Self) -> Self::Row;
}

impl Coordinate for Words<Base> {
    type Row = G1Row;
    type Ark = Fq;
    const ONE: Self = Self::new(Self::ONE_WORDS);
    const ZERO: Self = Self::ZERO;

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn add(self, other: Self) -> Self {
        Self::add(self, other)
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn sub(self, other: Self) -> Self {
        Self::sub(self, other)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::mul(self, other)
    }

    #[inline(always)]
    fn square(self) -> Self {
        Self::square(self)
    }

    #[inline(always)]
    fn negate_if(self, negate: bool) -> Self {
        Self::negate_if(self, negate)
    }

    #[inline(always)]
    fn select(self, choice: bool, other: Self) -> Self {
        Self::select(self, choice, other)
    }

    /// On G1 `b` is 3.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn times_3b(self) -> Self {
        self.double().double().double().add(self)
    }

    #[inline(always)]
    fn from_ark(element: &Fq) -> Self {
        Self::from_ark(element)
    }

    #[inline(always)]
    fn to_ark(self) -> Fq {
        self.to_ark()
    }

    #[inline(always)]
    fn canonical(self) -> Self {
        Self::new(self.canonical())
    }

    fn vartime_invert(self) -> Option<Self> {
        (!self.is_zero()).then(|| Self::vartime_invert(self))
    }

    #[inline(always)]
    fn load_x(row: &G1Row) -> Self {
        let [a, b, c, d, ..] = row.0;
        Self::new([a, b, c, d])
    }

    #[inline(always)]
    fn load_y(row: &G1Row) -> Self {
        let [.., a, b, c, d] = row.0;
        Self::new([a, b, c, d])
    }

    #[inline(always)]
    fn store(x: Self, y: Self) -> G1Row {
        G1Row(join(x, y))
    }
}

/// An element `c0 + c1 u` of the quadratic extension, `u^2 = -1`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair(pub(crate) Words<Base>, pub(crate) Words<Base>);

/// `9 / (9 + u)`, which is `3 b` of the twisted curve of G2.
const TWIST_3B: Pair = Pair(
    Words::new([
        0x3baa_927c_b62e_0d6a,
        0xd71e_7c52_d1b6_64fd,
        0x0387_3e63_d95d_4664,
        0x0e75_b5b1_082a_b8f4,
    ]),
    Words::new([
        0xaab7_c666_7596_fe35,
        0x31d2_1a78_bb6a_27ba,
        0x85dd_7297_6804_01ff,
        0x03c5_2d6a_df39_a7e9,
    ]),
);

impl Coordinate for Pair {
    type Row = G2Row;
    type Ark = Fq2;
    const ONE: Self = Self(<Words<Base> as Coordinate>::ONE, Words::ZERO);
    const ZERO: Self = Self(Words::ZERO, Words::ZERO);

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0), self.1.add(other.1))
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn sub(self, other: Self) -> Self {
        Self(self.0.sub(other.0), self.1.sub(other.1))
    }

    /// Four products and two reductions, which take less time than Karatsuba's three of each.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn mul(self, other: Self) -> Self {
        Self(
            self.0.mul_add(other.0, self.1, other.1.neg()),
            self.0.mul_add(other.1, self.1, other.0),
        )
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn square(self) -> Self {
        let mixed = self.0.mul(self.1);
        Self(self.0.add(self.1).mul(self.0.sub(self.1)), mixed.double())
    }

    #[inline(always)]
    fn negate_if(self, negate: bool) -> Self {
        Self(self.0.negate_if(negate), self.1.negate_if(negate))
    }

    #[inline(always)]
    fn select(self, choice: bool, other: Self) -> Self {
        Self(self.0.select(choice, other.0), self.1.select(choice, other.1))
    }

    #[inline(always)]
    fn times_3b(self) -> Self {
        self.mul(TWIST_3B)
    }

    #[inline(always)]
    fn from_ark(element: &Fq2) -> Self {
        Self(Words::from_ark(&element.c0), Words::from_ark(&element.c1))
    }

    #[inline(always)]
    fn to_ark(self) -> Fq2 {
        Fq2::new(self.0.to_ark(), self.1.to_ark())
    }

    #[inline(always)]
    fn canonical(self) -> Self {
        Self(Coordinate::canonical(self.0), Coordinate::canonical(self.1))
    }

    fn vartime_invert(self) -> Option<Self> {
        let norm = self.0.square().add(self.1.square());
        let inverse = Coordinate::vartime_invert(norm)?;
        Some(Self(self.0.mul(inverse), self.1.neg().mul(inverse)))
    }

    #[inline(always)]
    fn load_x(row: &G2Row) -> Self {
        split(row.0[0])
    }

    #[inline(always)]
    fn load_y(row: &G2Row) -> Self {
        split(row.0[1])
    }

    #[inline(always)]
    fn store(x: Self, y: Self) -> G2Row {
        G2Row([join(x.0, x.1), join(y.0, y.1)])
    }
}

impl Pair {
    /// `c0 - c1 u`, which is also the power `p`.
    #[inline(always)]
    pub(crate) fn conjugate(self) -> Self {
        Self(self.0, self.1.neg())
    }

    /// The element times one of the base field.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn scaled(self, factor: Words<Base>) -> Self {
        Self(self.0.mul(factor), self.1.mul(factor))
    }

    /// The element times `9 + u`, which is no square and no cube.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    pub(crate) fn times_nonresidue(self) -> Self {
        Self(self.0.times_nine_plus(self.1.neg()), self.1.times_nine_plus(self.0))
    }
}

#[inline(always)]
fn split([a, b, c, d, e, f, g, h]: [u64; 8]) -> Pair {
    Pair(Words::new([a, b, c, d]), Words::new([e, f, g, h]))
}

#[inline(always)]
fn join(first: Words<Base>, second: Words<Base>) -> [u64; 8] {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_words(), second.to_words());
    [a, b, c, d, e, f, g, h]
}
