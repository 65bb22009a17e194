//! The table: one line of the terminal, Markdown for the README, and the place in the README where it goes.

use std::fs;
use std::path::Path;

use super::measure::Row;
use crate::Failure;

/// What begins and ends the README's part that this writes.
const BEGIN: &str = "<!-- Written by `cargo run --release --example hop -- --write`. -->\n";
const END: &str = "<!-- End of what the command writes. -->";

/// Where and when the figures are from.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) date: String,
    pub(crate) machine: String,
}

impl About {
    pub(crate) fn of_this_machine() -> About {
        let date = jiff::Timestamp::now().to_string().split('T').next().unwrap_or_default().to_owned();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        // Linux only; elsewhere the reader has no load to judge the figures by.
        let load = fs::read_to_string("/proc/loadavg").ok();
        let load = load.and_then(|text| text.split(' ').next().map(|load| format!(", load {load}")));
        let machine =
            format!("{cores} cores of {model}, {}{}", std::env::consts::OS, load.unwrap_or_default());
        About { date, machine }
    }
}

/// The shape's name for people.
pub(crate) fn title(name: &str) -> &str {
    match name {
        "first-denies" => "the first denies",
        "all-match" => "all match",
        "none-matches" => "none matches",
        other => other,
    }
}

/// Nanoseconds with three digits, in the unit that fits.
pub(crate) fn duration(nanos: f64) -> String {
    let (value, unit) = match nanos {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "µs"),
        n => (n / 1e6, "ms"),
    };
    format!("{} {unit}", digits(value))
}

/// Three digits, or all of a whole number.
fn digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// Calls per second, with blanks between the thousands.
fn rate(rate: f64) -> String {
    let plain = format!("{rate:.0}");
    let mut text = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && plain.len().saturating_sub(index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn times(factor: f64) -> String {
    format!("{}×", digits(factor))
}

/// How many times as long the hop and Kyverno's engine take, by the p50.
fn ratios(row: &Row) -> (f64, f64) {
    (row.hop.p50 / row.ours.p50, row.engine.p50 / row.ours.p50)
}

/// A row for the terminal.
pub(crate) fn line(name: &str, count: usize, row: &Row) -> String {
    let (hop, engine) = ratios(row);
    format!(
        "{name:>12} {count:>3}  loopback {:>8} p99 {:>8} {:>7}/s  engine {:>8} decoding {:>8}  toolgate {:>8} p99 {:>8} \
         {:>9}/s  {} {}",
        duration(row.hop.p50),
        duration(row.hop.p99),
        rate(row.hop.rate),
        duration(row.engine.p50),
        duration(row.decoded),
        duration(row.ours.p50),
        duration(row.ours.p99),
        rate(row.ours.rate),
        times(hop),
        times(engine),
    )
}

/// The README's part.
pub(crate) fn markdown(about: &About, rows: &[(&str, usize, Row)]) -> String {
    let mut text = String::from(
        "| Policies | | Kyverno over loopback | p99 | calls/s | Kyverno's engine | with decoding | Toolgate | p99 | calls/s \
         | loopback ÷ Toolgate | engine ÷ Toolgate |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (name, count, row) in rows {
        let (hop, engine) = ratios(row);
        text.push_str(&format!(
            "| {count} | {} | {} | {} | {} | {} | {} | **{}** | {} | {} | **{}** | **{}** |\n",
            title(name),
            duration(row.hop.p50),
            duration(row.hop.p99),
            rate(row.hop.rate),
            duration(row.engine.p50),
            duration(row.decoded),
            duration(row.ours.p50),
            duration(row.ours.p99),
            rate(row.ours.rate),
            times(hop),
            times(engine),
        ));
    }
    text.push_str(&format!("\nMeasured on {} on {}.\n", about.date, about.machine));
    text
}

/// Replaces the README's part.
pub(crate) fn write(readme: &Path, part: &str) -> Result<(), Failure> {
    let text = fs::read_to_string(readme)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("the README has no place for the table")?;
    let (_, after) = rest.split_once(END).ok_or("the place for the table has no end")?;
    fs::write(readme, format!("{before}{BEGIN}\n{part}\n{END}{after}"))?;
    Ok(())
}
