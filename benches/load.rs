//! Loading: files to programs, by the number of policies; the throughput is that of policies.

#![expect(missing_docs, reason = "criterion_group makes a function without documentation")]
#![expect(clippy::expect_used, reason = "a bench that cannot go on should panic")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use toolgate::PolicySet;

#[expect(dead_code, reason = "the events are for the other bench")]
mod cases;

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    for count in cases::COUNTS {
        let text = cases::policies(cases::Shape::AllMatch, count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count}-policies"), |bencher| {
            bencher.iter(|| {
                let (set, _) = PolicySet::from_text("policies.yaml", black_box(&text)).expect("they compile");
                black_box(set.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
