use std::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

fn gaps(strategy: Strategy, n: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let config = CoverConfig { strategy, ..CoverConfig::default() };
    let mut schedule = CoverSchedule::new(&config, Tick::ORIGIN, &mut rng);
    let mut last = schedule.next_deadline().unwrap();
    assert!(schedule.poll(last, &mut rng));
    (0..n)
        .map(|_| {
            let due = schedule.next_deadline().unwrap();
            assert!(!schedule.poll(last, &mut rng));
            assert!(schedule.poll(due, &mut rng));
            (due - core::mem::replace(&mut last, due)).as_secs_f64()
        })
        .collect()
}

#[test]
fn the_interval_is_that_of_lip_161() {
    // (1 + 3) * 10 s / floor(0.7 * 100)
    let interval = CoverConfig::default().interval();
    assert!((interval.as_secs_f64() - 40.0 / 70.0).abs() < 1e-9);
}

#[test]
fn a_constant_schedule_is_constant_and_a_poisson_one_is_exponential() {
    let mean = 40.0 / 70.0;
    assert!(gaps(Strategy::Constant, 100, 1).iter().all(|gap| (gap - mean).abs() < 1e-6));
    let gaps = gaps(Strategy::Poisson, 20_000, 2);
    let n = gaps.len() as f64;
    let average = gaps.iter().sum::<f64>() / n;
    let deviation = (gaps.iter().map(|gap| (gap - average).powi(2)).sum::<f64>() / n).sqrt();
    assert!((average / mean - 1.0).abs() < 0.04, "{average}");
    assert!((deviation / average - 1.0).abs() < 0.04, "{deviation}");
}

#[test]
fn a_pause_is_not_followed_by_a_burst() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let config = CoverConfig::default();
    let mut schedule = CoverSchedule::new(&config, Tick::ORIGIN, &mut rng);
    let late = Tick::ORIGIN + Duration::from_secs(3600);
    assert!(schedule.poll(late, &mut rng));
    assert!(!schedule.poll(late, &mut rng));
}

#[test]
fn slots_run_out_and_come_back() {
    let mut budget = SlotBudget::new(2);
    assert_eq!((budget.claim(), budget.claim(), budget.claim()), (Ok(()), Ok(()), Err(NoSlot)));
    budget.reset();
    assert_eq!(budget.left(), 2);
}

#[test]
fn lost_loops_raise_suspicion_and_usual_loss_does_not() {
    for (lost_every, expected) in [(20, Health::Good), (3, Health::Suspect)] {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let mut monitor = LoopMonitor::new(MonitorConfig::default());
        assert_eq!(monitor.health(), Health::Unknown);
        for i in 0..100 {
            let id = LoopId::random(&mut rng);
            monitor.handle_sent(Tick::ORIGIN, id);
            if i % lost_every != 0 {
                assert!(monitor.handle_returned(id));
                assert!(!monitor.handle_returned(id));
            }
        }
        monitor.handle_timeout(monitor.next_deadline().unwrap());
        assert_eq!(monitor.health(), expected);
        let (under_way, returned, lost) = monitor.counts();
        assert_eq!((under_way, returned + lost), (0, 100));
    }
}
