//! The report of a test run as the XML that continuous integration systems read.

use toolgate::internal::diag::Diagnostic;
use toolgate::internal::diag::report::{Palette, render};
use toolgate::internal::visible;

use super::Run;
use crate::report::Report;
use crate::suite::kyverno::TestResult;
use crate::suite::run::{CaseResult, FixtureResult, Mismatch};

/// One `testcase`.
struct Case {
    name: String,
    line: Option<usize>,
    /// The message and the text of a failure.
    failure: Option<(String, String)>,
}

pub(super) fn write(run: &Run, report: &mut Report) {
    let mut suites = Vec::new();
    for outcome in &run.outcomes {
        if !outcome.diagnostics.is_empty() {
            suites.push((outcome.file.clone(), "fixtures".to_owned(), vec![broken(&outcome.diagnostics)]));
        }
        for fixture in &outcome.fixtures {
            suites.push((outcome.file.clone(), fixture.name.clone(), cases(fixture)));
        }
    }
    for (file, test) in run.kyverno() {
        suites.push((file.to_owned(), test.name.clone(), kyverno_cases(test)));
    }
    let failures = |cases: &[Case]| cases.iter().filter(|case| case.failure.is_some()).count();
    let tests: usize = suites.iter().map(|(_, _, cases)| cases.len()).sum();
    let failed: usize = suites.iter().map(|(_, _, cases)| failures(cases)).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.push_str(&format!(
        "<testsuites name=\"toolgate test\" tests=\"{tests}\" failures=\"{failed}\" time=\"{:.3}\">\n",
        run.took.as_secs_f64()
    ));
    for (file, name, cases) in &suites {
        xml.push_str(&format!(
            "  <testsuite name=\"{}\" file=\"{}\" tests=\"{}\" failures=\"{}\">\n",
            escape(name),
            escape(file),
            cases.len(),
            failures(cases)
        ));
        cases.iter().for_each(|case| xml.push_str(&case_xml(file, name, case)));
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>");
    report.line(xml.into_bytes());
}

fn broken(diagnostics: &[Diagnostic]) -> Case {
    let text = render(diagnostics, &Palette::PLAIN);
    let failure = Some(("the file has mistakes".to_owned(), text));
    Case { name: "the file is well-formed".to_owned(), line: None, failure }
}

fn cases(fixture: &FixtureResult) -> Vec<Case> {
    if !fixture.loads {
        let text = render(&fixture.diagnostics, &Palette::PLAIN);
        let failure = Some(("the policies do not load".to_owned(), text));
        return vec![Case { name: "the policies load".to_owned(), line: None, failure }];
    }
    fixture.cases.iter().map(case).collect()
}

fn case(case: &CaseResult) -> Case {
    let failure = (!case.mismatches.is_empty()).then(|| {
        let lines: Vec<String> = case.mismatches.iter().map(Mismatch::to_string).collect();
        let mut text = format!("{}\nof: {}\ndecided: {}\n", lines.join("\n"), case.message, case.sentence());
        for (policy, said) in case.trace() {
            text.push_str(&format!("{policy}: {said}\n"));
        }
        (lines.join("; "), text)
    });
    Case { name: case.name.clone(), line: Some(case.line), failure }
}

fn kyverno_cases(test: &TestResult) -> Vec<Case> {
    if let Some(failure) = &test.failure {
        let text = failure.text().to_owned();
        let failure = Some((text.clone(), text));
        return vec![Case { name: "the test runs".to_owned(), line: None, failure }];
    }
    let rows = test.rows.iter().map(|row| Case {
        name: format!("{}: {}", row.policy, row.resource),
        line: None,
        failure: (!row.pass).then(|| (row.reason.clone(), row.message.clone())),
    });
    rows.collect()
}

fn case_xml(file: &str, suite: &str, case: &Case) -> String {
    let line = case.line.map(|line| format!(" line=\"{line}\"")).unwrap_or_default();
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\"{line}",
        escape(suite),
        escape(&case.name),
        escape(file)
    );
    match &case.failure {
        None => format!("{head}/>\n"),
        Some((message, text)) => format!(
            "{head}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
            escape(message),
            escape(text)
        ),
    }
}

/// Text for XML 1.0; characters that it cannot have become `�`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ if visible::is_unseen(character) => out.push_str(&format!("&#{};", u32::from(character))),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_has_no_characters_that_it_cannot_have() {
        assert_eq!(escape("a<b>&\"\n\u{0}é"), "a&lt;b&gt;&amp;&quot;&#10;\u{fffd}é");
        assert_eq!(escape("\u{202e}\u{e0041}"), "&#8238;&#917569;");
    }
}
