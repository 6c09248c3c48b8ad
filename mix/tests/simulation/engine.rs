//! Anonymity of a mix network against somebody who sees every link, in virtual time.
//!
//! Discrete events over free routes. Every node sends its own packets by the cover schedule of
//! the crate, and every hop holds packets for times that the crate draws. The adversary knows the
//! routes' length and the distribution of delays, sees every packet leave and arrive, and follows
//! one target packet: at each node that may hold it, the chance that a departing packet is the
//! target is one part in as many as the node holds (exponential delays have no memory). What
//! comes out is the entropy of where the target ended, per target, on average.

use std::collections::BTreeMap;
use std::time::Duration;

use logos_crypto::tick::Tick;
use logos_mix::cover::{CoverConfig, CoverSchedule, Strategy};
use logos_mix::delay::exponential;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use calendar::Calendar;

#[path = "calendar.rs"]
mod calendar;

/// What is simulated.
#[derive(Clone, Copy)]
pub struct Setting {
    pub name: &'static str,
    pub nodes: usize,
    /// Packets that a node sends in a second.
    pub rate: f64,
    pub mean: Duration,
    pub hops: u8,
    /// The part of nodes that the adversary runs.
    pub corrupt: f64,
    /// The part of packets that a link loses.
    pub loss: f64,
}

pub const DEFAULT: Setting = Setting {
    name: "default",
    nodes: 1000,
    rate: 1.75,
    mean: Duration::from_millis(1000),
    hops: 3,
    corrupt: 0.0,
    loss: 0.0,
};

/// Targets that are followed at once.
const TARGETS: usize = 32;

pub fn settings() -> Vec<Setting> {
    let with =
        |name, rate, millis| Setting { name, rate, mean: Duration::from_millis(millis), ..DEFAULT };
    vec![
        with("deployed cover, 100 ms", 0.29, 100),
        with("RLN budget, 100 ms", 1.75, 100),
        with("RLN budget, 500 ms", 1.75, 500),
        DEFAULT,
        with("RLN budget, 2 s", 1.75, 2000),
        with("10 packets/s, 500 ms", 10.0, 500),
        Setting { name: "default, a third corrupt", corrupt: 0.33, ..DEFAULT },
        Setting { name: "default, 5 % loss", loss: 0.05, ..DEFAULT },
        Setting { name: "default, 10 000 nodes", nodes: 10_000, ..DEFAULT },
    ]
}

/// What came out.
pub struct Outcome {
    pub entropy: f64,
    /// Of the targets' weight, the part that ended.
    pub absorbed: f64,
    pub latency_p50: f64,
    pub latency_p99: f64,
    pub lost: f64,
    /// Routes on which every hop is the adversary's.
    pub compromised: f64,
    /// How long the simulated time was.
    pub simulated: Duration,
    pub events: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Emit { node: u32 },
    Leave { packet: u32 },
}

struct Flight {
    at: u32,
    hops_left: u8,
    born: Tick,
    bad_hops: u8,
    /// For each target, the chance that this packet is it.
    weight: Option<Box<[f32; TARGETS]>>,
}

struct Simulation {
    setting: Setting,
    rng: ChaCha8Rng,
    schedules: Vec<CoverSchedule>,
    /// For each node, packets held and the chance that a target is among them.
    held: Vec<(u32, Option<Box<[f32; TARGETS]>>)>,
    queue: Calendar<Event>,
    flights: Vec<Flight>,
    free: Vec<u32>,
    targets: usize,
    ends: Vec<BTreeMap<u64, f64>>,
    latencies: Vec<f64>,
    sent: u64,
    lost: u64,
    compromised: u64,
    events: u64,
}

