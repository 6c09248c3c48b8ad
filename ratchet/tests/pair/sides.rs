//! Sessions that have been set up.

use core::time::Duration;

use logos_crypto::keys::{PublicKey, SigningKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use logos_ratchet::store::MemoryStore;
use logos_ratchet::{BundlePlan, Device, LogosV1, Private1, Session, StorageKey, Suite};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

pub(crate) const NOW: Tick = Tick::new(Duration::from_secs(1_800_000_000));

pub(crate) fn later(seconds: u64) -> Tick {
    NOW + Duration::from_secs(seconds)
}

/// A device and its store.
pub(crate) struct Party<const POST_QUANTUM: bool> {
    pub(crate) device: Device<POST_QUANTUM>,
    pub(crate) store: MemoryStore,
}

impl<const POST_QUANTUM: bool> Party<POST_QUANTUM> {
    pub(crate) fn new(rng: &mut ChaCha20Rng) -> Self {
        let (identity, signing) = (StaticSecret::random(rng), SigningKey::random(rng));
        let storage = StorageKey::new(Secret::random(rng));
        Self { device: Device::new(identity, signing, storage), store: MemoryStore::default() }
    }

    pub(crate) fn id(&self) -> PublicKey {
        self.device.identity()
    }

    pub(crate) fn session(&self, peer: &PublicKey) -> Session<LogosV1<POST_QUANTUM>> {
        let conversation = self.device.load(&self.store, peer).unwrap().unwrap();
        conversation.into_sessions().pop().unwrap()
    }
}

pub(crate) fn plan() -> BundlePlan {
    BundlePlan::introduction(later(3600))
}

/// An initiator and a responder who have both spoken.
pub(crate) fn logos_v1<const POST_QUANTUM: bool>(
    seed: u64,
) -> (Session<LogosV1<POST_QUANTUM>>, Session<LogosV1<POST_QUANTUM>>) {
    let rng = &mut ChaCha20Rng::seed_from_u64(seed);
    let (mut saro, mut raya) = (Party::<POST_QUANTUM>::new(rng), Party::<POST_QUANTUM>::new(rng));
    let bundle = raya.device.publish(&mut raya.store, &plan(), rng).unwrap();
    let first = saro.device.initiate(&mut saro.store, &bundle, b"hello", NOW, rng).unwrap();
    raya.device.receive(&mut raya.store, None, &first, NOW, rng).unwrap();
    let (mut a, mut b) = (saro.session(&raya.id()), raya.session(&saro.id()));
    exchange(&mut b, &mut a, b"hello to you", rng);
    (a, b)
}

pub(crate) fn private1(seed: u64) -> (Session<Private1>, Session<Private1>) {
    let rng = &mut ChaCha20Rng::seed_from_u64(seed);
    let (sk, rsk) = (Secret::random(rng), StaticSecret::random(rng));
    let peer = PublicKey::from_bytes([9; 32]);
    let mut a = Session::<Private1>::start(&sk, peer, rsk.public_key(), [1; 32]);
    let mut b = Session::<Private1>::answer(&sk, peer, rsk, [1; 32]);
    exchange(&mut a, &mut b, b"hello", rng);
    (a, b)
}

pub(crate) fn exchange<S: Suite>(
    from: &mut Session<S>,
    to: &mut Session<S>,
    content: &[u8],
    rng: &mut ChaCha20Rng,
) {
    let message = from.encrypt(content, rng).unwrap();
    assert_eq!(to.decrypt(&message, NOW).unwrap(), content);
}

/// The whole state as bytes, so that two states can be compared.
pub(crate) fn state<S: Suite>(session: &Session<S>) -> Vec<u8> {
    session.save(&storage_key(), b"", &mut ChaCha20Rng::seed_from_u64(0))
}

pub(crate) fn copy<S: Suite>(session: &Session<S>) -> Session<S> {
    Session::restore(&storage_key(), b"", &state(session)).unwrap()
}

/// The state as it stands inside a snapshot.
pub(crate) fn plain_state<S: Suite>(session: &Session<S>) -> Vec<u8> {
    logos_ratchet::hazmat::reencode_snapshot::<S>(&state(session), STORAGE_KEY).unwrap()
}

fn storage_key() -> StorageKey {
    StorageKey::new(Secret::new(STORAGE_KEY))
}

const STORAGE_KEY: [u8; 32] = [5; 32];
