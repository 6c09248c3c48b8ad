use std::string::{String, ToString};
use std::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::recorded::Recorded;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// What libchat recorded; see the head of the file.
struct Transcript(&'static str);

impl Transcript {
    fn load() -> Self {
        Self(include_str!("../../tests/vectors/private_v1.txt"))
    }

    fn text(&self, name: &str) -> &'static str {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap()
    }

    fn key(&self, name: &str) -> StaticSecret {
        StaticSecret::from_secret(Secret::new(unhex(self.text(name)).try_into().unwrap()))
    }

    fn messages(&self) -> Vec<Sent> {
        let parse = |line: &'static str| {
            let [role, secret, content, envelope] =
                line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            Sent {
                role: role.to_string(),
                secret: unhex(secret),
                content: unhex(content),
                envelope: unhex(envelope),
            }
        };
        self.0.lines().filter_map(|line| line.strip_prefix("msg ")).map(parse).collect()
    }
}

struct Sent {
    role: String,
    secret: Vec<u8>,
    content: Vec<u8>,
    envelope: Vec<u8>,
}

impl Sent {
    fn payload(&self) -> Vec<u8> {
        Envelope::decode(&self.envelope).unwrap().payload
    }

    /// The nonce that libchat drew.
    fn nonce(&self) -> [u8; 12] {
        let payload = self.payload();
        let handshake;
        let message = match Payload::decode(&payload).unwrap() {
            Payload::Ratchet(message) => message,
            Payload::Handshake(inner) => {
                handshake = inner;
                match Payload::decode(wire::decode_invite(handshake.invite).unwrap()).unwrap() {
                    Payload::Ratchet(message) => message,
                    Payload::Handshake(_) => panic!("an invitation holds a message"),
                }
            }
        };
        *message.ciphertext.first_chunk().unwrap()
    }
}

fn content(frame: &[u8]) -> Vec<u8> {
    match Frame::decode(frame).unwrap().content {
        FrameContent::Content(content) => content,
        FrameContent::Placeholder(_) => panic!("content was recorded"),
    }
}

const NOW: Tick = Tick::ORIGIN;

#[test]
fn the_recorded_introduction_verifies() {
    let transcript = Transcript::load();
    let introduction = Introduction::from_text(transcript.text("intro")).unwrap();
    assert_eq!(introduction.identity(), &transcript.key("raya").public_key());
    assert_eq!(introduction.prekey(), &transcript.key("spk").public_key());
    assert_eq!(introduction.to_text(), transcript.text("intro"));
    assert_eq!(inbox_id(introduction.identity()), transcript.text("inbox"));

    let mut forged = transcript.text("intro").to_string();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'Q' } else { 'A' });
    assert_eq!(Introduction::from_text(&forged), Err(IntroError::BadSignature));
}

/// Both sides, driven by libchat's secrets and nonces: what we send is what libchat sent, byte
/// for byte, and we read it in the order libchat's receiver did.
#[test]
fn a_recorded_conversation_is_reproduced_byte_for_byte() {
    let transcript = Transcript::load();
    let messages = transcript.messages();
    let first = &messages[0];
    let introduction = Introduction::from_text(transcript.text("intro")).unwrap();

    let drawn = [&unhex(transcript.text("eph"))[..], &first.secret, &first.nonce()].concat();
    let mut script = Recorded(&drawn);
    let (mut saro, payload) = initiate(
        &transcript.key("saro"),
        &introduction,
        |session| {
            Frame::content(
                session.local_conversation_id(),
                1_772_300_000_000,
                first.content.clone(),
            )
            .encode()
        },
        &mut script,
    )
    .unwrap();
    assert!(script.0.is_empty());
    assert_eq!(
        Envelope::new(inbox_id(introduction.identity()), payload.clone()).encode(),
        first.envelope
    );
    assert_eq!(saro.local_conversation_id(), transcript.text("id_i"));
    assert_eq!(saro.remote_conversation_id(), transcript.text("id_r"));

    let prekey = Prekey::new(transcript.key("spk"));
    let (mut raya, frame) = accept(&transcript.key("raya"), prekey, &payload, NOW).unwrap();
    assert_eq!(content(&frame), first.content);
    assert_eq!(raya.local_conversation_id(), transcript.text("id_r"));

    let mut timestamp = 1_772_300_000_000;
    for turn in messages[1..].chunk_by(|a, b| a.role == b.role) {
        let (sender, receiver) = match turn[0].role.as_str() {
            "I" => (&mut saro, &mut raya),
            _ => (&mut raya, &mut saro),
        };
        let mut secret = &turn[0].secret[..];
        for message in turn {
            timestamp += 1000;
            let drawn = [secret, &message.nonce()].concat();
            let mut script = Recorded(&drawn);
            secret = &[];
            let frame =
                Frame::content(sender.local_conversation_id(), timestamp, message.content.clone());
            let payload = sender.encrypt(&frame.encode(), &mut script).unwrap();
            assert!(script.0.is_empty());
            let envelope = Envelope::new(sender.remote_conversation_id(), payload);
            assert_eq!(envelope.encode(), message.envelope);
        }
        for message in turn.iter().rev() {
            let frame = receiver.decrypt(&message.payload(), NOW).unwrap();
            assert_eq!(content(&frame), message.content);
            assert_eq!(
                receiver.decrypt(&message.payload(), NOW).map_err(|error| match error {
                    DecryptError::KeyGone { .. } => (),
                    other => panic!("{other:?}"),
                }),
                Err(())
            );
        }
    }
    assert_eq!(saro.skipped_keys() + raya.skipped_keys(), 0);
}

/// The state libchat was left with goes on from there, against the other side's.
#[test]
fn a_state_of_libchat_is_taken_over() {
    let transcript = Transcript::load();
    let import = |name: &str, role| {
        let blob = unhex(transcript.text(name));
        let peer = transcript.key("saro").public_key();
        Session::<LogosShipped>::from_libchat(&blob, &[0; 18], role, peer, NOW).unwrap()
    };
    let mut saro = import("state_a", Role::Initiator);
    let mut raya = import("state_b", Role::Responder);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for round in 0..4_u8 {
        let message = saro.encrypt(&[round], &mut rng).unwrap();
        assert_eq!(raya.decrypt(&message, NOW).unwrap(), [round]);
        let message = raya.encrypt(&[!round], &mut rng).unwrap();
        assert_eq!(saro.decrypt(&message, NOW).unwrap(), [!round]);
    }
}

#[test]
fn a_blob_that_claims_four_billion_keys_is_refused() {
    let mut blob = std::vec![1; 1];
    blob.extend_from_slice(&[0; 32]);
    blob.extend_from_slice(&[0, 0]);
    blob.extend_from_slice(&[0; 32]);
    blob.push(0);
    blob.extend_from_slice(&[0; 12]);
    blob.extend_from_slice(&[0xff; 4]);
    let peer = PublicKey::from_bytes([9; 32]);
    let import = Session::<LogosShipped>::from_libchat(&blob, &[0; 18], Role::Initiator, peer, NOW);
    assert!(matches!(import, Err(ImportError::Malformed(_))));
}
