//! Micro-benchmarks for people: `cargo bench -p logos-benches --bench micro`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use logos_crypto::Fr;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn field(c: &mut Criterion) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (a, b) = (Fr::random(&mut rng), Fr::random(&mut rng));
    let bytes = a.to_bytes();
    let mut group = c.benchmark_group("field");
    group.bench_function("mul", |bench| bench.iter(|| black_box(a) * black_box(b)));
    group.bench_function("from_bytes", |bench| bench.iter(|| Fr::from_bytes(black_box(&bytes))));
    group.bench_function("to_bytes", |bench| bench.iter(|| black_box(a).to_bytes()));
    group.bench_function("inverse", |bench| bench.iter(|| black_box(a).vartime_inverse()));
    group.finish();
}

criterion_group!(benches, field);
criterion_main!(benches);
