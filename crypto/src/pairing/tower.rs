//! The field of degree twelve, in words: `Fq2[w]` with `w^6 = 9 + u`.
//!
//! An element is `even + odd w`, and each half a polynomial in `v = w^2`.

use ark_bn254::{Fq6Config, Fq12, Fq12Config};
use ark_ff::{Fp6Config, Fp12Config};

use super::exponent::Group;
use crate::msm::portable::coordinate::{Coordinate, Pair};

/// `c0 + c1 v + c2 v^2` with `v^3 = 9 + u`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sextic([Pair; 3]);

/// `even + odd w` with `w^2 = v`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dodecic {
    even: Sextic,
    odd: Sextic,
}

impl Sextic {
    const ZERO: Self = Self([Pair::ZERO; 3]);

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let ([a, b, c], [d, e, f]) = (self.0, other.0);
        Self([a.add(d), b.add(e), c.add(f)])
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let ([a, b, c], [d, e, f]) = (self.0, other.0);
        Self([a.sub(d), b.sub(e), c.sub(f)])
    }

    #[inline(always)]
    fn negate(self) -> Self {
        Self::ZERO.sub(self)
    }

    /// Times `v`.
    #[inline(always)]
    fn times_v(self) -> Self {
        let [a, b, c] = self.0;
        Self([c.times_nonresidue(), a, b])
    }

    #[inline(always)]
    fn scaled(self, factor: Pair) -> Self {
        Self(self.0.map(|coefficient| coefficient.mul(factor)))
    }

    /// Karatsuba: six products.
    #[inline]
    fn mul(self, other: Self) -> Self {
        let ([a, b, c], [d, e, f]) = (self.0, other.0);
        let (low, middle, high) = (a.mul(d), b.mul(e), c.mul(f));
        let upper = b.add(c).mul(e.add(f)).sub(middle).sub(high);
        let lower = a.add(b).mul(d.add(e)).sub(low).sub(middle);
        let outer = a.add(c).mul(d.add(f)).sub(low).sub(high);
        Self([
            low.add(upper.times_nonresidue()),
            lower.add(high.times_nonresidue()),
            outer.add(middle),
        ])
    }

    /// Times `d + e v`: five products.
    #[inline]
    fn mul_sparse(self, d: Pair, e: Pair) -> Self {
        let [a, b, c] = self.0;
        let (low, middle) = (a.mul(d), b.mul(e));
        let mixed = a.add(b).mul(d.add(e)).sub(low).sub(middle);
        Self([low.add(c.mul(e).times_nonresidue()), mixed, middle.add(c.mul(d))])
    }

    /// The inverse, and zero for zero. Variable time.
    fn vartime_invert(self) -> Self {
        let [a, b, c] = self.0;
        let first = a.square().sub(b.mul(c).times_nonresidue());
        let second = c.square().times_nonresidue().sub(a.mul(b));
        let third = b.square().sub(a.mul(c));
        let norm = a.mul(first).add(c.mul(second).add(b.mul(third)).times_nonresidue());
        let inverse = norm.vartime_invert().unwrap_or(Pair::ZERO);
        Self([first, second, third]).scaled(inverse)
    }
}

impl Dodecic {
    /// One.
    pub(super) const ONE: Self =
        Self { even: Sextic([Pair::ONE, Pair::ZERO, Pair::ZERO]), odd: Sextic::ZERO };

    /// From the coefficients of `1, w, w^2, ..`.
    pub(super) const fn from_coefficients([a, b, c, d, e, f]: [Pair; 6]) -> Self {
        Self { even: Sextic([a, c, e]), odd: Sextic([b, d, f]) }
    }

    /// The coefficients of `1, w, w^2, ..`.
    pub(super) const fn coefficients(self) -> [Pair; 6] {
        let ([a, c, e], [b, d, f]) = (self.even.0, self.odd.0);
        [a, b, c, d, e, f]
    }

    /// To arkworks.
    pub(super) fn to_ark(self) -> Fq12 {
        let half = |Sextic([a, b, c])| ark_bn254::Fq6::new(a.to_ark(), b.to_ark(), c.to_ark());
        Fq12::new(half(self.even), half(self.odd))
    }

    /// Product: 18 products of the quadratic field.
    pub(super) fn product(self, other: Self) -> Self {
        let (even, odd) = (self.even.mul(other.even), self.odd.mul(other.odd));
        let mixed = self.even.add(self.odd).mul(other.even.add(other.odd));
        Self { even: even.add(odd.times_v()), odd: mixed.sub(even).sub(odd) }
    }

