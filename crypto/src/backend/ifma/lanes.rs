//! Eight field elements at once.
//!
//! Elements are in Montgomery form with `R = 2^260`, in five limbs of 52 bits, one register for
//! each limb. 84 multiples of the modulus fit below `R`, so sums and differences are left
//! unreduced and their size is counted in the type: [`Lanes<P, K>`] is below `K * p`. A product
//! of `K` and `J` needs `K * J <= 84` and is below `2 p` again; the compiler checks it.

#![expect(clippy::indexing_slicing, reason = "loops over arrays of constant length")]

use core::marker::PhantomData;

use super::Ifma;
use super::prime::{Limbs, MASK, Prime, multiple};
use super::register::{LaneMask, Wide};

/// Eight elements of the field of `P`, each a number below `K * p` in Montgomery form.
// Invariant: every limb is below 2^52, every lane below K * p.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Lanes<P: Prime, const K: u32 = 2>(pub(super) [Wide; 5], PhantomData<P>);

/// Eight sums of unreduced products, each below `K * p^2` in absolute value, `-K p^2` excluded.
///
/// Column `i` counts `2^(52 i)`, is signed and may exceed 52 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<P: Prime, const K: u32>([Wide; 10], PhantomData<P>);

impl<P: Prime, const K: u32> Lanes<P, K> {
    /// Wraps limbs that satisfy the invariant.
    #[inline(always)]
    pub(super) fn wrap(limbs: [Wide; 5]) -> Self {
        Self(limbs, PhantomData)
    }

    /// The same number in every lane. `limbs` must be below `K * p`, in Montgomery form.
    #[inline(always)]
    pub(crate) fn splat(ifma: Ifma, limbs: &Limbs) -> Self {
        Self::wrap(limbs.map(|limb| ifma.splat(limb)))
    }

    /// Zero in every lane.
    #[inline(always)]
    pub(crate) fn zero(ifma: Ifma) -> Self {
        Self::wrap([ifma.zero(); 5])
    }

    /// One in every lane.
    #[inline(always)]
    pub(crate) fn one(ifma: Ifma) -> Self {
        Self::splat(ifma, &P::ONE)
    }

    /// The token behind these lanes.
    #[inline(always)]
    pub(crate) fn ifma(self) -> Ifma {
        self.0[0].ifma()
    }

    /// Forgets a part of what is known of the size. Free.
    #[inline(always)]
    pub(crate) fn widen<const J: u32>(self) -> Lanes<P, J> {
        const { assert!(J >= K, "a bound can only be relaxed") }
        Lanes::wrap(self.0)
    }

    /// Claims a size that the caller has proved.
    #[inline(always)]
    pub(crate) fn claim<const J: u32>(self) -> Lanes<P, J> {
        Lanes::wrap(self.0)
    }

    /// Sum, unreduced. 17 instructions.
    #[inline(always)]
    pub(crate) fn add<const J: u32, const S: u32>(self, other: Lanes<P, J>) -> Lanes<P, S> {
        const { assert!(K + J <= S && S <= 84, "the sum is larger than its type says") }
        let [a, b, c, d, e] = self.0;
        let [f, g, h, i, j] = other.0;
        Lanes::wrap(carried([a.plus(f), b.plus(g), c.plus(h), d.plus(i), e.plus(j)]))
    }

    /// Twice the element, unreduced.
    #[inline(always)]
    pub(crate) fn double<const S: u32>(self) -> Lanes<P, S> {
        self.add(self)
    }

    /// Difference, unreduced: `self - other + J p`. 22 instructions.
    #[inline(always)]
    pub(crate) fn sub<const J: u32, const S: u32>(self, other: Lanes<P, J>) -> Lanes<P, S> {
        const { assert!(K + J <= S && S <= 84, "the difference is larger than its type says") }
        let [a, b, c, d, e] = self.0;
        let [f, g, h, i, j] = other.0;
        let [p, q, r, s, t] = self.multiple::<J>();
        Lanes::wrap(carried([
            a.minus(f).plus(p),
            b.minus(g).plus(q),
            c.minus(h).plus(r),
            d.minus(i).plus(s),
            e.minus(j).plus(t),
        ]))
    }

    /// `K p - self`, the negative. For zero this is `K p` itself, so the bound grows by one.
    #[inline(always)]
    pub(crate) fn neg<const S: u32>(self) -> Lanes<P, S> {
        const { assert!(K < S && S <= 84, "the negative of zero is K p") }
        let [a, b, c, d, e] = self.0;
        let [p, q, r, s, t] = self.multiple::<K>();
        Lanes::wrap(carried([p.minus(a), q.minus(b), r.minus(c), s.minus(d), t.minus(e)]))
    }

