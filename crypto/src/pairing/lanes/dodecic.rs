//! The field of degree twelve with its six coefficients side by side.

#![expect(clippy::indexing_slicing, reason = "arrays of eight lanes")]

use super::super::exponent::Group;
use super::super::tower::Dodecic;
use super::lines::{Lines, PairLines, Stored, splat};
use crate::backend::ifma::lanes::{Lanes, Product};
use crate::backend::ifma::packed::Row;
use crate::backend::ifma::prime::{Base, Prime};
use crate::backend::ifma::register::LaneMask;
use crate::backend::ifma::{Ifma, Kernel};
use crate::backend::words::Words;
use crate::msm::lanes::coordinate::Pair;
use crate::msm::portable::coordinate::Pair as WordPair;

/// An element of degree twelve: lane `i` holds the coefficient of `w^i`.
// Invariant: lanes 6 and 7 are zero in the field.
#[derive(Clone, Copy, Debug)]
pub(super) struct InLanes(Pair<2>);

/// A factor that is ready for products: with the negative of its imaginary part.
#[derive(Clone, Copy)]
struct Factor {
    real: Lanes<Base, 2>,
    imaginary: Lanes<Base, 2>,
    minus_imaginary: Lanes<Base, 3>,
}

impl Factor {
    #[inline(always)]
    fn new(element: Pair<2>) -> Self {
        Self { real: element.0, imaginary: element.1, minus_imaginary: element.1.neg() }
    }

    /// Times `9 + u`.
    #[inline(always)]
    fn times_nonresidue(self) -> Self {
        Self::new(times_nonresidue(self))
    }

    /// A coefficient of a line in all lanes.
    #[inline(always)]
    fn splat(ifma: Ifma, [real, imaginary, minus]: &[Stored; 3], lane: usize) -> Self {
        Self {
            real: splat(ifma, real, lane),
            imaginary: splat(ifma, imaginary, lane),
            minus_imaginary: splat(ifma, minus, lane),
        }
    }

    /// The same where the real part is in a lane and the imaginary part in the next.
    #[inline(always)]
    fn splat_parts(ifma: Ifma, (parts, minus): &(Stored, Stored), lane: usize) -> Self {
        Self {
            real: splat(ifma, parts, lane),
            imaginary: splat(ifma, parts, lane + 1),
            minus_imaginary: splat(ifma, minus, lane + 1),
        }
    }

    #[inline(always)]
    fn permuted(self, index: &[u64; 8], other: Self) -> Self {
        Self {
            real: self.real.permuted(index, other.real),
            imaginary: self.imaginary.permuted(index, other.imaginary),
            minus_imaginary: self.minus_imaginary.permuted(index, other.minus_imaginary),
        }
    }
}

/// Times `9 + u`.
#[inline(always)]
fn times_nonresidue(element: Factor) -> Pair<2> {
    Pair(
        element.real.times_nine_plus(element.minus_imaginary),
        element.imaginary.times_nine_plus(element.real),
    )
}

#[inline(always)]
fn permuted<const K: u32>(element: Pair<K>, index: &[u64; 8], other: Pair<K>) -> Pair<K> {
    Pair(element.0.permuted(index, other.0), element.1.permuted(index, other.1))
}

/// A sum of products with one reduction. Each counts ten times the square of the modulus if its
/// first factor is below `2 p`, twice as much below `4 p`; all together count at most 84.
#[derive(Clone, Copy)]
struct Sum {
    real: Product<Base, 84>,
    imaginary: Product<Base, 84>,
}

impl Sum {
    #[inline(always)]
    fn zero(ifma: Ifma) -> Self {
        Self { real: Product::zero(ifma), imaginary: Product::zero(ifma) }
    }

    #[inline(always)]
    fn plus<const K: u32>(self, a: Pair<K>, b: Factor) -> Self {
        let Self { real, imaginary } = self;
        let real = real.plus_unchecked(a.0, b.real);
        let imaginary = imaginary.plus_unchecked(a.0, b.imaginary);
        Self {
            real: real.plus_unchecked(a.1, b.minus_imaginary),
            imaginary: imaginary.plus_unchecked(a.1, b.real),
        }
    }

    #[inline(always)]
    fn reduce(self) -> Pair<2> {
        Pair(self.real.reduce(), self.imaginary.reduce())
    }
}

/// The index for `w^by` times an element, where what goes past `w^5` is taken from the second
/// operand.
const fn rotation(by: u64) -> [u64; 8] {
    let mut index = [6; 8];
    let mut lane = 0;
    while lane < 6 {
        index[lane] = if lane as u64 >= by { lane as u64 - by } else { 8 + 6 + lane as u64 - by };
        lane += 1;
    }
    index
}

/// As [`rotation`], with both taken from the first operand.
const fn turn(by: u64) -> [u64; 8] {
    let mut index = rotation(by);
    let mut lane = 0;
    while lane < 6 {
        index[lane] %= 8;
        lane += 1;
    }
    index
}

