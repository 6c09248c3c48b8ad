//! Packets with proofs through real relays.

use logos_crypto::Fr;
use logos_mix::layout::MESSAGE_BYTES;
use logos_mix::{
    AddressBlock, Hop, MeanDelay, MixKey, Packet, Rejection, Relay, RelayConfig, RelayOutput,
    Route, Sphinx,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::rate_limit::guard::tests::{LIMIT, NOW, file_guard, packet_guard};
use crate::rate_limit::{Application, Epochs};

const START: Tick = Tick::ORIGIN;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([5; 32])
}

/// The protection of member `number`.
fn guard(number: u8) -> MixGuard {
    MixGuard::new(Arc::new(packet_guard(number)), NOW).unwrap()
}

/// A relay of member `number`.
fn relay(number: u8) -> Relay<Sphinx, MixGuard> {
    let spam = guard(number);
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
    let mut sender = guard(0);
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
    assert_ne!(forwarded[forwarded.len() - 301..], sent[sent.len() - 301..]);
    // The first hop's proof is about other bytes.
    let borrowed = [onward.as_bytes(), &sent[sent.len() - 301..]].concat();
    assert_eq!(second.handle_packet(later, &borrowed, &mut rng()), Err(Rejection::Spam));
    assert_eq!(second.handle_packet(later, &forwarded, &mut rng()), Ok(()));
    assert!(matches!(second.poll_output(later), Some(RelayOutput::Deliver { .. })));
}

#[test]
fn a_node_sends_as_many_packets_as_its_limit_and_gives_back_what_it_did_not() {
    let mut sender = guard(0);
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
fn a_proof_is_current_for_five_epochs() {
    let mut sender = guard(0);
    let (proof, _) = sender.prove(START, b"packet").unwrap();
    let mut end = sender.next_epoch(START).unwrap();
    for _ in 0..5 {
        assert!(sender.is_current(end, &proof));
        end = sender.next_epoch(end).unwrap();
    }
    assert!(!sender.is_current(end, &proof));
    assert!(!sender.is_current(START, &proof[1..]));
}

#[test]
fn a_guard_of_messages_protects_no_mix() {
    assert!(MixGuard::new(Arc::new(file_guard(0)), NOW).is_none());
}

#[test]
fn a_proof_has_the_form_of_the_deployed_mix() {
    let mut sender = guard(0);
    let (bytes, _) = sender.prove(START, b"packet").unwrap();
    let bytes: [u8; 301] = bytes.try_into().unwrap();
    let proof = RateLimitProof::from_packet_bytes(&bytes, &Application::MIX).unwrap();
    assert_eq!(proof.epoch().get(), 1_763_701_300 / 10);
    // Keccak-256 of the packet, and of epoch and identifier one Poseidon of two elements.
    assert_eq!(proof.share().x, logos_rln::Signal::from_message(b"packet").to_field());
    let epochs = Epochs::of_packets(Duration::from_secs(10)).unwrap();
    let identifier = Fr::from_bytes_reduced(b"mix-rln-spam-protection/v1");
    let expected = logos_crypto::poseidon::hash2(Fr::from(proof.epoch().get()), identifier);
    assert_eq!(epochs.external_nullifier(proof.epoch()).to_field(), expected);
}
