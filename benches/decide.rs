//! Deciding: the bytes of an event to the bytes of the answer, beside `serde_json`'s parse of the same event.

#![expect(missing_docs, reason = "criterion_group makes a function without documentation")]
#![expect(clippy::expect_used, reason = "a bench that cannot go on should panic")]

use std::fs;
use std::hint::black_box;

use bumpalo::Bump;
use criterion::{Criterion, criterion_group, criterion_main};
use toolgate::internal::budget::Budget;
use toolgate::internal::gateway::wire;
use toolgate::{Context, Engine, PolicySet, Scratch, Settings};

mod cases;

/// An engine of the policies in `text`.
fn engine(text: &str) -> Engine {
    let (set, _) = PolicySet::from_text("policies.yaml", text).expect("the policies compile");
    Engine::new(set, Settings::default()).expect("the settings are valid")
}

/// The events of `testdata/events`, by name.
fn shipped() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/events");
    let files =
        fs::read_dir(folder).expect("the events are there").map(|entry| entry.expect("a file").path());
    let mut files: Vec<_> = files.filter(|path| path.is_file()).collect();
    files.sort();
    let named = files.into_iter().map(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name, fs::read(&path).expect("an event"))
    });
    named.collect()
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
            let engine = engine(&cases::policies(shape, count));
            let (mut scratch, now) = (Scratch::default(), Context::at(0));
            group.bench_function(format!("{name}/{count}"), |bencher| {
                bencher.iter(|| {
                    black_box(engine.decide(&mut scratch, black_box(cases::EVENT), &now).answer.len())
                });
            });
        }
    }
    group.finish();
}

/// Large sets of which no policy applies.
fn many(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("many");
    for count in cases::MANY {
        let engine = engine(&cases::policies(cases::Shape::NoneMatches, count));
        let (mut scratch, now) = (Scratch::default(), Context::at(0));
        group.bench_function(format!("none-matches/{count}"), |bencher| {
            bencher
                .iter(|| black_box(engine.decide(&mut scratch, black_box(cases::EVENT), &now).answer.len()));
        });
    }
    group.finish();
}

/// Reading alone, beside `serde_json`'s tree of the same bytes.
fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    let made = cases::SIZES.map(|size| (size.to_string(), cases::large_event(size).into_bytes()));
    for (name, event) in shipped().into_iter().chain(made) {
        let mut arena = Bump::new();
        group.bench_function(format!("toolgate/{name}"), |bencher| {
            bencher.iter(|| {
                arena.reset();
                matches!(
                    wire::event(black_box(&event), &arena, &mut Budget::default()),
                    wire::Event::Request(_)
                )
            });
        });
        group.bench_function(format!("serde_json/{name}"), |bencher| {
            bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&event)));
        });
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
                let engine = engine(black_box(&text));
                engine.decide(&mut Scratch::default(), cases::EVENT, &Context::at(0)).answer.len()
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
    let engine = engine(cases::LOOPS);
    let (mut scratch, now) = (Scratch::default(), Context::at(0));
    group.bench_function("comprehension-over-100000-three-deep", |bencher| {
        bencher.iter(|| engine.decide(&mut scratch, black_box(event.as_bytes()), &now).answer.len());
    });
    group.finish();
}

criterion_group!(benches, parse, warm, many, read, cold, worst);
criterion_main!(benches);
