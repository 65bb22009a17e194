//! Each condition of each shipped policy matters: with any one of them negated, its fixtures fail.
//!
//! A condition is a part of an expression that results in true or false: a comparison, a call like `startsWith`, a
//! macro like `exists`, and whatever stands where a bool must: the operands of `&&`, `||` and `!`, the question of a
//! conditional, the body of a macro.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::json;
use toolgate::internal::cel::Macros;
use toolgate::internal::cel::ast::{Ast, Expr, ExprKind, Macro, Span};
use toolgate::internal::cel::front::parse;
use toolgate::internal::policy::load::load;
use toolgate::internal::policy::model::{NamedExpression, Policy};

use crate::{Scratch, directories, root, run_by};

/// Functions that result in a bool.
const CONDITIONS: &[&str] = &[
    "_&&_",
    "_||_",
    "!_",
    "_==_",
    "_!=_",
    "_<_",
    "_<=_",
    "_>_",
    "_>=_",
    "@in",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
];

/// The places of all conditions in an expression.
fn conditions(text: &str) -> Vec<Span> {
    let ast = parse(text, Macros::OneVariable).expect("a shipped policy parses");
    let mut found = Vec::new();
    visit(&ast, &ast.root, &mut found);
    found.sort_by_key(|span| (span.start, span.end));
    found.dedup();
    found
}

fn visit(ast: &Ast, node: &Expr, found: &mut Vec<Span>) {
    let written = |node: &Expr| ast.info(node.id).origin.is_none();
    let mut children: Vec<&Expr> = Vec::new();
    match &node.kind {
        ExprKind::Call { function, target, args } => {
            if written(node) && CONDITIONS.contains(&function.as_str()) {
                found.push(ast.info(node.id).span);
            }
            let bools = match function.as_str() {
                "_&&_" | "_||_" | "!_" => args.as_slice(),
                "_?_:_" => args.get(..1).unwrap_or_default(),
                _ => &[],
            };
            // The rest of a macro's expansion is not the author's.
            found.extend(bools.iter().filter(|arg| written(arg)).map(|arg| ast.info(arg.id).span));
            children.extend(target.as_deref());
            children.extend(args);
        }
        ExprKind::Select { operand, test_only, .. } => {
            if *test_only {
                found.push(ast.info(node.id).span);
            }
            children.push(operand);
        }
        ExprKind::Comprehension(fold) => {
            if matches!(fold.origin, Macro::All | Macro::Exists | Macro::ExistsOne) {
                found.push(ast.info(node.id).span);
            }
            children.extend([&fold.iter_range, &fold.step]);
        }
        ExprKind::List { elements, .. } => children.extend(elements),
        ExprKind::Map(entries) => {
            children.extend(entries.iter().flat_map(|entry| [&entry.key, &entry.value]))
        }
        ExprKind::Struct { fields, .. } => children.extend(fields.iter().map(|field| &field.value)),
        ExprKind::Literal(_) | ExprKind::Ident(_) => {}
    }
    children.into_iter().for_each(|child| visit(ast, child, found));
}

/// The text with the condition at `span` negated.
fn negated(text: &str, span: Span) -> String {
    let (before, rest) = text.split_at(span.start as usize);
    let (condition, after) = rest.split_at((span.end - span.start) as usize);
    format!("{before}(!({condition})){after}")
}

/// A policy as a document, which is JSON and therefore YAML.
fn document(policy: &Policy) -> String {
    let named = |list: &[NamedExpression]| -> Vec<_> {
        list.iter().map(|item| json!({"name": item.name.value, "expression": item.expression.text})).collect()
    };
    let validations: Vec<_> =
        policy.validations.iter().map(|validation| json!({"expression": validation.text})).collect();
    json!({
        "apiVersion": policy.api_version,
        "kind": "ValidatingPolicy",
        "metadata": {"name": policy.name.value},
        "spec": {
            "evaluation": {"mode": "HTTP"},
            "matchConditions": named(&policy.match_conditions),
            "variables": named(&policy.variables),
            "validations": validations,
        },
    })
    .to_string()
}

