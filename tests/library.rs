//! The function tables: signatures read, ids are unique, and every documented example is true.

#![expect(
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use std::collections::BTreeSet;

use bumpalo::Bump;
use toolgate::cel::budget::Budget;
use toolgate::cel::check::{Functions, check, render};
use toolgate::cel::error::Raise;
use toolgate::cel::eval::Frame;
use toolgate::cel::front;
use toolgate::cel::plan::Arena;
use toolgate::library::{HTTP, table::Context};
use toolgate::policy::compile::{http_environment, inputs, plan};
use toolgate::types::Signature;
use toolgate::value::{Object, Value};

/// Evaluates `text` over an empty request.
fn evaluate(text: &str) -> Result<bool, String> {
    let arena = Arena::new();
    let bump = Bump::new();
    let environment = http_environment();
    let ast = front::parse(text).map_err(|errors| format!("{errors:?}"))?;
    let checked = check(ast, &environment).map_err(|mistakes| render(&mistakes))?;
    let program = plan(&checked, &arena, &environment).map_err(|error| error.message)?;
    let ty = toolgate::types::object_type("http.CheckRequest").unwrap();
    let request = Object { ty, fields: &[], tagged: false };
    let inputs = inputs(Value::Object(&request));
    match Frame::new(Context::new(&bump, Budget::default()), &inputs).evaluate(&program) {
        Ok(Value::Bool(value)) => Ok(value),
        Ok(other) => Err(format!("results in {}", other.type_name())),
        Err(Raise::Error(error)) => Err(error.to_string()),
        Err(Raise::Fault(fault)) => Err(fault.to_string()),
    }
}

#[test]
fn every_signature_reads_and_every_overload_id_is_unique_within_its_function() {
    assert!(Functions::new(HTTP).is_ok());
    let mut seen = BTreeSet::new();
    for row in HTTP.iter().flat_map(|library| library.rows) {
        let signature = Signature::parse(row.signature).unwrap();
        assert!(
            seen.insert((signature.name.clone(), row.id)),
            "{} of {} is there twice",
            row.id,
            signature.name
        );
    }
    assert!(seen.len() > 250, "only {} overloads", seen.len());
}

#[test]
fn every_overload_is_documented_with_examples_that_are_true() {
    let mut wrong = Vec::new();
    for row in HTTP.iter().flat_map(|library| library.rows) {
        if row.doc.is_empty() || row.examples.is_empty() {
            wrong.push(format!("{}: no documentation or no example", row.id));
        }
        for example in row.examples {
            match evaluate(example) {
                Ok(true) => {}
                Ok(false) => wrong.push(format!("{}: `{example}` is false", row.id)),
                Err(error) => wrong.push(format!("{}: `{example}`: {error}", row.id)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
