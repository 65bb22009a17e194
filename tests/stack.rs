//! Whatever a policy or a request nests as deep as the limits allow is checked, planned and evaluated on a small stack.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use std::fmt::Write as _;
use std::thread;

use bumpalo::Bump;
use toolgate::Severity;
use toolgate::internal::budget::Budget;
use toolgate::internal::cel::program::{Arena, MAX_NESTING, STACK_BYTES};
use toolgate::internal::cel::{Reader, Writer};
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::policy::compile::{Origin, compile};
use toolgate::internal::policy::decide::decide;
use toolgate::internal::policy::lint::Deployed;
use toolgate::internal::policy::load::load_text;

mod limits {
    pub(crate) mod request;
}

use limits::request::with_body;

fn policy(variables: &[(String, String)], validation: &str) -> String {
    let mut text = String::from(
        "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: p\nspec:\n  evaluation:\n    mode: HTTP\n",
    );
    if !variables.is_empty() {
        text.push_str("  variables:\n");
    }
    for (name, expression) in variables {
        writeln!(text, "  - name: {name}\n    expression: |-\n      {expression}").unwrap();
    }
    writeln!(text, "  validations:\n  - expression: |-\n      {validation}").unwrap();
    text
}

fn run(text: &str, body: &str) -> String {
    let loaded = load_text("p.yaml", text);
    if loaded.has_errors() {
        return format!("load: {:?}", loaded.diagnostics[0].message);
    }
    let (checked, arena, mut writer) = (Arena::new(), Arena::new(), Writer::default());
    let origin = Origin::Recorded(&mut writer);
    let deployed = Deployed::default();
    let (_, diagnostics) = compile(&loaded.policies, &loaded.exceptions, &checked, origin, &deployed);
    if let Some(mistake) = diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
        return format!("compile: {}", mistake.message);
    }
    // What a bundle holds of it is no deeper.
    let bytes = writer.finish().unwrap();
    let mut reader = Reader::new(&bytes, &toolgate::internal::library::table_type).unwrap();
    let origin = Origin::Written(&mut reader);
    let (set, diagnostics) = compile(&loaded.policies, &loaded.exceptions, &arena, origin, &deployed);
    assert!(diagnostics.is_empty() && reader.is_at_end(), "{diagnostics:?}");
    with_body(body, |request| {
        let bump = Bump::new();
        match decide(&set, request, Runtime::new(&bump, Budget::default()), &mut |_, _| {}).opinion {
            Ok(opinion) => format!("{opinion:?}"),
            Err(fault) => format!("Fault({fault:?})"),
        }
    })
}

fn nest(depth: usize, before: &str, inner: &str, after: &str) -> String {
    before.repeat(depth) + inner + &after.repeat(depth)
}

