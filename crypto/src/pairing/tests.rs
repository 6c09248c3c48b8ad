use ark_bn254::Bn254;
use ark_ec::CurveGroup;
use ark_ec::pairing::Pairing;
use proptest::prelude::*;

use super::*;
use crate::Fr;

fn first(scalar: &Fr) -> G1Affine {
    (G1Affine::generator() * scalar.0).into_affine()
}

fn second(scalar: &Fr) -> G2Affine {
    (G2Affine::generator() * scalar.0).into_affine()
}

/// Zero is common, so that points at infinity are.
fn scalar() -> impl Strategy<Value = Fr> {
    prop_oneof![
        1 => Just(Fr::ZERO),
        1 => (1u64..4).prop_map(Fr::from),
        1 => (1u64..4).prop_map(|x| -Fr::from(x)),
        5 => any::<[u8; 40]>().prop_map(|bytes| Fr::from_bytes_reduced(&bytes)),
    ]
}

fn pairs(most: usize) -> impl Strategy<Value = Vec<(G1Affine, G2Affine)>> {
    let pair = (scalar(), scalar()).prop_map(|(a, b)| (first(&a), second(&b)));
    prop::collection::vec(pair, 0..=most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn products_are_those_of_arkworks(fresh in pairs(18), fixed in pairs(4)) {
        let (p, q): (Vec<_>, Vec<_>) = fresh.iter().chain(&fixed).copied().unzip();
        let expected = Bn254::multi_pairing(p, q).0;
        for backend in Backend::available() {
            let prepared: Vec<_> =
                fixed.iter().map(|(_, q)| PreparedG2::new(backend, q)).collect();
            let prepared: Vec<_> = fixed.iter().map(|(p, _)| *p).zip(&prepared).collect();
            prop_assert_eq!(product(backend, &fresh, &prepared).to_ark(), expected);
        }
    }

    #[test]
    fn scalars_move_from_one_side_to_the_other(a in scalar(), b in scalar()) {
        let both = Fr(a.0 * b.0);
        for backend in Backend::available() {
            let one = product(backend, &[(first(&a), second(&b))], &[]);
            let other = PreparedG2::new(backend, &second(&both));
            prop_assert_eq!(product(backend, &[], &[(first(&Fr::ONE), &other)]), one);
            prop_assert_eq!(one == Target::ONE, both.is_zero());
        }
    }
}

#[test]
fn a_prepared_point_serves_every_backend() {
    let pair = (first(&Fr::from(3u64)), second(&Fr::from(5u64)));
    for preparing in Backend::available() {
        let prepared = PreparedG2::new(preparing, &pair.1);
        for backend in Backend::available() {
            let expected = product(backend, &[pair], &[]);
            assert_eq!(product(backend, &[], &[(pair.0, &prepared)]), expected);
        }
    }
}
