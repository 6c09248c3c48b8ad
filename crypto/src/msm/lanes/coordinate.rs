//! The coordinates of eight points: elements of the base field or of its quadratic extension.

#![expect(clippy::indexing_slicing, reason = "arrays of eight lanes")]

use alloc::vec::Vec;

use ark_bn254::{Fq, Fq2};

use super::super::group::{G1Row, G2Row, Invert};
use super::super::segments::{self, Collision, Rows};
use super::pairs::AddPairs;
use crate::backend::ifma::lanes::{Lanes, Product};
use crate::backend::ifma::packed::transpose;
use crate::backend::ifma::prime::{Base, Limbs};
use crate::backend::ifma::register::{LaneMask, Wide};
use crate::backend::ifma::{Ifma, Kernel};

/// A field of coordinates in eight lanes. `Of<K>` is an element whose components are below
/// `K * p`, as in [`Lanes`].
pub(crate) trait Coordinate: Copy + 'static {
    /// Eight elements.
    type Of<const K: u32>: Copy;
    /// A point in memory.
    type Row: Copy;
    /// The same field in arkworks.
    type Ark: Copy;

    /// One in every lane.
    fn one(ifma: Ifma) -> Self::Of<2>;
    /// Product.
    fn mul<const K: u32, const J: u32>(a: Self::Of<K>, b: Self::Of<J>) -> Self::Of<2>;
    /// `a b + c d`.
    fn mul_add(a: Self::Of<2>, b: Self::Of<2>, c: Self::Of<2>, d: Self::Of<2>) -> Self::Of<2>;
    /// `3 b a`, where `y^2 = x^3 + b` is the curve.
    fn times_3b(a: Self::Of<2>) -> Self::Of<2>;
    /// The lanes of `b` where the mask is set.
    fn blend<const K: u32>(a: Self::Of<K>, mask: LaneMask, b: Self::Of<K>) -> Self::Of<K>;
    /// Lane `i` of the result is lane `i + by` modulo eight.
    fn rotated(a: Self::Of<2>, by: u64) -> Self::Of<2>;
    /// The token behind lanes.
    fn ifma(a: Self::Of<2>) -> Ifma;
    /// Zero in every lane.
    fn zero(ifma: Ifma) -> Self::Of<2>;
    /// From arkworks.
    fn from_ark(ifma: Ifma, elements: &[Self::Ark; 8]) -> Self::Of<2>;
    /// To arkworks.
    fn to_ark(a: Self::Of<2>) -> [Self::Ark; 8];
    /// Square.
    fn square<const K: u32>(a: Self::Of<K>) -> Self::Of<2>;
    /// Sum, unreduced.
    fn add<const K: u32, const J: u32, const S: u32>(a: Self::Of<K>, b: Self::Of<J>)
    -> Self::Of<S>;
    /// Difference, unreduced.
    fn sub<const K: u32, const J: u32, const S: u32>(a: Self::Of<K>, b: Self::Of<J>)
    -> Self::Of<S>;
    /// Claims a size that the caller has proved.
    fn claim<const K: u32, const S: u32>(a: Self::Of<K>) -> Self::Of<S>;
    /// Takes off `F p` where that fits.
    fn fold<const K: u32, const F: u32, const S: u32>(a: Self::Of<K>) -> Self::Of<S>;
    /// Numbers below the modulus.
    fn canonical<const K: u32>(a: Self::Of<K>) -> Self::Of<1>;
    /// Negates the lanes of the mask, which must not hold zero in any component.
    fn negate<const K: u32, const S: u32>(a: Self::Of<K>, mask: LaneMask) -> Self::Of<S>;
    /// The inverse of every lane, or `None` if a lane is zero. Variable time.
    fn vartime_invert(a: Self::Of<2>) -> Option<Self::Of<2>>;
    /// The first coordinates of eight points.
    fn load_x<const K: u32>(ifma: Ifma, rows: [&Self::Row; 8]) -> Self::Of<K>;
    /// Eight points.
    fn load<const K: u32>(ifma: Ifma, rows: [&Self::Row; 8]) -> (Self::Of<K>, Self::Of<K>);
    /// Eight points as rows.
    fn store<const K: u32>(x: Self::Of<K>, y: Self::Of<K>) -> [Self::Row; 8];
    /// Reduces the words of a sum, which are below four times the modulus.
    fn canonical_row(ifma: Ifma, row: &Self::Row) -> Self::Row {
        let [first, ..] = ifma.launch(Canonical::<Self>([row; 8]));
        first
    }
    /// Adds pairs of rows, see `AddPairs`.
    fn add_pairs<R: Rows<Self::Row>, const K: u32>(
        ifma: Ifma,
        rows: R,
        pairs: &[segments::Pair],
        scratch: &mut Vec<Self::Of<2>>,
    ) -> Result<(), Collision>;
}

