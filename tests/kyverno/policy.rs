//! Whole policies against one request.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use bumpalo::Bump;
use serde_json::{Value as Json, json};
use toolgate::internal::budget::Budget;
use toolgate::internal::diag::Code;
use toolgate::internal::gateway::envoy;
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::policy::ask::{ErrorText, Opinion, ask_alone, rule};
use toolgate::internal::policy::build::{Beside, make};
use toolgate::internal::policy::compile::CompiledSet;
use toolgate::internal::policy::decide::{DefaultDecision, Effect, decide, decide_one_by_one};
use toolgate::internal::policy::load::{Loaded, load_text};
use toolgate::internal::policy::set::{compile, compiled};
use toolgate::internal::value::Value;
use toolgate::{Diagnostic, Diagnostics, PolicySet, Severity};

use super::expression::Way;
use super::opinion::told;
use super::{expression, request};

/// Loads and compiles the case's policies in their order.
fn set(case: &Json) -> Result<PolicySet, Diagnostics> {
    let Loaded { policies, exceptions, diagnostics, .. } = loaded(case);
    if diagnostics.is_empty() { compile(&policies, &exceptions) } else { Err(Diagnostics::from(diagnostics)) }
}

/// Loads the case's policies in their order.
fn loaded(case: &Json) -> Loaded {
    let mut sources = Vec::new();
    let mut policies = Vec::new();
    let mut diagnostics = Vec::new();
    for (index, text) in case["policies"].as_array().unwrap().iter().enumerate() {
        let loaded = load_text(&format!("policy-{index}.yaml"), text.as_str().unwrap());
        policies.extend(loaded.policies);
        sources.extend(loaded.sources);
        let told =
            loaded.diagnostics.into_iter().filter(|diagnostic| diagnostic.severity != Severity::Warning);
        diagnostics.extend(told);
    }
    let mut exceptions = Vec::new();
    for (index, text) in case["exceptions"].as_array().into_iter().flatten().enumerate() {
        let loaded = load_text(&format!("exception-{index}.yaml"), text.as_str().unwrap());
        exceptions.extend(loaded.exceptions);
        sources.extend(loaded.sources);
        // Of a text with nothing but an exception: there is no policy in it, and it matches none.
        diagnostics.extend(loaded.diagnostics.into_iter().filter(|diagnostic| {
            !matches!(diagnostic.code, Code::NoPolicies) && diagnostic.severity == Severity::Error
        }));
    }
    Loaded { policies, exceptions, diagnostics, sources, written: None }
}

/// Compares what the case's policies say from their texts and from a bundle of them: all together, each alone, and what is
/// left of the budget.
pub(crate) fn same_from_bundle(case: &Json) -> Result<(), String> {
    let mut texts = loaded(case);
    // A bundle's policies are in the order in which they are asked.
    texts.policies.sort_by(|left, right| left.name.value.cmp(&right.name.value));
    texts.exceptions.sort_by(|left, right| left.name.value.cmp(&right.name.value));
    let names: BTreeSet<&str> = texts.policies.iter().map(|policy| policy.name.value.as_str()).collect();
    let is_set = names.len() == texts.policies.len() && !names.is_empty();
    if !is_set || !texts.diagnostics.is_empty() || case["answer"]["decision"] == "badrequest" {
        return Ok(());
    }
    let Ok(plain) = compile(&texts.policies, &texts.exceptions) else { return Ok(()) };
    let (bytes, _) = make(texts, Path::new(""), &Beside::default()).map_err(|wrong| messages(&wrong))?;
    let (bundled, _) = PolicySet::from_bundle("case.bundle", &bytes).map_err(|wrong| messages(&wrong))?;
    if plain.digest() != bundled.digest() {
        return Err("another digest".to_owned());
    }
    let bump = Bump::new();
    let object = request::object(case, &bump);
    let said = |set: &PolicySet| {
        let set = compiled(set);
        let mut told = String::new();
        for policy in &set.policies {
            let verdict = ask_alone(policy, object, Runtime::new(&bump, Budget::default()));
            writeln!(told, "{} {verdict:?}", policy.name).unwrap();
        }
        let decision = decide(set, object, Runtime::new(&bump, Budget::default()), &mut |_, _| {});
        let (reads, envoy, json) = (&set.reads, &set.envoy_reads, &set.json_reads);
        let asks: Vec<_> = set.asks.iter().map(|(ask, place)| (ask, place.position(), &place.path)).collect();
        format!("{told}{decision:?} {reads:?} {envoy:?} {json:?} {asks:?}")
    };
    let (plain, bundled) = (said(&plain), said(&bundled));
    if plain == bundled { Ok(()) } else { Err(format!("from texts  {plain}\n  from a bundle {bundled}")) }
}

