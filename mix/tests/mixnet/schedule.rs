//! Whether somebody who watches every link can tell own, cover and forwarded packets apart by
//! when they leave and where to.
//!
//! The test compares, class against class, the distributions of what is seen of a departure: the
//! time since the node's last one, the time until its next one, the phase in the schedule's
//! interval (Kolmogorov-Smirnov), and the neighbour it goes to (chi-square). The seeds are fixed,
//! so a run gives one verdict; the levels are those of one false alarm in ten thousand. Networks
//! that are known to show something have to fail the same test.

use std::time::Duration;

use logos_crypto::tick::Tick;
use logos_mix::cover::{CoverConfig, Strategy};

use super::net::{Class, Departure, NODES, Net};

/// The Kolmogorov-Smirnov statistic, in units of `sqrt((n + m) / (n m))`, that chance exceeds once
/// in ten thousand: `sqrt(-ln(1e-4 / 2) / 2)`.
const KS_LEVEL: f64 = 2.226;
/// The same for chi-square with [`NODES`] - 2 = 3 degrees of freedom.
const CHI_SQUARE_LEVEL: f64 = 21.11;

const CLASSES: [Class; 3] = [Class::Own, Class::Cover, Class::Forwarded];

/// What anybody sees of one departure.
struct Seen {
    class: Class,
    before: f64,
    after: f64,
    phase: f64,
    /// How many nodes further the packet goes.
    step: usize,
}

/// Five nodes whose applications write `size` messages at a time, at random times, about half as
/// many as the schedule has room for.
fn network(cover: CoverConfig, bursts: u32, size: u32) -> Vec<Seen> {
    let mut net = Net::new(cover, 0);
    let interval = cover.interval();
    let mut n = 0;
    for burst in 0..bursts {
        let gap = 0.3 + 1.4 * f64::from(burst * 7919 % 1000) / 1000.0;
        net.run_until(net.now + interval.mul_f64(0.4 * f64::from(size) * gap));
        for _ in 0..size {
            // Request `n` comes from node `n` modulo five.
            net.request(n, 0);
            n += 5;
        }
        n += 1;
        for i in 0..NODES {
            net.drain(i);
        }
    }
    let warm = Tick::ORIGIN + Duration::from_secs(5);
    net.departures.retain(|departure| departure.at > warm);
    (0..NODES).flat_map(|node| observe(&net.departures, node, interval)).collect()
}

fn observe(all: &[Departure], node: usize, interval: Duration) -> Vec<Seen> {
    let departures: Vec<_> = all.iter().filter(|departure| departure.node == node).collect();
    let seconds = |from: Tick, to: Tick| (to - from).as_secs_f64();
    let triples = departures.windows(3).map(|window| Seen {
        class: window[1].class,
        before: seconds(window[0].at, window[1].at),
        after: seconds(window[1].at, window[2].at),
        phase: seconds(Tick::ORIGIN, window[1].at) % interval.as_secs_f64(),
        step: (window[1].to + NODES - node) % NODES,
    });
    triples.collect()
}

/// The greatest distance of two empirical distribution functions, in units of what chance gives.
fn kolmogorov_smirnov(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mut i, mut j, mut greatest) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        i += a[i..].iter().take_while(|value| **value <= x).count();
        j += b[j..].iter().take_while(|value| **value <= x).count();
        greatest = greatest.max((i as f64 / n - j as f64 / m).abs());
    }
    greatest / ((n + m) / (n * m)).sqrt()
}

/// Pearson's statistic for two rows of counts.
fn chi_square(a: &[f64], b: &[f64]) -> f64 {
    let (n, m): (f64, f64) = (a.iter().sum(), b.iter().sum());
    let cell = |count: f64, total: f64, column: f64| {
        let expected = total * column / (n + m);
        (count - expected).powi(2) / expected
    };
    a.iter().zip(b).map(|(a, b)| cell(*a, n, a + b) + cell(*b, m, a + b)).sum()
}

/// What tells two classes apart, in words; nothing if nothing does.
fn differences(seen: &[Seen], x: Class, y: Class) -> Vec<String> {
    let of = |class: Class, what: fn(&Seen) -> f64| -> Vec<f64> {
        seen.iter().filter(|seen| seen.class == class).map(what).collect()
    };
    let steps = |class: Class| -> Vec<f64> {
        let at = |step| seen.iter().filter(move |s| s.class == class && s.step == step);
        (1..NODES).map(|step| at(step).count() as f64).collect()
    };
    type View = (&'static str, fn(&Seen) -> f64);
    let views: [View; 3] = [
        ("the time since the last departure", |seen| seen.before),
        ("the time until the next departure", |seen| seen.after),
        ("the phase in the interval", |seen| seen.phase),
    ];
    let mut found: Vec<_> = views
        .into_iter()
        .map(|(name, what)| (name, kolmogorov_smirnov(of(x, what), of(y, what)), KS_LEVEL))
        .collect();
    found.push(("the neighbour", chi_square(&steps(x), &steps(y)), CHI_SQUARE_LEVEL));
    let tells = |(name, statistic, level): (&str, f64, f64)| {
        (statistic > level).then(|| format!("{name} tells {x:?} from {y:?}: {statistic:.2}"))
    };
    found.into_iter().filter_map(tells).collect()
}

fn pairs() -> impl Iterator<Item = (Class, Class)> {
    CLASSES
        .into_iter()
        .flat_map(|x| CLASSES.into_iter().map(move |y| (x, y)))
        .filter(|(x, y)| x < y)
}

/// As many slots as it takes for nobody to run out, in short intervals.
fn cover(strategy: Strategy, data_replaces_cover: bool) -> CoverConfig {
    CoverConfig { strategy, slots: 400, data_replaces_cover, ..CoverConfig::default() }
}

#[test]
fn own_cover_and_forwarded_packets_leave_alike() {
    let seen = network(cover(Strategy::Poisson, true), 500, 5);
    for class in CLASSES {
        let n = seen.iter().filter(|seen| seen.class == class).count();
        assert!(n > 2000, "{n} packets of {class:?} are too few to tell");
    }
    let found: Vec<_> = pairs().flat_map(|(x, y)| differences(&seen, x, y)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_constant_rate_shows_which_packets_are_forwarded() {
    let seen = network(cover(Strategy::Constant, true), 150, 5);
    for scheduled in [Class::Own, Class::Cover] {
        assert!(!differences(&seen, scheduled, Class::Forwarded).is_empty(), "{scheduled:?}");
    }
    assert_eq!(differences(&seen, Class::Own, Class::Cover), Vec::<String>::new());
}

#[test]
fn messages_beside_the_schedule_show_by_their_bursts() {
    let seen = network(cover(Strategy::Poisson, false), 50, 20);
    assert!(!differences(&seen, Class::Own, Class::Forwarded).is_empty());
    assert!(!differences(&seen, Class::Own, Class::Cover).is_empty());
}
