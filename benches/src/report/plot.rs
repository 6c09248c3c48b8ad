//! The report as a bar chart in SVG.

use std::fmt::Write;

use super::{Figure, Report};
use crate::machine::Machine;

const WIDTH: f64 = 860.0;
const NAME_WIDTH: f64 = 220.0;
const BAR_WIDTH: f64 = 430.0;
const ROW: f64 = 26.0;
const TOP: f64 = 64.0;

/// One bar for each figure, its length the logarithm of the ratio. The line marks 1, the peer.
#[must_use]
pub fn to_svg(report: &Report, machine: &Machine) -> String {
    let scale = Scale::over(&report.figures);
    let rows: String =
        report.figures.iter().zip(0u32..).map(|(figure, row)| bar(figure, row, &scale)).collect();
    let count = u32::try_from(report.figures.len()).unwrap_or(u32::MAX);
    let bottom = TOP + ROW * f64::from(count);
    let one = scale.x(1.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"16\">Peer's cost over ours, one run (log scale; \
         longer is better)</text>\n\
         <text x=\"12\" y=\"44\" fill=\"#666\">{machine}</text>\n\
         {rows}\
         <line x1=\"{one:.1}\" x2=\"{one:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"#333\"/>\n\
         </svg>\n",
        height = bottom + 16.0,
        machine = escape(&machine.to_string()),
    )
}

/// Where a ratio stands.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// A scale from a little under the smallest ratio, or 1, to the largest.
    fn over(figures: &[Figure]) -> Self {
        let ratios = || figures.iter().map(|figure| figure.outcome.ratio);
        let ratios = || ratios().filter(|ratio| ratio.is_finite() && *ratio > 0.0);
        Self { low: ratios().fold(1.0, f64::min) * 0.8, high: ratios().fold(2.0, f64::max) }
    }

    fn x(&self, ratio: f64) -> f64 {
        let share = (ratio.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        NAME_WIDTH + BAR_WIDTH * share.clamp(0.0, 1.0)
    }
}

fn bar(figure: &Figure, row: u32, scale: &Scale) -> String {
    let ratio = figure.outcome.ratio;
    let (one, end) = (scale.x(1.0), scale.x(ratio));
    let (left, width) = (one.min(end), (one - end).abs());
    let colour = if ratio >= 1.0 { "#2a7f62" } else { "#b5523b" };
    let y = TOP + ROW * f64::from(row);
    let middle = y + ROW * 0.68;
    let mut svg = String::new();
    let written = writeln!(
        svg,
        "<text x=\"12\" y=\"{middle:.1}\">{name}</text>\
         <rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
         fill=\"{colour}\"/>\
         <text x=\"{label:.1}\" y=\"{middle:.1}\">{ratio:.2}x  {ours}</text>",
        name = escape(&figure.name),
        top = y + 4.0,
        height = ROW - 8.0,
        label = one.max(end) + 6.0,
        ours = escape(&figure.unit.show(figure.outcome.ours_ns)),
    );
    debug_assert!(written.is_ok(), "a string takes everything");
    svg
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_bar_for_each_figure_and_stays_within_its_width() {
        let report = super::super::tests::sample();
        let svg = to_svg(&report, &Machine::default());
        assert_eq!(svg.matches("<rect").count(), 1 + report.figures.len());
        assert!(svg.contains("2.00x"));
        let scale = Scale::over(&report.figures);
        assert!(scale.x(1e9) <= NAME_WIDTH + BAR_WIDTH);
        assert!(scale.x(1e-9) >= NAME_WIDTH);
    }

    #[test]
    fn names_cannot_break_the_markup() {
        assert_eq!(escape("<a & b>"), "&lt;a &amp; b&gt;");
    }
}
