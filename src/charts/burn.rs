//! A budget as it is used up: a curve from the start of its period to now, on towards its ceiling at this pace, and
//! where it runs dry.

use super::svg::{Ink, Svg, escaped, percent};
use super::{Chart, Error, number, scale};
use plotters::prelude::*;
use std::fmt::Write as _;

/// What has been used of a budget, against its ceiling.
#[derive(Clone, Debug)]
pub struct Burn {
    /// Its title, its description, and all of the period in buckets, the part to come as well. They are drawn as places
    /// to point at; their values are not.
    pub chart: Chart,
    /// From the start of the period to now: how many buckets have passed, and how much was used by then.
    pub curve: Vec<(f64, f64)>,
    pub max: f64,
    /// Over the ceiling: “200.00”, and what happens there, “blocks”.
    pub ceiling: (String, String),
    /// Where it is near its end, and what is said there.
    pub alert: Option<(f64, String)>,
    /// Where the curve will be at this pace: when it reaches the ceiling, else at the end of the period.
    pub pace: Option<(f64, f64)>,
    /// Where it runs dry: “runs dry Sun 22 Nov, 21:00”.
    pub dry: Option<String>,
}

/// In pixels, as tall charts are.
const HEIGHT: u32 = 236;
const FLOOR: u32 = 206;
/// Where the ceiling is, unless more than that is used.
const CEILING: u32 = 53;
/// In hundredths of a percent: the room for the scale.
const LEFT: u32 = 550;
/// Over the buckets.
const TOP: u32 = 14;

impl Burn {
    /// The `<svg>` element.
    pub fn svg(&self) -> String {
        let mut shapes = String::new();
        self.draw(&mut shapes).expect("writing to a string does not fail");
        self.write_notes(&mut shapes);
        self.chart.write_buckets(&mut shapes, f64::from(LEFT), FLOOR, TOP);
        self.chart.framed(&shapes)
    }

    fn draw(&self, shapes: &mut String) -> Result<(), Error> {
        let count = self.chart.buckets.len().max(1) as f64;
        let root = Svg::new(shapes, HEIGHT).into_drawing_area();
        let mut builder = ChartBuilder::on(&root);
        builder.margin_top(10 * CEILING).margin_bottom(10 * (HEIGHT - FLOOR)).margin_left(LEFT);
        let mut chart = builder.build_cartesian_2d(0.0..count, 0.0..self.highest())?;
        let line = |at: f64, ink: Ink| PathElement::new(vec![(0.0, at), (count, at)], ink);
        chart.draw_series(self.steps().into_iter().map(|at| line(at, Ink::Grid)))?;
        if let (Some(first), Some(last)) = (self.curve.first(), self.curve.last()) {
            let mut area = self.curve.clone();
            area.extend([(last.0, 0.0), (first.0, 0.0)]);
            chart.draw_series([Polygon::new(area, Ink::Area)])?;
            chart.draw_series([PathElement::new(self.curve.clone(), Ink::Curve)])?;
            let ahead = self.pace.map(|end| PathElement::new(vec![*last, end], Ink::Pace));
            chart.draw_series(ahead)?;
        }
        chart.draw_series(self.alert.iter().map(|(at, _)| line(*at, Ink::Alert)))?;
        chart.draw_series([line(0.0, Ink::Base), line(self.max, Ink::Ceiling)])?;
        root.present()
    }

    /// What the words stand beside.
    fn write_notes(&self, to: &mut String) {
        for at in self.steps() {
            let y = self.y(at) - 4.0;
            _ = write!(to, "<text class=\"chart__axis\" x=\"0\" y=\"{y:.1}\">{}</text>", number(at, self.step()));
        }
        let y = self.y(self.max);
        let (sum, end) = (escaped(&self.ceiling.0), escaped(&self.ceiling.1));
        _ = write!(
            to,
            "<text class=\"chart__note\" x=\"0\" y=\"{:.1}\">{sum}<tspan class=\"chart__axis--more\">, {end}</tspan></text>",
            y - 8.0
        );
        if let Some((at, says)) = &self.alert {
            _ = write!(
                to,
                "<text class=\"chart__axis\" x=\"100%\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                self.y(*at) - 5.0,
                escaped(says)
            );
        }
        if let (Some((at, _)), Some(says)) = (self.pace, &self.dry) {
            let at = self.x(at);
            let (x, top) = (percent(at), y - 8.0);
            // The words stand where there is more room.
            let (anchor, shift) = if at > 4_500.0 { ("end", -8) } else { ("start", 10) };
            _ = write!(
                to,
                "<rect class=\"chart__refused\" x=\"{x}\" y=\"{top:.1}\" width=\"4\" height=\"16\"/>\
                 <text class=\"chart__note chart__note--blocks\" x=\"{x}\" dx=\"{shift}\" y=\"{top:.1}\" \
                 text-anchor=\"{anchor}\">{}</text>",
                escaped(says)
            );
        }
    }