impl Coordinate for Base {
    type Of<const K: u32> = Lanes<Self, K>;
    type Row = G1Row;
    type Ark = Fq;

    #[inline(always)]
    fn one(ifma: Ifma) -> Lanes<Self, 2> {
        Lanes::one(ifma)
    }

    #[inline(always)]
    fn mul<const K: u32, const J: u32>(a: Lanes<Self, K>, b: Lanes<Self, J>) -> Lanes<Self, 2> {
        a.mul(b)
    }

    #[inline(always)]
    fn mul_add(a: Lanes<Self>, b: Lanes<Self>, c: Lanes<Self>, d: Lanes<Self>) -> Lanes<Self> {
        let sum: Product<Self, 8> = a.product::<2, 4>(b).plus(c, d);
        sum.reduce()
    }

    /// On G1 `b` is 3: eight times and once more.
    #[inline(always)]
    fn times_3b(a: Lanes<Self>) -> Lanes<Self> {
        let eight: Lanes<Self, 16> = a.double::<4>().double::<8>().double();
        let nine: Lanes<Self, 18> = eight.add(a);
        nine.fold::<16, 16>().reduced()
    }

    #[inline(always)]
    fn blend<const K: u32>(a: Lanes<Self, K>, mask: LaneMask, b: Lanes<Self, K>) -> Lanes<Self, K> {
        a.blend(mask, b)
    }

    #[inline(always)]
    fn rotated(a: Lanes<Self>, by: u64) -> Lanes<Self> {
        a.rotated(by)
    }

    #[inline(always)]
    fn ifma(a: Lanes<Self>) -> Ifma {
        a.ifma()
    }

    #[inline(always)]
    fn zero(ifma: Ifma) -> Lanes<Self> {
        Lanes::zero(ifma)
    }

    #[inline(always)]
    fn from_ark(ifma: Ifma, elements: &[Fq; 8]) -> Lanes<Self> {
        Lanes::from_ark(ifma, elements)
    }

    #[inline(always)]
    fn to_ark(a: Lanes<Self>) -> [Fq; 8] {
        a.to_ark()
    }

    #[inline(always)]
    fn square<const K: u32>(a: Lanes<Self, K>) -> Lanes<Self, 2> {
        a.square()
    }

    #[inline(always)]
    fn add<const K: u32, const J: u32, const S: u32>(
        a: Lanes<Self, K>,
        b: Lanes<Self, J>,
    ) -> Lanes<Self, S> {
        a.add(b)
    }

    #[inline(always)]
    fn sub<const K: u32, const J: u32, const S: u32>(
        a: Lanes<Self, K>,
        b: Lanes<Self, J>,
    ) -> Lanes<Self, S> {
        a.sub(b)
    }

    #[inline(always)]
    fn claim<const K: u32, const S: u32>(a: Lanes<Self, K>) -> Lanes<Self, S> {
        a.claim()
    }

    #[inline(always)]
    fn fold<const K: u32, const F: u32, const S: u32>(a: Lanes<Self, K>) -> Lanes<Self, S> {
        a.fold::<F, S>()
    }

    #[inline(always)]
    fn canonical<const K: u32>(a: Lanes<Self, K>) -> Lanes<Self, 1> {
        a.canonical()
    }

    #[inline(always)]
    fn negate<const K: u32, const S: u32>(a: Lanes<Self, K>, mask: LaneMask) -> Lanes<Self, S> {
        a.widen().blend(mask, a.neg())
    }

    #[inline(always)]
    fn vartime_invert(a: Lanes<Self, 2>) -> Option<Lanes<Self, 2>> {
        let inverses = Fq::vartime_invert_all(a.to_ark())?;
        Some(Lanes::from_ark(a.ifma(), &inverses))
    }

    #[inline(always)]
    fn load_x<const K: u32>(ifma: Ifma, rows: [&G1Row; 8]) -> Lanes<Self, K> {
        Lanes::gather(ifma, rows.map(G1Row::x))
    }

    #[inline(always)]
    fn load<const K: u32>(ifma: Ifma, rows: [&G1Row; 8]) -> (Lanes<Self, K>, Lanes<Self, K>) {
        split(transpose(rows.map(|row| ifma.load(&row.0))))
    }

    #[inline(always)]
    fn store<const K: u32>(x: Lanes<Self, K>, y: Lanes<Self, K>) -> [G1Row; 8] {
        // No `map` over lanes: what is not inlined into the kernel is not vector code.
        let [a, b, c, d, e, f, g, h] = transpose(join(x, y));
        [row(a), row(b), row(c), row(d), row(e), row(f), row(g), row(h)]
    }

