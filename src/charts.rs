//! Charts, drawn on the server by plotters as SVG that follows the page: classes for colours, x in percent and y in
//! pixels, so that lines and letters keep their size at every width, and no `style` attributes.

mod burn;
mod svg;

pub use burn::Burn;
use plotters::prelude::*;
use std::fmt::Write as _;
use svg::{Ink, Svg, escaped, percent};

/// Stacked bars, one stack for each bucket of time.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Unique on the page; begins the ids inside.
    pub id: String,
    pub title: String,
    /// What one would say of it: trend, highest, total.
    pub description: String,
    /// Of the values: “credits”.
    pub unit: String,
    pub buckets: Vec<Bucket>,
    /// The parts of a stack, from the bottom; drawn in `chart-1` to `chart-6`.
    pub series: Vec<String>,
    /// 92 px instead of 236 px high, without a grid: the histogram over a list.
    pub is_short: bool,
}

/// One stretch of time.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// Under the axis, where there is room: “15”, “1 Nov”, “today”.
    pub label: String,
    /// In words: “18 November: 95.73 credits”.
    pub says: String,
    /// Where its rows are.
    pub href: String,
    /// Now: its label is always shown, in ink.
    pub current: bool,
    /// One for each series. For the eye alone, so floating point will do.
    pub values: Vec<f64>,
    /// What the total would be at this pace: an outline.
    pub expected: Option<f64>,
}

impl Bucket {
    fn total(&self) -> f64 {
        self.values.iter().sum()
    }
}

/// How much of its bucket a bar takes.
const BAR: f64 = 0.72;
/// Labels under the axis at most.
const LABELS: usize = 7;

type Error = DrawingAreaErrorKind<std::fmt::Error>;

impl Chart {
    /// The `<svg>` element.
    pub fn svg(&self) -> String {
        let mut shapes = String::new();
        self.draw(&mut shapes).expect("writing to a string does not fail");
        self.framed(&shapes)
    }

    fn framed(&self, shapes: &str) -> String {
        let (id, size) = (escaped(&self.id), if self.is_short { "short" } else { "tall" });
        format!(
            "<svg class=\"chart__plot chart__plot--{size}\" role=\"group\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{shapes}</svg>",
            escaped(&self.title),
            escaped(&self.description),
        )
    }

    fn draw(&self, shapes: &mut String) -> Result<(), Error> {
        let (height, top, bottom, left) = if self.is_short { (92, 2, 22, 0) } else { (236, 14, 30, 550) };
        let highest = self.buckets.iter().map(|bucket| bucket.total().max(bucket.expected.unwrap_or(0.0)));
        let (step, ceiling) = scale(highest.fold(0.0, f64::max));
        let count = self.buckets.len().max(1) as f64;
        {
            let root = Svg::new(shapes, height).into_drawing_area();
            let mut builder = ChartBuilder::on(&root);
            builder.margin_top(10 * top).margin_bottom(10 * bottom).margin_left(left);
            let mut chart = builder.build_cartesian_2d(0.0..count, 0.0..ceiling)?;
            let line = |at: f64, ink: Ink| PathElement::new(vec![(0.0, at), (count, at)], ink);
            if !self.is_short {
                let steps = (1..).map(|n| f64::from(n) * step).take_while(|at| *at <= ceiling + step / 2.0);
                chart.draw_series(steps.map(|at| line(at, Ink::Grid)))?;
            }
            for (at, bucket) in self.buckets.iter().enumerate() {
                chart.draw_series(bars(at, bucket))?;
            }
            chart.draw_series([line(0.0, Ink::Base)])?;
            root.present()?;
        }
        let floor = height - bottom;
        if !self.is_short {
            self.write_scale(shapes, step, ceiling, f64::from(floor - top), floor);
        }
        self.write_buckets(shapes, f64::from(left), floor, top);
        Ok(())
    }

