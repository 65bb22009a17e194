//! The report of a test run as Markdown: tables, as a comment on a change has them.

use toolgate::internal::diag::report::{Palette, render};
use toolgate::internal::visible;

use super::Run;
use crate::report::Report;
use crate::suite::kyverno::TestResult;
use crate::suite::run::{FixtureResult, Mismatch};

pub(super) fn write(run: &Run, report: &mut Report) {
    let mut out = String::new();
    for outcome in &run.outcomes {
        if !outcome.diagnostics.is_empty() {
            mistakes(&mut out, &outcome.file, &render(&outcome.diagnostics, &Palette::PLAIN));
        }
        outcome.fixtures.iter().for_each(|fixture| fixture_table(&mut out, &outcome.file, fixture));
    }
    run.kyverno().into_iter().for_each(|(file, test)| kyverno_table(&mut out, file, test));
    let counts = run.counts;
    let cases = counts.passed.saturating_add(counts.failed);
    out.push_str(&format!("{cases} cases, {} failed", counts.failed));
    if run.has_kyverno() {
        let rows = counts.kyverno_passed.saturating_add(counts.kyverno_failed);
        out.push_str(&format!("; {rows} rows of Kyverno's tests, {} failed", counts.kyverno_failed));
    }
    report.line(out.into_bytes());
}

fn heading(out: &mut String, file: &str, name: &str) {
    out.push_str(&format!("### {} ({})\n\n", cell(name), cell(file)));
}

/// What keeps a file or a fixture from being run, as it is told.
fn mistakes(out: &mut String, file: &str, text: &str) {
    out.push_str(&format!("### {}\n\n", cell(file)));
    text.lines().for_each(|line| out.push_str(&format!("    {}\n", visible::printable(line))));
    out.push('\n');
}

fn row<'c>(out: &mut String, cells: impl IntoIterator<Item = &'c str>) {
    out.push('|');
    cells.into_iter().for_each(|text| out.push_str(&format!(" {} |", cell(text))));
    out.push('\n');
}

fn head<const N: usize>(out: &mut String, names: [&str; N]) {
    row(out, names);
    row(out, ["---"; N]);
}

fn fixture_table(out: &mut String, file: &str, fixture: &FixtureResult) {
    if !fixture.loads {
        return mistakes(out, file, &render(&fixture.diagnostics, &Palette::PLAIN));
    }
    heading(out, file, &fixture.name);
    head(out, ["CASE", "RESULT", "REASON"]);
    for case in &fixture.cases {
        let reasons: Vec<String> = case.mismatches.iter().map(Mismatch::to_string).collect();
        let result = if reasons.is_empty() { "Pass" } else { "Fail" };
        row(out, [case.name.as_str(), result, &reasons.join("; ")]);
    }
    out.push('\n');
}

/// The columns are those of `kyverno test --output-format markdown`.
fn kyverno_table(out: &mut String, file: &str, test: &TestResult) {
    if let Some(failure) = &test.failure {
        return mistakes(out, file, failure.text());
    }
    heading(out, file, &test.name);
    head(out, ["ID", "POLICY", "RULE", "RESOURCE", "RESULT", "REASON", "MESSAGE"]);
    for it in &test.rows {
        let result = if it.pass { "Pass" } else { "Fail" };
        let id = it.id.to_string();
        row(out, [id.as_str(), &it.policy, &it.rule, &it.resource, result, &it.reason, &it.message]);
    }
    out.push('\n');
}

/// Text that stays in its cell: what Markdown would read otherwise is escaped, what cannot be seen is told.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => out.push(' '),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '&' => {
                out.push('\\');
                out.push(character);
            }
            _ if visible::is_unseen(character) => out.push_str(&format!("U+{:04X}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_in_its_cell() {
        assert_eq!(cell("a|b\n<b>`c`"), "a\\|b \\<b\\>\\`c\\`");
        assert_eq!(cell("x\u{202e}y"), "xU+202Ey");
    }
}
