//! A warm decision makes no heap allocation, from the event's bytes to the answer's, with its record.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::time::{Duration, UNIX_EPOCH};

use toolgate::settings::{Environment, EnvironmentSource};
use toolgate::{Context, Effect, Engine, Invocation, PolicySet, Scratch, Settings};

#[expect(dead_code, reason = "the largest sets are for the benches")]
#[path = "../benches/cases.rs"]
mod cases;

/// The heap allocations of a warm decision on `event` under the policies in `text`: of the answer, of the record.
fn allocations(text: &str, event: &[u8], effect: Effect) -> (u64, u64) {
    allocations_with(Settings::default(), text, event, effect)
}

/// The same, of a deployment with these settings.
fn allocations_with(settings: Settings, text: &str, event: &[u8], effect: Effect) -> (u64, u64) {
    let (set, _warnings) = PolicySet::from_text("policies.yaml", text).unwrap();
    let mut keyed = settings;
    keyed.audit.digest_key = Some(b"sixteen bytes and more".to_vec());
    let engine = Engine::new(set, keyed).unwrap();
    let audit = engine.audit();
    let (mut scratch, mut line) = (Scratch::default(), Vec::new());
    let arrived = UNIX_EPOCH.checked_add(Duration::new(1_764_000_000, 5_000_000)).unwrap();
    let mut counts = (0, 0);
    // The first calls warm the scratch: a bump arena keeps its largest block, and may need a call to get there.
    for _ in 0..4 {
        let mut answer = None;
        counts.0 = allocation_counter::measure(|| {
            answer = Some(engine.decide(&mut scratch, event, &Context::at(1_764_000_000)));
        })
        .count_total;
        let answer = answer.unwrap();
        assert_eq!(answer.record.effect, effect);
        counts.1 = allocation_counter::measure(|| {
            let mut invocation = Invocation::new(event, arrived);
            (invocation.request_id, invocation.micros) = ("a-b", 7);
            audit.write(&mut line, &answer.record, &invocation);
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
fn a_table_of_targets_allocates_nothing() {
    let row = |target: &str| (target.to_owned(), Environment::new("staging").unwrap());
    let mut settings = Settings::default();
    settings.environment = EnvironmentSource::Targets(vec![row("orders-*"), row("{kube,k8s}*"), row("*")]);
    let text = cases::policies(cases::Shape::AllMatch, 1);
    assert_eq!(allocations_with(settings, &text, cases::EVENT, Effect::Allow), (0, 0));
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
fn a_large_event_allocates_nothing() {
    let text = cases::policies(cases::Shape::AllMatch, 1);
    for size in cases::SIZES {
        assert_eq!(allocations(&text, cases::large_event(size).as_bytes(), Effect::Allow), (0, 0), "{size}");
    }
}

#[test]
fn a_refusal_allocates_nothing() {
    let text = cases::policies(cases::Shape::AllMatch, 10);
    for event in [
        &include_bytes!("../testdata/events/batch.json")[..],
        include_bytes!("../testdata/events/duplicate-member.json"),
    ] {
        assert_eq!(allocations(&text, event, Effect::Deny), (0, 0));
    }
}

#[test]
fn an_error_of_a_policy_allocates_nothing() {
    let text = cases::policies(cases::Shape::AllMatch, 1).replace(
        "variables.deletes && variables.inEnvironment",
        "object.attributes.Header(\"X-None\")[0] == \"\"",
    );
    assert_eq!(allocations(&text, cases::EVENT, Effect::Deny), (0, 0));
}

#[test]
fn a_comprehension_over_arguments_allocates_nothing() {
    let event = cases::items_event(20);
    assert_eq!(allocations(cases::LOOPS, event.as_bytes(), Effect::Allow), (0, 0));
}