    /// What the grid's lines stand for, over each at the left.
    fn write_scale(&self, to: &mut String, step: f64, ceiling: f64, length: f64, floor: u32) {
        let steps = (ceiling / step).round() as u32;
        for n in 1..=steps {
            let value = f64::from(n) * step;
            let y = f64::from(floor) - length * value / ceiling - 4.0;
            let unit = if n == steps { format!(" {}", escaped(&self.unit)) } else { String::new() };
            _ = write!(to, "<text class=\"chart__axis\" x=\"0\" y=\"{y:.1}\">{}{unit}</text>", number(value, step));
        }
    }

    /// A link over each bucket, with its words, and the labels under some.
    fn write_buckets(&self, to: &mut String, left: f64, floor: u32, top: u32) {
        let width = (10_000.0 - left) / self.buckets.len().max(1) as f64;
        let now = self.buckets.iter().position(|bucket| bucket.current);
        let stride = self.buckets.len().div_ceil(LABELS).max(1);
        let mut shown = 0;
        for (at, bucket) in self.buckets.iter().enumerate() {
            let x = left + width * at as f64;
            let is_clear = now.is_none_or(|now| now.abs_diff(at) * 2 > stride);
            if bucket.current || (at % stride == 0 && is_clear && !bucket.label.is_empty()) {
                let class = match (bucket.current, shown % 2) {
                    (true, _) => "chart__note",
                    (false, 0) => "chart__axis",
                    // On a narrow page every other label is left out.
                    (false, _) => "chart__axis chart__axis--more",
                };
                let (middle, y) = (percent(x + width / 2.0), floor + 18);
                let label = escaped(&bucket.label);
                _ = write!(
                    to,
                    "<text class=\"{class}\" x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"
                );
                shown += 1;
            }
            let (says, href) = (escaped(&bucket.says), escaped(&bucket.href));
            let tip = if self.is_short { 0 } else { top - 4 };
            _ = write!(
                to,
                "<a href=\"{href}\" aria-label=\"{says}\"><rect class=\"chart__bucket\" x=\"{}\" y=\"{top}\" \
                 width=\"{}\" height=\"{}\"/><text class=\"chart__tip\" x=\"100%\" y=\"{tip}\" \
                 text-anchor=\"end\">{says}</text></a>",
                percent(x),
                percent(width),
                floor - top,
            );
        }
    }
}

/// A stack's rectangles, or the outline of what is expected.
fn bars(at: usize, bucket: &Bucket) -> Vec<Rectangle<(f64, f64)>> {
    let edge = at as f64 + (1.0 - BAR) / 2.0;
    let bar = |from: f64, to: f64, ink: Ink| Rectangle::new([(edge, from), (edge + BAR, to)], ink);
    let mut from = 0.0;
    let mut bars = Vec::new();
    for (at, value) in bucket.values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
        bars.push(bar(from, from + value, Ink::series(at)));
        from += value;
    }
    bars.extend(bucket.expected.filter(|expected| *expected > from).map(|expected| bar(from, expected, Ink::Ghost)));
    bars
}

/// The step between grid lines and where the last one is: three or so, at numbers that people count in.
fn scale(highest: f64) -> (f64, f64) {
    if highest <= 0.0 || !highest.is_finite() {
        return (1.0, 1.0);
    }
    let rough = highest / 3.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 2.5, 4.0, 5.0, 10.0].into_iter().find(|nice| nice * power >= rough * 0.999).unwrap_or(10.0) * power;
    (step, (highest / step).ceil().max(1.0) * step)
}

