//! Multiplication in words: one point, both halves at once.

use alloc::vec::Vec;

use ark_ec::AffineRepr;
use zeroize::Zeroize;

use super::arithmetic::One;
use super::complete::{Digit, Point, add_multiples, multiply as multiply_digits};
use super::fixed_sum::Term;
use super::halves::{Half, whole_digits};
use crate::Fr;
use crate::msm::group::{Layout, Point as ArkPoint, Sum};
use crate::msm::portable::coordinate::Coordinate;

type Words<G> = One<<G as Layout>::Words>;

/// The point times the scalar of these halves, which have `W` digits.
pub(super) fn multiply<G: Layout, const W: usize>(
    point: &ArkPoint<G>,
    halves: [Half; 2],
) -> Sum<G> {
    let [first, second] = halves.map(Half::digits::<W>);
    let digits: [_; W] = core::array::from_fn(|i| {
        [first.get(i), second.get(i)].map(|digit| choices(digit.copied().unwrap_or(0)))
    });
    let image = endomorphism::<G>(point);
    to_ark::<G>(multiply_digits([from_ark::<G>(point), from_ark::<G>(&image)], &digits))
}

/// `lambda` times the point.
pub(super) fn endomorphism<G: Layout>(point: &ArkPoint<G>) -> ArkPoint<G> {
    let mut image = *point;
    image.x = G::scaled(point, &G::BETA).x;
    image
}

/// The multiples of a point for every digit of a scalar.
pub(super) struct Table<G: Layout>(Vec<[Point<Words<G>>; 8]>);

impl<G: Layout> core::fmt::Debug for Table<G> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

impl<G: Layout> Table<G> {
    /// From the points `16^i P`.
    pub(super) fn new(shifts: &[ArkPoint<G>]) -> Self {
        Self(shifts.iter().map(|shift| from_ark::<G>(shift).multiples()).collect())
    }

    /// The point times the scalar.
    pub(super) fn multiply(&self, scalar: &Fr) -> Sum<G> {
        let mut digits = whole_digits(scalar);
        let choices = digits.map(choices);
        digits.zeroize();
        to_ark::<G>(add_multiples(&self.0, &choices, Point::infinity(One(G::Words::ZERO))))
    }
}

/// The sum of rows, negated where asked for.
pub(super) fn vartime_sum<G: Layout>(terms: &[Term<'_, G>]) -> Sum<G> {
    let infinity = Point::infinity(One(G::Words::ZERO));
    let sum = terms.iter().fold(infinity, |sum, (row, negative)| {
        sum.add(Point {
            x: One(G::Words::load_x(row)),
            y: One(G::Words::load_y(row).negate_if(*negative)),
            z: One(G::Words::ONE),
        })
    });
    to_ark::<G>(sum)
}

fn choices(digit: i8) -> Digit<bool> {
    let magnitude = digit.unsigned_abs();
    Digit {
        multiple: [1, 2, 3, 4, 5, 6, 7, 8].map(|multiple| multiple == magnitude),
        negative: digit < 0,
    }
}

fn from_ark<G: Layout>(point: &ArkPoint<G>) -> Point<Words<G>> {
    if point.is_zero() {
        return Point::infinity(One(G::Words::ZERO));
    }
    Point {
        x: One(G::Words::from_ark(&point.x)),
        y: One(G::Words::from_ark(&point.y)),
        z: One(G::Words::ONE),
    }
}

/// In arkworks' coordinates `(x/z^2, y/z^3)`.
fn to_ark<G: Layout>(point: Point<Words<G>>) -> Sum<G> {
    let (x, y, z) = (point.x.0, point.y.0, point.z.0);
    Sum::<G>::new_unchecked(x.mul(z).to_ark(), y.mul(z).mul(z).to_ark(), z.to_ark())
}
