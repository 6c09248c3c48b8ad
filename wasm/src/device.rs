//! One-to-one sessions of one device.

use logos_crypto::keys::{PublicKey, SigningKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use logos_ratchet::store::{Batch, Change, CommitError, Key, MemoryStore};
use logos_ratchet::{Bundle, BundlePlan, DeviceError, StorageKey, Store};
use std::convert::Infallible;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::arguments::{MAX_BYTES, array, bytes, exactly, integer, moment};
use crate::error::{Code, Error};
use crate::random::generator;
use crate::sealed::{self, Kind};

/// Long-lived keys, 32 bytes each: identity, signing, storage.
const KEY_BYTES: usize = 96;

/// A device that publishes bundles and holds sessions (suite `HybridV1`: post-quantum).
///
/// Its records are encrypted and lie in memory. After each call [`Device::changes`] gives what is to
/// be written to durable storage, in one transaction, before a message leaves; at the next start
/// [`Device::load`] takes the records back.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Device {
    device: logos_ratchet::Device<true>,
    storage: Secret<32>,
    identity: Secret<32>,
    records: Records,
}

#[wasm_bindgen]
impl Device {
    /// Draws the keys of a new device.
    ///
    /// # Errors
    ///
    /// `randomness`.
    pub fn random() -> Result<Self, Error> {
        let mut rng = generator()?;
        let keys = [0; 3].map(|_: u8| Secret::random(&mut rng));
        Ok(Self::assemble(keys))
    }

    /// Seals the keys under a 32-byte key, to be stored; the records are encrypted already.
    ///
    /// # Errors
    ///
    /// `argument` or `randomness`.
    pub fn seal(&self, key: &JsValue) -> Result<Vec<u8>, Error> {
        self.seal_under(&Secret::new(array(key, "key")?))
    }

    /// Opens sealed keys; then [`Device::load`] every record.
    ///
    /// # Errors
    ///
    /// `argument`, or `sealed` for another key or damaged bytes.
    pub fn open(key: &JsValue, sealed: &JsValue) -> Result<Self, Error> {
        Self::open_under(&Secret::new(array(key, "key")?), &bytes(sealed, "sealed", 256)?)
    }

    /// Takes back a record from durable storage.
    ///
    /// # Errors
    ///
    /// `argument`, or `encoding` for a name that names no record.
    pub fn load(&mut self, name: &JsValue, record: &JsValue) -> Result<(), Error> {
        let (name, record) = (bytes(name, "name", 64)?, bytes(record, "record", MAX_BYTES)?);
        self.records.load(&name, record)
    }

