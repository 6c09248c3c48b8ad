//! Hops a second on one core: prints microseconds per operation, the best of many rounds.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::std_instead_of_core,
    reason = "a program for people, which reads a clock"
)]

use std::hint::black_box;
use std::time::Instant;

use logos_crypto::x25519::Engine;
use logos_mix::{AddressBlock, Hop, MeanDelay, MixSecret, Packet, PayloadCipher, Route, Sphinx};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn best(rounds: usize, mut operation: impl FnMut()) -> f64 {
    (0..rounds)
        .map(|_| {
            let start = Instant::now();
            operation();
            start.elapsed().as_secs_f64() * 1e6
        })
        .fold(f64::MAX, f64::min)
}

fn main() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let nodes: Vec<_> = (0..3).map(|_| MixSecret::random(&mut rng)).collect();
    let hops = nodes.iter().map(|node| Hop {
        key: node.public_key(),
        address: AddressBlock::from_bytes([1; 94]),
        delay: MeanDelay::MIN,
    });
    let route = Route::new(hops.collect()).unwrap();
    for engine in Engine::ALL.into_iter().filter(|engine| engine.is_available()) {
        let sphinx = Sphinx::new(PayloadCipher::Lioness, engine);
        let create = best(200, || {
            black_box(sphinx.create(&route, &AddressBlock::NONE, &[0; 3968], &mut rng));
        });
        let packets: Vec<Packet> = (0..8)
            .map(|_| *sphinx.create(&route, &AddressBlock::NONE, &[0; 3968], &mut rng))
            .collect();
        let mut one = packets[0].clone();
        let hop = best(400, || {
            one.clone_from(&packets[0]);
            let _ = black_box(sphinx.process(&nodes[0], &mut one));
        });
        let mut many = packets.clone();
        let batch = best(400, || {
            many.clone_from(&packets);
            sphinx.process_batch(&nodes[0], &mut many, |_| true, |_, _| ());
            black_box(&many);
        });
        println!(
            "{engine:?}: create {create:.1}, hop {hop:.1}, batch of 8 {:.2} a hop",
            batch / 8.0
        );
    }
}