    /// Product, below `2 p`. 105 multiply-adds.
    #[inline(always)]
    pub(crate) fn mul<const J: u32>(self, other: Lanes<P, J>) -> Lanes<P, 2> {
        const { assert!(K * J <= 84, "the factors are too large to multiply") }
        Product::<P, 84>(columns(self.zeros(), &self.0, &other.0), PhantomData).reduce()
    }

    /// Square, below `2 p`. 85 multiply-adds.
    #[inline(always)]
    pub(crate) fn square(self) -> Lanes<P, 2> {
        const { assert!(K * K <= 84, "the element is too large to square") }
        Product::<P, 84>(square_columns(self.zeros(), &self.0), PhantomData).reduce()
    }

    /// Product with the reduction left for later, see [`Product::plus`].
    #[inline(always)]
    pub(crate) fn product<const J: u32, const S: u32>(self, other: Lanes<P, J>) -> Product<P, S> {
        const { assert!(K * J <= S, "the product is larger than its type says") }
        Product(columns(self.zeros(), &self.0, &other.0), PhantomData)
    }

    /// `self / 2^260` in every lane: leaves Montgomery form. Below `2 p`, in fact at most `p`.
    #[inline(always)]
    pub(crate) fn leave_montgomery(self) -> Lanes<P, 2> {
        let z = self.0[0].ifma().zero();
        let [a, b, c, d, e] = self.0;
        Product::<P, 84>([a, b, c, d, e, z, z, z, z, z], PhantomData).reduce()
    }

    /// The same elements with `F p` taken off where they are at least that.
    #[inline(always)]
    pub(crate) fn fold<const F: u32, const S: u32>(self) -> Lanes<P, S> {
        const { assert!(F <= S && K <= S + F, "the remainder is larger than its type says") }
        Lanes::wrap(self.below::<F>(self.0))
    }

    /// The same elements as numbers below `p`.
    #[inline(always)]
    pub(crate) fn canonical(self) -> Lanes<P, 1> {
        const { assert!(K <= 64, "the element is too large to reduce") }
        let mut limbs = self.0;
        if K > 32 {
            limbs = self.below::<32>(limbs);
        }
        if K > 16 {
            limbs = self.below::<16>(limbs);
        }
        if K > 8 {
            limbs = self.below::<8>(limbs);
        }
        if K > 4 {
            limbs = self.below::<4>(limbs);
        }
        if K > 2 {
            limbs = self.below::<2>(limbs);
        }
        Lanes::wrap(self.below::<1>(limbs))
    }

    /// The same elements as numbers below `2 p`. Costs 30 instructions for a `K` up to 4.
    #[inline(always)]
    pub(crate) fn reduced(self) -> Lanes<P, 2> {
        const { assert!(K <= 16, "multiply by one instead") }
        let mut limbs = self.0;
        if K > 8 {
            limbs = self.below::<8>(limbs);
        }
        if K > 4 {
            limbs = self.below::<4>(limbs);
        }
        if K > 2 {
            limbs = self.below::<2>(limbs);
        }
        Lanes::wrap(limbs)
    }

    /// The same elements as numbers below `2 p`, for any `K` up to 64: one estimate of the
    /// quotient, in 34 instructions.
    #[inline(always)]
    pub(crate) fn squeezed(self) -> Lanes<P, 2> {
        const { assert!(K <= 64, "the quotient does not fit") }
        squeeze(self.0)
    }

    /// `9 self + other`, below `2 p`.
    #[inline(always)]
    pub(crate) fn times_nine_plus<const J: u32>(self, other: Lanes<P, J>) -> Lanes<P, 2> {
        const { assert!(9 * K + J <= 64, "the sum is too large to squeeze") }
        let [a, b, c, d, e] = self.0;
        let eight = [a.left::<3>(), b.left::<3>(), c.left::<3>(), d.left::<3>(), e.left::<3>()];
        squeeze(sum(sum(eight, self.0), other.0))
    }

    /// `3 self + 2 other`, below `2 p`.
    #[inline(always)]
    pub(crate) fn thrice_plus_twice<const J: u32>(self, other: Lanes<P, J>) -> Lanes<P, 2> {
        const { assert!(3 * K + 2 * J <= 64, "the sum is too large to squeeze") }
        let both = sum(self.0, other.0);
        squeeze(sum(sum(both, both), self.0))
    }

    /// Lane `i` of the result is lane `index[i]` of `self`, or from 8 on of `other`.
    #[inline(always)]
    pub(crate) fn permuted(self, index: &[u64; 8], other: Self) -> Self {
        let index = self.ifma().load(index);
        let [a, b, c, d, e] = self.0;
        let [f, g, h, i, j] = other.0;
        Self::wrap([
            a.permute(index, f),
            b.permute(index, g),
            c.permute(index, h),
            d.permute(index, i),
            e.permute(index, j),
        ])
    }