    /// What changed since the last call: names, and records; an empty record is to be removed.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    pub fn changes(&mut self) -> Result<js_sys::Array, Error> {
        let pair = |(name, record): (Vec<u8>, Vec<u8>)| {
            let [name, record] =
                [name, record].map(|part| js_sys::Uint8Array::from(part.as_slice()));
            js_sys::Array::of2(&name, &record)
        };
        Ok(std::mem::take(&mut self.records.changes).into_iter().map(pair).collect())
    }

    /// The identity that peers authenticate, 32 bytes.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    pub fn identity(&self) -> Result<Vec<u8>, Error> {
        Ok(self.device.identity().as_bytes().to_vec())
    }

    /// Publishes a bundle as text, with `one_time` prekeys of each kind.
    ///
    /// # Errors
    ///
    /// `argument` or `randomness`.
    pub fn publish(&mut self, expires: &JsValue, one_time: &JsValue) -> Result<String, Error> {
        let one_time = integer(one_time, "oneTime", 100)? as usize;
        self.published(moment(expires, "expires")?, one_time)
    }

    /// Opens a session with the owner of a bundle; the first message.
    ///
    /// # Errors
    ///
    /// `argument`, `bundle` or `session`.
    pub fn initiate(
        &mut self,
        bundle: &str,
        content: &JsValue,
        now: &JsValue,
    ) -> Result<Vec<u8>, Error> {
        let content = bytes(content, "content", MAX_BYTES)?;
        let now = moment(now, "now")?;
        let bundle = Bundle::from_text(bundle, now)?;
        let (device, rng) = (&self.device, &mut generator()?);
        Ok(device.initiate(&mut self.records, &bundle, &content, now, rng)?)
    }

    /// The identity of the device that signed a bundle, 32 bytes.
    ///
    /// # Errors
    ///
    /// `argument` or `bundle`.
    #[wasm_bindgen(js_name = bundleIdentity)]
    pub fn bundle_identity(bundle: &str, now: &JsValue) -> Result<Vec<u8>, Error> {
        let bundle = Bundle::<true>::from_text(bundle, moment(now, "now")?)?;
        Ok(bundle.identity().as_bytes().to_vec())
    }

    /// Encrypts for a peer with whom there is a session.
    ///
    /// # Errors
    ///
    /// `argument` or `session`.
    pub fn send(&mut self, peer: &JsValue, content: &JsValue) -> Result<Vec<u8>, Error> {
        let peer = PublicKey::from_bytes(array(peer, "peer")?);
        let content = bytes(content, "content", MAX_BYTES)?;
        Ok(self.device.send(&mut self.records, &peer, &content, &mut generator()?)?)
    }

    /// Decrypts a message; the first one of a session needs no `peer`.
    ///
    /// # Errors
    ///
    /// `argument` or `session`.
    pub fn receive(
        &mut self,
        peer: &JsValue,
        message: &JsValue,
        now: &JsValue,
    ) -> Result<Received, Error> {
        let absent = peer.is_undefined() || peer.is_null();
        let peer = if absent { None } else { Some(PublicKey::from_bytes(array(peer, "peer")?)) };
        let message = bytes(message, "message", MAX_BYTES)?;
        let now = moment(now, "now")?;
        let (device, rng) = (&self.device, &mut generator()?);
        Ok(Received(device.receive(&mut self.records, peer.as_ref(), &message, now, rng)?))
    }
}

impl Device {
    fn assemble([identity, signing, storage]: [Secret<32>; 3]) -> Self {
        let device = logos_ratchet::Device::new(
            StaticSecret::from_secret(identity.duplicate()),
            SigningKey::from_secret(&signing),
            StorageKey::new(storage.duplicate()),
        );
        Self { device, storage, identity, records: Records::default() }
    }

    fn published(&mut self, expires: Tick, one_time: usize) -> Result<String, Error> {
        let plan = BundlePlan { expires, one_time, one_time_kem: one_time };
        Ok(self.device.publish(&mut self.records, &plan, &mut generator()?)?.to_text())
    }

    fn seal_under(&self, key: &Secret<32>) -> Result<Vec<u8>, Error> {
        let signing = self.device.signing_key().expose_secret();
        let parts = [&self.identity, &signing, &self.storage];
        let mut keys = Zeroizing::new(Vec::with_capacity(KEY_BYTES));
        parts.iter().for_each(|part| keys.extend_from_slice(part.expose()));
        sealed::seal(key, Kind::Device, &keys)
    }

    fn open_under(key: &Secret<32>, sealed: &[u8]) -> Result<Self, Error> {
        let opened = sealed::open(key, Kind::Device, sealed)?;
        let keys = Zeroizing::new(exactly::<KEY_BYTES>(&opened, "sealed keys")?);
        let (parts, _) = keys.as_chunks::<32>();
        match parts {
            [identity, signing, storage] => {
                Ok(Self::assemble([identity, signing, storage].map(|part| Secret::new(*part))))
            }
            _ => Err(Error::new(Code::Sealed, "sealed keys are not three")),
        }
    }
}

/// A message that arrived.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Received(logos_ratchet::Received);

