//! What the benches measure, by name. `tests/bench_cases.rs` checks that each case still means what its name says.

/// The event that every warm decision is made of: a tool call as the gateway sends it.
pub(crate) const EVENT: &[u8] = include_bytes!("../testdata/events/delete-pod-in-production.json");

/// How the policies of a set relate to [`EVENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The first policy denies; the others are not asked.
    FirstDenies,
    /// The conditions of all match, and none of the validations has an answer.
    AllMatch,
    /// The condition of each is false.
    NoneMatches,
}

/// The shapes and their names.
pub(crate) const SHAPES: [(&str, Shape); 3] = [
    ("first-denies", Shape::FirstDenies),
    ("all-match", Shape::AllMatch),
    ("none-matches", Shape::NoneMatches),
];

/// The sizes of the sets.
pub(crate) const COUNTS: [usize; 3] = [1, 10, 100];

/// The sizes of large sets of which no policy applies, beside one of a single policy.
pub(crate) const MANY: [usize; 3] = [1, 1_000, 10_000];

/// About the sizes of the events that are only read, in bytes.
pub(crate) const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// An event of about `size` bytes: arguments as tools have them, texts, numbers and lists.
pub(crate) fn large_event(size: usize) -> String {
    let argument = |index: usize| {
        format!(
            r#""field{index}":{{"name":"cart-{index}-7d9f","labels":["a","b \"c\"",""],"count":{index},"on":true}}"#
        )
    };
    let count = size.checked_div(argument(10_000).len()).unwrap_or_default();
    let arguments: Vec<String> = (0..count).map(argument).collect();
    format!(
        r#"{{"interceptorInputVersion":"1.0","mcp":{{"gatewayRequest":{{"path":"/mcp","httpMethod":"POST","headers":{{}},"body":{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"kubernetes___deletePod","arguments":{{{}}}}}}}}}}}}}"#,
        arguments.join(",")
    )
}

/// A set of policies as one file of YAML.
pub(crate) fn policies(shape: Shape, count: usize) -> String {
    (0..count).map(|index| policy(shape, index)).collect()
}

/// What a policy forbids: deletes through this target in this environment.
pub(crate) struct Rule {
    pub(crate) target: String,
    pub(crate) environment: String,
}

/// The rule of the policy with this number.
pub(crate) fn rule(shape: Shape, index: usize) -> Rule {
    let target = match shape {
        Shape::NoneMatches => format!("orders-{index}"),
        _ => "kubernetes".to_owned(),
    };
    let environment = match shape {
        Shape::FirstDenies => "production".to_owned(),
        _ => format!("sandbox-{index}"),
    };
    Rule { target, environment }
}

/// A policy of the usual kind: a condition on the target, two variables, one validation.
fn policy(shape: Shape, index: usize) -> String {
    let Rule { target, environment } = rule(shape, index);
    format!(
        r#"---
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata:
  name: policy-{index:03}
spec:
  evaluation:
    mode: HTTP
  matchConditions:
    - name: target
      expression: object.attributes.Header("X-Tool-Target").exists(target, target == "{target}")
  variables:
    - name: deletes
      expression: object.attributes.Header("X-Operation").exists(operation, operation.startsWith("delete"))
    - name: inEnvironment
      expression: object.attributes.Header("X-Environment").exists(name, name == "{environment}")
  validations:
    - expression: >-
        variables.deletes && variables.inEnvironment
        ? http.Denied("Deletes are not allowed in {environment}.").Response()
        : null
"#
    )
}

/// A policy whose comprehension runs three deep over an argument list.
pub(crate) const LOOPS: &str = r#"
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata:
  name: loops
spec:
  evaluation:
    mode: HTTP
  failurePolicy: Ignore
  variables:
    - name: items
      expression: dyn(object.mcp.request).ToolCall.Arguments.items
  validations:
    - expression: >-
        variables.items.all(a, variables.items.all(b, variables.items.all(c, a + b + c >= 0.0)))
        ? http.Allowed().Response() : null
"#;

/// An event whose argument `items` has `count` numbers.
pub(crate) fn items_event(count: usize) -> String {
    let items: Vec<String> = (0..count).map(|item| item.to_string()).collect();
    format!(
        r#"{{"interceptorInputVersion":"1.0","mcp":{{"gatewayRequest":{{"path":"/mcp","httpMethod":"POST","headers":{{}},"body":{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"orders___sum","arguments":{{"items":[{}]}}}}}}}}}}}}"#,
        items.join(",")
    )
}