impl Simulation {
    fn new(setting: Setting) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        // The schedule whose interval is one over the rate.
        let cover = CoverConfig {
            strategy: Strategy::Poisson,
            slots: 1000,
            fraction: 1.0,
            hops: u32::from(setting.hops),
            epoch: Duration::from_secs_f64(
                1000.0 / (setting.rate * (1.0 + f64::from(setting.hops))),
            ),
            data_replaces_cover: true,
        };
        let schedules: Vec<_> = (0..setting.nodes)
            .map(|_| CoverSchedule::new(&cover, Tick::ORIGIN, &mut rng))
            .collect();
        // About eight events a bucket.
        let events = setting.nodes as f64 * setting.rate * f64::from(setting.hops);
        let mut queue = Calendar::new(Duration::from_secs_f64(8.0 / events));
        for (schedule, node) in schedules.iter().zip(0..) {
            queue.push(schedule.next_deadline().unwrap(), Event::Emit { node });
        }
        Self {
            held: (0..setting.nodes).map(|_| (0, None)).collect(),
            setting,
            rng,
            schedules,
            queue,
            flights: Vec::new(),
            free: Vec::new(),
            targets: 0,
            ends: vec![BTreeMap::new(); TARGETS],
            latencies: Vec::new(),
            sent: 0,
            lost: 0,
            compromised: 0,
            events: 0,
        }
    }

    fn uniform(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn is_corrupt(&self, node: u32) -> bool {
        f64::from(node) < self.setting.corrupt * self.setting.nodes as f64
    }

    fn run(mut self, warm_up: Duration, length: Duration) -> Outcome {
        let start = Tick::ORIGIN + warm_up;
        let end = start + length;
        while let Some((now, event)) = self.queue.pop().filter(|(now, _)| *now <= end) {
            self.events += 1;
            match event {
                Event::Emit { node } => self.emit(now, node, now >= start),
                Event::Leave { packet } => self.leave(now, packet),
            }
        }
        self.outcome(warm_up + length)
    }

    fn emit(&mut self, now: Tick, node: u32, follow: bool) {
        let schedule = &mut self.schedules[node as usize];
        schedule.poll(now, &mut self.rng);
        let next = schedule.next_deadline().unwrap();
        self.queue.push(next, Event::Emit { node });
        // Each target starts at a node that sends anyway.
        let target = (follow && self.targets < TARGETS).then_some(self.targets);
        let weight = target.map(|target| {
            self.targets += 1;
            let mut weight = Box::new([0.0; TARGETS]);
            weight[target] = 1.0;
            weight
        });
        let flight =
            Flight { at: node, hops_left: self.setting.hops, born: now, bad_hops: 0, weight };
        self.sent += 1;
        let packet = match self.free.pop() {
            Some(packet) => {
                self.flights[packet as usize] = flight;
                packet
            }
            None => {
                self.flights.push(flight);
                self.flights.len() as u32 - 1
            }
        };
        self.travel(now, packet);
    }

    /// Sends a packet from where it is to a random other node.
    fn travel(&mut self, now: Tick, packet: u32) {
        if self.setting.loss > 0.0 && self.uniform() < self.setting.loss {
            self.lost += 1;
            self.flights[packet as usize].weight = None;
            self.free.push(packet);
            return;
        }
        let at = loop {
            let at = (self.rng.next_u64() % self.setting.nodes as u64) as u32;
            if at != self.flights[packet as usize].at {
                break at;
            }
        };
        let corrupt = self.is_corrupt(at);
        let flight = &mut self.flights[packet as usize];
        flight.at = at;
        flight.hops_left -= 1;
        flight.bad_hops += u8::from(corrupt);
        if flight.hops_left == 0 {
            self.end(now, packet);
            return;
        }
        if !corrupt {
            let (count, pool) = &mut self.held[at as usize];
            *count += 1;
            if let Some(weight) = flight.weight.take() {
                add(pool.get_or_insert_with(|| Box::new([0.0; TARGETS])), &weight);
            }
        }
        let departure = now + exponential(self.setting.mean, &mut self.rng);
        self.queue.push(departure, Event::Leave { packet });
    }

    fn leave(&mut self, now: Tick, packet: u32) {
        let flight = &mut self.flights[packet as usize];
        // An adversary's node knows which packet is which.
        if f64::from(flight.at) >= self.setting.corrupt * self.setting.nodes as f64 {
            let (count, pool) = &mut self.held[flight.at as usize];
            flight.weight = share(pool, *count);
            *count -= 1;
            if *count == 0 {
                *pool = None;
            }
        }
        self.travel(now, packet);
    }

    fn end(&mut self, now: Tick, packet: u32) {
        let flight = &mut self.flights[packet as usize];
        self.latencies.push((now - flight.born).as_secs_f64());
        self.compromised += u64::from(flight.bad_hops == self.setting.hops);
        if let Some(weight) = flight.weight.take() {
            for (ends, weight) in self.ends.iter_mut().zip(weight.iter()).filter(|(_, w)| **w > 0.0)
            {
                *ends.entry(self.events).or_default() += f64::from(*weight);
            }
        }
        self.free.push(packet);
    }

    fn outcome(mut self, simulated: Duration) -> Outcome {
        let (mut entropy, mut absorbed) = (0.0, 0.0);
        for ends in &self.ends {
            let total: f64 = ends.values().sum();
            absorbed += total / TARGETS as f64;
            let bits = ends.values().map(|w| w / total).map(|p| -p * p.log2());
            entropy += bits.sum::<f64>() / TARGETS as f64;
        }
        self.latencies.sort_by(f64::total_cmp);
        let quantile = |q: f64| self.latencies[((self.latencies.len() - 1) as f64 * q) as usize];
        Outcome {
            entropy,
            absorbed,
            latency_p50: quantile(0.5),
            latency_p99: quantile(0.99),
            lost: self.lost as f64 / self.sent as f64,
            compromised: self.compromised as f64 / self.latencies.len() as f64,
            simulated,
            events: self.events,
        }
    }
}

fn add(pool: &mut [f32; TARGETS], weight: &[f32; TARGETS]) {
    for (pool, weight) in pool.iter_mut().zip(weight) {
        *pool += weight;
    }
}

/// Takes one packet's part out of a pool of `count`; parts below a millionth are dropped.
fn share(pool: &mut Option<Box<[f32; TARGETS]>>, count: u32) -> Option<Box<[f32; TARGETS]>> {
    let pool = pool.as_mut()?;
    let part = pool.map(|weight| weight / count as f32);
    for (pool, part) in pool.iter_mut().zip(part) {
        *pool -= part;
    }
    part.iter().any(|weight| *weight > 1e-6).then(|| Box::new(part))
}

pub fn simulate(setting: Setting) -> Outcome {
    let unit = setting.mean * u32::from(setting.hops);
    Simulation::new(setting).run(unit * 4, unit * 8 + Duration::from_secs(5))
}

/// The load that the speed is measured with: 10 000 nodes at one packet a second.
pub const LARGE: Setting =
    Setting { name: "10 000 nodes at 1 packet/s", nodes: 10_000, rate: 1.0, ..DEFAULT };
