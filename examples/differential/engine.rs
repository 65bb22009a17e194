//! Toolgate's answers to a case, in the form of the oracle's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bumpalo::Bump;
use serde_json::{Value as Json, json};
use toolgate::cel::budget::Budget;
use toolgate::cel::check::{self, Environment};
use toolgate::cel::error::Raise;
use toolgate::cel::eval::Frame;
use toolgate::cel::front;
use toolgate::cel::plan::{Arena, Program};
use toolgate::library::table::Context;
use toolgate::policy::compile::{CompiledPolicy, CompiledSet, compile, http_environment, inputs, plan};
use toolgate::policy::decide::{ErrorText, Opinion, Outcome, ask_alone, decide};
use toolgate::policy::load::load_text;
use toolgate::value::Value;

use super::cases::set;
use crate::kyverno::canonical::canonical;
use crate::kyverno::check_request;

/// A payload has no `object.mcp`; a request that a server reads has one.
fn request<'a>(object: &Json, bump: &'a Bump) -> Value<'a> {
    check_request::object(object, object["mcp"].is_object(), bump)
}

/// One answer per input; `objects` are the requests as Kyverno reads them.
pub(crate) fn answers(case: &Json, objects: &[Json]) -> Vec<Json> {
    let asked = catch_unwind(AssertUnwindSafe(|| match case["kind"].as_str() {
        Some("policy") => policies(case, objects),
        _ => expression(case, objects),
    }));
    asked.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        objects.iter().map(|_| json!({"decision": "crash", "error": text})).collect()
    })
}

fn expression(case: &Json, objects: &[Json]) -> Vec<Json> {
    let arena = Arena::new();
    let mut environment = http_environment();
    let mut variables = Vec::new();
    let same = |answer: Json| objects.iter().map(|_| answer.clone()).collect();
    for variable in case["vars"].as_array().into_iter().flatten() {
        match compiled(variable["expression"].as_str().unwrap_or_default(), &environment, &arena) {
            Ok((program, _)) => {
                let ty = program.output().clone();
                environment.declare_policy_variable(variable["name"].as_str().unwrap_or_default(), ty);
                variables.push(program);
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
        let inputs = inputs(request(object, &bump));
        let mut frame = Frame::new(Context::new(&bump, Budget::default()), &inputs);
        frame.set_variables(&variables);
        match frame.evaluate(&program) {
            Ok(value) => json!({"decision": "value", "type": ty, "value": canonical(&value)}),
            Err(Raise::Error(error)) => json!({"decision": "error", "error": error.to_string()}),
            Err(Raise::Fault(fault)) => json!({"decision": "fault", "error": fault.to_string()}),
        }
    };
    objects.iter().map(one).collect()
}

fn compiled<'p>(
    text: &str,
    environment: &Environment<'static>,
    arena: &'p Arena,
) -> Result<(Program<'p>, String), Json> {
    let ast = front::parse(text).map_err(|errors| {
        let message = errors.first().map(|error| error.message.clone());
        json!({"decision": "compile-error", "syntax": true, "error": message})
    })?;
    let checked = check::check(ast, environment)
        .map_err(|mistakes| json!({"decision": "compile-error", "error": check::render(&mistakes)}))?;
    let ty = checked.output().to_string();
    let program = plan(&checked, arena, environment)
        .map_err(|error| json!({"decision": "program-error", "error": error.message}))?;
    Ok((program, ty))
}

fn policies(case: &Json, objects: &[Json]) -> Vec<Json> {
    let arena = Arena::new();
    let mut policies = Vec::new();
    let mut diagnostics = Vec::new();
    for (at, text) in case["policies"].as_array().into_iter().flatten().enumerate() {
        let loaded = load_text(&format!("policy-{at}.yaml"), text.as_str().unwrap_or_default());
        policies.extend(loaded.policies);
        diagnostics.extend(loaded.diagnostics);
    }
    let compiled = if diagnostics.is_empty() { compile(&policies, &arena) } else { Err(diagnostics) };
    match compiled {
        Err(diagnostics) => {
            let messages: Vec<&str> =
                diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
            objects.iter().map(|_| json!({"broken": messages})).collect()
        }
        Ok(compiled) => objects.iter().map(|object| decided(&compiled, object)).collect(),
    }
}

fn decided(compiled: &CompiledSet<'_>, object: &Json) -> Json {
    let bump = Bump::new();
    let value = request(object, &bump);
    let decision = decide(compiled, value, &bump, Budget::default(), &mut |_, _| {});
    let mut answer = match decision.outcome {
        Outcome::Allow => json!({"decision": "allow", "status": 200}),
        Outcome::Deny(reason) => json!({"decision": "deny", "status": 403, "reason": reason}),
        Outcome::Error(errors) => {
            json!({"decision": "error", "status": 500, "error": ErrorText(errors).to_string()})
        }
        Outcome::Nothing => json!({"decision": "none", "status": 200}),
        Outcome::Fault(fault) => json!({"decision": "fault", "error": fault.to_string()}),
    };
    if let Some(policy) = decision.policy.and_then(|policy| compiled.policies.get(policy)) {
        set(&mut answer, "policy", json!(policy.name));
    }
    let alone = |policy: &CompiledPolicy<'_>| match ask_alone(policy, value, &bump, Budget::default()) {
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