    fn highest(&self) -> f64 {
        let highest = self.curve.iter().map(|(_, used)| *used).fold(self.max, f64::max);
        if highest > 0.0 { highest } else { 1.0 }
    }

    fn step(&self) -> f64 {
        scale(self.highest()).0
    }

    /// Grid lines that are not too near the ceiling to be told from it.
    fn steps(&self) -> Vec<f64> {
        let (step, highest) = (self.step(), self.highest());
        let steps = (1..10).map(|n| f64::from(n) * step).take_while(|at| *at < highest);
        steps.filter(|at| (at - self.max).abs() > highest * 0.1).collect()
    }

    fn y(&self, value: f64) -> f64 {
        f64::from(FLOOR) - f64::from(FLOOR - CEILING) * value / self.highest()
    }

    /// In hundredths of a percent.
    fn x(&self, buckets: f64) -> f64 {
        f64::from(LEFT) + (10_000.0 - f64::from(LEFT)) * buckets / self.chart.buckets.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::super::Bucket;
    use super::*;

    fn november(curve: Vec<(f64, f64)>, max: f64) -> Burn {
        let bucket = |day: usize| Bucket { label: day.to_string(), says: format!("{day} Nov"), ..Bucket::default() };
        let chart = Chart {
            id: "burn".into(),
            title: "Spend".into(),
            description: "Half.".into(),
            unit: "credits".into(),
            buckets: (1..=30).map(bucket).collect(),
            series: Vec::new(),
            is_short: false,
        };
        Burn {
            chart,
            curve,
            max,
            ceiling: ("200.00".into(), "blocks".into()),
            alert: Some((max * 0.8, "80 %".into())),
            pace: None,
            dry: None,
        }
    }

    #[test]
    fn a_curve_climbs_from_the_floor_towards_the_ceiling() {
        let burn = Burn {
            pace: Some((22.5, 200.0)),
            dry: Some("runs dry <Sunday>".into()),
            ..november(vec![(0.0, 0.0), (10.0, 100.0), (15.0, 100.0)], 200.0)
        };
        let svg = burn.svg();
        // 200 lies at 53 px, so 100 lies half way up from 206.
        assert!(svg.contains("class=\"chart__curve\" points=\"550,2060 3700,1295 5275,1295\""), "{svg}");
        assert!(svg.contains("class=\"chart__pace\" points=\"5275,1295 7637,530\""), "{svg}");
        assert!(svg.contains("class=\"chart__ceiling\" x1=\"0\" x2=\"100%\" y1=\"53.5\""), "{svg}");
        assert!(svg.contains("class=\"chart__alert\" x1=\"5.50%\""), "{svg}");
        assert!(
            svg.contains("class=\"chart__refused\" x=\"76.38%\" y=\"45.0\"") && svg.contains(">runs dry &lt;Sunday>")
        );
        assert_eq!(svg.matches("<a href=").count(), 30);
        assert!(!svg.contains("style=") && !svg.contains("fill="));
    }

    #[test]
    fn what_is_used_beyond_the_ceiling_is_drawn_above_it() {
        let svg = november(vec![(0.0, 0.0), (3.0, 400.0)], 200.0).svg();
        assert!(svg.contains("class=\"chart__ceiling\" x1=\"0\" x2=\"100%\" y1=\"129.5\""), "{svg}");
        assert!(svg.contains("points=\"550,2060 1495,530\""), "{svg}");
    }

    #[test]
    fn nothing_of_nothing_is_a_floor_that_is_the_ceiling() {
        let svg = november(vec![(0.0, 0.0), (3.0, 0.0)], 0.0).svg();
        assert!(svg.contains("class=\"chart__ceiling\" x1=\"0\" x2=\"100%\" y1=\"206.5\""), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
