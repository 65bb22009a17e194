//! AGREEMENT.md says what `testdata/kyverno` holds and where Toolgate differs; this writes it, and fails when it is
//! stale: `TOOLGATE_UPDATE=1 cargo test --test agreement`. That the cases do agree is tested in `tests/kyverno.rs`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// The names of the modules in the headers, and what people call them.
const VERSIONS: [(&str, &str); 9] = [
    ("kyverno", "Kyverno"),
    ("kyverno-authz", "kyverno-authz"),
    ("kyverno-sdk", "kyverno/sdk"),
    ("kyverno-api", "kyverno/api"),
    ("cel-go", "cel-go"),
    ("apiserver", "k8s.io/apiserver"),
    ("mcp-go", "mcp-go"),
    ("jwx", "jwx"),
    ("go", "Go"),
];

/// What a file is called after its first word, in the order of the tables.
const KINDS: [(&str, &str, &str); 4] = [
    (
        "expressions",
        "Expressions",
        "Single CEL expressions: the value, or the error's text; compile errors too.",
    ),
    (
        "policies",
        "Policies",
        "Lists of policies and one request: decision, status, reason, error text, and what each policy says alone.",
    ),
    (
        "loader",
        "Files",
        "Policy files: which load, and that the others are refused (Kyverno only logs them).",
    ),
    (
        "later",
        "Not supported yet",
        "What Kyverno has and Toolgate does not: each is refused with a message that says so, never decided another way.",
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One file of cases.
struct Area {
    kind: String,
    name: String,
    ids: Vec<String>,
    /// How many have a request that Kyverno cannot read.
    unread: usize,
}

/// Every line's beginning has its id; the rest may nest deeper than serde_json reads.
fn id(line: &str) -> String {
    let rest = line.strip_prefix(r#"{"id":""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// All files of cases, and the header that they share.
fn areas() -> (Vec<Area>, Json) {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("testdata/kyverno")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut header = Json::Null;
    let mut areas = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let mut lines = text.lines();
        let found: Json = serde_json::from_str(lines.next().unwrap()).unwrap();
        assert!(header.is_null() || header == found["header"], "{} is of other versions", file.display());
        header = found["header"].clone();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let (kind, name) = stem.split_once('-').unwrap_or((stem, "policy files"));
        let unread = text.matches(r#","answer":{"decision":"badrequest","#).count();
        areas.push(Area {
            unread,
            kind: kind.to_owned(),
            name: name.replace('-', " "),
            ids: lines.map(id).collect(),
        });
    }
    (areas, header)
}

fn differences() -> Vec<Json> {
    let text = fs::read_to_string(root().join("testdata/kyverno/known-differences.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Digits in groups of three, as the README writes them.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn report() -> String {
    let (areas, header) = areas();
    let differences = differences();
    let differing: Vec<&str> = differences
        .iter()
        .flat_map(|group| group["cases"].as_array().unwrap())
        .map(|id| id.as_str().unwrap())
        .collect();
    let differ = |area: &Area| area.ids.iter().filter(|id| differing.contains(&id.as_str())).count();
    let listed: usize = areas.iter().map(differ).sum();
    assert_eq!(listed, differing.len(), "a known difference is no case, or is listed twice");
    let decided = || areas.iter().filter(|area| area.kind != "later");
    let unread: usize = decided().map(|area| area.unread).sum();
    let total = decided().map(|area| area.ids.len()).sum::<usize>() - unread;
    let different: usize = decided().map(differ).sum();

    let mut out = String::from(
        "# Agreement with Kyverno\n\n\
         Written by `TOOLGATE_UPDATE=1 cargo test --test agreement`; `cargo test` fails when it is stale.\n\n",
    );
    let agree = total - different;
    writeln!(
        out,
        "Kyverno's own engine answered {} cases; Toolgate gives the same answer to {} of them ({:.2} %). The other {} are \
         listed below with the reason. `cargo test` compares all of them again: a case that differs and is not listed \
         fails it, and so does one that is listed and agrees.\n\n\
         Compared are whole answers, texts of errors included, but for four things: of an expression with a syntax error \
         only that it is refused, because cel-go's texts list the tokens of its grammar; of an expression that crashes \
         Kyverno's compiler, that it is refused; of an expression of mode JSON that Kyverno ends for its cost, that it is a fault, \
         which denies; of policy files, which of them load. Not counted here is what is not supported yet, which has a \
         table of its own. {unread} more cases have \
         a request that Kyverno cannot read: no policy sees it.\n",
        grouped(total as u64),
        grouped(agree as u64),
        agree as f64 * 100.0 / total as f64,
        different,
    )
    .unwrap();
    out.push_str("## Who answered\n\n| Module | Version |\n|---|---|\n");
    for (key, name) in VERSIONS {
        writeln!(out, "| {name} | {} |", header[key].as_str().unwrap()).unwrap();
    }
    out.push_str("\n## Cases\n");
    for (kind, title, about) in KINDS {
        let of_kind: Vec<&Area> = areas.iter().filter(|area| area.kind == kind).collect();
        assert!(!of_kind.is_empty(), "there are no cases `{kind}`");
        let agreement = if kind == "later" { "Refused" } else { "Agree" };
        writeln!(
            out,
            "\n### {title}\n\n{about}\n\n| Area | Cases | {agreement} | Differ | Unreadable |\n|---|---:|---:|---:|---:|"
        )
        .unwrap();
        let mut sums = [0; 4];
        for area in &of_kind {
            let differs = differ(area);
            let row = [area.ids.len(), area.ids.len() - differs - area.unread, differs, area.unread];
            writeln!(out, "| {} | {} | {} | {} | {} |", area.name, row[0], row[1], row[2], row[3]).unwrap();
            sums.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        }
        if of_kind.len() > 1 {
            writeln!(
                out,
                "| **all** | **{}** | **{}** | **{}** | **{}** |",
                sums[0], sums[1], sums[2], sums[3]
            )
            .unwrap();
        }
    }
    assert!(
        areas.iter().all(|area| KINDS.iter().any(|(kind, ..)| area.kind == *kind)),
        "a kind has no table"
    );
    let runs = fs::read_dir(root().join("testdata/kyverno/apply")).unwrap().count();
    writeln!(
        out,
        "\n### The command line\n\n{runs} recorded runs of `kyverno apply`, row by row; the few rows that differ stand in \
         `tests/cli/apply.rs`, each with its reason."
    )
    .unwrap();
    list(&mut out, &differences);
    generated(&mut out);
    out
}

fn list(out: &mut String, differences: &[Json]) {
    out.push_str("\n## Known differences\n\nFrom `testdata/kyverno/known-differences.json`.\n\n");
    for group in differences {
        let text = |member: &str| group[member].as_str().unwrap().to_owned();
        let ids: Vec<String> = group["cases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| format!("`{}`", id.as_str().unwrap()))
            .collect();
        writeln!(
            out,
            "- **{}** {} Removed by: {}. ({})",
            text("what"),
            text("why"),
            text("removed by").trim_end_matches('.'),
            ids.join(", ")
        )
        .unwrap();
    }
}

/// The last long runs of the differential generator.
fn generated(out: &mut String) {
    out.push_str("\n## Generated cases\n\n");
    let text = fs::read_to_string(root().join("testdata/kyverno/differential.json")).unwrap();
    let runs: Vec<BTreeMap<String, Json>> = serde_json::from_str(&text).unwrap();
    out.push_str(
        "The last long run of `cargo run --release -p toolgate-tools --bin differential` for each mode: policies with their requests \
         (a pair is a set of policies and a request), and single expressions (a pair is an expression and a request). Refused: \
         neither side loads it. Left out: what the known differences above explain, and what Kyverno answers at random or ends for \
         its cost.\n\n\
         | mode | what | date | seed | cases | pairs | refused | left out | unexplained differences |\n\
         |---|---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for run in &runs {
        let text = |member: &str| run[member].as_str().unwrap();
        let number = |member: &str| grouped(run[member].as_u64().unwrap());
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            text("mode"),
            text("what"),
            text("date"),
            run["seed"],
            number("cases"),
            number("pairs"),
            number("refused"),
            number("leftOut"),
            number("differences"),
        )
        .unwrap();
    }
}

#[test]
fn the_report_is_not_stale() {
    let report = report();
    let file = root().join("AGREEMENT.md");
    if std::env::var_os("TOOLGATE_UPDATE").is_some() {
        fs::write(&file, &report).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == report, "AGREEMENT.md is stale: run TOOLGATE_UPDATE=1 cargo test --test agreement");
}
