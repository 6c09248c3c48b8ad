//! The way of a point of G2 through the loop, and the lines on it.
//!
//! Homogeneous coordinates with the formulas of Costello, Lange and Naehrig
//! (<https://eprint.iacr.org/2009/615>), scaled so that nothing is halved. A line may be off by a
//! factor of the base field or of its quadratic extension: the final exponentiation removes it.

use ark_bn254::{Config, Fq2, G2Affine};
use ark_ec::bn::BnConfig;

use crate::backend::prime::Base;
use crate::backend::words::Words;
use crate::curve::arithmetic::Arithmetic;
use crate::msm::group::Layout;
use crate::msm::portable::coordinate::{Coordinate, Pair};

/// What happens next to the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is doubled; the product so far is squared.
    Double,
    /// One of the [`Addends`] is added.
    Add(usize),
}

/// Digits of `6 x + 2` from the second on, most significant first, then the two additions of the
/// optimal ate pairing.
pub(super) fn schedule() -> impl Iterator<Item = Step> {
    let digits = Config::ATE_LOOP_COUNT.iter().rev().skip(1);
    let steps = digits.flat_map(|digit| {
        let addend = match digit {
            1 => Some(Step::Add(0)),
            -1 => Some(Step::Add(1)),
            _ => None,
        };
        [Some(Step::Double), addend]
    });
    steps.flatten().chain([Step::Add(2), Step::Add(3)])
}

/// What is added to a point `Q` on its way: `Q`, `-Q`, and with the endomorphism `psi` that acts
/// as the power `p` does, `psi(Q)` and `-psi(psi(Q))`.
pub(super) type Addends = [G2Affine; 4];

/// The addends of a point, which is not at infinity.
pub(super) fn addends(point: &G2Affine) -> Addends {
    let moved = |element: &Fq2, factor: &Fq2| {
        Pair::from_ark(element).conjugate().mul(Pair::from_ark(factor)).to_ark()
    };
    let image = G2Affine::new_unchecked(
        moved(&point.x, &Config::TWIST_MUL_BY_Q_X),
        moved(&point.y, &Config::TWIST_MUL_BY_Q_Y),
    );
    // Twice `psi` multiplies `x` by a cube root of one and negates `y`.
    let mut second = *point;
    let beta = Words::<Base>::from_ark(&<crate::msm::G1 as Layout>::BETA);
    second.x = Pair::from_ark(&second.x).scaled(beta).to_ark();
    [*point, -*point, image, second]
}

/// A point on its way, `(x/z, y/z)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traveller<F> {
    x: F,
    y: F,
    z: F,
}

/// A line through one or two points of the twist, whose value at a point `(x, y)` of G1 is
/// `vertical y + slope x w + constant w^3`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<F> {
    pub(super) vertical: F,
    pub(super) slope: F,
    pub(super) constant: F,
}

impl<F: Arithmetic> Traveller<F> {
    /// At the start of the way.
    #[inline(always)]
    pub(super) fn new((x, y): (F, F)) -> Self {
        Self { x, y, z: x.one() }
    }

    /// Doubles the point and returns its tangent.
    #[inline(always)]
    pub(super) fn double(&mut self) -> Line<F> {
        let (xx, yy) = (self.x.square(), self.y.square());
        let (xy, yz) = (self.x.mul(self.y), self.y.mul(self.z));
        let constant = self.z.square().times_3b();
        let (h, thrice) = (yz.add(yz), constant.add(constant).add(constant));
        let (plus, twice) = (yy.add(thrice).square(), constant.add(constant).square());
        let double_h = h.add(h);
        self.x = xy.add(xy).mul(yy.sub(thrice));
        self.y = plus.sub(twice.add(twice).add(twice));
        self.z = yy.mul(double_h.add(double_h));
        Line { vertical: h.zero().sub(h), slope: xx.add(xx).add(xx), constant: constant.sub(yy) }
    }

    /// Adds an affine point and returns the line through both.
    #[inline(always)]
    pub(super) fn add(&mut self, (x, y): (F, F)) -> Line<F> {
        let theta = self.y.sub(y.mul(self.z));
        let lambda = self.x.sub(x.mul(self.z));
        let square = lambda.square();
        let (cube, g) = (lambda.mul(square), self.x.mul(square));
        let h = cube.add(self.z.mul(theta.square())).sub(g.add(g));
        let minus_cube = cube.zero().sub(cube);
        self.x = lambda.mul(h);
        self.y = theta.mul_add(g.sub(h), minus_cube, self.y);
        self.z = self.z.mul(cube);
        let minus_theta = theta.zero().sub(theta);
        // theta x - lambda y.
        let constant = theta.mul_add(x, lambda, y.zero().sub(y));
        Line { vertical: lambda, slope: minus_theta, constant }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_doubles_64_times_and_adds_23_times() {
        assert_eq!(schedule().count(), 87);
        assert_eq!(schedule().filter(|step| *step == Step::Double).count(), 64);
    }

    #[test]
    fn the_second_image_is_the_image_of_the_image() {
        let point =
            G2Affine::new_unchecked(ark_bn254::g2::G2_GENERATOR_X, ark_bn254::g2::G2_GENERATOR_Y);
        let [.., image, second] = addends(&point);
        let [.., twice, _] = addends(&image);
        assert_eq!(second, -twice);
    }
}
