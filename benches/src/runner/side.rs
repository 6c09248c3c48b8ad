//! One side of a comparison.

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use super::clock::Clock;

/// Work that can be repeated and timed: ours or the peer's.
///
/// # Examples
///
/// ```
/// use logos_benches::runner::Side;
///
/// // One call that handles 64 items, so that the cost is reported for each.
/// let batch = Side::new(|| (0..64u64).sum::<u64>()).items(64);
/// // Work that consumes its input: the input is made outside the timed part.
/// let consuming = Side::prepared(|| vec![1u8; 32], |bytes| bytes.len());
/// # let _ = (batch, consuming);
/// ```
pub struct Side<'a> {
    repeat: Box<dyn FnMut(u64, Clock) -> Duration + 'a>,
    items: u64,
}

impl<'a> Side<'a> {
    /// Work that can run again and again on the same input.
    pub fn new<T>(mut run: impl FnMut() -> T + 'a) -> Self {
        let repeat = move |calls, clock: Clock| {
            let (cost, ()) = clock.time(|| {
                for _ in 0..calls {
                    black_box(run());
                }
            });
            cost
        };
        Self { repeat: Box::new(repeat), items: 1 }
    }

    /// Work that consumes an input. `prepare` makes the inputs of a round before its time starts.
    pub fn prepared<S, T>(
        mut prepare: impl FnMut() -> S + 'a,
        mut run: impl FnMut(S) -> T + 'a,
    ) -> Self {
        let repeat = move |calls, clock: Clock| {
            let inputs: Vec<S> = (0..calls).map(|_| prepare()).collect();
            let (cost, outputs) =
                clock.time(|| inputs.into_iter().map(&mut run).collect::<Vec<T>>());
            drop(outputs);
            cost
        };
        Self { repeat: Box::new(repeat), items: 1 }
    }

    /// Says that one call handles `items` things; the cost is reported for each thing.
    #[must_use]
    pub fn items(mut self, items: u64) -> Self {
        self.items = items.max(1);
        self
    }

    /// Things that one call handles.
    #[must_use]
    pub const fn items_a_call(&self) -> u64 {
        self.items
    }

    /// The cost of `calls` calls.
    pub fn cost(&mut self, calls: u64, clock: Clock) -> Duration {
        (self.repeat)(calls, clock)
    }
}

impl fmt::Debug for Side<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("items", &self.items).finish_non_exhaustive()
    }
}