    /// Two vectors side by side hide the latency of a multiplication.
    fn add_pairs<R: Rows<G1Row>, const K: u32>(
        ifma: Ifma,
        rows: R,
        pairs: &[segments::Pair],
        scratch: &mut Vec<Lanes<Self, 2>>,
    ) -> Result<(), Collision> {
        ifma.launch(AddPairs::<Self, R, K, 2> { rows, pairs, scratch })
    }
}

/// The quadratic extension of the base field, `u^2 = -1`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension;

/// Eight elements `c0 + c1 u`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<const K: u32>(pub(crate) Lanes<Base, K>, pub(crate) Lanes<Base, K>);

/// `9 / (9 + u)`, which is `3 b` of the twisted curve of G2, in Montgomery form.
const TWIST_3B: [Limbs; 2] = [
    [
        0x6_f770_00ec_e184,
        0xe_7799_f259_eca2,
        0xf_cf04_d713_e21a,
        0x0_e995_732c_f638,
        0x25ca_2144_fde5,
    ],
    [
        0xb_da50_80f2_e609,
        0xf_a4e3_0b11_d6f5,
        0xe_bec7_9585_a03c,
        0xd_e6ea_586e_3bff,
        0xbee_883b_1268,
    ],
];

impl Coordinate for Extension {
    type Of<const K: u32> = Pair<K>;
    type Row = G2Row;
    type Ark = Fq2;

    #[inline(always)]
    fn one(ifma: Ifma) -> Pair<2> {
        Pair(Lanes::one(ifma), Lanes::zero(ifma))
    }

    /// Two sums of two products each, reduced once: 310 multiply-adds.
    #[inline(always)]
    fn mul<const K: u32, const J: u32>(a: Pair<K>, b: Pair<J>) -> Pair<2> {
        const { assert!(K * (2 * J + 1) <= 84, "the factors are too large to multiply") }
        let minus: Lanes<Base, 84> = b.1.neg();
        let real: Product<Base, 84> = Product::unchecked(a.0, b.0).plus_unchecked(a.1, minus);
        let imaginary: Product<Base, 84> = Product::unchecked(a.0, b.1).plus_unchecked(a.1, b.0);
        Pair(real.reduce(), imaginary.reduce())
    }

    #[inline(always)]
    fn mul_add(a: Pair<2>, b: Pair<2>, c: Pair<2>, d: Pair<2>) -> Pair<2> {
        let (minus_b, minus_d): (Lanes<Base, 3>, Lanes<Base, 3>) = (b.1.neg(), d.1.neg());
        let real: Product<Base, 84> = Product::unchecked(a.0, b.0)
            .plus_unchecked(a.1, minus_b)
            .plus_unchecked(c.0, d.0)
            .plus_unchecked(c.1, minus_d);
        let imaginary: Product<Base, 84> = Product::unchecked(a.0, b.1)
            .plus_unchecked(a.1, b.0)
            .plus_unchecked(c.0, d.1)
            .plus_unchecked(c.1, d.0);
        Pair(real.reduce(), imaginary.reduce())
    }

    #[inline(always)]
    fn times_3b(a: Pair<2>) -> Pair<2> {
        let (ifma, [real, imaginary]) = (a.0.ifma(), &TWIST_3B);
        Self::mul::<2, 1>(a, Pair(Lanes::splat(ifma, real), Lanes::splat(ifma, imaginary)))
    }

    #[inline(always)]
    fn blend<const K: u32>(a: Pair<K>, mask: LaneMask, b: Pair<K>) -> Pair<K> {
        Pair(a.0.blend(mask, b.0), a.1.blend(mask, b.1))
    }

    #[inline(always)]
    fn rotated(a: Pair<2>, by: u64) -> Pair<2> {
        Pair(a.0.rotated(by), a.1.rotated(by))
    }

    #[inline(always)]
    fn ifma(a: Pair<2>) -> Ifma {
        a.0.ifma()
    }

    #[inline(always)]
    fn zero(ifma: Ifma) -> Pair<2> {
        Pair(Lanes::zero(ifma), Lanes::zero(ifma))
    }

    #[inline(always)]
    fn from_ark(ifma: Ifma, elements: &[Fq2; 8]) -> Pair<2> {
        let (real, imaginary) = (elements.map(|x| x.c0), elements.map(|x| x.c1));
        Pair(Lanes::from_ark(ifma, &real), Lanes::from_ark(ifma, &imaginary))
    }

    #[inline(always)]
    fn to_ark(a: Pair<2>) -> [Fq2; 8] {
        let (real, imaginary) = (a.0.to_ark(), a.1.to_ark());
        core::array::from_fn(|i| Fq2::new(real[i], imaginary[i]))
    }

