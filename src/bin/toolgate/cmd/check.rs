//! `toolgate check`: everything that is wrong with policies.

use toolgate::cel::plan::Arena;

use super::policies;
use crate::args::{Check, Format};
use crate::report::{GREEN, RED, Report, Status};

/// Loads and compiles the policies as the interceptor does at its start.
pub(crate) fn run(arguments: &Check) -> Report {
    let arena = Arena::new();
    let policies = policies::read(&arguments.paths, &arena);
    let mut report = Report::default();
    match arguments.output {
        Format::Json => report.json(&policies.diagnostics),
        Format::Text => {
            report.diagnostics(&policies.diagnostics);
            if !policies.diagnostics.is_empty() {
                report.text("\n");
            }
            let (errors, warnings) = policies::tally(&policies.diagnostics);
            let (style, loads) = if policies.set.is_some() {
                (GREEN, "the policies load")
            } else {
                (RED, "the policies do not load")
            };
            report.text(format!(
                "{style}{loads}{style:#}: {}, {}, {}\n",
                plural(policies.count, "policy", "policies"),
                plural(errors, "error", "errors"),
                plural(warnings, "warning", "warnings"),
            ));
        }
    }
    if policies.set.is_none() {
        report.raise(Status::BadPolicies);
    }
    report
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
