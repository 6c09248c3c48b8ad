//! Replays every committed seed and thousands of its mutations, on stable Rust.

use std::fs;
use std::path::{Path, PathBuf};

use logos_fuzz_targets::TARGETS;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const MUTATIONS: usize = 4000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds")
}

/// The seeds of a target by file name, so that a run is always the same.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder().join(target))
        .unwrap_or_else(|error| panic!("seeds of {target}: {error}"))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_target_holds_on_its_seeds() {
    for (name, drive) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has seeds");
        seeds.iter().for_each(|seed| drive(seed));
    }
}

#[test]
fn every_target_holds_on_mutations_of_its_seeds() {
    for (name, drive) in TARGETS {
        let seeds = seeds(name);
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        for _ in 0..MUTATIONS {
            let mut input = seeds[below(&mut rng, seeds.len())].clone();
            for _ in 0..=below(&mut rng, 4) {
                mutate(&mut rng, &mut input);
            }
            drive(&input);
        }
    }
}

/// `cargo run -p logos-fuzz-targets --example ratchet_seeds` writes them.
#[test]
fn the_seeds_that_need_keys_are_those_of_this_code() {
    for seed in logos_fuzz_targets::ratchet::seeds() {
        let path = folder().join(seed.target).join(seed.name);
        assert_eq!(fs::read(&path).unwrap(), seed.bytes, "{}", path.display());
    }
}

#[test]
fn every_folder_of_seeds_has_a_target() {
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "{name:?}");
    }
}

/// Flips, cuts, grows, or plants a length that lies.
fn mutate(rng: &mut ChaCha20Rng, input: &mut Vec<u8>) {
    let place = below(rng, input.len() + 1);
    match below(rng, 5) {
        0 if place < input.len() => input[place] ^= 1 << below(rng, 8),
        1 => input.truncate(place),
        2 => input.insert(place, rng.next_u32().to_le_bytes()[0]),
        3 => drop(input.splice(place..place, u64::MAX.to_le_bytes())),
        _ if place < input.len() => input[place] = 0xff,
        _ => {}
    }
}

fn below(rng: &mut ChaCha20Rng, bound: usize) -> usize {
    usize::try_from(rng.next_u64() % bound as u64).unwrap()
}
