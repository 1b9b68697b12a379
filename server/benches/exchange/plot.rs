//! Pictures by hand: lines over two axes, as SVG that can be read on a light page and on a dark one.

use std::fmt::{self, Write};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 460.0;
/// Of the field in which lines are drawn.
const LEFT: f64 = 72.0;
const RIGHT: f64 = 640.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 396.0;

/// Colours stand for what is compared, strokes for what of it is shown.
const STYLE: &str = "
  svg { color-scheme: light dark; font: 13px system-ui, sans-serif }
  .page { fill: #ffffff } text { fill: #1f2328 } .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #d8dee4; stroke-width: 1 } .axis { stroke: #59636e; stroke-width: 1 }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round }
  .c0 { stroke: #0550ae; color: #0550ae } .c1 { stroke: #bc4c00; color: #bc4c00 }
  .c2 { stroke: #116329; color: #116329 } .c3 { stroke: #8250df; color: #8250df }
  .dot { fill: currentColor; stroke: none }
  .dashed { stroke-dasharray: 8 4 } .dotted { stroke-dasharray: 2 4 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d } .axis { stroke: #9198a1 }
    .c0 { stroke: #58a6ff; color: #58a6ff } .c1 { stroke: #f0883e; color: #f0883e }
    .c2 { stroke: #56d364; color: #56d364 } .c3 { stroke: #d2a8ff; color: #d2a8ff }
  }
";

/// A picture.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

/// What is along one side, with its unit.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub label: String,
    pub scale: Scale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    Log,
}

/// A line through points, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub name: String,
    pub colour: Colour,
    pub stroke: Stroke,
    pub points: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Colour {
    Blue,
    Orange,
    #[expect(dead_code, reason = "of the pictures of other benchmarks")]
    Green,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Stroke {
    Solid,
    Dashed,
    Dotted,
}

impl Colour {
    const fn class(self) -> &'static str {
        match self {
            Self::Blue => "c0",
            Self::Orange => "c1",
            Self::Green => "c2",
        }
    }
}

impl Stroke {
    const fn class(self) -> &'static str {
        match self {
            Self::Solid => "",
            Self::Dashed => "dashed",
            Self::Dotted => "dotted",
        }
    }
}

impl Chart {
    pub(crate) fn svg(&self) -> String {
        let mut svg = String::new();
        // Writing to a string does not fail.
        let _ = self.draw(&mut svg);
        svg
    }

    fn draw(&self, svg: &mut String) -> fmt::Result {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = Ruler::over(self.x.scale, points().map(|(x, _)| *x), (LEFT, RIGHT));
        let y = Ruler::over(self.y.scale, points().map(|(_, y)| *y), (BOTTOM, TOP));
        let title = escaped(&self.title);
        writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"26\">{title}</text>"
        )?;
        for (value, at) in x.ticks() {
            let label = number(value);
            writeln!(
                svg,
                "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{BOTTOM}\"/>\n\
                 <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                BOTTOM + 20.0
            )?;
        }
        for (value, at) in y.ticks() {
            let label = number(value);
            writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{RIGHT}\" y2=\"{at:.1}\"/>\n\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 8.0,
                at + 4.0
            )?;
        }
        let (middle_x, middle_y) = (f64::midpoint(LEFT, RIGHT), f64::midpoint(TOP, BOTTOM));
        writeln!(
            svg,
            "<path class=\"axis\" fill=\"none\" d=\"M{LEFT} {TOP} V{BOTTOM} H{RIGHT}\"/>\n\
             <text x=\"{middle_x}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
             <text transform=\"translate(18 {middle_y}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            BOTTOM + 46.0,
            escaped(&self.x.label),
            escaped(&self.y.label)
        )?;
        for (index, series) in (0_u32..).zip(&self.series) {
            series.draw(svg, &x, &y, TOP + 12.0 + 22.0 * f64::from(index))?;
        }
        writeln!(svg, "</svg>")
    }
}

impl Series {
    fn draw(&self, svg: &mut String, x: &Ruler, y: &Ruler, legend: f64) -> fmt::Result {
        let Self { name, colour, stroke, points } = self;
        let (colour, stroke) = (colour.class(), stroke.class());
        let at: Vec<_> = points.iter().map(|(a, b)| (x.place(*a), y.place(*b))).collect();
        let path: Vec<_> = at.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let path = path.join(" ");
        writeln!(svg, "<polyline class=\"line {colour} {stroke}\" points=\"{path}\"/>")?;
        for (x, y) in at {
            writeln!(svg, "<circle class=\"dot {colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>")?;
        }
        let (from, to) = (RIGHT + 24.0, RIGHT + 60.0);
        writeln!(
            svg,
            "<line class=\"line {colour} {stroke}\" x1=\"{from}\" y1=\"{legend}\" x2=\"{to}\" \
             y2=\"{legend}\"/>\n<text x=\"{}\" y=\"{}\">{}</text>",
            to + 8.0,
            legend + 4.0,
            escaped(name)
        )
    }
}

/// Where values of one axis are.
#[derive(Clone, Copy, Debug)]
struct Ruler {
    scale: Scale,
    low: f64,
    high: f64,
    /// Where those two are on the picture.
    from: f64,
    to: f64,
}

impl Ruler {
    fn over(scale: Scale, values: impl Iterator<Item = f64>, (from, to): (f64, f64)) -> Self {
        let is_shown = |value: &f64| value.is_finite() && (scale == Scale::Linear || 0.0 < *value);
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(is_shown) {
            (low, high) = (low.min(value), high.max(value));
        }
        let (low, high) = match scale {
            Scale::Linear => (0.0, if 0.0 < high { high * 1.04 } else { 1.0 }),
            Scale::Log if high <= 0.0 => (1.0, 10.0),
            Scale::Log => (round_down(low), round_up(high)),
        };
        Self { scale, low, high, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => {
                (value.max(self.low).ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
            }
        };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<(f64, f64)> {
        let mut ticks = Vec::new();
        let mut value = match self.scale {
            Scale::Linear => 0.0,
            Scale::Log => self.low,
        };
        let step = round_up(self.high / 8.0);
        while value <= self.high * 1.0001 {
            ticks.push((value, self.place(value)));
            value = match self.scale {
                Scale::Linear => value + step,
                Scale::Log => round_up(value * 1.01),
            };
        }
        ticks
    }
}

/// The next of 1, 2, 5, 10, 20 … that is not less.
fn round_up(value: f64) -> f64 {
    let decade = 10.0_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * decade);
    steps.into_iter().find(|step| value <= step * 1.0001).unwrap_or(value)
}

/// The next of them that is not more.
fn round_down(value: f64) -> f64 {
    let decade = 10.0_f64.powf(value.log10().floor());
    let steps = [5.0, 2.0, 1.0].map(|step| step * decade);
    steps.into_iter().find(|step| step * 0.9999 <= value).unwrap_or(value)
}

/// As short as it can be said: `0.5`, `20`, `1,500`.
fn number(value: f64) -> String {
    if 1000.0 <= value {
        let thousands = (value / 1000.0).floor();
        format!("{thousands:.0},{:03.0}", value - thousands * 1000.0)
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