    #[inline(always)]
    fn square<const K: u32>(a: Pair<K>) -> Pair<2> {
        const { assert!(4 * K * K <= 84, "the element is too large to square") }
        let sum: Lanes<Base, 84> = a.0.add(a.1);
        let difference: Lanes<Base, 84> = a.0.sub(a.1);
        let double: Lanes<Base, 84> = a.0.double();
        let real: Product<Base, 84> = Product::unchecked(sum, difference);
        let imaginary: Product<Base, 84> = Product::unchecked(double, a.1);
        Pair(real.reduce(), imaginary.reduce())
    }

    #[inline(always)]
    fn add<const K: u32, const J: u32, const S: u32>(a: Pair<K>, b: Pair<J>) -> Pair<S> {
        Pair(a.0.add(b.0), a.1.add(b.1))
    }

    #[inline(always)]
    fn sub<const K: u32, const J: u32, const S: u32>(a: Pair<K>, b: Pair<J>) -> Pair<S> {
        Pair(a.0.sub(b.0), a.1.sub(b.1))
    }

    #[inline(always)]
    fn claim<const K: u32, const S: u32>(a: Pair<K>) -> Pair<S> {
        Pair(a.0.claim(), a.1.claim())
    }

    #[inline(always)]
    fn fold<const K: u32, const F: u32, const S: u32>(a: Pair<K>) -> Pair<S> {
        Pair(a.0.fold::<F, S>(), a.1.fold::<F, S>())
    }

    #[inline(always)]
    fn canonical<const K: u32>(a: Pair<K>) -> Pair<1> {
        Pair(a.0.canonical(), a.1.canonical())
    }

    #[inline(always)]
    fn negate<const K: u32, const S: u32>(a: Pair<K>, mask: LaneMask) -> Pair<S> {
        Pair(Base::negate(a.0, mask), Base::negate(a.1, mask))
    }

    #[inline(always)]
    fn vartime_invert(a: Pair<2>) -> Option<Pair<2>> {
        let (real, imaginary) = (a.0.to_ark(), a.1.to_ark());
        let elements = core::array::from_fn(|i| Fq2::new(real[i], imaginary[i]));
        let inverses = Fq2::vartime_invert_all(elements)?;
        let ifma = a.0.ifma();
        Some(Pair(
            Lanes::from_ark(ifma, &inverses.map(|x| x.c0)),
            Lanes::from_ark(ifma, &inverses.map(|x| x.c1)),
        ))
    }

    #[inline(always)]
    fn load_x<const K: u32>(ifma: Ifma, rows: [&G2Row; 8]) -> Pair<K> {
        let (real, imaginary) = split(transpose(rows.map(|row| ifma.load(&row.0[0]))));
        Pair(real, imaginary)
    }

    #[inline(always)]
    fn load<const K: u32>(ifma: Ifma, rows: [&G2Row; 8]) -> (Pair<K>, Pair<K>) {
        let (real, imaginary) = split(transpose(rows.map(|row| ifma.load(&row.0[1]))));
        (Self::load_x(ifma, rows), Pair(real, imaginary))
    }

    #[inline(always)]
    fn store<const K: u32>(x: Pair<K>, y: Pair<K>) -> [G2Row; 8] {
        let (x, y) = (transpose(join(x.0, x.1)), transpose(join(y.0, y.1)));
        core::array::from_fn(|i| G2Row([x[i].to_array(), y[i].to_array()]))
    }

    /// A multiplication has enough independent parts to fill the pipeline.
    fn add_pairs<R: Rows<G2Row>, const K: u32>(
        ifma: Ifma,
        rows: R,
        pairs: &[segments::Pair],
        scratch: &mut Vec<Pair<2>>,
    ) -> Result<(), Collision> {
        ifma.launch(AddPairs::<Self, R, K, 1> { rows, pairs, scratch })
    }
}

/// Reduces the words of eight sums.
struct Canonical<'a, C: Coordinate>([&'a C::Row; 8]);

impl<C: Coordinate> Kernel for Canonical<'_, C> {
    type Output = [C::Row; 8];
    #[inline(always)]
    fn run(self, ifma: Ifma) -> [C::Row; 8] {
        let (x, y) = C::load::<4>(ifma, self.0);
        C::store(C::canonical(x), C::canonical(y))
    }
}

#[inline(always)]
fn row(words: Wide) -> G1Row {
    G1Row(words.to_array())
}

#[inline(always)]
fn split<const K: u32>(words: [Wide; 8]) -> (Lanes<Base, K>, Lanes<Base, K>) {
    let [a, b, c, d, e, f, g, h] = words;
    (Lanes::from_words([a, b, c, d]), Lanes::from_words([e, f, g, h]))
}

#[inline(always)]
fn join<const K: u32>(first: Lanes<Base, K>, second: Lanes<Base, K>) -> [Wide; 8] {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_words(), second.to_words());
    [a, b, c, d, e, f, g, h]
}
