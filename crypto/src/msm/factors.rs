//! Digits as products, for tables with multiples.

use alloc::vec::Vec;

use super::digits::{Density, Window};

/// Every digit as a bucket times a multiple.
///
/// Where only the shifts themselves are kept, each digit is a bucket of its own. With multiples
/// `1..=m` fewer buckets reach all digits: 5562 of 16384 for `m = 8`. They are picked from the
/// largest digit down, each as the smallest that reaches the digit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Factors {
    /// For digit `d` its bucket, counted from 0, and its multiple, counted from 0. Empty where
    /// every digit is its own bucket.
    pairs: Vec<(u16, u16)>,
}

impl Factors {
    pub(crate) fn new(window: Window, density: Density) -> Self {
        let most = density.multiples();
        if most == 1 {
            return Self::default();
        }
        let mut pairs = alloc::vec![None; window.buckets() + 1];
        for digit in (1..pairs.len()).rev() {
            if pairs.get(digit) == Some(&None) {
                let largest = (1..=most).rev().find(|multiple| digit.is_multiple_of(*multiple));
                let bucket = digit / largest.unwrap_or(1);
                cover(&mut pairs, bucket, most);
            }
        }
        Self { pairs: pairs.into_iter().map(Option::unwrap_or_default).collect() }
    }

    /// Bucket and multiple, both counted from 0, of the absolute value of a digit; none of zero.
    #[inline(always)]
    pub(crate) fn of(&self, digit: u16) -> Option<(usize, u32)> {
        let index = digit.checked_sub(1)?;
        match self.pairs.get(usize::from(digit)) {
            Some(&(bucket, multiple)) => Some((usize::from(bucket), u32::from(multiple))),
            None => Some((usize::from(index), 0)),
        }
    }
}

/// Gives every digit that is a multiple of `bucket`, and has none yet, to it.
fn cover(pairs: &mut [Option<(u16, u16)>], bucket: usize, most: usize) {
    let reached = pairs.iter_mut().step_by(bucket).zip(0u16..).skip(1).take(most);
    for (pair, multiple) in reached {
        // A bucket is below 2^16.
        let index = u16::try_from(bucket - 1).unwrap_or(u16::MAX);
        pair.get_or_insert((index, multiple - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_its_bucket_times_its_multiple() {
        for (bits, most) in [(4, 2), (8, 3), (13, 16), (15, 8), (16, 5)] {
            let window = Window::new(bits);
            let factors = Factors::new(window, Density::multiplied(most));
            assert_eq!(factors.of(0), None);
            for digit in 1..=window.buckets() {
                let (bucket, multiple) = factors.of(u16::try_from(digit).unwrap()).unwrap();
                assert!(multiple < u32::from(most));
                assert_eq!((bucket + 1) * (multiple as usize + 1), digit);
            }
        }
    }

    #[test]
    fn without_multiples_a_digit_is_its_own_bucket() {
        let factors = Factors::new(Window::new(13), Density::SHIFTS);
        assert_eq!(factors.of(0), None);
        assert_eq!(factors.of(1), Some((0, 0)));
        assert_eq!(factors.of(4096), Some((4095, 0)));
    }

    #[test]
    fn more_multiples_take_fewer_buckets() {
        let buckets = |most| {
            let factors = Factors::new(Window::new(15), Density::multiplied(most));
            let mut used: Vec<_> = (1..=1 << 14).filter_map(|digit| factors.of(digit)).collect();
            used.sort_unstable();
            used.dedup_by_key(|(bucket, _)| *bucket);
            used.len()
        };
        assert_eq!([1, 2, 3, 4, 8, 16].map(buckets), [16384, 10923, 8772, 7703, 5562, 4171]);
    }
}
