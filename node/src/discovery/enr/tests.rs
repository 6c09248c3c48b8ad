use hex_literal::hex;
use proptest::prelude::*;

use super::*;

/// EIP-778's example: its text and the secret key.
const EXAMPLE: &str = "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8";
const SECRET: [u8; 32] = hex!("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291");

fn keypair(mut secret: [u8; 32]) -> Keypair {
    secp256k1::Keypair::from(secp256k1::SecretKey::try_from_bytes(&mut secret).unwrap()).into()
}

fn full() -> EnrContent {
    EnrContent {
        seq: 7,
        ip4: Some(Ipv4Addr::new(1, 2, 3, 4)),
        tcp4: Some(10101),
        ip6: Some("1234:5600:101:1::142".parse().unwrap()),
        tcp6: Some(30303),
        multiaddrs: vec!["/dns4/example.com/tcp/443/wss".parse().unwrap()],
        services: Some(service_bits([Capability::Relay, Capability::Store])),
        shards: Some(EnrShards::new(2, (0..8).collect())),
        ..EnrContent::default()
    }
}

#[test]
fn the_example_of_the_proposal_is_read_and_written() {
    let record: Enr = EXAMPLE.parse().unwrap();
    let content = EnrContent {
        seq: 1,
        ip4: Some(Ipv4Addr::LOCALHOST),
        udp4: Some(30303),
        ..EnrContent::default()
    };
    assert_eq!(record.content(), &content);
    assert_eq!(record.addresses(), []);
    let signed = Enr::sign(content, &keypair(SECRET)).unwrap();
    assert_eq!(signed.to_string(), EXAMPLE);
    assert_eq!(signed.peer_id(), keypair(SECRET).public().to_peer_id());
}

#[test]
fn addresses_have_the_nodes_id_and_relays_their_own() {
    let (key, relay) = (keypair([1; 32]), PeerId::random());
    let mut content = EnrContent { ip4: None, tcp4: None, ip6: None, tcp6: None, ..full() };
    for address in [
        "/ip4/1.2.3.4/tcp/10101",
        "/ip6/1234:5600:101:1::142/tcp/30303",
        &format!("/ip4/5.6.7.8/tcp/9/p2p/{relay}/p2p-circuit/p2p/{}", PeerId::random()),
    ] {
        content.add_address(&address.parse().unwrap());
    }
    let record = Enr::sign(content, &key).unwrap();
    let me = record.peer_id();
    let expected = [
        format!("/ip4/1.2.3.4/tcp/10101/p2p/{me}"),
        format!("/ip6/1234:5600:101:1::142/tcp/30303/p2p/{me}"),
        format!("/dns4/example.com/tcp/443/wss/p2p/{me}"),
        format!("/ip4/5.6.7.8/tcp/9/p2p/{relay}/p2p-circuit/p2p/{me}"),
    ];
    let addresses: Vec<_> = record.addresses().iter().map(Multiaddr::to_string).collect();
    assert_eq!(addresses, expected);
    assert!(record.offers(Capability::Store) && !record.offers(Capability::Filter));
}

#[test]
fn a_record_of_somebody_else_is_refused() {
    let record = Enr::sign(full(), &keypair([1; 32])).unwrap();
    for place in 0..record.encoded.len() {
        let mut forged = record.encoded.clone();
        forged[place] ^= 1;
        assert!(Enr::decode(&forged).is_err(), "byte {place}");
    }
    let other = Enr::sign(full(), &keypair([2; 32])).unwrap();
    // The signature of one over the content of the other.
    let mut mixed = record.encoded.clone();
    mixed[..70].copy_from_slice(&other.encoded[..70]);
    assert_eq!(Enr::decode(&mixed), Err(EnrError::Signature));
}

fn signed(items: Vec<Vec<u8>>) -> Vec<u8> {
    let signer = SigningKey::from_slice(&[1; 32]).unwrap();
    let hash = Keccak256::digest(rlp::list(&items));
    let signature: Signature = signer.sign_prehash(&hash).unwrap();
    rlp::list(&[vec![rlp::string(&signature.to_bytes())], items].concat())
}

fn key_item() -> Vec<u8> {
    let key = keypair([1; 32]).try_into_secp256k1().unwrap();
    [rlp::string(KEY.as_bytes()), rlp::string(&key.public().to_bytes())].concat()
}

fn pair(key: &str, value: &[u8]) -> Vec<u8> {
    [rlp::string(key.as_bytes()), rlp::string(value)].concat()
}

