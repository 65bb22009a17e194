//! How fast expressions are, beside the interpreter of the `cel` crate: `cargo run --release -p toolgate-tools --bin expressions`.
//!
//! The expressions are those of `testdata/kyverno/expressions-*.jsonl` to which Kyverno gave a value and both engines
//! give the same one. Compiling is not measured. Toolgate evaluates constant expressions when it compiles, so the mean
//! is printed for the others alone too.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a measurement over the repository's own files that cannot go on should panic"
)]

use std::hint::black_box;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bumpalo::Bump;
use serde::Deserialize as _;
use serde_json::{Value as Json, json};
use toolgate::internal::budget::Budget;
use toolgate::internal::cel::eval::Frame;
use toolgate::internal::cel::program::{Arena, Program};
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::policy::environment::http_environment;
use toolgate::internal::policy::model::Mode;

#[path = "../../../tests/kyverno/canonical.rs"]
mod canonical;
#[path = "../../../tests/kyverno/check_request.rs"]
mod check_request;
#[path = "../../../tests/kyverno/request.rs"]
mod request;

/// How long each expression runs in each engine.
const LENGTH: Duration = Duration::from_millis(2);

/// The cases that Kyverno gave a value to, without variables of a policy.
fn cases() -> Vec<Json> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/kyverno");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("expressions-"));
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let mut cases = Vec::new();
    for text in texts {
        for line in text.lines() {
            // Some recorded values are nested deeper than serde_json reads by default.
            let mut reader = serde_json::Deserializer::from_str(line);
            reader.disable_recursion_limit();
            let case = Json::deserialize(&mut reader).unwrap();
            if case["answer"]["decision"] == "value" && case["vars"].is_null() {
                cases.push(case);
            }
        }
    }
    cases
}

/// A value of the crate in the form of the recorded ones; none for what that form does not have.
fn recorded(value: &cel::Value) -> Option<Json> {
    Some(match value {
        cel::Value::Null => json!({"null": true}),
        cel::Value::Bool(b) => json!({"bool": b}),
        cel::Value::Int(i) => json!({"int": i.to_string()}),
        cel::Value::UInt(u) => json!({"uint": u.to_string()}),
        cel::Value::Float(d) => json!({"double": toolgate::internal::value::ShortestDouble(*d).to_string()}),
        cel::Value::String(s) => json!({"string": s.as_str()}),
        cel::Value::Bytes(b) => json!({"bytes": BASE64_STANDARD.encode(&**b)}),
        cel::Value::List(list) => json!({"list": list.iter().map(recorded).collect::<Option<Vec<_>>>()?}),
        cel::Value::Map(map) => {
            let mut entries = Vec::new();
            for (key, value) in map.map.iter() {
                let key = recorded(&key.clone().into())?;
                entries.push((key.to_string(), json!([key, recorded(value)?])));
            }
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            json!({"map": entries.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>()})
        }
        _ => return None,
    })
}

/// `object` for the crate, which has no structs: a map of the request's attributes.
fn object(case: &Json) -> cel::Value {
    fn value(json: &Json) -> cel::Value {
        match json {
            Json::String(text) => text.as_str().into(),
            Json::Number(number) => cel::Value::Int(number.as_i64().unwrap()),
            Json::Array(values) => values.iter().map(value).collect::<Vec<_>>().into(),
            Json::Object(members) => members
                .iter()
                .map(|(name, member)| (name.clone(), value(member)))
                .collect::<std::collections::HashMap<_, _>>()
                .into(),
            _ => cel::Value::Null,
        }
    }
    let mut attributes = case["object"]["attributes"].clone();
    if let Some(members) = attributes.as_object_mut() {
        members.remove("body");
    }
    value(&json!({"attributes": attributes}))
}

/// Nanoseconds per call.
fn time(mut call: impl FnMut()) -> f64 {
    let mut calls = 1_u64;
    loop {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        let elapsed = start.elapsed();
        if elapsed >= LENGTH {
            return elapsed.as_nanos() as f64 / calls as f64;
        }
        calls *= 4;
    }
}

/// Both engines' times for the case and whether Toolgate has evaluated it when it compiled; none if not both give
/// Kyverno's value.
fn compare(case: &Json) -> Option<(f64, f64, bool)> {
    let text = case["expr"].as_str()?;
    let theirs = cel::Program::compile(text).ok()?;
    let mut context = cel::Context::default();
    context.add_variable_from_value("object", object(case));
    if recorded(&theirs.execute(&context).ok()?)? != case["answer"]["value"] {
        return None;
    }

    let arena = Arena::new();
    let environment = http_environment();
    let program: Program<'_> = toolgate::internal::cel::compile(text, &environment, &arena).ok()?.program;
    let folded = format!("{program:?}").starts_with("Program { root: Const(");
    let request_arena = Bump::new();
    let inputs = Mode::Http.inputs(request::object(case, &request_arena), &request_arena);
    let mut scratch = Bump::new();
    {
        let value = Frame::new(Runtime::new(&scratch, Budget::default()), inputs).evaluate(&program).ok()?;
        if canonical::canonical(&value) != case["answer"]["value"] {
            return None;
        }
    }
    let ours = time(|| {
        scratch.reset();
        let mut frame = Frame::new(Runtime::new(&scratch, Budget::default()), inputs);
        black_box(frame.evaluate(black_box(&program)).is_ok());
    });
    let theirs = time(|| {
        black_box(theirs.execute(black_box(&context)).is_ok());
    });
    Some((ours, theirs, folded))
}

/// The geometric mean of how many times as long the crate takes, and of both times.
fn means<'r>(rows: impl Iterator<Item = &'r (f64, f64, bool)> + Clone) -> (usize, f64, f64, f64) {
    let count = rows.clone().count();
    let mean = |value: &dyn Fn(&(f64, f64, bool)) -> f64| {
        (rows.clone().map(|row| value(row).ln()).sum::<f64>() / count as f64).exp()
    };
    (count, mean(&|row| row.1 / row.0), mean(&|row| row.0), mean(&|row| row.1))
}

fn main() -> io::Result<()> {
    // The crate panics on some expressions.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = io::stdout();
    let cases = cases();
    // The crate's interpreter recurses deeper than a main thread's stack.
    let rows: Vec<_> = std::thread::scope(|scope| {
        let measure = || {
            cases.iter().filter_map(|case| catch_unwind(AssertUnwindSafe(|| compare(case))).ok()?).collect()
        };
        std::thread::Builder::new()
            .stack_size(256 << 20)
            .spawn_scoped(scope, measure)?
            .join()
            .map_err(|_| io::Error::other("the measurement panicked"))
    })?;
    writeln!(out, "{} expressions, {} run by both with Kyverno's value", cases.len(), rows.len())?;
    for (what, found) in
        [("all", means(rows.iter())), ("not constant", means(rows.iter().filter(|row| !row.2)))]
    {
        let (count, ratio, ours, theirs) = found;
        writeln!(
            out,
            "{what:>12}: {count:>4} expressions, cel takes {ratio:.1} times as long as Toolgate (geometric mean): \
             {theirs:.0} ns, {ours:.0} ns"
        )?;
    }
    Ok(())
}
