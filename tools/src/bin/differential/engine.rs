//! Toolgate's answers to a case, in the form of the oracle's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bumpalo::Bump;
use serde_json::{Value as Json, json};
use toolgate::internal::budget::Budget;
use toolgate::internal::cel::eval::Frame;
use toolgate::internal::cel::program::{Arena, Program};
use toolgate::internal::cel::{self, Env, Stage};
use toolgate::internal::diag::Code;
use toolgate::internal::error::Raise;
use toolgate::internal::gateway::{envoy, json};
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::policy::ask::{ErrorText, Opinion, ask_alone, rule};
use toolgate::internal::policy::compile::CompiledSet;
use toolgate::internal::policy::compiled::CompiledPolicy;
use toolgate::internal::policy::decide::decide;
use toolgate::internal::policy::load::load_text;
use toolgate::internal::policy::model::Mode;
use toolgate::internal::policy::set::{self as sets};
use toolgate::internal::value::Value;
use toolgate::{Diagnostics, Severity};

use super::cases::set;
use crate::kyverno::canonical::canonical;
use crate::kyverno::check_request;
use crate::kyverno::opinion::told;

/// A payload has no `object.mcp`; a request that a server reads has one.
fn request<'a>(object: &Json, bump: &'a Bump) -> Value<'a> {
    check_request::object(object, object["mcp"].is_object(), bump)
}

/// An input as a policy of the mode sees it.
fn seen<'a>(input: &Json, mode: Mode, bump: &'a Bump) -> Value<'a> {
    let text = || bump.alloc_str(&input["payload"].to_string()).as_bytes();
    match mode {
        Mode::Http => request(input, bump),
        Mode::Envoy => envoy::payload(text(), bump, &mut Budget::default()).unwrap_or(Value::Null),
        Mode::Json => {
            json::payload(text(), json::Form::Json, bump, &mut Budget::default()).unwrap_or(Value::Null)
        }
    }
}

/// What an evaluation may use, at a time between those of the tokens.
fn runtime(bump: &Bump) -> Runtime<'_> {
    Runtime::new(bump, Budget::default()).at(NOW)
}

/// As in the tests of the corpus.
const NOW: i64 = 1_800_000_000;

/// One answer per input; `objects` are the requests as Kyverno reads them.
pub(crate) fn answers(case: &Json, objects: &[Json]) -> Vec<Json> {
    let mode = match case["mode"].as_str() {
        Some("Envoy") => Mode::Envoy,
        Some("JSON") => Mode::Json,
        _ => Mode::Http,
    };
    // Of payloads the oracle gives no object back: they are what policies see.
    let payloads = case["requests"].as_array().cloned().unwrap_or_default();
    let inputs = if mode == Mode::Http { objects } else { &payloads };
    let asked = catch_unwind(AssertUnwindSafe(|| match case["kind"].as_str() {
        Some("policy") => policies(case, inputs, mode),
        _ => expression(case, inputs, mode),
    }));
    asked.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        objects.iter().map(|_| json!({"decision": "crash", "error": text})).collect()
    })
}

fn expression(case: &Json, objects: &[Json], mode: Mode) -> Vec<Json> {
    let arena = Arena::new();
    let mut environment = mode.environment();
    let mut variables = Vec::new();
    let same = |answer: Json| objects.iter().map(|_| answer.clone()).collect();
    for variable in case["vars"].as_array().into_iter().flatten() {
        match compiled(variable["expression"].as_str().unwrap_or_default(), &environment, &arena) {
            Ok((program, _)) => {
                let ty = program.output().clone();
                let name = variable["name"].as_str().unwrap_or_default();
                environment.declare_policy_variable(name, ty);
                variables.push(program.named(name, &arena));
            }
            Err(answer) => return same(answer),
        }
    }
    let (program, ty) = match compiled(case["expr"].as_str().unwrap_or_default(), &environment, &arena) {
        Ok(compiled) => compiled,
        Err(answer) => return same(answer),
    };
    let one = |object: &Json| {
        let bump = Bump::new();
        let object = seen(object, mode, &bump);
        let inputs = mode.inputs(object, &bump);
        let mut frame = Frame::new(runtime(&bump), inputs);
        frame.set_variables(&variables);
        match frame.evaluate(&program).and_then(|value| frame.runtime.settled(value)) {
            Ok(value) => json!({"decision": "value", "type": ty, "value": canonical(&value)}),
            Err(Raise::Error(error)) => json!({"decision": "error", "error": error.to_string()}),
            Err(Raise::Fault(fault)) => json!({"decision": "fault", "error": fault.to_string()}),
        }
    };
    objects.iter().map(one).collect()
}

