//! Two sides taking turns.

use std::time::Duration;

use super::clock::Clock;
use super::side::Side;
use super::stats::{median, nanoseconds, quantile};

/// How long a comparison may take.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// A sample shorter than this is repeated within the round, to stand clear of clock noise.
    pub sample: Duration,
    /// Time for one figure, as far as `least` rounds allow.
    pub budget: Duration,
    /// Rounds that are always played.
    pub least: usize,
    /// Rounds that are never exceeded.
    pub most: usize,
}

impl Effort {
    /// For figures that are published.
    pub const FULL: Self = Self {
        sample: Duration::from_millis(20),
        budget: Duration::from_secs(8),
        least: 3,
        most: 31,
    };
    /// For a check that everything runs.
    pub const QUICK: Self = Self {
        sample: Duration::from_millis(1),
        budget: Duration::from_millis(300),
        least: 1,
        most: 3,
    };

    fn rounds(&self, round: Duration) -> usize {
        let affordable = self.budget.as_nanos() / round.as_nanos().max(1);
        usize::try_from(affordable).unwrap_or(self.most).clamp(self.least, self.most)
    }

    fn calls(&self, call: Duration) -> u64 {
        let calls = self.sample.as_nanos().div_ceil(call.as_nanos().max(1));
        u64::try_from(calls).unwrap_or(u64::MAX).clamp(1, 1_000_000)
    }
}

/// What a comparison found.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Median cost of ours for each item, in nanoseconds.
    pub ours_ns: f64,
    /// Median cost of the peer's for each item, in nanoseconds.
    pub theirs_ns: f64,
    /// Median over the rounds of the peer's cost over ours.
    pub ratio: f64,
    /// A tenth of the rounds were below this ratio.
    pub low: f64,
    /// A tenth of the rounds were above this ratio.
    pub high: f64,
    /// Rounds played.
    pub rounds: usize,
}

impl Outcome {
    /// Sums up rounds of `(ours, theirs)`, each a cost in nanoseconds for each item.
    #[must_use]
    pub fn of(rounds: &[(f64, f64)]) -> Self {
        let ours: Vec<f64> = rounds.iter().map(|(ours, _)| *ours).collect();
        let theirs: Vec<f64> = rounds.iter().map(|(_, theirs)| *theirs).collect();
        let ratios: Vec<f64> = rounds.iter().map(|(ours, theirs)| theirs / ours).collect();
        Self {
            ours_ns: median(&ours),
            theirs_ns: median(&theirs),
            ratio: median(&ratios),
            low: quantile(&ratios, 0.1),
            high: quantile(&ratios, 0.9),
            rounds: rounds.len(),
        }
    }
}

/// Plays rounds: ours and theirs, then theirs and ours, so that drift cancels.
pub fn play(effort: &Effort, clock: Clock, ours: &mut Side<'_>, theirs: &mut Side<'_>) -> Outcome {
    let our_calls = warm_up(effort, clock, ours);
    let their_calls = warm_up(effort, clock, theirs);
    let (first, round) =
        Clock::Wall.time(|| (sample(ours, our_calls, clock), sample(theirs, their_calls, clock)));
    let mut rounds = vec![round];
    for turn in 1..effort.rounds(first) {
        rounds.push(if turn % 2 == 0 {
            let our_cost = sample(ours, our_calls, clock);
            (our_cost, sample(theirs, their_calls, clock))
        } else {
            let their_cost = sample(theirs, their_calls, clock);
            (sample(ours, our_calls, clock), their_cost)
        });
    }
    Outcome::of(&rounds)
}

/// Runs a side until it takes measurable time and says how many calls make a sample.
///
/// A side that is already long is not run a second time.
fn warm_up(effort: &Effort, clock: Clock, side: &mut Side<'_>) -> u64 {
    let mut calls = 1;
    loop {
        let cost = side.cost(calls, clock);
        if cost >= effort.sample / 4 || calls >= 1_000_000 {
            return effort.calls(cost / u32::try_from(calls).unwrap_or(u32::MAX));
        }
        calls *= 4;
    }
}

fn sample(side: &mut Side<'_>, calls: u64, clock: Clock) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    let items = (calls * side.items_a_call()) as f64;
    nanoseconds(side.cost(calls, clock)) / items
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn the_ratio_is_the_peers_cost_over_ours_round_by_round() {
        // The second round ran on a machine half as fast: the ratio does not notice.
        let outcome = Outcome::of(&[(10.0, 40.0), (20.0, 80.0), (10.0, 40.0)]);
        assert_eq!(outcome.ratio.to_bits(), 4f64.to_bits());
        assert_eq!(outcome.rounds, 3);
    }

    #[test]
    fn the_sides_take_turns() {
        let order = RefCell::new(String::new());
        let mut ours = Side::new(|| order.borrow_mut().push('a'));
        let mut theirs = Side::new(|| order.borrow_mut().push('b'));
        // No sample is too short, so each call is a sample.
        let effort = Effort { sample: Duration::ZERO, least: 3, most: 3, ..Effort::QUICK };
        let outcome = play(&effort, Clock::Wall, &mut ours, &mut theirs);
        assert_eq!(outcome.rounds, 3);
        drop((ours, theirs));
        assert_eq!(order.into_inner(), "ab".to_owned() + "ab" + "ba" + "ab");
    }
}
