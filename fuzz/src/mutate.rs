//! Inputs out of inputs: changed bytes, words of the trade, lines, and members of JSON values.
//!
//! Knows texts and no target. The same generator makes the same inputs.

use serde_json::Value as Json;

use crate::rng::Rng;

/// No input is larger, however often it is doubled.
const LARGEST: usize = 256 * 1024;

/// Values that stand where others stood.
const VALUES: [&str; 22] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e400",
    "9007199254740993",
    "-0.0",
    "1.50",
    "\"\"",
    "\" \"",
    "[]",
    "{}",
    "[[]]",
    "{\"\":null}",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\u{200b}admin\"",
    "[null]",
    "\"2.0\"",
    "\"tools/call\"",
    "18446744073709551616",
];

/// One to six changes of `input`, with pieces of `other` and of `words`.
pub(crate) fn mutate(rng: &mut Rng, input: &[u8], other: &[u8], words: &[&str]) -> Vec<u8> {
    let mut output = input.to_vec();
    for _ in 0..=rng.below(6) {
        output = change(rng, output, other, words);
        output.truncate(LARGEST);
    }
    output
}

fn change(rng: &mut Rng, mut input: Vec<u8>, other: &[u8], words: &[&str]) -> Vec<u8> {
    let (from, to) = span(rng, input.len());
    match rng.below(12) {
        0 => {
            if let Some(byte) = input.get_mut(from) {
                *byte ^= 1 << rng.below(8);
            }
        }
        1 => drop(input.drain(from..to)),
        2 => {
            let byte = u8::try_from(rng.below(256)).unwrap_or_default();
            input.insert(from, byte);
        }
        // Up to a size that a limit should stop.
        3 => {
            let piece = input.get(from..to).unwrap_or_default().to_vec();
            let doublings = if rng.chance(20) { 14 } else { 5 };
            let times = 1 << rng.below(doublings);
            input.splice(to..to, piece.repeat(times.min(LARGEST.checked_div(piece.len()).unwrap_or(0))));
        }
        4 => {
            let (start, end) = span(rng, other.len());
            input.splice(from..to, other.get(start..end).unwrap_or_default().iter().copied());
        }
        5 => drop(input.splice(from..from, rng.text(words).bytes())),
        6 => drop(input.splice(from..to, rng.text(words).bytes())),
        // Another word where one stands.
        7 => {
            let text = String::from_utf8_lossy(&input).into_owned();
            let (old, new) = (rng.text(words), rng.text(words));
            return text.replacen(old, new, 1).into_bytes();
        }
        8 | 9 => return lines(rng, &String::from_utf8_lossy(&input)).into_bytes(),
        _ => {
            if let Some(text) = json(rng, &input) {
                return text.into_bytes();
            }
        }
    }
    input
}

/// A piece of something so long: short pieces often, long ones at times.
fn span(rng: &mut Rng, length: usize) -> (usize, usize) {
    let from = rng.below(length.saturating_add(1));
    let most = if rng.chance(700) { 16 } else { length };
    let to = from.saturating_add(rng.below(most.min(length.saturating_sub(from)).saturating_add(1)));
    (from, to)
}

/// One line left out, doubled, moved, indented or given another value: what a slip of the hand makes of YAML.
fn lines(rng: &mut Rng, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let (at, elsewhere) = (rng.below(lines.len()), rng.below(lines.len()));
    let Some(line) = lines.get(at).cloned() else { return text.to_owned() };
    match rng.below(6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(elsewhere, line),
        2 => lines.swap(at, elsewhere),
        3 => drop(lines.splice(at..=at, [format!("  {line}")])),
        4 => drop(lines.splice(at..=at, [line.strip_prefix("  ").unwrap_or(&line).to_owned()])),
        _ => {
            let key = line.split_once(':').map_or(line.as_str(), |(key, _)| key);
            lines.splice(at..=at, [format!("{key}: {}", rng.text(&VALUES))]);
        }
    }
    lines.join("\n")
}

/// What is done to one value of a JSON text.
struct Edit {
    /// How many values come before it.
    left: usize,
    what: usize,
    value: &'static str,
}

/// The text with one value left out, doubled, nested or replaced, or with a key in another spelling; none if it is no
/// JSON.
fn json(rng: &mut Rng, input: &[u8]) -> Option<String> {
    // Not deeper than this module may follow.
    if input.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 1_000 {
        return None;
    }
    let json: Json = serde_json::from_slice(input).ok()?;
    let mut edit = Edit { left: rng.below(count(&json)), what: rng.below(9), value: rng.text(&VALUES) };
    let mut out = String::with_capacity(input.len());
    write(&json, &mut edit, &mut out);
    Some(out)
}

fn count(json: &Json) -> usize {
    let inside: usize = match json {
        Json::Array(items) => items.iter().map(count).sum(),
        Json::Object(members) => members.values().map(count).sum(),
        _ => 0,
    };
    inside.saturating_add(1)
}

fn write(json: &Json, edit: &mut Edit, out: &mut String) {
    match json {
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                value(item, edit, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            let mut comma = "";
            for (key, item) in members {
                let here = edit.left == 0;
                if here && edit.what == 0 {
                    edit.left = usize::MAX;
                    continue;
                }
                out.push_str(comma);
                comma = ",";
                if here && edit.what == 1 {
                    out.push_str(&format!("{}:{},", Json::from(key.as_str()), edit.value));
                }
                match here.then_some(edit.what) {
                    Some(2) => out.push_str(&Json::from(swapped(key)).to_string()),
                    Some(3) => out.push_str(&escaped(key)),
                    _ => out.push_str(&Json::from(key.as_str()).to_string()),
                }
                out.push(':');
                value(item, edit, out);
            }
            out.push('}');
        }
        _ => out.push_str(&json.to_string()),
    }
}

fn value(item: &Json, edit: &mut Edit, out: &mut String) {
    let here = edit.left == 0;
    edit.left = if here { usize::MAX } else { edit.left.saturating_sub(1) };
    match here.then_some(edit.what) {
        Some(4 | 5) => out.push_str(edit.value),
        Some(6) => {
            let depth = 1 << (edit.value.len() % 12);
            out.push_str(&"[".repeat(depth));
            write(item, edit, out);
            out.push_str(&"]".repeat(depth));
        }
        Some(7) => out.push_str(&Json::from("x".repeat(LARGEST / 2)).to_string()),
        Some(8) => out.push_str(&Json::from(item.to_string()).to_string()),
        _ => write(item, edit, out),
    }
}

fn swapped(key: &str) -> String {
    let other =
        |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    key.chars().map(other).collect()
}

fn escaped(key: &str) -> String {
    let units: String = key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{units}\"")
}
