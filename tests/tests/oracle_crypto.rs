//! `logos-crypto` beside zerokit 3.0.0: the same bytes, the same hashes.

use logos_crypto::hash_to_field::{hash_to_field_be, hash_to_field_le};
use logos_crypto::{Fr, poseidon};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use rln::prelude::{CanonicalDeserialize, CanonicalSerialize, Hasher, PoseidonHash};

type TheirFr = rln::prelude::Fr;
type TheirHash = Hasher<PoseidonHash>;

fn theirs(element: &Fr) -> TheirFr {
    TheirFr::deserialize_compressed(&element.to_bytes()[..]).unwrap()
}

fn bytes(element: &TheirFr) -> [u8; 32] {
    let mut bytes = [0; 32];
    element.serialize_compressed(&mut bytes[..]).unwrap();
    bytes
}

fn random(rng: &mut ChaCha20Rng) -> Fr {
    Fr::random(rng)
}

#[test]
fn a_thousand_random_elements_have_the_same_bytes_on_both_sides() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for _ in 0..1000 {
        let (a, b) = (random(&mut rng), random(&mut rng));
        assert_eq!(bytes(&theirs(&a)), a.to_bytes());
        assert_eq!(bytes(&(theirs(&a) * theirs(&b))), (a * b).to_bytes());
    }
}

#[test]
fn both_sides_refuse_the_same_bytes() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    for _ in 0..1000 {
        let mut candidate = [0; 32];
        rng.fill_bytes(&mut candidate);
        // Most random values are far above the modulus; these lie around it.
        candidate[31] &= 0x3f;
        let accepted = TheirFr::deserialize_compressed(&candidate[..]).is_ok();
        assert_eq!(Fr::from_bytes(&candidate).is_ok(), accepted, "{candidate:02x?}");
    }
}

#[test]
fn a_thousand_random_inputs_hash_alike_at_every_width() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    for _ in 0..1000 {
        let input: [Fr; 7] = core::array::from_fn(|_| random(&mut rng));
        same_hash::<1>(&input);
        same_hash::<2>(&input);
        same_hash::<3>(&input);
        same_hash::<4>(&input);
        same_hash::<5>(&input);
        same_hash::<6>(&input);
        same_hash::<7>(&input);
    }
}

fn same_hash<const N: usize>(input: &[Fr; 7]) {
    let ours: &[Fr; N] = input.first_chunk().unwrap();
    let list: Vec<TheirFr> = ours.iter().map(theirs).collect();
    assert_eq!(poseidon::hash(ours).to_bytes(), bytes(&TheirHash::hash_list(&list)), "{N} inputs");
}

proptest! {
    #[test]
    fn messages_of_any_length_hash_to_the_same_element(message: Vec<u8>) {
        let ours = hash_to_field_le(&message).to_bytes();
        prop_assert_eq!(ours, bytes(&rln::prelude::hash_to_field_le(&message)));
        let ours = hash_to_field_be(&message).to_bytes();
        prop_assert_eq!(ours, bytes(&rln::prelude::hash_to_field_be(&message)));
    }
}
