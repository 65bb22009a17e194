//! One case: declared, parsed, checked, planned, evaluated and compared.

use bumpalo::Bump;
use serde_json::Value as Json;
use toolgate::internal::budget::Budget;
use toolgate::internal::cel::check::{self, Checked, Env, Functions};
use toolgate::internal::cel::eval::Frame;
use toolgate::internal::cel::{Macros, front};
use toolgate::internal::cel::{plan, program::Arena};
use toolgate::internal::error::Raise;
use toolgate::internal::library;
use toolgate::internal::library::runtime::{Answer, Runtime};
use toolgate::internal::library::table::{Implementation, Row};
use toolgate::internal::types::Signature;
use toolgate::internal::value::Value;

use super::{types, values};

/// A test of the specification.
pub(crate) fn simple(case: &Json) -> Result<(), String> {
    for flag in ["disableMacros", "unknown"] {
        if case[flag] == true {
            return Err(format!("needs {flag}"));
        }
    }
    let functions = functions(case)?;
    let environment = environment(case, &functions)?;
    let ast = front::parse(case["expr"].as_str().unwrap(), macros(case))
        .map_err(|errors| format!("does not parse: {errors:?}"))?;
    let checked = check::check(ast, &environment)
        .map_err(|mistakes| format!("does not check: {}", check::render(&mistakes)))?;
    compare_type(case, &checked)?;
    if case["checkOnly"] == true { Ok(()) } else { evaluate(case, &checked, &environment) }
}

/// A test of cel-go's checker: the type of the expression, or the text of its errors.
pub(crate) fn checker(case: &Json) -> Result<(), String> {
    let functions = functions(case)?;
    let environment = environment(case, &functions)?;
    let checked = match front::parse(case["expr"].as_str().unwrap(), Macros::OneVariable) {
        Ok(ast) => check::check(ast, &environment).map_err(|mistakes| check::render(&mistakes)),
        Err(errors) => Err(format!("does not parse: {errors:?}")),
    };
    match (checked, case["error"].as_str()) {
        (Ok(checked), None) => compare_type(case, &checked),
        (Ok(checked), Some(_)) => Err(format!("checks and has the type {}", checked.output())),
        (Err(error), Some(expected)) if error == expected => Ok(()),
        (Err(error), expected) => {
            Err(format!("got:\n{error}\n    expected:\n{}", expected.unwrap_or("no error")))
        }
    }
}

fn compare_type(case: &Json, checked: &Checked<'_>) -> Result<(), String> {
    let found = checked.output().to_string();
    if !case["deducedType"].is_null() {
        let expected = types::read(&case["deducedType"])?.to_string();
        if found != expected {
            return Err(format!("has the type {found}, expected {expected}"));
        }
    }
    match case["type"].as_str() {
        Some(expected) if found != expected => {
            Err(format!("has the type {found}, expected cel-go's {expected}"))
        }
        _ => Ok(()),
    }
}

/// Of Kyverno's environments that of mode JSON has macros with two variables.
fn macros(case: &Json) -> Macros {
    let has_two = case["id"].as_str().is_some_and(|id| id.starts_with("macros2/"));
    if has_two { Macros::TwoVariables } else { Macros::OneVariable }
}

/// Kyverno's functions and those that the case declares.
fn functions(case: &Json) -> Result<Functions, String> {
    let mut functions =
        Functions::new(if macros(case) == Macros::OneVariable { library::HTTP } else { library::JSON });
    for declared in case["declarations"].as_array().into_iter().flatten() {
        let Some(name) = declared["function"].as_str() else { continue };
        for overload in declared["overloads"].as_array().unwrap() {
            let row = Row {
                id: types::leak(overload["id"].as_str().unwrap()),
                signature: "",
                implementation: Implementation::Own(without_body),
                doc: "",
                examples: &[],
                since: 0,
                total: false,
                json: false,
            };
            let params = overload["params"].as_array().unwrap().iter().map(types::read);
            let signature = Signature {
                name: name.to_owned(),
                member: overload["member"] == true,
                params: params.collect::<Result<_, _>>()?,
                result: types::read(&overload["result"])?,
            };
            functions.declare(Box::leak(Box::new(row)), signature);
        }
    }
    Ok(functions)
}

fn without_body<'a>(runtime: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Err(runtime.no_overload("declared without body", args))
}

fn environment<'e>(case: &'e Json, functions: &'e Functions) -> Result<Env<'e>, String> {
    let mut environment = Env::new(functions).with_constants(library::CONSTANTS);
    if let Some(container) = case["container"].as_str() {
        environment = environment.with_container(container);
    }
    for declared in case["declarations"].as_array().into_iter().flatten() {
        if let Some(name) = declared["variable"].as_str() {
            let ty = types::read(&declared["type"])?;
            environment = match case["bindings"][name].is_null() {
                true => environment.with_variable(name, ty),
                false => environment.with_input(types::leak(name), ty),
            };
        }
    }
    Ok(environment)
}

fn evaluate(case: &Json, checked: &Checked<'_>, environment: &Env<'_>) -> Result<(), String> {
    let (arena, bump) = (Arena::new(), Bump::new());
    let inputs = environment.inputs().iter().map(|name| values::read(&case["bindings"][*name], &bump));
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let program = plan::plan(checked, &arena, environment, &mut Vec::new())
        .map_err(|error| format!("makes no program: {}", error.message))?;
    let mut frame = Frame::new(Runtime::new(&bump, Budget::default()), &inputs);
    let answer = frame.evaluate(&program);
    if case["evalError"] == true {
        return match answer {
            Err(Raise::Error(_)) => Ok(()),
            Err(Raise::Fault(fault)) => Err(format!("ends in the fault {fault}")),
            Ok(value) => Err(format!("results in {value:?}, expected an error")),
        };
    }
    let expected = &case["value"];
    match answer {
        Ok(value) if values::same(&value, &values::read(expected, &bump)?) => Ok(()),
        Ok(value) => Err(format!("results in {value:?}, expected {expected}")),
        Err(Raise::Error(error)) => Err(format!("fails with `{error}`, expected {expected}")),
        Err(Raise::Fault(fault)) => Err(format!("ends in the fault {fault}, expected {expected}")),
    }
}