    /// Which lanes are zero in the field?
    #[inline(always)]
    pub(crate) fn is_zero(self) -> LaneMask {
        let [a, b, c, d, e] = self.canonical().0;
        a.or(b).or(c).or(d).or(e).equal(self.ifma().zero())
    }

    /// The lanes of `other` where the mask is set, of `self` elsewhere.
    #[inline(always)]
    pub(crate) fn blend(self, mask: LaneMask, other: Self) -> Self {
        let [a, b, c, d, e] = self.0;
        let [f, g, h, i, j] = other.0;
        Self::wrap([
            a.blend(mask, f),
            b.blend(mask, g),
            c.blend(mask, h),
            d.blend(mask, i),
            e.blend(mask, j),
        ])
    }

    /// Lane `i` of the result is lane `i + by` modulo eight.
    #[inline(always)]
    pub(crate) fn rotated(self, by: u64) -> Self {
        let index: [u64; 8] = core::array::from_fn(|lane| (lane as u64 + by) % 8);
        let index = self.ifma().load(&index);
        Self::wrap(self.0.map(|limb| limb.permute(index, limb)))
    }

    /// `x - factor p` where that is not negative, `x` elsewhere.
    #[inline(always)]
    fn below<const FACTOR: u32>(self, [a, b, c, d, e]: [Wide; 5]) -> [Wide; 5] {
        let [p, q, r, s, t] = self.multiple::<FACTOR>();
        let less = carried([a.minus(p), b.minus(q), c.minus(r), d.minus(s), e.minus(t)]);
        let mask = less[4].negative();
        let [f, g, h, i, j] = less;
        [f.blend(mask, a), g.blend(mask, b), h.blend(mask, c), i.blend(mask, d), j.blend(mask, e)]
    }

    #[inline(always)]
    fn multiple<const FACTOR: u32>(self) -> [Wide; 5] {
        let ifma = self.ifma();
        const { multiple(P::LIMBS, FACTOR) }.map(|limb| ifma.splat(limb))
    }

    #[inline(always)]
    fn zeros(self) -> [Wide; 10] {
        [self.ifma().zero(); 10]
    }
}

impl<P: Prime, const K: u32> Product<P, K> {
    /// A product whose size the caller has counted.
    #[inline(always)]
    pub(crate) fn unchecked<const I: u32, const J: u32>(a: Lanes<P, I>, b: Lanes<P, J>) -> Self {
        Self(columns(a.zeros(), &a.0, &b.0), PhantomData)
    }

    /// Adds a product where the caller has counted the size of the sum.
    #[inline(always)]
    pub(crate) fn plus_unchecked<const I: u32, const J: u32>(
        self,
        a: Lanes<P, I>,
        b: Lanes<P, J>,
    ) -> Self {
        Self(columns(self.0, &a.0, &b.0), PhantomData)
    }

    /// The empty sum.
    #[inline(always)]
    pub(crate) fn zero(ifma: Ifma) -> Self {
        Self([ifma.zero(); 10], PhantomData)
    }

    /// Adds the product of `a` and `b`.
    #[inline(always)]
    pub(crate) fn plus<const I: u32, const J: u32, const S: u32>(
        self,
        a: Lanes<P, I>,
        b: Lanes<P, J>,
    ) -> Product<P, S> {
        const { assert!(K + I * J <= S, "the sum is larger than its type says") }
        Product(columns(self.0, &a.0, &b.0), PhantomData)
    }

    /// Adds the products of two rows, of which at most the first `N` are looked at.
    #[inline(always)]
    pub(crate) fn plus_row<const N: usize, const I: u32, const J: u32, const S: u32>(
        self,
        a: &[Lanes<P, I>],
        b: &[Lanes<P, J>],
    ) -> Product<P, S> {
        const { assert!(K as usize + N * (I * J) as usize <= S as usize) }
        let mut sum = self.0;
        for (a, b) in a.iter().zip(b).take(N) {
            sum = columns(sum, &a.0, &b.0);
        }
        Product(sum, PhantomData)
    }

    /// The sum divided by `2^260`, below `2 p`. 55 multiply-adds.
    #[inline(always)]
    pub(crate) fn reduce(self) -> Lanes<P, 2> {
        const { assert!(K <= 84, "the sum is too large to reduce") }
        let ifma = self.0[0].ifma();
        let modulus = P::LIMBS.map(|limb| ifma.splat(limb));
        let inverse = ifma.splat(P::NEGATED_INVERSE);
        let [a, b, c, d, e, f, g, h, i, j] = self.0;
        let [b, c, d, e, f] = round([a, b, c, d, e, f], &modulus, inverse);
        let [c, d, e, f, g] = round([b, c, d, e, f, g], &modulus, inverse);
        let [d, e, f, g, h] = round([c, d, e, f, g, h], &modulus, inverse);
        let [e, f, g, h, i] = round([d, e, f, g, h, i], &modulus, inverse);
        let [f, g, h, i, j] = round([e, f, g, h, i, j], &modulus, inverse);
        Lanes::wrap(carried([f, g, h, i, j]))
    }
}

