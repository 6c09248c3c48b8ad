//! Sorting digits to buckets, and the weighted sum of the buckets.

use alloc::vec::Vec;

use ark_ff::AdditiveGroup;
use zeroize::Zeroize;

use super::digits::Digits;
use super::group::{Layout, Sum};
use super::segments::{Adder, MINUS, Segments, Source, Sums, sum_segments};

/// No row: the slot of a point at infinity.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// The sum of all points, each as often as its digits say. Point `i` has its shifts in the rows
/// from `slots[i] * digits` on.
pub(crate) fn weighted_sum<G: Layout, A: Adder<G>>(
    adder: &mut A,
    rows: &[G::Row],
    slots: &[u32],
    digits: &Digits,
) -> Sum<G> {
    let mut segments = sort(slots, digits);
    let buckets = sum_segments(adder, Source::Table, rows, &segments);
    segments.entries.zeroize();
    weigh(adder, &buckets, digits.window.bits())
}

/// Counting sort: segment `i` gets the rows whose digit is `i + 1` or its negative.
#[expect(clippy::indexing_slicing, reason = "a digit is at most the number of buckets")]
fn sort(slots: &[u32], digits: &Digits) -> Segments {
    let mut starts = alloc::vec![0u32; digits.window.buckets() + 2];
    for (_, digits) in used(slots, digits) {
        for digit in digits {
            starts[usize::from(digit.unsigned_abs()) + 1] += 1;
        }
    }
    starts[1] = 0;
    let mut total = 0;
    for start in &mut starts {
        total += *start;
        *start = total;
    }
    let mut entries = alloc::vec![0u32; total as usize];
    let mut next = starts.clone();
    for (first, digits) in used(slots, digits) {
        for (row, digit) in (first..).zip(digits) {
            if *digit != 0 {
                let place = &mut next[usize::from(digit.unsigned_abs())];
                entries[*place as usize] = if *digit < 0 { row | MINUS } else { row };
                *place += 1;
            }
        }
    }
    starts.remove(0);
    Segments { entries, starts }
}

/// The first row and the digits of every scalar whose point has rows.
fn used<'a>(slots: &'a [u32], digits: &'a Digits) -> impl Iterator<Item = (u32, &'a [i16])> {
    digits.iter().filter_map(|(position, digits)| {
        let slot = slots.get(position).copied().filter(|&slot| slot != NO_SLOT)?;
        // A table has fewer than 2^31 rows.
        u32::try_from(digits.len()).ok().map(|count| (slot * count, digits))
    })
}

/// `sum i B_i` over the buckets, where bucket `B_i` is segment `i - 1`.
///
/// An index is cut in a low and a high half, `i = h 2^k + l`. Every bucket is added to the sum
/// of its `l` and to that of its `h`; the sums of each half are then added up by the bits of
/// `l` and `h`, and a last Horner scheme doubles from the top bit down.
fn weigh<G: Layout, A: Adder<G>>(adder: &mut A, buckets: &Sums<G::Row>, bits: u32) -> Sum<G> {
    let (halves, weights) = split_halves(&buckets.finite, bits / 2);
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

/// For every low half and every high half the buckets that have it, and what it counts.
fn split_halves(finite: &[bool], low_bits: u32) -> (Segments, Vec<usize>) {
    let mut segments = Segments::new();
    let mut weights = Vec::new();
    let (low_count, high_count) = (1 << low_bits, (finite.len() >> low_bits) + 1);
    let push = |segments: &mut Segments, index: usize| {
        if index.checked_sub(1).and_then(|i| finite.get(i)) == Some(&true) {
            segments.entries.extend(u32::try_from(index - 1));
        }
    };
    for low in 1..low_count {
        (0..high_count).for_each(|high| push(&mut segments, high << low_bits | low));
        segments.close();
        weights.push(low);
    }
    for high in 1..high_count {
        (0..low_count).for_each(|low| push(&mut segments, high << low_bits | low));
        segments.close();
        weights.push(high << low_bits);
    }
    (segments, weights)
}

/// For every bit the sums whose weight has it.
fn split_bits(finite: &[bool], weights: &[usize], bits: u32) -> Segments {
    let mut segments = Segments::new();
    for bit in 0..bits {
        for (index, (&weight, &finite)) in (0u32..).zip(weights.iter().zip(finite)) {
            if finite && weight >> bit & 1 == 1 {
                segments.entries.push(index);
            }
        }
        segments.close();
    }
    segments
}
