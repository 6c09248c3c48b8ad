//! Lines for eight pairs at a time, and prepared lines for two.

#![expect(clippy::indexing_slicing, reason = "arrays of eight lanes")]

use alloc::vec::Vec;

use ark_bn254::{Fq, G1Affine, G2Affine};

use super::super::steps::{Line, Step, Traveller, addends};
use super::super::words::UnitLines as WordLines;
use crate::backend::ifma::lanes::Lanes;
use crate::backend::ifma::packed::limbs;
use crate::backend::ifma::prime::Base;
use crate::backend::ifma::{Ifma, Kernel};
use crate::backend::words::Words;
use crate::curve::arithmetic::Eight;
use crate::msm::lanes::coordinate::{Coordinate, Extension, Pair};
use crate::msm::portable::coordinate::Pair as WordPair;

/// Eight elements in memory, limb by limb, so that one of them can be read into all lanes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Stored([[u64; 8]; 5]);

impl Stored {
    #[inline(always)]
    pub(super) fn new<const K: u32>(lanes: Lanes<Base, K>) -> Self {
        Self(lanes.limbs())
    }
}

/// One element in all lanes, whose bound is that of what was stored.
#[inline(always)]
pub(super) fn splat<const K: u32>(ifma: Ifma, stored: &Stored, lane: usize) -> Lanes<Base, K> {
    {
        let [a, b, c, d, e] = &stored.0;
        Lanes::splat(ifma, &[a[lane], b[lane], c[lane], d[lane], e[lane]])
    }
}

/// The coefficients of eight lines at their points: real, imaginary and minus imaginary parts,
/// and for those that go past `w^5` the same times `9 + u`.
pub(super) struct Lines {
    pub(super) vertical: [Stored; 3],
    pub(super) slope: [Stored; 3],
    pub(super) slope_past: [Stored; 3],
    pub(super) constant: [Stored; 3],
    pub(super) constant_past: [Stored; 3],
}

type Field = Eight<Extension>;

/// Up to eight pairs.
pub(super) struct Group {
    len: usize,
    traveller: Traveller<Field>,
    addends: [(Field, Field); 4],
    x: Lanes<Base>,
    y: Lanes<Base>,
}

impl Group {
    /// At least one pair. Lanes without one repeat the first.
    pub(super) fn new(ifma: Ifma, pairs: &[(G1Affine, G2Affine)]) -> Self {
        let pair = |lane| *pairs.get(lane).unwrap_or(&pairs[0]);
        ifma.launch(NewGroup { pairs: &[0, 1, 2, 3, 4, 5, 6, 7].map(pair), len: pairs.len() })
    }

    /// How many lanes are in use.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn step(&mut self, ifma: Ifma, step: Step) -> Lines {
        let line = match step {
            Step::Double => ifma.launch(Double(&mut self.traveller)),
            Step::Add(which) => ifma.launch(Add(&mut self.traveller, &self.addends[which])),
        };
        ifma.launch(Evaluate { line: &line, x: self.x, y: self.y })
    }
}

struct NewGroup<'a> {
    pairs: &'a [(G1Affine, G2Affine); 8],
    len: usize,
}

impl Kernel for NewGroup<'_> {
    type Output = Group;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> Group {
        let ways = self.pairs.map(|(_, q)| addends(&q));
        let one = Eight(Extension::one(ifma));
        let mut addends = [(one, one); 4];
        for (which, addend) in addends.iter_mut().enumerate() {
            let (x, y) = (ways.map(|way| way[which].x), ways.map(|way| way[which].y));
            *addend = (Eight(Extension::from_ark(ifma, &x)), Eight(Extension::from_ark(ifma, &y)));
        }
        Group {
            len: self.len,
            traveller: Traveller::new(addends[0]),
            addends,
            x: Lanes::from_ark(ifma, &self.pairs.map(|(p, _)| p.x)),
            y: Lanes::from_ark(ifma, &self.pairs.map(|(p, _)| p.y)),
        }
    }
}

struct Double<'a>(&'a mut Traveller<Field>);

impl Kernel for Double<'_> {
    type Output = Line<Field>;
    #[inline(always)]
    fn run(self, _: Ifma) -> Line<Field> {
        self.0.double()
    }
}

struct Add<'a>(&'a mut Traveller<Field>, &'a (Field, Field));

impl Kernel for Add<'_> {
    type Output = Line<Field>;
    #[inline(always)]
    fn run(self, _: Ifma) -> Line<Field> {
        self.0.add(*self.1)
    }
}

/// Lines at the points of G1.
struct Evaluate<'a> {
    line: &'a Line<Field>,
    x: Lanes<Base>,
    y: Lanes<Base>,
}

