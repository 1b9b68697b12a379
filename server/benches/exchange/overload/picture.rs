//! Figures over time, as an SVG: panels below each other that share the axis of seconds.

use std::fmt::Write;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const HEIGHT: f64 = 150.0;
const GAP: f64 = 46.0;
const TOP: f64 = 40.0;
/// Readable on white and on black.
const COLOURS: [&str; 4] = ["#3b82f6", "#e0662c", "#16a34a", "#a855f7"];

/// Lines with one unit.
#[derive(Debug)]
pub(super) struct Panel {
    pub title: String,
    pub lines: Vec<Line>,
}

/// One figure for each second.
#[derive(Debug)]
pub(super) struct Line {
    pub name: String,
    pub values: Vec<f64>,
}

/// Panels, top down.
pub(super) fn svg(panels: &[Panel]) -> String {
    let (mut body, mut top) = (String::new(), TOP);
    for panel in panels {
        body += &drawn(panel, top);
        top += HEIGHT + GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#888\">\n\
         <style>.axis{{stroke:#888;stroke-opacity:.35}}.line{{fill:none;stroke-width:1.5}}</style>\n\
         {body}<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">seconds</text>\n</svg>\n",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        top - 6.0
    )
}

fn drawn(panel: &Panel, top: f64) -> String {
    let all = || panel.lines.iter().flat_map(|line| line.values.iter().copied());
    let highest = round_up(all().fold(0.0, f64::max));
    let seconds = panel.lines.iter().map(|line| line.values.len()).max().unwrap_or_default();
    let seconds = u32::try_from(seconds.max(2)).map_or(2.0, f64::from);
    let x = |second: f64| LEFT + (WIDTH - LEFT - RIGHT) * second / (seconds - 1.0);
    let y = |value: f64| top + HEIGHT - HEIGHT * value / highest;
    let mut text = format!(
        "<text x=\"{LEFT}\" y=\"{:.0}\" font-weight=\"bold\">{}</text>\n",
        top - 12.0,
        panel.title
    );
    // Writing to a string cannot fail.
    for quarter in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (value, at) = (highest * quarter, y(highest * quarter));
        let _ = writeln!(
            text,
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0
        );
    }
    for tenth in 0..=10 {
        let second = (seconds - 1.0) * f64::from(tenth) / 10.0;
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{second:.0}</text>",
            x(second),
            top + HEIGHT + 15.0
        );
    }
    let mut legend = WIDTH - RIGHT;
    for (line, colour) in panel.lines.iter().zip(COLOURS).rev() {
        let points = (0_u32..).zip(&line.values);
        let points =
            points.map(|(second, value)| format!("{:.1},{:.1}", x(second.into()), y(*value)));
        let points = points.collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            text,
            "<polyline class=\"line\" stroke=\"{colour}\" points=\"{points}\"/>\
             <text x=\"{legend:.0}\" y=\"{:.0}\" fill=\"{colour}\" text-anchor=\"end\">{}</text>",
            top - 12.0,
            line.name
        );
        legend -= 22.0 + 7.0 * u32::try_from(line.name.len()).map_or(0.0, f64::from);
    }
    text
}

/// The next of 1, 2, 4, 8 times a power of ten: its quarters read well.
fn round_up(value: f64) -> f64 {
    let mut step = 1.0;
    loop {
        for times in [1.0, 2.0, 4.0, 8.0] {
            if value <= times * step {
                return times * step;
            }
        }
        step *= 10.0;
    }
}
