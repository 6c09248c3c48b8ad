//! What a thief of the state can read, and for how long.

use core::convert::Infallible;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use logos_crypto::aead;
use logos_crypto::secret::Secret;
use logos_ratchet::{HybridV1, KEM_COOLDOWN, Session};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{SeedableRng, TryCryptoRng, TryRng};

use crate::sides::{NOW, copy, exchange, logos_v1, plain_state};

/// A thief who has the plain bytes of a state and no use for this crate: any 32 of them may be any
/// key, and a chain key gives those after it. Written from `docs/ratchet.md`.
struct Thief {
    binding: [u8; 32],
    keys: Vec<Secret<32>>,
}

impl Thief {
    fn of(session: &Session<HybridV1>) -> Self {
        let plain = plain_state(session);
        // The binding follows the session's name, role, peer, generation, flag, preamble and root.
        let binding = plain[32 + 1 + 32 + 4 + 1 + 2 + 32..][..32].try_into().unwrap();
        let keys = plain.windows(32).map(|key| Secret::with(|out| out.copy_from_slice(key)));
        Self { binding, keys: keys.collect() }
    }

    fn header(&self, message: &[u8]) -> Option<[u8; 41]> {
        let tag: &[u8; 16] = message[42..58].try_into().unwrap();
        let mut nonce = [0; 24];
        nonce[..16].copy_from_slice(message.last_chunk::<16>().unwrap());
        self.keys.iter().find_map(|key| {
            let mut header: [u8; 41] = message[1..42].try_into().unwrap();
            aead::open_extended(key, &nonce, &message[..1], &mut header, tag).ok().map(|()| header)
        })
    }

    /// Whether a key is the message's own, or that of its chain at most two messages before.
    fn opens(&self, message: &[u8], header: &[u8; 41]) -> bool {
        let aad = [&self.binding[..], header].concat();
        let (body, tag) = message[58..].split_last_chunk().unwrap();
        let is_key = |key: &Secret<32>| {
            aead::open_detached(key, &[0; 12], &aad, &mut body.to_vec(), tag).is_ok()
        };
        self.keys.iter().any(|key| {
            let mut chain = key.duplicate();
            is_key(key)
                || (0..3).any(|_| {
                    let (next, message_key) = chain_step(&chain);
                    chain = next;
                    is_key(&message_key)
                })
        })
    }
}

fn chain_step(chain: &Secret<32>) -> (Secret<32>, Secret<32>) {
    let mut block = [0; 64];
    ChaCha20::new(chain.expose().into(), b"logos-ratchk".into()).apply_keystream(&mut block);
    let half = |at: usize| Secret::with(|key| key.copy_from_slice(&block[at..at + 32]));
    (half(0), half(32))
}

#[test]
fn nothing_in_a_stolen_state_opens_a_message_that_came_before() {
    let (mut a, mut b) = logos_v1::<true>(1);
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let mut past: Vec<(Vec<u8>, [u8; 41])> = Vec::new();
    for n in 0..12 {
        if n % 4 == 3 {
            exchange(&mut b, &mut a, b"turn", rng);
        }
        let message = a.encrypt(&[n], rng).unwrap();
        let before = Thief::of(&b);
        let header = before.header(&message).expect("a header key is in the state");
        // The same thief reads what comes, so a failure below is no failure of the thief.
        let in_chain = n % 4 != 3 && n != 0;
        assert_eq!(before.opens(&message, &header), in_chain);
        assert_eq!(b.decrypt(&message, NOW).unwrap(), [n]);
        past.push((message, header));
        let after = Thief::of(&b);
        for (message, header) in &past {
            assert!(!after.opens(message, header));
        }
    }
}

#[test]
fn a_stolen_key_of_a_missing_message_opens_that_message_alone() {
    let (mut a, mut b) = logos_v1::<true>(2);
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    exchange(&mut a, &mut b, b"first", rng);
    let [late, there] = [a.encrypt(b"late", rng).unwrap(), a.encrypt(b"there", rng).unwrap()];
    let sender = Thief::of(&b);
    let headers = [&late, &there].map(|message| sender.header(message).unwrap());
    b.decrypt(&there, NOW).unwrap();
    let thief = Thief::of(&b);
    assert!(thief.opens(&late, &headers[0]) && !thief.opens(&there, &headers[1]));
    b.decrypt(&late, NOW).unwrap();
    assert!(!Thief::of(&b).opens(&late, &headers[0]));
}

