//! Devices with stores: single use, simultaneous invitations, resets, crashes.

use logos_ratchet::store::{Key, MemoryStore, Store};
use logos_ratchet::{Bundle, BundleError, BundlePlan, DeviceError, HandshakeError, PREKEY_GRACE};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::sides::{NOW, Party, later, plan};

type World = (Party<true>, Party<true>, ChaCha20Rng);

fn world(seed: u64) -> World {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    (Party::new(&mut rng), Party::new(&mut rng), rng)
}

/// `from` says something to `to`, on a session they have.
fn say(from: &mut Party<true>, to: &mut Party<true>, content: &[u8], rng: &mut ChaCha20Rng) {
    let message = from.device.send(&mut from.store, &to.id(), content, rng).unwrap();
    let received = to.device.receive(&mut to.store, Some(&from.id()), &message, NOW, rng).unwrap();
    assert_eq!(received.content, content);
    assert_eq!(received.peer, from.id());
}

fn prekeys(store: &MemoryStore) -> usize {
    store.prekeys_and_handshakes(1000).unwrap().len()
}

#[test]
fn a_bundle_is_read_as_it_was_written_and_not_otherwise() {
    let (_, mut raya, mut rng) = world(1);
    let plan = BundlePlan::directory(later(3600));
    let bundle = raya.device.publish(&mut raya.store, &plan, &mut rng).unwrap();
    let bytes = bundle.encode();
    assert_eq!(Bundle::decode(&bytes, NOW), Ok(bundle.clone()));
    assert_eq!(Bundle::from_text(&bundle.to_text(), NOW), Ok(bundle.clone()));
    assert_eq!(Bundle::<true>::decode(&bytes, later(3600)), Err(BundleError::Expired));
    assert_eq!(Bundle::<false>::decode(&bytes, NOW), Err(BundleError::OtherSuite(3)));
    for at in (0..bytes.len()).step_by(97).chain(bytes.len() - 64..bytes.len()) {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        assert!(Bundle::<true>::decode(&forged, NOW).is_err(), "byte {at}");
    }
}

#[test]
fn a_one_time_prekey_serves_one_initiator() {
    let (mut saro, mut raya, mut rng) = world(2);
    let mut mallory = Party::<true>::new(&mut rng);
    let bundle = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
    let invite = |party: &mut Party<true>, rng: &mut ChaCha20Rng| {
        party.device.initiate(&mut party.store, &bundle, b"first", NOW, rng).unwrap()
    };
    let (first, second) = (invite(&mut saro, &mut rng), invite(&mut mallory, &mut rng));
    assert!(raya.device.receive(&mut raya.store, None, &first, NOW, &mut rng).unwrap().is_new);
    let before = raya.store.clone();
    let refused = raya.device.receive(&mut raya.store, None, &second, NOW, &mut rng);
    assert!(matches!(refused, Err(DeviceError::PrekeyGone(Key::OneTimePrekey(_)))));
    assert_eq!(raya.store, before);
}

/// Two receivers on one store, as after a crash or in two processes: the second commit fails
/// whole.
#[test]
fn a_prekey_taken_in_between_fails_the_whole_commit() {
    let (mut saro, mut raya, mut rng) = world(3);
    let bundle = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
    let first = saro.device.initiate(&mut saro.store, &bundle, b"first", NOW, &mut rng).unwrap();
    /// Reads an old state, commits to the current one.
    struct Stale(MemoryStore, MemoryStore);
    impl Store for Stale {
        type Error = core::convert::Infallible;
        fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Self::Error> {
            self.0.get(key)
        }
        fn prekeys_and_handshakes(&self, limit: usize) -> Result<Vec<(Key, Vec<u8>)>, Self::Error> {
            self.0.prekeys_and_handshakes(limit)
        }
        fn commit(
            &mut self,
            batch: logos_ratchet::store::Batch,
        ) -> Result<(), logos_ratchet::store::CommitError<Self::Error>> {
            self.1.commit(batch)
        }
    }
    let stale = raya.store.clone();
    raya.device.receive(&mut raya.store, None, &first, NOW, &mut rng).unwrap();
    let mut both = Stale(stale, raya.store.clone());
    let refused = raya.device.receive(&mut both, None, &first, NOW, &mut rng);
    assert!(matches!(refused, Err(DeviceError::Conflict(Key::OneTimePrekey(_)))));
    assert_eq!(both.1, raya.store);
}

