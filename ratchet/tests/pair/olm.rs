//! The Olm suite beside vodozemac, byte for byte.

use logos_crypto::keys::PublicKey;
use logos_crypto::tick::Tick;
use logos_ratchet::Session;
use logos_ratchet::olm::Olm;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use vodozemac::olm::{Account, OlmMessage, Session as Theirs, SessionConfig};

use crate::recorded::Recorded;

const MESSAGES: u32 = 10_000;

/// One side twice: vodozemac's session, and ours driven by its ratchet secrets.
struct Side {
    theirs: Theirs,
    ours: Session<Olm>,
}

impl Side {
    /// Both encrypt; the bytes are the same.
    fn encrypt(&mut self, content: &[u8]) -> Vec<u8> {
        let message = match self.theirs.encrypt(content).unwrap() {
            OlmMessage::Normal(message) => message.to_bytes(),
            OlmMessage::PreKey(message) => message.message().to_bytes(),
        };
        let state = self.theirs.active_sending_state().unwrap();
        let ours = self.ours.encrypt(content, &mut Recorded(&state.ratchet_key[..])).unwrap();
        assert_eq!(ours, message);
        message
    }

    /// Both decrypt to the same.
    fn decrypt(&mut self, message: &[u8], content: &[u8]) {
        let theirs = OlmMessage::Normal(vodozemac::olm::Message::from_bytes(message).unwrap());
        assert_eq!(self.theirs.decrypt(&theirs).unwrap(), content);
        assert_eq!(self.ours.decrypt(message, Tick::ORIGIN).unwrap(), content);
    }
}

fn sides() -> (Side, Side) {
    let (alice, mut bob) = (Account::new(), Account::new());
    bob.generate_one_time_keys(1);
    let one_time = *bob.one_time_keys().values().next().unwrap();
    let config = SessionConfig::version_1();
    let mut theirs_a =
        alice.create_outbound_session(config, bob.curve25519_key(), one_time).unwrap();
    let start = theirs_a.active_sending_state().unwrap();
    let OlmMessage::PreKey(first) = theirs_a.encrypt("hello").unwrap() else {
        panic!("the first message is a pre-key message")
    };
    let theirs_b =
        bob.create_inbound_session(config, alice.curve25519_key(), &first).unwrap().session;

    let peer = PublicKey::from_bytes([9; 32]);
    let mut ours_a =
        Session::<Olm>::outbound(*start.root_key, *start.chain_key, *start.ratchet_key, peer);
    let remote = PublicKey::from_bytes(*first.message().ratchet_key().as_bytes());
    let mut ours_b = Session::<Olm>::inbound(*start.root_key, *start.chain_key, remote, peer);
    let ours = ours_a.encrypt(b"hello", &mut Recorded(&[])).unwrap();
    assert_eq!(ours, first.message().to_bytes());
    assert_eq!(ours_b.decrypt(&ours, Tick::ORIGIN).unwrap(), b"hello");
    (Side { theirs: theirs_a, ours: ours_a }, Side { theirs: theirs_b, ours: ours_b })
}

/// Turns of random length, each delivered in random order with some held back for a turn or two:
/// within what vodozemac keeps, 5 chains of 40 skipped keys.
#[test]
fn ten_thousand_messages_equal_vodozemacs() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (mut a, mut b) = sides();
    let (mut sent, mut a_speaks) = (0, false);
    let mut held: [Vec<(Vec<u8>, Vec<u8>)>; 2] = [Vec::new(), Vec::new()];
    while sent < MESSAGES {
        let (from, to, waiting) =
            if a_speaks { (&mut a, &mut b, &mut held[0]) } else { (&mut b, &mut a, &mut held[1]) };
        let mut turn = core::mem::take(waiting);
        let late = turn.len();
        for _ in 0..=rng.next_u32() % 12 {
            let mut content = vec![0; (rng.next_u32() % 300) as usize];
            rng.fill_bytes(&mut content);
            turn.push((from.encrypt(&content), content));
            sent += 1;
        }
        for at in (1..turn.len()).rev() {
            turn.swap(at, rng.next_u32() as usize % (at + 1));
        }
        // Something of this turn must arrive, or the other side cannot answer it.
        let keep = if late == 0 && turn.len() > 2 { (rng.next_u32() % 2) as usize } else { 0 };
        *waiting = turn.split_off(turn.len() - keep);
        for (message, content) in turn {
            to.decrypt(&message, &content);
        }
        a_speaks = !a_speaks;
    }
}
