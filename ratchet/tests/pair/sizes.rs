//! Bounds and sizes that a caller relies on.

use logos_ratchet::{DecryptError, MAX_SKIPPED, SKIPPED_LIFETIME, Session, Suite};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::sides::{NOW, copy, exchange, later, logos_v1, private1, state};

#[test]
fn a_message_of_256_bytes_costs_at_most_90_more() {
    let (mut a, _) = logos_v1::<true>(1);
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    for length in 0..=511 {
        let message = a.encrypt(&vec![1; length], rng).unwrap();
        assert!(message.len() - length <= 90, "{length}: {}", message.len());
    }
    assert_eq!(a.encrypt(&[1; 256], rng).unwrap().len() - 256, 90);
}

#[test]
fn messages_of_like_length_look_alike() {
    let (mut a, mut b) = logos_v1::<true>(2);
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let lengths: std::collections::BTreeSet<_> =
        (0..1000).map(|length| a.encrypt(&vec![0; length], rng).unwrap().len()).collect();
    assert!(lengths.len() <= 48, "{}", lengths.len());
    let padded: std::collections::BTreeSet<_> = (0..=500)
        .map(|length| a.encrypt_padded(&vec![0; length], 500, rng).unwrap().len())
        .collect();
    assert_eq!(padded.len(), 1);
    let content = [vec![0; 3], vec![0x80, 0, 0x80], vec![0; 9]].concat();
    let message = a.encrypt(&content, rng).unwrap();
    assert_eq!(b.decrypt(&message, NOW).unwrap(), content, "padding marks inside content stay");
}

#[test]
fn a_saved_session_is_small() {
    let (mut a, mut b) = logos_v1::<true>(3);
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    exchange(&mut a, &mut b, b"m", rng);
    assert!(state(&a).len() <= 560, "{}", state(&a).len());
    let before = state(&a).len();
    for _ in 0..10 {
        b.encrypt(b"lost", rng).unwrap();
    }
    let message = b.encrypt(b"m", rng).unwrap();
    a.decrypt(&message, NOW).unwrap();
    assert!(state(&a).len() - before <= 10 * 40 + 140);
}

#[test]
fn a_thousand_skipped_messages_arrive_backwards() {
    let (mut a, mut b) = logos_v1::<true>(4);
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let messages: Vec<_> =
        (0..1000_u32).map(|n| (n, a.encrypt(&n.to_be_bytes(), rng).unwrap())).collect();
    for (n, message) in messages.iter().rev() {
        assert_eq!(b.decrypt(message, NOW).unwrap(), n.to_be_bytes());
    }
    assert_eq!(b.skipped_keys(), 0);
}

#[test]
fn a_jump_past_the_bound_changes_nothing() {
    fn jump<S: Suite>((mut a, mut b): (Session<S>, Session<S>), bound: u32) {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        exchange(&mut a, &mut b, b"m", rng);
        let mut ahead = Vec::new();
        for _ in 0..=bound + 1 {
            ahead = a.encrypt(b"m", rng).unwrap();
        }
        let before = state(&b);
        let error = DecryptError::TooFarAhead { ahead: bound + 1, bound };
        assert_eq!(b.decrypt(&ahead, NOW), Err(error));
        assert_eq!(state(&b), before);
    }
    jump(logos_v1::<true>(5), 2000);
    jump(private1(5), 256);
}

#[test]
fn skipped_keys_keep_their_bound_and_the_oldest_go_first() {
    let (mut a, mut b) = logos_v1::<true>(6);
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let oldest = a.encrypt(b"oldest", rng).unwrap();
    for _ in 0..1500 {
        a.encrypt(b"lost", rng).unwrap();
    }
    exchange(&mut a, &mut b, b"m", rng);
    exchange(&mut b, &mut a, b"turn", rng);
    let newer = a.encrypt(b"newer", rng).unwrap();
    for _ in 0..1500 {
        a.encrypt(b"lost", rng).unwrap();
    }
    exchange(&mut a, &mut b, b"m", rng);
    assert_eq!(b.skipped_keys(), MAX_SKIPPED);
    assert!(b.decrypt(&oldest, NOW).is_err());
    assert_eq!(b.decrypt(&newer, NOW).unwrap(), b"newer");
    assert_eq!(state(&copy(&b)), state(&b), "a full state is restored");
}

#[test]
fn a_skipped_key_expires() {
    let (mut a, mut b) = logos_v1::<true>(7);
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let late = a.encrypt(b"late", rng).unwrap();
    let too_late = a.encrypt(b"too late", rng).unwrap();
    exchange(&mut a, &mut b, b"m", rng);
    let end = SKIPPED_LIFETIME.as_secs();
    assert_eq!(b.decrypt(&late, later(end)).unwrap(), b"late");
    let before = state(&b);
    let gone = b.decrypt(&too_late, later(end + 1));
    assert!(matches!(gone, Err(DecryptError::KeyGone { .. })));
    assert_eq!(state(&b), before, "an error does not expire keys either");
    b.expire(later(end + 1));
    assert_eq!(b.skipped_keys(), 0);
}

#[test]
fn debug_of_a_session_shows_no_secret() {
    let (a, b) = logos_v1::<true>(8);
    insta::assert_snapshot!(format!("{a:#?}\n{b:#?}"));
}
