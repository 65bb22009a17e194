//! Loading: files to programs, by the number of policies; the throughput is that of policies.

#![expect(clippy::expect_used, reason = "a bench that cannot go on should panic")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use toolgate::cel::plan::Arena;
use toolgate::policy::compile::compile;
use toolgate::policy::load::load_text;

#[expect(dead_code, reason = "the events are for the other bench")]
mod cases;

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    for count in cases::COUNTS {
        let text = cases::policies(cases::Shape::AllMatch, count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count}-policies"), |bencher| {
            bencher.iter(|| {
                let arena = Arena::new();
                let loaded = load_text("policies.yaml", black_box(&text));
                let set = compile(&loaded.policies, &arena).expect("the policies compile");
                black_box(set.policies.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
