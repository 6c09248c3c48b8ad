//! The final exponentiation.

use super::tower::Dodecic;

/// A group in which inverses and the map that acts as the power `p` are cheap: the subgroup of
/// the field of degree twelve in which the conjugate is the inverse, or the twisted curve.
pub(super) trait Group: Copy {
    fn mul(self, other: Self) -> Self;
    /// Squared so many times.
    fn squared(self, times: u32) -> Self;
    fn inverse(self) -> Self;
    /// The map, so many times, at most three.
    fn frobenius(self, times: usize) -> Self;
}

/// The power `(p^6 - 1) (p^2 + 1)`, which lies in the subgroup. Zero for zero.
pub(super) fn easy_part(element: Dodecic) -> Dodecic {
    let quotient = element.inverse().product(element.vartime_invert());
    quotient.frobenius(2).product(quotient)
}

/// The power `2 x (6 x^2 + 3 x + 1) (p^4 - p^2 + 1) / r`, in the form of Fuentes-Castañeda, Knapp
/// and Rodríguez-Henríquez ("Faster hashing to G2", 2011): in base `p` its digits are
///
/// ```text
/// 12 x^3 + 12 x^2 + 6 x + 1,  12 x^3 + 6 x^2 + 4 x,  12 x^3 + 6 x^2 + 6 x,  12 x^3 + 6 x^2 + 4 x - 1
/// ```
pub(super) fn hard_part<E: Group>(element: E) -> E {
    let two = power_of_x(element).squared(1);
    let six = two.squared(1).mul(two);
    let six_squared = power_of_x(six);
    let twelve_cubed = power_of_x(six_squared.squared(1));
    let upper = twelve_cubed.mul(six_squared).mul(six);
    let lower = upper.mul(two.inverse());
    let first = upper.mul(six_squared).mul(element);
    let last = lower.mul(element.inverse());
    first.mul(lower.frobenius(1)).mul(upper.frobenius(2)).mul(last.frobenius(3))
}

/// The power `x`, the parameter of the curve: 63 squarings and 16 products.
pub(super) fn power_of_x<E: Group>(element: E) -> E {
    let square = element.squared(1);
    let third = element.mul(square);
    let fifth = third.mul(square);
    let odd = [element, third, fifth, fifth.mul(square)];
    DIGITS.iter().fold(element, |power, (squarings, digit)| {
        let [first, third, fifth, seventh] = odd;
        let factor = match digit.unsigned_abs() {
            1 => first,
            3 => third,
            5 => fifth,
            _ => seventh,
        };
        let factor = if *digit < 0 { factor.inverse() } else { factor };
        power.squared(*squarings).mul(factor)
    })
}

/// The digits of `x` behind a leading one: how often to square, and the odd digit that follows.
const DIGITS: [(u32, i8); 13] = [
    (6, 5),
    (5, -3),
    (4, 3),
    (5, 5),
    (4, -5),
    (4, -3),
    (4, 1),
    (5, 5),
    (5, 7),
    (4, -7),
    (7, 5),
    (5, -1),
    (4, 1),
];

#[cfg(test)]
mod tests {
    use ark_bn254::Config;
    use ark_ec::bn::BnConfig;

    use super::*;

    #[test]
    fn the_digits_are_those_of_the_parameter() {
        let x = DIGITS.iter().fold(1, |x: i128, (squarings, digit)| {
            assert!(digit % 2 != 0 && digit.abs() < 8);
            (x << squarings) + i128::from(*digit)
        });
        assert_eq!([u64::try_from(x).unwrap()], Config::X);
    }
}