#[test]
fn the_last_resort_serves_many_but_each_first_message_once() {
    let (mut saro, mut raya, mut rng) = world(4);
    let mut pat = Party::<true>::new(&mut rng);
    let plan = BundlePlan { one_time: 0, ..plan() };
    let bundle = raya.device.publish(&mut raya.store, &plan, &mut rng).unwrap();
    for party in [&mut saro, &mut pat] {
        let first = party.device.initiate(&mut party.store, &bundle, b"hi", NOW, &mut rng).unwrap();
        let received = raya.device.receive(&mut raya.store, None, &first, NOW, &mut rng).unwrap();
        assert_eq!(received.peer, party.id());
        let before = raya.store.clone();
        assert!(raya.device.receive(&mut raya.store, None, &first, NOW, &mut rng).is_err());
        assert_eq!(raya.store, before);
    }
}

#[test]
fn messages_before_the_first_answer_all_open_the_same_session() {
    let (mut saro, mut raya, mut rng) = world(5);
    let bundle = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
    let mut messages =
        vec![saro.device.initiate(&mut saro.store, &bundle, &[0], NOW, &mut rng).unwrap()];
    for n in 1..4 {
        messages.push(saro.device.send(&mut saro.store, &raya.id(), &[n], &mut rng).unwrap());
    }
    for (round, at) in [2, 0, 3, 1].into_iter().enumerate() {
        let message = &messages[at];
        let received = raya.device.receive(&mut raya.store, None, message, NOW, &mut rng).unwrap();
        assert_eq!(received.content, [u8::try_from(at).unwrap()]);
        assert_eq!(received.is_new, round == 0);
    }
    say(&mut raya, &mut saro, b"answer", &mut rng);
    let short = saro.device.send(&mut saro.store, &raya.id(), b"m", &mut rng).unwrap();
    assert!(short.len() < 120, "the handshake is no longer sent");
}

#[test]
fn two_who_invite_each_other_end_up_on_one_session() {
    for seed in 10..18 {
        let (mut saro, mut raya, mut rng) = world(seed);
        let to_raya = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
        let to_saro = saro.device.publish(&mut saro.store, &plan(), &mut rng).unwrap();
        let a = saro.device.initiate(&mut saro.store, &to_raya, b"a", NOW, &mut rng).unwrap();
        let b = raya.device.initiate(&mut raya.store, &to_saro, b"b", NOW, &mut rng).unwrap();
        raya.device.receive(&mut raya.store, None, &a, NOW, &mut rng).unwrap();
        saro.device.receive(&mut saro.store, None, &b, NOW, &mut rng).unwrap();
        say(&mut saro, &mut raya, b"crossing", &mut rng);
        say(&mut raya, &mut saro, b"crossing", &mut rng);
        let preferred = |party: &Party<true>, peer: &Party<true>| {
            let conversation = party.device.load(&party.store, &peer.id()).unwrap().unwrap();
            assert_eq!(conversation.sessions().len(), 2);
            conversation.preferred().unwrap().id()
        };
        assert_eq!(preferred(&saro, &raya), preferred(&raya, &saro));
        for _ in 0..3 {
            say(&mut saro, &mut raya, b"m", &mut rng);
            say(&mut raya, &mut saro, b"m", &mut rng);
        }
    }
}

#[test]
fn a_reset_takes_over_and_late_messages_still_arrive() {
    let (mut saro, mut raya, mut rng) = world(20);
    let bundle = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
    let first = saro.device.initiate(&mut saro.store, &bundle, b"a", NOW, &mut rng).unwrap();
    raya.device.receive(&mut raya.store, None, &first, NOW, &mut rng).unwrap();
    say(&mut raya, &mut saro, b"answer", &mut rng);
    let late = saro.device.send(&mut saro.store, &raya.id(), b"late", &mut rng).unwrap();

    let bundle = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
    let reset = saro.device.initiate(&mut saro.store, &bundle, b"again", NOW, &mut rng).unwrap();
    let received = raya.device.receive(&mut raya.store, None, &reset, NOW, &mut rng).unwrap();
    assert!(received.is_new);
    for _ in 0..2 {
        say(&mut raya, &mut saro, b"m", &mut rng);
        say(&mut saro, &mut raya, b"m", &mut rng);
    }
    let from = saro.id();
    let received = raya.device.receive(&mut raya.store, Some(&from), &late, NOW, &mut rng).unwrap();
    assert_eq!(received.content, b"late");
    let conversation = raya.device.load(&raya.store, &from).unwrap().unwrap();
    assert_ne!(conversation.preferred().unwrap().id(), received.session);
}

