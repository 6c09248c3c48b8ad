//! The seeds that only a holder of keys can make.

use logos_ratchet::shipped::{Envelope, Frame};
use logos_ratchet::{HybridV1, hazmat};

use super::{key_bytes, private1, rng, shipped, world};

/// A file under `fuzz/seeds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The folder: a target.
    pub target: &'static str,
    /// The file.
    pub name: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// All of them, the same each time. Those of `ratchet_first_message`, `ratchet_message` and
/// `ratchet_snapshot` are genuine, but for what is cut short.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    let seed = |target, name, bytes: &[u8]| Seed { target, name, bytes: bytes.to_vec() };
    let tagged = |target, name, tag: u8, bytes: &[u8]| Seed {
        target,
        name,
        bytes: [&[tag], bytes].concat(),
    };
    let world = world();
    let frame = Frame::content("c5b2".into(), 1_772_300_000_000, b"text".to_vec()).encode();
    let envelope = Envelope::new("e28d".into(), frame.clone()).encode();
    let lip = private1().0.encrypt(b"text", &mut rng(3)).unwrap_or_default();
    let deployed = shipped().0.encrypt(b"text", &mut rng(4)).unwrap_or_default();
    let plain = |snapshot: &[u8]| {
        hazmat::reencode_snapshot::<HybridV1>(snapshot, key_bytes()).unwrap_or_default()
    };
    let message = "ratchet_message";
    vec![
        seed("ratchet_bundle", "bundle", &world.bundle),
        seed("ratchet_bundle", "frame", &frame),
        seed("ratchet_bundle", "own_envelope", &envelope),
        seed("ratchet_first_message", "first", &world.first),
        seed("ratchet_first_message", "cut_short", world.first.split_at(60).0),
        tagged(message, "hybrid_next", 0, &world.next),
        tagged(message, "private1", 1, &lip),
        tagged(message, "shipped", 2, &deployed),
        tagged(message, "hybrid_late", 3, &world.talk.late),
        tagged(message, "hybrid_offer", 3, &world.talk.offer),
        tagged(message, "hybrid_turn", 3, &world.talk.turn),
        tagged("ratchet_snapshot", "hybrid", 0, &plain(&world.at_session)),
        tagged("ratchet_snapshot", "hybrid_with_missing_messages", 0, &plain(&world.talk.state)),
    ]
}

#[cfg(test)]
mod tests {
    use logos_ratchet::Bundle;

    use super::super::{NOW, one_message, restore};
    use super::*;

    fn bytes(target: &str, name: &str) -> Vec<u8> {
        let found = seeds().into_iter().find(|seed| (seed.target, seed.name) == (target, name));
        found.unwrap().bytes
    }

    #[test]
    fn a_bundle_and_a_first_message_are_genuine() {
        assert!(Bundle::<true>::decode(&bytes("ratchet_bundle", "bundle"), NOW).is_ok());
        let mut store = world().at_raya.clone();
        let first = bytes("ratchet_first_message", "first");
        let received = world().raya.receive(&mut store, None, &first, NOW, &mut rng(7)).unwrap();
        assert_eq!(received.content, b"first");
    }

    #[test]
    fn messages_reach_every_way_to_decrypt() {
        let message = |name| bytes("ratchet_message", name).split_off(1);
        let fresh = || restore(&world().at_session);
        let talk = || restore(&world().talk.state);
        assert_eq!(one_message(fresh(), &message("hybrid_next")).unwrap(), b"next");
        assert_eq!(one_message(private1().1, &message("private1")).unwrap(), b"text");
        assert_eq!(one_message(shipped().1, &message("shipped")).unwrap(), b"text");
        assert_eq!(one_message(talk(), &message("hybrid_late")).unwrap(), b"late");
        assert_eq!(one_message(talk(), &message("hybrid_offer")).unwrap(), b"offer");
        assert_eq!(one_message(talk(), &message("hybrid_turn")).unwrap(), b"turn");
        assert!(message("hybrid_offer").len() > 1184, "it carries a key");
    }

    #[test]
    fn states_decode() {
        for name in ["hybrid", "hybrid_with_missing_messages"] {
            let state = bytes("ratchet_snapshot", name).split_off(1);
            assert_eq!(hazmat::reencode_state::<HybridV1>(&state), Ok(state));
        }
    }
}
