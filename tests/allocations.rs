//! A warm decision makes no heap allocation, from the event's bytes to the answer's, with its record.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::fmt::Write as _;

use toolgate::audit::{Audit, Invocation};
use toolgate::cel::plan::Arena;
use toolgate::config::{AuditConfig, Config};
use toolgate::interceptor::{Interceptor, Scratch, decision_id};
use toolgate::policy::compile::compile;
use toolgate::policy::decide::Effect;
use toolgate::policy::load::load_text;

#[path = "../benches/cases.rs"]
mod cases;

/// The heap allocations of a warm decision on `event` under the policies in `text`: of the answer, of the record.
fn allocations(text: &str, event: &[u8], effect: Effect) -> (u64, u64) {
    let arena = Arena::new();
    let loaded = load_text("policies.yaml", text);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let set = compile(&loaded.policies, &arena).unwrap();
    let interceptor = Interceptor::new(set, &arena, Config::default()).unwrap();
    let keyed = AuditConfig { digest_key: Some(b"key".to_vec()), ..AuditConfig::default() };
    let audit = Audit::new(&keyed, "sha256:0");
    let (mut scratch, mut id, mut line) = (Scratch::default(), String::new(), Vec::new());
    let mut counts = (0, 0);
    // The first calls warm the scratch: a bump arena keeps its largest block, and may need a call to get there.
    for _ in 0..4 {
        let mut answer = None;
        counts.0 = allocation_counter::measure(|| {
            answer = Some(interceptor.intercept(&mut scratch, event, 1_764_000_000));
        })
        .count_total;
        let answer = answer.unwrap();
        assert_eq!(answer.record.effect, effect);
        counts.1 = allocation_counter::measure(|| {
            id.clear();
            let _ = write!(id, "{}", decision_id(event));
            let invocation =
                Invocation { seconds: 1_764_000_000, nanos: 5_000_000, request_id: "a-b", micros: 7 };
            audit.write(&mut line, &answer.record.entry(&id), &invocation);
        })
        .count_total;
    }
    counts
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(counted.count_total, 1);
}

#[test]
fn a_warm_allow_and_its_record_allocate_nothing() {
    for (name, shape) in cases::SHAPES {
        for count in cases::COUNTS {
            if shape == cases::Shape::FirstDenies {
                continue;
            }
            let found = allocations(&cases::policies(shape, count), cases::EVENT, Effect::Allow);
            assert_eq!(found, (0, 0), "{name} {count}");
        }
    }
}

#[test]
fn a_policy_that_reads_all_of_the_call_allocates_nothing() {
    let text = r#"
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata:
  name: reader
spec:
  evaluation:
    mode: HTTP
  variables:
    - name: words
      expression: object.attributes.header.map(name, name.lowerAscii() + "=" + object.attributes.header[name].join(","))
    - name: pod
      expression: object.mcp.request.GetStringArgument("pod", "none")
  validations:
    - expression: >-
        variables.pod.matches("^cart-[0-9a-f]+-.*$") && size(object.attributes.body) > 10
        && variables.words.exists(word, word.startsWith("x-operation=")) && object.attributes.query.size() == 0
        && mcp.Parse(string(object.attributes.body)).Method == "tools/call"
        ? http.Allowed().Response() : http.Denied("no").Response()
"#;
    assert_eq!(allocations(text, cases::EVENT, Effect::Allow), (0, 0));
}

#[test]
fn a_message_that_passes_allocates_nothing() {
    let event = include_bytes!("../testdata/events/tools-list.json");
    let text = cases::policies(cases::Shape::AllMatch, 1);
    assert_eq!(allocations(&text, event, Effect::Allow), (0, 0));
}

#[test]
fn a_warm_denial_by_policy_allocates_nothing() {
    let text = cases::policies(cases::Shape::FirstDenies, 10);
    assert_eq!(allocations(&text, cases::EVENT, Effect::Deny), (0, 0));
}

#[test]
fn a_comprehension_over_arguments_allocates_nothing() {
    let event = cases::items_event(20);
    assert_eq!(allocations(cases::LOOPS, event.as_bytes(), Effect::Allow), (0, 0));
}
