//! The Fourier transform of the scalar field in lanes.
//!
//! Elements lie eight to a vector in natural order. Stages whose blocks are wider than a vector
//! combine whole vectors, with one factor for a block in all lanes; two such stages are done in
//! one pass over memory. For the last three stages eight vectors are transposed, which brings
//! their elements side by side; there factors differ from lane to lane.
//!
//! A butterfly `(a + c·b, a - c·b)` adds less than `2p` to the bound of its first input, and with
//! at most [`MAX_STAGES`] stages no reduction is needed on the way.

#![expect(clippy::indexing_slicing, reason = "indices run over the bounds of the tables")]

use alloc::vec::Vec;

use super::lanes::Lanes;
use super::packed::transpose;
use super::prime::{Limbs, Prime, Scalar, split};
use super::register::Wide;
use super::{Ifma, Kernel, packed};
use crate::Fr;

/// The fewest elements: one block of eight vectors.
pub(crate) const MIN_SIZE: usize = 64;

/// The most stages.
const MAX_STAGES: u32 = 26;

/// What elements are below, in multiples of the modulus, before and after the last stage.
const BEFORE: u32 = 2 * MAX_STAGES;
const AFTER: u32 = BEFORE + 2;

/// Eight elements in memory, limb by limb.
// Invariant: every limb is below 2^52.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Vector(pub(crate) [[u64; 8]; 5]);

impl Vector {
    #[inline(always)]
    fn load<const K: u32>(&self, ifma: Ifma) -> Lanes<Scalar, K> {
        let [a, b, c, d, e] = &self.0;
        Lanes::wrap([ifma.load(a), ifma.load(b), ifma.load(c), ifma.load(d), ifma.load(e)])
    }

    #[inline(always)]
    fn store<const K: u32>(&mut self, lanes: Lanes<Scalar, K>) {
        for (words, limb) in self.0.iter_mut().zip(lanes.0) {
            limb.store(words);
        }
    }
}

/// Elements in Montgomery form, below the modulus, eight to a vector.
pub(crate) fn vectors(elements: &[Fr]) -> Vec<Vector> {
    elements.chunks(8).map(|eight| vector(eight.iter().map(limbs))).collect()
}

fn vector(lanes: impl Iterator<Item = Limbs>) -> Vector {
    let mut vector = Vector::default();
    for (lane, limbs) in lanes.enumerate() {
        for (words, limb) in vector.0.iter_mut().zip(limbs) {
            words[lane] = limb;
        }
    }
    vector
}

fn limbs(element: &Fr) -> Limbs {
    packed::limbs::<Scalar>(&element.0)
}

/// The factors of all stages.
#[derive(Debug)]
pub(crate) struct Factors {
    /// By block, for stages with the same factor in all lanes.
    blocks: Vec<Limbs>,
    /// For each eight vectors: one for blocks of eight, two for blocks of four, four of two.
    narrow: Vec<[Vector; 7]>,
}

impl Factors {
    /// From the factors by block, of which there are half as many as elements.
    pub(crate) fn new(factors: &[Fr]) -> Self {
        let narrow = (0..factors.len() / 32).map(|group| {
            // Lane g belongs to vector g of the group: to block 8·group + g of blocks of eight.
            let lane = |split: usize, part: usize| {
                let blocks = (0..8).map(move |g| (8 * group + g) * split + part);
                vector(blocks.map(|block| limbs(&factors[block])))
            };
            [lane(1, 0), lane(2, 0), lane(2, 1), lane(4, 0), lane(4, 1), lane(4, 2), lane(4, 3)]
        });
        let narrow = narrow.collect();
        // Blocks of sixteen elements are the smallest with one factor in all lanes.
        let blocks = factors.iter().take(factors.len() / 8).map(limbs).collect();
        Self { blocks, narrow }
    }
}

/// Coefficients to values, or values to coefficients if there is a `scale`, which is then one
/// divided by the size.
pub(crate) struct Transform<'a> {
    pub(crate) factors: &'a Factors,
    /// What to multiply the coefficients with.
    pub(crate) coset: Option<&'a [Vector]>,
    pub(crate) scale: Option<Fr>,
    pub(crate) values: &'a mut [Fr],
    pub(crate) vectors: &'a mut Vec<Vector>,
}

impl Kernel for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, ifma: Ifma) {
        let count = self.values.len() / 8;
        self.vectors.resize(self.vectors.len().max(count), Vector::default());
        let vectors = &mut self.vectors[..count];
        ifma.launch(Enter { values: self.values, coset: self.coset, vectors });
        let stages = count.ilog2();
        let mut half = count / 2;
        if stages % 2 == 1 {
            ifma.launch(OneStage { vectors, half, factors: &self.factors.blocks });
            half /= 2;
        }
        while half > 0 {
            ifma.launch(TwoStages { vectors, quarter: half / 2, factors: &self.factors.blocks });
            half /= 4;
        }
        let Self { factors, scale, values, .. } = self;
        ifma.launch(Leave { vectors, factors: &factors.narrow, scale, values });
    }
}

/// Reads elements and multiplies them with a coset's powers.
struct Enter<'a> {
    values: &'a [Fr],
    coset: Option<&'a [Vector]>,
    vectors: &'a mut [Vector],
}

impl Kernel for Enter<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, ifma: Ifma) {
        let (eights, _) = self.values.as_chunks::<8>();
        for (i, (eight, vector)) in eights.iter().zip(self.vectors).enumerate() {
            let mut elements = [Fr::ZERO.0; 8];
            for (element, value) in elements.iter_mut().zip(eight) {
                *element = value.0;
            }
            let mut lanes = Lanes::<Scalar, 2>::from_ark(ifma, &elements);
            if let Some(coset) = self.coset {
                lanes = lanes.mul(coset[i].load::<1>(ifma));
            }
            vector.store(lanes);
        }
    }
}

