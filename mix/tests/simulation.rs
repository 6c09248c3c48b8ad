//! The small instance of the simulation, with thresholds.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::std_instead_of_core,
    unreachable_pub,
    reason = "a test that counts in floating point"
)]

mod simulation {
    pub mod engine;
}

use simulation::engine::{DEFAULT, LARGE, Setting, settings, simulate};

#[test]
fn the_default_hides_a_packet_among_more_than_thirty_two_at_a_thousand_nodes() {
    let outcome = simulate(DEFAULT);
    assert!(outcome.entropy >= 5.0, "{}: {}", DEFAULT.name, outcome.entropy);
    assert_eq!(outcome.simulated.as_secs(), 41, "twelve delays of three hops, and five seconds");
    assert!(outcome.absorbed > 0.9, "the run is long enough to see the targets end");
    assert!(outcome.events > 100_000 && outcome.lost == 0.0 && outcome.compromised == 0.0);
    assert!(outcome.latency_p50 > 1.0 && outcome.latency_p99 < 10.0);
}

#[test]
fn the_cover_that_is_deployed_elsewhere_hides_next_to_nothing() {
    assert!(simulate(settings()[0]).entropy < 1.0);
}

#[test]
fn loss_and_corruption_are_counted() {
    let outcome = simulate(Setting { loss: 0.05, corrupt: 0.33, ..DEFAULT });
    // Three links each lose one in twenty; three hops are all corrupt once in 28 times.
    assert!((0.12..0.16).contains(&outcome.lost), "{}", outcome.lost);
    assert!((0.03..0.045).contains(&outcome.compromised), "{}", outcome.compromised);
    assert!(outcome.entropy < simulate(DEFAULT).entropy);
}

#[test]
fn ten_thousand_nodes_hide_a_packet_by_their_load_and_not_by_their_number() {
    let outcome = simulate(LARGE);
    let small = simulate(Setting { nodes: 1000, ..LARGE });
    assert!((outcome.entropy - small.entropy).abs() < 1.0);
    assert!(outcome.events > 500_000);
}
