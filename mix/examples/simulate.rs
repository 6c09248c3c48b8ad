//! Anonymity of a mix network against somebody who sees every link: prints what the simulation in
//! `tests/simulation` gives, as a table, JSON or a plot.
//!
//! ```sh
//! cargo run --release -p logos-mix --example simulate -- table
//! cargo run --release -p logos-mix --example simulate -- json > simulation.json
//! cargo run --release -p logos-mix --example simulate -- svg > simulation.svg
//! cargo run --release -p logos-mix --example simulate -- check
//! ```

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::std_instead_of_core,
    unreachable_pub,
    reason = "a program for people, which reads its arguments and a clock"
)]

use std::time::{Duration, Instant};

use engine::{DEFAULT, LARGE, Outcome, Setting, settings, simulate};

#[path = "../tests/simulation/engine.rs"]
mod engine;

/// A setting, what came out, and how long that took.
type Row = (Setting, Outcome, Duration);

fn table(rows: &[Row]) {
    println!(
        "| setting | N | packets/s | mean delay | hops | entropy, bits | log2 N | latency p50 / p99 | loss | compromised | x real time |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (s, o, clock) in rows {
        println!(
            "| {} | {} | {} | {} ms | {} | {:.1} | {:.1} | {:.2} / {:.2} s | {:.1} % | {:.2} % | {:.0} |",
            s.name,
            s.nodes,
            s.rate,
            s.mean.as_millis(),
            s.hops,
            o.entropy,
            (s.nodes as f64).log2(),
            o.latency_p50,
            o.latency_p99,
            100.0 * o.lost,
            100.0 * o.compromised,
            speed(o, *clock),
        );
    }
}

fn json(rows: &[Row]) {
    let rows: Vec<_> = rows
        .iter()
        .map(|(s, o, clock)| {
            serde_json::json!({
                "setting": s.name, "nodes": s.nodes, "packets_per_second": s.rate,
                "mean_delay_ms": s.mean.as_millis() as u64, "hops": s.hops, "corrupt": s.corrupt,
                "loss": s.loss, "entropy_bits": o.entropy, "absorbed": o.absorbed,
                "latency_p50_s": o.latency_p50, "latency_p99_s": o.latency_p99, "lost": o.lost,
                "compromised": o.compromised, "events": o.events,
                "times_real_time": speed(o, *clock),
            })
        })
        .collect();
    println!("{}", serde_json::to_string_pretty(&rows).unwrap());
}

/// A bar for each setting, with the five bits that the default has to reach.
fn svg(rows: &[Row]) {
    let height = 40 + 28 * rows.len();
    println!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">"
    );
    println!("<text x=\"10\" y=\"20\">entropy against a global observer, bits</text>");
    for (i, (s, o, _)) in rows.iter().enumerate() {
        let (y, width) = (36 + 28 * i, o.entropy * 35.0);
        println!("<text x=\"10\" y=\"{}\">{}</text>", y + 14, s.name);
        println!("<rect x=\"220\" y=\"{y}\" width=\"{width:.1}\" height=\"18\" fill=\"#4472c4\"/>");
        println!("<text x=\"{:.1}\" y=\"{}\">{:.1}</text>", 226.0 + width, y + 14, o.entropy);
    }
    println!("<line x1=\"395\" y1=\"30\" x2=\"395\" y2=\"{height}\" stroke=\"#c00\"/></svg>");
}

/// Simulates with a clock beside it.
fn timed(setting: Setting) -> Row {
    let start = Instant::now();
    let outcome = simulate(setting);
    (setting, outcome, start.elapsed())
}

/// How many times faster than what it simulates a run was.
fn speed(outcome: &Outcome, clock: Duration) -> f64 {
    outcome.simulated.as_secs_f64() / clock.as_secs_f64()
}

/// What the README promises of the simulator, which `cargo test` checks but for the clock.
fn check() {
    let (_, outcome, _) = timed(DEFAULT);
    println!("default at N = 1000: {:.2} bits", outcome.entropy);
    assert!(outcome.entropy >= 5.0, "the default hides a packet among fewer than 32");
    let (_, outcome, clock) = timed(LARGE);
    let speed = speed(&outcome, clock);
    println!("{}: {speed:.0} times real time, {:.2} bits", LARGE.name, outcome.entropy);
    assert!(speed >= 50.0, "slower than 50 times real time");
}

fn main() {
    let rows = || settings().into_iter().map(timed).collect::<Vec<_>>();
    match std::env::args().nth(1).as_deref() {
        Some("json") => json(&rows()),
        Some("svg") => svg(&rows()),
        Some("check") => check(),
        _ => table(&rows()),
    }
}
