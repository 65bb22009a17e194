//! Deciding: the bytes of an event to the bytes of the answer, beside `serde_json`'s parse of the same event.

#![expect(clippy::expect_used, reason = "a bench that cannot go on should panic")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use toolgate::cel::plan::Arena;
use toolgate::config::Config;
use toolgate::interceptor::{Interceptor, Scratch};
use toolgate::policy::compile::compile;
use toolgate::policy::load::load_text;

mod cases;

/// Runs `then` with an interceptor of the policies in `text`.
fn with_interceptor<T>(text: &str, then: impl FnOnce(&Interceptor<'_>) -> T) -> T {
    let arena = Arena::new();
    let loaded = load_text("policies.yaml", text);
    let set = compile(&loaded.policies, &arena).expect("the policies compile");
    then(&Interceptor::new(set, &arena, Config::default()).expect("the settings are valid"))
}

/// The measure of the rest: what a general parser needs for the same bytes.
fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    group.bench_function("serde_json", |bencher| {
        bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(cases::EVENT)));
    });
    group.finish();
}

fn warm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("warm");
    for (name, shape) in cases::SHAPES {
        for count in cases::COUNTS {
            with_interceptor(&cases::policies(shape, count), |interceptor| {
                let mut scratch = Scratch::default();
                group.bench_function(format!("{name}/{count}"), |bencher| {
                    bencher.iter(|| {
                        black_box(interceptor.intercept(&mut scratch, black_box(cases::EVENT), 0).bytes.len())
                    });
                });
            });
        }
    }
    group.finish();
}

/// Files to the first answer, as at the start of a process. What a process does once, such as building the parser's
/// and the checker's tables, is done before: `time target/release/toolgate decide …` shows it.
fn cold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cold");
    for count in cases::COUNTS {
        let text = cases::policies(cases::Shape::FirstDenies, count);
        group.bench_function(format!("first-decision/{count}"), |bencher| {
            bencher.iter(|| {
                with_interceptor(black_box(&text), |interceptor| {
                    let mut scratch = Scratch::default();
                    interceptor.intercept(&mut scratch, cases::EVENT, 0).bytes.len()
                })
            });
        });
    }
    group.finish();
}

/// The longest that a caller can make a decision take: the budget ends it.
fn worst(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("worst");
    group.sample_size(10);
    let event = cases::items_event(100_000);
    with_interceptor(cases::LOOPS, |interceptor| {
        let mut scratch = Scratch::default();
        group.bench_function("comprehension-over-100000-three-deep", |bencher| {
            bencher.iter(|| interceptor.intercept(&mut scratch, black_box(event.as_bytes()), 0).bytes.len());
        });
    });
    group.finish();
}

criterion_group!(benches, parse, warm, cold, worst);
criterion_main!(benches);
