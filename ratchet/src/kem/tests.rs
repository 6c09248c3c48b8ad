use std::string::String;
use std::vec::Vec;
use std::{format, println};

use logos_crypto::keys::StaticSecret;
use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::ml_kem_768;
use proptest::prelude::*;

use super::*;
use crate::recorded::Recorded;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn x_wing_draft_06_vectors() {
    let file = include_str!("../../tests/vectors/x_wing.txt");
    let field = |name: &str| -> Vec<Vec<u8>> {
        file.lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .map(unhex)
            .collect()
    };
    let (expanded, coins, keys) = (field("expanded"), field("eseed"), field("pk"));
    let (ciphertexts, secrets) = (field("ct"), field("ss"));
    assert_eq!(expanded.len(), 3);
    for i in 0..3 {
        println!("vector {i}");
        let kem =
            KemSecretKey::from_seed(Secret::with(|seed| seed.copy_from_slice(&expanded[i][..64])));
        let dh = StaticSecret::from_secret(Secret::with(|key| {
            key.copy_from_slice(&expanded[i][64..]);
        }));
        let public = kem.public_key();
        assert_eq!(public.as_bytes()[..], keys[i][..1184]);
        assert_eq!(dh.public_key().as_bytes()[..], keys[i][1184..]);

        let ephemeral =
            StaticSecret::from_secret(Secret::with(|key| key.copy_from_slice(&coins[i][32..])));
        let (ciphertext, kem_secret) = public.encapsulate(&mut Recorded(&coins[i][..32]));
        assert_eq!(ciphertext.as_bytes()[..], ciphertexts[i][..1088]);
        assert_eq!(ephemeral.public_key().as_bytes()[..], ciphertexts[i][1088..]);
        assert_eq!(kem.decapsulate(&ciphertext), kem_secret);

        let shared = ephemeral.agree(&dh.public_key()).unwrap();
        let combined = x_wing(&kem_secret, &shared, &ephemeral.public_key(), &dh.public_key());
        assert_eq!(combined.expose()[..], secrets[i]);
    }
}

#[test]
fn a_key_with_an_unreduced_coefficient_is_refused() {
    assert_eq!(KemPublicKey::from_bytes(&[0xff; PUBLIC_KEY_BYTES]), Err(BadKemKey));
}

#[test]
fn debug_shows_no_secret() {
    let key = KemSecretKey::from_seed(Secret::new([7; 64]));
    let shown: String = format!("{key:?} {:?}", key.public_key());
    insta::assert_snapshot!(shown, @"KemSecretKey(..) KemPublicKey(1184 bytes)");
    insta::assert_snapshot!(format!("{:?}", key.expand().0), @"DecapsulationKey(..)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn another_implementation_agrees_in_both_directions(
        seed: [[u8; 32]; 2],
        coins: [u8; 32],
        noise: u8,
        at in 0..CIPHERTEXT_BYTES,
    ) {
        let seed: [u8; 64] = seed.concat().try_into().unwrap();
        let ours = KemSecretKey::from_seed(Secret::new(seed));
        let theirs = ml_kem_768::DecapsulationKey::from_seed(seed.into());
        let public = ours.public_key();
        let their_public = theirs.encapsulation_key();
        prop_assert_eq!(&public.as_bytes()[..], &their_public.to_bytes()[..]);

        let (mut ciphertext, secret) = public.encapsulate(&mut Recorded(&coins));
        let (sealed, shared) = their_public.encapsulate_deterministic(&coins.into());
        prop_assert_eq!(&ciphertext.as_bytes()[..], &sealed[..]);
        prop_assert_eq!(&secret.expose()[..], &shared[..]);

        let (expanded, _) = ours.expand();
        let kept = Secret::new(*expanded.expose().expose());
        prop_assert_eq!(DecapsulationKey::from_secret(kept).decapsulate(&ciphertext), secret);

        // A damaged ciphertext is rejected by the same secret that is nobody's.
        ciphertext.0[at] ^= noise;
        let rejected = theirs.decapsulate(ciphertext.as_bytes().into());
        let refused = ours.decapsulate(&ciphertext);
        prop_assert_eq!(&refused.expose()[..], &rejected[..]);
    }
}
