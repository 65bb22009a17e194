//! The table: one line of the terminal, Markdown for the README, and the place in the README where it goes.

use std::fs;
use std::path::Path;

use super::measure::Row;
use crate::Failure;

/// What begins and ends the README's part that this writes.
const BEGIN: &str = "<!-- Written by `cargo run --release -p toolgate-tools --bin hop -- --write`. -->\n";
const END: &str = "<!-- End of what the command writes. -->";

/// Where and when the figures are from.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) date: String,
    pub(crate) machine: String,
    /// How many processes wanted to run before the first measurement, over a minute; none where that is not known.
    pub(crate) load: Option<f64>,
}

/// What is measured on a machine with more load says little; it is printed, and not published.
pub(crate) const MAX_LOAD: f64 = 0.5;

impl About {
    pub(crate) fn of_this_machine() -> About {
        let date = jiff::Timestamp::now().to_string().split('T').next().unwrap_or_default().to_owned();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        let load = load();
        let told = load.map(|load| format!(", load {load:.2}")).unwrap_or_default();
        let machine = format!("{cores} cores of {model}, {}{told}", std::env::consts::OS);
        About { date, machine, load }
    }

    /// Fails if the machine is too busy for figures that are published, or does not say how busy it is.
    pub(crate) fn publishable(&self) -> Result<(), Failure> {
        match self.load {
            Some(load) if load <= MAX_LOAD => Ok(()),
            Some(load) => {
                Err(format!("the load is {load:.2}; figures are published from below {MAX_LOAD}").into())
            }
            None => Err("this machine does not tell its load; figures are published from Linux".into()),
        }
    }
}

/// How many processes want to run, over a minute, where the kernel tells it.
fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
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

/// The row's figures in the order of the table's columns; the last two are how many times as long the hop and Kyverno's
/// engine take, by the p50.
fn cells(row: &Row) -> [String; 10] {
    [
        duration(row.hop.p50),
        duration(row.hop.p99),
        rate(row.hop.rate),
        duration(row.engine.p50),
        duration(row.decoded),
        duration(row.ours.p50),
        duration(row.ours.p99),
        rate(row.ours.rate),
        times(row.hop.p50 / row.ours.p50),
        times(row.engine.p50 / row.ours.p50),
    ]
}

/// The other engines' figures in the order of their table's columns; the last two are how many times as long Cedar takes
/// with its request to make, and Kyverno's engine with the request read from its bytes.
fn peer_cells(row: &Row) -> [String; 7] {
    let peers = &row.peers;
    [
        duration(row.ours.p50),
        duration(peers.cedar.p50),
        duration(peers.cedar_with_request.p50),
        duration(peers.regorus.p50),
        duration(peers.cel.p50),
        times(peers.cedar_with_request.p50 / row.ours.p50),
        times(row.decoded / row.ours.p50),
    ]
}

/// A row for the terminal.
pub(crate) fn line(name: &str, count: usize, row: &Row) -> String {
    let [hop, hop_p99, hop_rate, engine, decoded, ours, ours_p99, ours_rate, hop_times, engine_times] =
        cells(row);
    let [_, cedar, with_request, regorus, cel, cedar_times, _] = peer_cells(row);
    format!(
        "{name:>12} {count:>3}  loopback {hop:>8} p99 {hop_p99:>8} {hop_rate:>7}/s  engine {engine:>8} decoding {decoded:>8}  \
         toolgate {ours:>8} p99 {ours_p99:>8} {ours_rate:>9}/s  {hop_times} {engine_times}  cedar {cedar:>8} \
         with its request {with_request:>8} {cedar_times} regorus {regorus:>8} cel {cel:>8}"
    )
}

/// The README's part.
pub(crate) fn markdown(about: &About, rows: &[(&str, usize, Row)]) -> String {
    let mut text = String::from(
        "| Policies | | Kyverno over loopback | p99 | calls/s | Kyverno's engine | with decoding | Toolgate | p99 | calls/s \
         | loopback ÷ Toolgate | engine ÷ Toolgate |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (name, count, row) in rows {
        let [hop, hop_p99, hop_rate, engine, decoded, ours, ours_p99, ours_rate, hop_times, engine_times] =
            cells(row);
        text.push_str(&format!(
            "| {count} | {} | {hop} | {hop_p99} | {hop_rate} | {engine} | {decoded} | **{ours}** | {ours_p99} | {ours_rate} \
             | **{hop_times}** | **{engine_times}** |\n",
            title(name),
        ));
    }
    text.push_str(
        "\n| Policies | | Toolgate, event to answer | Cedar | with its request | regorus | `cel` | Cedar with its \
         request ÷ Toolgate | Kyverno's engine with decoding ÷ Toolgate |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (name, count, row) in rows {
        let [ours, cedar, with_request, regorus, cel, cedar_times, decoded_times] = peer_cells(row);
        text.push_str(&format!(
            "| {count} | {} | **{ours}** | {cedar} | {with_request} | {regorus} | {cel} | **{cedar_times}** | \
             **{decoded_times}** |\n",
            title(name),
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
