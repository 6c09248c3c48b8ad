use ark_bn254::{G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup};
use proptest::prelude::*;

use super::*;

fn point(seed: u64) -> G1Affine {
    (G1Affine::generator() * Fr::from(seed).0).into_affine()
}

fn scalar() -> impl Strategy<Value = Fr> {
    prop_oneof![
        1 => (0u64..20).prop_map(Fr::from),
        1 => (1u64..20).prop_map(|x| -Fr::from(x)),
        4 => any::<[u8; 40]>().prop_map(|bytes| Fr::from_bytes_reduced(&bytes)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn multiples_in_g1_are_those_of_arkworks(
        terms in prop::collection::vec((0u64..1000, scalar()), 0..7),
    ) {
        let terms: Vec<_> = terms.into_iter().map(|(seed, scalar)| (point(seed), scalar)).collect();
        let expected: Vec<_> = terms.iter().map(|(point, scalar)| *point * scalar.0).collect();
        for backend in Backend::available() {
            prop_assert_eq!(&multiply_g1(backend, &terms), &expected);
        }
    }

    #[test]
    fn weights_multiply_as_the_scalars_that_they_stand_for(
        terms in prop::collection::vec((0u64..1000, any::<u64>(), any::<u64>()), 0..7),
    ) {
        let terms: Vec<_> = terms
            .into_iter()
            .map(|(seed, first, second)| (point(seed), Weight::new(first, second)))
            .collect();
        let expected: Vec<_> =
            terms.iter().map(|(point, weight)| *point * weight.to_field().0).collect();
        for backend in Backend::available() {
            prop_assert_eq!(&weigh_g1(backend, &terms), &expected);
        }
    }

    #[test]
    fn multiples_in_g2_are_those_of_arkworks(
        terms in prop::collection::vec((0u64..1000, scalar()), 0..6),
    ) {
        let g = G2Affine::generator();
        let terms: Vec<_> = terms
            .into_iter()
            .map(|(seed, scalar)| ((g * Fr::from(seed).0).into_affine(), scalar))
            .collect();
        let expected: Vec<_> = terms.iter().map(|(point, scalar)| *point * scalar.0).collect();
        for backend in Backend::available() {
            prop_assert_eq!(&multiply_g2(backend, &terms), &expected);
        }
    }

    #[test]
    fn multiples_of_a_fixed_point_are_those_of_arkworks(seed in 0u64..3, scalar in scalar()) {
        let (g1, g2) = (point(seed), (G2Affine::generator() * Fr::from(seed).0).into_affine());
        for backend in Backend::available() {
            let (first, second) =
                (FixedPoint::<G1>::new(backend, &g1), FixedPoint::<G2>::new(backend, &g2));
            prop_assert_eq!(first.multiply(&scalar), g1 * scalar.0);
            prop_assert_eq!(second.multiply(&scalar), g2 * scalar.0);
        }
    }

    #[test]
    fn affine_forms_are_those_of_arkworks(a in 0u64..3, b in scalar(), c in scalar()) {
        let first = [point(5) * Fr::from(a).0, point(7) * b.0, point(2) * c.0];
        let second = [G2Affine::generator() * b.0, G2Affine::generator() * Fr::from(a).0];
        let (affine_first, affine_second) = to_affine(first, second);
        prop_assert_eq!(affine_first, first.map(G1Projective::into_affine));
        prop_assert_eq!(affine_second, second.map(G2Projective::into_affine));
    }
}
