//! One device: publishes bundles, opens and accepts sessions, sends and receives, each as one
//! commit to a [`Store`].

use alloc::vec::Vec;
use core::time::Duration;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::keys::{PublicKey, SigningKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::bundle::{Bundle, MAX_KEM_PREKEYS, MAX_ONE_TIME_PREKEYS, Numbered, Parts};
use crate::conversation::Conversation;
use crate::double_ratchet::{DecryptError, EncryptError};
use crate::handshake::kem_digest;
use crate::handshake::{FIRST, FirstMessage, HandshakeError, KemPrekey, ResponderSecrets};
use crate::kem::{DECAPSULATION_KEY_BYTES, DecapsulationKey, KemSecretKey};
use crate::logos_v1::LogosV1;
use crate::session::{Session, SessionId};
use crate::snapshot::{SnapshotError, StorageKey};
use crate::store::{Batch, Change, CommitError, Key, Store};
use crate::suite::Suite;

/// How long prekeys are kept after their bundle's expiry, for first messages under way.
pub const PREKEY_GRACE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Records that one [`Device::purge`] looks at.
pub const PURGE_LIMIT: usize = 10_000;

/// Why a device did not do what it was asked. Neither store nor sessions have changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceError<E> {
    /// The store failed.
    #[error("store failed")]
    Store(E),
    /// Somebody else changed the store in between, or a single-use prekey was used.
    #[error("record {0:?} changed in between")]
    Conflict(Key),
    /// A record of the store does not open.
    #[error("record does not open: {0}")]
    Record(#[from] SnapshotError),
    /// There is no session with this peer.
    #[error("no session with this peer")]
    NoSession,
    /// The first message names a prekey that is used, expired or was never ours.
    #[error("prekey {0:?} is gone")]
    PrekeyGone(Key),
    /// More prekeys were asked for than a bundle holds.
    #[error("a bundle holds no {0} prekeys")]
    TooManyPrekeys(usize),
    /// The handshake failed.
    #[error("handshake failed: {0}")]
    Handshake(#[from] HandshakeError),
    /// The message was not decrypted.
    #[error("message was not decrypted: {0}")]
    Decrypt(#[from] DecryptError),
    /// The message was not encrypted.
    #[error("message was not encrypted: {0}")]
    Encrypt(#[from] EncryptError),
}

impl<E> From<CommitError<E>> for DeviceError<E> {
    fn from(error: CommitError<E>) -> Self {
        match error {
            CommitError::Conflict(key) => Self::Conflict(key),
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The X25519 identity that sent it; the account's device log says whose that is.
    pub peer: PublicKey,
    /// The session it came on.
    pub session: SessionId,
    /// Whether the session is new.
    pub is_new: bool,
    /// What it says.
    pub content: Vec<u8>,
}

/// How many prekeys of which kind a bundle gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundlePlan {
    /// When the bundle stops being usable.
    pub expires: Tick,
    /// One-time X25519 prekeys, at most [`MAX_ONE_TIME_PREKEYS`].
    pub one_time: usize,
    /// KEM prekeys for one use, besides the last resort: at most [`MAX_KEM_PREKEYS`] - 1.
    pub one_time_kem: usize,
}

impl BundlePlan {
    /// A bundle for one conversation, to be handed over in person or by link.
    #[must_use]
    pub const fn introduction(expires: Tick) -> Self {
        Self { expires, one_time: 1, one_time_kem: 0 }
    }

    /// A bundle for strangers, to be served from a directory.
    #[must_use]
    pub const fn directory(expires: Tick) -> Self {
        Self { expires, one_time: MAX_ONE_TIME_PREKEYS, one_time_kem: MAX_KEM_PREKEYS - 1 }
    }
}

/// The long-lived keys of one device.
///
/// Every method that changes anything commits once, before it returns what is to be sent: a crash
/// loses at most a message that nobody has seen, never a key's single use.
#[derive(Debug)]
pub struct Device<const POST_QUANTUM: bool> {
    pub(crate) identity: StaticSecret,
    pub(crate) signing: SigningKey,
    pub(crate) storage: StorageKey,
}

type OwnSession<const POST_QUANTUM: bool> = Session<LogosV1<POST_QUANTUM>>;
type Own<const POST_QUANTUM: bool> = Conversation<LogosV1<POST_QUANTUM>>;

impl<const POST_QUANTUM: bool> Device<POST_QUANTUM> {
    /// A device with these keys; its records are encrypted under `storage`.
    #[must_use]
    pub const fn new(identity: StaticSecret, signing: SigningKey, storage: StorageKey) -> Self {
        Self { identity, signing, storage }
    }

    /// The X25519 identity that peers authenticate.
    #[must_use]
    pub const fn identity(&self) -> PublicKey {
        self.identity.public_key()
    }

    /// The key bundles are signed with.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.signing
    }

    /// Makes prekeys, commits them and signs a bundle of their public halves.
    ///
    /// # Errors
    ///
    /// [`DeviceError::TooManyPrekeys`], or what the store says.
    pub fn publish<T: Store>(
        &self,
        store: &mut T,
        plan: &BundlePlan,
        rng: &mut impl CryptoRng,
    ) -> Result<Bundle<POST_QUANTUM>, DeviceError<T::Error>> {
        let kem_count = if POST_QUANTUM { plan.one_time_kem.saturating_add(1) } else { 0 };
        if plan.one_time > MAX_ONE_TIME_PREKEYS {
            return Err(DeviceError::TooManyPrekeys(plan.one_time));
        }
        if kem_count > MAX_KEM_PREKEYS {
            return Err(DeviceError::TooManyPrekeys(kem_count));
        }
        let expires = plan.expires.since_origin().as_secs();
        let mut batch = Batch::new();
        let signed = self.make_prekey(Key::SignedPrekey, expires, &mut batch, rng);
        let one_time = (0..plan.one_time)
            .map(|_| self.make_prekey(Key::OneTimePrekey, expires, &mut batch, rng))
            .collect();
        let kem = (0..kem_count)
            .map(|at| self.make_kem_prekey(at == 0, expires, &mut batch, rng))
            .collect();
        store.commit(batch)?;
        let identity = self.identity.public_key();
        Ok(Bundle::sign(&self.signing, Parts { identity, expires, signed, kem, one_time }))
    }

    fn make_prekey(
        &self,
        table: fn(u32) -> Key,
        expires: u64,
        batch: &mut Batch,
        rng: &mut impl CryptoRng,
    ) -> Numbered<PublicKey> {
        let (id, secret) = (random_id(rng), StaticSecret::random(rng));
        let key = table(id);
        let record = self.seal(&key, 8 + 64, rng, |out| {
            out.u64_be(expires).put(secret.expose_secret().expose());
            out.put(secret.public_key().as_bytes());
        });
        batch.push(Change::Insert(key, record));
        Numbered { id, key: secret.public_key() }
    }

    fn make_kem_prekey(
        &self,
        last_resort: bool,
        expires: u64,
        batch: &mut Batch,
        rng: &mut impl CryptoRng,
    ) -> Numbered<crate::kem::KemPublicKey> {
        let (id, (secret, public)) = (random_id(rng), KemSecretKey::random(rng).expand());
        let key = Key::KemPrekey(id);
        let record = self.seal(&key, 8 + 1 + DECAPSULATION_KEY_BYTES + 32, rng, |out| {
            out.u64_be(expires).u8(u8::from(last_resort));
            out.put(secret.expose().expose()).put(&kem_digest(&public));
        });
        batch.push(Change::Insert(key, record));
        Numbered { id, key: public }
    }

    /// Opens a session with the owner of `bundle` and encrypts the first message on it. If there
    /// are sessions with that device already, this is a reset.
    ///
    /// # Errors
    ///
    /// See [`DeviceError`].
    pub fn initiate<T: Store>(
        &self,
        store: &mut T,
        bundle: &Bundle<POST_QUANTUM>,
        content: &[u8],
        now: Tick,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, DeviceError<T::Error>> {
        let mut conversation = self.load(store, bundle.identity())?;
        let generation = conversation.as_ref().map_or(0, Conversation::next_generation);
        let mut session = Session::initiate(&self.identity, bundle, generation, now, rng)?;
        let message = session.encrypt(content, rng)?;
        let conversation = match conversation.take() {
            None => Conversation::new(session),
            Some(mut conversation) => {
                conversation.add(session);
                conversation
            }
        };
        store.commit(alloc::vec![self.save(bundle.identity(), &conversation, rng)])?;
        Ok(message)
    }

    /// Encrypts `content` for `peer` on the preferred session.
    ///
    /// # Errors
    ///
    /// See [`DeviceError`].
    pub fn send<T: Store>(
        &self,
        store: &mut T,
        peer: &PublicKey,
        content: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, DeviceError<T::Error>> {
        let mut conversation = self.load(store, peer)?.ok_or(DeviceError::NoSession)?;
        let message = conversation.encrypt(content, rng)?;
        store.commit(alloc::vec![self.save(peer, &conversation, rng)])?;
        Ok(message)
    }

    /// Decrypts a first message, or a later one on a session with `peer`.
    ///
    /// A first message needs no `peer`: it says who it is from, under encryption, and proves it.
    ///
    /// # Errors
    ///
    /// See [`DeviceError`].
    ///
    /// # Security
    ///
    /// A first message from nobody costs up to five agreements and a decapsulation, and may name
    /// any prekey; a prekey is consumed only by a first message that authenticates.
    pub fn receive<T: Store>(
        &self,
        store: &mut T,
        peer: Option<&PublicKey>,
        message: &[u8],
        now: Tick,
        rng: &mut impl CryptoRng,
    ) -> Result<Received, DeviceError<T::Error>> {
        if message.first() == Some(&(LogosV1::<POST_QUANTUM>::ID as u8 | FIRST)) {
            return self.receive_first(store, message, now, rng);
        }
        let peer = peer.ok_or(DeviceError::NoSession)?;
        let mut conversation = self.load(store, peer)?.ok_or(DeviceError::NoSession)?;
        let (session, content) = conversation.decrypt(message, now)?;
        store.commit(alloc::vec![self.save(peer, &conversation, rng)])?;
        Ok(Received { peer: *peer, session, is_new: false, content })
    }

    fn receive_first<T: Store>(
        &self,
        store: &mut T,
        message: &[u8],
        now: Tick,
        rng: &mut impl CryptoRng,
    ) -> Result<Received, DeviceError<T::Error>> {
        let first =
            FirstMessage::decode::<POST_QUANTUM>(message).map_err(HandshakeError::Malformed)?;
        let handshake = Key::Handshake(first.ephemeral);
        match store.get(&handshake).map_err(DeviceError::Store)? {
            Some(record) => {
                let found = self.open(&handshake, &record, |reader| {
                    reader.u64_be()?;
                    Ok((PublicKey::from_bytes(*reader.array()?), SessionId(*reader.array()?)))
                })?;
                self.receive_repeated(store, found, first.message, now, rng)
            }
            None => self.accept(store, &first, now, rng),
        }
    }

    /// A first message on a session that an earlier first message opened.
    fn receive_repeated<T: Store>(
        &self,
        store: &mut T,
        (peer, id): (PublicKey, SessionId),
        message: &[u8],
        now: Tick,
        rng: &mut impl CryptoRng,
    ) -> Result<Received, DeviceError<T::Error>> {
        let mut conversation = self.load(store, &peer)?.ok_or(DeviceError::NoSession)?;
        let session = conversation.session_mut(&id).ok_or(DeviceError::NoSession)?;
        let content = session.decrypt(message, now)?;
        store.commit(alloc::vec![self.save(&peer, &conversation, rng)])?;
        Ok(Received { peer, session: id, is_new: false, content })
    }

    /// Uses prekeys up and saves the session, in one batch.
    fn accept<T: Store>(
        &self,
        store: &mut T,
        first: &FirstMessage<'_>,
        now: Tick,
        rng: &mut impl CryptoRng,
    ) -> Result<Received, DeviceError<T::Error>> {
        let mut batch = Batch::new();
        let (expires, signed) = self.prekey(store, Key::SignedPrekey(first.signed_id), now)?;
        let one_time = match first.one_time_id.map(Key::OneTimePrekey) {
            None => None,
            Some(key) => {
                let (_, secret) = self.prekey(store, key, now)?;
                batch.push(Change::Take(key));
                Some(secret)
            }
        };
        let kem = match &first.kem {
            None => None,
            Some((id, _)) => {
                let key = Key::KemPrekey(*id);
                let (last_resort, prekey) = self.kem_prekey(store, key, now)?;
                if !last_resort {
                    batch.push(Change::Take(key));
                }
                Some(prekey)
            }
        };
        let device = &self.signing.verifying_key();
        let secrets = ResponderSecrets { identity: &self.identity, device, signed, one_time, kem };
        let (session, content) = OwnSession::<POST_QUANTUM>::accept(secrets, first, now)?;
        let (peer, id) = (session.peer, session.id);

        let handshake = Key::Handshake(first.ephemeral);
        let record = self.seal(&handshake, 8 + 64, rng, |out| {
            out.u64_be(expires).put(peer.as_bytes()).put(id.as_bytes());
        });
        batch.push(Change::Insert(handshake, record));
        let conversation = match self.load(store, &peer)? {
            None => Conversation::new(session),
            Some(mut conversation) => {
                conversation.add(session);
                conversation
            }
        };
        batch.push(self.save(&peer, &conversation, rng));
        store.commit(batch)?;
        Ok(Received { peer, session: id, is_new: true, content })
    }

    fn prekey<T: Store>(
        &self,
        store: &T,
        key: Key,
        now: Tick,
    ) -> Result<(u64, StaticSecret), DeviceError<T::Error>> {
        let gone = || DeviceError::PrekeyGone(key);
        let record = store.get(&key).map_err(DeviceError::Store)?.ok_or_else(gone)?;
        let (expires, secret) = self.open(&key, &record, |reader| {
            let expires = reader.u64_be()?;
            let scalar: &[u8; 32] = reader.array()?;
            let scalar = Secret::with(|out| *out = *scalar);
            let public = PublicKey::from_bytes(*reader.array()?);
            Ok((expires, StaticSecret::from_snapshot(scalar, public)))
        })?;
        if is_over(expires, now) { Err(gone()) } else { Ok((expires, secret)) }
    }

    fn kem_prekey<T: Store>(
        &self,
        store: &T,
        key: Key,
        now: Tick,
    ) -> Result<(bool, KemPrekey), DeviceError<T::Error>> {
        let gone = || DeviceError::PrekeyGone(key);
        let record = store.get(&key).map_err(DeviceError::Store)?.ok_or_else(gone)?;
        let (expires, last_resort, prekey) = self.open(&key, &record, |reader| {
            let (expires, last_resort) = (reader.u64_be()?, reader.u8()? == 1);
            let bytes: &[u8; DECAPSULATION_KEY_BYTES] = reader.array()?;
            let secret = DecapsulationKey::from_secret(Secret::with(|out| *out = *bytes));
            Ok((expires, last_resort, KemPrekey { secret, digest: *reader.array()? }))
        })?;
        if is_over(expires, now) { Err(gone()) } else { Ok((last_resort, prekey)) }
    }

    /// Deletes prekeys and handshake records whose time, and [`PREKEY_GRACE`] after it, is over.
    /// How many there were.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn purge<T: Store>(
        &self,
        store: &mut T,
        now: Tick,
    ) -> Result<usize, DeviceError<T::Error>> {
        let records = store.prekeys_and_handshakes(PURGE_LIMIT).map_err(DeviceError::Store)?;
        let mut batch = Batch::new();
        for (key, record) in records {
            let expires = self.open(&key, &record, |reader| {
                let expires = reader.u64_be()?;
                reader.take(reader.remaining())?;
                Ok(expires)
            })?;
            if is_over(expires, now) {
                batch.push(Change::Delete(key));
            }
        }
        let deleted = batch.len();
        store.commit(batch)?;
        Ok(deleted)
    }

    /// The sessions with `peer`, as stored.
    ///
    /// # Errors
    ///
    /// What the store says, or that the record does not open.
    pub fn load<T: Store>(
        &self,
        store: &T,
        peer: &PublicKey,
    ) -> Result<Option<Own<POST_QUANTUM>>, DeviceError<T::Error>> {
        let key = Key::Sessions(*peer);
        let Some(record) = store.get(&key).map_err(DeviceError::Store)? else { return Ok(None) };
        let conversation = self.open(&key, &record, |reader| {
            match reader.u8()? {
                suite if suite == LogosV1::<POST_QUANTUM>::ID as u8 => {}
                tag => return Err(DecodeError::UnknownTag { tag }),
            }
            Conversation::decode(reader, peer)
        })?;
        Ok(Some(conversation))
    }

    fn save(
        &self,
        peer: &PublicKey,
        conversation: &Own<POST_QUANTUM>,
        rng: &mut impl CryptoRng,
    ) -> Change {
        let key = Key::Sessions(*peer);
        let record = self.seal(&key, 1 + conversation.encoded_bound(), rng, |out| {
            out.u8(LogosV1::<POST_QUANTUM>::ID as u8);
            conversation.encode(out);
        });
        Change::Put(key, record)
    }

    fn seal(
        &self,
        key: &Key,
        capacity: usize,
        rng: &mut impl CryptoRng,
        fill: impl FnOnce(&mut Writer),
    ) -> Vec<u8> {
        self.storage.seal(key.kind(), &key.to_bytes(), capacity, rng, fill)
    }

    fn open<V>(
        &self,
        key: &Key,
        record: &[u8],
        read: impl FnOnce(&mut Reader<'_>) -> Result<V, DecodeError>,
    ) -> Result<V, SnapshotError> {
        self.storage.open(key.kind(), &key.to_bytes(), record, read)
    }
}

fn is_over(expires: u64, now: Tick) -> bool {
    now.since_origin() >= Duration::from_secs(expires).saturating_add(PREKEY_GRACE)
}

/// A number that is not zero; a collision is refused by the store's `Insert`.
fn random_id(rng: &mut impl CryptoRng) -> u32 {
    rng.next_u32().max(1)
}
