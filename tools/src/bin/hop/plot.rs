//! The plot: time per call by the number of policies, one panel for each shape, both axes logarithmic.

use std::fmt::Write as _;

use super::measure::Row;
use super::report::{About, duration, title};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 420.0;
/// The panels' upper and lower edge.
const TOP: f64 = 96.0;
const BOTTOM: f64 = 350.0;
/// The first panel's left edge, a panel's width, and from one panel to the next.
const LEFT: f64 = 76.0;
const PANEL: f64 = 252.0;
const STEP: f64 = 292.0;
/// Blank on both sides inside a panel.
const INSET: f64 = 34.0;

/// A line of the plot.
struct Series {
    name: &'static str,
    color: &'static str,
    value: fn(&Row) -> f64,
}

/// The ways to the same decision, which have their values beside them.
const SERIES: [Series; 3] = [
    Series { name: "Kyverno's HTTP server over loopback", color: "#c2410c", value: |row| row.hop.p50 },
    Series { name: "Kyverno's engine in process", color: "#7c3aed", value: |row| row.engine.p50 },
    Series { name: "Toolgate, event to answer", color: "#0f766e", value: |row| row.ours.p50 },
];

/// The other engines; their values are in the README's table.
const PEERS: [Series; 3] = [
    Series { name: "Cedar", color: "#2563eb", value: |row| row.peers.cedar.p50 },
    Series { name: "regorus", color: "#9ca3af", value: |row| row.peers.regorus.p50 },
    Series { name: "cel", color: "#d4a017", value: |row| row.peers.cel.p50 },
];

fn all() -> impl Iterator<Item = &'static Series> {
    SERIES.iter().chain(&PEERS)
}

/// The decades of the vertical axis.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(rows: &[(&str, usize, Row)]) -> Scale {
        let values = || rows.iter().flat_map(|(_, _, row)| all().map(|series| (series.value)(row)));
        // Room for a label below the lowest point.
        let low = (values().fold(f64::INFINITY, f64::min).log10() - 0.35).floor();
        let high = values().fold(0.0, f64::max).log10().ceil();
        Scale { low, high }
    }

    fn y(&self, nanos: f64) -> f64 {
        BOTTOM - (nanos.log10() - self.low) / (self.high - self.low) * (BOTTOM - TOP)
    }
}

/// The horizontal place of a number of policies.
fn x(panel: usize, count: usize) -> f64 {
    LEFT + STEP * panel as f64 + INSET + (count as f64).log10() / 2.0 * (PANEL - 2.0 * INSET)
}

/// The plot of the rows, which come shape by shape.
pub(crate) fn svg(about: &About, rows: &[(&str, usize, Row)]) -> String {
    let scale = Scale::of(rows);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"#1f2937\">\n\
         <title>Time per decision: Kyverno's server over loopback, Kyverno's engine in process, Toolgate and other engines</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    text(
        &mut out,
        (20.0, 28.0),
        "start",
        "font-size=\"17\" font-weight=\"bold\"",
        "Time per decision (median, logarithmic)",
    );
    legend(&mut out);
    let mut names: Vec<&str> = rows.iter().map(|(name, _, _)| *name).collect();
    names.dedup();
    for (panel, name) in names.iter().enumerate() {
        axes(&mut out, &scale, panel, name);
        let of_panel: Vec<(usize, Row)> =
            rows.iter().filter(|(other, _, _)| other == name).map(|(_, count, row)| (*count, *row)).collect();
        for series in all() {
            line(&mut out, &scale, panel, series, &of_panel);
        }
        for (count, row) in &of_panel {
            labels(&mut out, &scale, panel, *count, row);
        }
    }
    let below = format!("number of policies · {} · {}", about.machine, about.date);
    text(&mut out, (WIDTH / 2.0, HEIGHT - 16.0), "middle", "fill=\"#6b7280\" font-size=\"12\"", &below);
    out.push_str("</svg>\n");
    out
}

fn legend(out: &mut String) {
    let mut left = 20.0;
    for series in all() {
        let _ = writeln!(out, "<circle cx=\"{}\" cy=\"48\" r=\"5\" fill=\"{}\"/>", left + 5.0, series.color);
        text(out, (left + 16.0, 52.5), "start", "", series.name);
        left += 40.0 + series.name.len() as f64 * 6.6;
    }
}

fn axes(out: &mut String, scale: &Scale, panel: usize, name: &str) {
    let left = LEFT + STEP * panel as f64;
    text(out, (left + PANEL / 2.0, TOP - 12.0), "middle", "font-weight=\"bold\"", title(name));
    let mut power = scale.low;
    while power <= scale.high {
        let nanos = 10_f64.powf(power);
        let y = scale.y(nanos);
        let _ = writeln!(
            out,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#e5e7eb\"/>",
            left + PANEL
        );
        if panel == 0 {
            let label = duration(nanos).replace(".00", "").replace(".0 ", " ");
            text(out, (left - 8.0, y + 4.0), "end", "fill=\"#6b7280\"", &label);
        }
        power += 1.0;
    }
    for count in crate::cases::COUNTS {
        text(out, (x(panel, count), BOTTOM + 20.0), "middle", "fill=\"#6b7280\"", &count.to_string());
    }
}

fn line(out: &mut String, scale: &Scale, panel: usize, series: &Series, rows: &[(usize, Row)]) {
    let points: Vec<(f64, f64)> =
        rows.iter().map(|(count, row)| (x(panel, *count), scale.y((series.value)(row)))).collect();
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let color = series.color;
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2.5\"/>",
        path.join(" ")
    );
    for (x, y) in points {
        let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{color}\"/>");
    }
}

/// The values at one number of policies: the upper one stands above its point, the lower one below, the one between
/// them on the side that has more room.
fn labels(out: &mut String, scale: &Scale, panel: usize, count: usize, row: &Row) {
    let mut places: Vec<(f64, &Series)> =
        SERIES.iter().map(|series| (scale.y((series.value)(row)), series)).collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let [first, middle, last] = places.as_slice() else { return };
    let above = middle.0 - first.0 > last.0 - middle.0;
    for ((y, series), above) in [(first, true), (middle, above), (last, false)] {
        let style = format!(
            "fill=\"{}\" font-size=\"12\" stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\"",
            series.color
        );
        let y = if above { y - 10.0 } else { y + 20.0 };
        text(out, (x(panel, count), y), "middle", &style, &duration((series.value)(row)));
    }
}

fn text(out: &mut String, at: (f64, f64), anchor: &str, style: &str, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" {style}>{content}</text>",
        at.0, at.1
    );
}