fn compiled<'p>(
    text: &str,
    environment: &Env<'static>,
    arena: &'p Arena,
) -> Result<(Program<'p>, String), Json> {
    let compiled = cel::compile(text, environment, arena).map_err(|issues| match issues.stage {
        Stage::Syntax => json!({"decision": "compile-error", "syntax": true, "error": issues.text}),
        Stage::Types => json!({"decision": "compile-error", "error": issues.text}),
        Stage::Program => json!({"decision": "program-error", "error": issues.text}),
    })?;
    let ty = compiled.program.output().to_string();
    Ok((compiled.program, ty))
}

fn policies(case: &Json, inputs: &[Json], mode: Mode) -> Vec<Json> {
    let mut policies = Vec::new();
    let mut diagnostics = Vec::new();
    for (at, text) in case["policies"].as_array().into_iter().flatten().enumerate() {
        let loaded = load_text(&format!("policy-{at}.yaml"), text.as_str().unwrap_or_default());
        policies.extend(loaded.policies);
        diagnostics.extend(loaded.diagnostics.into_iter().filter(|found| found.severity == Severity::Error));
    }
    let mut exceptions = Vec::new();
    for (at, text) in case["exceptions"].as_array().into_iter().flatten().enumerate() {
        let loaded = load_text(&format!("exception-{at}.yaml"), text.as_str().unwrap_or_default());
        exceptions.extend(loaded.exceptions);
        // There is no policy in it.
        let mistakes = loaded.diagnostics.into_iter().filter(|found| found.code != Code::NoPolicies);
        diagnostics.extend(mistakes.filter(|found| found.severity == Severity::Error));
    }
    let set = if diagnostics.is_empty() {
        sets::compile(&policies, &exceptions)
    } else {
        Err(Diagnostics::from(diagnostics))
    };
    match set {
        Err(diagnostics) => {
            let messages: Vec<&str> =
                diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
            inputs.iter().map(|_| json!({"broken": messages})).collect()
        }
        Ok(set) => {
            let set = sets::compiled(&set);
            let answer = if mode == Mode::Json { reported } else { decided };
            inputs.iter().map(|input| answer(set, input, mode)).collect()
        }
    }
}

/// What Kyverno's engine reports of each policy of mode JSON.
fn reported(compiled: &CompiledSet<'_>, input: &Json, mode: Mode) -> Json {
    let bump = Bump::new();
    let object = seen(input, mode, &bump);
    let mut rows = Vec::new();
    for policy in &compiled.policies {
        let verdict = match ask_alone(policy, object, runtime(&bump)) {
            Ok(verdict) => verdict,
            Err(fault) => return json!({"decision": "fault", "error": fault.to_string()}),
        };
        let rule = rule(policy, &verdict);
        let mut row = json!({"policy": policy.name, "status": rule.status, "message": rule.message});
        if !rule.name.is_empty() {
            set(&mut row, "rule", json!(rule.name));
        }
        if let Some(index) = verdict.validation {
            set(&mut row, "index", json!(index.to_string()));
        }
        let exceptions = verdict.exceptions.iter().filter_map(|index| policy.exceptions.get(*index));
        let exceptions: Vec<&str> = exceptions.map(|exception| exception.name.as_str()).collect();
        if !exceptions.is_empty() {
            set(&mut row, "exceptions", json!(exceptions));
        }
        rows.push(row);
    }
    json!({"policies": rows})
}

fn decided(compiled: &CompiledSet<'_>, input: &Json, mode: Mode) -> Json {
    let bump = Bump::new();
    let value = seen(input, mode, &bump);
    let decision = decide(compiled, value, runtime(&bump), &mut |_, _| {});
    let mut answer = told(decision.opinion);
    if mode == Mode::Envoy {
        // It has no status but a denial's; an error is one of gRPC's.
        set(
            &mut answer,
            "status",
            decision.status.filter(|status| *status != 0).map_or(Json::Null, |it| json!(it)),
        );
    }
    if let Some(policy) = decision.policy.and_then(|policy| compiled.policies.get(policy)) {
        set(&mut answer, "policy", json!(policy.name));
    }
    let alone = |policy: &CompiledPolicy<'_>| match ask_alone(policy, value, runtime(&bump)) {
        Ok(verdict) => match verdict.opinion {
            Opinion::Allow => json!({"policy": policy.name, "result": "allow"}),
            Opinion::Deny(reason) => json!({"policy": policy.name, "result": "deny", "reason": reason}),
            Opinion::Nothing => json!({"policy": policy.name, "result": "none"}),
            Opinion::Error(errors) => {
                json!({"policy": policy.name, "result": "error", "error": ErrorText(errors).to_string()})
            }
        },
        Err(fault) => json!({"policy": policy.name, "result": "fault", "error": fault.to_string()}),
    };
    set(&mut answer, "policies", compiled.policies.iter().map(alone).collect());
    answer
}