/// Who speaks, and at which step whose state is stolen. The thief then follows every message as the
/// victim does, and reads on until the victim has spoken under a new key and been answered.
fn follow(seed: u64, speakers: &[bool], steal_at: usize, steals_a: bool) {
    let (mut a, mut b) = logos_v1::<true>(seed);
    let rng = &mut ChaCha20Rng::seed_from_u64(seed);
    // `b` has spoken last.
    let (mut a_starts_a_chain, mut b_starts_a_chain) = (true, false);
    let (mut thief, mut is_fresh, mut is_locked_out) = (None, false, false);
    for (step, from_a) in speakers.iter().copied().enumerate() {
        if step == steal_at {
            thief = Some(copy(if steals_a { &a } else { &b }));
        }
        let starts_a_chain = if from_a { &mut a_starts_a_chain } else { &mut b_starts_a_chain };
        if core::mem::take(starts_a_chain) && thief.is_some() {
            is_locked_out |= from_a != steals_a && is_fresh;
            is_fresh |= from_a == steals_a;
        }
        *(if from_a { &mut b_starts_a_chain } else { &mut a_starts_a_chain }) = true;
        let (from, to) = if from_a { (&mut a, &mut b) } else { (&mut b, &mut a) };
        let message = from.encrypt(b"message", rng).unwrap();
        to.decrypt(&message, NOW).unwrap();
        if let Some(thief) = thief.as_mut().filter(|_| from_a != steals_a) {
            assert_eq!(thief.decrypt(&message, NOW).is_ok(), !is_locked_out, "step {step}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_thief_is_locked_out_by_the_victims_next_turn_and_its_answer(
        seed: u64,
        speakers in prop::collection::vec(any::<bool>(), 1..40),
        steal_at in 0..20_usize,
        steals_a: bool,
    ) {
        follow(seed, &speakers, steal_at, steals_a);
    }
}

/// Draws what an honest side draws for X25519, the first 32 bytes of each message, and something
/// else for what follows: the coins and keys of ML-KEM.
struct BreaksX25519 {
    honest: ChaCha20Rng,
    drawn: usize,
}

impl TryRng for BreaksX25519 {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.honest.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.honest.try_next_u64()
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.honest.try_fill_bytes(out)?;
        if self.drawn >= 32 {
            out.iter_mut().for_each(|byte| *byte = !*byte);
        }
        self.drawn += out.len();
        Ok(())
    }
}

impl TryCryptoRng for BreaksX25519 {}

/// The thief copies `victim` and from then on learns every X25519 secret of both sides, as a
/// quantum computer would. Returns after how many round trips it is locked out.
fn round_trips_until_locked_out(
    mut victim: Session<HybridV1>,
    mut friend: Session<HybridV1>,
) -> u32 {
    let mut thief = copy(&victim);
    for round in 0..64_u32 {
        let seed = u64::from(round);
        let message =
            friend.encrypt(b"to the victim", &mut ChaCha20Rng::seed_from_u64(1000 + seed));
        let message = message.unwrap();
        victim.decrypt(&message, NOW).unwrap();
        if thief.decrypt(&message, NOW).is_err() {
            return round;
        }
        let answer = victim.encrypt(b"from it", &mut ChaCha20Rng::seed_from_u64(seed)).unwrap();
        let honest = ChaCha20Rng::seed_from_u64(seed);
        thief.encrypt(b"from it", &mut BreaksX25519 { honest, drawn: 0 }).unwrap();
        friend.decrypt(&answer, NOW).unwrap();
    }
    panic!("never locked out");
}

#[test]
fn a_thief_who_breaks_x25519_is_locked_out_by_ml_kem() {
    let (a, b) = logos_v1::<true>(5);
    let responder_stolen = round_trips_until_locked_out(b, a);
    let (a, b) = logos_v1::<true>(6);
    let initiator_stolen = round_trips_until_locked_out(a, b);
    // One KEM step begins within KEM_COOLDOWN chains and takes two more turns.
    assert!(responder_stolen <= KEM_COOLDOWN + 2, "{responder_stolen}");
    assert!(initiator_stolen <= KEM_COOLDOWN + 2, "{initiator_stolen}");
    // It does read until then: the test would see a cheaper reason to fail.
    assert!(responder_stolen > 4 && initiator_stolen > 4);
}

#[test]
fn restoring_a_state_in_another_place_or_under_another_key_fails() {
    use logos_ratchet::{SnapshotError, StorageKey};
    let (a, _) = logos_v1::<true>(7);
    let key = StorageKey::new(Secret::new([1; 32]));
    let saved = a.save(&key, b"here", &mut ChaCha20Rng::seed_from_u64(1));
    let restore = |key: &StorageKey, place: &[u8]| {
        Session::<HybridV1>::restore(key, place, &saved).map(|_| ())
    };
    assert_eq!(restore(&key, b"here"), Ok(()));
    assert_eq!(restore(&key, b"there"), Err(SnapshotError::Inauthentic));
    let other = StorageKey::new(Secret::new([2; 32]));
    assert_eq!(restore(&other, b"here"), Err(SnapshotError::Inauthentic));
    for at in 0..saved.len() {
        let mut damaged = saved.clone();
        damaged[at] ^= 1;
        assert!(Session::<HybridV1>::restore(&key, b"here", &damaged).is_err());
    }
}