/// Adds the multiple of the modulus that clears the lowest column, and drops that column.
#[inline(always)]
fn round([a, b, c, d, e, f]: [Wide; 6], modulus: &[Wide; 5], inverse: Wide) -> [Wide; 5] {
    let [p, q, r, s, t] = *modulus;
    let factor = a.ifma().zero().add_product_low(a, inverse);
    let a = a.add_product_low(factor, p);
    let b = b.add_product_low(factor, q).add_product_high(factor, p);
    let c = c.add_product_low(factor, r).add_product_high(factor, q);
    let d = d.add_product_low(factor, s).add_product_high(factor, r);
    let e = e.add_product_low(factor, t).add_product_high(factor, s);
    let f = f.add_product_high(factor, t);
    [b.plus(a.right_signed::<52>()), c, d, e, f]
}

/// Adds the product of two numbers to ten columns.
#[inline(always)]
fn columns(mut sum: [Wide; 10], a: &[Wide; 5], b: &[Wide; 5]) -> [Wide; 10] {
    for (i, &x) in a.iter().enumerate() {
        for (j, &y) in b.iter().enumerate() {
            sum[i + j] = sum[i + j].add_product_low(x, y);
        }
        for (j, &y) in b.iter().enumerate() {
            sum[i + j + 1] = sum[i + j + 1].add_product_high(x, y);
        }
    }
    sum
}

/// The square of a number in ten columns: the mixed products once, doubled, and the squares.
#[inline(always)]
fn square_columns(mut sum: [Wide; 10], a: &[Wide; 5]) -> [Wide; 10] {
    for i in 0..5 {
        for j in i + 1..5 {
            sum[i + j] = sum[i + j].add_product_low(a[i], a[j]);
            sum[i + j + 1] = sum[i + j + 1].add_product_high(a[i], a[j]);
        }
    }
    for column in &mut sum {
        *column = column.plus(*column);
    }
    for (i, &x) in a.iter().enumerate() {
        sum[2 * i] = sum[2 * i].add_product_low(x, x);
        sum[2 * i + 1] = sum[2 * i + 1].add_product_high(x, x);
    }
    sum
}

#[inline(always)]
fn sum(a: [Wide; 5], b: [Wide; 5]) -> [Wide; 5] {
    let ([a, b, c, d, e], [f, g, h, i, j]) = (a, b);
    [a.plus(f), b.plus(g), c.plus(h), d.plus(i), e.plus(j)]
}

/// Takes the quotient's multiple of the modulus off a number below `64 p`. Limbs may exceed 52
/// bits by eight, all but the top one.
///
/// The quotient is estimated from the top limb. That is rounded down and may lack carries, which
/// is less than `2^-36 p`, so at most `(1 + 2^-20) p` is left.
#[inline(always)]
fn squeeze<P: Prime>(limbs: [Wide; 5]) -> Lanes<P, 2> {
    let ifma = limbs[0].ifma();
    let reciprocal = ifma.splat(const { (1 << 62) / ((P::LIMBS[4] >> 10) + 1) });
    let quotient = ifma.zero().add_product_high(limbs[4], reciprocal).right::<20>();
    let [p, q, r, s, t] = P::LIMBS;
    let (p, q, r) = (ifma.splat(p), ifma.splat(q), ifma.splat(r));
    let (s, t) = (ifma.splat(s), ifma.splat(t));
    let [a, b, c, d, e] = limbs;
    Lanes::wrap(carried([
        a.minus(ifma.zero().add_product_low(quotient, p)),
        b.minus(column(quotient, q, p)),
        c.minus(column(quotient, r, q)),
        d.minus(column(quotient, s, r)),
        e.minus(column(quotient, t, s)),
    ]))
}

/// What `factor` times two adjacent limbs adds to the column of the upper one.
#[inline(always)]
fn column(factor: Wide, upper: Wide, lower: Wide) -> Wide {
    factor.ifma().zero().add_product_low(factor, upper).add_product_high(factor, lower)
}

/// Moves what exceeds 52 bits of a limb to the next one. The top limb keeps its sign.
#[inline(always)]
fn carried([a, b, c, d, e]: [Wide; 5]) -> [Wide; 5] {
    let mask = a.ifma().splat(MASK);
    let b = b.plus(a.right_signed::<52>());
    let c = c.plus(b.right_signed::<52>());
    let d = d.plus(c.right_signed::<52>());
    let e = e.plus(d.right_signed::<52>());
    [a.and(mask), b.and(mask), c.and(mask), d.and(mask), e]
}

#[cfg(test)]
mod tests;
