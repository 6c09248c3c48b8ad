//! Pairings in lanes.
//!
//! Two layouts meet here. Points of G2 go their way eight at a time, one in each lane. The
//! product of the lines is one element of degree twelve whose six coefficients lie side by side:
//! lane `i` counts `w^i`. A product of two such elements is a sum of six rotations of one, each
//! times one coefficient of the other in all lanes, with one reduction for the whole sum. What is
//! rotated past `w^5` is multiplied by `w^6 = 9 + u`.

mod dodecic;
mod lines;

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G2Affine};

use self::dodecic::{InLanes, Square, TimesLine, TimesUnitLine};
use self::lines::{Group, PreparedPair};
pub(super) use self::lines::{UnitLines, prepare};
use super::exponent::{easy_part, hard_part};
use super::steps::{Step, schedule};
use super::tower::Dodecic;
use super::words::ratios;
use crate::backend::ifma::Ifma;

/// The product of the pairings of all pairs. No point is at infinity.
pub(super) fn product(
    ifma: Ifma,
    fresh: &[(G1Affine, G2Affine)],
    prepared: &[(G1Affine, &UnitLines)],
) -> Dodecic {
    let lines = product_of_lines(ifma, fresh, prepared).to_words();
    hard_part(InLanes::from_words(ifma, easy_part(lines))).to_words()
}

fn product_of_lines(
    ifma: Ifma,
    fresh: &[(G1Affine, G2Affine)],
    prepared: &[(G1Affine, &UnitLines)],
) -> InLanes {
    let mut groups: Vec<Group> = fresh.chunks(8).map(|eight| Group::new(ifma, eight)).collect();
    let ratios = ratios(prepared.iter().map(|(point, _)| *point));
    let pairs = ratios.chunks(2).zip(prepared.chunks(2));
    let pairs: Vec<PreparedPair<'_>> =
        pairs.map(|(ratios, pair)| PreparedPair::new(ifma, ratios, pair)).collect();
    let mut product = InLanes::from_words(ifma, Dodecic::ONE);
    for (at, step) in schedule().enumerate() {
        if step == Step::Double && at > 0 {
            product = ifma.launch(Square(&product));
        }
        for group in &mut groups {
            let lines = group.step(ifma, step);
            for lane in 0..group.len() {
                product = ifma.launch(TimesLine { product: &product, lines: &lines, lane });
            }
        }
        for pair in &pairs {
            let lines = pair.lines(ifma, at);
            for half in 0..pair.len() {
                product = ifma.launch(TimesUnitLine { product: &product, lines: &lines, half });
            }
        }
    }
    product
}