/// A name, the greatest depth to try, and the expression of a depth.
type Shape = (&'static str, usize, fn(usize) -> String);

fn shapes() -> Vec<Shape> {
    vec![
        ("list", 249, |n| nest(n, "[", "1", "]")),
        ("parentheses", 249, |n| nest(n, "(", "1", ")")),
        ("map", 249, |n| nest(n, "{1: ", "1", "}")),
        ("int", 249, |n| nest(n, "int(", "size(object.attributes.method)", ")")),
        ("dyn", 249, |n| nest(n, "dyn(", "object.attributes.method", ")")),
        ("not", 249, |n| nest(n, "!(", "object.attributes.method == ''", ")")),
        ("neg", 249, |n| nest(n, "-(", "size(object.attributes.method)", ")")),
        ("not or", 240, |n| nest(n, "!(object.attributes.method == '' && ", "true", ")")),
        ("or", 240, |n| nest(n, "false || (object.attributes.method == 'x' || ", "true", ")")),
        ("not or lots", 240, |n| {
            nest(n, "!(object.attributes.method != '' || !true || !true || ", "true", ")")
        }),
        ("select", 240, |n| nest(1, "dyn({})", &".a".repeat(n), "")),
        ("optional", 240, |n| nest(1, "dyn({})", &".?a".repeat(n), "")),
        ("ternary", 240, |n| nest(n, "object.attributes.method != '' ? 1 : ", "2", "")),
        ("ternary cond", 248, |n| nest(n, "((", "object.attributes.method == ''", ") ? true : false)")),
        ("plus", 248, |n| nest(n, "1 + (", "size(object.attributes.method)", ")")),
        ("dyn plus", 248, |n| nest(n, "dyn(1) + dyn(", "size(object.attributes.method)", ")")),
        ("left", 249, |n| "1 + ".repeat(n) + "size(object.attributes.method)"),
        ("index", 248, |n| nest(n / 2, "{0: 0}[", "size(object.attributes.method)", "]")),
        ("index left", 240, |n| String::from("dyn(object.attributes.header)") + &"['a']".repeat(n)),
        ("format", 248, |n| nest(n, "'%s'.format([", "object.attributes.method", "])")),
        ("substring", 240, |n| nest(n, "object.attributes.method.replace('a', ", "'b'", ", 1)")),
        ("math", 240, |n| nest(n, "math.greatest(1, 2, 3, ", "size(object.attributes.method)", ")")),
        ("map macro", 240, |n| nest(n, "[1].map(x, ", "size(object.attributes.method)", ")")),
        ("exists macro", 240, |n| nest(n, "[1].exists(x, ", "object.attributes.method == ''", ")")),
        ("exists one", 240, |n| nest(n, "[1].exists_one(x, ", "object.attributes.method == ''", ")")),
        ("bind", 248, |n| nest(n, "cel.bind(a, size(object.attributes.method), ", "a", ")")),
        ("bind init", 248, |n| nest(n * 9 / 10, "cel.bind(a, ", "size(object.attributes.method)", ", a)")),
        ("or value", 248, |n| nest(n, "optional.none().orValue(", "size(object.attributes.method)", ")")),
        ("opt map", 240, |n| {
            nest(n, "optional.of(1).optMap(x, ", "size(object.attributes.method)", ").orValue(1)")
        }),
        ("value", 248, |n| {
            nest(n, "google.protobuf.ListValue{values: [", "size(object.attributes.method)", "]}")
        }),
        ("long or", 1, |_| "object.attributes.method == 'x'".to_owned() + &" || true == false".repeat(5_500)),
        ("long and or", 1, |_| "true".to_owned() + &" || false && true".repeat(5_500)),
        ("equal", 248, |n| nest(n, "[", "1", "]") + " == " + &nest(n, "[", "2", "]")),
    ]
}

/// What becomes of the policy and a request on a thread with the stack that is promised to suffice.
fn on_small_stack(text: String, body: String) -> String {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(move || run(&text, &body)).unwrap().join().unwrap()
}

/// The shape at the greatest depth, up to `depth`, at which it still loads.
fn deepest(depth: usize, text: impl Fn(usize) -> String) -> (usize, String) {
    let (mut loads, mut fails) = (1, depth + 1);
    let mut answer = on_small_stack(text(1), String::new());
    while fails - loads > 1 {
        let middle = loads.midpoint(fails);
        let found = on_small_stack(text(middle), String::new());
        if found.starts_with("load") || found.starts_with("compile") {
            assert!(found.contains("limit") || found.contains("max recursion depth"), "{found}");
            fails = middle;
        } else {
            (loads, answer) = (middle, found);
        }
    }
    (loads, answer)
}

#[test]
fn every_shape_of_expression_at_the_limits_is_checked_planned_and_evaluated_on_a_small_stack() {
    for (name, depth, shape) in shapes() {
        let text = |depth| {
            policy(&[], &format!("cel.bind(v, {}, type(v) == int || v == v) ? null : null", shape(depth)))
        };
        let (reached, answer) = deepest(depth, text);
        println!("{name}: {reached} of {depth}: {answer}");
        assert!(reached >= depth / 4, "{name}: only {reached} of {depth}");
        assert!(answer == "Nothing" || answer.contains("NoSuchKey"), "{name}: {answer}");
    }
}

/// `count` variables, each the one before inside brackets `depth` deep.
fn chain(count: usize, depth: usize) -> String {
    let first = ("v0".to_owned(), "object.attributes.contentLength".to_owned());
    let rest =
        (1..count).map(|n| (format!("v{n}"), nest(depth, "-(", &format!("variables.v{}", n - 1), ")")));
    let variables: Vec<_> = std::iter::once(first).chain(rest).collect();
    policy(&variables, &format!("variables.v{} == 1 ? null : null", count - 1))
}

#[test]
fn chains_of_variables_are_refused_at_load_beyond_the_limit_and_run_up_to_it() {
    for (count, depth) in [(1_500, 60), (5_000, 0), (5_000, 1)] {
        let answer = on_small_stack(chain(count, depth), String::new());
        let message = format!("levels deep; the limit is {MAX_NESTING} (fixed)");
        assert!(answer.starts_with("compile: ") && answer.contains(&message), "{answer}");
    }
    for depth in [0, 7, 60] {
        let (reached, answer) = deepest(2 * MAX_NESTING / (depth + 3), |count| chain(count + 1, depth));
        assert_eq!(answer, "Nothing");
        let nested = reached * (depth + 3);
        assert!(
            (MAX_NESTING - 10 - 2 * (depth + 3)..=MAX_NESTING).contains(&nested),
            "{reached} times {depth}"
        );
    }
}

#[test]
fn variables_found_by_name_at_run_time_are_bounded_when_they_are_evaluated() {
    let first = ("v0".to_owned(), "1".to_owned());
    let rest = (1..2_000).map(|n| (format!("v{n}"), format!("[dyn(variables)['v{}']][0]", n - 1)));
    let variables: Vec<_> = std::iter::once(first).chain(rest).collect();
    let text = policy(&variables, "dyn(variables)['v1999'] == 1 ? null : null");
    assert_eq!(on_small_stack(text, String::new()), "Fault(Depth)");
    let itself =
        policy(&[("v".to_owned(), "dyn(variables)['v']".to_owned())], "variables.v == 1 ? null : null");
    assert!(on_small_stack(itself, String::new()).starts_with("Fault"));
}

#[test]
fn types_that_variables_nest_in_one_another_have_a_limit() {
    let first = ("v0".to_owned(), "1".to_owned());
    let rest = (1..4).map(|n| (format!("v{n}"), nest(90, "[", &format!("variables.v{}", n - 1), "]")));
    let variables: Vec<_> = std::iter::once(first).chain(rest).collect();
    let answer = on_small_stack(policy(&variables, "null"), String::new());
    assert!(answer.contains("type of the expression holds more than 1000 types, or nests them more than 250 levels deep, the limit"), "{answer}");
}

/// Each type is twice the one before it: written out, the last would fill any memory.
#[test]
fn types_that_double_have_a_limit() {
    let names = |n: usize| format!("v{n}");
    let doubled = |first: &str| {
        let rest = (1..60).map(|n| (names(n), format!("{{variables.v{}: variables.v{0}}}", n - 1)));
        policy(&std::iter::once((names(0), first.to_owned())).chain(rest).collect::<Vec<_>>(), "null")
    };
    let bound = |first: &str| {
        let inner = (1..40)
            .rev()
            .fold("v39".to_owned(), |body, n| format!("cel.bind(v{n}, {{v{}: v{0}}}, {body})", n - 1));
        policy(&[], &format!("cel.bind(v0, {first}, {inner}) == {{}} ? null : null"))
    };
    for text in [doubled("1"), doubled("[]"), doubled("{}"), bound("1"), bound("[]"), bound("[{}, []]")] {
        let answer = on_small_stack(text, String::new());
        assert!(answer.contains("holds more than 1000 types"), "{answer}");
    }
}

/// What a variable says of the request when it is true is part of what its users say.
#[test]
fn conditions_that_double_take_no_longer_than_others() {
    for operator in ["&&", "||"] {
        let first = ("v0".to_owned(), "'a' in object.attributes.query".to_owned());
        let rest = (1..200).map(|n| {
            let before = format!("variables.v{}", n - 1);
            (format!("v{n}"), format!("!(!({before} {operator} {before}) && {before})"))
        });
        let variables: Vec<_> = std::iter::once(first).chain(rest).collect();
        let text =
            policy(&variables, "null").replace("validations:", "failurePolicy: Ignore\n  validations:");
        assert!(!on_small_stack(text, String::new()).contains("error"), "{operator}");
    }
}

#[test]
fn deep_values_of_a_request_are_followed_on_a_small_stack_or_are_a_fault() {
    for depth in [100, 248, 900, 999, 1_001, 9_999] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let body = open.repeat(depth) + "1" + &close.repeat(depth);
            for use_of in [
                "v == json.Unmarshal(string(object.attributes.body))",
                "json.encode(v) == ''",
                "'%s'.format([v]) == ''",
                "[v, v].distinct().size() == 1",
                "v in [v]",
                "[[v]].flatten(1000).size() == 1",
                "google.protobuf.Value{list_value: [v]} == null",
                "string(v) == ''",
            ] {
                let expression = format!(
                    "cel.bind(v, json.Unmarshal(string(object.attributes.body)), {use_of}) ? null : null"
                );
                let answer = on_small_stack(policy(&[], &expression), body.clone());
                assert!(!answer.starts_with("compile") && !answer.starts_with("load"), "{answer}");
            }
        }
    }
}

#[test]
fn what_yaml_nests_is_refused_beyond_its_limit() {
    let head = "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: p\n  labels: ";
    let mut aliases = String::from("x:\n- &a0 [1]\n");
    for n in 1..2_000 {
        writeln!(aliases, "- &a{n} [*a{}]", n - 1).unwrap();
    }
    let mut block = String::from("\n");
    for n in 0..2_000 {
        writeln!(block, "{}a:", " ".repeat(4 + n)).unwrap();
    }
    for nested in [nest(50_000, "[", "", "]"), nest(50_000, "{a: ", "1", "}"), block, format!("x\n{aliases}")]
    {
        let answer = on_small_stack(format!("{head}{nested}\n"), String::new());
        assert!(answer.contains("more than 128 levels deep"), "{answer}");
    }
}
