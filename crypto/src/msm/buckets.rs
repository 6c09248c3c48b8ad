//! Sorting digits to buckets, and the weighted sum of the buckets.

use alloc::vec::Vec;

use ark_ff::AdditiveGroup;
use zeroize::Zeroize;

use super::digits::{Density, Digits, Window};
use super::factors::Factors;
use super::group::{Layout, Sum};
use super::segments::{Adder, MINUS, Segments, Source, Sums, sum_segments};

/// No row: the slot of a point at infinity.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Where the rows of points are: those of point `i` from `slots[i] * rows` on, shift by shift, of
/// each shift its multiples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    pub(crate) slots: &'a [u32],
    pub(crate) density: Density,
    pub(crate) factors: &'a Factors,
}

/// The sum of all points, each as often as its digits say. Digit `q * sets + r` falls in set `r`
/// of the buckets and takes shift `q`.
pub(crate) fn weighted_sum<G: Layout, A: Adder<G>>(
    adder: &mut A,
    rows: &[G::Row],
    places: Places<'_>,
    digits: &Digits,
) -> Sum<G> {
    let mut segments = sort(places, digits);
    let buckets = sum_segments(adder, Source::Table, rows, &segments);
    segments.entries.zeroize();
    weigh(adder, &buckets, digits.window)
}

/// Counting sort: segment `i` of a set gets the rows whose bucket is `i + 1` or its negative.
#[expect(clippy::indexing_slicing, reason = "a digit is at most the number of buckets")]
fn sort(places: Places<'_>, digits: &Digits) -> Segments {
    let sets = places.density.sets(digits.window);
    let per_set = digits.window.buckets();
    let mut starts = alloc::vec![0u32; sets * per_set + 1];
    places.each(digits, |segment, _| starts[segment + 1] += 1);
    let mut total = 0;
    for start in &mut starts {
        total += *start;
        *start = total;
    }
    let mut entries = alloc::vec![0u32; total as usize];
    let mut next = starts.clone();
    places.each(digits, |segment, entry| {
        let place = &mut next[segment];
        entries[*place as usize] = entry;
        *place += 1;
    });
    Segments { entries, starts }
}

impl Places<'_> {
    /// Names the segment and the entry of every digit that is not zero.
    #[inline(always)]
    fn each(self, digits: &Digits, mut found: impl FnMut(usize, u32)) {
        let (sets, per_set) = (self.density.sets(digits.window), digits.window.buckets());
        let (rows, multiples) = (self.density.rows(digits.window), self.density.multiples());
        for (position, digits) in digits.iter() {
            let slot = self.slots.get(position).copied().filter(|&slot| slot != NO_SLOT);
            // A table has fewer than 2^31 rows.
            let Some(first) = slot.and_then(|slot| u32::try_from(slot as usize * rows).ok()) else {
                continue;
            };
            for (row, digits) in (first..).step_by(multiples).zip(digits.chunks(sets)) {
                for (set, &digit) in digits.iter().enumerate() {
                    if let Some((bucket, multiple)) = self.factors.of(digit.unsigned_abs()) {
                        let entry = (row + multiple) | if digit < 0 { MINUS } else { 0 };
                        found(set * per_set + bucket, entry);
                    }
                }
            }
        }
    }
}

/// `sum 2^(c r) i B_(r, i)` over the sets `r` of buckets, where bucket `B_i` is segment `i - 1` of
/// its set.
///
/// An index is cut in a low and a high half, `i = h 2^k + l`. Every bucket is added to the sum
/// of its `l` and to that of its `h`; the sums of each half are then added up by the bits of
/// `l` and `h`, and a last Horner scheme doubles from the top bit of the last set down. All sets
/// go through each step together, so that their additions share inversions.
fn weigh<G: Layout, A: Adder<G>>(adder: &mut A, buckets: &Sums<G::Row>, window: Window) -> Sum<G> {
    let bits = window.bits();
    let (halves, weights) = split_halves(&buckets.finite, window.buckets(), bits / 2);
    let halves = sum_segments(adder, Source::Sums, &buckets.rows, &halves);
    let by_bit = split_bits(&halves.finite, &weights, bits);
    let by_bit = sum_segments(adder, Source::Sums, &halves.rows, &by_bit);
    let mut sum = Sum::<G>::ZERO;
    for (row, &finite) in by_bit.rows.iter().zip(&by_bit.finite).rev() {
        sum.double_in_place();
        if finite {
            sum += adder.export(row);
        }
    }
    sum
}

/// For every low half and every high half of every set the buckets that have it, and what it
/// counts; the weights are those of one set.
fn split_halves(finite: &[bool], per_set: usize, low_bits: u32) -> (Segments, Vec<usize>) {
    let mut segments = Segments::new();
    let (low_count, high_count) = (1 << low_bits, (per_set >> low_bits) + 1);
    for (set, finite) in finite.chunks(per_set).enumerate() {
        let first = set * per_set;
        let push = |segments: &mut Segments, index: usize| {
            if index.checked_sub(1).and_then(|i| finite.get(i)) == Some(&true) {
                segments.entries.extend(u32::try_from(first + index - 1));
            }
        };
        for low in 1..low_count {
            (0..high_count).for_each(|high| push(&mut segments, high << low_bits | low));
            segments.close();
        }
        for high in 1..high_count {
            (0..low_count).for_each(|low| push(&mut segments, high << low_bits | low));
            segments.close();
        }
    }
    let weights = (1..low_count).chain((1..high_count).map(|high| high << low_bits)).collect();
    (segments, weights)
}

/// For every bit of every set the sums whose weight has it.
fn split_bits(finite: &[bool], weights: &[usize], bits: u32) -> Segments {
    let mut segments = Segments::new();
    for (set, finite) in finite.chunks(weights.len()).enumerate() {
        for bit in 0..bits {
            for (index, (&weight, &finite)) in
                (set * weights.len()..).zip(weights.iter().zip(finite))
            {
                if finite && weight >> bit & 1 == 1 {
                    segments.entries.extend(u32::try_from(index));
                }
            }
            segments.close();
        }
    }
    segments
}
