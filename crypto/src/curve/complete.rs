//! Points with complete formulas, and multiplication by signed digits.

use super::arithmetic::Arithmetic;

/// A point `(x/z, y/z)`; `(0, y, 0)` is the point at infinity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point<F> {
    pub(crate) x: F,
    pub(crate) y: F,
    pub(crate) z: F,
}

/// A signed digit as choices: which of the multiples `1..=8` it takes, and whether negated.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digit<C> {
    pub(super) multiple: [C; 8],
    pub(super) negative: C,
}

impl<F: Arithmetic> Point<F> {
    /// The point at infinity.
    #[inline(always)]
    pub(super) fn infinity(like: F) -> Self {
        Self { x: like.zero(), y: like.one(), z: like.zero() }
    }

    /// Sum of any two points. Algorithm 7 of Renes, Costello and Batina.
    #[inline(always)]
    pub(super) fn sum(self, other: Self) -> Self {
        let xx = self.x.mul(other.x);
        let yy = self.y.mul(other.y);
        let zz = self.z.mul(other.z).times_3b();
        let xy = self.x.mul_add(other.y, other.x, self.y);
        let yz = self.y.mul_add(other.z, other.y, self.z);
        let xz = self.x.mul_add(other.z, other.x, self.z).times_3b();
        let xx = xx.add(xx).add(xx);
        let (plus, minus) = (yy.add(zz), yy.sub(zz));
        Self {
            x: xy.mul_add(minus, yz, yz.zero().sub(xz)),
            y: plus.mul_add(minus, xx, xz),
            z: plus.mul_add(yz, xx, xy),
        }
    }

    /// Double of any point. Algorithm 9 of Renes, Costello and Batina.
    #[inline(always)]
    pub(super) fn twice(self) -> Self {
        let yy = self.y.square();
        let yz = self.y.mul(self.z);
        let xy = self.x.mul(self.y);
        let zz = self.z.square().times_3b();
        let eight = double(double(double(yy)));
        let (plus, minus) = (yy.add(zz), yy.sub(zz.add(zz).add(zz)));
        Self { x: double(minus.mul(xy)), y: minus.mul_add(plus, zz, eight), z: yz.mul(eight) }
    }

    /// Sum of any two points.
    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        F::add_points(self, other)
    }

    /// Double of any point.
    #[inline(always)]
    pub(crate) fn double(self) -> Self {
        F::double_point(self)
    }

    /// The negative where chosen.
    #[inline(always)]
    fn negate(self, choice: F::Choice) -> Self {
        Self { y: self.y.select(choice, self.y.zero().sub(self.y)), ..self }
    }

    /// `other` where chosen.
    #[inline(always)]
    pub(super) fn select(self, choice: F::Choice, other: &Self) -> Self {
        Self {
            x: self.x.select(choice, other.x),
            y: self.y.select(choice, other.y),
            z: self.z.select(choice, other.z),
        }
    }

    /// The multiples `1..=8`.
    #[inline(always)]
    pub(super) fn multiples(self) -> [Self; 8] {
        let mut multiples = [self; 8];
        let mut multiple = self;
        for place in multiples.iter_mut().skip(1) {
            multiple = multiple.add(self);
            *place = multiple;
        }
        multiples
    }
}

/// The sum of `M` points, each times its digits: `digits[i][j]` counts `16^i` for point `j`.
/// Reads all multiples for every digit.
#[inline(always)]
pub(super) fn multiply<F: Arithmetic, const M: usize>(
    points: [Point<F>; M],
    digits: &[[Digit<F::Choice>; M]],
) -> Point<F> {
    let mut tables = [[Point::infinity(points[0].x); 8]; M];
    for (table, point) in tables.iter_mut().zip(points) {
        *table = point.multiples();
    }
    let mut sum = Point::infinity(points[0].x);
    for digits in digits.iter().rev() {
        for _ in 0..4 {
            sum = sum.double();
        }
        for (table, digit) in tables.iter().zip(digits) {
            sum = sum.add(digit.pick(table));
        }
    }
    sum
}

/// The sum of one signed multiple from each table.
#[inline(always)]
pub(super) fn add_multiples<F: Arithmetic>(
    tables: &[[Point<F>; 8]],
    digits: &[Digit<F::Choice>],
    mut sum: Point<F>,
) -> Point<F> {
    for (table, digit) in tables.iter().zip(digits) {
        sum = sum.add(digit.pick(table));
    }
    sum
}

impl<C: Copy> Digit<C> {
    /// The signed multiple that this digit asks for.
    #[inline(always)]
    fn pick<F: Arithmetic<Choice = C>>(&self, table: &[Point<F>; 8]) -> Point<F> {
        let [first, ..] = table;
        let mut term = Point::infinity(first.x);
        for (multiple, &choice) in table.iter().zip(&self.multiple) {
            term = term.select(choice, multiple);
        }
        term.negate(self.negative)
    }
}

#[inline(always)]
fn double<F: Arithmetic>(x: F) -> F {
    x.add(x)
}
