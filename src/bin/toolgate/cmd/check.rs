//! `toolgate check`: everything that is wrong with policies, and with the configuration beside them.

use toolgate::Severity;

use super::policies;
use crate::args::{Check, Format};
use crate::report::{GREEN, RED, Report, Status};

/// Loads and compiles the policies as the interceptor does at its start, with what the configuration grants.
pub(crate) fn run(arguments: &Check) -> Report {
    let texts = policies::read_texts(&arguments.paths, &arguments.config);
    let policies = policies::openable(texts, &arguments.paths, &arguments.config);
    let count = |severity| policies::count(&policies.diagnostics, severity);
    let mut report = Report::default();
    match arguments.output {
        Format::Json => report.json(&policies.diagnostics),
        Format::Text => {
            report.diagnostics(&policies.diagnostics);
            if !policies.diagnostics.is_empty() {
                report.text("\n");
            }
            let (style, loads) = if policies.set.is_some() {
                (GREEN, "the policies load")
            } else {
                (RED, "the policies do not load")
            };
            report.text(format!(
                "{style}{loads}{style:#}: {}, {}, {}\n",
                counted(&policies),
                plural(count(Severity::Error), "error", "errors"),
                plural(count(Severity::Warning), "warning", "warnings"),
            ));
            match count(Severity::Note) {
                0 => {}
                1 => report.text("1 note names what was left out\n"),
                more => report.text(format!("{more} notes name what was left out\n")),
            }
        }
    }
    if arguments.fail_on_warn && count(Severity::Warning) > 0 {
        report.raise(Status::Failed);
    }
    if policies.set.is_none() {
        report.raise(Status::BadPolicies);
    }
    report
}

/// `2 policies`, with the number of exceptions if there are any.
fn counted(policies: &policies::Policies) -> String {
    let text = plural(policies.written.len(), "policy", "policies");
    match policies.exceptions {
        0 => text,
        count => format!("{text}, {}", plural(count, "exception", "exceptions")),
    }
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
