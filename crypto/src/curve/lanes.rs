//! Multiplication in lanes: four points with both halves of each, or one point whose multiples
//! are known in eight parts.

use alloc::vec::Vec;

use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, Field};

use super::arithmetic::Eight;
use super::complete::{Digit, Point, add_multiples, multiply as multiply_digits};
use super::fixed_sum::Term;
use super::halves::{Half, whole_digits};
use super::words::endomorphism;
use crate::Fr;
use crate::backend::ifma::register::LaneMask;
use crate::backend::ifma::{Ifma, Kernel};
use crate::msm::group::{Layout, Point as ArkPoint, Sum};
use crate::msm::lanes::coordinate::Coordinate;

type Lanes<G> = Eight<<G as Layout>::Lanes>;

/// Each point times the scalar of its halves, which have `W` digits, for at most four.
pub(super) fn multiply<G: Layout, const W: usize>(
    ifma: Ifma,
    terms: &[(ArkPoint<G>, [Half; 2])],
) -> Vec<Sum<G>> {
    let mut points = [ArkPoint::<G>::zero(); 8];
    let mut digits = [[Digit::default()]; W];
    let (pairs, _) = points.as_chunks_mut::<2>();
    for ((pair, (point, halves)), lane) in pairs.iter_mut().zip(terms).zip([0, 2, 4, 6]) {
        let [first, second] = halves.map(Half::digits::<W>);
        *pair = [*point, endomorphism::<G>(point)];
        for (([place], first), second) in digits.iter_mut().zip(first).zip(second) {
            set(place, lane, first);
            set(place, lane + 1, second);
        }
    }
    let products = ifma.launch(Multiply::<G, W> { points, digits });
    products.into_iter().step_by(2).take(terms.len()).collect()
}

/// Sets the digit of one lane.
fn set(place: &mut Digit<LaneMask>, lane: usize, digit: i8) {
    let magnitude = digit.unsigned_abs();
    for (mask, multiple) in place.multiple.iter_mut().zip(1..) {
        *mask |= u8::from(magnitude == multiple) << lane;
    }
    place.negative |= u8::from(digit < 0) << lane;
}

/// Eight points and the digits of eight halves. The even lanes of the result are the sums of
/// two lanes.
struct Multiply<G: Layout, const W: usize> {
    points: [ArkPoint<G>; 8],
    digits: [[Digit<LaneMask>; 1]; W],
}

impl<G: Layout, const W: usize> Kernel for Multiply<G, W> {
    type Output = [Sum<G>; 8];
    #[inline(always)]
    fn run(self, ifma: Ifma) -> Self::Output {
        let product = multiply_digits([from_ark::<G>(ifma, &self.points)], &self.digits);
        to_ark::<G>(product.add(rotated::<G>(product, 1)))
    }
}

/// The multiples of a point for every digit of a scalar: table `i` holds in lane `j` the
/// multiples of `16^(8 i + j) P`.
pub(super) struct Table<G: Layout>(Vec<[Point<Lanes<G>>; 8]>);

impl<G: Layout> core::fmt::Debug for Table<G> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

impl<G: Layout> Table<G> {
    /// From the points `16^i P`.
    pub(super) fn new(ifma: Ifma, shifts: &[ArkPoint<G>; 64]) -> Self {
        let (eights, _) = shifts.as_chunks::<8>();
        Self(eights.iter().map(|eight| ifma.launch(Multiples::<G>(eight))).collect())
    }

    /// The point times the scalar.
    pub(super) fn multiply(&self, ifma: Ifma, scalar: &Fr) -> Sum<G> {
        let mut digits = [Digit::default(); 8];
        let whole = whole_digits(scalar);
        let (eights, _) = whole.as_chunks::<8>();
        for (place, eight) in digits.iter_mut().zip(eights) {
            for (lane, digit) in eight.iter().enumerate() {
                set(place, lane, *digit);
            }
        }
        ifma.launch(AddMultiples::<G> { tables: &self.0, digits: &digits })
    }
}

struct Multiples<'a, G: Layout>(&'a [ArkPoint<G>; 8]);

impl<G: Layout> Kernel for Multiples<'_, G> {
    type Output = [Point<Lanes<G>>; 8];
    #[inline(always)]
    fn run(self, ifma: Ifma) -> Self::Output {
        from_ark::<G>(ifma, self.0).multiples()
    }
}

