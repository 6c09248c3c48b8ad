//! Makes the vectors: everything follows from the constants here.

use std::collections::BTreeMap;

use logos_crypto::secret::Secret;
use logos_crypto::x25519::Engine;
use logos_mix::framing::{Framing, Message, encode_reply};
use logos_mix::pq::{PqHop, PqSecret, PqSphinx};
use logos_mix::{
    Address, AddressBlock, AddressCodec, Hop, MeanDelay, MixSecret, Packet, PacketFormat,
    PayloadCipher, PeerId, Route, Sphinx, Step, Transport,
};
use rand_chacha::rand_core::{TryCryptoRng, TryRng};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A random source that repeats one byte: `x`, identifiers and keys are 32 or 16 times it.
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

/// Every file by its name.
pub fn files() -> BTreeMap<&'static str, Value> {
    let files = [
        ("addresses.json", addresses()),
        ("forward.json", forward()),
        ("framing.json", framing()),
        ("pq.json", pq()),
        ("reply.json", reply()),
    ];
    files.map(|(name, value)| (name, with_provenance(value))).into()
}

fn with_provenance(mut value: Value) -> Value {
    value["source"] = "this implementation; docs/mix.md says how to check another".into();
    value["version"] = "1".into();
    value["command"] =
        "cargo run -p logos-mix --features pq --example vectors tests/vectors/mix".into();
    value
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

const DESTINATION: AddressBlock = AddressBlock::from_bytes([77; 94]);
const MESSAGE: [u8; 3968] = [0x5a; 3968];

fn secret(i: u8) -> [u8; 32] {
    let mut secret = [i + 1; 32];
    secret[0] = 9;
    secret
}

fn fixture(n: u8) -> (Vec<MixSecret>, Route) {
    let nodes: Vec<_> = (0..n).map(|i| MixSecret::from_secret(&Secret::new(secret(i)))).collect();
    let hops = nodes.iter().zip(0..n).map(|(node, i)| Hop {
        key: node.public_key(),
        address: AddressBlock::from_bytes([10 + i; 94]),
        delay: MeanDelay::from_millis(100 * (u16::from(i) + 1)).unwrap(),
    });
    let route = Route::new(hops.collect()).unwrap();
    (nodes, route)
}

fn formats() -> [(&'static str, Sphinx); 2] {
    let format = |cipher| Sphinx::new(cipher, Engine::Portable);
    [("v3-lioness", format(PayloadCipher::Lioness)), ("v1-ctr", format(PayloadCipher::LegacyCtr))]
}

fn nodes_json(nodes: &[MixSecret]) -> Value {
    let node = |(node, i): (&MixSecret, u8)| json!({ "secret": hex(&secret(i)), "public": hex(node.public_key().as_bytes()) });
    nodes.iter().zip(0..).map(node).collect()
}

/// What every hop makes of a packet.
fn walk(sphinx: &Sphinx, nodes: &[MixSecret], packet: &mut Packet) -> Vec<Value> {
    nodes
        .iter()
        .map(|node| {
            let tag = sphinx.open(node, packet).unwrap().tag();
            let step = match sphinx.process(node, packet).unwrap() {
                Step::Forward { next, hold } => {
                    json!({ "forward": hex(next.as_bytes()), "hold": format!("{hold:?}") })
                }
                Step::Deliver { destination } => json!({ "deliver": hex(destination.as_bytes()) }),
                Step::Reply { id } => json!({ "reply": hex(id.as_bytes()) }),
                other => panic!("{other:?}"),
            };
            json!({
                "tag": hex(tag.as_bytes()),
                "step": step,
                "alpha": hex(&packet.alpha()),
                "gamma": hex(packet.gamma()),
                "beta_sha256": digest(packet.beta()),
                "delta_sha256": digest(packet.delta()),
            })
        })
        .collect()
}

fn forward() -> Value {
    let case = |(name, sphinx): (&str, Sphinx), n: u8| {
        let (nodes, route) = fixture(n);
        let mut packet = sphinx.create(&route, &DESTINATION, &MESSAGE, &mut Constant(0x42));
        let bytes = *packet.as_bytes();
        let full = (n == 3).then(|| hex(&bytes));
        json!({
            "payload": name,
            "hops": n,
            "packet_sha256": digest(&bytes),
            "header": hex(&bytes[..624]),
            "packet": full,
            "steps": walk(&sphinx, &nodes, &mut packet),
        })
    };
    let cases: Vec<_> =
        formats().into_iter().flat_map(|f| (1..=5).map(move |n| case(f, n))).collect();
    json!({
        "about": "x = 32 * 42; hop i has address 94 * (10 + i) and mean delay 100 (i + 1) ms; \
                  destination 94 * 4d; message 3968 * 5a. The header of three hops was also made \
                  by nim-libp2p-mix 48c77ad.",
        "nodes": nodes_json(&fixture(5).0),
        "cases": cases,
    })
}

fn reply() -> Value {
    let case = |(name, sphinx): (&str, Sphinx), n: u8| {
        let (nodes, route) = fixture(n);
        let (surb, keys) = sphinx.create_surb(&route, &mut Constant(0x42));
        let block = surb.to_bytes();
        let mut packet = surb.reply(sphinx.cipher(), &MESSAGE);
        let sent = digest(packet.as_bytes());
        let steps = walk(&sphinx, &nodes, &mut packet);
        keys.open(&mut packet).unwrap();
        json!({
            "payload": name,
            "hops": n,
            "surb": hex(&block),
            "packet_sha256": sent,
            "steps": steps,
            "opened_sha256": digest(packet.delta()),
        })
    };
    let cases: Vec<_> =
        formats().into_iter().flat_map(|f| (1..=5).map(move |n| case(f, n))).collect();
    json!({
        "about": "x, the identifier and the reply key are 42 repeated; the rest as in forward.json",
        "cases": cases,
    })
}

fn framing() -> Value {
    let mut rng = Constant(0x42);
    let message = Message::new("/example/1", vec![0xab; 100]);
    let case = |name, framing, rng: &mut Constant| {
        let request = message.encode(framing, rng).unwrap();
        let reply = encode_reply(framing, &[0xcd; 100], rng).unwrap();
        json!({
            "framing": name,
            "codec": "/example/1",
            "data": hex(&[0xab; 100]),
            "message_sha256": digest(&request),
            "message_head": hex(&request[..2]),
            "message_tail": hex(&request[3840..]),
            "reply_data": hex(&[0xcd; 100]),
            "reply_sha256": digest(&reply),
        })
    };
    let cases =
        [case("current", Framing::Current, &mut rng), case("legacy", Framing::Legacy, &mut rng)];
    json!({
        "about": "3968-byte messages; the legacy sequence number is 42424242",
        "cases": cases,
        "with_surbs": with_surbs(&mut rng),
    })
}

/// A message with as many reply blocks as fit: those of three hops in reply.json, repeated.
fn with_surbs(rng: &mut Constant) -> Value {
    let (_, sphinx) = formats()[0];
    let (_, route) = fixture(3);
    let surbs = (0..5).map(|_| sphinx.create_surb(&route, rng).0).collect();
    let message = Message { codec: "/example/1".into(), surbs, data: vec![0xab; 100] };
    let bytes = message.encode(Framing::Current, rng).unwrap();
    json!({ "framing": "current", "surbs": 5, "data": hex(&[0xab; 100]), "message_sha256": digest(&bytes) })
}

fn addresses() -> Value {
    let peer = |fill: u8| {
        let mut id = [fill; 39];
        id[..6].copy_from_slice(&[0x00, 0x25, 0x08, 0x02, 0x12, 0x21]);
        PeerId::from_bytes(id).unwrap()
    };
    let case = |transport, relay: Option<u8>| {
        let address = Address {
            ip: [192, 0, 2, 7],
            transport,
            port: 60_000,
            relay: relay.map(peer),
            peer: peer(3),
        };
        json!({
            "ip": "192.0.2.7",
            "port": 60_000,
            "transport": format!("{transport:?}"),
            "relay": address.relay.map(|relay| hex(relay.as_bytes())),
            "peer": hex(address.peer.as_bytes()),
            "block": hex(address.encode().as_bytes()),
        })
    };
    json!({ "cases": [
        case(Transport::Tcp, None),
        case(Transport::QuicV1, None),
        case(Transport::Tcp, Some(4)),
        case(Transport::QuicV1, Some(4)),
    ] })
}

fn pq() -> Value {
    let format = PqSphinx::default();
    let seed = |i: u8| [0x30 + i; 32];
    let nodes: Vec<_> = (0..3).map(|i| PqSecret::from_seed(Secret::new(seed(i)))).collect();
    let hops: Vec<_> = nodes
        .iter()
        .zip(0u8..)
        .map(|(node, i)| PqHop {
            key: node.public_key(),
            address: AddressBlock::from_bytes([10 + i; 94]),
            delay: MeanDelay::from_millis(100 * (u16::from(i) + 1)).unwrap(),
        })
        .collect();
    let case = |n: u8| {
        let hops = &hops[..usize::from(n)];
        let mut packet = format.create(hops, &DESTINATION, &MESSAGE, &mut Constant(0x42)).unwrap();
        let first = hex(packet.as_bytes());
        let steps: Vec<_> = nodes[..usize::from(n)]
            .iter()
            .map(|node| {
                let opened = format.open(node, &packet).unwrap();
                let tag = hex(PqSphinx::tag(&opened).as_bytes());
                format.strip(opened, &mut packet).unwrap();
                json!({ "tag": tag, "packet_sha256": digest(packet.as_bytes()) })
            })
            .collect();
        let packet_sha256 = first
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap());
        let packet_sha256 = digest(&packet_sha256.collect::<Vec<_>>());
        json!({ "hops": n, "packet_sha256": packet_sha256,
            "packet": (n == 3).then_some(first), "steps": steps })
    };
    let keys = nodes.iter().zip(0..).map(
        |(node, i)| json!({ "seed": hex(&seed(i)), "public": hex(node.public_key().as_bytes()) }),
    );
    json!({
        "about": "X-Wing encapsulation with coins and X25519 scalar of 32 * 42; hops, destination \
                  and message as in forward.json",
        "nodes": keys.collect::<Vec<_>>(),
        "cases": [case(1), case(2), case(3)],
    })
}
