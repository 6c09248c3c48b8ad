use std::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn fixture(n: u8) -> (Vec<PqSecret>, Vec<PqHop>) {
    let nodes: Vec<_> = (0..n).map(|i| PqSecret::random(&mut rng(u64::from(i)))).collect();
    let hops = nodes.iter().zip(1..).map(|(node, i)| PqHop {
        key: node.public_key(),
        address: AddressBlock::from_bytes([i; ADDRESS_BYTES]),
        delay: MeanDelay::from_millis(u16::from(i)).unwrap(),
    });
    let hops = hops.collect();
    (nodes, hops)
}

fn process(node: &PqSecret, packet: &mut PqPacket) -> Result<Step, OpenError> {
    let format = PqSphinx::default();
    let opened = format.open(node, packet)?;
    Ok(format.strip(opened, packet).unwrap())
}

#[test]
fn a_packet_reaches_its_destination_over_every_path_length() {
    for n in 1..=3 {
        let (nodes, hops) = fixture(n);
        let destination = AddressBlock::from_bytes([77; ADDRESS_BYTES]);
        let message = [n; MESSAGE_BYTES];
        let mut packet =
            PqSphinx::default().create(&hops, &destination, &message, &mut rng(9)).unwrap();
        for i in 0..nodes.len() - 1 {
            let hold = Hold::Mean(hops[i].delay);
            let step = process(&nodes[i], &mut packet).unwrap();
            assert_eq!(step, Step::Forward { next: hops[i + 1].address, hold });
        }
        let step = process(nodes.last().unwrap(), &mut packet).unwrap();
        assert_eq!(step, Step::Deliver { destination });
        assert_eq!(packet.message(), message);
    }
}

#[test]
fn a_changed_header_is_refused_and_a_changed_payload_not_delivered() {
    let (nodes, hops) = fixture(2);
    let format = PqSphinx::default();
    let packet =
        format.create(&hops, &AddressBlock::NONE, &[1; MESSAGE_BYTES], &mut rng(9)).unwrap();
    for at in (0..PQ_HEADER_BYTES).step_by(31).chain([1087, 1088, 1119, 1120, 3711, 3712]) {
        let mut bytes = *packet.as_bytes();
        bytes[at] ^= 0x80;
        let mut changed = PqPacket::from_bytes(&bytes).unwrap();
        assert_eq!(process(&nodes[0], &mut changed), Err(OpenError::BadMac), "byte {at}");
    }
    for at in (PQ_HEADER_BYTES..PQ_PACKET_BYTES).step_by(97) {
        let mut bytes = *packet.as_bytes();
        bytes[at] ^= 1;
        let mut changed = PqPacket::from_bytes(&bytes).unwrap();
        process(&nodes[0], &mut changed).unwrap();
        let opened = format.open(&nodes[1], &changed).unwrap();
        assert_eq!(format.strip(opened, &mut changed), Err(StripError::PayloadTampered));
    }
}

#[test]
fn keys_are_checked_and_routes_bounded() {
    let (nodes, mut hops) = fixture(3);
    let mut bytes = *nodes[0].public_key().as_bytes();
    assert_eq!(PqKey::from_bytes(&bytes), Ok(nodes[0].public_key()));
    bytes[..3].fill(0xff);
    assert_eq!(PqKey::from_bytes(&bytes), Err(BadKey));
    let mut bytes = *nodes[0].public_key().as_bytes();
    bytes[1184..].fill(0);
    assert_eq!(PqKey::from_bytes(&bytes), Err(BadKey));
    let create = |hops: &[PqHop]| {
        let format = PqSphinx::default();
        format.create(hops, &AddressBlock::NONE, &[0; MESSAGE_BYTES], &mut rng(1)).err()
    };
    assert_eq!(create(&[]), Some(RouteError::Empty));
    hops.push(hops[0].clone());
    assert_eq!(create(&hops), Some(RouteError::TooLong(4)));
    assert_eq!(create(&hops[2..]), None);
    hops[1] = hops[0].clone();
    assert_eq!(create(&hops[..3]), Some(RouteError::Repeated));
}

#[test]
fn a_relay_mixes_these_packets_too() {
    use crate::relay::{Relay, RelayConfig, RelayOutput};
    use crate::spam::Unprotected;
    use logos_crypto::tick::Tick;
    let mut rng = rng(3);
    let config = RelayConfig::default();
    let mut relay = Relay::new(PqSphinx::default(), Unprotected, config, Tick::ORIGIN, &mut rng);
    let hop =
        PqHop { key: relay.public_key().1, address: AddressBlock::NONE, delay: MeanDelay::MIN };
    let packet = PqSphinx::default()
        .create(&[hop], &AddressBlock::NONE, &[5; MESSAGE_BYTES], &mut rng)
        .unwrap();
    relay.handle_packet(Tick::ORIGIN, packet.as_bytes(), &mut rng).unwrap();
    assert!(relay.handle_packet(Tick::ORIGIN, packet.as_bytes(), &mut rng).is_err());
    let Some(RelayOutput::Deliver { packet, .. }) = relay.poll_output(Tick::ORIGIN) else {
        panic!("not delivered")
    };
    assert_eq!(packet.message(), [5; MESSAGE_BYTES]);
}
