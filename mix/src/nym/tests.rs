use core::time::Duration;
use std::vec;
use std::vec::Vec;

use logos_crypto::tick::Tick;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sphinx_packet::SphinxPacketBuilder;
use sphinx_packet::header::delays::Delay;
use sphinx_packet::route::{Destination, DestinationAddressBytes, Node, NodeAddressBytes};

use super::*;
use crate::relay::{Rejection, Relay, RelayConfig, RelayOutput};
use crate::replay::ReplayError;
use crate::spam::Unprotected;

const PAYLOAD: usize = 1024;
const MESSAGE: &[u8] = b"through three of our machines";

type NymRelay = Relay<NymSphinx<PAYLOAD>, Unprotected>;

fn relays(rng: &mut ChaCha20Rng) -> Vec<NymRelay> {
    let relay = |_| Relay::new(NymSphinx, Unprotected, RelayConfig::default(), Tick::ORIGIN, rng);
    (0..3).map(relay).collect()
}

/// A packet as Nym's crate makes it, over these nodes, held 40 ms by each.
fn packet(keys: impl IntoIterator<Item = NymKey>) -> Vec<u8> {
    let node = |(key, i): (NymKey, u8)| {
        Node::new(NodeAddressBytes::from_bytes([i; 32]), PublicKey::from(*key.as_bytes()))
    };
    let route: Vec<_> = keys.into_iter().zip(1..).map(node).collect();
    let destination = Destination::new(DestinationAddressBytes::from_bytes([9; 32]), [8; 16]);
    let delays = vec![Delay::new_from_nanos(40_000_000); route.len()];
    SphinxPacketBuilder::new()
        .with_payload_size(PAYLOAD)
        .build_packet(MESSAGE, &route, &destination, &delays)
        .unwrap()
        .to_bytes()
}

#[test]
fn a_packet_of_nyms_crate_crosses_three_of_our_machines() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut relays = relays(&mut rng);
    let mut wire = packet(relays.iter().map(|relay| relay.public_key().1));
    let mut now = Tick::ORIGIN;
    for (i, relay) in relays.iter_mut().enumerate() {
        relay.handle_packet(now, &wire, &mut rng).unwrap();
        let again = relay.handle_packet(now, &wire, &mut rng);
        assert_eq!(again, Err(Rejection::Replay(ReplayError::Replayed)));
        match relay.poll_output(now) {
            // The header asks for exactly 40 ms.
            None => now = now + Duration::from_millis(40),
            Some(RelayOutput::Deliver { destination, packet }) => {
                assert_eq!(i, 2);
                assert_eq!(destination, address_block(&[9; 32]));
                assert_eq!(packet.identifier(), Some(&[8; 16]));
                assert_eq!(packet.message().unwrap(), MESSAGE);
                return;
            }
            Some(other) => panic!("{other:?}"),
        }
        let Some(RelayOutput::Send { to, packet }) = relay.poll_output(now) else {
            panic!("the time is over")
        };
        assert_eq!(to, address_block(&[u8::try_from(i).unwrap() + 2; 32]));
        wire = packet.as_bytes().to_vec();
    }
    panic!("nothing was delivered")
}

#[test]
fn a_hop_gives_the_bytes_that_nyms_own_code_gives() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let secrets: Vec<_> = (0..3).map(|_| NymSphinx::<PAYLOAD>::generate(&mut rng)).collect();
    let wire = packet(secrets.iter().map(NymSecret::public_key));
    let theirs = SphinxPacket::from_bytes(&wire).unwrap().process(&secrets[0].0).unwrap();
    let ProcessedPacketData::ForwardHop { next_hop_packet, .. } = theirs.data else {
        panic!("there are two hops more")
    };
    let format = NymSphinx::<PAYLOAD>;
    let mut packet = format.parse(&wire).unwrap();
    let opened = format.open(&secrets[0], &packet).unwrap();
    format.strip(opened, &mut packet).unwrap();
    assert!(packet.as_bytes() == next_hop_packet.to_bytes());
    assert_eq!(packet.message(), Err(StripError::PayloadTampered), "it is not delivered");
}

#[test]
fn changed_headers_are_refused_and_changed_payloads_are_no_message() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let secret = NymSphinx::<PAYLOAD>::generate(&mut rng);
    let wire = packet([secret.public_key()]);
    let format = NymSphinx::<PAYLOAD>;
    for at in (0..wire.len()).step_by(7) {
        let mut changed = wire.clone();
        changed[at] ^= 1 << (rng.next_u32() % 8);
        let mut packet = format.parse(&changed).unwrap();
        let opened = format.open(&secret, &packet);
        assert_eq!(opened.is_ok(), at >= NYM_HEADER_BYTES, "byte {at}");
        if let Ok(opened) = opened {
            format.strip(opened, &mut packet).unwrap();
            assert_eq!(packet.message(), Err(StripError::PayloadTampered), "byte {at}");
        }
    }
}

#[test]
fn group_elements_of_low_order_or_not_reduced_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let secret = NymSphinx::<PAYLOAD>::generate(&mut rng);
    let format = NymSphinx::<PAYLOAD>;
    let mut wire = packet([secret.public_key()]);
    for point in LOW_ORDER {
        let shared = secret.0.diffie_hellman(&PublicKey::from(point));
        assert!(!shared.was_contributory(), "the table holds points of low order");
        wire[..32].copy_from_slice(&point);
        let opened = format.open(&secret, &format.parse(&wire).unwrap());
        assert_eq!(opened.unwrap_err(), OpenError::LowOrder);
    }
    wire[31] |= 0x80;
    let opened = format.open(&secret, &format.parse(&wire).unwrap());
    assert_eq!(opened.unwrap_err(), OpenError::NotCanonical);
}

#[test]
fn a_key_survives_its_bytes_and_does_not_print() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let secret = NymSphinx::<PAYLOAD>::generate(&mut rng);
    let bytes = NymSphinx::<PAYLOAD>::secret_to_bytes(&secret);
    let again = NymSphinx::<PAYLOAD>::secret_from_bytes(&bytes).unwrap();
    assert_eq!(again.public_key(), secret.public_key());
    assert_eq!(std::format!("{secret:?}"), "NymSecret(..)");
    assert!(NymSphinx::<PAYLOAD>::secret_from_bytes(&bytes[1..]).is_none());
}
