//! `ratchet`: sessions beside vodozemac.
//!
//! Both sides start from content and end with the bytes that are sent, and the other way round.

use std::cell::RefCell;

use anyhow::{Context, Result, anyhow};
use core::time::Duration;
use logos_crypto::keys::{SigningKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use logos_ratchet::store::MemoryStore;
use logos_ratchet::{Bundle, BundlePlan, Device, LogosV1, Session, StorageKey};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use vodozemac::olm::{
    Account, Message, OlmMessage, Session as OlmSession, SessionConfig, SessionPickle,
};

use crate::report::Unit;
use crate::runner::{Area, Runner, Side};

/// The area.
pub(super) const AREA: Area = Area {
    name: "ratchet",
    about: "sessions: handshake, messages, saved state",
    figures,
    children: &[],
};

const PEER: &str = "vodozemac 0.11";
pub(crate) const NOW: Tick = Tick::new(Duration::from_secs(1_800_000_000));
const CONTENT: [u8; 256] = [7; 256];

fn figures(runner: &mut Runner) -> Result<()> {
    runner.against(PEER);
    in_chain(runner)?;
    ping_pong(runner)?;
    handshake(runner)?;
    snapshot(runner)?;
    skip(runner)
}

/// One chain, 256 bytes: `HybridV1`, whose messages in a chain are those of `ClassicV1`.
///
/// Both sides decrypt from the bytes of the wire. Vodozemac derives its public ratchet key anew for
/// each message it encrypts, which is most of what that costs there.
fn in_chain(runner: &mut Runner) -> Result<()> {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let (mut ours, _) = sessions::<true>(rng)?;
    let (mut theirs, _) = olm_sessions()?;
    let message = ours.encrypt(&CONTENT, rng)?;
    runner.info("overhead", (message.len() - CONTENT.len()) as f64, Unit::Bytes);
    runner.compare(
        "encrypt",
        || ours.encrypt(&CONTENT, rng),
        || theirs.encrypt(CONTENT).map(|message| to_bytes(&message)),
    );

    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let (mut from, mut to) = sessions::<true>(rng)?;
    let (mut their_from, mut their_to) = olm_sessions()?;
    runner.compare_sides(
        "decrypt",
        Side::prepared(
            || from.encrypt(&CONTENT, rng).unwrap_or_default(),
            move |message| to.decrypt(&message, NOW).expect("genuine"),
        ),
        Side::prepared(
            || their_from.encrypt(CONTENT).map(|message| to_bytes(&message)).unwrap_or_default(),
            move |message| olm_decrypt(&mut their_to, &message).expect("genuine"),
        ),
    );
    Ok(())
}

/// A message there and a message back: two Diffie-Hellman steps on each side. `HybridV1`, its
/// ML-KEM steps included.
fn ping_pong(runner: &mut Runner) -> Result<()> {
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    let (mut a, mut b) = sessions::<true>(rng)?;
    let (mut c, mut d) = olm_sessions()?;
    runner.compare(
        "ping_pong",
        || -> Result<()> {
            b.decrypt(&a.encrypt(&CONTENT, rng)?, NOW)?;
            a.decrypt(&b.encrypt(&CONTENT, rng)?, NOW)?;
            Ok(())
        },
        || -> Result<()> {
            olm_decrypt(&mut d, &to_bytes(&c.encrypt(CONTENT)?))?;
            olm_decrypt(&mut c, &to_bytes(&d.encrypt(CONTENT)?))?;
            Ok(())
        },
    );
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let (mut a, mut b) = sessions::<false>(rng)?;
    let (mut c, mut d) = olm_sessions()?;
    runner.compare(
        "ping_pong_classic",
        || -> Result<()> {
            b.decrypt(&a.encrypt(&CONTENT, rng)?, NOW)?;
            a.decrypt(&b.encrypt(&CONTENT, rng)?, NOW)?;
            Ok(())
        },
        || -> Result<()> {
            olm_decrypt(&mut d, &to_bytes(&c.encrypt(CONTENT)?))?;
            olm_decrypt(&mut c, &to_bytes(&d.encrypt(CONTENT)?))?;
            Ok(())
        },
    );
    Ok(())
}

/// Invitation with a first message, and its acceptance: what a user waits for on both sides.
///
/// Ours commits to a store on both sides and saves the session encrypted, and with the signed
/// prekey makes one agreement more than Olm's three. Bundles and one-time keys are made before the
/// time starts, and neither side verifies a signature in it.
fn handshake(runner: &mut Runner) -> Result<()> {
    let (classic, hybrid) = (Meeting::<false>::new(5), Meeting::<true>::new(6));
    let bob = RefCell::new(Account::new());
    let alice = Account::new();
    runner.compare_sides(
        "handshake",
        Side::prepared(|| classic.prepare(), |start| classic.meet(start)),
        Side::prepared(
            || {
                let mut bob = bob.borrow_mut();
                bob.generate_one_time_keys(1);
                let one_time = bob.one_time_keys().values().next().copied();
                bob.mark_keys_as_published();
                one_time
            },
            |one_time| olm_meet(&alice, &mut bob.borrow_mut(), one_time),
        ),
    );
    runner.against("our ClassicV1");
    runner.compare_sides(
        "handshake_hybrid",
        Side::prepared(|| hybrid.prepare(), |start| hybrid.meet(start)),
        Side::prepared(|| classic.prepare(), |start| classic.meet(start)),
    );
    runner.against(PEER);
    Ok(())
}

/// Saves and restores a session that has messages missing on one chain: none, then 40.
fn snapshot(runner: &mut Runner) -> Result<()> {
    for (name, missing) in [("snapshot", 0), ("snapshot_40_skipped", 40)] {
        let rng = &mut ChaCha20Rng::seed_from_u64(7);
        let (mut from, mut ours) = sessions::<true>(rng)?;
        let (mut their_from, mut theirs) = olm_sessions()?;
        for _ in 0..missing {
            from.encrypt(&CONTENT, rng)?;
            their_from.encrypt(CONTENT)?;
        }
        ours.decrypt(&from.encrypt(&CONTENT, rng)?, NOW)?;
        olm_decrypt(&mut theirs, &to_bytes(&their_from.encrypt(CONTENT)?))?;

        let key = StorageKey::new(Secret::new([1; 32]));
        let size = ours.save(&key, b"", rng).len();
        let their_size = theirs.pickle().encrypt(&[1; 32]).len();
        runner.info(&format!("{name}_bytes"), size as f64, Unit::Bytes);
        runner.info(&format!("{name}_bytes_vodozemac"), their_size as f64, Unit::Bytes);
        runner.compare(
            name,
            || Session::<LogosV1<true>>::restore(&key, b"", &ours.save(&key, b"", rng)),
            || {
                let saved = theirs.pickle().encrypt(&[1; 32]);
                SessionPickle::from_encrypted(&saved, &[1; 32]).map(OlmSession::from_pickle)
            },
        );
    }
    Ok(())
}

/// The last of `n` messages, then the others backwards; the cost of all, which grows with `n`.
fn skip(runner: &mut Runner) -> Result<()> {
    for n in [500_usize, 1000, 2000] {
        let name = format!("skip_{n}");
        if !runner.wants(&name) {
            continue;
        }
        let rng = &mut ChaCha20Rng::seed_from_u64(8);
        let mut samples = Vec::new();
        for _ in 0..if runner.quick() { 1 } else { 9 } {
            let (mut from, mut to) = sessions::<true>(rng)?;
            let messages: Result<Vec<_>, _> = (0..n).map(|_| from.encrypt(&CONTENT, rng)).collect();
            let messages = messages?;
            let start = std::time::Instant::now();
            for message in messages.iter().rev() {
                to.decrypt(message, NOW)?;
            }
            samples.push(start.elapsed().as_nanos() as f64);
        }
        runner.info(&name, crate::runner::median(&samples), Unit::Nanoseconds);
    }
    Ok(())
}

pub(crate) type Pair<const PQ: bool> = (Session<LogosV1<PQ>>, Session<LogosV1<PQ>>);

/// Two sides who have both spoken.
pub(crate) fn sessions<const PQ: bool>(rng: &mut ChaCha20Rng) -> Result<Pair<PQ>> {
    let (saro, raya) = (device::<PQ>(rng), device::<PQ>(rng));
    let (mut at_saro, mut at_raya) = (MemoryStore::default(), MemoryStore::default());
    let bundle = raya.publish(&mut at_raya, &plan(), rng)?;
    let first = saro.initiate(&mut at_saro, &bundle, b"first", NOW, rng)?;
    raya.receive(&mut at_raya, None, &first, NOW, rng)?;
    let answer = raya.send(&mut at_raya, &saro.identity(), b"answer", rng)?;
    saro.receive(&mut at_saro, Some(&raya.identity()), &answer, NOW, rng)?;
    let session = |device: &Device<PQ>, store: &MemoryStore, peer: &Device<PQ>| {
        let conversation = device.load(store, &peer.identity())?.context("there is one")?;
        conversation.into_sessions().pop().context("there is one")
    };
    Ok((session(&saro, &at_saro, &raya)?, session(&raya, &at_raya, &saro)?))
}

fn device<const PQ: bool>(rng: &mut ChaCha20Rng) -> Device<PQ> {
    let (identity, signing) = (StaticSecret::random(rng), SigningKey::random(rng));
    Device::new(identity, signing, StorageKey::new(Secret::random(rng)))
}

fn plan() -> BundlePlan {
    BundlePlan::introduction(NOW + Duration::from_secs(3600))
}

/// Two devices that meet again and again.
struct Meeting<const PQ: bool> {
    saro: Device<PQ>,
    raya: Device<PQ>,
    rng: RefCell<ChaCha20Rng>,
}

impl<const PQ: bool> Meeting<PQ> {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        Self { saro: device(&mut rng), raya: device(&mut rng), rng: RefCell::new(rng) }
    }

    fn prepare(&self) -> (MemoryStore, Option<Bundle<PQ>>) {
        let mut store = MemoryStore::default();
        let bundle = self.raya.publish(&mut store, &plan(), &mut *self.rng.borrow_mut());
        (store, bundle.ok())
    }

    fn meet(&self, (mut store, bundle): (MemoryStore, Option<Bundle<PQ>>)) -> Result<Vec<u8>> {
        let rng = &mut *self.rng.borrow_mut();
        let bundle = bundle.context("a bundle was published")?;
        let mut at_saro = MemoryStore::default();
        let first = self.saro.initiate(&mut at_saro, &bundle, &CONTENT, NOW, rng)?;
        Ok(self.raya.receive(&mut store, None, &first, NOW, rng)?.content)
    }
}

