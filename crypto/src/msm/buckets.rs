//! Sorting digits to buckets, and the weighted sum of the buckets.

use alloc::vec::Vec;

use ark_ff::AdditiveGroup;
use zeroize::Zeroize;

use super::digits::{Digits, Spacing, Window};
use super::group::{Layout, Sum};
use super::segments::{Adder, MINUS, Segments, Source, Sums, sum_segments};

/// No row: the slot of a point at infinity.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// The sum of all points, each as often as its digits say. Point `i` has its shifts in the rows
/// from `slots[i] * shifts` on; digit `q * sets + r` falls in set `r` of the buckets and takes
/// shift `q`.
pub(crate) fn weighted_sum<G: Layout, A: Adder<G>>(
    adder: &mut A,
    rows: &[G::Row],
    slots: &[u32],
    digits: &Digits,
    spacing: Spacing,
) -> Sum<G> {
    let sets = spacing.sets(digits.window);
    let mut segments = sort(slots, digits, sets);
    let buckets = sum_segments(adder, Source::Table, rows, &segments);
    segments.entries.zeroize();
    weigh(adder, &buckets, digits.window)
}

/// Counting sort: segment `i` of a set gets the rows whose digit is `i + 1` or its negative.
#[expect(clippy::indexing_slicing, reason = "a digit is at most the number of buckets")]
fn sort(slots: &[u32], digits: &Digits, sets: usize) -> Segments {
    let per_set = digits.window.buckets();
    let mut starts = alloc::vec![0u32; sets * per_set + 1];
    for (_, digits) in used(slots, digits, sets) {
        for digits in digits.chunks(sets) {
            for (segment, _) in placed(digits, per_set) {
                starts[segment + 1] += 1;
            }
        }
    }
    let mut total = 0;
    for start in &mut starts {
        total += *start;
        *start = total;
    }
    let mut entries = alloc::vec![0u32; total as usize];
    let mut next = starts.clone();
    for (first, digits) in used(slots, digits, sets) {
        for (row, digits) in (first..).zip(digits.chunks(sets)) {
            for (segment, negative) in placed(digits, per_set) {
                let place = &mut next[segment];
                entries[*place as usize] = if negative { row | MINUS } else { row };
                *place += 1;
            }
        }
    }
    Segments { entries, starts }
}

/// The segment of every digit that is not zero, one digit for each set, and its sign.
fn placed(digits: &[i16], per_set: usize) -> impl Iterator<Item = (usize, bool)> {
    digits.iter().enumerate().filter(|(_, digit)| **digit != 0).map(move |(set, digit)| {
        (set * per_set + usize::from(digit.unsigned_abs()) - 1, *digit < 0)
    })
}

/// The first row and the digits of every scalar whose point has rows.
fn used<'a>(
    slots: &'a [u32],
    digits: &'a Digits,
    sets: usize,
) -> impl Iterator<Item = (u32, &'a [i16])> {
    digits.iter().filter_map(move |(position, digits)| {
        let slot = slots.get(position).copied().filter(|&slot| slot != NO_SLOT)?;
        // A table has fewer than 2^31 rows.
        u32::try_from(digits.len().div_ceil(sets)).ok().map(|shifts| (slot * shifts, digits))
    })
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
