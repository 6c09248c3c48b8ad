use std::collections::BTreeSet;

use logos_crypto::keys::StaticSecret;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::fingerprint::{Fingerprint, word};
use super::*;

fn setup(devices: usize) -> (SigningKey, DeviceLog, ChaCha20Rng) {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let account = SigningKey::random(&mut rng);
    let mut log = DeviceLog::new(account.verifying_key());
    for _ in 0..devices {
        log.add(&account, device(&mut rng)).unwrap();
    }
    (account, log, rng)
}

fn device(rng: &mut ChaCha20Rng) -> DeviceKeys {
    let signing = SigningKey::random(rng).verifying_key();
    DeviceKeys::new(signing, StaticSecret::random(rng).public_key())
}

#[test]
fn a_log_is_read_as_it_was_written() {
    let (account, mut log, _) = setup(3);
    let second = log.devices()[1].identity;
    log.revoke(&account, &second).unwrap();
    assert_eq!(DeviceLog::decode(&log.encode()), Ok(log.clone()));
    assert_eq!(log.devices().len(), 2);
}

#[test]
fn no_bit_of_a_log_can_be_changed() {
    let (_, log, _) = setup(2);
    let bytes = log.encode();
    for at in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        assert!(DeviceLog::decode(&forged).is_err(), "byte {at}");
    }
}

#[test]
fn a_revoked_device_cannot_come_back() {
    let (account, mut log, _) = setup(1);
    let keys = log.devices()[0];
    log.revoke(&account, &keys.identity).unwrap();
    assert_eq!(log.add(&account, keys), Err(LogError::DeviceKnown));
    assert_eq!(log.revoke(&account, &keys.identity), Err(LogError::DeviceUnknown));
}

#[test]
fn another_account_cannot_add_a_device() {
    let (_, mut log, mut rng) = setup(1);
    let before = log.clone();
    let stranger = SigningKey::random(&mut rng);
    let keys = device(&mut rng);
    assert_eq!(log.add(&stranger, keys), Err(LogError::BadKey));
    assert_eq!(log, before);
}

#[test]
fn two_histories_are_told_from_a_longer_one() {
    let (account, log, mut rng) = setup(1);
    let (mut ours, mut theirs) = (log.clone(), log.clone());
    ours.add(&account, device(&mut rng)).unwrap();
    theirs.add(&account, device(&mut rng)).unwrap();
    assert_eq!(ours.clone().update(theirs), Err(LogError::Rewritten(1)));
    assert_eq!(ours.clone().update(log.clone()), Err(LogError::Older));
    let mut known = log;
    known.update(ours.clone()).unwrap();
    assert_eq!(known, ours);
}

#[test]
fn a_log_holds_so_many_devices_and_no_more() {
    let (account, mut log, mut rng) = setup(MAX_DEVICES);
    assert_eq!(log.add(&account, device(&mut rng)), Err(LogError::Full));
}

#[test]
fn both_sides_see_one_fingerprint_and_a_stranger_another() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let key = |rng: &mut _| SigningKey::random(rng).verifying_key();
    let (saro, raya, mallory) = (key(&mut rng), key(&mut rng), key(&mut rng));
    let print = Fingerprint::of(&saro, &raya);
    assert_eq!(print, Fingerprint::of(&raya, &saro));
    insta::assert_snapshot!(print.digits());
    insta::assert_snapshot!(print.words().join(" "));
    let other = Fingerprint::of(&saro, &mallory);
    assert_eq!(print.check_qr(&other.qr()), Err(FingerprintError::Differ));
    assert_eq!(print.check_qr("AQ"), Err(FingerprintError::Malformed));
}

#[test]
fn every_byte_has_its_own_word() {
    let words: BTreeSet<_> = (0..=255).map(word).collect();
    assert_eq!(words.len(), 256);
}
