//! Where plotters draws: SVG elements whose colours are classes.

use plotters::prelude::*;
use plotters::style::ShapeStyle;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, DrawingBackend, DrawingErrorKind};
use std::fmt::{Error, Write as _};

/// What a shape is, which the stylesheet gives its colour. plotters only knows colours, so each is one for its sake.
#[derive(Clone, Copy)]
pub enum Ink {
    Grid,
    Base,
    Ghost,
    Series(u8),
    Curve,
    /// Under a curve.
    Area,
    /// Where a curve goes at this pace.
    Pace,
    Ceiling,
    Alert,
}

const CLASSES: [&str; 14] = [
    "chart__grid",
    "chart__base",
    "chart__ghost",
    "chart__1",
    "chart__2",
    "chart__3",
    "chart__4",
    "chart__5",
    "chart__6",
    "chart__curve",
    "chart__area",
    "chart__pace",
    "chart__ceiling",
    "chart__alert",
];

impl Ink {
    pub fn series(at: usize) -> Self {
        Ink::Series(u8::try_from(at % 6).unwrap_or(0))
    }

    fn index(self) -> u8 {
        match self {
            Ink::Grid => 0,
            Ink::Base => 1,
            Ink::Ghost => 2,
            Ink::Series(at) => 3 + at,
            Ink::Curve => 9,
            Ink::Area => 10,
            Ink::Pace => 11,
            Ink::Ceiling => 12,
            Ink::Alert => 13,
        }
    }
}

impl From<Ink> for ShapeStyle {
    fn from(ink: Ink) -> Self {
        ShapeStyle { color: RGBColor(ink.index(), 0, 0).to_rgba(), filled: true, stroke_width: 1 }
    }
}

/// Writes elements. x is in hundredths of a percent of the width, y in tenths of a pixel.
pub struct Svg<'t> {
    text: &'t mut String,
    height: u32,
}

impl<'t> Svg<'t> {
    /// `height` in pixels.
    pub fn new(text: &'t mut String, height: u32) -> Self {
        Self { text, height }
    }

    /// A shape of many points, stretched with the page: its strokes are not.
    fn shape(&mut self, element: &str, class: &str, points: &[BackendCoord]) -> Drawn {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let (points, height) = (points.join(" "), self.height);
        let written = write!(
            self.text,
            "<svg width=\"100%\" height=\"{height}\" viewBox=\"0 0 10000 {}\" preserveAspectRatio=\"none\" \
             overflow=\"visible\"><{element} class=\"{class}\" points=\"{points}\"/></svg>",
            10 * height,
        );
        written.map_err(DrawingErrorKind::DrawingError)
    }
}

type Drawn = Result<(), DrawingErrorKind<Error>>;

fn class(color: BackendColor) -> &'static str {
    CLASSES.get(usize::from(color.rgb.0)).copied().unwrap_or_default()
}

impl DrawingBackend for Svg<'_> {
    type ErrorType = Error;

    fn get_size(&self) -> (u32, u32) {
        // plotters counts the last unit as inside: one more, and the last is the edge itself.
        (10_001, 10 * self.height + 1)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, _: BackendCoord, _: BackendColor) -> Drawn {
        Ok(())
    }

    /// Level lines go all the way, under the labels at the left as well, and lie on a pixel so that they are sharp; that
    /// of an alert begins where the drawing does.
    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let path: Vec<BackendCoord> = path.into_iter().collect();
        let Some((x, y)) = path.first().copied() else {
            return Ok(());
        };
        let class = class(style.color());
        if class == "chart__curve" || class == "chart__pace" {
            return self.shape("polyline", class, &path);
        }
        let from = if class == "chart__alert" { percent(f64::from(x)) } else { "0".to_owned() };
        let y = f64::from(y).div_euclid(10.0) + 0.5;
        write!(self.text, "<line class=\"{class}\" x1=\"{from}\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>")
            .map_err(DrawingErrorKind::DrawingError)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, vertices: I, style: &S) -> Drawn {
        let vertices: Vec<BackendCoord> = vertices.into_iter().collect();
        self.shape("polygon", class(style.color()), &vertices)
    }

    /// Under each shape is a pixel of paper, so that a stack can be told apart without its colours.
    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, _: bool) -> Drawn {
        let class = class(style.color());
        let (left, right) = (from.0.min(to.0), from.0.max(to.0));
        let (top, bottom) = (from.1.min(to.1), from.1.max(to.1));
        let height = f64::from((bottom - top - 10).max(5)) / 10.0;
        let top = f64::from(bottom - 10) / 10.0 - height;
        let (x, width) = (percent(f64::from(left)), percent(f64::from(right - left)));
        write!(self.text, "<rect class=\"{class}\" x=\"{x}\" y=\"{top:.1}\" width=\"{width}\" height=\"{height:.1}\"/>")
            .map_err(DrawingErrorKind::DrawingError)
    }
}

/// Hundredths of a percent as an SVG length.
pub fn percent(hundredths: f64) -> String {
    format!("{:.2}%", hundredths / 100.0)
}

/// Text for an element or a quoted attribute.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