#[wasm_bindgen]
impl Received {
    /// Who sent it, 32 bytes.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn peer(&self) -> Vec<u8> {
        self.0.peer.as_bytes().to_vec()
    }

    /// The session it came on, 32 bytes.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn session(&self) -> Vec<u8> {
        self.0.session.as_bytes().to_vec()
    }

    /// Whether the session is new.
    #[wasm_bindgen(getter, js_name = isNew)]
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.0.is_new
    }

    /// What it says.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        self.0.content.clone()
    }
}

/// Records in memory, and what durable storage has not seen of them.
#[derive(Debug, Default)]
struct Records {
    records: MemoryStore,
    changes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Records {
    fn load(&mut self, name: &[u8], record: Vec<u8>) -> Result<(), Error> {
        let name = Key::from_bytes(name)
            .ok_or_else(|| Error::new(Code::Encoding, "the name names no record"))?;
        let put = vec![Change::Put(name, record)];
        self.records.commit(put).map_err(|error| Error::from(DeviceError::from(error)))
    }
}

impl Store for Records {
    type Error = Infallible;

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Infallible> {
        self.records.get(key)
    }

    fn prekeys_and_handshakes(&self, limit: usize) -> Result<Vec<(Key, Vec<u8>)>, Infallible> {
        self.records.prekeys_and_handshakes(limit)
    }

    fn commit(&mut self, batch: Batch) -> Result<(), CommitError<Infallible>> {
        let changes: Vec<(Vec<u8>, Vec<u8>)> = batch.iter().map(written).collect();
        self.records.commit(batch)?;
        self.changes.extend(changes);
        Ok(())
    }
}

/// The record under its name; no record is ever empty, so an empty one says that it is gone.
fn written(change: &Change) -> (Vec<u8>, Vec<u8>) {
    match change {
        Change::Put(key, record) | Change::Insert(key, record) => (key.to_bytes(), record.clone()),
        Change::Take(key) | Change::Delete(key) => (key.to_bytes(), Vec::new()),
        _ => (Vec::new(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_session_goes_on_after_both_devices_were_stored_and_opened() {
        let now = Tick::new(Duration::from_secs(1_800_000_000));
        let key = Secret::new([5; 32]);
        let mut rng = generator().unwrap();
        let restart = |mut device: Device, stored: &mut Vec<(Vec<u8>, Vec<u8>)>| {
            let sealed = device.seal_under(&key).unwrap();
            for (name, record) in std::mem::take(&mut device.records.changes) {
                stored.retain(|(other, _)| *other != name);
                if !record.is_empty() {
                    stored.push((name, record));
                }
            }
            let mut device = Device::open_under(&key, &sealed).unwrap();
            stored.iter().for_each(|(name, record)| {
                device.records.load(name, record.clone()).unwrap();
            });
            device
        };
        let (mut at_saro, mut at_raya) = (Vec::new(), Vec::new());
        let (mut saro, mut raya) = (Device::random().unwrap(), Device::random().unwrap());
        let bundle = raya.published(Tick::new(Duration::from_secs(1_800_003_600)), 1).unwrap();
        raya = restart(raya, &mut at_raya);
        let bundle = Bundle::from_text(&bundle, now).unwrap();
        let first = saro.device.initiate(&mut saro.records, &bundle, b"Hi", now, &mut rng).unwrap();
        saro = restart(saro, &mut at_saro);
        let received = raya.device.receive(&mut raya.records, None, &first, now, &mut rng).unwrap();
        assert_eq!(
            (received.content.as_slice(), received.peer),
            (&b"Hi"[..], saro.device.identity())
        );
        raya = restart(raya, &mut at_raya);
        let answer =
            raya.device.send(&mut raya.records, &received.peer, b"Hello", &mut rng).unwrap();
        let peer = raya.device.identity();
        let received =
            saro.device.receive(&mut saro.records, Some(&peer), &answer, now, &mut rng).unwrap();
        assert_eq!(received.content, b"Hello");
    }

    #[test]
    fn a_name_that_names_no_record_is_refused() {
        let mut records = Records::default();
        assert_eq!(records.load(&[1, 2], vec![1]).map_err(|e| e.code()), Err(Code::Encoding));
    }
}
