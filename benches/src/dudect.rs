//! Does the time of an operation depend on a secret? The method of dudect (Reparaz, Balasch and
//! Verbauwhede, "Dude, is my code constant time?", DATE 2017).
//!
//! ```console
//! $ cargo bench -p logos-benches --bench dudect -- [--quick] [CASE..]
//! ```
//!
//! Each case runs one operation on inputs of two classes that differ in what an attacker wants to
//! know: where a forged tag goes wrong, what a key is. The classes come in random order, every
//! call is timed alone, and Welch's t-test says whether the two distributions have different
//! means, over all samples and again without the slowest ones.
//!
//! How to read it: `|t|` below 5 is no evidence of a leak in as many samples as were taken; above
//! 10 there is a leak, or something else that follows the classes, and more samples make it
//! grow; in between, take more samples (a leak's `|t|` grows with their square root, chance does
//! not). The case `control.early_exit` leaks on purpose: a run in which it stays small has seen
//! nothing. No test asserts a figure, since a busy machine decides how much is seen.
//!
//! A crate adds cases in a file beside `crypto.rs`, and the file's list to [`cases`].

mod crypto;
mod ratchet;
mod rln;
mod welch;

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

pub use self::welch::{Moments, greatest_t};
use crate::runner::nanoseconds;

/// One of the two kinds of input of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The first kind, as the case describes it.
    First,
    /// The second.
    Second,
}

/// An operation to be watched.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// `<crate>.<operation>`.
    pub name: &'static str,
    /// The two classes in words.
    pub classes: &'static str,
    /// Takes the samples, by [`Effort::measure`].
    pub run: fn(&Effort) -> Result<Verdict>,
}

/// Every case, the control first.
#[must_use]
pub fn cases() -> Vec<Case> {
    [crypto::CASES, ratchet::CASES, rln::CASES].concat()
}

/// How many samples a case takes.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Inputs made before their calls are timed.
    pub batch: usize,
    /// Batches; the first one warms up and is forgotten.
    pub batches: usize,
}

impl Effort {
    /// For an answer.
    pub const FULL: Self = Self { batch: 1000, batches: 101 };
    /// For a check that everything runs.
    pub const QUICK: Self = Self { batch: 50, batches: 5 };

    /// Times `run` on inputs of both classes in random order. A sample is `repeats` calls on one
    /// input: more than one lifts operations of a few nanoseconds above the clock's step.
    pub fn measure<I, T>(
        &self,
        repeats: u32,
        mut prepare: impl FnMut(Class, &mut ChaCha20Rng) -> I,
        mut run: impl FnMut(&mut I) -> T,
    ) -> Verdict {
        let rng = &mut ChaCha20Rng::seed_from_u64(0);
        let mut samples = Vec::with_capacity(self.batch * self.batches);
        for batch in 0..self.batches {
            let inputs: Vec<(Class, I)> = (0..self.batch)
                .map(|_| {
                    let class = if rng.next_u32() & 1 == 0 { Class::First } else { Class::Second };
                    (class, prepare(class, rng))
                })
                .collect();
            for (class, mut input) in inputs {
                let start = Instant::now();
                for _ in 0..repeats {
                    black_box(run(black_box(&mut input)));
                }
                let time = nanoseconds(start.elapsed());
                if batch > 0 {
                    samples.push((class, time));
                }
            }
        }
        Verdict { samples: samples.len(), t: greatest_t(&samples) }
    }
}

/// What a case showed.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// Samples of both classes.
    pub samples: usize,
    /// The greatest `|t|` of all tests.
    pub t: f64,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.t {
            t if t < 5.0 => "no evidence",
            t if t < 10.0 => "take more samples",
            _ => "leaks",
        };
        write!(f, "|t| {:>8.2} in {:>7} samples: {word}", self.t, self.samples)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_case_runs_under_a_name_of_its_own() {
        let effort = Effort { batch: 20, batches: 2 };
        let mut names = HashSet::new();
        for case in cases() {
            assert!(names.insert(case.name));
            let verdict = (case.run)(&effort).unwrap();
            assert_eq!(verdict.samples, 20, "{}", case.name);
            assert!(verdict.t >= 0.0, "{}", case.name);
        }
    }

    #[test]
    fn both_classes_are_prepared_and_what_was_prepared_is_run() {
        let (mut first, mut second, mut ran) = (0, 0, 0);
        let effort = Effort { batch: 100, batches: 3 };
        effort.measure(
            2,
            |class, _| match class {
                Class::First => first += 1,
                Class::Second => second += 1,
            },
            |()| ran += 1,
        );
        assert_eq!((first + second, ran), (300, 600));
        assert!(first > 100 && second > 100);
    }
}
