use ark_ec::CurveGroup;
use ark_ec::short_weierstrass::Affine;
use proptest::prelude::*;

use super::super::{G1, G1Table, G2};
use super::*;
use crate::Fr;

/// `k G`, `k^2 G`, ... : points without a visible relation.
fn points<G: Layout>(n: usize) -> Vec<Point<G>> {
    let step = Fr::from_bytes_reduced(&[0x5a; 40]).0;
    let mut point = Sum::<G>::from(Affine::generator());
    let mut points = Vec::new();
    for _ in 0..n {
        point *= step;
        points.push(point.into_affine());
    }
    points
}

fn naive<G: Layout>(points: &[Point<G>], scalars: &[Fr]) -> Sum<G> {
    points.iter().zip(scalars).map(|(point, scalar)| *point * scalar.0).sum()
}

fn check<G: Layout>(points: &[Point<G>], scalars: &[Fr], bits: u32) {
    let expected = naive::<G>(points, scalars);
    let window = Window::new(bits);
    let digits = Digits::new(window, scalars);
    for backend in Backend::available() {
        let other =
            [Density::spaced(4), Density::BARE, Density::multiplied(u8::try_from(bits).unwrap())];
        for density in [Density::SHIFTS, other[bits as usize % other.len()]] {
            let table = Table::<G>::build(backend, (window, density), points, &mut |_, _| {});
            assert_eq!(table.vartime_msm(&digits), Some(expected), "{backend:?} {density:?}");
        }
    }
}

fn scalar() -> impl Strategy<Value = Fr> {
    prop_oneof![
        1 => (0u64..4).prop_map(Fr::from),
        1 => (1u64..4).prop_map(|x| -Fr::from(x)),
        4 => any::<[u8; 40]>().prop_map(|bytes| Fr::from_bytes_reduced(&bytes)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_sum_over_g1_is_that_of_the_definition(
        scalars in prop::collection::vec(scalar(), 0..100), bits in 4u32..=16,
    ) {
        check::<G1>(&points::<G1>(scalars.len()), &scalars, bits);
    }

    #[test]
    fn a_sum_over_g2_is_that_of_the_definition(
        scalars in prop::collection::vec(scalar(), 0..60), bits in 4u32..=16,
    ) {
        check::<G2>(&points::<G2>(scalars.len()), &scalars, bits);
    }

    #[test]
    fn points_that_repeat_or_cancel_are_summed_right(
        scalars in prop::collection::vec(scalar(), 64), picks in prop::collection::vec(0usize..6, 64),
    ) {
        // Equal points, opposite points, multiples of each other and infinity.
        let base = points::<G1>(1)[0];
        let few = [base, -base, (base + base).into_affine(), Affine::identity(), base, (-(base + base)).into_affine()];
        let points: Vec<_> = picks.iter().map(|&pick| few[pick]).collect();
        check::<G1>(&points, &scalars, 5);
        let ones = alloc::vec![Fr::ONE; 64];
        check::<G1>(&points, &ones, 8);
    }
}

#[test]
fn a_thousand_points_with_equal_scalars_are_summed_right() {
    let points = points::<G1>(1000);
    for scalar in [Fr::ONE, -Fr::ONE, Fr::from_bytes_reduced(&[9; 40]), Fr::ZERO] {
        check::<G1>(&points, &alloc::vec![scalar; 1000], 13);
    }
}

#[test]
fn the_same_point_a_thousand_times_is_summed_right() {
    let point = points::<G2>(1)[0];
    check::<G2>(&alloc::vec![point; 300], &alloc::vec![Fr::from(3u64); 300], 9);
}

#[test]
fn a_sparse_sum_takes_only_the_points_it_names() {
    let points = points::<G1>(50);
    let scalars: Vec<Fr> = (1..5).map(|i| Fr::from_bytes_reduced(&[i; 40])).collect();
    let named = [(7, scalars[0]), (49, scalars[1]), (7, scalars[2]), (1000, scalars[3])];
    let expected = points[7] * (scalars[0] + scalars[2]).0 + points[49] * scalars[1].0;
    for backend in Backend::available() {
        let shape = (Window::new(8), Density::SHIFTS);
        let table = Table::<G1>::build(backend, shape, &points, &mut |_, _| {});
        assert_eq!(table.vartime_msm(&Digits::sparse(Window::new(8), &named)), Some(expected));
        assert_eq!(table.vartime_msm(&Digits::sparse(Window::new(9), &named)), None);
    }
}

#[test]
fn a_table_has_as_many_rows_as_its_density_says() {
    let points = points::<G1>(3);
    let rows = |density| {
        let shape = (Window::new(13), density);
        let table = G1Table::build(Backend::Portable, shape, &points, &mut |_, _| {});
        table.memory() / (3 * 64)
    };
    let spaced = [Density::BARE, Density::spaced(7), Density::spaced(4), Density::SHIFTS];
    assert_eq!(spaced.map(rows), [1, 3, 5, 20]);
    assert_eq!([0, 3, 99].map(|count| rows(Density::multiplied(count))), [20, 60, 320]);
}
