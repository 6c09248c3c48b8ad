//! Welch's t-test on samples of two classes.

use super::Class;
use crate::runner::quantile;

/// Count, mean and variance of a set of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    /// The moments of `samples`; the variance is the unbiased one.
    #[expect(clippy::cast_precision_loss, reason = "sample counts are far below 2^53")]
    pub fn of(samples: impl Iterator<Item = f64> + Clone) -> Self {
        let count = samples.clone().count() as f64;
        let mean = samples.clone().sum::<f64>() / count;
        let squares: f64 = samples.map(|sample| (sample - mean).powi(2)).sum();
        Self { count, mean, variance: squares / (count - 1.0) }
    }

    /// Welch's `t` of two sets; zero where a set is too small or nothing varies.
    #[must_use]
    pub fn t(&self, other: &Self) -> f64 {
        let error = (self.variance / self.count + other.variance / other.count).sqrt();
        let t = (self.mean - other.mean) / error;
        if t.is_finite() { t } else { 0.0 }
    }
}

/// Share of the samples that a test keeps, the fastest ones: interrupts make some calls slow, and
/// hide small differences between the others.
const KEPT: [f64; 6] = [1.0, 0.99, 0.95, 0.9, 0.75, 0.5];

/// The greatest `|t|` over tests that leave out more and more of the slowest samples.
#[must_use]
pub fn greatest_t(samples: &[(Class, f64)]) -> f64 {
    let times: Vec<f64> = samples.iter().map(|(_, time)| *time).collect();
    let test = |kept: f64| {
        let limit = quantile(&times, kept);
        let of = |wanted| {
            Moments::of(
                samples
                    .iter()
                    .filter(move |(class, time)| *class == wanted && *time <= limit)
                    .map(|(_, time)| *time),
            )
        };
        of(Class::First).t(&of(Class::Second)).abs()
    };
    KEPT.into_iter().map(test).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-4
    }

    #[test]
    fn t_of_known_samples() {
        let of = |samples: [f64; 3]| Moments::of(samples.into_iter());
        // Variances 1 and 4 of three samples each: t = -3 / sqrt(5 / 3).
        let (first, second) = (of([1.0, 2.0, 3.0]), of([3.0, 5.0, 7.0]));
        assert!(near(first.t(&second), -2.323_790));
        assert!(near(second.t(&first), 2.323_790));
    }

    #[test]
    fn nothing_follows_from_nothing() {
        let none = Moments::of(core::iter::empty());
        let one = Moments::of([1.0].into_iter());
        let flat = Moments::of([1.0, 1.0].into_iter());
        for (a, b) in [(none, one), (one, one), (flat, flat)] {
            assert!(near(a.t(&b), 0.0));
        }
        assert!(near(greatest_t(&[]), 0.0));
    }

    #[test]
    fn a_difference_that_slow_outliers_hide_is_found() {
        let mut samples = Vec::new();
        for i in 0..1000_u32 {
            let jitter = f64::from(i % 7);
            samples.push((Class::First, 100.0 + jitter));
            samples.push((Class::Second, 102.0 + jitter));
        }
        for i in 0..40 {
            samples.push((Class::First, 1e6 * f64::from(i)));
            samples.push((Class::Second, 1e6 * f64::from(40 - i)));
        }
        let all = |class| {
            let of_class = samples.iter().filter(move |(found, _)| *found == class);
            Moments::of(of_class.map(|(_, time)| *time))
        };
        assert!(all(Class::First).t(&all(Class::Second)).abs() < 5.0);
        assert!(greatest_t(&samples) > 10.0);
    }
}