/// As short as its step allows: `120`, `1,500`, `0.004`.
fn number(value: f64, step: f64) -> String {
    let decimals = (0..9).find(|decimals| {
        let scaled = step * 10_f64.powi(*decimals);
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    let text = format!("{value:.*}", decimals.unwrap_or(9) as usize);
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), String::new()), |(w, f)| (w, format!(".{f}")));
    let grouped = whole.parse().map_or_else(|_| whole.to_owned(), crate::console::ui::money::grouped);
    grouped + &fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn november() -> Chart {
        let bucket = |day: usize| Bucket {
            label: if day == 20 { "today".into() } else { day.to_string() },
            says: format!("{day} November: <b> & {day}.00 credits"),
            href: format!("/logs?on=2026-11-{day:02}&x=1"),
            current: day == 20,
            values: if day <= 20 { vec![day as f64, 40.0, 0.0] } else { vec![] },
            expected: (day > 20).then_some(50.0),
        };
        Chart {
            id: "cost".into(),
            title: "Cost by day".into(),
            description: "Rising; total 1,010 credits.".into(),
            unit: "credits".into(),
            buckets: (1..=30).map(bucket).collect(),
            series: vec!["gpt-4o".into(), "claude".into(), "gemini".into()],
            is_short: false,
        }
    }

    #[test]
    fn a_chart_carries_classes_and_no_colours_nor_styles() {
        let svg = november().svg();
        assert!(
            !svg.contains("style=") && !svg.contains("fill=") && !svg.contains('#') && !svg.contains("viewBox"),
            "{svg}"
        );
        assert_eq!(svg.matches("class=\"chart__1\"").count(), 20);
        assert_eq!(svg.matches("class=\"chart__2\"").count(), 20);
        assert_eq!(svg.matches("class=\"chart__3\"").count(), 0, "nothing is drawn for nothing");
        assert_eq!(svg.matches("class=\"chart__ghost\"").count(), 10);
        assert_eq!(svg.matches("class=\"chart__grid\"").count(), 3);
    }

    #[test]
    fn each_bucket_is_a_link_with_its_words_and_today_is_marked() {
        let svg = november().svg();
        assert_eq!(svg.matches("<a href=").count(), 30);
        assert!(
            svg.contains("href=\"/logs?on=2026-11-18&amp;x=1\" aria-label=\"18 November: &lt;b>")
                && svg.contains(">18 November: &lt;b> &amp; 18.00 credits</text></a>")
        );
        assert!(svg.contains("class=\"chart__note\"") && svg.contains(">today</text>"));
        assert!(svg.matches("class=\"chart__axis").count() <= LABELS + 3);
        assert!(svg.contains(
            "<title id=\"cost-t\">Cost by day</title><desc id=\"cost-d\">Rising; total 1,010 credits.</desc>"
        ));
    }

    #[test]
    fn bars_stand_on_the_floor_and_grow_with_their_value() {
        let mut chart = november();
        chart.buckets.truncate(2);
        chart.buckets[0].values = vec![60.0];
        chart.buckets[1].values = vec![30.0];
        // 60 of 60 fills the 192 px between floor and ceiling, less the pixel of paper under each shape.
        let svg = chart.svg();
        assert!(svg.contains("class=\"chart__1\" x=\"12.11%\" y=\"14.0\" width=\"34.02%\" height=\"191.0\""), "{svg}");
        assert!(svg.contains("y=\"110.0\" width=\"34.02%\" height=\"95.0\""), "{svg}");
    }

    #[test]
    fn the_scale_counts_as_people_do() {
        for (highest, step, ceiling) in
            [(95.73, 40.0, 120.0), (1.0, 0.4, 1.2), (3.0, 1.0, 3.0), (0.0, 1.0, 1.0), (7000.0, 2500.0, 7500.0)]
        {
            let (got_step, got_ceiling) = scale(highest);
            assert!(
                (got_step - step).abs() < 1e-9 && (got_ceiling - ceiling).abs() < 1e-9,
                "{highest}: {got_step} {got_ceiling}"
            );
        }
        for (value, step, text) in [
            (120.0, 40.0, "120"),
            (7500.0, 2500.0, "7,500"),
            (0.8, 0.4, "0.8"),
            (0.004, 0.002, "0.004"),
            (2.5, 2.5, "2.5"),
        ] {
            assert_eq!(number(value, step), text);
        }
    }

    #[test]
    fn an_empty_chart_is_a_floor_and_a_ceiling() {
        let svg = Chart { buckets: vec![], ..november() }.svg();
        assert!(svg.contains("chart__base") && !svg.contains("<a "));
        let flat = Chart { is_short: true, ..november() }.svg();
        assert!(flat.contains("chart__plot--short") && !flat.contains("chart__grid"));
    }
}
