//! Policy files: what Kyverno's file source refuses, Toolgate refuses.

use serde_json::Value as Json;
use toolgate::policy::load::load_text;

/// Compares the names that load; where Kyverno skips a document in silence, Toolgate has an error.
pub(crate) fn compare(case: &Json) -> Result<(), String> {
    let answer = &case["answer"];
    let (mut names, mut errors) = (Vec::new(), 0_usize);
    for (name, text) in case["files"].as_object().unwrap() {
        let loaded = load_text(name, text.as_str().unwrap());
        names.extend(loaded.policies.iter().map(|policy| policy.name.value.clone()));
        errors += loaded.diagnostics.len();
    }
    let skipped = answer["skipped"].as_array().map_or(0, Vec::len);
    if (skipped > 0) != (errors > 0) {
        return Err(format!("{errors} errors, expected {answer}"));
    }
    let mut due: Vec<&str> =
        answer["policies"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    due.sort_unstable();
    names.sort_unstable();
    if errors == 0 && names != due { Err(format!("loads {names:?}, expected {answer}")) } else { Ok(()) }
}
