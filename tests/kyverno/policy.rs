//! Whole policies against one request.

use bumpalo::Bump;
use serde_json::{Value as Json, json};
use toolgate::cel::budget::Budget;
use toolgate::cel::plan::Arena;
use toolgate::diag::Diagnostic;
use toolgate::policy::compile::{CompiledSet, compile};
use toolgate::policy::decide::{ErrorText, Opinion, Outcome, ask_alone, decide};
use toolgate::policy::load::load_text;

use super::{expression, request};

/// Loads and compiles the case's policies in their order.
fn set<'p>(case: &Json, arena: &'p Arena) -> Result<CompiledSet<'p>, Vec<Diagnostic>> {
    let mut policies = Vec::new();
    let mut diagnostics = Vec::new();
    for (index, text) in case["policies"].as_array().unwrap().iter().enumerate() {
        let loaded = load_text(&format!("policy-{index}.yaml"), text.as_str().unwrap());
        policies.extend(loaded.policies);
        diagnostics.extend(loaded.diagnostics);
    }
    if diagnostics.is_empty() { compile(&policies, arena) } else { Err(diagnostics) }
}

/// Compares decision, status, reason, error text, the deciding policy, and what each policy says alone.
pub(crate) fn compare(case: &Json) -> Result<(), String> {
    let expected = &case["answer"];
    if expected["decision"] == "badrequest" {
        return Ok(());
    }
    let arena = Arena::new();
    let set = match (set(case, &arena), expected["broken"].as_array()) {
        (Err(diagnostics), Some(broken)) => return same_refusal(&diagnostics, broken),
        (Err(diagnostics), None) => return Err(format!("does not load: {}", messages(&diagnostics))),
        (Ok(_), Some(broken)) => return Err(format!("loads, but Kyverno refuses it: {broken:?}")),
        (Ok(set), None) => set,
    };
    let bump = Bump::new();
    let object = request::object(case, &bump);
    let decision = decide(&set, object, &bump, Budget::default(), &mut |_, _| {});
    let mut got = match decision.outcome {
        Outcome::Allow => json!({"decision": "allow", "status": 200}),
        Outcome::Deny(reason) => json!({"decision": "deny", "status": 403, "reason": reason}),
        Outcome::Error(errors) => {
            json!({"decision": "error", "status": 500, "error": ErrorText(errors).to_string()})
        }
        Outcome::Nothing => json!({"decision": "none", "status": 200}),
        Outcome::Fault(fault) => json!({"decision": "fault", "error": fault.to_string()}),
    };
    if let Some(policy) = decision.policy {
        got["policy"] = json!(set.policies[policy].name);
    }
    for field in ["decision", "status", "reason", "error", "policy"] {
        let due = expected[field].as_str().filter(|text| !text.is_empty());
        let have = got[field].as_str().filter(|text| !text.is_empty());
        if due != have || expected[field].as_i64() != got[field].as_i64() {
            return Err(format!("{field}\n  expected {expected}\n  got      {got}"));
        }
    }
    for (policy, expected) in set.policies.iter().zip(expected["policies"].as_array().into_iter().flatten()) {
        let verdict =
            ask_alone(policy, object, &bump, Budget::default()).map_err(|fault| fault.to_string())?;
        let (result, text) = match verdict.opinion {
            Opinion::Allow => ("allow", String::new()),
            Opinion::Deny(reason) => ("deny", reason.to_owned()),
            Opinion::Nothing => ("none", String::new()),
            Opinion::Error(errors) => ("error", ErrorText(errors).to_string()),
        };
        let due = match expected["result"].as_str().unwrap() {
            "empty" => "deny",
            due => due,
        };
        let due_text = expected["reason"].as_str().or(expected["error"].as_str()).unwrap_or_default();
        if (result, text.as_str()) != (due, due_text) {
            return Err(format!("policy {}\n  expected {expected}\n  got      {result} {text}", policy.name));
        }
    }
    Ok(())
}

/// A broken set is refused; what Kyverno says of a type error, a diagnostic says too. Kyverno stops at a policy's
/// first faulty expression, Toolgate reports all.
fn same_refusal(diagnostics: &[Diagnostic], broken: &[Json]) -> Result<(), String> {
    for broken in broken {
        let error = broken["error"].as_str().unwrap();
        // Words of the schema are the loader's own tests; texts of syntax errors may differ; where Kyverno's
        // compiler panics, refusing is all.
        let own_words = ["Syntax error", "invalid evaluation mode", "index out of range [0]"];
        if broken["stage"] == "load" || own_words.iter().any(|words| error.contains(words)) {
            continue;
        }
        let due: Vec<&str> = match error.contains("ERROR: <input>") {
            // `ERROR: <input>:1:2: message` on each line that starts a mistake.
            true => error
                .lines()
                .filter_map(|line| line.split_once("ERROR: <input>:"))
                .filter_map(|(_, rest)| rest.splitn(3, ':').nth(2))
                .map(str::trim)
                .collect(),
            false => vec![error],
        };
        for due in due {
            if !diagnostics.iter().any(|diagnostic| due.ends_with(&diagnostic.message)) {
                return Err(format!("expected `{due}`\n  got      {}", messages(diagnostics)));
            }
        }
    }
    Ok(())
}

fn messages(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect::<Vec<_>>().join("; ")
}

/// A case of what comes later: not answered, but refused with a text that says that it is not supported yet.
pub(crate) fn refused(case: &Json) -> Result<(), String> {
    let texts = match case["policies"].is_array() {
        true => match set(case, &Arena::new()) {
            Ok(_) => return Err("loads".to_owned()),
            Err(diagnostics) => messages(&diagnostics),
        },
        false => match expression::answer(case) {
            got if got["decision"] == "compile-error" => got["error"].to_string(),
            got => return Err(format!("`{}` is answered: {got}", case["expr"])),
        },
    };
    if texts.contains("not supported yet") { Ok(()) } else { Err(format!("`{}`: {texts}", case["expr"])) }
}