fn olm_meet(
    alice: &Account,
    bob: &mut Account,
    one_time: Option<vodozemac::Curve25519PublicKey>,
) -> Result<Vec<u8>> {
    let config = SessionConfig::version_1();
    let one_time = one_time.context("a key was made")?;
    let mut session = alice.create_outbound_session(config, bob.curve25519_key(), one_time)?;
    let first = match session.encrypt(CONTENT)? {
        OlmMessage::PreKey(message) => message.to_bytes(),
        OlmMessage::Normal(_) => return Err(anyhow!("the first message is a pre-key message")),
    };
    let first = vodozemac::olm::PreKeyMessage::from_bytes(&first)?;
    Ok(bob.create_inbound_session(config, alice.curve25519_key(), &first)?.plaintext)
}

fn olm_sessions() -> Result<(OlmSession, OlmSession)> {
    let (alice, mut bob) = (Account::new(), Account::new());
    bob.generate_one_time_keys(1);
    let one_time = bob.one_time_keys().values().next().copied().context("a key was made")?;
    let config = SessionConfig::version_1();
    let mut a = alice.create_outbound_session(config, bob.curve25519_key(), one_time)?;
    let OlmMessage::PreKey(first) = a.encrypt("first")? else {
        return Err(anyhow!("the first message is a pre-key message"));
    };
    let mut b = bob.create_inbound_session(config, alice.curve25519_key(), &first)?.session;
    olm_decrypt(&mut a, &to_bytes(&b.encrypt("answer")?))?;
    Ok((a, b))
}

fn to_bytes(message: &OlmMessage) -> Vec<u8> {
    match message {
        OlmMessage::Normal(message) => message.to_bytes(),
        OlmMessage::PreKey(message) => message.to_bytes(),
    }
}

fn olm_decrypt(session: &mut OlmSession, message: &[u8]) -> Result<Vec<u8>> {
    Ok(session.decrypt(&OlmMessage::Normal(Message::from_bytes(message)?))?)
}