#[test]
fn many_resets_keep_a_bounded_number_of_sessions() {
    let (mut saro, mut raya, mut rng) = world(21);
    for _ in 0..7 {
        let bundle = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
        let first = saro.device.initiate(&mut saro.store, &bundle, b"a", NOW, &mut rng).unwrap();
        raya.device.receive(&mut raya.store, None, &first, NOW, &mut rng).unwrap();
        say(&mut raya, &mut saro, b"m", &mut rng);
    }
    let conversation = raya.device.load(&raya.store, &saro.id()).unwrap().unwrap();
    assert_eq!(conversation.sessions().len(), logos_ratchet::MAX_SESSIONS);
}

#[test]
fn a_damaged_first_message_uses_no_prekey_up() {
    let (mut saro, mut raya, mut rng) = world(22);
    let bundle = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
    let first = saro.device.initiate(&mut saro.store, &bundle, b"a", NOW, &mut rng).unwrap();
    let before = raya.store.clone();
    for at in (0..first.len()).step_by(13) {
        let mut forged = first.clone();
        forged[at] ^= 0x10;
        let refused = raya.device.receive(&mut raya.store, None, &forged, NOW, &mut rng);
        assert!(refused.is_err(), "byte {at}");
        assert_eq!(raya.store, before);
    }
    raya.device.receive(&mut raya.store, None, &first, NOW, &mut rng).unwrap();
}

#[test]
fn a_message_to_somebody_else_is_refused() {
    let (mut saro, mut raya, mut rng) = world(23);
    let bundle = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
    let first = saro.device.initiate(&mut saro.store, &bundle, b"a", NOW, &mut rng).unwrap();
    let mut other = Party::<true>::new(&mut rng);
    other.device.publish(&mut other.store, &plan(), &mut rng).unwrap();
    let refused = other.device.receive(&mut other.store, None, &first, NOW, &mut rng);
    assert!(matches!(refused, Err(DeviceError::PrekeyGone(_))));
}

#[test]
fn prekeys_are_kept_for_a_while_after_expiry_and_then_purged() {
    let (mut saro, mut raya, mut rng) = world(24);
    let bundle = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
    let first = saro.device.initiate(&mut saro.store, &bundle, b"a", NOW, &mut rng).unwrap();
    let late = saro.device.initiate(&mut saro.store, &bundle, b"a", later(3600), &mut rng);
    assert_eq!(late, Err(DeviceError::Handshake(HandshakeError::Expired)));

    let over = later(3600) + PREKEY_GRACE;
    assert_eq!(raya.device.purge(&mut raya.store, later(3600)), Ok(0));
    let mut kept = Party { store: raya.store.clone(), ..raya };
    assert!(
        kept.device.receive(&mut kept.store, None, &first, later(3700), &mut rng).unwrap().is_new
    );
    let refused = kept.device.receive(&mut raya.store, None, &first, over, &mut rng);
    assert!(matches!(refused, Err(DeviceError::PrekeyGone(_))));
    assert_eq!(kept.device.purge(&mut raya.store, over), Ok(3));
    assert_eq!(prekeys(&raya.store), 0);
}

#[test]
fn a_crash_after_the_commit_loses_a_message_and_repeats_no_key() {
    let (mut saro, mut raya, mut rng) = world(25);
    let bundle = raya.device.publish(&mut raya.store, &plan(), &mut rng).unwrap();
    let first = saro.device.initiate(&mut saro.store, &bundle, b"a", NOW, &mut rng).unwrap();
    raya.device.receive(&mut raya.store, None, &first, NOW, &mut rng).unwrap();
    say(&mut raya, &mut saro, b"m", &mut rng);
    let lost = saro.device.send(&mut saro.store, &raya.id(), b"one", &mut rng).unwrap();
    let sent = saro.device.send(&mut saro.store, &raya.id(), b"two", &mut rng).unwrap();
    assert_ne!(lost[1..58], sent[1..58]);
    let from = saro.id();
    let two = raya.device.receive(&mut raya.store, Some(&from), &sent, NOW, &mut rng).unwrap();
    assert_eq!(two.content, b"two");
    let one = raya.device.receive(&mut raya.store, Some(&from), &lost, NOW, &mut rng).unwrap();
    assert_eq!(one.content, b"one", "it was only late");
}
