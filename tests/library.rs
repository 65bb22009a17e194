//! The function tables: signatures read, ids are unique, and every documented example is true.

#![expect(
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bumpalo::Bump;
use toolgate::internal::budget::Budget;
use toolgate::internal::cel::eval::Frame;
use toolgate::internal::cel::program::Arena;
use toolgate::internal::cel::{Functions, compile};
use toolgate::internal::error::Raise;
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::library::table::{Implementation, Library, Row};
use toolgate::internal::library::{ENVOY, HTTP, JSON};
use toolgate::internal::policy::model::Mode;
use toolgate::internal::value::{Map, Object, Value};

mod library {
    pub(crate) mod environments;
    pub(crate) mod page;
}

/// The modes with the libraries of their environments.
const MODES: [(Mode, &[&Library]); 3] = [(Mode::Http, HTTP), (Mode::Envoy, ENVOY), (Mode::Json, JSON)];

/// The overloads of all environments, each once, with its library and the first mode that has it.
fn declared() -> Vec<(Mode, &'static Library, &'static Row)> {
    let mut seen = BTreeSet::new();
    let mut declared = Vec::new();
    for (mode, libraries) in MODES {
        for library in libraries {
            for row in library.rows.iter().filter(|row| row.since <= library.version) {
                if seen.insert((library.name, row.signature)) {
                    declared.push((mode, *library, row));
                }
            }
        }
    }
    declared
}

/// Evaluates `text` over an empty request of the mode.
fn evaluate(mode: Mode, text: &str) -> Result<bool, String> {
    let arena = Arena::new();
    let bump = Bump::new();
    let program = compile(text, &mode.environment(), &arena).map_err(|issues| issues.text)?.program;
    let request = match toolgate::internal::library::object_type(mode.request()) {
        Some(ty) => Value::Object(bump.alloc(Object { ty, fields: &[], tagged: false })),
        None => Value::Map(Map::EMPTY),
    };
    let inputs = mode.inputs(request, &bump);
    match Frame::new(Runtime::new(&bump, Budget::default()), inputs).evaluate(&program) {
        Ok(Value::Bool(value)) => Ok(value),
        Ok(other) => Err(format!("results in {}", other.type_name())),
        Err(Raise::Error(error)) => Err(error.to_string()),
        Err(Raise::Fault(fault)) => Err(fault.to_string()),
    }
}

#[test]
fn every_signature_reads_and_every_overload_id_is_unique_within_its_function() {
    let mut count = 0;
    for (mode, libraries) in MODES {
        let functions = Functions::new(libraries);
        assert!(functions.broken().is_none(), "{:?}", functions.broken());
        for function in functions.iter() {
            let ids: BTreeSet<&str> = function.overloads.iter().map(|overload| overload.row.id).collect();
            assert_eq!(
                ids.len(),
                function.overloads.len(),
                "{mode:?}: {} has an overload twice",
                function.name
            );
            count += ids.len();
        }
    }
    assert!(count > 1000, "only {count} overloads");
}

#[test]
fn every_overload_is_documented_with_examples_that_are_true() {
    let mut wrong = Vec::new();
    for (mode, _, row) in declared() {
        // What asks outside, or takes what only that makes, has goldens with answers in place of an example.
        let asks = matches!(row.implementation, Implementation::Asking(_, ask) if ask.setting().is_some());
        let no_example = row.examples.is_empty() && !asks && row.id != "decode_string_set";
        if row.doc.is_empty() || no_example {
            wrong.push(format!("{}: no documentation or no example", row.id));
        }
        for example in row.examples {
            match evaluate(mode, example) {
                Ok(true) => {}
                Ok(false) => wrong.push(format!("{}: `{example}` is false", row.id)),
                Err(error) => wrong.push(format!("{}: `{example}`: {error}", row.id)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_environments_differ_in_the_library_of_answers_alone() {
    let names = |libraries: &[&Library]| {
        libraries.iter().map(|library| library.name.replace("authz.envoy", "authz.http")).collect::<Vec<_>>()
    };
    assert_eq!(names(HTTP), names(ENVOY));
    assert!(ENVOY.iter().any(|library| library.name == "kyverno.authz.envoy" && library.rows.len() == 21));
}

#[test]
fn the_page_of_functions_is_not_stale() {
    let page = library::page::page(&declared(), &MODES, library::environments::MISSING);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/functions.md");
    if std::env::var_os("TOOLGATE_UPDATE").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == page, "docs/functions.md is stale: run TOOLGATE_UPDATE=1 cargo test --test library");
}
