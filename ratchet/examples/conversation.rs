//! Saro and Raya: an introduction, a first message, a conversation, a lost phone.
//!
//! ```sh
//! cargo run -p logos-ratchet --example conversation
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use core::convert::Infallible;
use core::error::Error;
use core::time::Duration;

use logos_crypto::keys::{PublicKey, SigningKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use logos_ratchet::identity::{DeviceKeys, DeviceLog, Fingerprint};
use logos_ratchet::store::MemoryStore;
use logos_ratchet::{Bundle, BundlePlan, Device, DeviceError, StorageKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// A person: an account, the log of its devices, and one device with its store.
struct Person {
    account: SigningKey,
    devices: DeviceLog,
    device: Device<true>,
    store: MemoryStore,
}

impl Person {
    fn new(rng: &mut ChaCha20Rng) -> Result<Self, Box<dyn Error>> {
        let account = SigningKey::random(rng);
        let device = Device::new(
            StaticSecret::random(rng),
            SigningKey::random(rng),
            StorageKey::new(Secret::random(rng)),
        );
        // The account vouches for the device.
        let mut devices = DeviceLog::new(account.verifying_key());
        let keys = DeviceKeys::new(device.signing_key().verifying_key(), device.identity());
        devices.add(&account, keys)?;
        Ok(Self { account, devices, device, store: MemoryStore::default() })
    }

    fn send(
        &mut self,
        to: &PublicKey,
        text: &str,
        rng: &mut ChaCha20Rng,
    ) -> Result<Vec<u8>, DeviceError<Infallible>> {
        self.device.send(&mut self.store, to, text.as_bytes(), rng)
    }

    fn receive(
        &mut self,
        from: Option<&PublicKey>,
        message: &[u8],
        now: Tick,
        rng: &mut ChaCha20Rng,
    ) -> Result<String, DeviceError<Infallible>> {
        let received = self.device.receive(&mut self.store, from, message, now, rng)?;
        Ok(String::from_utf8_lossy(&received.content).into_owned())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // A program draws from the operating system; an example does the same every time.
    let rng = &mut ChaCha20Rng::seed_from_u64(2026);
    let now = Tick::new(Duration::from_secs(1_800_000_000));
    let (mut saro, mut raya) = (Person::new(rng)?, Person::new(rng)?);

    // 1. Raya publishes an introduction: signed, for an hour, for one conversation.
    let plan = BundlePlan::introduction(now + Duration::from_secs(3600));
    let link = raya.device.publish(&mut raya.store, &plan, rng)?.to_text();
    println!("Raya's introduction: {}.. ({} characters)", &link[..40], link.len());

    // 2. Saro checks it, and that Raya's account vouches for the device behind it.
    let bundle = Bundle::from_text(&link, now)?;
    assert!(raya.devices.device(bundle.identity()).is_some());

    // 3. He writes at once; she need not be there.
    let first = saro.device.initiate(&mut saro.store, &bundle, b"Hi Raya, Saro here", now, rng)?;
    println!("first message: {} bytes", first.len());

    // 4. She learns who wrote from the message itself, and that his account vouches for it.
    let received = raya.device.receive(&mut raya.store, None, &first, now, rng)?;
    assert!(saro.devices.device(&received.peer).is_some());
    println!("Raya reads: {}", String::from_utf8_lossy(&received.content));
    let (from_saro, from_raya) = (received.peer, *bundle.identity());

    // 5. The introduction is used up.
    let again = saro.device.initiate(&mut saro.store, &bundle, b"again", now, rng)?;
    assert!(raya.receive(None, &again, now, rng).is_err());

    // 6. They talk; messages may overtake each other, and a forged one does nothing.
    let answer = raya.send(&from_saro, "Hi Saro", rng)?;
    let more = raya.send(&from_saro, "how are you?", rng)?;
    println!("Saro reads: {}", saro.receive(Some(&from_raya), &more, now, rng)?);
    let mut forged = answer.clone();
    forged.reverse();
    assert!(saro.receive(Some(&from_raya), &forged, now, rng).is_err());
    println!("Saro reads: {}", saro.receive(Some(&from_raya), &answer, now, rng)?);

    // 7. They compare numbers, once, in person.
    let on_his_screen = Fingerprint::of(saro.devices.account(), raya.devices.account());
    let on_hers = Fingerprint::of(raya.devices.account(), saro.devices.account());
    assert_eq!(on_his_screen, on_hers);
    println!("both see: {}", on_hers.digits());

    // 8. Saro loses his phone: the account revokes it, and Raya stops trusting its sessions.
    saro.devices.revoke(&saro.account, &from_saro)?;
    assert!(saro.devices.device(&from_saro).is_none());
    Ok(())
}
