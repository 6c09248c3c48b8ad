use alloc::boxed::Box;
use std::vec;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::keys::MixKey;
use crate::packet::Packet;
use crate::route::{Hop, MeanDelay, Route};
use crate::spam::{BadProof, Exhausted, SpamEpoch, Unprotected};
use crate::sphinx::Sphinx;

type TestRelay<S> = Relay<Sphinx, S>;

/// Accepts the one proof `[7; 5]`, and counts how often it was asked.
#[derive(Default)]
struct Counting {
    asked: u32,
}

impl SpamProtection for Counting {
    type Token = ();

    fn proof_bytes(&self) -> usize {
        5
    }

    fn prove(&mut self, _: Tick, _: &[u8]) -> Result<(Vec<u8>, ()), Exhausted> {
        Ok((vec![7; 5], ()))
    }

    fn verify(&mut self, _: Tick, _: &[u8], proof: &[u8]) -> Result<(), BadProof> {
        self.asked += 1;
        if proof == [7; 5] { Ok(()) } else { Err(BadProof) }
    }

    fn is_current(&self, _: Tick, _: &[u8]) -> bool {
        true
    }

    fn reclaim(&mut self, (): ()) {}

    fn epoch(&self, _: Tick) -> SpamEpoch {
        SpamEpoch(0)
    }

    fn next_epoch(&self, _: Tick) -> Option<Tick> {
        None
    }
}

fn at(millis: u64) -> Tick {
    Tick::ORIGIN + Duration::from_millis(millis)
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(11)
}

fn relay<S: SpamProtection>(spam: S, config: RelayConfig) -> TestRelay<S> {
    Relay::new(Sphinx::default(), spam, config, Tick::ORIGIN, &mut rng())
}

/// A packet through the relay to somewhere else.
fn packet(key: MixKey, seed: u64) -> Box<Packet> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let hop = |key, n| Hop {
        key,
        address: AddressBlock::from_bytes([n; 94]),
        delay: MeanDelay::from_millis(50).unwrap(),
    };
    let next = crate::keys::MixSecret::random(&mut rng).public_key();
    let route = Route::new(vec![hop(key, 1), hop(next, 2)]).unwrap();
    Sphinx::default().create(&route, &AddressBlock::NONE, &[0; 3968], &mut rng)
}

fn key<S: SpamProtection>(relay: &TestRelay<S>) -> MixKey {
    relay.public_key().1
}

fn balanced<S: SpamProtection>(relay: &TestRelay<S>) {
    let c = relay.counters();
    assert_eq!(c.received, c.dropped() + c.queued + c.delivered + c.replies);
    assert_eq!(c.queued + c.own, c.departed + relay.held() as u64);
}

const REPLAYED: Result<(), Rejection> = Err(Rejection::Replay(ReplayError::Replayed));

#[test]
fn a_packet_leaves_once_and_later() {
    let mut relay = relay(Unprotected, RelayConfig::default());
    let packet = packet(key(&relay), 1);
    assert_eq!(relay.handle_packet(at(0), packet.as_bytes(), &mut rng()), Ok(()));
    assert!(relay.poll_output(at(0)).is_none());
    let deadline = relay.next_deadline().unwrap();
    let Some(RelayOutput::Send { to, packet: sent }) = relay.poll_output(deadline) else {
        panic!("nothing left")
    };
    assert_eq!(to, AddressBlock::from_bytes([2; 94]));
    assert!(sent != packet);
    assert!(relay.poll_output(deadline).is_none());
    balanced(&relay);
}

#[test]
fn a_replay_is_refused_alone_and_within_a_batch() {
    let mut relay = relay(Unprotected, RelayConfig::default());
    let packet = packet(key(&relay), 1);
    let wire = packet.as_bytes().as_slice();
    assert_eq!(relay.handle_batch(at(0), &[wire, wire], &mut rng()), [Ok(()), REPLAYED]);
    assert_eq!(relay.handle_packet(at(9), wire, &mut rng()), REPLAYED);
    assert_eq!(relay.counters().replayed, 2);
    balanced(&relay);
}

#[test]
fn a_bad_proof_does_not_burn_the_packet_and_a_bad_header_asks_for_no_proof() {
    let mut relay = relay(Counting::default(), RelayConfig::default());
    let packet = packet(key(&relay), 1);
    let with = |proof: &[u8]| [packet.as_bytes(), proof].concat();
    let mut damaged = with(&[7; 5]);
    damaged[100] ^= 1;
    assert!(matches!(
        relay.handle_packet(at(0), &damaged, &mut rng()),
        Err(Rejection::Header(OpenError::BadMac))
    ));
    assert_eq!(relay.spam_mut().asked, 0);
    assert_eq!(relay.handle_packet(at(0), &with(&[8; 5]), &mut rng()), Err(Rejection::Spam));
    assert!(matches!(
        relay.handle_packet(at(0), &with(&[7; 4]), &mut rng()),
        Err(Rejection::Length(_))
    ));
    assert_eq!(relay.handle_packet(at(0), &with(&[7; 5]), &mut rng()), Ok(()));
    assert_eq!(relay.handle_packet(at(0), &with(&[7; 5]), &mut rng()), REPLAYED);
    assert_eq!(relay.spam_mut().asked, 2);
    balanced(&relay);
}

