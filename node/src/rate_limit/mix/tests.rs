//! Packets with proofs through real relays.

use logos_mix::layout::MESSAGE_BYTES;
use logos_mix::{
    AddressBlock, Hop, MeanDelay, MixKey, Packet, Rejection, Relay, RelayConfig, RelayOutput,
    Route, Sphinx,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::rate_limit::guard::tests::{LIMIT, NOW, file_guard};

const START: Tick = Tick::ORIGIN;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([5; 32])
}

/// A relay of member `number`.
fn relay(number: u8) -> Relay<Sphinx, MixGuard> {
    let spam = MixGuard::new(Arc::new(file_guard(number)), NOW);
    let mut rng = ChaCha20Rng::from_seed([number; 32]);
    Relay::new(Sphinx::default(), spam, RelayConfig::default(), START, &mut rng)
}

fn hop(relay: &Relay<Sphinx, MixGuard>, number: u8) -> Hop {
    let key: MixKey = relay.public_key().1;
    let address = AddressBlock::from_bytes([number; 94]);
    Hop { key, address, delay: MeanDelay::from_millis(50).unwrap() }
}

fn packet(hops: Vec<Hop>, seed: u8) -> Box<Packet> {
    let mut rng = ChaCha20Rng::from_seed([seed; 32]);
    let route = Route::new(hops).unwrap();
    Sphinx::default().create(&route, &AddressBlock::NONE, &[0; MESSAGE_BYTES], &mut rng)
}

fn wire(spam: &mut MixGuard, now: Tick, packet: &Packet) -> (Vec<u8>, MixToken) {
    let (proof, token) = spam.prove(now, packet.as_bytes()).unwrap();
    ([packet.as_bytes(), &proof[..]].concat(), token)
}

#[test]
fn a_packet_goes_through_two_hops_with_a_fresh_proof_at_each() {
    let mut sender = MixGuard::new(Arc::new(file_guard(0)), NOW);
    let (mut first, mut second) = (relay(1), relay(2));
    let packet = packet(vec![hop(&first, 1), hop(&second, 2)], 9);
    let (sent, _) = wire(&mut sender, START, &packet);
    assert_eq!(first.handle_packet(START, &sent, &mut rng()), Ok(()));
    // It leaves when its delay is over, with another proof.
    let later = START + Duration::from_secs(5);
    let Some(RelayOutput::Send { to, packet: onward }) = first.poll_output(later) else {
        panic!("it goes on")
    };
    assert_eq!(to, AddressBlock::from_bytes([2; 94]));
    assert!(!onward.as_bytes().starts_with(&packet.as_bytes()[..32]));
    let (forwarded, _) = wire(first.spam_mut(), later, &onward);
    assert_ne!(forwarded[forwarded.len() - 343..], sent[sent.len() - 343..]);
    // The first hop's proof is about other bytes.
    let borrowed = [onward.as_bytes(), &sent[sent.len() - 343..]].concat();
    assert_eq!(second.handle_packet(later, &borrowed, &mut rng()), Err(Rejection::Spam));
    assert_eq!(second.handle_packet(later, &forwarded, &mut rng()), Ok(()));
    assert!(matches!(second.poll_output(later), Some(RelayOutput::Deliver { .. })));
}

#[test]
fn a_node_sends_as_many_packets_as_its_limit_and_gives_back_what_it_did_not() {
    let mut sender = MixGuard::new(Arc::new(file_guard(0)), NOW);
    let mut tokens: Vec<MixToken> =
        (0..LIMIT).map(|n| sender.prove(START, &n.to_le_bytes()).unwrap().1).collect();
    assert_eq!(sender.prove(START, b"over").map(|_| ()), Err(Exhausted));
    sender.reclaim(tokens.pop().unwrap());
    assert!(sender.prove(START, b"instead").is_ok());
    let next = sender.next_epoch(START).unwrap();
    assert_eq!(sender.epoch(next).0, sender.epoch(START).0 + 1);
    assert!(sender.prove(next, b"next").is_ok());
}

#[test]
fn a_proof_is_current_in_its_epoch_and_for_twenty_seconds() {
    let mut sender = MixGuard::new(Arc::new(file_guard(0)), NOW);
    let (proof, _) = sender.prove(START, b"packet").unwrap();
    assert!(sender.is_current(START + Duration::from_secs(20), &proof));
    assert!(!sender.is_current(START + Duration::from_secs(21), &proof));
    let end = sender.next_epoch(START).unwrap();
    let last = Tick::new(end.since_origin() - Duration::from_nanos(1));
    let (proof, _) = sender.prove(last, b"packet").unwrap();
    assert!(sender.is_current(last, &proof));
    assert!(!sender.is_current(end, &proof));
    assert!(!sender.is_current(last, &proof[1..]));
}