#[test]
fn what_is_signed_and_malformed_is_refused_by_name() {
    let head = [rlp::number(1), pair("id", b"v4")];
    let decode = |items: &[Vec<u8>]| Enr::decode(&signed(items.to_vec())).map(|_| ());
    let with = |key: &str, value: &[u8]| {
        let (mut before, mut after) = (vec![key_item()], vec![pair(key, value)]);
        if key < KEY {
            core::mem::swap(&mut before, &mut after);
        }
        decode(&[head.to_vec(), before, after].concat())
    };
    assert_eq!(with("udp", &[9]), Ok(()));
    assert_eq!(with("ip", &[1, 2, 3]), Err(EnrError::Value { key: "ip" }));
    assert_eq!(with("tcp", &[1, 2, 3]), Err(EnrError::Value { key: "tcp" }));
    assert_eq!(with("tcp", &[0, 80]), Err(EnrError::Value { key: "tcp" }));
    assert_eq!(with("waku2", &[1, 2]), Err(EnrError::Value { key: "waku2" }));
    assert_eq!(with("rs", &[0, 1, 2, 0, 1]), Err(EnrError::Value { key: "rs" }));
    assert_eq!(with("rsv", &[0; 100]), Err(EnrError::Value { key: "rsv" }));
    assert_eq!(with("multiaddrs", &[0, 9, 4]), Err(EnrError::Value { key: "multiaddrs" }));
    let unsorted = [head.to_vec(), vec![key_item(), pair("ip", &[1, 2, 3, 4])]].concat();
    assert_eq!(decode(&unsorted), Err(EnrError::Order));
    assert_eq!(decode(&[rlp::number(1), key_item()]), Err(EnrError::Scheme));
    assert_eq!(decode(&head), Err(EnrError::Value { key: KEY }));
    assert_eq!(Enr::decode(&[0; 301]), Err(EnrError::TooLong { bytes: 301 }));
    assert_eq!("enr:!".parse::<Enr>(), Err(EnrError::Text));
    assert_eq!(Enr::sign(full(), &Keypair::generate_secp256k1()).map(|_| ()), Ok(()));
    let mut long = full();
    long.multiaddrs = vec![long.multiaddrs[0].clone(); 9];
    assert!(matches!(Enr::sign(long, &keypair([1; 32])), Err(EnrError::TooLong { .. })));
}

#[test]
fn values_of_keys_to_come_are_skipped_even_lists() {
    let eth = [rlp::string(b"eth"), rlp::list(&[rlp::string(b"\x01\x02")])].concat();
    let record = signed(vec![rlp::number(1), eth, pair("id", b"v4"), key_item()]);
    assert_eq!(Enr::decode(&record).unwrap().as_bytes(), record);
}

#[test]
fn shards_are_read_in_both_writings() {
    let mut bits = vec![0, 5];
    bits.extend([0; 128]);
    (bits[2], bits[3]) = (0b1000_0001, 1);
    let read = EnrShards::from_bits(&bits).unwrap();
    assert_eq!(read, EnrShards::new(5, vec![8, 7, 0]));
    assert_eq!(EnrShards::listed(&[0, 5, 3, 0, 0, 0, 7, 0, 8]), Some(read));
}

proptest! {
    #[test]
    fn what_is_signed_is_read_back(
        seq in any::<u64>(),
        ip in any::<Option<[u8; 4]>>(),
        ports in any::<[Option<u16>; 4]>(),
        services in any::<Option<u8>>(),
        shards in proptest::option::of((any::<u16>(), proptest::collection::vec(any::<u16>(), 0..20))),
        secret in 1_u8..255,
    ) {
        let [tcp4, tcp6, udp4, udp6] = ports;
        let content = EnrContent {
            seq,
            ip4: ip.map(Ipv4Addr::from),
            tcp4,
            tcp6,
            udp4,
            udp6,
            services,
            shards: shards.map(|(cluster, shards)| EnrShards::new(cluster, shards)),
            ..EnrContent::default()
        };
        let record = Enr::sign(content, &keypair([secret; 32])).unwrap();
        prop_assert_eq!(&Enr::decode(record.as_bytes()).unwrap(), &record);
        prop_assert_eq!(record.to_string().parse::<Enr>().unwrap(), record);
    }

    #[test]
    fn no_bytes_are_a_record_by_chance(bytes in proptest::collection::vec(any::<u8>(), 0..320)) {
        prop_assert!(Enr::decode(&bytes).is_err());
    }
}
