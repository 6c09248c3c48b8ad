//! Charts of measured rows: SVG for documents, Markdown for people.

use std::fmt::Write;

use super::Unit;
use super::plot::escape;

/// A chart of rows that were measured together.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The name of its file.
    pub name: &'static str,
    /// What is shown.
    pub title: &'static str,
    /// What it was measured on.
    pub subtitle: String,
    /// How lengths follow times.
    pub scale: Scale,
    /// The rows, from the top.
    pub bars: Vec<Bar>,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What was measured.
    pub label: String,
    /// Its cost in nanoseconds.
    pub ns: f64,
    /// Is it a peer's?
    pub theirs: bool,
}

/// How the length of a bar follows its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// In proportion.
    Linear,
    /// Ten times the time, one step longer.
    Logarithmic,
}

const WIDTH: f64 = 860.0;
const LABEL_WIDTH: f64 = 300.0;
const BAR_WIDTH: f64 = 460.0;
const ROW: f64 = 26.0;
const TOP: f64 = 64.0;

impl Chart {
    /// The chart as SVG, some 200 bytes a row.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let rows: String =
            self.bars.iter().zip(0u32..).map(|(bar, row)| self.row(bar, f64::from(row))).collect();
        let count = u32::try_from(self.bars.len()).unwrap_or(u32::MAX);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"sans-serif\" font-size=\"13\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"12\" y=\"24\" font-size=\"16\">{title}</text>\n\
             <text x=\"12\" y=\"44\" font-size=\"11\" fill=\"#666\">{subtitle}</text>\n\
             {rows}</svg>\n",
            height = TOP + ROW * f64::from(count) + 12.0,
            title = escape(self.title),
            subtitle = escape(&self.subtitle),
        )
    }

    fn row(&self, bar: &Bar, row: f64) -> String {
        let y = TOP + ROW * row;
        let middle = y + ROW * 0.68;
        let width = self.length(bar.ns);
        let mut svg = String::new();
        let written = writeln!(
            svg,
            "<text x=\"12\" y=\"{middle:.1}\">{label}</text>\
             <rect x=\"{LABEL_WIDTH}\" y=\"{top:.1}\" width=\"{width:.1}\" \
             height=\"{height}\" fill=\"{colour}\"/>\
             <text x=\"{end:.1}\" y=\"{middle:.1}\">{time}</text>",
            label = escape(&bar.label),
            top = y + 4.0,
            height = ROW - 8.0,
            colour = if bar.theirs { "#9aa0a6" } else { "#2a7f62" },
            end = LABEL_WIDTH + width + 6.0,
            time = escape(&Unit::Nanoseconds.show(bar.ns)),
        );
        debug_assert!(written.is_ok(), "a string takes everything");
        svg
    }

    /// The longest bar has all the width; on a logarithmic scale the shortest has a little of it.
    fn length(&self, ns: f64) -> f64 {
        let times = || self.bars.iter().map(|bar| bar.ns);
        let (least, most) = (times().fold(f64::MAX, f64::min), times().fold(1.0, f64::max));
        let share = match self.scale {
            Scale::Linear => ns / most,
            Scale::Logarithmic => (ns / (least / 2.0)).ln() / (most / (least / 2.0)).ln(),
        };
        BAR_WIDTH * share.clamp(0.0, 1.0)
    }

    /// The rows as a table, each beside the first.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let first = self.bars.first().map_or(f64::NAN, |bar| bar.ns);
        let rows = self.bars.iter().map(|bar| {
            let time = Unit::Nanoseconds.show(bar.ns);
            format!("| {} | {time} | {:.2} |\n", bar.label, first / bar.ns)
        });
        let head = format!("| {} | time | first row over it |\n|---|---|---|\n", self.title);
        std::iter::once(head).chain(rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(scale: Scale) -> Chart {
        let bar = |label: &str, ns, theirs| Bar { label: label.to_owned(), ns, theirs };
        let bars = vec![bar("theirs <1>", 200e6, true), bar("ours", 2e6, false)];
        Chart { name: "toy", title: "A & B", subtitle: "here".to_owned(), scale, bars }
    }

    #[test]
    fn bars_are_as_long_as_their_scale_says() {
        let linear = chart(Scale::Linear);
        assert!((linear.length(200e6) - BAR_WIDTH).abs() < 0.01);
        assert!((linear.length(2e6) - BAR_WIDTH / 100.0).abs() < 0.01);
        let logarithmic = chart(Scale::Logarithmic);
        assert!((logarithmic.length(200e6) - BAR_WIDTH).abs() < 0.01);
        assert!(logarithmic.length(2e6) > BAR_WIDTH / 10.0);
    }

    #[test]
    fn a_chart_has_all_rows_and_markup_that_names_cannot_break() {
        let svg = chart(Scale::Linear).to_svg();
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains("theirs &lt;1&gt;") && svg.contains("A &amp; B"));
        let table = chart(Scale::Linear).to_markdown();
        assert!(table.contains("| ours | 2.00 ms | 100.00 |"), "{table}");
    }
}
