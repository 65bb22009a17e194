//! The benches measure what their names say: a case that lost its meaning fails here.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[expect(dead_code, reason = "the largest sets are for the benches")]
#[path = "../benches/cases.rs"]
mod cases;

use cases::Shape;
use toolgate::{Context, Effect, Engine, PolicySet, Scratch, Settings};

/// The outcome of `event` under the policies in `text`: effect, outcome, deciding policy, and how many were asked.
fn outcome(text: &str, event: &[u8]) -> (Effect, String, Option<String>, usize) {
    let (set, _warnings) = PolicySet::from_text("policies.yaml", text).unwrap();
    let engine = Engine::new(set, Settings::default()).unwrap();
    let mut scratch = Scratch::default();
    let record = engine.decide(&mut scratch, event, &Context::at(0).traced()).record.into_owned();
    let outcome = record.outcome.as_str().to_owned();
    (record.effect, outcome, record.policy.map(String::from), record.trace.len())
}

#[test]
fn the_first_policy_denies_and_no_other_is_asked() {
    for count in cases::COUNTS {
        let found = outcome(&cases::policies(Shape::FirstDenies, count), cases::EVENT);
        assert_eq!(found, (Effect::Deny, "deny".to_owned(), Some("policy-000".to_owned()), 1), "{count}");
    }
}

#[test]
fn all_are_asked_and_none_answers() {
    for shape in [Shape::AllMatch, Shape::NoneMatches] {
        for count in cases::COUNTS {
            let found = outcome(&cases::policies(shape, count), cases::EVENT);
            assert_eq!(found, (Effect::Allow, "none".to_owned(), None, count), "{shape:?} {count}");
        }
    }
}

/// With a last branch that answers, a policy whose conditions match answers, and one whose conditions do not is silent.
#[test]
fn the_conditions_of_all_match_or_of_none() {
    for (shape, due) in [(Shape::AllMatch, "allow"), (Shape::NoneMatches, "none")] {
        let text = cases::policies(shape, 1).replace(": null", ": http.Allowed().Response()");
        assert_eq!(outcome(&text, cases::EVENT).1, due, "{shape:?}");
    }
}

#[test]
fn the_long_comprehension_ends_with_the_budget_and_a_short_one_answers() {
    let long = outcome(cases::LOOPS, cases::items_event(100_000).as_bytes());
    assert_eq!((long.0, long.1.as_str()), (Effect::Deny, "fault"));
    let short = outcome(cases::LOOPS, cases::items_event(10).as_bytes());
    assert_eq!((short.0, short.1.as_str()), (Effect::Allow, "allow"));
}

#[test]
fn events_have_about_their_sizes_and_are_judged() {
    for size in cases::SIZES {
        let event = cases::large_event(size);
        assert!((size / 2..size + size / 4).contains(&event.len()), "{size} {}", event.len());
        let found = outcome(&cases::policies(Shape::AllMatch, 1), event.as_bytes());
        assert_eq!((found.0, found.1.as_str()), (Effect::Allow, "none"), "{size}");
    }
}