struct AddMultiples<'a, G: Layout> {
    tables: &'a [[Point<Lanes<G>>; 8]],
    digits: &'a [Digit<LaneMask>; 8],
}

impl<G: Layout> Kernel for AddMultiples<'_, G> {
    type Output = Sum<G>;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> Sum<G> {
        let infinity = Point::infinity(Eight(G::Lanes::zero(ifma)));
        total::<G>(add_multiples(self.tables, self.digits, infinity))
    }
}

/// The sum of rows, negated where asked for.
pub(super) fn vartime_sum<G: Layout>(ifma: Ifma, terms: &[Term<'_, G>]) -> Sum<G> {
    ifma.launch(AddRows::<G>(terms))
}

struct AddRows<'a, G: Layout>(&'a [Term<'a, G>]);

impl<G: Layout> Kernel for AddRows<'_, G> {
    type Output = Sum<G>;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> Sum<G> {
        let infinity: Point<Lanes<G>> = Point::infinity(Eight(G::Lanes::zero(ifma)));
        let mut sum = infinity;
        for terms in self.0.chunks(8) {
            let [first, ..] = terms else { continue };
            let term = |lane: usize| *terms.get(lane).unwrap_or(first);
            let eight = [0, 1, 2, 3, 4, 5, 6, 7].map(term);
            let (x, y) = G::Lanes::load::<1>(ifma, eight.map(|(row, _)| row));
            let negative = eight
                .iter()
                .rev()
                .fold(0, |mask, (_, negative)| mask << 1 | LaneMask::from(*negative));
            let point = Point {
                x: Eight(G::Lanes::claim::<1, 2>(x)),
                y: Eight(G::Lanes::negate::<1, 2>(y, negative)),
                z: Eight(G::Lanes::one(ifma)),
            };
            let present = LaneMask::MAX >> (8 - terms.len());
            sum = sum.add(infinity.select(present, &point));
        }
        total::<G>(sum)
    }
}

/// The sum of all lanes.
#[inline(always)]
fn total<G: Layout>(mut sum: Point<Lanes<G>>) -> Sum<G> {
    for by in [4, 2, 1] {
        sum = sum.add(rotated::<G>(sum, by));
    }
    let [first, ..] = to_ark::<G>(sum);
    first
}

#[inline(always)]
fn rotated<G: Layout>(point: Point<Lanes<G>>, by: u64) -> Point<Lanes<G>> {
    // No closure and no `map` over lanes here and below: what is not inlined into the kernel is
    // not vector code.
    Point {
        x: Eight(G::Lanes::rotated(point.x.0, by)),
        y: Eight(G::Lanes::rotated(point.y.0, by)),
        z: Eight(G::Lanes::rotated(point.z.0, by)),
    }
}

#[inline(always)]
fn from_ark<G: Layout>(ifma: Ifma, points: &[ArkPoint<G>; 8]) -> Point<Lanes<G>> {
    // Arkworks' point at infinity has the coordinates zero; here it is `(0, 1, 0)`.
    let finite = points.map(|point| !point.is_zero());
    let one_where = |choice: bool| if choice { G::Field::ONE } else { G::Field::ZERO };
    let y = points.map(|point| if point.is_zero() { G::Field::ONE } else { point.y });
    Point {
        x: Eight(G::Lanes::from_ark(ifma, &points.map(|point| point.x))),
        y: Eight(G::Lanes::from_ark(ifma, &y)),
        z: Eight(G::Lanes::from_ark(ifma, &finite.map(one_where))),
    }
}

#[inline(always)]
fn to_ark<G: Layout>(point: Point<Lanes<G>>) -> [Sum<G>; 8] {
    let (x, y) = (G::Lanes::to_ark(point.x.0), G::Lanes::to_ark(point.y.0));
    let z = G::Lanes::to_ark(point.z.0);
    let mut coordinates = x.into_iter().zip(y).zip(z);
    core::array::from_fn(|_| {
        let infinity = ((G::Field::ZERO, G::Field::ONE), G::Field::ZERO);
        let ((x, y), z) = coordinates.next().unwrap_or(infinity);
        jacobian::<G>(x, y, z)
    })
}

/// `(x/z, y/z)` in arkworks' coordinates `(x/z^2, y/z^3)`.
fn jacobian<G: Layout>(x: G::Field, y: G::Field, z: G::Field) -> Sum<G> {
    Sum::<G>::new_unchecked(x * z, y * z * z, z)
}
