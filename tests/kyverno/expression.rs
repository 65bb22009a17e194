//! Single expressions in the environment of an HTTP policy's validations.

use bumpalo::Bump;
use serde_json::{Value as Json, json};
use toolgate::internal::budget::Budget;
use toolgate::internal::cel::eval::Frame;
use toolgate::internal::cel::program::{Arena, Program};
use toolgate::internal::cel::{self, Compiled, Env, Issues, Reader, Stage, Writer};
use toolgate::internal::error::Raise;
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::library::table_type;
use toolgate::internal::policy::model::Mode;

use super::{answers::Answers, canonical, request};

/// The time of the decisions, in seconds since the Unix epoch: cases have times long before it and long after it.
const NOW: i64 = 1_800_000_000;

/// Kyverno's error of an expression that costs too much.
const OVER_LIMIT: &str = "operation cancelled: actual cost limit exceeded";

/// How an expression comes to be a program.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// From its text.
    Text,
    /// From its text, which is checked, written as a bundle holds it, and read.
    Bundle,
}

/// Compiles what was checked, written and read.
#[expect(
    clippy::panic_in_result_fn,
    clippy::unwrap_in_result,
    reason = "an error is the expression's; what is written and does not read is none"
)]
fn compile_bundled<'p>(
    text: &str,
    environment: &Env<'static>,
    arena: &'p Arena,
) -> Result<Compiled<'p>, Issues> {
    let mut writer = Writer::default();
    for parsed in cel::parse(&[(text, environment.macros())]) {
        parsed.compile_among(environment, &Arena::new(), &[], &mut |checked| {
            cel::write(checked, &mut writer).unwrap();
        })?;
    }
    let bytes = writer.finish().unwrap();
    let mut reader = Reader::new(&bytes, &table_type).unwrap();
    let compiled = cel::compile_written(&mut reader, environment, arena, &[])?;
    assert!(reader.is_at_end());
    Ok(compiled)
}

/// Compiles an expression; the error is what the case's answer would say.
fn compile<'p>(
    text: &str,
    environment: &Env<'static>,
    arena: &'p Arena,
    way: Way,
) -> Result<(Program<'p>, String), Json> {
    let compiled = match way {
        Way::Text => cel::compile(text, environment, arena),
        Way::Bundle => compile_bundled(text, environment, arena),
    };
    let compiled = compiled.map_err(|issues| match issues.stage {
        Stage::Syntax => json!({"decision": "compile-error", "syntax": true}),
        Stage::Types => json!({"decision": "compile-error", "error": issues.text}),
        Stage::Program => json!({"decision": "program-error", "error": issues.text}),
    })?;
    let ty = compiled.program.output().to_string();
    Ok((compiled.program, ty))
}

/// What Toolgate answers, in the form of the recorded answers.
pub(crate) fn answer(case: &Json, way: Way) -> Json {
    let arena = Arena::new();
    let bump = Bump::new();
    let mode = match case["mode"].as_str() {
        Some("Envoy") => Mode::Envoy,
        Some("JSON") => Mode::Json,
        _ => Mode::Http,
    };
    let mut environment = mode.environment();
    let mut variables = Vec::new();
    for variable in case["vars"].as_array().into_iter().flatten() {
        let text = variable["expression"].as_str().unwrap();
        match compile(text, &environment, &arena, way) {
            Ok((program, _)) => {
                let ty = program.output().clone();
                let name = variable["name"].as_str().unwrap();
                environment.declare_policy_variable(name, ty);
                variables.push(program.named(name, &arena));
            }
            Err(answer) => return answer,
        }
    }
    let (program, ty) = match compile(case["expr"].as_str().unwrap(), &environment, &arena, way) {
        Ok(compiled) => compiled,
        Err(answer) => return answer,
    };
    let object = request::object(case, &bump);
    let inputs = mode.inputs(object, &bump);
    let session = Answers::of(case).session();
    // What is recorded about Kyverno's counter of costs is to end by that, or by nothing.
    let budget = match case["id"].as_str().is_some_and(|id| id.starts_with("json-costs-")) {
        true => Budget { steps: u64::MAX, bytes: 4 << 30 },
        false => Budget::default(),
    };
    let runtime = Runtime::new(&bump, budget).at(NOW).asking(&session);
    let mut frame = Frame::new(runtime, inputs);
    frame.set_variables(&variables);
    match frame.evaluate(&program).and_then(|value| frame.runtime.settled(value)) {
        Ok(value) => json!({"decision": "value", "type": ty, "value": canonical::canonical(&value)}),
        Err(Raise::Error(error)) => json!({"decision": "error", "error": error.to_string()}),
        Err(Raise::Fault(fault)) => json!({"decision": "fault", "error": fault.to_string()}),
    }
}

/// Compares with the recorded answer. Texts of syntax errors may differ: the crate's parser words some its own way.
pub(crate) fn compare(case: &Json) -> Result<(), String> {
    let expected = &case["answer"];
    if expected["decision"] == "badrequest" {
        return Ok(());
    }
    let got = answer(case, Way::Text);
    // Kyverno's process panics: no portable answer exists, and Toolgate refuses the expression.
    if expected["decision"] == "panic" {
        return if got["decision"] == "value" {
            Err(format!("answers {got} where Kyverno panics"))
        } else {
            Ok(())
        };
    }
    // Where Kyverno ends an expression for its cost, the decision is a denial here, whatever `failurePolicy` says.
    if expected["error"] == OVER_LIMIT && got["decision"] == "fault" {
        return Ok(());
    }
    let mut expected = expected.clone();
    if expected["decision"] != "value"
        && let Some(answer) = expected.as_object_mut()
    {
        // Which of the case's expressions failed and what type it would have had is the oracle's own note.
        answer.remove("type");
        answer.remove("variable");
    }
    let same = match (got["syntax"].as_bool(), expected["error"].as_str()) {
        (Some(true), Some(error)) => error.starts_with("ERROR: ") && expected["decision"] == "compile-error",
        _ => got == expected,
    };
    if same { Ok(()) } else { Err(format!("`{}`\n  expected {expected}\n  got      {got}", clip(case))) }
}

/// Compares what an expression answers from its text and from a bundle.
pub(crate) fn same_from_bundle(case: &Json) -> Result<(), String> {
    if case["answer"]["decision"] == "badrequest" {
        return Ok(());
    }
    let (text, bundle) = (answer(case, Way::Text), answer(case, Way::Bundle));
    if text == bundle {
        Ok(())
    } else {
        Err(format!("`{}`\n  from its text {text}\n  from a bundle {bundle}", clip(case)))
    }
}

fn clip(case: &Json) -> String {
    case["expr"].as_str().unwrap_or_default().chars().take(200).collect()
}