impl Kernel for Evaluate<'_> {
    type Output = Lines;
    #[inline(always)]
    fn run(self, _: Ifma) -> Lines {
        let Line { vertical, slope, constant } = self.line;
        let (slope, constant) = (scaled(slope.0, self.x), constant.0);
        Lines {
            vertical: parts(scaled(vertical.0, self.y)),
            slope: parts(slope),
            slope_past: parts(times_nonresidue(slope)),
            constant: parts(constant),
            constant_past: parts(times_nonresidue(constant)),
        }
    }
}

#[inline(always)]
fn scaled(element: Pair<2>, by: Lanes<Base>) -> Pair<2> {
    Pair(element.0.mul(by), element.1.mul(by))
}

#[inline(always)]
fn parts(element: Pair<2>) -> [Stored; 3] {
    [Stored::new(element.0), Stored::new(element.1), Stored::new(element.1.neg::<3>())]
}

#[inline(always)]
fn times_nonresidue(element: Pair<2>) -> Pair<2> {
    Pair(element.0.times_nine_plus::<3>(element.1.neg()), element.1.times_nine_plus(element.0))
}

/// The lines of a prepared point: for each step the real and imaginary parts of the slope and of
/// the constant, limb by limb, and the same times `9 + u`.
pub(in crate::pairing) type UnitLines = Vec<[[[u64; 4]; 5]; 2]>;

/// From the same lines in words.
pub(in crate::pairing) fn prepare(lines: &WordLines) -> UnitLines {
    let four = |slope: &WordPair, constant: &WordPair| {
        let elements = [slope.0, slope.1, constant.0, constant.1];
        let elements = elements.map(|element| limbs::<Base>(&element.to_ark()));
        [0, 1, 2, 3, 4].map(|limb| elements.map(|element| element[limb]))
    };
    lines
        .iter()
        .map(|(slope, constant)| {
            let past = [slope, constant].map(|coefficient| coefficient.times_nonresidue());
            [four(slope, constant), four(&past[0], &past[1])]
        })
        .collect()
}

/// One or two prepared points with a point of G1 each.
pub(super) struct PreparedPair<'a> {
    len: usize,
    lines: [&'a UnitLines; 2],
    /// What the parts are multiplied by: `x / y` twice and `1 / y` twice, for both.
    factors: Lanes<Base>,
}

/// The coefficients of two prepared lines at their points, and their negatives: in four lanes
/// each real and imaginary part of the slope, real and imaginary part of the constant.
pub(super) struct PairLines {
    pub(super) lines: (Stored, Stored),
    pub(super) past: (Stored, Stored),
}

impl<'a> PreparedPair<'a> {
    /// At least one point. A second that is missing repeats the first.
    pub(super) fn new(
        ifma: Ifma,
        ratios: &[(Words<Base>, Words<Base>)],
        points: &[(G1Affine, &'a UnitLines)],
    ) -> Self {
        let (first, last) = (ratios[0], ratios[ratios.len() - 1]);
        let factors = [first.0, first.0, first.1, first.1, last.0, last.0, last.1, last.1];
        let factors: [Fq; 8] = factors.map(Words::to_ark);
        let lines = [points[0].1, points[points.len() - 1].1];
        Self { len: points.len(), lines, factors: ifma.launch(Enter(&factors)) }
    }

    /// How many points there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn lines(&self, ifma: Ifma, at: usize) -> PairLines {
        let [first, second] = self.lines.map(|lines| &lines[at]);
        ifma.launch(EvaluatePair { first, second, factors: self.factors })
    }
}

struct Enter<'a>(&'a [Fq; 8]);

impl Kernel for Enter<'_> {
    type Output = Lanes<Base>;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> Lanes<Base> {
        Lanes::from_ark(ifma, self.0)
    }
}

struct EvaluatePair<'a> {
    first: &'a [[[u64; 4]; 5]; 2],
    second: &'a [[[u64; 4]; 5]; 2],
    factors: Lanes<Base>,
}

impl Kernel for EvaluatePair<'_> {
    type Output = PairLines;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> PairLines {
        let ([first, first_past], [second, second_past]) = (self.first, self.second);
        PairLines {
            lines: evaluate(Lanes::from_halves(ifma, first, second), self.factors),
            past: evaluate(Lanes::from_halves(ifma, first_past, second_past), self.factors),
        }
    }
}

/// Lines times the coordinates, and the negatives.
#[inline(always)]
fn evaluate(lines: Lanes<Base, 1>, factors: Lanes<Base>) -> (Stored, Stored) {
    let product = lines.mul(factors);
    (Stored::new(product), Stored::new(product.neg::<3>()))
}