/// `(a + c·b, a - c·b)`. The bound of the result is that of `a` and `2p` more, which a count of
/// stages keeps below `AFTER`, so the type of the inputs is the bound of the last stage's.
#[inline(always)]
fn butterfly(
    a: Lanes<Scalar, BEFORE>,
    b: Lanes<Scalar, BEFORE>,
    c: Lanes<Scalar, 1>,
) -> [Lanes<Scalar, BEFORE>; 2] {
    let product = b.mul(c);
    let sum: Lanes<Scalar, AFTER> = a.add(product);
    let difference: Lanes<Scalar, AFTER> = a.sub(product);
    [Lanes::wrap(sum.0), Lanes::wrap(difference.0)]
}

/// One stage: blocks of two halves, each of `half` vectors.
struct OneStage<'a> {
    vectors: &'a mut [Vector],
    half: usize,
    factors: &'a [Limbs],
}

impl Kernel for OneStage<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, ifma: Ifma) {
        for (block, factor) in self.vectors.chunks_exact_mut(2 * self.half).zip(self.factors) {
            let factor = Lanes::splat(ifma, factor);
            let (low, high) = block.split_at_mut(self.half);
            for (low, high) in low.iter_mut().zip(high) {
                let [sum, difference] = butterfly(low.load(ifma), high.load(ifma), factor);
                low.store(sum);
                high.store(difference);
            }
        }
    }
}

/// Two stages: blocks of four quarters, each of `quarter` vectors.
struct TwoStages<'a> {
    vectors: &'a mut [Vector],
    quarter: usize,
    factors: &'a [Limbs],
}

impl Kernel for TwoStages<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, ifma: Ifma) {
        let quarter = self.quarter;
        for (b, block) in self.vectors.chunks_exact_mut(4 * quarter).enumerate() {
            let wide = Lanes::splat(ifma, &self.factors[b]);
            let left = Lanes::splat(ifma, &self.factors[2 * b]);
            let right = Lanes::splat(ifma, &self.factors[2 * b + 1]);
            let (low, high) = block.split_at_mut(2 * quarter);
            let ((q0, q1), (q2, q3)) = (low.split_at_mut(quarter), high.split_at_mut(quarter));
            let quarters = q0.iter_mut().zip(q1).zip(q2.iter_mut().zip(q3));
            for ((q0, q1), (q2, q3)) in quarters {
                let [a, c] = butterfly(q0.load(ifma), q2.load(ifma), wide);
                let [b, d] = butterfly(q1.load(ifma), q3.load(ifma), wide);
                let [a, b] = butterfly(a, b, left);
                let [c, d] = butterfly(c, d, right);
                q0.store(a);
                q1.store(b);
                q2.store(c);
                q3.store(d);
            }
        }
    }
}

/// The last three stages, and storing in natural order.
struct Leave<'a> {
    vectors: &'a [Vector],
    factors: &'a [[Vector; 7]],
    scale: Option<Fr>,
    values: &'a mut [Fr],
}

impl Kernel for Leave<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, ifma: Ifma) {
        let size = self.values.len();
        let bits = size.ilog2();
        let into_ark = match self.scale {
            // The words of `scale` are `scale·2^256`, which leaves Montgomery form as INTO_ARK does.
            Some(scale) => split(Scalar::to_words(&scale.0)),
            None => Scalar::INTO_ARK,
        };
        let into_ark = Lanes::<Scalar, 1>::splat(ifma, &into_ark);
        let backwards = if self.scale.is_some() { size - 1 } else { 0 };
        let (groups, _) = self.vectors.as_chunks::<8>();
        for (g, (group, factors)) in groups.iter().zip(self.factors).enumerate() {
            let mut rows = transposed(ifma, group);
            last_stages(ifma, &mut rows, factors);
            for (r, row) in rows.iter().enumerate() {
                let words = row.widen::<AFTER>().mul(into_ark).canonical().store();
                for (lane, words) in words.iter().enumerate() {
                    let index = 64 * g + 8 * lane + r;
                    let place = index.reverse_bits() >> (usize::BITS - bits);
                    // Backwards: place i goes to -i modulo the size.
                    let place = if backwards == 0 { place } else { (size - place) & backwards };
                    self.values[place] = Fr(Scalar::from_words(*words));
                }
            }
        }
    }
}

/// Element `r` of vector `g` to lane `g` of vector `r`.
#[inline(always)]
fn transposed(ifma: Ifma, group: &[Vector; 8]) -> [Lanes<Scalar, BEFORE>; 8] {
    let mut rows = [[ifma.zero(); 5]; 8];
    for limb in 0..5 {
        let mut words: [Wide; 8] = [ifma.zero(); 8];
        for (word, vector) in words.iter_mut().zip(group) {
            *word = ifma.load(&vector.0[limb]);
        }
        for (row, word) in rows.iter_mut().zip(transpose(words)) {
            row[limb] = word;
        }
    }
    rows.map(Lanes::wrap)
}

#[inline(always)]
fn last_stages(ifma: Ifma, rows: &mut [Lanes<Scalar, BEFORE>; 8], factors: &[Vector; 7]) {
    let mut next = 0;
    for half in [4, 2, 1] {
        for block in 0..4 / half {
            let factor = factors[next].load(ifma);
            next += 1;
            for i in 2 * half * block..2 * half * block + half {
                let [sum, difference] = butterfly(rows[i], rows[i + half], factor);
                rows[i] = sum;
                rows[i + half] = difference;
            }
        }
    }
}