/// Compares decision, status, reason, error text, the deciding policy, and what each policy says alone.
pub(crate) fn compare(case: &Json) -> Result<(), String> {
    let expected = &case["answer"];
    let envoy = case["mode"] == "Envoy";
    if expected["decision"] == "badrequest" {
        return if envoy { same_envoy_refusal(case) } else { Ok(()) };
    }
    let set = match (set(case), expected["broken"].as_array()) {
        (Err(diagnostics), Some(broken)) => return same_refusal(&diagnostics, broken),
        (Err(diagnostics), None) => return Err(format!("does not load: {}", messages(&diagnostics))),
        (Ok(_), Some(broken)) => return Err(format!("loads, but Kyverno refuses it: {broken:?}")),
        (Ok(set), None) => set,
    };
    let set = compiled(&set);
    let bump = Bump::new();
    let object = request::object(case, &bump);
    same_one_by_one(set, object, &bump)?;
    if case["mode"] == "JSON" {
        return same_rules(case, set);
    }
    let decision = decide(set, object, Runtime::new(&bump, Budget::default()), &mut |_, _| {});
    // Envoy has no status but a denial's; an error is one of gRPC's.
    let mut got = told(decision.opinion);
    if envoy {
        got["status"] = match decision.status {
            Some(0) | None => Json::Null,
            Some(status) => json!(status),
        };
    }
    if let Some(policy) = decision.policy {
        got["policy"] = json!(set.policies[policy].name);
    }
    for field in ["decision", "status", "reason", "error", "policy"] {
        let due = match field {
            "decision" => expected[field].as_str().map(plain),
            // What is told is the body, or else the message of the status.
            "reason" => expected[field].as_str().filter(|text| !text.is_empty()).or(message(expected)),
            _ => expected[field].as_str(),
        };
        let due = due.filter(|text| !text.is_empty());
        let have = got[field].as_str().filter(|text| !text.is_empty());
        if due != have || expected[field].as_i64() != got[field].as_i64() {
            return Err(format!("{field}\n  expected {expected}\n  got      {got}"));
        }
    }
    for (policy, expected) in set.policies.iter().zip(expected["policies"].as_array().into_iter().flatten()) {
        let verdict = ask_alone(policy, object, Runtime::new(&bump, Budget::default()))
            .map_err(|fault| fault.to_string())?;
        let (result, text) = match verdict.opinion {
            Opinion::Allow => ("allow", String::new()),
            Opinion::Deny(reason) => ("deny", reason.to_owned()),
            Opinion::Nothing => ("none", String::new()),
            Opinion::Error(errors) => ("error", ErrorText(errors).to_string()),
        };
        let due = plain(expected["result"].as_str().unwrap());
        let reason = expected["reason"].as_str().filter(|text| !text.is_empty());
        let due_text = reason.or(message(expected)).or(expected["error"].as_str()).unwrap_or_default();
        if (result, text.as_str()) != (due, due_text) {
            return Err(format!("policy {}\n  expected {expected}\n  got      {result} {text}", policy.name));
        }
    }
    Ok(())
}

/// The policies of many cases in one set, which has an index where theirs are too few for one: asked about the request of
/// each, they say the same one by one. Gives how many policies they are.
pub(crate) fn same_together(cases: &[Json]) -> Result<usize, String> {
    let mut policies = Vec::new();
    for case in cases.iter().filter(|case| case["answer"]["decision"] != "badrequest" && set(case).is_ok()) {
        for mut policy in loaded(case).policies {
            policy.name.value = format!("{}-{}", policies.len(), policy.name.value);
            policies.push(policy);
        }
    }
    let set = compile(&policies, &[]).map_err(|wrong| messages(&wrong))?;
    let set = compiled(&set);
    for case in cases.iter().filter(|case| case["answer"]["decision"] != "badrequest") {
        let bump = Bump::new();
        let object = request::object(case, &bump);
        same_with(set, object, &bump, 3).map_err(|difference| format!("{}: {difference}", case["id"]))?;
    }
    Ok(policies.len())
}

/// The index and what is shared change no decision, no reason and no budget, be that ample or spent anywhere on the way.
fn same_one_by_one<'a>(set: &'a CompiledSet<'a>, object: Value<'a>, bump: &'a Bump) -> Result<(), String> {
    same_with(set, object, bump, 40)
}

/// The same, with budgets that are spent after each of so many `parts` of the way.
fn same_with<'a>(
    set: &'a CompiledSet<'a>,
    object: Value<'a>,
    bump: &'a Bump,
    parts: u64,
) -> Result<(), String> {
    let ample = Budget::default();
    let plain = decide_one_by_one(set, object, Runtime::new(bump, ample), &mut |_, _| {});
    let (steps, bytes) = (ample.steps - plain.budget.steps, ample.bytes - plain.budget.bytes);
    let spent_anywhere =
        (0..parts).map(|part| Budget { steps: steps * part / (parts - 1), bytes: ample.bytes });
    let full_anywhere = (0..parts / 4).map(|part| Budget { steps: ample.steps, bytes: bytes * part / 9 });
    for budget in [ample].into_iter().chain(spent_anywhere).chain(full_anywhere) {
        let plain = decide_one_by_one(set, object, Runtime::new(bump, budget), &mut |_, _| {});
        let indexed = decide(set, object, Runtime::new(bump, budget), &mut |_, _| {});
        if format!("{plain:?}") != format!("{indexed:?}") {
            return Err(format!("one by one {plain:?}\n  indexed    {indexed:?}"));
        }
    }
    Ok(())
}

