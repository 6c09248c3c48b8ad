//! What point formulas ask of a field of coordinates.

use super::complete::Point;
#[cfg(target_arch = "x86_64")]
use crate::backend::ifma::register::LaneMask;
#[cfg(target_arch = "x86_64")]
use crate::backend::ifma::{Ifma, Kernel};
#[cfg(target_arch = "x86_64")]
use crate::msm::lanes::coordinate::Coordinate as InLanes;
use crate::msm::portable::coordinate::Coordinate as InWords;

/// Field elements, one or several side by side. No operation branches on them.
pub(crate) trait Arithmetic: Copy {
    /// A choice for each element.
    type Choice: Copy;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn square(self) -> Self;
    /// `self * a + b * c`.
    fn mul_add(self, a: Self, b: Self, c: Self) -> Self;
    /// `3 b x`, where `y^2 = x^3 + b` is the curve.
    fn times_3b(self) -> Self;
    /// `other` where chosen, `self` elsewhere.
    fn select(self, choice: Self::Choice, other: Self) -> Self;
    /// Sum of two points: [`Point::sum`] behind a function call, which keeps code small.
    fn add_points(a: Point<Self>, b: Point<Self>) -> Point<Self>;
    /// Double of a point: [`Point::twice`] behind a function call.
    fn double_point(a: Point<Self>) -> Point<Self>;
    /// Zero, on the processor where `self` is.
    fn zero(self) -> Self;
    /// One, on the processor where `self` is.
    fn one(self) -> Self;
}

/// One element in words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct One<W>(pub(crate) W);

impl<W: InWords> Arithmetic for One<W> {
    type Choice = bool;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0.sub(other.0))
    }

    #[inline]
    fn mul(self, other: Self) -> Self {
        Self(self.0.mul(other.0))
    }

    #[inline]
    fn square(self) -> Self {
        Self(self.0.square())
    }

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self, c: Self) -> Self {
        self.mul(a).add(b.mul(c))
    }

    #[inline(always)]
    fn times_3b(self) -> Self {
        Self(self.0.times_3b())
    }

    #[inline(always)]
    fn select(self, choice: bool, other: Self) -> Self {
        Self(self.0.select(choice, other.0))
    }

    fn add_points(a: Point<Self>, b: Point<Self>) -> Point<Self> {
        a.sum(b)
    }

    fn double_point(a: Point<Self>) -> Point<Self> {
        a.twice()
    }

    #[inline(always)]
    fn zero(self) -> Self {
        Self(W::ZERO)
    }

    #[inline(always)]
    fn one(self) -> Self {
        Self(W::ONE)
    }
}

/// Eight elements in lanes, with components below `2 p`.
#[cfg(target_arch = "x86_64")]
pub(crate) struct Eight<C: InLanes>(pub(crate) C::Of<2>);

#[cfg(target_arch = "x86_64")]
impl<C: InLanes> Clone for Eight<C> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

#[cfg(target_arch = "x86_64")]
impl<C: InLanes> Copy for Eight<C> {}

#[cfg(target_arch = "x86_64")]
impl<C: InLanes> Arithmetic for Eight<C> {
    type Choice = LaneMask;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(C::fold::<4, 2, 2>(C::add(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(C::fold::<4, 2, 2>(C::sub(self.0, other.0)))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(C::mul(self.0, other.0))
    }

    #[inline(always)]
    fn square(self) -> Self {
        Self(C::square(self.0))
    }

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self, c: Self) -> Self {
        Self(C::mul_add(self.0, a.0, b.0, c.0))
    }

    #[inline(always)]
    fn times_3b(self) -> Self {
        Self(C::times_3b(self.0))
    }

    #[inline(always)]
    fn select(self, choice: LaneMask, other: Self) -> Self {
        Self(C::blend(self.0, choice, other.0))
    }

    #[inline(always)]
    fn add_points(a: Point<Self>, b: Point<Self>) -> Point<Self> {
        C::ifma(a.x.0).launch(AddPoints(a, b))
    }

    #[inline(always)]
    fn double_point(a: Point<Self>) -> Point<Self> {
        C::ifma(a.x.0).launch(DoublePoint(a))
    }

    #[inline(always)]
    fn zero(self) -> Self {
        Self(C::zero(C::ifma(self.0)))
    }

    #[inline(always)]
    fn one(self) -> Self {
        Self(C::one(C::ifma(self.0)))
    }
}

#[cfg(target_arch = "x86_64")]
struct AddPoints<F>(Point<F>, Point<F>);

#[cfg(target_arch = "x86_64")]
impl<F: Arithmetic> Kernel for AddPoints<F> {
    type Output = Point<F>;
    #[inline(always)]
    fn run(self, _: Ifma) -> Point<F> {
        self.0.sum(self.1)
    }
}

#[cfg(target_arch = "x86_64")]
struct DoublePoint<F>(Point<F>);

#[cfg(target_arch = "x86_64")]
impl<F: Arithmetic> Kernel for DoublePoint<F> {
    type Output = Point<F>;
    #[inline(always)]
    fn run(self, _: Ifma) -> Point<F> {
        self.0.twice()
    }
}