/// The lanes that `w^by` times an element goes past `w^5` in.
const fn past(by: u64) -> LaneMask {
    (1 << by) - 1
}

const ROTATIONS: [[u64; 8]; 6] =
    [rotation(0), rotation(1), rotation(2), rotation(3), rotation(4), rotation(5)];

/// Product.
struct Multiply<'a>(&'a InLanes, &'a InLanes);

impl Kernel for Multiply<'_> {
    type Output = InLanes;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> InLanes {
        let (real, imaginary) = (Stored::new(self.0.0.0), Stored::new(self.0.0.1));
        let factor = Factor::new(self.1.0);
        let past = factor.times_nonresidue();
        let mut sum = Sum::zero(ifma);
        for (i, rotation) in ROTATIONS.iter().enumerate() {
            let coefficient = Pair::<2>(splat(ifma, &real, i), splat(ifma, &imaginary, i));
            sum = sum.plus(coefficient, factor.permuted(rotation, past));
        }
        InLanes(sum.reduce())
    }
}

/// Square.
pub(super) struct Square<'a>(pub(super) &'a InLanes);

/// In lane `k` the products `c_i c_j` with `i + j = k`, and with `i + j = k + 6` those by `9 + u`,
/// which an index from 8 on stands for on the right. On the left such an index stands for twice
/// the coefficient. Lane 6 is zero.
const SQUARE: [([u64; 8], [u64; 8]); 4] = [
    ([0, 8, 1, 8, 2, 8, 6, 6], [0, 1, 1, 3, 2, 5, 6, 6]),
    ([3, 10, 4, 9, 5, 9, 6, 6], [11, 13, 12, 2, 13, 4, 6, 6]),
    ([9, 11, 8, 12, 8, 10, 6, 6], [13, 12, 2, 13, 4, 3, 6, 6]),
    ([10, 6, 11, 6, 9, 6, 6, 6], [12, 6, 13, 6, 3, 6, 6, 6]),
];

impl Kernel for Square<'_> {
    type Output = InLanes;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> InLanes {
        let element = self.0.0;
        let factor = Factor::new(element);
        let past = factor.times_nonresidue();
        let single = Pair::<4>(element.0.widen(), element.1.widen());
        let double = Pair::<4>(element.0.double(), element.1.double());
        let mut sum = Sum::zero(ifma);
        // A lane has two products to be doubled and two that are not, or three to be doubled.
        for (left, right) in &SQUARE {
            sum = sum.plus(permuted(single, left, double), factor.permuted(right, past));
        }
        InLanes(sum.reduce())
    }
}

/// Squares in the cyclotomic subgroup, so many times.
struct Squarings<'a>(&'a InLanes, u32);

/// Granger and Scott's squares (<https://eprint.iacr.org/2009/565>) of the three pairs
/// `(c_i, c_(i+3))`: what is multiplied on the left, where an index from 8 on stands for the
/// coefficient times `9 + u`, and on the right.
const CYCLOTOMIC: [([u64; 8], [u64; 8]); 2] = [
    ([0, 10, 1, 0, 2, 1, 6, 6], [0, 5, 1, 3, 2, 4, 6, 6]),
    ([11, 10, 12, 0, 13, 1, 6, 6], [3, 5, 4, 3, 5, 4, 6, 6]),
];

/// The lanes of `1, w^2, w^4`.
const EVEN: LaneMask = 0b01_0101;

impl Kernel for Squarings<'_> {
    type Output = InLanes;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> InLanes {
        let mut element = self.0.0;
        for _ in 0..self.1 {
            let factor = Factor::new(element);
            let past = times_nonresidue(factor);
            let mut sum = Sum::zero(ifma);
            for (left, right) in &CYCLOTOMIC {
                sum = sum.plus(permuted(element, left, past), factor.permuted(right, factor));
            }
            let products = sum.reduce();
            // Three times the products, and twice the element, less in even lanes.
            let real = element.0.widen::<3>().blend(EVEN, element.0.neg());
            let imaginary = element.1.widen::<3>().blend(EVEN, factor.minus_imaginary);
            element =
                Pair(products.0.thrice_plus_twice(real), products.1.thrice_plus_twice(imaginary));
        }
        InLanes(element)
    }
}

/// Conjugate: odd coefficients negated.
struct Conjugate<'a>(&'a InLanes);

impl Kernel for Conjugate<'_> {
    type Output = InLanes;
    #[inline(always)]
    fn run(self, _: Ifma) -> InLanes {
        let Pair(real, imaginary) = self.0.0;
        InLanes(Pair(negate_odd(real), negate_odd(imaginary)))
    }
}

#[inline(always)]
fn negate_odd(part: Lanes<Base>) -> Lanes<Base> {
    part.neg::<3>().blend(EVEN, part.widen()).squeezed()
}

/// Times a line of a lane of eight: three coefficients.
pub(super) struct TimesLine<'a> {
    pub(super) product: &'a InLanes,
    pub(super) lines: &'a Lines,
    pub(super) lane: usize,
}