/// The policy with each of its conditions negated in turn, and what was negated. A variable that an earlier policy has in the
/// same words, which is then in `seen`, was negated there: two policies find destruction by the same variables.
fn mutants(policy: &Policy, seen: &mut BTreeSet<(String, String)>) -> Vec<(String, Policy)> {
    let mut mutants = Vec::new();
    let mut mutate = |text: &str, path: &str, change: &dyn Fn(&mut Policy, String)| {
        for span in conditions(text) {
            let mut mutant = policy.clone();
            change(&mut mutant, negated(text, span));
            let part = text.get(span.start as usize..span.end as usize).unwrap();
            mutants.push((format!("{}: {path}: {part}", policy.name.value), mutant));
        }
    };
    for (index, item) in policy.match_conditions.iter().enumerate() {
        let change = |policy: &mut Policy, text| policy.match_conditions[index].expression.text = text;
        mutate(&item.expression.text, &item.expression.path, &change);
    }
    for (index, item) in policy.variables.iter().enumerate() {
        if !seen.insert((item.name.value.clone(), item.expression.text.clone())) {
            continue;
        }
        let change = |policy: &mut Policy, text| policy.variables[index].expression.text = text;
        mutate(&item.expression.text, &item.expression.path, &change);
    }
    for (index, item) in policy.validations.iter().enumerate() {
        let change = |policy: &mut Policy, text| policy.validations[index].text = text;
        mutate(&item.text, &item.path, &change);
    }
    mutants
}

/// A place for `policy` with the files of its fixtures, laid out as in the repository.
fn place(scratch: &Scratch, name: &str, policy: &Policy) {
    let policy_name = &policy.name.value;
    scratch.write(&format!("{name}/policies/{policy_name}.yaml"), &document(policy));
    for (from, to) in [
        (format!("testdata/policies/{policy_name}"), format!("testdata/policies/{policy_name}")),
        ("testdata/events".to_owned(), "testdata/events".to_owned()),
    ] {
        for entry in fs::read_dir(root().join(from)).unwrap() {
            let entry = entry.unwrap();
            let file = entry.file_name().into_string().unwrap();
            let to = scratch.0.join(format!("{name}/{to}/{file}"));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The program that runs the fixtures of all mutants: `TOOLGATE`, a path from the top of the repository, or the one that was
/// built with the tests.
fn program() -> PathBuf {
    let path = std::env::var_os("TOOLGATE").unwrap_or_else(|| env!("CARGO_BIN_EXE_toolgate").into());
    root().join(path).canonicalize().expect("the program is there")
}

#[test]
#[ignore = "takes minutes with an unoptimised program: .ci/run has the released one run it"]
fn a_negated_condition_makes_the_fixtures_of_its_policy_fail() {
    let scratch = Scratch::new("mutation");
    let mut places: BTreeMap<String, (String, bool)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for policy in &load(&[root().join("policies")], None).policies {
        let name = policy.name.value.clone();
        place(&scratch, &format!("{name}-0"), policy);
        places.insert(format!("{name}-0"), (format!("{name}, as it is"), false));
        let mutants = mutants(policy, &mut seen);
        assert!(mutants.len() >= 4, "{name} has only {} conditions", mutants.len());
        for (index, (what, mutant)) in mutants.into_iter().enumerate() {
            let place_name = format!("{name}-{}", index + 1);
            place(&scratch, &place_name, &mutant);
            places.insert(place_name, (what, true));
        }
    }
    assert_eq!(directories(&scratch.0).len(), places.len());
    let got = run_by(&program(), &scratch.0, &["--fail-fast", "--output", "json", "."]).json();
    let mut survivors = Vec::new();
    for (place, (what, must_fail)) in &places {
        let fixtures: Vec<_> = got["fixtures"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|fixture| fixture["file"].as_str().unwrap().starts_with(&format!("{place}/")))
            .collect();
        assert!(!fixtures.is_empty(), "{place} was not run");
        // A mutant that does not load would fail for another reason than its condition.
        assert!(fixtures.iter().all(|fixture| fixture["loads"] == true), "{what} does not load");
        let cases = || fixtures.iter().flat_map(|fixture| fixture["cases"].as_array().unwrap());
        let fails = cases().any(|case| case["passed"] == false);
        if fails != *must_fail {
            survivors.push(what.clone());
        }
    }
    assert!(
        survivors.is_empty(),
        "of {} mutants these are not noticed:\n{}",
        places.len(),
        survivors.join("\n")
    );
}