/// Envoy and Kyverno go by more than this; see the oracle.
fn plain(result: &str) -> &str {
    match result {
        "empty" | "deny-without-denied" => "deny",
        "allow-without-ok" | "allow-with-denied" => "allow",
        result => result,
    }
}

/// The message of an Envoy denial's status.
fn message(answer: &Json) -> Option<&str> {
    let result = answer["decision"].as_str().or(answer["result"].as_str()).unwrap_or_default();
    answer["message"].as_str().filter(|_| plain(result) == "deny")
}

/// A broken set is refused; what Kyverno says of a type error, a diagnostic says too. Kyverno stops at a policy's
/// first faulty expression, Toolgate reports all.
fn same_refusal(diagnostics: &[Diagnostic], broken: &[Json]) -> Result<(), String> {
    for broken in broken {
        let error = broken["error"].as_str().unwrap();
        // Words of the schema are the loader's own tests; texts of syntax errors may differ; where Kyverno's
        // compiler panics, refusing is all.
        let own_words = ["Syntax error", "invalid evaluation mode", "index out of range [0]"];
        if broken["stage"] == "load"
            || broken["stage"] == "panic"
            || own_words.iter().any(|words| error.contains(words))
        {
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
            // Kyverno's engine puts its errors in brackets.
            let said = |text: &str| diagnostics.iter().any(|diagnostic| text.ends_with(&diagnostic.message));
            if !said(due) && !due.strip_suffix(')').is_some_and(said) {
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
        true => match set(case) {
            Ok(_) => return Err("loads".to_owned()),
            Err(diagnostics) => messages(&diagnostics),
        },
        false => match expression::answer(case, Way::Text) {
            got if got["decision"] == "compile-error" => got["error"].to_string(),
            got => return Err(format!("`{}` is answered: {got}", case["expr"])),
        },
    };
    if texts.contains("not supported yet") { Ok(()) } else { Err(format!("`{}`: {texts}", case["expr"])) }
}

/// A payload that Kyverno's protobuf library refuses is refused, in the same words but for those of its JSON parser.
fn same_envoy_refusal(case: &Json) -> Result<(), String> {
    let bump = Bump::new();
    let text = bump.alloc_str(&case["payload"].to_string());
    let due = case["answer"]["error"].as_str().unwrap();
    match envoy::payload(text.as_bytes(), &bump, &mut Budget::default()) {
        Ok(_) => Err(format!("{text}\n  is read, but Kyverno says {due}")),
        Err(_) if ["syntax error", "oneof", "duplicate"].iter().any(|words| due.contains(words)) => Ok(()),
        Err(error) if error.to_string() == due => Ok(()),
        Err(error) => Err(format!("{text}\n  expected {due}\n  got      {error}")),
    }
}

/// Mode JSON: compares what Kyverno's engine reports of each policy, and that all together decide as its webhook would:
/// what fails or errs denies.
fn same_rules(case: &Json, set: &CompiledSet<'_>) -> Result<(), String> {
    let bump = Bump::new();
    let object = request::object(case, &bump);
    let mut got = Vec::new();
    for policy in &set.policies {
        let verdict = ask_alone(policy, object, Runtime::new(&bump, Budget::default()))
            .map_err(|fault| format!("{}: {fault}", policy.name))?;
        let rule = rule(policy, &verdict);
        let mut row = json!({"policy": policy.name, "status": rule.status, "message": rule.message});
        if !rule.name.is_empty() {
            row["rule"] = json!(rule.name);
        }
        if let Some(index) = verdict.validation {
            row["index"] = json!(index.to_string());
        }
        let exceptions = verdict.exceptions.iter().map(|index| policy.exceptions[*index].name.as_str());
        let exceptions: Vec<&str> = exceptions.collect();
        if !exceptions.is_empty() {
            row["exceptions"] = json!(exceptions);
        }
        got.push(row);
    }
    let expected = case["answer"]["policies"].as_array().cloned().unwrap_or_default();
    if got != expected {
        return Err(format!("expected {}\n  got      {}", json!(expected), json!(got)));
    }
    let decision = decide(set, object, Runtime::new(&bump, Budget::default()), &mut |_, _| {});
    let denies = |name: &Json| set.policies.iter().any(|policy| policy.name == *name && policy.denies);
    let bad =
        |row: &&Json| matches!(row["status"].as_str(), Some("fail" | "error")) && denies(&row["policy"]);
    let first = expected.iter().find(bad);
    let decided = decision.policy.map(|index| set.policies[index].name.as_str());
    let same = match (decision.effect(DefaultDecision::Allow), first) {
        (Effect::Deny, Some(row)) => decided == row["policy"].as_str(),
        (Effect::Allow, None) => true,
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(format!("decides {:?} by {decided:?}, the first is {first:?}", decision.opinion))
    }
}