impl Kernel for TimesLine<'_> {
    type Output = InLanes;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> InLanes {
        let element = self.product.0;
        let Self { lines, lane, .. } = self;
        let slope = blend::<1>(
            Factor::splat(ifma, &lines.slope, lane),
            Factor::splat(ifma, &lines.slope_past, lane),
        );
        let constant = blend::<3>(
            Factor::splat(ifma, &lines.constant, lane),
            Factor::splat(ifma, &lines.constant_past, lane),
        );
        let sum = Sum::zero(ifma)
            .plus(element, Factor::splat(ifma, &lines.vertical, lane))
            .plus(permuted(element, &const { turn(1) }, element), slope)
            .plus(permuted(element, &const { turn(3) }, element), constant);
        InLanes(sum.reduce())
    }
}

/// `past` in the lanes that `w^BY` times an element goes past `w^5` in.
#[inline(always)]
fn blend<const BY: u64>(factor: Factor, past_factor: Factor) -> Factor {
    let mask = const { past(BY) };
    Factor {
        real: factor.real.blend(mask, past_factor.real),
        imaginary: factor.imaginary.blend(mask, past_factor.imaginary),
        minus_imaginary: factor.minus_imaginary.blend(mask, past_factor.minus_imaginary),
    }
}

/// Times a line of a prepared point, whose first coefficient is one.
pub(super) struct TimesUnitLine<'a> {
    pub(super) product: &'a InLanes,
    pub(super) lines: &'a PairLines,
    pub(super) half: usize,
}

impl Kernel for TimesUnitLine<'_> {
    type Output = InLanes;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> InLanes {
        let element = self.product.0;
        let Self { lines, half, .. } = self;
        let (first, second) = (4 * half, 4 * half + 2);
        let slope = blend::<1>(
            Factor::splat_parts(ifma, &lines.lines, first),
            Factor::splat_parts(ifma, &lines.past, first),
        );
        let constant = blend::<3>(
            Factor::splat_parts(ifma, &lines.lines, second),
            Factor::splat_parts(ifma, &lines.past, second),
        );
        let products = Sum::zero(ifma)
            .plus(permuted(element, &const { turn(1) }, element), slope)
            .plus(permuted(element, &const { turn(3) }, element), constant)
            .reduce();
        let sum: Pair<4> = Pair(products.0.add(element.0), products.1.add(element.1));
        InLanes(Pair(sum.0.reduced(), sum.1.reduced()))
    }
}

/// From words.
struct Enter<'a>(&'a [Row; 8], &'a [Row; 8]);

impl Kernel for Enter<'_> {
    type Output = InLanes;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> InLanes {
        let from = Lanes::<Base, 1>::splat(ifma, &Base::FROM_ARK);
        let (real, imaginary) = (Lanes::<Base, 2>::load(ifma, self.0), Lanes::load(ifma, self.1));
        InLanes(Pair(real.mul(from), Lanes::<Base, 2>::mul(imaginary, from)))
    }
}

/// To words.
struct Leave<'a>(&'a InLanes);

impl Kernel for Leave<'_> {
    type Output = ([Row; 8], [Row; 8]);
    #[inline(always)]
    fn run(self, ifma: Ifma) -> Self::Output {
        let into = Lanes::<Base, 1>::splat(ifma, &Base::INTO_ARK);
        let Pair(real, imaginary) = self.0.0;
        (real.mul(into).store(), imaginary.mul(into).store())
    }
}

impl InLanes {
    pub(super) fn from_words(ifma: Ifma, element: Dodecic) -> Self {
        let (mut real, mut imaginary) = ([[0; 4]; 8], [[0; 4]; 8]);
        let rows = real.iter_mut().zip(&mut imaginary);
        for ((real, imaginary), coefficient) in rows.zip(element.coefficients()) {
            (*real, *imaginary) = (coefficient.0.to_words(), coefficient.1.to_words());
        }
        ifma.launch(Enter(&real, &imaginary))
    }

    pub(super) fn to_words(self) -> Dodecic {
        let (real, imaginary) = self.ifma().launch(Leave(&self));
        let coefficient = |i: usize| WordPair(Words::new(real[i]), Words::new(imaginary[i]));
        Dodecic::from_coefficients([0, 1, 2, 3, 4, 5].map(coefficient))
    }

    fn ifma(self) -> Ifma {
        self.0.0.ifma()
    }
}

impl Group for InLanes {
    fn mul(self, other: Self) -> Self {
        self.ifma().launch(Multiply(&self, &other))
    }

    fn squared(self, times: u32) -> Self {
        self.ifma().launch(Squarings(&self, times))
    }

    fn inverse(self) -> Self {
        self.ifma().launch(Conjugate(&self))
    }

    /// Rare, so not worth lanes of its own.
    fn frobenius(self, times: usize) -> Self {
        Self::from_words(self.ifma(), self.to_words().frobenius(times))
    }
}
