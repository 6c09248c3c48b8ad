//! Targets for `logos-mix`.

mod session;

use std::sync::OnceLock;
use std::time::Duration;

use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use logos_mix::fragment::{Fragment, Limits, Reassembler};
use logos_mix::framing::{self, Framing, Message};
use logos_mix::layout::{HEADER_BYTES, MESSAGE_BYTES, PACKET_BYTES, SURB_BYTES};
use logos_mix::{
    AddressBlock, Hop, MeanDelay, MixSecret, Packet, PayloadCipher, Route, Sphinx, Step, Surb,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub use session::{session, session_frame};

/// A node, and a packet that ends there.
fn fixture() -> &'static (MixSecret, [u8; PACKET_BYTES]) {
    static FIXTURE: OnceLock<(MixSecret, [u8; PACKET_BYTES])> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let node = MixSecret::from_secret(&Secret::new([7; 32]));
        let hop = Hop {
            key: node.public_key(),
            address: AddressBlock::from_bytes([1; 94]),
            delay: MeanDelay::MIN,
        };
        let route = Route::new(vec![hop]).expect("one hop is a route");
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let packet =
            Sphinx::default().create(&route, &AddressBlock::NONE, &[3; MESSAGE_BYTES], &mut rng);
        (node, *packet.as_bytes())
    })
}

/// Adds the bytes to a good packet from an offset that the first two give: nothing but the good
/// packet is delivered, and a refused header leaves the packet as it was.
///
/// # Panics
///
/// If that does not hold.
pub fn packet(data: &[u8]) {
    let Some((offset, change)) = data.split_first_chunk::<2>() else { return };
    let (node, good) = fixture();
    let offset = usize::from(u16::from_be_bytes(*offset)) % PACKET_BYTES;
    let mut bytes = *good;
    for (byte, change) in bytes.iter_mut().skip(offset).zip(change) {
        *byte ^= change;
    }
    let mut packet = Packet::from_bytes(&bytes).expect("the length is right");
    let sphinx = Sphinx::default();
    let opened = sphinx.open(node, &packet);
    assert_eq!(packet.as_bytes(), &bytes, "opening changes nothing");
    assert_eq!(opened.is_ok(), bytes[..HEADER_BYTES] == good[..HEADER_BYTES]);
    let outcome = sphinx.process(node, &mut packet);
    let delivered = matches!(outcome, Ok(Step::Deliver { .. }));
    assert_eq!(delivered, bytes == *good, "{outcome:?}");
}

/// Takes the bytes as a reply block and uses it: any bytes are one, and come back as they were.
///
/// # Panics
///
/// If that does not hold.
pub fn surb(data: &[u8]) {
    let mut bytes = [0; SURB_BYTES];
    for (to, from) in bytes.iter_mut().zip(data) {
        *to = *from;
    }
    let surb = Surb::from_bytes(&bytes);
    assert_eq!(surb.to_bytes(), bytes);
    let mut packet = surb.reply(PayloadCipher::Lioness, &[1; MESSAGE_BYTES]);
    let (node, _) = fixture();
    assert!(Sphinx::default().process(node, &mut packet).is_err(), "nobody can forge a header");
}

/// Reads the bytes as the front of a message: what is read is framed as it was.
///
/// # Panics
///
/// If that does not hold.
pub fn framing(data: &[u8]) {
    let mut bytes = [0; MESSAGE_BYTES];
    for (to, from) in bytes.iter_mut().zip(data) {
        *to = *from;
    }
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    if let Ok(message) = Message::decode(Framing::Current, &bytes) {
        let again = message.encode(Framing::Current, &mut rng).expect("it fitted");
        assert!(again == bytes, "one message has one form");
    }
    if let Ok(reply) = framing::decode_reply(Framing::Current, &bytes) {
        let again = framing::encode_reply(Framing::Current, &reply, &mut rng).expect("it fitted");
        assert!(again == bytes, "one reply has one form");
    }
    let _ = Message::decode(Framing::Legacy, &bytes);
    let _ = Message::decode(Framing::Current, data);
}

/// Reads the bytes as fragments, each behind its length, and puts them together: fragments have
/// one form, and what waits stays in its bounds.
///
/// # Panics
///
/// If that does not hold.
pub fn fragment(data: &[u8]) {
    let limits =
        Limits { messages: 4, bytes: 4096, timeout: Duration::from_secs(1), remembered: 4 };
    let mut reassembler = Reassembler::new(limits);
    let mut rest = data;
    while let Some((length, tail)) = rest.split_first() {
        let (bytes, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        if let Ok(fragment) = Fragment::from_bytes(bytes) {
            assert_eq!(fragment.to_bytes(), bytes);
            let _ = reassembler.handle_fragment(Tick::ORIGIN, fragment);
        }
        assert!(reassembler.waiting() <= limits.messages);
    }
    if let Some(deadline) = reassembler.next_deadline() {
        reassembler.handle_timeout(deadline);
    }
    assert_eq!(reassembler.waiting(), 0);
}
