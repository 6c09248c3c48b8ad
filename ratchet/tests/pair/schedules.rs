//! Random schedules: loss, duplication, reordering, forgery, restarts.

use logos_ratchet::{Session, Suite};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::sides::{NOW, copy, exchange, logos_v1, private1, state};

#[derive(Clone, Debug)]
enum Step {
    /// A side sends; what it sends is under way.
    Send { from_a: bool, length: usize },
    /// A side sends, commits, and crashes before the message is out.
    Lose { from_a: bool },
    /// One of the messages under way arrives, and stays under way if `again`.
    Deliver { which: usize, again: bool },
    /// One of the messages under way arrives with a bit flipped, or cut short.
    Forge { which: usize, at: usize, bit: u8, cut: bool },
    /// A side saves, stops, and restores.
    Restart { a: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 0..300_usize)
            .prop_map(|(from_a, length)| Step::Send { from_a, length }),
        1 => any::<bool>().prop_map(|from_a| Step::Lose { from_a }),
        5 => (any::<usize>(), prop::bool::weighted(0.2))
            .prop_map(|(which, again)| Step::Deliver { which, again }),
        2 => (any::<usize>(), any::<usize>(), 0..8_u8, any::<bool>())
            .prop_map(|(which, at, bit, cut)| Step::Forge { which, at, bit, cut }),
        1 => any::<bool>().prop_map(|a| Step::Restart { a }),
    ]
}

struct Packet {
    to_a: bool,
    content: Vec<u8>,
    bytes: Vec<u8>,
    arrived: bool,
}

struct World<S: Suite> {
    a: Session<S>,
    b: Session<S>,
    under_way: Vec<Packet>,
    rng: ChaCha20Rng,
    count: u64,
}

impl<S: Suite> World<S> {
    fn new((a, b): (Session<S>, Session<S>)) -> Self {
        Self { a, b, under_way: Vec::new(), rng: ChaCha20Rng::seed_from_u64(9), count: 0 }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Send { from_a, length } => {
                let packet = self.encrypt(from_a, length);
                self.under_way.push(packet);
            }
            Step::Lose { from_a } => drop(self.encrypt(from_a, 10)),
            Step::Deliver { which, again } if !self.under_way.is_empty() => {
                let at = which % self.under_way.len();
                self.deliver(at);
                if !again {
                    self.under_way.swap_remove(at);
                }
            }
            Step::Forge { which, at, bit, cut } if !self.under_way.is_empty() => {
                self.forge(which % self.under_way.len(), at, bit, cut);
            }
            Step::Deliver { .. } | Step::Forge { .. } => {}
            Step::Restart { a: true } => self.a = copy(&self.a),
            Step::Restart { a: false } => self.b = copy(&self.b),
        }
    }

    fn encrypt(&mut self, from_a: bool, length: usize) -> Packet {
        self.count += 1;
        let mut content = self.count.to_be_bytes().to_vec();
        content.resize(8 + length, 7);
        let from = if from_a { &mut self.a } else { &mut self.b };
        let bytes = from.encrypt(&content, &mut self.rng).unwrap();
        Packet { to_a: !from_a, content, bytes, arrived: false }
    }

    /// A genuine message decrypts once; the second time is an error that changes nothing.
    fn deliver(&mut self, at: usize) {
        let packet = &mut self.under_way[at];
        let to = if packet.to_a { &mut self.a } else { &mut self.b };
        let before = state(to);
        match (to.decrypt(&packet.bytes, NOW), packet.arrived) {
            (Ok(content), false) => assert_eq!(content, packet.content),
            (Ok(_), true) => panic!("a message decrypted twice"),
            (Err(error), false) => panic!("a genuine message did not decrypt: {error}"),
            (Err(_), true) => assert_eq!(state(to), before),
        }
        packet.arrived = true;
    }

    /// A damaged message is an error that changes nothing, for either side.
    fn forge(&mut self, which: usize, at: usize, bit: u8, cut: bool) {
        let mut bytes = self.under_way[which].bytes.clone();
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << bit;
        }
        for side in [&mut self.a, &mut self.b] {
            let before = state(side);
            assert!(side.decrypt(&bytes, NOW).is_err());
            assert_eq!(state(side), before);
        }
    }

    /// Everything left arrives, then the two talk and neither has missed a step.
    fn converge(&mut self) {
        for at in 0..self.under_way.len() {
            if !self.under_way[at].arrived {
                self.deliver(at);
            }
        }
        for round in 0..4 {
            exchange(&mut self.a, &mut self.b, &[round], &mut self.rng);
            exchange(&mut self.b, &mut self.a, &[round], &mut self.rng);
        }
    }
}

/// Lost messages are chains never closed by delivery, so what is under way may grow old: keep the
/// schedules within `MAX_CHAINS` turns.
fn run<S: Suite>(sides: (Session<S>, Session<S>), schedule: Vec<Step>, window: usize) {
    let mut world = World::new(sides);
    for step in schedule {
        world.apply(step);
        while world.under_way.len() > window {
            if !world.under_way[0].arrived {
                world.deliver(0);
            }
            world.under_way.remove(0);
        }
    }
    world.converge();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn hybrid_v1_holds_on_any_schedule(
        seed: u64,
        schedule in prop::collection::vec(step(), 0..120),
    ) {
        run(logos_v1::<true>(seed), schedule, 5);
    }

    #[test]
    fn classic_v1_holds_on_any_schedule(
        seed: u64,
        schedule in prop::collection::vec(step(), 0..120),
    ) {
        run(logos_v1::<false>(seed), schedule, 5);
    }

    #[test]
    fn private1_holds_on_any_schedule(
        seed: u64,
        schedule in prop::collection::vec(step(), 0..120),
    ) {
        run(private1(seed), schedule, 3);
    }
}