    /// Square: 12 products of the quadratic field.
    pub(super) fn square(self) -> Self {
        let product = self.even.mul(self.odd);
        let mixed = self.even.add(self.odd).mul(self.even.add(self.odd.times_v()));
        Self { even: mixed.sub(product).sub(product.times_v()), odd: product.add(product) }
    }

    /// Times `a + b w + c w^3`: 13 products of the quadratic field.
    pub(super) fn times_line(self, a: Pair, b: Pair, c: Pair) -> Self {
        let (even, odd) = (self.even.scaled(a), self.odd.mul_sparse(b, c));
        let mixed = self.even.add(self.odd).mul_sparse(a.add(b), c);
        Self { even: even.add(odd.times_v()), odd: mixed.sub(even).sub(odd) }
    }

    /// Times `1 + b w + c w^3`: ten products of the quadratic field.
    pub(super) fn times_unit_line(self, b: Pair, c: Pair) -> Self {
        Self {
            even: self.even.add(self.odd.mul_sparse(b, c).times_v()),
            odd: self.odd.add(self.even.mul_sparse(b, c)),
        }
    }

    /// The inverse, and zero for zero. Variable time.
    pub(super) fn vartime_invert(self) -> Self {
        let norm = self.even.mul(self.even).sub(self.odd.mul(self.odd).times_v());
        let inverse = norm.vartime_invert();
        Self { even: self.even.mul(inverse), odd: self.odd.mul(inverse).negate() }
    }
}

/// The square of `a + b y` with `y^2 = 9 + u`.
#[inline(always)]
fn square_quartic(a: Pair, b: Pair) -> (Pair, Pair) {
    let (first, second) = (a.square(), b.square());
    let mixed = a.add(b).square().sub(first).sub(second);
    (first.add(second.times_nonresidue()), mixed)
}

/// `3 a - 2 b`.
#[inline(always)]
fn thrice_minus_twice(a: Pair, b: Pair) -> Pair {
    let difference = a.sub(b);
    difference.add(difference).add(a)
}

impl Group for Dodecic {
    fn mul(self, other: Self) -> Self {
        self.product(other)
    }

    /// Granger and Scott, <https://eprint.iacr.org/2009/565>: nine squares of the quadratic field.
    fn squared(self, times: u32) -> Self {
        let [mut a, mut b, mut c, mut d, mut e, mut f] = self.coefficients();
        for _ in 0..times {
            let (first, first_y) = square_quartic(a, d);
            let (second, second_y) = square_quartic(b, e);
            let (third, third_y) = square_quartic(c, f);
            a = thrice_minus_twice(first, a);
            d = thrice_minus_twice(first_y, Pair::ZERO.sub(d));
            b = thrice_minus_twice(third_y.times_nonresidue(), Pair::ZERO.sub(b));
            e = thrice_minus_twice(third, e);
            c = thrice_minus_twice(second, c);
            f = thrice_minus_twice(second_y, Pair::ZERO.sub(f));
        }
        Self::from_coefficients([a, b, c, d, e, f])
    }

    #[inline(always)]
    fn inverse(self) -> Self {
        Self { even: self.even, odd: self.odd.negate() }
    }

    fn frobenius(self, times: usize) -> Self {
        let factors = frobenius_factors(times);
        let mut coefficients = self.coefficients();
        for (coefficient, factor) in coefficients.iter_mut().zip(&factors) {
            let conjugate = if times % 2 == 1 { coefficient.conjugate() } else { *coefficient };
            *coefficient = conjugate.mul(*factor);
        }
        Self::from_coefficients(coefficients)
    }
}

/// What the power `p^times` multiplies the conjugated coefficients by: `(9 + u)^(i (p^times - 1) / 6)`
/// for `w^i`.
fn frobenius_factors(times: usize) -> [Pair; 6] {
    let factor = |table: &[ark_bn254::Fq2]| {
        table.get(times).map_or(Pair::ONE, <Pair as Coordinate>::from_ark)
    };
    let first = factor(Fq12Config::FROBENIUS_COEFF_FP12_C1);
    let second = factor(Fq6Config::FROBENIUS_COEFF_FP6_C1);
    let fourth = factor(Fq6Config::FROBENIUS_COEFF_FP6_C2);
    [Pair::ONE, first, second, first.mul(second), fourth, first.mul(fourth)]
}
