//! Single expressions in the environment of an HTTP policy's validations.

use bumpalo::Bump;
use serde_json::{Value as Json, json};
use toolgate::cel::budget::Budget;
use toolgate::cel::check::{self, Environment};
use toolgate::cel::error::Raise;
use toolgate::cel::eval::Frame;
use toolgate::cel::front;
use toolgate::cel::plan::{Arena, Program};
use toolgate::library::table::Context;
use toolgate::policy::compile::{http_environment, inputs, plan};

use super::{canonical, request};

/// Compiles an expression; the error is what the case's answer would say.
fn compile<'p>(
    text: &str,
    environment: &Environment<'static>,
    arena: &'p Arena,
) -> Result<(Program<'p>, String), Json> {
    let ast = front::parse(text).map_err(|_| json!({"decision": "compile-error", "syntax": true}))?;
    let checked = check::check(ast, environment)
        .map_err(|mistakes| json!({"decision": "compile-error", "error": check::render(&mistakes)}))?;
    let ty = checked.output().to_string();
    let program = plan(&checked, arena, environment)
        .map_err(|error| json!({"decision": "program-error", "error": error.message}))?;
    Ok((program, ty))
}

/// What Toolgate answers, in the form of the recorded answers.
pub(crate) fn answer(case: &Json) -> Json {
    let arena = Arena::new();
    let bump = Bump::new();
    let mut environment = http_environment();
    let mut variables = Vec::new();
    for variable in case["vars"].as_array().into_iter().flatten() {
        let text = variable["expression"].as_str().unwrap();
        match compile(text, &environment, &arena) {
            Ok((program, _)) => {
                let ty = program.output().clone();
                environment.declare_policy_variable(variable["name"].as_str().unwrap(), ty);
                variables.push(program);
            }
            Err(answer) => return answer,
        }
    }
    let (program, ty) = match compile(case["expr"].as_str().unwrap(), &environment, &arena) {
        Ok(compiled) => compiled,
        Err(answer) => return answer,
    };
    let object = request::object(case, &bump);
    let inputs = inputs(object);
    let mut frame = Frame::new(Context::new(&bump, Budget::default()), &inputs);
    frame.set_variables(&variables);
    match frame.evaluate(&program) {
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
    let got = answer(case);
    // Kyverno's process panics: no portable answer exists, and Toolgate refuses the expression.
    if expected["decision"] == "panic" {
        return if got["decision"] == "value" {
            Err(format!("answers {got} where Kyverno panics"))
        } else {
            Ok(())
        };
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

fn clip(case: &Json) -> String {
    case["expr"].as_str().unwrap_or_default().chars().take(200).collect()
}
