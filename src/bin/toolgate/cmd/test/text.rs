//! The report of a test run for people.

use toolgate::internal::visible::printable;

use super::{Counts, Run};
use crate::report::{BOLD, GREEN, RED, Report};
use crate::suite::kyverno::{Row, TestResult};
use crate::suite::run::{CaseResult, FixtureResult};
use crate::table::{self, Cell};

/// The longest message of which a report shows all.
const MAX_MESSAGE: usize = 200;

pub(super) fn write(run: &Run, report: &mut Report) {
    for outcome in &run.outcomes {
        report.refuse(&outcome.diagnostics);
        for fixture in &outcome.fixtures {
            report.refuse(&fixture.diagnostics);
            report.text(fixture_text(&outcome.file, fixture));
        }
    }
    let kyverno = run.kyverno();
    for (file, test) in &kyverno {
        kyverno_text(file, test, report);
    }
    let counts = run.counts;
    let stopped = kyverno.iter().any(|(_, test)| test.failure.is_some());
    if run.has_kyverno() && !stopped {
        let (passed, failed) = (counts.kyverno_passed, counts.kyverno_failed);
        report.text(match run.fail_only {
            true => {
                let all = passed.saturating_add(failed);
                format!("\nTest Summary: {failed} out of {all} tests failed\n")
            }
            false => format!("\nTest Summary: {passed} tests passed and {failed} tests failed\n"),
        });
    }
    if counts.fixtures > 0 {
        report.text(summary(run, counts));
    }
}

fn summary(run: &Run, counts: Counts) -> String {
    let fixtures = counts.fixtures;
    let (style, word) = if counts.failed == 0 { (GREEN, "passed") } else { (RED, "failed") };
    let (shown, total) = if counts.failed == 0 {
        (counts.passed, counts.passed)
    } else {
        (counts.failed, counts.passed.saturating_add(counts.failed))
    };
    format!(
        "\n{style}{shown} of {total} cases {word}{style:#} in {fixtures} {} ({} ms)\n",
        if fixtures == 1 { "fixture" } else { "fixtures" },
        run.took.as_millis()
    )
}

fn fixture_text(file: &str, fixture: &FixtureResult) -> String {
    let failed: Vec<&CaseResult> = fixture.cases.iter().filter(|case| !case.mismatches.is_empty()).collect();
    let name = format!("{}: {}", printable(file), printable(&fixture.name));
    if !fixture.loads {
        return format!("{RED}FAIL{RED:#} {name}: the policies do not load\n");
    }
    if failed.is_empty() {
        return format!("{GREEN}ok{GREEN:#}   {name}: {} cases\n", fixture.cases.len());
    }
    let mut text =
        format!("{RED}FAIL{RED:#} {name}: {} of {} cases failed\n", failed.len(), fixture.cases.len());
    for case in failed {
        text.push_str(&case_text(file, case));
    }
    text
}

fn case_text(file: &str, case: &CaseResult) -> String {
    let mut text = format!("  {BOLD}{}:{}: {}{BOLD:#}\n", printable(file), case.line, printable(&case.name));
    for mismatch in &case.mismatches {
        text.push_str(&format!(
            "    {}: expected {GREEN}{}{GREEN:#}\n    {:width$}       got {RED}{}{RED:#}\n",
            mismatch.what,
            printable(&mismatch.expected),
            "",
            printable(&mismatch.got),
            width = mismatch.what.len(),
        ));
    }
    text.push_str(&format!("    of: {}\n", shorten(&printable(&case.message))));
    text.push_str(&format!("    decided: {}\n", printable(&case.sentence())));
    if case.trace().is_empty() {
        text.push_str("    no policy was asked\n");
    }
    for (policy, said) in case.trace() {
        text.push_str(&format!("      {}: {}\n", printable(policy), printable(said)));
    }
    text
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= MAX_MESSAGE {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MAX_MESSAGE).collect();
    short.push('…');
    short
}

fn kyverno_text(file: &str, test: &TestResult, report: &mut Report) {
    for warning in &test.warnings {
        report.warning(&format!("{file}: {warning}"));
    }
    report.refuse(&test.diagnostics);
    if let Some(failure) = &test.failure {
        report.note(format!("{RED}error{RED:#}: {}: {}\n", printable(file), printable(failure.text())));
        return;
    }
    report.text(format!("\n{BOLD}{}{BOLD:#} {}\n", printable(file), printable(&test.name)));
    let rows: Vec<[Cell; 7]> = test.rows.iter().map(row).collect();
    report.text(table::render(["ID", "POLICY", "RULE", "RESOURCE", "RESULT", "REASON", "MESSAGE"], &rows));
}

fn row(row: &Row) -> [Cell; 7] {
    let (result, style) = if row.pass { ("Pass", GREEN) } else { ("Fail", RED) };
    [
        Cell::plain(&row.id.to_string()),
        Cell::plain(&row.policy),
        Cell::plain(&row.rule),
        Cell::plain(&row.resource),
        Cell::styled(result, style),
        Cell::plain(&row.reason),
        Cell::plain(&row.message),
    ]
}
