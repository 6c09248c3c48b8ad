//! The loop in words: one pair after the other, with one product for all.

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G2Affine};

use super::exponent::{easy_part, hard_part};
use super::steps::{Line, Step, Traveller, addends, schedule};
use super::tower::Dodecic;
use crate::backend::prime::Base;
use crate::backend::words::Words;
use crate::curve::arithmetic::One;
use crate::msm::portable::coordinate::{Coordinate, Pair};

/// The lines of a fixed point, each divided by its vertical part: what `x / y` and what `1 / y`
/// are multiplied by.
pub(super) type UnitLines = Vec<(Pair, Pair)>;

/// The lines of a point, which is not at infinity.
pub(super) fn prepare(point: &G2Affine) -> UnitLines {
    let mut route = Route::new(point);
    let lines: Vec<Line<One<Pair>>> = schedule().map(|step| route.step(step)).collect();
    let mut inverses: Vec<Pair> = lines.iter().map(|line| line.vertical.0).collect();
    vartime_invert_all(&mut inverses);
    let lines = lines.iter().zip(inverses);
    lines.map(|(line, inverse)| (line.slope.0.mul(inverse), line.constant.0.mul(inverse))).collect()
}

/// The product of the pairings of all pairs. No point is at infinity.
pub(super) fn product(
    fresh: &[(G1Affine, G2Affine)],
    prepared: &[(G1Affine, &UnitLines)],
) -> Dodecic {
    hard_part(easy_part(product_of_lines(fresh, prepared)))
}

fn product_of_lines(
    fresh: &[(G1Affine, G2Affine)],
    prepared: &[(G1Affine, &UnitLines)],
) -> Dodecic {
    let mut routes: Vec<(Coordinates, Route)> =
        fresh.iter().map(|(p, q)| (coordinates(p), Route::new(q))).collect();
    let prepared: Vec<(Coordinates, &UnitLines)> = ratios(prepared.iter().map(|(p, _)| *p))
        .into_iter()
        .zip(prepared.iter().map(|p| p.1))
        .collect();
    let mut product = Dodecic::ONE;
    for (at, step) in schedule().enumerate() {
        if step == Step::Double && at > 0 {
            product = product.square();
        }
        for ((x, y), route) in &mut routes {
            let line = route.step(step);
            let (vertical, slope) = (line.vertical.0.scaled(*y), line.slope.0.scaled(*x));
            product = product.times_line(vertical, slope, line.constant.0);
        }
        for ((ratio, inverse), lines) in &prepared {
            if let Some((slope, constant)) = lines.get(at) {
                product = product.times_unit_line(slope.scaled(*ratio), constant.scaled(*inverse));
            }
        }
    }
    product
}

type Coordinates = (Words<Base>, Words<Base>);

fn coordinates(point: &G1Affine) -> Coordinates {
    (Words::from_ark(&point.x), Words::from_ark(&point.y))
}

/// `x / y` and `1 / y` of each point. On G1 no `y` is zero.
pub(super) fn ratios(points: impl Iterator<Item = G1Affine>) -> Vec<Coordinates> {
    let points: Vec<Coordinates> = points.map(|point| coordinates(&point)).collect();
    let mut inverses: Vec<Words<Base>> = points.iter().map(|(_, y)| *y).collect();
    vartime_invert_all(&mut inverses);
    points.iter().zip(inverses).map(|((x, _), inverse)| (x.mul(inverse), inverse)).collect()
}

/// Inverts elements, none of which is zero, with one inversion.
fn vartime_invert_all<W: Coordinate>(elements: &mut [W]) {
    let mut product = W::ONE;
    let before: Vec<W> = elements
        .iter()
        .map(|element| {
            let earlier = product;
            product = product.mul(*element);
            earlier
        })
        .collect();
    let mut inverse = product.vartime_invert().unwrap_or(W::ZERO);
    for (element, before) in elements.iter_mut().zip(before).rev() {
        let next = inverse.mul(*element);
        *element = inverse.mul(before);
        inverse = next;
    }
}

/// A point and what is added to it on its way.
struct Route {
    traveller: Traveller<One<Pair>>,
    addends: [(One<Pair>, One<Pair>); 4],
}

impl Route {
    fn new(point: &G2Affine) -> Self {
        let addends = addends(point)
            .map(|addend| (One(Pair::from_ark(&addend.x)), One(Pair::from_ark(&addend.y))));
        let [start, ..] = addends;
        Self { traveller: Traveller::new(start), addends }
    }

    fn step(&mut self, step: Step) -> Line<One<Pair>> {
        match step {
            Step::Double => self.traveller.double(),
            Step::Add(which) => {
                let [first, ..] = self.addends;
                self.traveller.add(self.addends.get(which).copied().unwrap_or(first))
            }
        }
    }
}
