//! Targets for `logos-ratchet`.

mod seeds;

use core::convert::Infallible;
use core::time::Duration;
use std::sync::OnceLock;

use logos_crypto::keys::{PublicKey, SigningKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use logos_ratchet::identity::DeviceLog;
use logos_ratchet::shipped::{Envelope, Frame, Handshake, Introduction, LogosShipped};
use logos_ratchet::store::MemoryStore;
use logos_ratchet::{
    Bundle, BundlePlan, ClassicV1, Device, DeviceError, HybridV1, KEM_COOLDOWN, Private1, Role,
    Session, StorageKey, Suite, hazmat,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub use seeds::{Seed, seeds};

/// When everything happens.
pub const NOW: Tick = Tick::new(Duration::from_secs(1_800_000_000));

/// Every format a stranger can hand over: what decodes has one encoding.
///
/// # Panics
///
/// If a value has a second encoding.
pub fn bundle(data: &[u8]) {
    if let Ok(bundle) = Bundle::<true>::decode(data, NOW) {
        assert_eq!(bundle.encode(), data);
    }
    if let Ok(bundle) = Bundle::<false>::decode(data, NOW) {
        assert_eq!(bundle.encode(), data);
    }
    if let Ok(log) = DeviceLog::decode(data) {
        assert_eq!(log.encode(), data);
    }
    if let Ok(envelope) = Envelope::decode(data) {
        assert_eq!(envelope.encode(), data);
    }
    if let Ok(frame) = Frame::decode(data) {
        assert_eq!(frame.encode(), data);
    }
    let _ = Handshake::decode(data);
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(introduction) = Introduction::from_text(text) {
        assert_eq!(introduction.to_text(), text);
    }
    if let Ok(bundle) = Bundle::<true>::from_text(text, NOW) {
        assert_eq!(bundle.to_text(), text);
    }
}

/// A first message to a device that has published: refused without a trace, or accepted once.
///
/// # Panics
///
/// If an error leaves a trace or a first message is accepted twice.
pub fn first_message(data: &[u8]) {
    let World { raya, at_raya, .. } = world();
    let mut store = at_raya.clone();
    let rng = &mut rng(7);
    match raya.receive(&mut store, None, data, NOW, rng) {
        Ok(_) => {
            let before = store.clone();
            assert!(raya.receive(&mut store, None, data, NOW, rng).is_err());
            assert_eq!(store, before);
        }
        Err(_) => assert_eq!(&store, at_raya),
    }
}

/// A message to a session; the first byte chooses the suite.
///
/// # Panics
///
/// If an error changes the state, or a message decrypts twice.
pub fn message(data: &[u8]) {
    let Some((suite, data)) = data.split_first() else { return };
    match suite % 4 {
        0 => drop(one_message(restore(&world().at_session), data)),
        1 => drop(one_message(private1().1, data)),
        2 => drop(one_message(shipped().1, data)),
        _ => drop(one_message(restore(&world().talk.state), data)),
    }
}

fn restore(state: &[u8]) -> Session<HybridV1> {
    Session::restore(&key(), b"", state).expect("the session was saved")
}

/// What a message says to a session, if it is one of its own.
fn one_message<S: Suite>(mut session: Session<S>, data: &[u8]) -> Option<Vec<u8>> {
    let before = state(&session);
    match session.decrypt(data, NOW) {
        Ok(content) => {
            let after = state(&session);
            assert!(session.decrypt(data, NOW).is_err(), "a message decrypts once");
            assert_eq!(state(&session), after);
            Some(content)
        }
        Err(_) => {
            assert_eq!(state(&session), before, "an error changes nothing");
            None
        }
    }
}

/// A state, as it would stand inside an authentic snapshot; the first byte chooses the suite.
///
/// # Panics
///
/// If a state has a second encoding.
pub fn snapshot(data: &[u8]) {
    let Some((suite, data)) = data.split_first() else { return };
    let again = match suite % 4 {
        0 => hazmat::reencode_state::<HybridV1>(data),
        1 => hazmat::reencode_state::<ClassicV1>(data),
        2 => hazmat::reencode_state::<LogosShipped>(data),
        _ => {
            let peer = PublicKey::from_bytes([9; 32]);
            let import = Session::from_libchat(data, &[0; 18], Role::Initiator, peer, NOW);
            drop(import.map(|session| state(&session)));
            return;
        }
    };
    if let Ok(again) = again {
        assert_eq!(again, data);
    }
    let restored = Session::<HybridV1>::restore(&key(), b"", data);
    assert!(restored.is_err() || data == world().at_session);
}

/// A device that has published, a first message to it, and a session with its next message.
pub struct World {
    /// The device that has published.
    pub raya: Device<true>,
    /// What it keeps.
    pub at_raya: MemoryStore,
    /// A bundle of hers.
    pub bundle: Vec<u8>,
    /// A message that opens a session with her.
    pub first: Vec<u8>,
    /// Her side of that session, saved under a fixed key.
    pub at_session: Vec<u8>,
    /// The next message on it.
    pub next: Vec<u8>,
    /// The session after some turns.
    pub talk: Talk,
}

/// A session with keys of missing messages, and what may come next.
pub struct Talk {
    /// Her side, saved under a fixed key.
    pub state: Vec<u8>,
    /// One of the messages that are missing.
    pub late: Vec<u8>,
    /// The first message of the other side's next chain, which offers an ML-KEM key.
    pub offer: Vec<u8>,
    /// A later message of that chain, which carries nothing beside its content.
    pub turn: Vec<u8>,
}

/// The same world each time.
///
/// # Panics
///
/// Never: everything in it is fixed.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| make_world().expect("everything in it is fixed"))
}

type Failure = DeviceError<Infallible>;

fn make_world() -> Result<World, Failure> {
    let rng = &mut rng(1);
    let (raya, saro) = (device(rng), device(rng));
    let (mut at_raya, mut at_saro) = (MemoryStore::default(), MemoryStore::default());
    let plan = BundlePlan::introduction(NOW + Duration::from_secs(3600));
    let bundle = raya.publish(&mut at_raya, &plan, rng)?;
    let first = saro.initiate(&mut at_saro, &bundle, b"first", NOW, rng)?;
    let mut accepted = at_raya.clone();
    raya.receive(&mut accepted, None, &first, NOW, rng)?;
    let answer = raya.send(&mut accepted, &saro.identity(), b"answer", rng)?;
    saro.receive(&mut at_saro, Some(&raya.identity()), &answer, NOW, rng)?;
    let at_session = state(&session(&raya, &accepted, &saro)?);
    let next = session(&saro, &at_saro, &raya)?.encrypt(b"next", rng)?;
    let talk = talk(session(&saro, &at_saro, &raya)?, session(&raya, &accepted, &saro)?, rng)?;
    Ok(World { raya, at_raya, bundle: bundle.encode(), first, at_session, next, talk })
}

/// The one session of a device with a peer.
fn session(
    device: &Device<true>,
    store: &MemoryStore,
    peer: &Device<true>,
) -> Result<Session<HybridV1>, Failure> {
    let conversation = device.load(store, &peer.identity())?.ok_or(Failure::NoSession)?;
    conversation.into_sessions().pop().ok_or(Failure::NoSession)
}

fn talk(
    mut saro: Session<HybridV1>,
    mut raya: Session<HybridV1>,
    rng: &mut ChaCha20Rng,
) -> Result<Talk, Failure> {
    let mut late = Vec::new();
    for _ in 1..KEM_COOLDOWN {
        late = saro.encrypt(b"late", rng)?;
        saro.encrypt(b"lost", rng)?;
        raya.decrypt(&saro.encrypt(b"there", rng)?, NOW)?;
        saro.decrypt(&raya.encrypt(b"and back", rng)?, NOW)?;
    }
    let offer = saro.encrypt(b"offer", rng)?;
    saro.encrypt(b"lost", rng)?;
    let turn = saro.encrypt(b"turn", rng)?;
    Ok(Talk { state: state(&raya), late, offer, turn })
}

fn device(rng: &mut ChaCha20Rng) -> Device<true> {
    Device::new(StaticSecret::random(rng), SigningKey::random(rng), key())
}

/// Two sides of LIP 242, and the first message.
#[must_use]
pub fn private1() -> (Session<Private1>, Session<Private1>) {
    let rng = &mut rng(2);
    let (sk, rsk) = (Secret::random(rng), StaticSecret::random(rng));
    let peer = PublicKey::from_bytes([9; 32]);
    let start = Session::<Private1>::start(&sk, peer, rsk.public_key(), [1; 32]);
    (start, Session::<Private1>::answer(&sk, peer, rsk, [1; 32]))
}

/// Two sides of the deployed chat, as libchat saves them: all keys alike, nothing said yet.
///
/// # Panics
///
/// Never: both blobs are fixed.
#[must_use]
pub fn shipped() -> (Session<LogosShipped>, Session<LogosShipped>) {
    let secret = StaticSecret::from_secret(Secret::new([3; 32]));
    let blob = |sender: bool| {
        let mut blob = vec![1];
        blob.extend_from_slice(&[2; 32]);
        blob.extend_from_slice(&[0, 0]);
        blob.extend_from_slice(&[3; 32]);
        match sender {
            true => {
                blob.push(1);
                blob.extend_from_slice(secret.public_key().as_bytes());
            }
            false => blob.push(0),
        }
        blob.extend_from_slice(&[0; 16]);
        blob
    };
    let side = |sender, role| {
        let peer = PublicKey::from_bytes([9; 32]);
        Session::from_libchat(&blob(sender), &[0; 18], role, peer, NOW).expect("a fixed blob")
    };
    (side(true, Role::Initiator), side(false, Role::Responder))
}

/// The state of a session, the same bytes each time.
pub fn state<S: Suite>(session: &Session<S>) -> Vec<u8> {
    session.save(&key(), b"", &mut rng(0))
}

fn key() -> StorageKey {
    StorageKey::new(Secret::new(key_bytes()))
}

const fn key_bytes() -> [u8; 32] {
    [5; 32]
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}
