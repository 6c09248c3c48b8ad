//! Order statistics.

use std::time::Duration;

/// The value below which a share `q` of the sorted `values` lies (nearest rank). `NaN` of nothing.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank between 0 and a sample count"
    )]
    let rank = (q.clamp(0.0, 1.0) * last as f64).round() as usize;
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

/// The middle value.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Nanoseconds as a number that can be divided.
#[must_use]
pub fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_of_the_sample() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(median(&values).to_bits(), 3f64.to_bits());
        assert_eq!(quantile(&values, 0.0).to_bits(), 1f64.to_bits());
        assert_eq!(quantile(&values, 1.0).to_bits(), 5f64.to_bits());
        assert!(median(&[]).is_nan());
    }
}