#[test]
fn a_full_queue_refuses_the_newcomer_and_it_may_come_again() {
    let mut relay = relay(Unprotected, RelayConfig { queue: 1, ..RelayConfig::default() });
    let (first, second) = (packet(key(&relay), 1), packet(key(&relay), 2));
    assert_eq!(relay.handle_packet(at(0), first.as_bytes(), &mut rng()), Ok(()));
    assert_eq!(relay.handle_packet(at(0), second.as_bytes(), &mut rng()), Err(Rejection::Full));
    let deadline = relay.next_deadline().unwrap();
    assert!(relay.poll_output(deadline).is_some());
    assert_eq!(relay.handle_packet(deadline, second.as_bytes(), &mut rng()), Ok(()));
    balanced(&relay);
}

#[test]
fn a_replay_fails_within_a_key_epoch_across_rotation_and_after_it() {
    let rotation = Rotation { period: Duration::from_secs(100), overlap: Duration::from_secs(20) };
    let mut relay = relay(Unprotected, RelayConfig { rotation, ..RelayConfig::default() });
    let old_key = key(&relay);
    let (sent, late, later) = (packet(old_key, 1), packet(old_key, 2), packet(old_key, 3));
    let handle = |relay: &mut TestRelay<_>, s: u64, packet: &Packet| {
        relay.handle_packet(at(s * 1000), packet.as_bytes(), &mut rng())
    };
    assert_eq!(handle(&mut relay, 99, &sent), Ok(()));
    assert!(!relay.handle_timeout(at(99_000), &mut rng()));
    assert!(relay.handle_timeout(at(100_000), &mut ChaCha20Rng::seed_from_u64(5)));
    assert_ne!(key(&relay), old_key);
    assert_eq!(handle(&mut relay, 101, &sent), REPLAYED);
    assert_eq!(handle(&mut relay, 101, &late), Ok(()));
    assert_eq!(handle(&mut relay, 119, &late), REPLAYED);
    assert!(!relay.handle_timeout(at(120_000), &mut rng()));
    let refused = Err(Rejection::Header(OpenError::BadMac));
    for packet in [&sent, &late, &later] {
        assert_eq!(handle(&mut relay, 121, packet), refused);
    }
    let fresh = packet(key(&relay), 4);
    assert_eq!(handle(&mut relay, 121, &fresh), Ok(()));
    balanced(&relay);
}

#[test]
fn a_replay_fails_across_a_restart() {
    let config = RelayConfig::default();
    let mut relay = relay(Unprotected, config);
    let old_key = key(&relay);
    let (sent, new) = (packet(old_key, 1), packet(old_key, 2));
    assert_eq!(relay.handle_packet(at(0), sent.as_bytes(), &mut rng()), Ok(()));
    let sealed = relay.seal(at(5000));
    let sealed = SealedKeys::from_bytes(sealed.expose().to_vec());
    let format = Sphinx::default();
    let mut relay = Relay::restore(format, Unprotected, config, at(0), &sealed, &[]).unwrap();
    assert_eq!(key(&relay), old_key);
    assert_eq!(relay.public_key().2, at(24 * 3_600_000 - 5000));
    assert_eq!(relay.handle_packet(at(1), sent.as_bytes(), &mut rng()), REPLAYED);
    assert_eq!(relay.handle_packet(at(1), new.as_bytes(), &mut rng()), Ok(()));
}

#[test]
fn nothing_has_an_effect_before_its_tag_is_on_disk() {
    let config = RelayConfig { durability: Durability::Journaled, ..RelayConfig::default() };
    let mut relay = relay(Unprotected, config);
    let checkpoint = relay.checkpoint(at(0));
    let (first, second) = (packet(key(&relay), 1), packet(key(&relay), 2));
    relay.handle_packet(at(0), first.as_bytes(), &mut rng()).unwrap();
    let late = at(600_000);
    assert!(relay.poll_output(late).is_none());
    let journal = relay.poll_journal().unwrap();
    assert!(relay.poll_journal().is_none());
    assert!(relay.poll_output(late).is_none());
    relay.handle_packet(late, second.as_bytes(), &mut rng()).unwrap();
    relay.handle_journaled(journal.number);
    assert!(relay.poll_output(at(1_200_000)).is_some());
    assert!(relay.poll_output(at(1_200_000)).is_none(), "the second is in no journal yet");
    // The process dies: the first packet is known, the second left no trace and may come again.
    let restored =
        Relay::restore(Sphinx::default(), Unprotected, config, late, &checkpoint, &[journal]);
    let mut relay = restored.unwrap();
    assert_eq!(relay.handle_packet(late, first.as_bytes(), &mut rng()), REPLAYED);
    assert_eq!(relay.handle_packet(late, second.as_bytes(), &mut rng()), Ok(()));
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let mut relay = relay(Unprotected, RelayConfig::default());
    let packet = packet(key(&relay), 1);
    relay.handle_packet(at(0), packet.as_bytes(), &mut rng()).unwrap();
    let sealed = relay.seal(at(0));
    let restore = |bytes: &[u8]| {
        let sealed = SealedKeys::from_bytes(bytes.to_vec());
        Relay::restore(Sphinx::default(), Unprotected, RelayConfig::default(), at(0), &sealed, &[])
    };
    assert!(restore(sealed.expose()).is_ok());
    for n in 0..sealed.expose().len() {
        assert!(restore(&sealed.expose()[..n]).is_err(), "{n}");
    }
}
