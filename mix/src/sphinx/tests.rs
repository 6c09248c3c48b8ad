use std::vec::Vec;

use hex_literal::hex;
use logos_crypto::secret::Secret;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{SeedableRng, TryCryptoRng, TryRng};

use super::*;
use crate::header::HeaderKeys;
use crate::keys::MixSecret;
use crate::layout::HEADER_BYTES;
use crate::layout::{ALPHA_BYTES, BETA_BYTES, MESSAGE_BYTES, PACKET_BYTES};
use crate::packet::Packet;
use crate::route::{Hold, Hop, Route};
use crate::surb::BadReply;
use crate::surb::Surb;

/// A random source that repeats one byte, for vectors made with a fixed secret.
struct Constant(u8);

impl TryRng for Constant {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_ne_bytes([self.0; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_ne_bytes([self.0; 8]))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Constant {}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// The nodes and hops of the vector that the deployed code was run on.
fn fixture(n: u8) -> (Vec<MixSecret>, Route) {
    let nodes: Vec<_> = (0..n)
        .map(|i| {
            let mut secret = [i + 1; 32];
            secret[0] = 9;
            MixSecret::from_secret(&Secret::new(secret))
        })
        .collect();
    let hops = nodes.iter().zip(0..n).map(|(node, i)| Hop {
        key: node.public_key(),
        address: AddressBlock::from_bytes([10 + i; 94]),
        delay: MeanDelay::from_millis(100 * (u16::from(i) + 1)).unwrap(),
    });
    let route = Route::new(hops.collect()).unwrap();
    (nodes, route)
}

const DESTINATION: AddressBlock = AddressBlock::from_bytes([77; 94]);

#[test]
fn header_of_the_deployed_code() {
    // nim-libp2p-mix 48c77ad, run with x = 32 * 0x42.
    let (_, route) = fixture(3);
    let packet =
        Sphinx::default().create(&route, &DESTINATION, &[0x5a; MESSAGE_BYTES], &mut Constant(0x42));
    assert_eq!(
        packet.alpha(),
        hex!("132c442be010fbd57e72603328aa76e71fccc1503aae219327d14d9c9993f472")
    );
    assert_eq!(packet.gamma(), hex!("c56e1be4350d03b1ad865aa6b4689f4f"));
    assert_eq!(
        packet.beta()[..32],
        hex!("f5fe8dccfd70d748fa917d8958491098a09cf339c0da86e821b19c3ec077cd8a")
    );
}

#[test]
fn a_packet_reaches_its_destination_over_every_path_length() {
    for cipher in [PayloadCipher::Lioness, PayloadCipher::LegacyCtr] {
        for n in 1..=5 {
            let (nodes, route) = fixture(n);
            let sphinx = Sphinx::new(cipher, Engine::detect());
            let message = [n; MESSAGE_BYTES];
            let mut packet = sphinx.create(&route, &DESTINATION, &message, &mut rng(1));
            for (i, node) in nodes[..nodes.len() - 1].iter().enumerate() {
                let step = sphinx.process(node, &mut packet).unwrap();
                let hold = Hold::Mean(route.hops()[i].delay);
                assert_eq!(step, Step::Forward { next: route.hops()[i + 1].address, hold });
            }
            let step = sphinx.process(nodes.last().unwrap(), &mut packet).unwrap();
            assert_eq!(step, Step::Deliver { destination: DESTINATION });
            assert_eq!(packet.delta()[KAPPA..], message);
        }
    }
}

#[test]
fn a_reply_finds_its_way_back() {
    for cipher in [PayloadCipher::Lioness, PayloadCipher::LegacyCtr] {
        for n in 1..=5 {
            let (nodes, route) = fixture(n);
            let sphinx = Sphinx::new(cipher, Engine::detect());
            let (surb, keys) = sphinx.create_surb(&route, &mut rng(2));
            let surb = Surb::from_bytes(&surb.to_bytes());
            assert_eq!(surb.first_hop(), route.first());
            let mut packet = surb.reply(cipher, &[7; MESSAGE_BYTES]);
            let (last, before) = nodes.split_last().unwrap();
            for node in before {
                assert!(matches!(sphinx.process(node, &mut packet), Ok(Step::Forward { .. })));
            }
            let step = sphinx.process(last, &mut packet).unwrap();
            assert_eq!(step, Step::Reply { id: keys.id() });
            keys.open(&mut packet).unwrap();
            assert_eq!(packet.delta()[KAPPA..], [7; MESSAGE_BYTES]);
        }
    }
}

#[test]
fn a_changed_reply_does_not_open() {
    let (nodes, route) = fixture(3);
    let sphinx = Sphinx::default();
    let (surb, keys) = sphinx.create_surb(&route, &mut rng(3));
    let mut packet = surb.reply(PayloadCipher::Lioness, &[7; MESSAGE_BYTES]);
    packet.delta_mut()[2000] ^= 1;
    for node in &nodes {
        sphinx.process(node, &mut packet).unwrap();
    }
    assert_eq!(keys.open(&mut packet), Err(BadReply));
}

#[test]
fn a_packet_with_any_byte_changed_at_any_hop_delivers_nothing() {
    let (nodes, route) = fixture(3);
    let sphinx = Sphinx::default();
    let mut packet = sphinx.create(&route, &DESTINATION, &[0x5a; MESSAGE_BYTES], &mut rng(4));
    for hop in 0..nodes.len() {
        for at in 0..PACKET_BYTES {
            let bits = if at < ALPHA_BYTES { 0..8 } else { at % 8..at % 8 + 1 };
            for bit in bits {
                let mut bytes = *packet.as_bytes();
                bytes[at] ^= 1 << bit;
                let mut changed = Packet::from_bytes(&bytes).unwrap();
                let outcome = sphinx.process(&nodes[hop], &mut changed);
                // A changed header fails at once. No mix can check the payload, so that fails
                // where it would be delivered.
                assert!(at >= HEADER_BYTES || outcome.is_err(), "byte {at} at hop {hop}");
                let arrived = nodes[hop + 1..].iter().fold(outcome, |outcome, node| {
                    outcome.and_then(|_| sphinx.process(node, &mut changed))
                });
                let tampered = Err(ProcessError::Strip(StripError::PayloadTampered));
                assert!(at < HEADER_BYTES || arrived == tampered, "byte {at} at hop {hop}");
            }
        }
        sphinx.process(&nodes[hop], &mut packet).unwrap();
    }
}

#[test]
fn a_header_for_another_key_is_refused() {
    let (nodes, route) = fixture(3);
    let sphinx = Sphinx::default();
    let mut packet = sphinx.create(&route, &DESTINATION, &[0; MESSAGE_BYTES], &mut rng(5));
    let before = packet.clone();
    assert_eq!(sphinx.process(&nodes[1], &mut packet), Err(ProcessError::Open(OpenError::BadMac)));
    assert!(packet == before);
}

#[test]
fn a_group_element_of_low_order_is_refused() {
    let (nodes, route) = fixture(1);
    let sphinx = Sphinx::default();
    let packet = sphinx.create(&route, &DESTINATION, &[0; MESSAGE_BYTES], &mut rng(6));
    for low in [0u8, 1] {
        let mut bytes = *packet.as_bytes();
        bytes[..32].fill(0);
        bytes[0] = low;
        let packet = Packet::from_bytes(&bytes).unwrap();
        assert_eq!(sphinx.open(&nodes[0], &packet).err(), Some(OpenError::LowOrder));
    }
}

#[test]
fn an_inner_hop_without_delay_is_no_exit() {
    // Deployed senders encode a delay of zero at inner hops, one time in three.
    let (nodes, route) = fixture(3);
    let secrets =
        nodes.iter().map(|node| HeaderKeys::derive(&[node.public_key().as_bytes()[0]; 32]));
    let keys: Vec<_> = secrets.collect();
    let mut beta = [0; BETA_BYTES];
    crate::header::wrap(&mut beta, &keys, |i, gamma| {
        Block { address: route.hops()[i + 1].address, delay: 0, gamma: *gamma }.to_bytes()
    });
    for (i, keys) in keys.iter().enumerate() {
        let block = Block::from_bytes(&keys.peel(&mut beta));
        let expected = (i < 2).then_some(MeanDelay::MIN);
        assert_eq!(block.forwarding_delay(&beta), expected);
    }
}

#[test]
fn bytes_of_another_length_are_no_packet() {
    for n in [0, 623, 4607, 4609, 4909] {
        let error = Packet::from_bytes(&std::vec![0; n]).unwrap_err();
        assert_eq!((error.found, error.expected), (n, PACKET_BYTES));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_batch_gives_what_one_by_one_gives(seed: u64, n in 0usize..20, damage: u32) {
        let mut rng = rng(seed);
        let (nodes, _) = fixture(3);
        let mut packets: Vec<Packet> = (0..n)
            .map(|i| {
                let (_, route) = fixture(u8::try_from(i % 3 + 1).unwrap());
                let mut packet = *Sphinx::default().create(
                    &route, &DESTINATION, &[1; MESSAGE_BYTES], &mut rng);
                if damage >> i & 1 == 1 {
                    packet.header_mut()[i * 30] ^= 1;
                }
                packet
            })
            .collect();
        packets.extend(packets.clone());
        for engine in Engine::ALL.into_iter().filter(|engine| engine.is_available()) {
            let sphinx = Sphinx::new(PayloadCipher::Lioness, engine);
            let (mut single, mut batch) = (packets.clone(), packets.clone());
            let mut seen = std::collections::BTreeSet::new();
            let expected: Vec<_> = single
                .iter_mut()
                .map(|packet| {
                    let opened = sphinx.open(&nodes[0], packet).map_err(ProcessError::Open)?;
                    if !seen.insert(opened.tag()) {
                        return Err(ProcessError::Replayed);
                    }
                    sphinx.strip(opened, packet).map_err(ProcessError::Strip)
                })
                .collect();
            let mut seen = std::collections::BTreeSet::new();
            let mut outcomes = Vec::new();
            sphinx.process_batch(&nodes[0], &mut batch, |tag| seen.insert(tag), |i, outcome| {
                assert_eq!(i, outcomes.len());
                outcomes.push(outcome);
            });
            prop_assert_eq!(outcomes, expected);
            prop_assert!(single == batch);
        }
    }
}
